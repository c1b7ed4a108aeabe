"""A worker's hands: it takes due jobs, stores in turn, and gives back those it could not finish."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.db.base import UtcTime, table_of
from core.jobs.queue import LEASE, Claimed, Job, LeaseLost, Work, twin_waits

WINDOW = 256
"""How many due jobs a claim looks at before it asks which stores are waiting."""

_jobs = table_of(Job)
# As much of the stores as a worker has to know: their own module is above this one on the map.
_stores = sa.table("stores", sa.column("id"), sa.column("state"), sa.column("credentials", sa.LargeBinary))
_SEALED = sa.select(_stores.c.credentials).where(_stores.c.id == _jobs.c.store_id).scalar_subquery()
_Ids = Sequence[tuple[int, int]]  # (store id, job id)


def claim(
    session: Session,
    limit: int,
    *,
    now: datetime,
    lease: timedelta = LEASE,
    leases: Mapping[str, timedelta] | None = None,
) -> list[Claimed]:
    """Take up to `limit` due jobs, stores in turn, oldest first within a store. Needs a `system()` transaction.

    A job is ours for `lease`, or as long as `leases` says for its kind.
    """
    _reclaim(session, now)
    free = _lock_free(session, _line_up(session, limit, now), limit)
    if not free:
        return []
    token = secrets.token_hex(8)
    until = {kind: sa.literal(now + its, UtcTime()) for kind, its in (leases or {}).items()}
    otherwise = sa.literal(now + lease, UtcTime())
    lease_until = sa.case(until, value=_jobs.c.kind, else_=otherwise) if until else otherwise
    taken = session.execute(
        sa.update(_jobs)
        .where(_are_among(session, free), _jobs.c.state == "waiting")
        .values(state="running", attempts=_jobs.c.attempts + 1, lease_until=lease_until, lease_token=token)
        .returning(
            *[_jobs.c[name] for name in Claimed.__slots__ if name not in ("token", "sealed")],
            _jobs.c.lease_token.label("token"),
            sa.func.coalesce(_SEALED, b"").label("sealed"),
        )
    ).mappings()
    place = {pair: index for index, pair in enumerate(free)}
    return sorted((Claimed(**row) for row in taken), key=lambda job: place[job.store_id, job.id])


def _lock_free(session: Session, candidates: _Ids, limit: int) -> _Ids:
    """Lock the first candidates nobody else is taking, at most `limit`."""
    if session.get_bind().dialect.name == "sqlite":  # one writer: nobody else is here
        return candidates[:limit]
    locked: list[tuple[int, int]] = []
    for start in range(0, len(candidates), limit):
        batch = candidates[start : start + limit]
        query = sa.select(_jobs.c.store_id, _jobs.c.id).where(_are_among(session, batch), _jobs.c.state == "waiting")
        mine = {(row[0], row[1]) for row in session.execute(query.with_for_update(skip_locked=True))}
        locked += [pair for pair in batch if pair in mine]
        if len(locked) >= limit:
            break
    return locked[:limit]


def _are_among(session: Session, pairs: _Ids) -> Any:
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


def _line_up(session: Session, limit: int, now: datetime) -> _Ids:
    """Order due jobs as they shall be taken: a turn for every store, until all had their turns."""
    twin = sa.alias(_jobs, "twin")
    runs = sa.exists().where(twin.c.store_id == _jobs.c.store_id, twin.c.key == _jobs.c.key, twin.c.state == "running")
    due = (
        sa.select(_jobs.c.store_id, _jobs.c.id)
        .where(_jobs.c.state == "waiting", _jobs.c.run_at <= now, ~runs)
        .order_by(_jobs.c.run_at)
    )
    rows = session.execute(due.limit(WINDOW)).all()
    by_store: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        by_store.setdefault(row[0], []).append((row[0], row[1]))
    if len(rows) == WINDOW:
        # A backlog: somebody's flood may fill the window, so stores outside it are asked for their oldest.
        outside = sorted(_stores_due(session, now) - by_store.keys())
        for store_id in random.sample(outside, min(limit, len(outside))):
            theirs = session.execute(due.where(_jobs.c.store_id == store_id).limit(limit))
            by_store[store_id] = [(row[0], row[1]) for row in theirs]
    queues = list(by_store.values())
    random.shuffle(queues)
    longest = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def _stores_due(session: Session, now: datetime) -> set[int]:
    # A skip scan: one index probe per store, however many jobs each has waiting.
    skip = sa.text(
        "with recursive s(id) as ("
        " select min(store_id) from jobs where state = 'waiting' and run_at <= :now"
        " union all"
        " select (select min(store_id) from jobs where state = 'waiting' and run_at <= :now and store_id > s.id) from s"
        " where s.id is not null)"
        " select id from s where id is not null"
    )
    rows = session.execute(skip.bindparams(sa.bindparam("now", now, UtcTime())))
    return {row[0] for row in rows}


def _reclaim(session: Session, now: datetime) -> None:
    """Give back jobs whose worker died; one whose younger twin already waits is superseded by it."""
    expired = sa.and_(_jobs.c.state == "running", _jobs.c.lease_until < now)
    query = sa.select(_jobs.c.store_id, _jobs.c.id).where(expired).limit(WINDOW)
    if session.get_bind().dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    for store_id, id_ in session.execute(query).all():
        _leave_running(session, store_id, id_, state="waiting", run_at=now, reason="its worker went away", now=now)


def _leave_running(
    session: Session, store_id: int, id_: int, *, state: str, run_at: datetime, reason: str, now: datetime
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
    session: Session, job: Claimed, reason: str, *, now: datetime, attempts: int = 8, retry_after: float | None = None
) -> str:
    """Let a job wait for its next try, or be stuck after the last; give the state it took.

    `retry_after` in seconds is the least the platform asks for. A late finisher changes nothing (state "lost").
    """
    if not is_ours(session, job):
        return "lost"
    if job.attempts >= attempts:
        return give_up(session, job, reason, now=now)
    later = now + timedelta(seconds=pause_before(job.attempts, retry_after))
    return _leave_running(session, job.store_id, job.id, state="waiting", run_at=later, reason=reason, now=now)


def give_up(session: Session, job: Claimed, reason: str, *, now: datetime) -> str:
    """Let a job be stuck and visible at once: asking again would not help."""
    if not is_ours(session, job):
        return "lost"
    return _leave_running(session, job.store_id, job.id, state="stuck", run_at=now, reason=reason, now=now)


def pause(session: Session, job: Claimed, reason: str, *, now: datetime) -> str:
    """Put a job aside until its store opens again; the try does not count. It tries again where that has happened."""
    if not is_ours(session, job):
        return "lost"
    if _is_open(session, job.store_id):  # reconnected since the job looked: nobody would come to wake it
        later = now + timedelta(seconds=pause_before(job.attempts))
        return _leave_running(session, job.store_id, job.id, state="waiting", run_at=later, reason=reason, now=now)
    session.execute(sa.update(_jobs).where(held(job)).values(attempts=_jobs.c.attempts - 1))
    return _leave_running(session, job.store_id, job.id, state="paused", run_at=now, reason=reason, now=now)


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


def _is_open(session: Session, store_id: int) -> bool:
    state = sa.select(_stores.c.state).where(_stores.c.id == store_id)
    return session.scalar(state.with_for_update(read=True)) == "open"


def pause_before(attempts: int, retry_after: float | None = None) -> float:
    """Give the seconds to wait after the given try: doubling from 2 s to an hour, with jitter of a fifth."""
    backoff: float = min(3600.0, 2.0 ** min(attempts, 12))
    return max(backoff, retry_after or 0.0) * random.uniform(1.0, 1.2)
