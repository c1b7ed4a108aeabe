"""The shopper's answers to a notice: a page per choice, and the stop link, both without a login."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Blueprint, render_template
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from core.http.context import keep_language, services, set_shopper_language, words
from core.i18n.words import Words
from core.orders.dead_links import show_search
from core.orders.messages.notice import Notice
from core.orders.model import Order
from core.orders.shopper_auth import LinkExpired
from core.secrets import BadToken, ExpiredToken
from core.services import Services
from core.shipping import notice_actions as verbs
from core.stores.model import Store
from core.stores.platform_access import store_by_id, store_by_key
from core.stores.tokens import AnswerLink, read_answer_token, tracking_token

answers = Blueprint("answers", __name__)
answers.url_defaults(keep_language)
answers.register_error_handler(LinkExpired, show_search)
shop = APIBlueprint("choices", __name__, url_prefix="/shop", tag="Shop")


class Chosen(BaseModel):
    """A choice as an order's page names it ("/a/<token>/<choice>"); `sure` makes it."""

    answer: str = Field(min_length=1, max_length=400)
    sure: bool = False


class ChoiceOut(BaseModel):
    """A choice in words: what it means, what its button says, what happens after it."""

    title: str
    meaning: str
    button: str
    after: str


@answers.get("/a/<token>/<choice>")
def ask(token: str, choice: str) -> str:
    """Show what the choice means, with the one button that makes it. A GET changes nothing: scanners follow links."""
    app = services()
    link = _read(app, token, choice)
    with app.db.transaction(link.store_id, write=False) as session:
        store, _, order = _load(session, link)
    set_shopper_language(store.language, order.language)
    return render_template(
        "shipping/ask.html", store=store, token=token, choice=choice, page=_page(words(), choice, order)
    )


@answers.post("/a/<token>/<choice>")
def take(token: str, choice: str) -> str:
    """Record the choice and say what happens next, by whom and by when. Also RFC 8058's one-click stop."""
    app = services()
    store, order = _take(app, _read(app, token, choice), choice)
    set_shopper_language(store.language, order.language)
    track = f"/t/{tracking_token(app.keyring, store.id, order.id, order.link_version)}"
    return render_template(
        "shipping/taken.html", store=store, token=token, choice=choice, page=_page(words(), choice, order), track=track
    )


@shop.post("/<key>/answers")
@shop.input(Chosen)
@shop.output(ChoiceOut)
@shop.doc(summary="Say what a choice about a late parcel means, or make it", responses=[400, 404])
def choose(key: str, json_data: Chosen) -> dict[str, str]:
    app = services()
    token, _, choice = json_data.answer.removeprefix("/a/").partition("/")
    link = _read(app, token, choice)
    if link.store_id != store_by_key(app, key).id:
        raise LinkExpired
    if json_data.sure:
        store, order = _take(app, link, choice)
    else:
        with app.db.transaction(link.store_id, write=False) as session:
            store, _, order = _load(session, link)
    return _page(set_shopper_language(store.language, order.language), choice, order)


def _take(app: Services, link: AnswerLink, choice: str) -> tuple[Store, Order]:
    now = app.clock()
    with app.db.transaction(link.store_id) as session:
        store, notice, order = _load(session, link)
        if choice == "stop":
            verbs.stop_messages(session, order.id, now=now)
        elif choice == "resume":
            verbs.resume_messages(session, order.id, now=now)
        else:
            verbs.record_answer(session, store, notice, choice, now=now)
        return store, order


def _read(app: Services, token: str, choice: str) -> AnswerLink:
    if choice not in (*verbs.CHOICES, "stop", "resume"):
        raise LinkExpired
    try:
        return read_answer_token(app.keyring, token)
    except ExpiredToken as error:
        raise LinkExpired(error.payload.get("s")) from None
    except BadToken:
        raise LinkExpired from None


def _load(session: Session, link: AnswerLink) -> tuple[Store, Notice, Order]:
    notice = session.get(Notice, (link.store_id, link.notice_id))
    order = session.get(Order, (link.store_id, notice.order_id)) if notice else None
    if notice is None or order is None or order.gone_at is not None or order.erased_at is not None:
        raise LinkExpired(link.store_id)
    if order.link_version != link.version:
        raise LinkExpired(link.store_id)
    return store_by_id(session, link.store_id), notice, order


def _page(say_in: Words, choice: str, order: Order) -> dict[str, str]:
    """Put a choice into words: its title, what it means, the button, and what happens after."""
    say = say_in.pgettext
    title, meaning, button, after = {
        "wait": (
            say("widget", "Keep waiting for it"),
            say("widget", "The parcel goes on as it is. We tell you when something changes."),
            say("widget", "Yes, I will wait"),
            say("widget", "Nothing more to do. We write again only if the date changes."),
        ),
        "cancel": (
            say("widget", "Ask to cancel"),
            say("widget", "The store looks whether the parcel can still be stopped and answers you by e-mail."),
            say("widget", "Ask the store to cancel"),
            say("widget", "A person at the store answers you by e-mail within a working day. Nothing is canceled yet."),
        ),
        "arrived": (
            say("widget", "It came"),
            say("widget", "We mark the parcel as arrived and stop asking."),
            say("widget", "Yes, it came"),
            say("widget", "Thank you. This order is settled."),
        ),
        "not_yet": (
            say("widget", "It has not come yet"),
            say("widget", "The store looks for the parcel and answers you by e-mail."),
            say("widget", "Tell the store it has not come"),
            say("widget", "A person at the store looks into it and answers you by e-mail within a working day."),
        ),
        "person": (
            say("widget", "Talk to a person"),
            say("widget", "The store is told that you want to talk to somebody about this order."),
            say("widget", "Ask for a person"),
            say("widget", "A person at the store answers you by e-mail within a working day."),
        ),
        "stop": (
            say("widget", "Stop messages about this order"),
            say("widget", "You get no more messages about order %(number)s. The order itself does not change.",
                number=order.number),
            say("widget", "Stop the messages"),
            say("widget", "You get no more messages about order %(number)s.", number=order.number),
        ),
        "resume": (
            say("widget", "Turn messages on again"),
            say("widget", "We tell you when something changes with order %(number)s.", number=order.number),
            say("widget", "Turn messages on"),
            say("widget", "We tell you when something changes with order %(number)s.", number=order.number),
        ),
    }[choice]  # fmt: skip
    return {"title": title, "meaning": meaning, "button": button, "after": after}
