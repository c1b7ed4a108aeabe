"""Says who changed a row since a page showed it: by its history where it has one, else by the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import singledispatch
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.conversations.model import Case
from core.desk.history import Step, steps_of
from core.desk.reviews.review_facts import view_review
from core.desk.versions.row_facts import Connection, CurrentPolicy, OwnChoices, PersonalData, ReturnableGoods, Section
from core.jobs.queue import Job
from core.orders.messages.notice import Notice
from core.returns.audit_entries import subject_of
from core.returns.model import Reimbursement, Return, Withdrawal
from core.returns.withdrawal import declarations
from core.returns.withdrawal.model import Declaration
from core.reviews.model import Review
from core.stores import audit
from core.stores.model import AuditEntry, ConnectedSource, Staff, StoreClaim

CONNECTION = "store:connection"
"""What the audit log calls a store's connection."""


def last_step(session: Session, row: Any, since: datetime) -> Step | None:
    """Give the last thing somebody did with a row at or after a moment; None where nobody is known."""
    done = (step for step in _history(row, session) if step.who and step.at >= since)
    return max(done, key=lambda step: (step.at, step.place), default=None)


def outcome_of(session: Session, subject: str) -> Step | None:
    """Give the last entry of the audit log about a subject such as settings:mail."""
    return next(iter(_entries(session, [subject])), None)


@singledispatch
def _history(row: Any, session: Session) -> Sequence[Step]:
    return _entries(session, [_subject(row)])


def _subject(row: Any) -> str:
    """Name a row as the audit log does."""
    if isinstance(row, Section):
        return f"settings:{row.name}"
    if isinstance(row, PersonalData):
        return f"order:{row.order.id}"
    if isinstance(row, Connection):
        return CONNECTION
    if isinstance(row, Declaration):
        return declarations.subject_of(row)
    if isinstance(row, Staff):
        return f"staff:{row.ref}"
    if isinstance(row, ConnectedSource):
        return f"source:{row.key}"
    prefix = {Notice: "notice", Case: "case", Job: "job", StoreClaim: "claim"}[type(row)]
    return f"{prefix}:{row.id}"


@_history.register
def _(row: Return, session: Session) -> Sequence[Step]:
    money = session.scalars(sa.select(Reimbursement).where(Reimbursement.return_id == row.id)).all()
    causes = {"return_sent": "shopper", "return_canceled": "shopper"}
    return steps_of(session, row, money=money, causes=causes)


@_history.register
def _(row: Withdrawal, session: Session) -> Sequence[Step]:
    money = session.scalars(sa.select(Reimbursement).where(Reimbursement.withdrawal_id == row.id)).all()
    causes = dict.fromkeys(("withdrawal_sent", "withdrawal_retracted"), "shopper")
    return steps_of(session, row, money=money, causes=causes)


@_history.register
def _(row: Reimbursement, session: Session) -> Sequence[Step]:
    return _entries(session, [subject_of(row)])


@_history.register
def _(row: Review, session: Session) -> Sequence[Step]:
    return view_review(session, row).history


@_history.register
def _(row: CurrentPolicy, session: Session) -> Sequence[Step]:
    return _entries(session, [f"policy:{row.version}"])


@_history.register
def _(_row: OwnChoices, _session: Session) -> Sequence[Step]:
    return ()  # nobody else can have changed them, and the audit log does not hold them


@_history.register
def _(row: ReturnableGoods, session: Session) -> Sequence[Step]:
    opened = sa.select(Return).where(Return.order_id == row.order.id)
    return [Step(one.opened_at, one.id, "did.return_requested", one.opened_by) for one in session.scalars(opened)]


def _entries(session: Session, subjects: Sequence[str]) -> list[Step]:
    """Read the last entries about these subjects as steps, the newest first."""
    about = sa.select(AuditEntry).where(AuditEntry.subject.in_(subjects), AuditEntry.seq.is_not(None))
    entries = session.scalars(about.order_by(AuditEntry.seq.desc()).limit(20)).all()
    refs = {entry.staff_ref for entry in entries} - {""}
    people = session.scalars(sa.select(Staff).where(Staff.ref.in_(refs)))
    names = {person.ref: person.name or person.ref for person in people}
    return [
        Step(
            entry.at,
            entry.seq or 0,
            f"did.{entry.what}",
            names.get(entry.staff_ref, entry.staff_ref) if entry.who == audit.STAFF else entry.who,
        )
        for entry in entries
    ]
