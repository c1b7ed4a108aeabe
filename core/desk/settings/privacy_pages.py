"""A shopper's rights at the desk: what is kept of them as a file, everything of theirs erased, and for how long it is
kept at all."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from flask import Response, abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.changes import facts
from core.conversations.model import Case, Message
from core.desk.page import desk, show_page
from core.http.context import services, words
from core.http.errors import refusal_of
from core.orders.model import Order
from core.privacy import personal_data, retention
from core.stores import audit, settings, staff
from core.stores.settings import SettingsChanged


@desk.get("/<key>/orders/<int:order_id>/privacy")
def show_privacy(key: str, order_id: int) -> str:
    """Say what an erasure would reach, and ask for the order's number."""
    staff.require(g.person, staff.MAY_SET)
    return _show_privacy(order_id)


@desk.post("/<key>/orders/<int:order_id>/erase")
def erase_shopper(key: str, order_id: int) -> BaseResponse | tuple[str, int]:
    """Erase the shopper of this order everywhere, once its number was typed; there is no way back."""
    staff.require(g.person, staff.MAY_SET)
    app = services()
    now, typed = app.clock(), request.form.get("number", "").strip()
    with app.db.transaction(g.store.id) as session:
        order = _order(session, order_id)
        if typed == order.number:
            counts = personal_data.erase_person(session, app.keyring, **_shopper_of(order), now=now)
            audit.note(session, now, audit.STAFF, "privacy_erase", f"order:{order_id}", counts)
            return redirect(url_for("desk.show_order", key=key, order_id=order_id))
    say = words().pgettext
    return _show_privacy(order_id, say("desk", "That is not this order's number. Nothing was erased.")), 400


@desk.get("/<key>/orders/<int:order_id>/export")
def export_shopper(key: str, order_id: int) -> Response:
    """Give everything kept of this order's shopper as a JSON file."""
    staff.require(g.person, staff.MAY_SET)
    app = services()
    with app.db.transaction(g.store.id) as session:
        export = personal_data.export_person(session, app.keyring, **_shopper_of(_order(session, order_id)))
        audit.note(session, app.clock(), audit.STAFF, "privacy_export", f"order:{order_id}")
    return _as_file(json.dumps(export, ensure_ascii=False, indent=1), f"order-{order_id}")


@desk.get("/<key>/cases/<int:case_id>/export")
def export_case(key: str, case_id: int) -> Response:
    """Give the JSON file that a platform's request put into a case."""
    staff.require(g.person, staff.MAY_SET)
    app = services()
    pieces = sa.select(Message.text).where(Message.case_id == case_id).order_by(Message.id)
    with app.db.transaction(g.store.id) as session:
        case = session.get(Case, (g.store.id, case_id))
        if case is None or case.kind != retention.EXPORT:
            abort(404)
        audit.note(session, app.clock(), audit.STAFF, "privacy_export", f"case:{case_id}")
        return _as_file("".join(session.scalars(pieces)), f"case-{case_id}")


@desk.post("/<key>/cases/<int:case_id>/decide")
def decide_case(key: str, case_id: int) -> BaseResponse:
    """Carry out a request that the platform could not confirm, or set it aside."""
    staff.require(g.person, staff.MAY_SET)
    choice, now = request.form.get("choice", ""), services().clock()
    if choice not in facts.CHOICES:
        abort(400)
    with services().db.transaction(g.store.id) as session:
        if not facts.decide(session, case_id, choice, now=now):
            abort(404)
        audit.note(session, now, audit.STAFF, "decide_about_request", f"case:{case_id}", {"choice": choice})
    return redirect(url_for("desk.list_cases", key=key))


@desk.route("/<key>/privacy", methods=["GET", "POST"])
def edit_retention(key: str) -> BaseResponse | str | tuple[str, int]:
    """Show and save after how many days the shoppers of old orders are forgotten; empty keeps them."""
    if request.method == "GET":
        return show_page("retention", days=retention.keep_days(g.store), problem="")
    staff.require(g.person, staff.MAY_SET)
    app, typed = services(), request.form.get("keep_days", "").strip()
    if typed and not (typed.isascii() and typed.isdecimal() and 30 <= int(typed[:9]) <= 36_500):
        problem = words().pgettext("desk", "Give a number of days between 30 and 36500, or nothing.")
        return show_page("retention", days=typed[:20], problem=problem), 400
    values = {"keep_days": int(typed) if typed else None}
    version = request.form.get("version", 0, type=int)
    try:
        with app.db.transaction(g.store.id) as session:
            settings.change(session, g.store, retention.SECTION, values, version=version, now=app.clock())
    except SettingsChanged as error:
        return show_page("retention", days=typed, problem=refusal_of(error).sentence), 409
    return redirect(url_for("desk.edit_retention", key=key, saved=1))


def _show_privacy(order_id: int, problem: str = "") -> str:
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        order = _order(session, order_id)
        whose = personal_data.find_person(session, app.keyring, **_shopper_of(order))
        return show_page("privacy", order=order, orders=len(whose.order_ids), problem=problem)


def _order(session: Session, order_id: int) -> Order:
    order = session.get(Order, (g.store.id, order_id))
    if order is None:
        abort(404)
    return order


def _shopper_of(order: Order) -> dict[str, Any]:
    """Give what names an order's shopper; an order already erased names itself."""
    return {"email": order.email, "shopper_ref": order.shopper_ref, "order_refs": [order.ref]}


def _as_file(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"', "Cache-Control": "private, no-store"}
    return Response(text, mimetype="application/json", headers=headers)
