"""Writing to the store without script: from an order's page, about the order or about a parcel that did not come."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from flask import Blueprint, make_response, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.conversations.leave_message import Topic, answer_by_of, count_message, leave
from core.http.context import keep_language, require_same_site, services, set_shopper_language, words
from core.i18n.words import Words
from core.orders.dead_links import show_search
from core.orders.model import Order, Shipment
from core.orders.page_sections import Section, Sections
from core.orders.sanitize import storable
from core.orders.shopper_auth import LinkExpired, order_of_link, read_link
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import store_by_id
from core.stores.tokens import tracking_token

pages = Blueprint("messages_page", __name__, template_folder="templates")
pages.url_defaults(keep_language)
pages.register_error_handler(LinkExpired, show_search)

_LOST = "not_received"
_LONGEST = 4000


@pages.get("/t/<token>/message")
def ask(token: str) -> str:
    """Ask for a message; `?about=not_received` begins with where to look for a parcel that is said to be there."""
    store, _ = _enter(services(), token)
    return _form(store, token, request.args.get("about", ""))


@pages.post("/t/<token>/message")
def send(token: str) -> Response:
    """Put the message before a person at the store, and say until when they answer."""
    require_same_site()
    app = services()
    store, order = _enter(app, token)
    say, about = words().pgettext, request.form.get("about", "")
    text = storable(request.form.get("text", "")[:_LONGEST]).strip()
    if not text and about == _LOST:
        text = say("widget", "It says delivered, but I don't have it.")
    if not text:
        problem = say("widget", "Write a few words, so that somebody can answer.")
        return make_response(_form(store, token, about, problem), 400)
    count_message(app, store, order.id)
    topic: Topic = "not_received" if about == _LOST else "talk"
    answer_by = leave(app, store, order.id, text, topic)
    sentence = answer_by_of(answer_by, store, app.clock())
    return make_response(render_template("conversations/sent.html", store=store, token=token, sentence=sentence))


def sections_for(app: Services) -> Sections:
    """Give what writes these sections of an order's page."""

    def write(session: Session, store: Store, order: Order, reader: Words) -> Iterator[Section]:
        if order.erased_at is not None:
            return
        say = reader.pgettext
        address = f"/t/{tracking_token(app.keyring, store.id, order.id, order.link_version)}/message"
        arrived = sa.select(Shipment.id).where(Shipment.order_id == order.id, Shipment.status == "delivered")
        if session.scalar(arrived.limit(1)) is not None:
            title = say("widget", "It says delivered, but you don't have it")
            yield Section(title, (), (say("widget", "I don't have it"), f"{address}?about={_LOST}"))
        yield Section(say("widget", "A question about this order"), (), (say("widget", "Write to the store"), address))

    return write


def _enter(app: Services, token: str) -> tuple[Store, Order]:
    """Give store and order behind a mailed link, and settle the language. Raises LinkExpired."""
    link = read_link(app, token)
    with app.db.transaction(link.store_id, write=False) as session:
        order, store = order_of_link(session, link), store_by_id(session, link.store_id)
    if order.erased_at is not None:
        raise LinkExpired(store.id)
    set_shopper_language(store.language, order.language)
    return store, order


def _form(store: Store, token: str, about: str, problem: str = "") -> str:
    return render_template(
        "conversations/message.html", store=store, token=token, is_lost=about == _LOST, problem=problem
    )
