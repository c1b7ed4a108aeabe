"""How much we know of a store's parcels: for how many the promise, for how many the delivery, and from whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order, Shipment
from core.platform.snapshots import TrackingStatus

WINDOW = timedelta(days=90)
MATURE = timedelta(days=14)
"""A parcel that left so long ago should have arrived: only those count towards deliveries known."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts of parcels of the last 90 days by where their promise and their delivery are known from."""

    parcels: int
    promised: dict[str, int]
    left_long_ago: int
    delivered: dict[str, int]
    tracked: int
    scanned: int

    @property
    def promise_share(self) -> int:
        """Percent of parcels whose promise is known."""
        return round(100 * sum(self.promised.values()) / self.parcels) if self.parcels else 0

    @property
    def delivery_share(self) -> int:
        """Percent of the parcels that left long ago of which we know that they arrived."""
        return round(100 * sum(self.delivered.values()) / self.left_long_ago) if self.left_long_ago else 0


def measure(session: Session, *, now: datetime) -> Coverage:
    """Count a store's parcels; one query."""
    arrived = sa.case(
        (Shipment.delivered_at.is_not(None), Shipment.delivered_source),
        (Shipment.answer == "arrived", "shopper"),
        else_="",
    )
    # Where only a status says that it left, nobody says when: then it counts from the order's own day.
    left_at = sa.func.coalesce(Shipment.shipped_at, Shipment.first_scan_at, Order.placed_at)
    long_ago = sa.and_(Shipment.status != TrackingStatus.PENDING.value, left_at < now - MATURE)
    rows = session.execute(
        sa.select(
            Shipment.promise_source,
            arrived.label("arrived"),
            long_ago.label("long_ago"),
            (Shipment.tracking_number != "").label("tracked"),
            Shipment.first_scan_at.is_not(None).label("scanned"),
            sa.func.count().label("times"),
        )
        .join(Order, sa.and_(Order.store_id == Shipment.store_id, Order.id == Shipment.order_id))
        .where(Order.placed_at >= now - WINDOW, Order.gone_at.is_(None), Shipment.digital.is_(False))
        .where(Order.state.not_in(["canceled", "refunded"]))
        .group_by(sa.text("1, 2, 3, 4, 5"))
    ).all()
    promised: Counter[str] = Counter()
    delivered: Counter[str] = Counter()
    for row in rows:
        promised[row.promise_source] += row.times if row.promise_source else 0
        delivered[row.arrived] += row.times if row.arrived and row.long_ago else 0
    return Coverage(
        parcels=sum(row.times for row in rows),
        promised={source: times for source, times in promised.items() if source},
        left_long_ago=sum(row.times for row in rows if row.long_ago),
        delivered={source: times for source, times in delivered.items() if source and times},
        tracked=sum(row.times for row in rows if row.tracked),
        scanned=sum(row.times for row in rows if row.scanned),
    )
