"""Where a line's goods are, by evidence: from an order's parcels to the days a policy counts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.db.row_reader import Row
from core.orders.model import Shipment
from core.returns.facts import Whereabouts

_MOVES = ("in_transit", "out_for_delivery", "ready_for_pickup", "delayed", "failed_attempt", "exception")
SILENT_AFTER = timedelta(days=7)
"""A parcel nobody has scanned for so long may well have come: then nobody asserts that it is under way."""


@dataclass(frozen=True, slots=True)
class GoodsLocation:
    """Where the goods of one line are. Days are days in the given zone."""

    shipped_on: date | None = None
    delivered_on: date | None = None
    whereabouts: Whereabouts = "unknown"


def locate_goods(ref: str, parcels: Sequence[Shipment | Row], zone: ZoneInfo, now: datetime) -> GoodsLocation:
    """Say where a line is; of several parcels it is in, the last one counts.

    A parcel whose content nobody named may hold any line. Without a parcel nothing is known.
    """
    with_line = [parcel for parcel in parcels if not parcel.items or ref in parcel.items]
    sent = [parcel for parcel in with_line if parcel.shipped_at or _arrived_at(parcel)]
    if with_line and not sent:
        return GoodsLocation(whereabouts="unshipped")
    if not sent:
        return GoodsLocation()
    shipped = [parcel.shipped_at for parcel in sent if parcel.shipped_at]
    shipped_on = _day(max(shipped), zone) if shipped else None
    arrived = [_arrived_at(parcel) for parcel in sent]
    if all(arrived) and len(sent) == len(with_line):
        return GoodsLocation(shipped_on, _day(max(at for at in arrived if at), zone), "delivered")
    if any(arrived):  # a part of it is there: what is asked for may be that part
        return GoodsLocation(shipped_on)
    return GoodsLocation(shipped_on, None, "on_its_way" if any(_moves(parcel, now) for parcel in sent) else "unknown")


def delivery_days(parcels: Sequence[Shipment | Row], zone: ZoneInfo) -> tuple[date | None, ...]:
    """Give the delivery day of every parcel with goods in it, None where unknown.

    A parcel that may hide that a part has not left is one more of unknown day: the law counts from the last of them.
    """
    days = []
    for parcel in parcels:
        if not parcel.digital:
            at = _arrived_at(parcel)
            days.append(_day(at, zone) if at else None)
            if parcel.may_hide_rest:
                days.append(None)
    return tuple(days)


def is_unshipped(parcels: Sequence[Shipment | Row]) -> bool:
    """Say whether nothing of the order has left."""
    goods = [parcel for parcel in parcels if not parcel.digital]
    return (
        bool(goods)
        and all(parcel.shipped_at is None and _arrived_at(parcel) is None for parcel in goods)
        and all(parcel.status in ("pending", "info_received") for parcel in goods)
    )


def _arrived_at(parcel: Shipment | Row) -> datetime | None:
    if parcel.delivered_at is not None:
        return parcel.delivered_at
    return parcel.answered_at if parcel.answer == "arrived" else None


def _moves(parcel: Shipment | Row, now: datetime) -> bool:
    """Say whether scans or the shopper prove that a parcel is still under way; an expected date is no proof."""
    if parcel.answer == "not_yet":
        return True
    return parcel.status in _MOVES and parcel.last_scan_at is not None and now - parcel.last_scan_at < SILENT_AFTER


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
