"""The audit log: who did what to what, as codes, chained by hash so that a changed or missing entry is found.

An entry holds no name and no free text: a person stands in it as the platform's id, a reason stays in the row it is
about. Entries are chained store by store when their transaction commits, under a lock on the chain's head.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.database import insert
from core.stores.model import AuditEntry, AuditHead

STAFF = "staff"
"""Who acted, where it was one of the merchant's people; `staff_ref` says which."""

_acting: ContextVar[str] = ContextVar("acting_staff_ref", default="")
_VERB = re.compile(r"[a-z]+(_[a-z]+)*")
_SUBJECT = re.compile(r"([a-z]+:\S{1,200})?")
_CODE = re.compile(r"\S{0,200}")
_PENDING = "audit_entries"
"""Where a session keeps the entries that its commit will chain."""


class NotACode(ValueError):
    """An audit entry holds codes only; a text with a space in it is none."""


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first place where a store's chain does not hold, counted from 1.

    `changed`: the entry is not what was written. `missing`: there is no such entry, or there are entries more than
    the head knows of.
    """

    seq: int
    why: Literal["changed", "missing"]


def act_as(staff_ref: str) -> None:
    """Name the person whose request this thread answers, by the platform's id; "" once it is answered.

    Set where a request comes in and not by each verb: no verb can forget it, and no form can choose it.
    """
    _acting.set(staff_ref)


def acting_ref() -> str:
    """Give the platform's id of the person whose request this thread answers, or ""."""
    return _acting.get()


def note(
    session: Session,
    at: datetime,
    actor: str,
    verb: str,
    subject: str = "",
    codes: Mapping[str, Any] | None = None,
    *,
    staff_ref: str = "",
) -> AuditEntry:
    """Write down that somebody did something, in the transaction in which it was done.

    `actor` is staff, shopper, policy, law, aftercare or a platform's name; `subject` is "return:RMA-1001" or the like;
    `staff_ref` is for a person who is not let in yet, otherwise the request says who acts. Raises NotACode.
    """
    facts = dict(codes or {})
    if not (_VERB.fullmatch(verb) and _SUBJECT.fullmatch(subject) and _VERB.fullmatch(actor) and _are_codes(facts)):
        raise NotACode(verb)
    person = staff_ref or (acting_ref() if actor == STAFF else "")
    entry = AuditEntry(id=new_id(), at=at, who=actor, staff_ref=person, what=verb, subject=subject, facts=facts)
    session.add(entry)
    session.info.setdefault(_PENDING, []).append(entry)
    return entry


def verify_chain(session: Session) -> BrokenLink | None:
    """Give the first place where the chain of the session's store is broken, None where it holds.

    Entries from before the chain have no place in it and are not looked at.
    """
    head = session.scalar(sa.select(AuditHead))
    last, before = 0, ""
    chained = sa.select(AuditEntry).where(AuditEntry.seq.is_not(None)).order_by(AuditEntry.seq)
    for entry in session.scalars(chained.execution_options(yield_per=500)):
        if entry.seq != last + 1:
            return BrokenLink(last + 1, "missing")
        if entry.hash != _hash(entry, before):
            return BrokenLink(entry.seq, "changed")
        last, before = entry.seq, entry.hash
    if (last, before) == ((head.last, head.hash) if head else (0, "")):
        return None
    return BrokenLink(last + 1 if head is None or last <= head.last else head.last + 1, "missing")


@event.listens_for(Session, "before_commit")
def _chain_entries(session: Session) -> None:
    """Chain what this transaction noted, at its end: the head is the last row it locks, so nobody waits in a circle."""
    if session.in_nested_transaction() or not session.info.get(_PENDING):
        return
    session.flush()
    pending = session.info.pop(_PENDING)
    entries = [entry for entry in pending if sa.inspect(entry).persistent]  # a savepoint takes its entries back
    head = _lock_head(session)
    for entry in entries:
        entry.seq = head.last + 1
        entry.hash = _hash(entry, head.hash)
        head.last, head.hash = entry.seq, entry.hash


def _lock_head(session: Session) -> AuditHead:
    mine = sa.select(AuditHead).with_for_update().execution_options(populate_existing=True)
    head = session.scalar(mine)
    if head is None:
        first = {"store_id": session.info["store_id"], "id": new_id(), "last": 0, "hash": ""}
        session.execute(insert(session, table_of(AuditHead)).values(first).on_conflict_do_nothing())
        head = session.scalars(mine).one()
    return head


def _hash(entry: AuditEntry, before: str) -> str:
    """Hash an entry together with the hash before it: SHA-256 over JSON with sorted keys, as hexadecimal digits."""
    at = entry.at.astimezone(UTC).isoformat()
    place = (before, entry.store_id, entry.seq, entry.id)
    content = (*place, at, entry.who, entry.staff_ref, entry.what, entry.subject, entry.facts)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _are_codes(value: Any) -> bool:
    """Say whether a value is a number or a code, or is made of nothing else."""
    if isinstance(value, Mapping):
        return all(_are_codes(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple):
        return all(map(_are_codes, value))
    return value is None or isinstance(value, int) or (isinstance(value, str) and bool(_CODE.fullmatch(value)))
