"""Staff open a return for a shopper: what is left of the order, why it comes back, what they would like for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page, staff_name
from core.desk.policy.policy_form import WISHES
from core.desk.versions.row_facts import ReturnableGoods
from core.desk.versions.row_version import check_version, version_of
from core.desk.versions.stale_forms import versioned
from core.http.context import services, words
from core.orders.model import Order
from core.returns.money.order_balance import OrderBalance, lock_order, read_balance
from core.returns.money.purchased import GOODS
from core.returns.policy import policy_versions
from core.returns.presenter import sentences
from core.returns.presenter.display_names import reason_label, wish_label
from core.returns.requests.ask_collections import ask_collections
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import Actor, ReturnNotFound
from core.returns.requests.opening import ReturnNotAllowed, ReturnRequest, open_return
from core.stores import staff


@desk.get("/<key>/orders/<int:order_id>/return")
def new_return(key: str, order_id: int) -> str:
    """The form: one row for each line of which something is left."""
    staff.require(g.person, staff.MAY_ACT)
    return _print(order_id)


@desk.post("/<key>/orders/<int:order_id>/return")
@versioned(lambda key, order_id: _print(order_id))
def open_for_shopper(key: str, order_id: int) -> BaseResponse | tuple[str, int]:
    """Open it; staff may take in what the policy declines, as long as there is something left."""
    staff.require(g.person, staff.MAY_ACT)
    app, say = services(), words()
    wanted = _read(request.form)
    asked = ReturnRequest(wanted, comment=request.form.get("comment", "").strip())
    by = Actor(staff_name(), g.person.role, g.person.ref)
    collections = ask_collections(app, g.store, order_id) if wanted else None
    try:
        with app.db.transaction(g.store.id) as session:
            order = lock_order(session, g.store.id, order_id)
            if order is None:
                raise ReturnNotFound
            check_version(session, ReturnableGoods(order))
            if wanted:
                rma = open_return(session, g.store, order_id, asked, by, collections=collections, now=app.clock())
    except ReturnNotFound:
        abort(404)
    except ReturnNotAllowed as refusal:
        return _print(order_id, sentences.objections_text(say, refusal.considered.answer.objections)), 409
    if not wanted:
        return _print(order_id, say.pgettext("desk", "Say how many of at least one item come back.")), 422
    return redirect(url_for("desk.show_return", key=key, return_id=rma.id, done=1))


def _read(form: Mapping[str, str]) -> tuple[RequestedLine, ...]:
    """Read the rows in which a quantity stands."""
    rows = []
    for name in form:
        field, _, ref = name.partition(".")
        count, wish = form[name].strip()[:9], form.get(f"wish.{ref}", "")
        if field == "quantity" and count.isascii() and count.isdecimal() and int(count) and wish in WISHES:
            reason = form.get(f"reason.{ref}", "other")[:40]
            rows.append(RequestedLine(ref, int(count), reason, wish))  # type: ignore[arg-type]
    return tuple(rows)


def _print(order_id: int, problem: str = "") -> str:
    with services().db.transaction(g.store.id, write=False) as session:
        order = session.get(Order, (g.store.id, order_id))
        if order is None or order.gone_at is not None or order.erased_at is not None:
            abort(404)
        policy = policy_versions.policy_of(session, g.store)
        version = version_of(session, ReturnableGoods(order))
        return show_page(
            "open_return",
            order=order,
            rows=_rows(read_balance(session, order)),
            version=version,
            reasons=[(key, reason_label(words(), key)) for key in policy.reasons],
            wishes=[(wish, wish_label(words(), wish)) for wish in policy.wishes],
            problems={"": problem} if problem else {},
            typed=request.form,
        )


def _rows(books: OrderBalance) -> Sequence[tuple[Any, int]]:
    """Give each line of goods with how many of it are left."""
    return [(line, books.left[line.ref]) for line in books.lines if line.kind in GOODS and books.left.get(line.ref)]
