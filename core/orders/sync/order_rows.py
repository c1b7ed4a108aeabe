"""What a store said, as the rows it is stored in: pure, and quick, since a first import passes through here."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from operator import attrgetter
from typing import Any

from core.db.base import new_id
from core.orders import find
from core.orders.sanitize import picture_url, storable, web_url
from core.orders.sync.parcels import Parcel
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    PaymentSnapshot,
    RefundSnapshot,
    ShipmentSnapshot,
    TaxPart,
    TrackingEventSnapshot,
    TrackingStatus,
)

_DIGEST_VERSION = "4"
"""Part of every digest: raise it when the same snapshot is stored differently."""

_NO_SCANS = (TrackingStatus.PENDING, TrackingStatus.INFO_RECEIVED)
"""A label is made by the store: no carrier has seen the parcel then."""

Row = dict[str, Any]


class _FieldReader:
    """Some fields of a snapshot, read at once: `asdict` and `repr` ask for each by name."""

    def __init__(self, *names: str) -> None:
        self.names, self.values = names, attrgetter(*names)

    @classmethod
    def every(cls, snapshot: type[Any], *, but: tuple[str, ...] = ()) -> _FieldReader:
        return cls(*(field.name for field in dataclasses.fields(snapshot) if field.name not in but))

    def of(self, thing: Any) -> Row:
        return dict(zip(self.names, self.values(thing), strict=True))


_ORDER = _FieldReader(
    *"ref number status status_at currency total tax_included email phone name shopper_ref language country".split(),
    *"postcode shipping_method pickup placed_at paid_at canceled_at updated_at shipped_mailed".split(),
    *"store_currency store_total".split(),
)
_PARCEL = _FieldReader(*"ref raw_status carrier service tracking_number shipped_at delivered_at estimated_by".split())
_HEAD = _FieldReader.every(OrderSnapshot, but=("lines", "shipments", "payments"))
_LINE = _FieldReader.every(LineItemSnapshot, but=("taxes",))
_TAX, _SHIPMENT, _PAYMENT = (_FieldReader.every(one) for one in (TaxPart, ShipmentSnapshot, PaymentSnapshot))


def prepare_snapshot(order: OrderSnapshot, statuses: Mapping[str, str]) -> tuple[OrderSnapshot, str]:
    """Give an order as the database takes it, and its digest.

    Two have one digest only if they are stored alike; `statuses` are the merchant's words.
    """
    said = (
        _DIGEST_VERSION,
        statuses.get(order.status, ""),
        _HEAD.values(order),
        [(*_LINE.values(line), [_TAX.values(tax) for tax in line.taxes]) for line in order.lines],
        [_SHIPMENT.values(shipment) for shipment in order.shipments],
        [_PAYMENT.values(payment) for payment in order.payments],
    )
    text = repr(said)
    # `repr` escapes what a database refuses, so the text tells whether any of the order's hundred texts has it.
    refused = "\\x00" in text or "\\ud" in text
    return (_storable(order) if refused else order), hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _storable(said: Any) -> Any:
    """Give a snapshot with `storable` texts."""
    if dataclasses.is_dataclass(said) and not isinstance(said, type):
        fields = dataclasses.fields(said)
        return dataclasses.replace(said, **{field.name: _storable(getattr(said, field.name)) for field in fields})
    if isinstance(said, tuple):
        return tuple(_storable(one) for one in said)
    return said if isinstance(said, Enum) else storable(said)


def order_row(store_id: int, order: OrderSnapshot, *, at: datetime, digest: str, email_key: str, now: datetime) -> Row:
    """Give an order's row; `at` is when we asked for it, `email_key` what its address is looked up by."""
    return _ORDER.of(order) | {
        "store_id": store_id,
        "id": new_id(),
        "number_key": find.number_key(order.number),
        "email_key": email_key,
        "state": str(order.state),
        "platform_promised_from": _promised_from(order),
        "platform_promised_by": order.promised_by,
        "holds": [dataclasses.asdict(hold) | {"reason": str(hold.reason)} for hold in order.holds],
        "payments": [_PAYMENT.of(payment) for payment in order.payments],
        "refunds": [_refund(refund) for refund in order.refunds],
        "refunded": bool(order.refunds),
        "gone_at": None,
        "fetched_at": at,
        "digest": digest,
        "late": False,
        "return_open": False,
        "link_version": 1,
        "status_seen_at": order.updated_at,
        "seen_at": now,
        "admin_url": web_url(order.admin_url),
    }


def _promised_from(order: OrderSnapshot) -> date | None:
    """Give the first day of a promised range; None where there is no range, or one that ends before it begins."""
    first, last = order.promised_from, order.promised_by
    return first if first and last and first <= last else None


def _refund(refund: RefundSnapshot) -> Row:
    # Rows written before 2026-11-22 have "lines" as {ref: quantity}; whoever reads them has to take both.
    return {**dataclasses.asdict(refund), "at": refund.at.isoformat()}


def line_row(store_id: int, order_id: int, place: int, line: LineItemSnapshot) -> Row:
    """Give the row of an order's line; `place` is where it stands among the lines."""
    fields = _LINE.of(line) | {
        "taxes": [_TAX.of(tax) for tax in line.taxes],
        "tags": list(line.tags),
        "image_url": picture_url(line.image_url),
    }
    return {"store_id": store_id, "id": new_id(), "order_id": order_id, "place": place, **fields}


def parcel_row(store_id: int, order_id: int, parcel: Parcel, now: datetime) -> Row:
    """Give a parcel's row; what the rules find out about it is empty."""
    shipment = parcel.shipment
    scans = sorted((event for event in shipment.events if event.status not in _NO_SCANS), key=lambda event: event.at)
    return _PARCEL.of(shipment) | {
        "tracking_url": web_url(shipment.tracking_url),
        "store_id": store_id,
        "id": new_id(),
        "order_id": order_id,
        "status": str(shipment.status),
        "items": dict(shipment.items),
        "digital": parcel.digital,
        "on_hold": parcel.on_hold,
        "may_hide_rest": parcel.may_hide_rest,
        "delivered_source": parcel.delivered_source,
        "status_seen_at": now,
        "first_scan_at": scans[0].at if scans else None,
        "last_scan_at": scans[-1].at if scans else None,
        "last_scan_status": str(scans[-1].status) if scans else "",
        "carrier_name": "",
        "promise_source": "",
        "expected_source": "",
        "late": False,
        "answer": "",
        "seen_at": now,
    }


def scan_row(store_id: int, order_id: int, shipment_id: int, event: TrackingEventSnapshot) -> Row:
    """Give the row of one scan."""
    return {
        "store_id": store_id,
        "id": new_id(),
        "order_id": order_id,
        "shipment_id": shipment_id,
        "at": event.at,
        "status": str(event.status),
        "raw": event.raw,
        "text": event.text,
        "place": event.place,
    }
