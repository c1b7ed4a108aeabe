"""Payments that did not go by themselves: tried again, or noted as paid by hand."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from flask import abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.flash_messages import not_possible, reason_needed
from core.desk.page import desk
from core.desk.returns.return_pages import print_return
from core.desk.returns.withdrawal_pages import print_withdrawal
from core.desk.versions.row_version import check_version
from core.desk.versions.stale_forms import versioned
from core.http.context import services, words
from core.returns.model import Reimbursement
from core.returns.money import reimburse
from core.returns.money.order_balance import lock_order
from core.returns.money.reimburse import NotOpen
from core.returns.states import IllegalMove
from core.stores import staff


@desk.post("/<key>/money/<int:money_id>/<verb>")
@versioned(lambda key, money_id, verb: print_owner(money_id))
def move_money(key: str, money_id: int, verb: str) -> BaseResponse | tuple[str, int]:
    """Try a failed payment again, or note that it was paid by hand, which needs a reason."""
    staff.require(g.person, staff.MAY_ACT)
    if verb not in ("retry", "paid"):
        abort(404)
    app, reason = services(), request.form.get("note", "").strip()
    try:
        with app.db.transaction(g.store.id) as session:
            row = _find(session, money_id, lock=True)
            check_version(session, row)
            if verb == "retry":
                reimburse.retry(session, row, now=app.clock())
            elif reason:
                reimburse.mark_paid(session, row, reason=reason, now=app.clock())
    except (NotOpen, IllegalMove):
        return print_owner(money_id, {"": not_possible()}), 409
    if verb == "paid" and not reason:
        return print_owner(money_id, {f"paid.{money_id}": reason_needed(words())}), 422
    if row.return_id:
        return redirect(url_for("desk.show_return", key=key, return_id=row.return_id, done=1))
    return redirect(url_for("desk.show_withdrawal", key=key, withdrawal_id=row.withdrawal_id, done=1))


def print_owner(money_id: int, problems: Mapping[str, str] | None = None) -> str:
    """Print the page of what a payment is for."""
    with services().db.transaction(g.store.id, write=False) as session:
        row = _find(session, money_id)
    if row.return_id:
        return print_return(row.return_id, problems)
    assert row.withdrawal_id is not None
    return print_withdrawal(row.withdrawal_id, problems)


def _find(session: Session, money_id: int, *, lock: bool = False) -> Reimbursement:
    """Load a payment; to change it, lock its order first, as everybody does."""
    row = session.get(Reimbursement, (g.store.id, money_id))
    if row is None:
        abort(404)
    if lock:
        lock_order(session, g.store.id, row.order_id)
        mine = sa.select(Reimbursement).where(Reimbursement.id == row.id).with_for_update()
        return session.scalars(mine.execution_options(populate_existing=True)).one()
    return row
