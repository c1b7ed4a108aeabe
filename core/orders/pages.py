"""Pages that need no script: find my order, and the tracking page behind a mailed link."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, Response, make_response, render_template, request

from core.orders.find import OrderNotFound
from core.orders.model import Order
from core.orders.shop import look_up, send_links
from core.orders.timeline import OrderView, view_order
from core.orders.words import page_of
from core.secrets import BadToken
from core.services import Services
from core.stores import access
from core.stores.access import store_by_id, store_by_key
from core.stores.model import Store
from core.stores.throttle import TooManyTries
from core.web.http import require_same_site, services, speak_for, words

pages = Blueprint("orders", __name__, template_folder="templates")


class LinkExpired(Exception):
    """A link that is too old, was revoked, or was never ours."""


@pages.get("/find/<key>")
def find_form(key: str) -> str:
    """Ask for number and e-mail."""
    store = store_by_key(services(), key)
    speak_for(store)
    return render_template("orders/find.html", store=store, typed={}, problem="")


@pages.post("/find/<key>")
def find_mine(key: str) -> Response | str:
    """Show the order that belongs to what was typed; say one thing for every wrong pair."""
    require_same_site()
    app = services()
    store = store_by_key(app, key)
    say = speak_for(store)
    typed = {"number": request.form.get("number", "")[:100], "proof": request.form.get("proof", "")[:320]}
    try:
        order, view = look_up(app, store, typed["number"], typed["proof"], request.remote_addr or "")
    except OrderNotFound:
        problem = say.pgettext(
            "widget",
            "We couldn't find an order with that number and e-mail. Check both, or have your links mailed to you.",
        )
        return make_response(render_template("orders/find.html", store=store, typed=typed, problem=problem), 404)
    except TooManyTries as error:
        problem = say.pgettext("widget", "That was a lot of tries. Wait a quarter of an hour, then try again.")
        page = make_response(render_template("orders/find.html", store=store, typed=typed, problem=problem), 429)
        page.headers["Retry-After"] = str(error.retry_after)
        return page
    speak_for(store, order.language)
    return show(app, store, view)


@pages.post("/find/<key>/links")
def links(key: str) -> Response | str:
    """Promise to mail the links; the same answer whoever asks."""
    require_same_site()
    app = services()
    store = store_by_key(app, key)
    speak_for(store)
    with suppress(TooManyTries):  # the answer is the same on purpose
        send_links(app, store, request.form.get("email", "")[:320], request.remote_addr or "")
    return render_template("orders/links_sent.html", store=store)


@pages.get("/t/<token>")
def track(token: str) -> Response:
    """Show one order behind a mailed link, without script. Raises LinkExpired."""
    app = services()
    try:
        store_id, order_id, version = access.read_tracking_token(app.keyring, token)
    except BadToken:
        raise LinkExpired from None
    with app.db.transaction(store_id, write=False) as session:
        order = session.get(Order, (store_id, order_id))
        if order is None or order.gone_at is not None or order.link_version != version:
            raise LinkExpired
        store = store_by_id(session, store_id)
        view = view_order(session, order)
    speak_for(store, order.language)
    page = make_response(show(app, store, view))
    page.headers["Cache-Control"] = "private, max-age=60"
    return page


def show(app: Services, store: Store, view: OrderView) -> str:
    """Print an order's page."""

    def answer_url(notice: str, choice: str) -> str:
        return f"/a/{access.answer_token(app.keyring, store.id, int(notice))}/{choice}"

    page = page_of(view, words(), app.clock(), store.timezone, answer_url)
    return render_template("orders/order.html", store=store, page=page)
