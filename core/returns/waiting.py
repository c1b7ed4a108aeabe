"""Which returns wait for staff: as conditions that look into indexes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core.returns.list_order import NOTHING, number, return_attention
from core.returns.model import Reimbursement, Return

STUCK = ("failed", "needs_staff")
"""States of a reimbursement that wait for a person."""


def stuck_returns() -> sa.Select[Any]:
    """Select the ids of the returns whose money failed or waits for a person."""
    is_stuck = Reimbursement.state.in_(STUCK)
    return sa.select(Reimbursement.return_id).where(is_stuck, Reimbursement.return_id.is_not(None))


def is_waiting() -> sa.ColumnElement[bool]:
    """Give the condition that a return waits for staff."""
    by_itself = sa.select(Return.id).where(return_attention < number(NOTHING)).correlate(None)
    return Return.id.in_(sa.union(by_itself, stuck_returns()))
