"""The audit log: verbs write it, nobody edits it."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.stores.model import AuditEntry

_acting: ContextVar[str] = ContextVar("acting_staff_ref", default="")


def act_as(staff_ref: str) -> None:
    """Name the person whose request this thread answers, by the platform's id; "" once it is answered.

    Set by the door and not by each verb: no verb can forget it, and no form can choose it.
    """
    _acting.set(staff_ref)


def acting_ref() -> str:
    """Give the platform's id of the person whose request this thread answers, or ""."""
    return _acting.get()


def note(
    session: Session, at: datetime, who: str, what: str, facts: Mapping[str, Any] | None = None, *, staff_ref: str = ""
) -> None:
    """Write down that somebody did something, in the transaction in which it was done.

    `staff_ref` is for a person who is not yet let in; otherwise the request says who acts.
    """
    session.add(AuditEntry(at=at, who=who, staff_ref=staff_ref or acting_ref(), what=what, facts=dict(facts or {})))
