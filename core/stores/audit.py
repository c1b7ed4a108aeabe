"""The audit log: verbs write it, nobody edits it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.stores.model import AuditEntry


def note(session: Session, at: datetime, who: str, what: str, facts: Mapping[str, Any] | None = None) -> None:
    """Write down that somebody did something, in the transaction in which it was done."""
    session.add(AuditEntry(at=at, who=who, what=what, facts=dict(facts or {})))
