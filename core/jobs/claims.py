"""How a worker takes due jobs, stores in turn, and gives back those it could not finish."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.db.base import UtcTime, table_of
from core.jobs.due_jobs import ONE_PLAN, Ids, Turn, line_up
from core.jobs.queue import LEASE, Claimed, Job, LeaseLost, Work, twin_waits

SET_BACK = timedelta(minutes=1)
"""A clock that shows this much less than it did was set back; what differs less is two clocks' small difference."""
RECLAIMED = 256
"""How many jobs of dead workers a claim gives back."""

_jobs = table_of(Job)


class StoreAccess(Protocol):
    """What a worker must know of stores, whose own room is above this one: the app passes it."""

    def sealed_credentials(self, store_id: sa.ColumnElement[int]) -> sa.ColumnElement[bytes]:
        """Give the expression for the credentials of the store with this id, as they are kept."""

    def is_open(self, session: Session, store_id: int) -> bool:
        """Say whether a store is open; it stays so until the caller commits."""

    def report_refusal(self, session: Session, store_id: int, *, now: datetime) -> None:
        """Note that an open store refused its credentials: whether it is closed is decided by looking again."""


def claim(
    session: Session,
    limit: int,
    stores: StoreAccess,
    *,
    now: datetime,
    lease: timedelta = LEASE,
    leases: Mapping[str, timedelta] | None = None,
    after: Turn | None = None,
    held: Mapping[int, int] | None = None,
    most: int | None = None,
) -> list[Claimed]:
    """Take up to `limit` due jobs, stores in turn, oldest first within a store. Needs a `system()` transaction.

    A job is ours for `lease`, or as long as `leases` says for its kind. `held` says how many jobs the caller holds,
    by store: with these, no store has more than `most`.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(ONE_PLAN)
    _reclaim(session, now)
    room = partial(_room, held or {}, limit if most is None else most)
    free = _lock_free(session, line_up(session, limit, now, after or Turn(), room), limit, room)
    if not free:
        return []
    token = secrets.token_hex(8)
    until = {kind: sa.literal(now + its, UtcTime()) for kind, its in (leases or {}).items()}
    otherwise = sa.literal(now + lease, UtcTime())
    lease_until = sa.case(until, value=_jobs.c.kind, else_=otherwise) if until else otherwise
    taken = session.execute(
        sa.update(_jobs)
        .where(_are_among(session, free))
        .values(state="running", attempts=_jobs.c.attempts + 1, lease_until=lease_until, lease_token=token)
        .returning(
            *[_jobs.c[name] for name in Claimed.__slots__ if name not in ("token", "sealed")],
            _jobs.c.lease_token.label("token"),
            sa.func.coalesce(stores.sealed_credentials(_jobs.c.store_id), b"").label("sealed"),
        )
    ).mappings()
    place = {pair: index for index, pair in enumerate(free)}
    return sorted((Claimed(**row) for row in taken), key=lambda job: place[job.store_id, job.id])


def _room(held: Mapping[int, int], most: int, store_id: int) -> int:
    return max(0, most - held.get(store_id, 0))


def _lock_free(session: Session, candidates: Ids, limit: int, room: Callable[[int], int]) -> Ids:
    """Lock the first candidates nobody else is taking, at most `limit`, of each store as many as it has room for."""
    locked: list[tuple[int, int]] = []
    rest, taken = list(candidates), Counter[int]()
    while rest and len(locked) < limit:
        batch, rest = rest[:limit], rest[limit:]
        mine = _lock(session, batch)
        for pair in batch:
            if pair in mine and len(locked) < limit and taken[pair[0]] < room(pair[0]):
                locked.append(pair)
                taken[pair[0]] += 1
        rest = [pair for pair in rest if taken[pair[0]] < room(pair[0])]
    return locked


def _lock(session: Session, batch: Ids) -> set[tuple[int, int]]:
    if session.get_bind().dialect.name == "sqlite":  # one writer: nobody else is here
        return set(batch)
    # Their state is looked at here: as a condition it would offer PostgreSQL other indexes than the key's.
    query = sa.select(_jobs.c.store_id, _jobs.c.id, _jobs.c.state).where(_are_among(session, batch))
    rows = session.execute(query.with_for_update(skip_locked=True))
    return {(row.store_id, row.id) for row in rows if row.state == "waiting"}


def _are_among(session: Session, pairs: Ids) -> Any:
    """Give the condition that a job is one of these."""
    # Two arrays: with each pair as parameters the text is new for each number of pairs, and the driver reads it anew.
    this = sa.tuple_(_jobs.c.store_id, _jobs.c.id)
    if session.get_bind().dialect.name == "sqlite":
        return this.in_(pairs)
    columns = ([pair[place] for pair in pairs] for place in (0, 1))
    arrays = (sa.bindparam(None, column, ARRAY(sa.BigInteger), unique=True) for column in columns)
    named = (sa.column(name, sa.BigInteger) for name in ("store_id", "id"))
    these = sa.func.unnest(*arrays).table_valued(*named, name="these").render_derived()
    return this.in_(sa.select(these.c.store_id, these.c.id))


def _reclaim(session: Session, now: datetime) -> None:
    """Give back jobs whose worker died; one whose younger twin already waits is superseded by it."""
    expired = sa.and_(_jobs.c.state == "running", _jobs.c.lease_until < now)
    query = sa.select(_jobs.c.store_id, _jobs.c.id).where(expired).limit(RECLAIMED)
    if session.get_bind().dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    for store_id, id_ in session.execute(query).all():
        _leave_running(session, store_id, id_, state="waiting", run_at=now, reason="its worker went away", now=now)


def follow_clock_back(session: Session, *, was: datetime, now: datetime, longest: timedelta = LEASE) -> int:
    """Let what was due before the database's clock was set back be due still; give how many jobs that concerns.

    `was` is the latest time it is known to have shown, `now` where that is not known: then what was promised in the
    future counts as promised now. No lease lasts longer than `longest` from now.
    """
    late = _jobs.c.run_at <= was
    early = sa.and_(_jobs.c.created_at > now + SET_BACK, _jobs.c.run_at <= _jobs.c.created_at)
    due = sa.and_(_jobs.c.state == "waiting", _jobs.c.run_at > now, sa.or_(late, early))
    created = sa.case((_jobs.c.created_at > now, sa.literal(now, UtcTime())), else_=_jobs.c.created_at)
    hurried = session.execute(sa.update(_jobs).where(due).values(run_at=now, created_at=created))
    lasting = sa.and_(_jobs.c.state == "running", _jobs.c.lease_until > now + longest)
    session.execute(sa.update(_jobs).where(lasting).values(lease_until=now + longest))
    return int(hurried.rowcount)  # type: ignore[attr-defined]


def _leave_running(
    session: Session, store_id: int, id_: int, *, state: str, run_at: Any, reason: str, now: datetime
) -> str:
    """Move a running job to `state`, or to superseded when its younger twin waits; give the state it took."""
    this = sa.and_(_jobs.c.store_id == store_id, _jobs.c.id == id_)
    released = {"lease_token": None, "lease_until": None, "reason": reason[:500]}
    supersede = sa.update(_jobs).where(this).values(state="superseded", done_at=now, **released)
    move = sa.update(_jobs).where(this, ~twin_waits()).values(state=state, run_at=run_at, **released)
    try:
        with session.begin_nested():
            moved = session.execute(move).rowcount == 1  # type: ignore[attr-defined]
    except sa.exc.IntegrityError:  # the twin was promised between the look and the move
        moved = False
    if moved:
        return state
    session.execute(supersede)
    return "superseded"


def fail(
    session: Session,
    job: Claimed,
    reason: str,
    *,
    now: datetime,
    attempts: int = 8,
    retry_after: float | None = None,
    longest_pause: float = 3600.0,
) -> str:
    """Let a job wait for its next try, or be stuck after the last; give the state it took.

    `retry_after` in seconds is the least the platform asks for. A late finisher changes nothing (state "lost").
    """
    if not is_ours(session, job):
        return "lost"
    if job.attempts >= attempts:
        return give_up(session, job, reason, now=now)
    later = now + timedelta(seconds=pause_before(job.attempts, retry_after, longest=longest_pause))
    return _leave_running(session, job.store_id, job.id, state="waiting", run_at=later, reason=reason, now=now)


def give_up(session: Session, job: Claimed, reason: str, *, now: datetime) -> str:
    """Let a job be stuck and visible at once: asking again would not help."""
    if not is_ours(session, job):
        return "lost"
    return _leave_running(session, job.store_id, job.id, state="stuck", run_at=now, reason=reason, now=now)


def pause(session: Session, job: Claimed, reason: str, *, stores: StoreAccess, now: datetime) -> str:
    """Put a job aside until its store opens again; the try does not count. It tries again where that has happened."""
    if not is_ours(session, job):
        return "lost"
    if stores.is_open(session, job.store_id):  # reconnected since the job looked: nobody would come to wake it
        later = now + timedelta(seconds=pause_before(job.attempts))
        return _leave_running(session, job.store_id, job.id, state="waiting", run_at=later, reason=reason, now=now)
    session.execute(sa.update(_jobs).where(held(job)).values(attempts=_jobs.c.attempts - 1))
    return _leave_running(session, job.store_id, job.id, state="paused", run_at=now, reason=reason, now=now)


def give_back(session: Session, job: Claimed, *, now: datetime) -> str:
    """Let others have a job that we took and did not begin, at its old place in the queue; give the state it took.

    It was no try. A younger twin that waits already takes its place ("superseded"); what we no longer hold is "lost".
    """
    if not is_ours(session, job):
        return "lost"
    session.execute(sa.update(_jobs).where(held(job)).values(attempts=_jobs.c.attempts - 1))
    return _leave_running(session, job.store_id, job.id, state="waiting", run_at=_jobs.c.run_at, reason="", now=now)


def held(job: Claimed) -> Any:
    """Give the condition that the job's row is still in the hands of who claimed it."""
    mine = sa.and_(_jobs.c.store_id == job.store_id, _jobs.c.id == job.id)
    return sa.and_(mine, _jobs.c.state == "running", _jobs.c.lease_token == job.token)


def is_ours(session: Session, job: Claimed) -> bool:
    """Say whether we still hold the job; its row stays locked until the caller commits."""
    return session.execute(sa.select(_jobs.c.id).where(held(job)).with_for_update()).first() is not None


@contextmanager
def step(work: Work) -> Iterator[Session]:
    """Open a transaction in the middle of a job: what is written in it stays, whatever becomes of the rest.

    Raises LeaseLost when another worker has taken over: nothing is kept.
    """
    with work.services.db.transaction(work.store_id) as session:
        if not is_ours(session, work.job):
            raise LeaseLost(work.job.kind)
        yield session


def pause_before(attempts: int, retry_after: float | None = None, *, longest: float = 3600.0) -> float:
    """Give the seconds to wait after the given try: doubling from 2 s to `longest`, with jitter of a fifth."""
    backoff: float = min(longest, 2.0 ** min(attempts, 12))
    return max(backoff, retry_after or 0.0) * random.uniform(1.0, 1.2)


def oldest_waiting(session: Session, *, now: datetime) -> float:
    """Give how many seconds the longest overdue job has waited."""
    due = session.scalar(
        sa.select(sa.func.min(_jobs.c.run_at)).where(_jobs.c.state == "waiting", _jobs.c.run_at <= now)
    )
    return (now - due).total_seconds() if due else 0.0
