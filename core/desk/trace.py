"""Traces an order: delivery → job → snapshot → rule → message, and what today's code would decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs.queue import Job
from core.orders.messages.notice import Notice
from core.orders.model import Order, OrderEvent, Shipment
from core.shipping.evaluate import is_undelivered, parcel_of, terms_of
from core.shipping.rules.decide import decide
from core.stores.model import Store


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, or would; `at` is None for what has no moment."""

    at: datetime | None
    what: str


def trace(session: Session, store: Store, order: Order, *, now: datetime) -> list[Step]:
    """List the steps of one order, oldest first, then what would be decided now. Names no person."""
    steps = [
        Step(order.seen_at, f"first seen as {order.ref}"),
        Step(order.fetched_at, f"last fetched; the store's own change is of {order.updated_at:%Y-%m-%d %H:%M} UTC"),
    ]
    mine = sa.select(Job).where(Job.key == f"order:{order.ref}").order_by(Job.id)
    for job in session.scalars(mine):
        steps.append(
            Step(job.created_at, f"news recorded as job {job.id}: {job.kind}, {job.state} {job.reason}".strip())
        )
    for notice in session.scalars(sa.select(Notice).where(Notice.order_id == order.id).order_by(Notice.id)):
        why = f" ({notice.reason})" if notice.reason else ""
        steps.append(Step(notice.created_at, f"rule {notice.rule} [{notice.cause}]: {notice.kind} {notice.state}{why}"))
        if notice.sent_at:
            steps.append(Step(notice.sent_at, f"message {notice.message_id} sent"))
    for event in session.scalars(sa.select(OrderEvent).where(OrderEvent.order_id == order.id)):
        steps.append(Step(event.at, f"timeline: {event.kind}"))
    steps.sort(key=lambda step: step.at or now)
    return steps + _decide_again(session, store, order, now)


def _decide_again(session: Session, store: Store, order: Order, now: datetime) -> list[Step]:
    shipments = session.scalars(sa.select(Shipment).where(Shipment.order_id == order.id).order_by(Shipment.id)).all()
    open_ = sum(is_undelivered(shipment) for shipment in shipments)
    parcels = [parcel_of(shipment, order, (), len(shipments), open_) for shipment in shipments]
    steps = []
    for shipment, decision in zip(shipments, decide(parcels, terms_of(store), now), strict=True):
        promise = f"promised by {decision.promise.by} ({decision.promise.source})" if decision.promise else "no promise"
        delivery = f"delivered ({decision.delivery.source})" if decision.delivery else "delivery unknown"
        due = ", ".join(news.rule for news in decision.due) or "nothing due"
        steps.append(Step(None, f"today's rules on parcel {shipment.ref}: {promise}, {delivery}, {due}"))
    return steps
