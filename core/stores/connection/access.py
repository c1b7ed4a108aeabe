"""Whether a store's credentials still work: look again before closing it, and while it is closed.

A store refuses single calls for reasons of its own (a security plugin, a route, a moment). Only when it refuses each
of several looks over some minutes is it closed: its work pauses, its desk and its owner are told. Closed, it is
looked at on a growing schedule, and opens by itself once it lets us in.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs import queue
from core.jobs.queue import Job, Kind, NewJob, Work
from core.platform.errors import AccessLost, NotSupported, PlatformError, Refused
from core.secrets import Unsealable
from core.services import Services
from core.stores import audit, renewal
from core.stores.connection import owner_mail
from core.stores.platform_access import make_platform, open_platform, store_by_id

LOOKS = (timedelta(0), timedelta(minutes=1), timedelta(minutes=3))
"""How long after the one before each look comes that must be refused before a store is closed."""
TRIES = tuple(timedelta(hours=hours) for hours in (0.25, 0.5, 1, 2, 4, 8, 12))
"""How long after the one before each try comes to get into a closed store; the last distance stays."""


def report_refusal(session: Session, store_id: int, *, now: datetime) -> None:
    """Promise to look whether a store refuses its credentials for everything."""
    queue.enqueue(session, store_id, NewJob("stores.confirm_loss", "confirm_loss", {"look": 0}), now=now)


def is_in_doubt(session: Session) -> bool:
    """Say whether the session's store refused its credentials and is being looked at for it."""
    look = sa.select(Job.id).where(Job.key == "confirm_loss", Job.state.in_(["waiting", "running"]))
    return session.scalar(look.limit(1)) is not None


def confirm_loss(work: Work) -> None:
    """Look whether the credentials still work; close the store after the last of the looks that must be refused."""
    services: Services = work.services
    with services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
    if store.state != "open":
        return
    try:
        open_platform(services, store).check_access()
    except AccessLost as error:
        reason = str(error)
        if renewal.renew_refused(services, store, make_platform):
            return
    except (Refused, NotSupported):  # it answers; what is wrong otherwise is for the health check to say
        return
    else:
        return
    look = work.payload["look"] + 1
    with work.done() as session:
        if look < len(LOOKS):
            again = NewJob("stores.confirm_loss", "confirm_loss", {"look": look}, work.now + LOOKS[look])
            queue.enqueue(session, work.store_id, again, now=work.now)
        else:
            close(session, work.store_id, reason, sealed=work.job.sealed, now=work.now)


def close(session: Session, store_id: int, reason: str, *, sealed: bytes, now: datetime) -> None:
    """Close a store whose credentials no longer work, tell its owner and promise to try again.

    Its jobs pause one by one as they come up. `sealed` are the credentials as they were kept when the job that was
    refused began; a store that has been given others meanwhile stays open.
    """
    store = store_by_id(session, store_id, lock=True)
    if store.state != "open" or store.credentials != sealed:
        return
    store.state, store.state_reason, store.closed_at = "closed", reason[:500], now
    _try_later(session, store_id, 0, now=now)
    owner_mail.promise(session, store, "closed", occasion=now.isoformat(), now=now)
    audit.note(session, now, "aftercare", "lose_access")


def reopen(work: Work) -> None:
    """Try to get into a closed store: open it and let its work go on, or try again later."""
    services: Services = work.services
    with services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
    if store.state != "closed":
        return
    try:
        open_platform(services, store, although_closed=True).check_access()
    except (PlatformError, Unsealable):
        with work.done() as session:
            _try_later(session, work.store_id, work.payload.get("tries", 0) + 1, now=work.now)
        return
    with work.done() as session:
        row = store_by_id(session, work.store_id, lock=True)
        if row.state != "closed" or row.credentials != store.credentials:
            return  # connected again meanwhile
        row.state, row.state_reason, row.closed_at = "open", "", None
        queue.resume(session, work.store_id, now=work.now)
        queue.enqueue(session, work.store_id, NewJob("stores.check_health", "check_health"), now=work.now)
        audit.note(session, work.now, "aftercare", "regain_access")


def look_after(session: Session, store_id: int, *, at: datetime, now: datetime) -> None:
    """See that a closed store is tried again, by `at` where nothing was promised yet."""
    promised = sa.select(Job.id).where(Job.key == "reopen", Job.state.in_(["waiting", "running"]))
    if session.scalar(promised) is None:
        queue.enqueue(session, store_id, NewJob("stores.reopen", "reopen", run_at=at), now=now)


def try_now(session: Session, store_id: int, *, now: datetime) -> None:
    """Try to get into a closed store at once, because somebody asked for it."""
    queue.enqueue(session, store_id, NewJob("stores.reopen", "reopen", is_news=True), now=now)


def _try_later(session: Session, store_id: int, tries: int, *, now: datetime) -> None:
    at = now + TRIES[min(tries, len(TRIES) - 1)]
    queue.enqueue(session, store_id, NewJob("stores.reopen", "reopen", {"tries": tries}, at), now=now)


JOBS = {"stores.confirm_loss": Kind(confirm_loss), "stores.reopen": Kind(reopen)}
