"""What an order's parcels are, from what the store said: pure, so that any order of news ends in the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from core.platform.snapshots import LineItemSnapshot, OrderSnapshot, OrderState, ShipmentSnapshot, TrackingStatus

REST = "rest"
"""The parcel that stands for what has not been shipped yet."""
BY_STATUS = "status"
"""The parcel that only an order status tells of."""

_CLOSED_STATES = frozenset({OrderState.CANCELED, OrderState.REFUNDED})


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel as it is to be stored. `delivered_source` is platform, status or empty."""

    shipment: ShipmentSnapshot
    digital: bool = False
    delivered_source: str = ""
    on_hold: bool = False
    """It has not left, and the store's holds cover every unit in it."""
    may_hide_rest: bool = False
    """Nobody named its content, and a part of the order may not have left with it."""


def parcels_of(order: OrderSnapshot, statuses: Mapping[str, str]) -> list[Parcel]:
    """List an order's parcels, the part not yet shipped among them.

    `statuses` maps the platform's raw order statuses to "shipped" or "delivered" as the merchant said. An order the
    platform calls done counts as shipped: that is what stores mean by it, and never that it arrived.
    """
    meaning = statuses.get(order.status, "")
    if not meaning and order.state is OrderState.DONE:
        meaning = "shipped"
    return [replace(one, on_hold=_is_on_hold(order, one.shipment)) for one in _all_parcels(order, meaning)]


def _all_parcels(order: OrderSnapshot, meaning: str) -> list[Parcel]:
    parcels = [_parcel_from(order, shipment, meaning) for shipment in order.shipments]
    unnamed = [parcel for parcel in parcels if not parcel.shipment.items]
    if unnamed and meaning not in ("shipped", "delivered") and order.state not in _CLOSED_STATES:
        # Each unnamed parcel holds one unit at least; whether it holds the others too nobody said.
        hides = sum(_not_named(order).values()) > len(unnamed)
        parcels = [replace(one, may_hide_rest=hides and not one.shipment.items) for one in parcels]
    left = {} if unnamed else _not_named(order)  # a parcel whose content nobody named may hold everything
    if not left or order.state in _CLOSED_STATES:
        return parcels
    if meaning in ("shipped", "delivered"):
        shipment = ShipmentSnapshot(
            ref=BY_STATUS,
            status=TrackingStatus.UNKNOWN,
            raw_status=order.status,
            shipped_at=order.status_at,
            items=left,
        )
        return [*parcels, _parcel_from(order, shipment, meaning)]
    if order.paid_at is None and order.state is not OrderState.OPEN:
        return parcels
    return [*parcels, Parcel(ShipmentSnapshot(ref=REST, status=TrackingStatus.PENDING, items=left))]


def _parcel_from(order: OrderSnapshot, shipment: ShipmentSnapshot, meaning: str) -> Parcel:
    if shipment.delivered_at is not None or shipment.status is TrackingStatus.DELIVERED:
        at = shipment.delivered_at or _last_event(shipment) or order.updated_at
        source = "carrier" if shipment.events else "platform"
        return Parcel(replace(shipment, delivered_at=at, status=TrackingStatus.DELIVERED), delivered_source=source)
    if meaning != "delivered":
        return Parcel(shipment)
    at = order.status_at or order.updated_at
    return Parcel(replace(shipment, delivered_at=at, status=TrackingStatus.DELIVERED), delivered_source="status")


def _is_on_hold(order: OrderSnapshot, shipment: ShipmentSnapshot) -> bool:
    """Say whether holds cover all of a parcel that has not left; of one whose content nobody named, the whole order."""
    if not order.holds or shipment.status is not TrackingStatus.PENDING or shipment.shipped_at is not None:
        return False
    if any(not hold.items for hold in order.holds):
        return True
    held: dict[str, int] = {}
    for hold in order.holds:  # several may name the same units: the largest counts
        held |= {ref: max(quantity, held.get(ref, 0)) for ref, quantity in hold.items.items()}
    return bool(shipment.items) and all(held.get(ref, 0) >= count for ref, count in shipment.items.items())


def _last_event(shipment: ShipmentSnapshot) -> datetime | None:
    arrived = [event.at for event in shipment.events if event.status is TrackingStatus.DELIVERED]
    return max(arrived, default=None)


def _not_named(order: OrderSnapshot) -> dict[str, int]:
    """Give what ships and is in no parcel of named content, by the line's ref."""
    packed: dict[str, int] = {}
    for shipment in order.shipments:
        for ref, quantity in shipment.items.items():
            packed[ref] = packed.get(ref, 0) + quantity
    left = {line.ref: line.quantity - line.removed - packed.get(line.ref, 0) for line in order.lines if _ships(line)}
    return {ref: quantity for ref, quantity in left.items() if quantity > 0}


def _ships(line: LineItemSnapshot) -> bool:
    return line.kind == "physical"
