"""An order without its shopper: what is left of what a store says once the shopper's data had to go."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from core.platform.native_returns import ReturnSnapshot
from core.platform.snapshots import OrderSnapshot, ShipmentSnapshot


def anonymize(order: OrderSnapshot) -> OrderSnapshot:
    """Give the snapshot with its amounts, dates and refs, and nothing that leads to a person."""
    return replace(
        order,
        email="",
        phone="",
        name="",
        shopper_ref="",
        postcode="",
        holds=tuple(replace(hold, note="", raw_reason="") for hold in order.holds),
        lines=tuple(replace(line, variant="") for line in order.lines),
        shipments=tuple(_without_address(shipment) for shipment in order.shipments),
        refunds=tuple(replace(refund, reason="") for refund in order.refunds),
        returns=None if order.returns is None else tuple(anonymize_return(one) for one in order.returns),
    )


def anonymize_return(one: ReturnSnapshot) -> ReturnSnapshot:
    """Give a platform's return without what people wrote and where its parcel goes."""
    lines = tuple(replace(line, note="") for line in one.lines)
    return replace(one, lines=lines, decline_note="", label_url="", tracking_number="")


def _without_address(shipment: ShipmentSnapshot) -> ShipmentSnapshot:
    return replace(
        shipment,
        ref=anonymize_ref(shipment.ref, shipment.tracking_number),
        tracking_number="",
        tracking_url="",
        events=tuple(replace(event, text="", place="") for event in shipment.events),
    )


def anonymize_ref(ref: str, tracking_number: str) -> str:
    """Give a parcel's ref without its tracking number: a carrier tells everybody who has that where it went.

    The same for the same number, so that a parcel stays the one it was.
    """
    if not tracking_number or tracking_number not in ref:
        return ref
    digest = hashlib.blake2b(tracking_number.encode(), digest_size=8).hexdigest()
    return ref.replace(tracking_number, digest)
