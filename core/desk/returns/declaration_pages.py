"""Withdrawals declared without an order, at the desk: what was declared, and finding its order or closing it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.flash_messages import not_possible, reason_needed
from core.desk.page import desk, show_page, staff_name
from core.desk.returns.return_buttons import Button
from core.desk.returns.return_pages import fields_of
from core.desk.versions.row_version import check_version, version_of
from core.desk.versions.stale_forms import typed_verb, versioned
from core.http.context import services, words
from core.orders.find import OrderNotFound
from core.returns.law.withdrawal_rights import NoSuchRight
from core.returns.requests.lifecycle import Actor, ReasonNeeded
from core.returns.states import IllegalMove
from core.returns.withdrawal import declarations
from core.returns.withdrawal.declarations import DeclarationNotFound
from core.returns.withdrawal.declare import NothingToWithdraw, WithdrawalNotFound
from core.returns.withdrawal.model import Declaration
from core.stores import staff


@desk.get("/<key>/declarations/<int:declaration_id>")
def show_declaration(key: str, declaration_id: int) -> str:
    """One declaration without an order: what was declared, its receipt, and what may be done."""
    return _print(declaration_id)


@desk.post("/<key>/declarations/<int:declaration_id>/<verb>")
@versioned(lambda key, declaration_id, verb: _print(declaration_id))
def move_declaration(key: str, declaration_id: int, verb: str) -> BaseResponse | tuple[str, int]:
    """Name its order, or close it with a reason; what is refused is said where it was asked."""
    staff.require(g.person, staff.MAY_ACT)
    if verb not in ("match", "close"):
        abort(404)
    app, say = services(), words().pgettext
    note, by = request.form.get("note", "").strip(), Actor(staff_name(), g.person.role, g.person.ref)
    try:
        with app.db.transaction(g.store.id) as session:
            row = declarations.find_declaration(session, g.store.id, declaration_id)
            check_version(session, row)
            if verb == "match":
                declarations.match_by_hand(session, g.store, row, note, by, now=app.clock())
            else:
                declarations.close(session, row, by, note=note, now=app.clock())
    except DeclarationNotFound:
        abort(404)
    except ReasonNeeded:
        return _print(declaration_id, {verb: reason_needed(words())}), 422
    except (OrderNotFound, WithdrawalNotFound):
        return _print(declaration_id, {verb: say("desk", "There is no order of this number here.")}), 422
    except (NoSuchRight, NothingToWithdraw):
        problem = say("desk", "This order has nothing left to withdraw from, or no such right is known there.")
        return _print(declaration_id, {verb: problem}), 409
    except IllegalMove:
        return _print(declaration_id, {"": not_possible()}), 409
    return redirect(url_for("desk.show_declaration", key=key, declaration_id=declaration_id, done=1))


def _print(declaration_id: int, problems: Mapping[str, str] | None = None) -> str:
    with services().db.transaction(g.store.id, write=False) as session:
        row = session.get(Declaration, (g.store.id, declaration_id))
        if row is None:
            abort(404)
        may_act = g.person.role in staff.MAY_ACT
        return show_page(
            "declaration",
            row=row,
            buttons=_buttons() if may_act and row.state == "open" else [],
            problems=problems or {},
            fields=fields_of(problems or {}),
            version=version_of(session, row),
            typed_verb=typed_verb(),
            typed=request.form,
        )


def _buttons() -> list[Button]:
    say = words().pgettext
    number, why = say("desk", "Order number"), say("desk", "Why it is closed")
    return [
        Button("match", say("desk", "This is its order"), note=number, must=True, primary=True),
        Button("close", say("desk", "Close it"), note=why, must=True),
    ]
