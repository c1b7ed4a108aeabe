"""Who did what to a return or a withdrawal, and when: its order's events and the audit log, read as one list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import OrderEvent
from core.stores.model import AuditEntry

_MONEY = ("retry reimbursement", "paid by hand")
_SAME = {
    "approve": "return_approved",
    "decline": "return_declined",
    "cancel": "return_canceled",
    "sent": "return_sent",
    "received": "return_received",
    "inspected": "return_inspected",
    "contest": "withdrawal_contested",
    "refuse": "withdrawal_refused",
}
"""The audit's verb → the kind of the event that tells the same."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done: the word for it, by whom ("" where nobody is known), and their reason."""

    at: datetime
    place: int
    """Time-ordered: what was done later in one moment."""
    what: str
    """A word of `names`: "did.return_approved"."""
    who: str = ""
    reason: str = ""


def steps_of(
    session: Session,
    number: str,
    order_id: int,
    since: datetime,
    *,
    money: Sequence[int] = (),
    known: Mapping[str, str] | None = None,
) -> list[Step]:
    """List what happened to "RMA-1042" or "WD-1001" and to the money paid for it (by id), newest first.

    `known` says who caused a kind of event that no audit entry tells of.
    """
    happened = sa.select(OrderEvent).where(OrderEvent.order_id == order_id, OrderEvent.at >= since)
    audited = sa.select(AuditEntry).where(
        AuditEntry.at >= since, sa.or_(AuditEntry.what.contains(number), AuditEntry.what.in_(_MONEY))
    )
    ids = {str(one) for one in money}
    events = [event for event in session.scalars(happened) if _is_about(event.facts, number, ids)]
    entries = [entry for entry in session.scalars(audited) if _is_mine(entry, number, ids)]
    steps = [*_told(events, entries, number, known or {}), *_only_audited(events, entries, number)]
    return sorted(steps, key=lambda step: (step.at, step.place), reverse=True)


def _is_about(facts: dict[str, Any], number: str, money: set[str]) -> bool:
    return number in (facts.get("rma"), facts.get("number")) or facts.get("reimbursement") in money


def _is_mine(entry: AuditEntry, number: str, money: set[str]) -> bool:
    # "RMA-100" stands in "approve RMA-1001" too.
    return number in entry.what.split() or entry.facts.get("reimbursement") in money


def _verb(entry: AuditEntry, number: str) -> str:
    return entry.what.partition(f" {number}")[0]


def _told(
    events: Sequence[OrderEvent], entries: Sequence[AuditEntry], number: str, known: Mapping[str, str]
) -> Iterator[Step]:
    """Give the events, with the name and the reason of whoever caused them."""
    for event in events:
        by = next((one for one in entries if one.at == event.at and _SAME.get(_verb(one, number)) == event.kind), None)
        reason = str(by.facts.get("reason", "")) if by else ""
        yield Step(event.at, event.id, f"did.{event.kind}", by.who if by else known.get(event.kind, ""), reason)


def _only_audited(events: Sequence[OrderEvent], entries: Sequence[AuditEntry], number: str) -> Iterator[Step]:
    told = {(event.at, event.kind) for event in events}
    for entry in entries:
        verb = _verb(entry, number)
        if (entry.at, _SAME.get(verb, "")) not in told:
            yield Step(entry.at, entry.id, f"did.{verb}", entry.who, str(entry.facts.get("reason", "")))
