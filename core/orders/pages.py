"""Pages that need no script: find my order, and the tracking page behind a mailed link."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request
from sqlalchemy import Row

from core.http.context import keep_language, require_same_site, services, set_shopper_language, words
from core.orders.access.ways import has_form
from core.orders.dead_links import show_search
from core.orders.find import OrderNotFound
from core.orders.lookup import look_up
from core.orders.model import Order
from core.orders.page_sections import SECTIONS, Section, Sections
from core.orders.presenter.localize import localize_order
from core.orders.presenter.timeline import OrderView, view_order
from core.orders.shop import send_links
from core.orders.shopper_auth import LinkExpired, order_of_link, read_link
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import store_by_id, store_by_key
from core.stores.throttle import TooManyTries

pages = Blueprint("orders", __name__, template_folder="templates")
pages.url_defaults(keep_language)
pages.register_error_handler(LinkExpired, show_search)


@pages.get("/find/<key>")
def find_form(key: str) -> str:
    """Ask for number and e-mail."""
    store = store_by_key(services(), key)
    set_shopper_language(store.language)
    return render_template("orders/find.html", store=store, typed={}, problem="")


@pages.post("/find/<key>")
def find_mine(key: str) -> Response | str:
    """Show the order that belongs to what was typed; say one thing for every wrong pair."""
    require_same_site()
    app = services()
    store = store_by_key(app, key)
    say = set_shopper_language(store.language)
    if not has_form(app, store):
        return make_response(render_template("orders/find.html", store=store, typed={}, problem=""), 403)
    typed = {"number": request.form.get("number", "")[:100], "proof": request.form.get("proof", "")[:320]}
    try:
        order, view = look_up(app, store.id, typed["number"], typed["proof"], request.remote_addr or "")
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
    set_shopper_language(store.language, order.language)
    return show(app, store, order, view)


@pages.post("/find/<key>/links")
def links(key: str) -> Response | str:
    """Promise to mail the links; the same answer whoever asks."""
    require_same_site()
    app = services()
    store = store_by_key(app, key)
    set_shopper_language(store.language)
    with suppress(TooManyTries):  # the answer is the same on purpose
        send_links(app, store, request.form.get("email", "")[:320], request.remote_addr or "")
    return render_template("orders/links_sent.html", store=store)


@pages.get("/t/<token>")
def track(token: str) -> Response:
    """Show one order behind a mailed link, without script. Raises LinkExpired."""
    app = services()
    link = read_link(app, token)
    with app.db.transaction(link.store_id, write=False) as session:
        order, store = order_of_link(session, link), store_by_id(session, link.store_id)
        view = view_order(session, order)
    set_shopper_language(store.language, order.language)
    page = make_response(show(app, store, order, view))
    page.headers["Cache-Control"] = "private, max-age=60"
    return page


def show(app: Services, store: Store, order: Order | Row[Any], view: OrderView) -> str:
    """Print an order's page."""
    page = localize_order(app, store, order, view, words())
    return render_template("orders/order.html", store=store, page=page, sections=_sections(app, store, order.id))


def _sections(app: Services, store: Store, order_id: int) -> list[Section]:
    with app.db.transaction(store.id, write=False) as session:
        order = session.get(Order, (store.id, order_id))
        if order is None:
            return []
        write: list[Sections] = current_app.extensions.get(SECTIONS, [])
        return [section for sections in write for section in sections(session, store, order, words())]
