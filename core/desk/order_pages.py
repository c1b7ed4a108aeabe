"""Orders at the desk: the newest or those that were looked for, and one with all that is known of it."""

from __future__ import annotations

import sqlalchemy as sa
from flask import abort, g, request

from core.desk import today, trace
from core.desk.labels import name_of
from core.desk.page import ROWS_ON_A_PAGE, desk, show_page
from core.http.context import services, words
from core.orders.find import email_keys, number_key
from core.orders.model import Order, Shipment
from core.orders.presenter.page import page_of
from core.orders.presenter.timeline import view_order


@desk.get("/<key>/orders")
def list_orders(key: str) -> str:
    """The newest orders, or those a number or e-mail finds."""
    app, typed = services(), request.args.get("q", "").strip()[:320]
    query = sa.select(Order).where(Order.gone_at.is_(None)).order_by(Order.placed_at.desc()).limit(ROWS_ON_A_PAGE)
    if request.args.get("late"):
        query = query.where(Order.id.in_(sa.select(Shipment.order_id).where(*today.late_now())))
    if request.args.get("at_risk"):
        query = query.where(Order.id.in_(sa.select(Shipment.order_id).where(*today.at_risk())))
    if typed:
        found = (
            Order.email_key.in_(email_keys(typed, app.keyring))
            if "@" in typed
            else Order.number_key == number_key(typed)
        )
        query = query.where(found)
    with app.db.transaction(g.store.id, write=False) as session:
        return show_page("orders", orders=session.scalars(query).all(), typed=typed)


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
