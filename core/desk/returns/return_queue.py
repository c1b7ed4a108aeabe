"""Which returns, payments and withdrawals wait for the merchant, in the order in which they should be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order
from core.returns.law.withdrawal_law import day_there
from core.returns.model import Reimbursement, Return, Withdrawal
from core.returns.states import WITHDRAWAL_ENDS
from core.returns.waiting import STUCK, is_waiting

Clock = Literal["over", "broken", "soon", "running", "waits"]
SOON = timedelta(days=3)
"""So many days before its last day a withdrawal's money is due soon."""
_RUNNING = ("declared", "acknowledged", "contested")


def count_waiting(session: Session) -> int:
    """Count the returns that wait for staff."""
    return session.scalar(sa.select(sa.func.count()).select_from(Return).where(is_waiting())) or 0


def count_stuck(session: Session) -> int:
    """Count the payments that failed or wait for a person, of returns and withdrawals alike."""
    query = sa.select(sa.func.count()).select_from(Reimbursement).where(Reimbursement.state.in_(STUCK))
    return session.scalar(query) or 0


def list_stuck(session: Session, *, most: int) -> list[Any]:
    """Give (Reimbursement, Order) of every payment that waits for somebody, oldest first."""
    query = sa.select(Reimbursement, Order).join(Order, _of_order(Reimbursement))
    waits = Reimbursement.state.in_((*STUCK, "awaiting_payment"))
    return list(session.execute(query.where(waits).order_by(Reimbursement.created_at).limit(most)).all())


def clock_of(row: Withdrawal, now: datetime) -> Clock:
    """Say how a withdrawal's legal clock stands, by the day it is where the shopper lives; `waits` for the goods."""
    if row.state in WITHDRAWAL_ENDS:
        return "over"
    if row.refund_due is None:
        return "waits"
    today = day_there(row.country, now)
    if row.may_withhold and row.refund_due - today <= SOON:  # nothing is overdue that may lawfully wait for the goods
        return "waits"
    if row.refund_due < today:
        return "broken"
    return "soon" if row.refund_due - today <= SOON else "running"


def count_clocks(session: Session, now: datetime) -> dict[Clock, int]:
    """Count the withdrawals that run, by how their clocks stand."""
    counts: dict[Clock, int] = dict.fromkeys(("broken", "soon", "running", "waits"), 0)
    rows: Sequence[Withdrawal] = session.scalars(sa.select(Withdrawal).where(Withdrawal.state.in_(_RUNNING))).all()
    for row in rows:
        counts[clock_of(row, now)] += 1
    return counts


def _of_order(model: Any) -> sa.ColumnElement[bool]:
    return sa.and_(Order.store_id == model.store_id, Order.id == model.order_id)
