"""Orders at the desk: their list, and one with all that is known of it."""

from __future__ import annotations

from flask import abort, g, request

from core.desk import trace
from core.desk.labels import name_of
from core.desk.lists.kinds import orders
from core.desk.lists.list_page import show_list
from core.desk.page import desk, show_page
from core.http.context import services, words
from core.orders.find import email_keys, number_key
from core.orders.model import Order
from core.orders.presenter.page import page_of
from core.orders.presenter.timeline import view_order


@desk.get("/<key>/orders")
def list_orders(key: str) -> str:
    """The orders that fit the filters, or those a number or e-mail finds."""
    app, typed = services(), request.args.get("q", "").strip()[:320]
    found = (
        Order.email_key.in_(email_keys(typed, app.keyring)) if "@" in typed else Order.number_key == number_key(typed)
    )
    return show_list(orders.LIST, "orders", typed=typed, found=found)


@desk.get("/<key>/orders/<int:order_id>")
def show_order(key: str, order_id: int) -> str:
    """One order as its shopper sees it, with what staff know besides."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        order = session.get(Order, (g.store.id, order_id))
        if order is None:
            abort(404)
        page = page_of(view_order(session, order), words(), app.clock(), g.store.timezone)
        steps = trace.trace(session, g.store, order, now=app.clock())
        holds = [(name_of(f"hold.{hold['reason']}"), hold["note"]) for hold in order.holds]
        return show_page("order", order=order, page=page, steps=steps, holds=holds)
