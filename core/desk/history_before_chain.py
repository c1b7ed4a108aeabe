"""Reads audit entries written before the audit chain: sentences with a number in them, matched to events by their time.

Nothing writes such entries any more; they stay as they were. `history` reads the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

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
_WORDS = {
    "let keep": "let_keep",
    "asked for approval of": "ask_approval",
    "changed the terms of": "set_terms",
    "refund of": "refund",
    "goods of": "goods_back",
    "handed over the receipt of": "hand_over_receipt",
    "label for": "set_label",
    "retry reimbursement": "retry",
    "dropped reimbursement": "drop",
    "paid by hand": "mark_paid",
}
"""The words of an older entry → the verb that says the same today."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done: the word for it, by whom ("" where nobody is known), and their reason."""

    at: datetime
    place: int
    """Time-ordered: what was done later in one moment."""
    what: str
    """A word of `labels`: "did.return_approved"."""
    who: str = ""
    reason: str = ""


def older_steps(
    session: Session,
    number: str,
    since: datetime,
    events: Sequence[OrderEvent],
    *,
    money: Sequence[int] = (),
    causes: Mapping[str, str],
) -> list[Step]:
    """List what these events and older entries tell of "RMA-1042" or "WD-1001" and the money paid for it (by id).

    `causes` says who caused a kind of event that no audit entry tells of.
    """
    audited = sa.select(AuditEntry).where(
        AuditEntry.seq.is_(None),
        AuditEntry.at >= since,
        sa.or_(AuditEntry.what.contains(number), AuditEntry.what.in_(_MONEY)),
    )
    ids = {str(one) for one in money}
    entries = [entry for entry in session.scalars(audited) if _is_mine(entry, number, ids)]
    return [*_event_steps(events, entries, number, causes), *_only_audited(events, entries, number)]


def _is_mine(entry: AuditEntry, number: str, money: set[str]) -> bool:
    # "RMA-100" stands in "approve RMA-1001" too.
    return number in entry.what.split() or entry.facts.get("reimbursement") in money


def _verb(entry: AuditEntry, number: str) -> str:
    return entry.what.partition(f" {number}")[0]


def _event_steps(
    events: Sequence[OrderEvent], entries: Sequence[AuditEntry], number: str, causes: Mapping[str, str]
) -> Iterator[Step]:
    """Give the events, with the name and the reason of whoever caused them."""
    for event in events:
        by = next((one for one in entries if one.at == event.at and _SAME.get(_verb(one, number)) == event.kind), None)
        reason = str(by.facts.get("reason", "")) if by else ""
        who = by.who if by else event.facts.get("by") or causes.get(event.kind, "")
        yield Step(event.at, event.id, f"did.{event.kind}", who, reason)


def _only_audited(events: Sequence[OrderEvent], entries: Sequence[AuditEntry], number: str) -> Iterator[Step]:
    shown = {(event.at, event.kind) for event in events}
    for entry in entries:
        verb = _verb(entry, number)
        if (entry.at, _SAME.get(verb, "")) not in shown:
            yield Step(
                entry.at, entry.id, f"did.{_WORDS.get(verb, verb)}", entry.who, str(entry.facts.get("reason", ""))
            )
