"""Audit entries about returns, withdrawals and reimbursements: codes in the log, the reason given in the row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.returns.model import Reimbursement, Return, Withdrawal
from core.stores import audit
from core.stores.model import AuditEntry

Subject = Return | Withdrawal | Reimbursement
MOST_OF_A_REASON = 2000
"""Characters of a reason that are kept."""


def subject_of(row: Subject) -> str:
    """Name a row as the audit log does: return:RMA-1001, withdrawal:WD-1001, reimbursement:42."""
    if isinstance(row, Return):
        return f"return:{row.rma}"
    if isinstance(row, Withdrawal):
        return f"withdrawal:{row.number}"
    return f"reimbursement:{row.id}"


def note_act(
    session: Session,
    row: Subject,
    verb: str,
    *,
    actor: str = audit.STAFF,
    codes: Mapping[str, Any] | None = None,
    reason: str = "",
    now: datetime,
) -> AuditEntry:
    """Put what somebody did with a row into the audit log, and their reason into the row."""
    entry = audit.note(session, now, actor, verb, subject_of(row), codes)
    if reason.strip():
        row.reasons = [*row.reasons, {"entry": str(entry.id), "text": reason.strip()[:MOST_OF_A_REASON]}]
    return entry
