"""Where the platform's own return and ours have gone apart: noted for staff, and taken back once they agree."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.returns import events
from core.returns.model import Return
from core.returns.native_columns import Conflict

CASE = "return_conflict"


def note_conflict(session: Session, rma: Return, conflict: Conflict, *, sentence: str = "", now: datetime) -> None:
    """Keep what went apart and open a case, once for each conflict."""
    if rma.native_conflict == conflict and rma.native_sentence == sentence:
        return
    rma.native_conflict, rma.native_sentence = conflict, sentence[:1000]
    facts = {"rma": rma.rma, "conflict": conflict, "by": "platform"}
    events.record_event(session, rma.order_id, "return_conflict", facts, now=now)
    events.request_case(session, rma.store_id, rma.order_id, CASE, now=now)


def settle_conflict(session: Session, rma: Return, *, now: datetime) -> None:
    """Take a conflict back: the two agree again. The order's case stays open while another of its returns has one."""
    if not rma.native_conflict:
        return
    rma.native_conflict = rma.native_sentence = ""
    others = sa.select(Return.id).where(Return.order_id == rma.order_id, Return.id != rma.id)
    if session.scalar(others.where(Return.native_conflict != "").limit(1)) is None:
        events.request_case_closing(session, rma.store_id, rma.order_id, CASE, now=now)
