"""Leaving a message for the store: it becomes a case, and says until when a person answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from core.conversations import cases
from core.conversations.model import Case
from core.http.context import set_shopper_language, words
from core.orders.model import Order, OrderEvent
from core.orders.shopper_auth import NotHere
from core.secrets import Keyring
from core.services import Services
from core.stores import throttle
from core.stores.model import Store

Topic = Literal["talk", "not_received", "damaged", "other"]
MOST_MESSAGES = 10
"""Messages about one order in a quarter of an hour."""
_EVENT_OF_TOPIC = {"not_received": "answered_not_yet"}
"""Topics that say something about the order itself; any other is a line that somebody wrote."""


def count_message(app: Services, store: Store, order_id: int) -> None:
    """Count one message about an order. Raises TooManyTries."""
    limits = {f"message:{order_id}": MOST_MESSAGES}
    throttle.count_try(app.db, app.keyring, store.id, limits, now=app.clock())


def leave(app: Services, store: Store, order_id: int, text: str, topic: Topic) -> datetime:
    """Put a message before a person at the store; give until when they answer. Raises NotHere.

    The language of the answer page is settled by the order.
    """
    with app.db.transaction(store.id) as session:
        order = session.get(Order, (store.id, order_id))
        if order is None or order.gone_at is not None or order.erased_at is not None:
            raise NotHere
        set_shopper_language(store.language, order.language)
        case = add_shopper_message(session, app.keyring, order, text, topic, now=app.clock())
        return case.due_at or app.clock() + cases.ANSWER_WITHIN


def answer_by_of(answer_by: datetime, store: Store, now: datetime) -> str:
    """Say until when a person answers."""
    zone = ZoneInfo(store.timezone)
    moment = words().moment(answer_by, zone, today=now.astimezone(zone).date())
    return words().pgettext("widget", "We answer by %(moment)s, by e-mail.", moment=moment)


def add_shopper_message(
    session: Session, keyring: Keyring, order: Order, text: str, topic: Topic, *, now: datetime
) -> Case:
    """Put a message into the open case of its topic, or into a new one; the same words twice in a case are once."""
    case = cases.open_case(session, kind=topic, order=order, now=now, subject=text.splitlines()[0] if text else "")
    origin = f"shop:{case.id}:{keyring.digest(text, purpose='message')[:32]}"
    if cases.add_message(session, case, side="shopper", text=text, origin=origin, now=now):
        kind = _EVENT_OF_TOPIC.get(topic, "replied")
        session.add(OrderEvent(order_id=order.id, at=now, kind=kind, facts={"case": str(case.id)}))
    return case
