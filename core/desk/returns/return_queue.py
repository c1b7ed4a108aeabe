"""Which returns, payments and withdrawals wait for the merchant, in the order in which they should be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.find import number_key
from core.orders.model import Order
from core.returns.law.withdrawal_law import day_there
from core.returns.model import Reimbursement, Return, Withdrawal
from core.returns.states import WITHDRAWAL_ENDS

Clock = Literal["over", "broken", "soon", "running", "waits"]
SOON = timedelta(days=3)
"""So many days before its last day a withdrawal's money is due soon."""
STUCK = ("failed", "needs_staff")
"""States of a reimbursement that wait for a person."""
_OPEN = ("requested", "approved", "received")
_RUNNING = ("declared", "acknowledged", "contested")


def _urgency() -> sa.Case[Any]:
    """Say why a return waits for staff; NULL where it does not."""
    stuck = sa.select(Reimbursement.return_id).where(
        Reimbursement.state.in_(STUCK), Reimbursement.return_id.is_not(None)
    )
    is_asked = Return.acceptance == "requested"
    return sa.case(
        (sa.and_(is_asked, Return.approval_asked_by != ""), 0),
        (is_asked, 1),
        (Return.id.in_(stuck), 2),
        (sa.and_(Return.acceptance == "approved", Return.reception == "received"), 3),
        (Return.native_conflict != "", 4),
    )


WAITS = ("approval", "decision", "money", "inspection", "conflict")
"""What the numbers of `_urgency` mean."""


def _waiting_returns() -> sa.Select[Any]:
    return (
        sa.select(Return, Order, _urgency().label("why"))
        .join(Order, _of_order(Return))
        .where(sa.or_(Return.status.in_(_OPEN), Return.native_conflict != ""), _urgency().is_not(None))
    )


def list_returns(session: Session, *, show: str, typed: str, most: int) -> list[Any]:
    """Give (Return, Order, why it waits or None): those that wait, most urgent first; a status' newest; or what a
    number finds."""
    if typed:
        key = number_key(typed)
        found = sa.or_(Return.rma.in_([typed.upper(), f"RMA-{key}"]), Order.number_key == key)
        query = _all_returns().where(found)
    elif show == "waiting":
        due = sa.func.coalesce(Return.received_at, Return.answer_by, Return.opened_at)
        query = _waiting_returns().order_by("why", due, Return.id)
    else:
        query = _all_returns()
        if show != "all":
            query = query.where(Return.status == show)
    return list(session.execute(query.limit(most)).all())


def _all_returns() -> sa.Select[Any]:
    every = sa.select(Return, Order, _urgency().label("why")).join(Order, _of_order(Return))
    return every.order_by(Return.opened_at.desc(), Return.id.desc())


def count_by_status(session: Session) -> dict[str, int]:
    """Count returns by their one word, and under "waiting" those that wait for staff."""
    times = sa.select(Return.status, sa.func.count()).group_by(Return.status)
    return {"waiting": count_waiting(session), **dict(session.execute(times).all())}


def count_waiting(session: Session) -> int:
    """Count the returns that wait for staff."""
    return session.scalar(sa.select(sa.func.count()).select_from(_waiting_returns().subquery())) or 0


def count_stuck(session: Session) -> int:
    """Count the payments that failed or wait for a person, of returns and withdrawals alike."""
    query = sa.select(sa.func.count()).select_from(Reimbursement).where(Reimbursement.state.in_(STUCK))
    return session.scalar(query) or 0


def list_stuck(session: Session, *, most: int) -> list[Any]:
    """Give (Reimbursement, Order) of every payment that waits for somebody, oldest first."""
    query = sa.select(Reimbursement, Order).join(Order, _of_order(Reimbursement))
    waits = Reimbursement.state.in_((*STUCK, "awaiting_payment"))
    return list(session.execute(query.where(waits).order_by(Reimbursement.created_at).limit(most)).all())


def list_withdrawals(session: Session, *, running: bool, most: int) -> list[Any]:
    """Give (Withdrawal, Order): those that run, the nearest legal day first, or all that were declared."""
    query = sa.select(Withdrawal, Order).join(Order, _of_order(Withdrawal)).where(Withdrawal.declared_at.is_not(None))
    if running:
        query = query.where(Withdrawal.state.in_(_RUNNING))
        query = query.order_by(Withdrawal.refund_due.is_(None), Withdrawal.refund_due, Withdrawal.declared_at)
    else:
        query = query.order_by(Withdrawal.declared_at.desc())
    return list(session.execute(query.limit(most)).all())


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
