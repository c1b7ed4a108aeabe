"""The answers a notice offers as links: what the shopper chose is recorded without a login."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders import kinds
from core.orders.kinds import EventKind
from core.orders.messages.notice import Notice
from core.orders.model import Order, OrderEvent, Shipment
from core.services import Services
from core.shipping import evaluate
from core.stores.model import Store
from core.stores.tokens import answer_token

CHOICES = ("wait", "cancel", "arrived", "not_yet", "person")
_CASE_KINDS = {"cancel": "cancel", "person": "talk", "not_yet": "not_received"}
"""Choices that open a case, and its kind."""
EVENT_KINDS = (
    EventKind(name="answered_wait", by_shopper=True, sentence=lambda say: say("widget", "You chose to wait")),
    EventKind(
        name="answered_cancel",
        by_shopper=True,
        asks_to_cancel=True,
        sentence=lambda say: say("widget", "You asked to cancel"),
    ),
    EventKind(name="answered_arrived", by_shopper=True, sentence=lambda say: say("widget", "You told us it came")),
    EventKind(
        name="answered_not_yet", by_shopper=True, sentence=lambda say: say("widget", "You told us it has not come yet")
    ),
    EventKind(
        name="answered_person", by_shopper=True, sentence=lambda say: say("widget", "You asked to talk to a person")
    ),
    EventKind(
        name="stopped", by_shopper=True, sentence=lambda say: say("widget", "You stopped messages about this order")
    ),
    EventKind(name="resumed", by_shopper=True, sentence=lambda say: say("widget", "You turned messages on again")),
)


def url(services: Services, notice: Notice, choice: str, *, version: int) -> str:
    """Give the address behind one choice of a notice; `version` is its order's `link_version`."""
    token = answer_token(services.keyring, notice.store_id, notice.id, version)
    return f"{services.config.public_url}/a/{token}/{choice}"


def has_asked_to_cancel(session: Session, order_id: int) -> bool:
    """Say whether the shopper has asked to cancel the order."""
    events = session.scalars(sa.select(OrderEvent).where(OrderEvent.order_id == order_id))
    return any(kinds.asks_to_cancel(event.kind, event.facts) for event in events)


def parcels_of(session: Session, news: Sequence[Notice]) -> list[Shipment]:
    """Give the parcels one message is about, oldest first.

    Where they are no longer there (what was not shipped then has been packed since), all of the order's.
    """
    order = sa.select(Shipment).where(Shipment.order_id == news[0].order_id).order_by(Shipment.id)
    named = order.where(Shipment.id.in_([notice.shipment_id for notice in news]))
    return list(session.scalars(named)) or list(session.scalars(order))


def record_answer(session: Session, store: Store, notice: Notice, choice: str, *, now: datetime) -> None:
    """Write what the shopper tapped about the parcels of a message; the last tap counts, an equal one is one tap."""
    # The order before its parcels, as everybody takes them: two who start from opposite ends would wait for ever.
    session.get(Order, (store.id, notice.order_id), with_for_update=True, populate_existing=True)
    merged = session.scalars(sa.select(Notice).where(Notice.merged_into == notice.id))
    changed = [parcel for parcel in parcels_of(session, [notice, *merged]) if parcel.answer != choice]
    if not changed:
        return
    for parcel in changed:
        parcel.answer, parcel.answered_at = choice, now
    facts = {"notice": str(notice.id)}
    session.add(OrderEvent(order_id=notice.order_id, at=now, kind=f"answered_{choice}", facts=facts))
    if choice in _CASE_KINDS:
        asked = {"order_id": notice.order_id, "kind": _CASE_KINDS[choice]}
        key = f"case:{asked['kind']}:{notice.order_id}"
        queue.enqueue(session, store.id, NewJob("conversations.open_case", key, asked), now=now)
    session.flush()
    evaluate.evaluate_orders(session, store, [notice.order_id], now=now)


def stop_messages(session: Session, order_id: int, *, now: datetime) -> None:
    """Stop all messages about an order; asked again, nothing more happens."""
    stop = sa.update(Order).where(Order.id == order_id, Order.stopped_at.is_(None))
    if session.execute(stop.values(stopped_at=now)).rowcount:  # type: ignore[attr-defined]
        session.add(OrderEvent(order_id=order_id, at=now, kind="stopped"))


def resume_messages(session: Session, order_id: int, *, now: datetime) -> None:
    """Let messages about an order go out again; asked again, nothing more happens."""
    stopped = sa.update(Order).where(Order.id == order_id, Order.stopped_at.is_not(None))
    if session.execute(stopped.values(stopped_at=None)).rowcount:  # type: ignore[attr-defined]
        session.add(OrderEvent(order_id=order_id, at=now, kind="resumed"))
