"""Deleting jobs that ended long ago."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import SYSTEM, table_of
from core.jobs.queue import BATCH, Job

_jobs = table_of(Job)


def prune(session: Session, *, before: datetime, limit: int = 5000) -> int:
    """Forget jobs that ended before then, at most `limit`; give how many.

    Of a store's `once` job the key is kept, or it could be promised again; what it was about is forgotten.
    """
    ended = sa.and_(_jobs.c.state.in_(["done", "superseded"]), _jobs.c.done_at < before)
    lasting = sa.and_(_jobs.c.once, _jobs.c.store_id != SYSTEM)
    ids = session.execute(sa.select(_jobs.c.store_id, _jobs.c.id).where(ended).limit(limit)).all()
    for start in range(0, len(ids), BATCH):
        old = sa.tuple_(_jobs.c.store_id, _jobs.c.id).in_([tuple(row) for row in ids[start : start + BATCH]])
        session.execute(sa.delete(_jobs).where(old, ~lasting))
        session.execute(sa.update(_jobs).where(old, lasting).values(payload={}, done_at=None))
    return len(ids)
