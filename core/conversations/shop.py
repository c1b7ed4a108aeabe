"""A shopper's message from the widget: it becomes a case, and says until when a person answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from apiflask import APIBlueprint
from pydantic import BaseModel, ConfigDict, StringConstraints

from core.conversations.leave_message import Topic, answer_by_of, count_message, leave
from core.http.context import services
from core.orders.sanitize import storable
from core.orders.shopper_auth import Id, authenticate, check_order_access, parse_id

shop = APIBlueprint("messages", __name__, url_prefix="/shop", tag="Messages")


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
    count_message(app, store, order_id)
    answer_by = leave(app, store, order_id, storable(json_data.text), json_data.topic)
    return AnswerByOut(answer_by=answer_by, sentence=answer_by_of(answer_by, store, app.clock()))
