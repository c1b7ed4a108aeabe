"""What is kept and for how long: ended jobs, used nonces, counted tries."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from core import jobs
from core.jobs import Kind, Work
from core.stores.model import Nonce, Throttle

JOBS_KEPT = timedelta(days=14)


def prune(work: Work) -> None:
    """Forget what has ended or expired; a `system()` transaction, for it clears every store's."""
    with work.services.db.system() as session:
        jobs.prune(session, before=work.now - JOBS_KEPT)
        session.execute(sa.delete(Nonce).where(Nonce.expires_at < work.now))
        session.execute(sa.delete(Throttle).where(Throttle.expires_at < work.now))


JOBS = {"clock.prune": Kind(prune, attempts=1)}
