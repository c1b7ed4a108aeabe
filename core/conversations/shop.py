"""A shopper's message from the widget: it becomes a case, and says until when a person answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy.orm import Session

from core.conversations import cases
from core.conversations.model import Case
from core.http.context import services, set_shopper_language
from core.orders.model import Order, OrderEvent
from core.orders.sanitize import storable
from core.orders.shopper_auth import Id, NotHere, authenticate, check_order_access, parse_id
from core.secrets import Keyring
from core.stores import throttle

shop = APIBlueprint("messages", __name__, url_prefix="/shop", tag="Messages")

Topic = Literal["talk", "not_received", "damaged", "other"]
MOST_MESSAGES = 10
"""Messages about one order in a quarter of an hour."""
_EVENT_OF_TOPIC = {"not_received": "answered_not_yet"}
"""Topics that say something about the order itself; any other is a line that somebody wrote."""


class MessageIn(BaseModel):
    """What a shopper writes about an order."""

    model_config = ConfigDict(extra="ignore")

    order: Id
    text: Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
    topic: Topic = "talk"


class AnswerByOut(BaseModel):
    """When a person answers."""

    answer_by: datetime
    sentence: str


@shop.post("/<key>/messages")
@shop.input(MessageIn)
@shop.output(AnswerByOut, status_code=201)
@shop.doc(summary="Leave a message for the store", responses=[400, 401, 404, 429], security="ShopperToken")
def leave_message(key: str, json_data: MessageIn) -> AnswerByOut:
    app = services()
    store, token = authenticate(app, key)
    order_id = parse_id(json_data.order)
    check_order_access(token, order_id)
    limits = {f"message:{order_id}": MOST_MESSAGES}
    throttle.count_try(app.db, app.keyring, store.id, limits, now=app.clock())
    with app.db.transaction(store.id) as session:
        order = session.get(Order, (store.id, order_id))
        if order is None or order.gone_at is not None or order.erased_at is not None:
            raise NotHere
        words = set_shopper_language(store.language, order.language)
        text = storable(json_data.text)
        case = add_shopper_message(session, app.keyring, order, text, json_data.topic, now=app.clock())
        answer_by = case.due_at or app.clock() + cases.ANSWER_WITHIN
    today = app.clock().astimezone(ZoneInfo(store.timezone)).date()
    moment = words.moment(answer_by, ZoneInfo(store.timezone), today=today)
    sentence = words.pgettext("widget", "We answer by %(moment)s, by e-mail.", moment=moment)
    return AnswerByOut(answer_by=answer_by, sentence=sentence)


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
