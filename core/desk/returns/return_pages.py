"""Returns at the desk: who waits, one return with all its facts, its photos, and payments that wait for a person."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import sqlalchemy as sa
from flask import Response, abort, g, request
from sqlalchemy.orm import Session

from core.desk.flash_messages import actor_name
from core.desk.lists.kinds import returns
from core.desk.lists.list_page import show_list
from core.desk.page import desk, show_page
from core.desk.returns import return_queue
from core.desk.returns.return_buttons import buttons_of, may_inspect, may_set_terms
from core.desk.returns.return_facts import ReturnView, pay_link, view_return
from core.desk.versions.row_version import version_of
from core.desk.versions.stale_forms import typed_verb
from core.http.context import services, words
from core.money import to_decimal
from core.orders.find import number_key
from core.orders.model import Order
from core.returns.model import Return, ReturnPhoto
from core.returns.requests.approval_limit import left_of_limit
from core.stores import staff

_PAGE = 50


@desk.get("/<key>/returns")
def list_returns(key: str) -> str:
    """The returns that wait for staff, those of a status, or those a number finds."""
    typed = request.args.get("q", "").strip()[:100]
    number = number_key(typed)
    found = sa.or_(Return.rma.in_([typed.upper(), f"RMA-{number}"]), Order.number_key == number)
    return show_list(
        returns.LIST,
        "returns",
        typed=typed,
        found=found,
        more=lambda session: {"stuck": return_queue.count_stuck(session), "now": services().clock()},
    )


@desk.get("/<key>/returns/money")
def list_money(key: str) -> str:
    """The payments that failed, or that a person or the shopper must make."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        found = return_queue.list_stuck(session, most=_PAGE)
        rows = [(row, order, pay_link(row, order)) for row, order in found]
        return show_page("money", rows=rows)


@desk.get("/<key>/returns/<int:return_id>")
def show_return(key: str, return_id: int) -> str:
    """One return: what was asked, what the policy says, what it brings, and what may be done."""
    return print_return(return_id)


@desk.get("/<key>/returns/<int:return_id>/photos/<int:photo_id>")
def show_photo(key: str, return_id: int, photo_id: int) -> Response:
    """A photo that came with a return."""
    with services().db.transaction(g.store.id, write=False) as session:
        photo = session.get(ReturnPhoto, (g.store.id, photo_id))
    if photo is None or photo.return_id != return_id:
        abort(404)
    headers = {"Cache-Control": "private, max-age=3600", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(photo.content, mimetype=photo.mime, headers=headers)


def print_return(return_id: int, problems: Mapping[str, str] | None = None, preview: str = "") -> str:
    """Print a return's page; `problems` maps a verb, or "" for the whole page, to what went wrong with it.

    What was typed is kept; `preview` says what an inspection that was only tried would pay.
    """
    app, say = services(), words()
    with app.db.transaction(g.store.id, write=False) as session:
        rma = _find(session, return_id)
        version, view = version_of(session, rma), view_return(session, g.store, rma, say)
        mine = {"ref": g.person.ref, "name": g.person.name, "role": g.person.role, "now": app.clock()}
        most = left_of_limit(session, g.store, view.rma, **mine)
        may_act = g.person.role in staff.MAY_ACT
        return show_page(
            "return",
            view=view,
            buttons=buttons_of(view, most, g.store.currency, say) if may_act else [],
            inspects=may_act and may_inspect(view),
            terms=_terms(view) if may_act and may_set_terms(view) else None,
            may_act=may_act,
            problems=problems or {},
            fields=fields_of(problems or {}),
            version=version,
            row_version=partial(version_of, session),
            typed_verb=typed_verb(),
            preview=preview,
            typed=request.form,
            actor_name=actor_name,
        )


_FIELDS = {"label": "url", "terms": "reason"}
"""The field a form's problem is about; of a button it is its note."""


def fields_of(problems: Mapping[str, str]) -> dict[str, str]:
    """Give the id of the field that the link to each problem leads to."""
    money = {name: f"note-{name.partition('.')[2]}" for name in problems if name.startswith("paid.")}
    return {name: f"note-{name}" for name in problems} | {"inspect": "problem-inspect"} | _FIELDS | money


def _find(session: Session, return_id: int) -> Return:
    rma = session.get(Return, (g.store.id, return_id))
    if rma is None:
        abort(404)
    return rma


def _terms(view: ReturnView) -> dict[str, str]:
    """Give the fees and the shipping as a form shows them: decimal amounts by the field's name."""
    rma = view.rma
    fees = {"handling": 0, "label": 0} | {fee["what"]: fee["amount"] for fee in rma.fees}
    shown = {f"fee.{what}": f"{to_decimal(amount, rma.currency):f}" for what, amount in fees.items()}
    return shown | {"shipping": f"{to_decimal(rma.shipping, rma.currency):f}"}
