"""A shopper's rights at the desk: what is kept of them as a file, everything of theirs erased, and for how long it is
kept at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from flask import Response, abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.changes import facts
from core.conversations.model import Case, Message
from core.desk.page import desk, show_page
from core.desk.settings.section_form import save_section, show_document
from core.desk.versions.row_facts import PersonalData
from core.desk.versions.row_version import check_version, version_of
from core.desk.versions.stale_forms import versioned
from core.desk.work_pages import print_cases
from core.http.context import services, words
from core.orders.model import Order
from core.privacy import personal_data, retention
from core.stores import audit, staff


@desk.get("/<key>/orders/<int:order_id>/privacy")
def show_privacy(key: str, order_id: int) -> str:
    """Say what an erasure would reach, and ask for the order's number."""
    staff.require(g.person, staff.MAY_SET)
    return _show_privacy(order_id)


@desk.post("/<key>/orders/<int:order_id>/erase")
@versioned(lambda key, order_id: _show_privacy(order_id))
def erase_shopper(key: str, order_id: int) -> BaseResponse | tuple[str, int]:
    """Erase the shopper of this order everywhere, once its number was typed; there is no way back."""
    staff.require(g.person, staff.MAY_SET)
    app = services()
    now, typed = app.clock(), request.form.get("number", "").strip()
    with app.db.transaction(g.store.id) as session:
        order = _order(session, order_id, lock=True)
        check_version(session, _reached(session, order))
        if typed == order.number:
            counts = personal_data.erase_person(session, app.keyring, **_shopper_of(order), now=now)
            audit.note(session, now, audit.STAFF, "privacy_erase", f"order:{order_id}", counts)
            return redirect(url_for("desk.show_order", key=key, order_id=order_id))
    say = words().pgettext
    return _show_privacy(order_id, say("desk", "That is not this order's number. Nothing was erased.")), 422


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
@versioned(lambda key, case_id: print_cases())
def decide_case(key: str, case_id: int) -> BaseResponse:
    """Carry out a request that the platform could not confirm, or set it aside."""
    staff.require(g.person, staff.MAY_SET)
    choice, now = request.form.get("choice", ""), services().clock()
    if choice not in facts.CHOICES:
        abort(400)
    with services().db.transaction(g.store.id) as session:
        case = session.get(Case, (g.store.id, case_id), with_for_update=True)
        if case is None:
            abort(404)
        check_version(session, case)
        if not facts.decide(session, case_id, choice, now=now):
            abort(404)
        audit.note(session, now, audit.STAFF, "decide_about_request", f"case:{case_id}", {"choice": choice})
    return redirect(url_for("desk.list_cases", key=key))


@desk.get("/<key>/privacy")
def edit_retention(key: str) -> str:
    """Show after how many days the shoppers of old orders are forgotten; empty keeps them."""
    return _show_retention()


@desk.post("/<key>/privacy")
@versioned(lambda key: _show_retention())
def save_retention(key: str) -> BaseResponse | tuple[str, int]:
    """Save after how many days the shoppers of old orders are forgotten."""
    staff.require(g.person, staff.MAY_SET)
    typed = request.form.get("keep_days", "").strip()
    is_right = not typed or (typed.isascii() and typed.isdecimal() and 30 <= int(typed[:9]) <= 36_500)
    values = {"keep_days": int(typed) if typed else None} if is_right else None
    if save_section(retention.SECTION, values):
        return redirect(url_for("desk.edit_retention", key=key, saved=1))
    problem = words().pgettext("desk", "Give a number of days between 30 and 36500, or nothing.")
    return _show_retention({"keep_days": problem}), 422


def _show_retention(problems: Mapping[str, str] = MappingProxyType({})) -> str:
    days = retention.keep_days(g.store)
    return show_document("retention", retention.SECTION, {"keep_days": str(days or "")}, problems=problems)


def _show_privacy(order_id: int, problem: str = "") -> str:
    with services().db.transaction(g.store.id, write=False) as session:
        order = _order(session, order_id)
        reached = _reached(session, order)
        problems = {"number": problem} if problem else {}
        version = version_of(session, reached)
        return show_page("privacy", order=order, orders=reached.orders, problems=problems, version=version)


def _reached(session: Session, order: Order) -> PersonalData:
    whose = personal_data.find_person(session, services().keyring, **_shopper_of(order))
    return PersonalData(order, len(whose.order_ids))


def _order(session: Session, order_id: int, *, lock: bool = False) -> Order:
    order = session.get(Order, (g.store.id, order_id), with_for_update=lock or None)
    if order is None:
        abort(404)
    return order


def _shopper_of(order: Order) -> dict[str, Any]:
    """Give what names an order's shopper; an order already erased names itself."""
    return {"email": order.email, "shopper_ref": order.shopper_ref, "order_refs": [order.ref]}


def _as_file(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"', "Cache-Control": "private, no-store"}
    return Response(text, mimetype="application/json", headers=headers)
