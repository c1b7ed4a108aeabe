"""Who did what to a return or a withdrawal, and when: its order's events and the audit log, read as one list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.desk.history_before_chain import Step, older_steps
from core.orders.model import OrderEvent
from core.returns.audit_entries import subject_of
from core.returns.model import Reimbursement, Return, Withdrawal
from core.stores import audit
from core.stores.model import AuditEntry, Staff


def steps_of(
    session: Session,
    row: Return | Withdrawal,
    *,
    money: Sequence[Reimbursement] = (),
    causes: Mapping[str, str] | None = None,
) -> list[Step]:
    """List what happened to a return or a withdrawal and to the money paid for it, newest first.

    `causes` says who caused a kind of event that no audit entry tells of.
    """
    number, since = (row.rma, row.opened_at) if isinstance(row, Return) else (row.number, row.started_at)
    paid = [one.id for one in money]
    happened = sa.select(OrderEvent).where(OrderEvent.order_id == row.order_id, OrderEvent.at >= since)
    ids = {str(one) for one in paid}
    events = [event for event in session.scalars(happened) if _is_about(event.facts, number, ids)]
    entries = _entries(session, [subject_of(one) for one in (row, *money)])
    linked = {event.facts["entry"]: event for event in events if event.facts.get("entry") in entries}
    others = [event for event in events if event.facts.get("entry") not in entries]
    steps = [
        *_entry_steps(session, entries, linked, _reasons(row, *money)),
        *older_steps(session, number, since, others, money=paid, causes=causes or {}),
    ]
    return sorted(steps, key=lambda step: (step.at, step.place), reverse=True)


def _is_about(facts: Mapping[str, Any], number: str, money: set[str]) -> bool:
    return number in (facts.get("rma"), facts.get("number")) or facts.get("reimbursement") in money


def _entries(session: Session, subjects: Sequence[str]) -> dict[str, AuditEntry]:
    """Read the entries about these subjects, by id."""
    mine = sa.select(AuditEntry).where(AuditEntry.subject.in_(subjects), AuditEntry.seq.is_not(None))
    return {str(entry.id): entry for entry in session.scalars(mine.order_by(AuditEntry.seq))}


def _entry_steps(
    session: Session, entries: Mapping[str, AuditEntry], linked: Mapping[str, OrderEvent], reasons: Mapping[str, str]
) -> Iterator[Step]:
    """Give one step for each entry; where an event tells of the same act, by the event's word and place."""
    names = _names(session, {entry.staff_ref for entry in entries.values()})
    for id_, entry in entries.items():
        event = linked.get(id_)
        word, place = (event.kind, event.id) if event else (entry.what, entry.id)
        who = names.get(entry.staff_ref, entry.staff_ref) if entry.who == audit.STAFF else entry.who
        yield Step(entry.at, place, f"did.{word}", who, reasons.get(id_, ""))


def _names(session: Session, refs: set[str]) -> dict[str, str]:
    """Name people as they are called today; whoever left is called by the platform's id."""
    if not refs - {""}:
        return {}
    people = session.scalars(sa.select(Staff).where(Staff.ref.in_(refs - {""})))
    return {person.ref: person.name or person.ref for person in people}


def _reasons(*rows: Return | Withdrawal | Reimbursement) -> dict[str, str]:
    """Give the reasons that staff gave, by the audit entry they belong to."""
    return {kept["entry"]: kept["text"] for row in rows for kept in row.reasons}
