"""Reads a store's last 90 days and simulates what today's rules would have sent."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order, Shipment, TrackingEvent
from core.platform.snapshots import TrackingStatus
from core.shipping.evaluate import is_undelivered, parcel_of, terms_of
from core.shipping.rules.simulate import Event, History, Simulation, simulate
from core.shipping.rules.terms import Terms
from core.stores.model import Store

WINDOW = timedelta(days=90)


def read_histories(session: Session, *, now: datetime) -> list[History]:
    """Read every parcel of the last 90 days with its scans, in two queries."""
    rows = session.execute(
        sa.select(Shipment, Order)
        .join(Order, sa.and_(Order.store_id == Shipment.store_id, Order.id == Shipment.order_id))
        .where(Order.placed_at >= now - WINDOW, Order.gone_at.is_(None))
    ).all()
    events: dict[int, list[Event]] = defaultdict(list)
    recent = sa.select(Order.id).where(Order.placed_at >= now - WINDOW)
    for scan in session.scalars(sa.select(TrackingEvent).where(TrackingEvent.order_id.in_(recent))):
        events[scan.shipment_id].append(Event(scan.at, TrackingStatus(scan.status), scan.raw))
    siblings: dict[int, list[Shipment]] = defaultdict(list)
    for shipment, order in rows:
        siblings[order.id].append(shipment)
    past = []
    for shipment, order in rows:
        parcels = siblings[order.id]
        undelivered = sum(is_undelivered(one) for one in parcels)
        parcel = parcel_of(shipment, order, (), len(parcels), undelivered)
        past.append(History(parcel, tuple(sorted(events[shipment.id], key=lambda event: event.at))))
    return past


def simulate_store(session: Session, store: Store, terms: Terms | None = None, *, now: datetime) -> Simulation:
    """Simulate a store's present terms, or a candidate, over its last 90 days."""
    return simulate(read_histories(session, now=now), terms or terms_of(store), now)


def show(session: Session, store: Store, *, now: datetime) -> dict[str, Any]:
    """Give what the desk's page prints: the figures, and the order numbers of the examples."""
    result = simulate_store(session, store, now=now)
    ids = {example.order_id for examples in result.examples.values() for example in examples}
    named = session.execute(sa.select(Order.id, Order.number).where(Order.id.in_(ids)))
    return {"result": result, "numbers": dict(named.all())}
