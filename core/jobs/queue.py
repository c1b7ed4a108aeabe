"""The job queue: one table that is inbox, outbox and retry queue at once, visible to the merchant.

A job is written in the transaction of the fact that caused it. Two guards keep it honest: while a job waits, its
(store, key) is unique, and a key runs once at a time; a job with `once` is unique for ever. A worker holds a job by
a lease and a token; whoever finishes with an old token changes nothing. How a worker takes and returns jobs is in
core/jobs/claims.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db.base import Base, Owned, new_id, table_of
from core.db.bulk import insert_new, insert_rows
from core.db.database import Database
from core.db.postgres import run

CHANNEL = "aftercare_jobs"
BATCH = 500
"""Rows of one INSERT."""
LEASE = timedelta(minutes=5)
"""How long a worker may hold a job whose kind says nothing else."""


class LeaseLost(Exception):
    """Another worker has taken this job over; what was done here must not count."""


class PauseStore(Exception):
    """The store is closed: its jobs wait until it is connected again."""


def _where(condition: str) -> dict[str, Any]:
    return dict.fromkeys(("sqlite_where", "postgresql_where"), sa.text(condition))


class Job(Owned, Base):
    """One piece of promised work."""

    __tablename__ = "jobs"

    kind: Mapped[str]
    key: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(default="waiting")
    once: Mapped[bool] = mapped_column(default=False)
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None]
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index("uq_jobs_waiting", "store_id", "key", unique=True, **_where("state = 'waiting'")),
        sa.Index("uq_jobs_running", "store_id", "key", unique=True, **_where("state = 'running'")),
        sa.Index("uq_jobs_once", "store_id", "key", unique=True, **_where("once")),
        sa.Index("ix_jobs_due", "run_at", **_where("state = 'waiting'")),
        sa.Index("ix_jobs_due_by_store", "store_id", "run_at", **_where("state = 'waiting'")),
        sa.Index("ix_jobs_leases", "lease_until", **_where("state = 'running'")),
        sa.Index("ix_jobs_attention", "store_id", "state", **_where("state in ('stuck', 'paused')")),
        sa.Index("ix_jobs_done_at", "done_at", **_where("state in ('done', 'superseded')")),
    )


_jobs = table_of(Job)


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to promise. `key` merges equal news while it waits; `once` makes it unique for ever.

    A store uses a key with `once` or without, never both. `is_news` says that something happened at the store: what
    waits for its next try after a failure then begins anew, without that failure's pause.
    """

    kind: str
    key: str
    payload: dict[str, Any] = field(default_factory=dict)
    run_at: datetime | None = None
    once: bool = False
    is_news: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of job is run. `handler` gets a Work; one that opens a closed store's platform pauses its job.

    The pause between two tries grows up to `longest_pause` seconds.
    """

    handler: Callable[[Work], None]
    attempts: int = 8
    lease: timedelta = LEASE
    longest_pause: float = 3600.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job as its worker holds it, until `lease_until`; `sealed` are its store's credentials when it was claimed."""

    store_id: int
    id: int
    kind: str
    key: str
    payload: dict[str, Any]
    attempts: int
    token: str
    lease_until: datetime
    sealed: bytes = field(default=b"", repr=False)


@dataclass
class Work:
    """What a handler gets: its job, the moment, and `services`, which the app wired.

    Slow or outside work happens before `done()`; what is written inside it commits together with the job's end.
    """

    job: Claimed
    now: datetime
    services: Any
    finished: bool = False
    lease: timedelta = LEASE

    @property
    def store_id(self) -> int:
        """The store this work belongs to."""
        return self.job.store_id

    @property
    def payload(self) -> dict[str, Any]:
        """The job's payload."""
        return self.job.payload

    def check_lease(self) -> None:
        """Make sure the job is still ours, and hold it for a whole lease from now; for right before a call that pays
        or sends. Raises LeaseLost when another worker has taken over.
        """
        with self.services.db.transaction(self.store_id) as session:
            until = self.services.lease_time(session) + self.lease
            mine = {"of_store": self.store_id, "of_id": self.job.id, "of_token": self.job.token, "until": until}
            if run(session.connection(), _HOLD, mine).rowcount != 1:
                raise LeaseLost(self.job.kind)

    @contextmanager
    def done(self) -> Iterator[Session]:
        """Open the job's last transaction. Raises LeaseLost when another worker has taken over: nothing is kept."""
        if self.finished:
            raise RuntimeError("the job has ended already: write everything in one done()")
        database: Database = self.services.db
        with database.transaction(self.store_id) as session:
            finish(session, self.job, self.now)
            yield session
        self.finished = True


def enqueue(session: Session, store_id: int, new: Iterable[NewJob] | NewJob, *, now: datetime) -> int:
    """Promise work in the caller's transaction; give how many were new.

    What already waits under the same key is left alone, but moved earlier if it now has to run earlier and is not
    waiting for its next try. It stays locked until the caller commits: no worker starts it without seeing the news.
    """
    jobs = [new] if isinstance(new, NewJob) else new
    return enqueue_for_stores(session, [(store_id, job) for job in jobs], now=now)


def enqueue_for_stores(session: Session, new: Iterable[tuple[int, NewJob]], *, now: datetime) -> int:
    """Promise work for several stores, each job with its store's id; give how many were new. See `enqueue`."""
    jobs = list(new)
    added = 0
    for merge in (_PLAN, _NEWS, None):
        asked = [one for one in jobs if merge is (None if one[1].once else _NEWS if one[1].is_news else _PLAN)]
        added += _add(session, [_row(store_id, job, now) for store_id, job in asked], merge, now=now)
    if added:
        wake_workers(session)
    return added


def _row(store_id: int, job: NewJob, now: datetime) -> dict[str, Any]:
    named = {"kind": job.kind, "key": job.key, "payload": job.payload, "run_at": job.run_at or now}
    return {"store_id": store_id, "id": new_id(), **named}


def _add(session: Session, rows: list[dict[str, Any]], merge: Any, *, now: datetime) -> int:
    """Insert rows, or hurry the waiting ones they meet. Without `merge` the jobs are unique for ever."""
    by_key: dict[tuple[int, str], dict[str, Any]] = {}
    for row in rows:  # one statement may meet a row once
        first = by_key.setdefault((row["store_id"], row["key"]), row)
        first["run_at"] = min(first["run_at"], row["run_at"])
    ordered = [by_key[key] for key in sorted(by_key)]  # two batches lock in the same order
    shared = {"state": "waiting", "once": merge is None, "attempts": 0, "reason": "", "created_at": now}
    added = 0
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        if merge:
            written = {row.id for row in insert_rows(session, _jobs, batch, merge, shared)}
        else:
            written = insert_new(session, _jobs, batch, shared)
            _hurry(session, [row for row in batch if row["id"] not in written])
        added += sum(row["id"] in written for row in batch)
    return added


def _hurry(session: Session, rows: list[dict[str, Any]]) -> None:
    """Lock the jobs with `once` that wait already, and move them earlier.

    ON CONFLICT DO UPDATE would watch one of their two unique indexes: of two inserts at the same moment the second
    failed at the other (PostgreSQL 18, 2026-11). DO NOTHING watches both.
    """
    for row in rows:
        same = sa.and_(_jobs.c.store_id == row["store_id"], _jobs.c.key == row["key"], _jobs.c.state == "waiting")
        later = sa.and_(_jobs.c.attempts == 0, _jobs.c.run_at > row["run_at"])
        hurried = sa.case((later, row["run_at"]), else_=_jobs.c.run_at)
        session.execute(sa.update(_jobs).where(same).values(run_at=hurried))


def _merge(is_news: bool, new: Any) -> Any:
    """Complete the INSERT of `_add`: what waits under the same key is moved earlier."""
    later = sa.and_(_jobs.c.state == "waiting", _jobs.c.run_at > new.excluded.run_at)
    hurried = {"run_at": new.excluded.run_at} | ({"attempts": 0} if is_news else {})
    met = {"index_elements": ["store_id", "key"], "index_where": sa.text("state = 'waiting'")}
    merged = new.on_conflict_do_update(**met, set_=hurried, where=later if is_news else later & (_jobs.c.attempts == 0))
    return merged.returning(_jobs.c.id)


_PLAN, _NEWS = (partial(_merge, is_news) for is_news in (False, True))


def wake_workers(session: Session) -> None:
    """Tell listening workers, once this transaction has committed, that there is work."""
    if session.get_bind().dialect.name == "postgresql" and not session.info.get("woken"):
        session.connection().exec_driver_sql(f"notify {CHANNEL}")
        session.info["woken"] = not session.in_nested_transaction()  # what a savepoint said may be taken back


# Written once, since every job ends with it.
_HELD = (
    sa.update(_jobs)
    .where(_jobs.c.store_id == sa.bindparam("of_store"), _jobs.c.id == sa.bindparam("of_id"))
    .where(_jobs.c.state == "running", _jobs.c.lease_token == sa.bindparam("of_token"))
)
_FINISH = _HELD.values(state="done", done_at=sa.bindparam("now"), lease_token=None, lease_until=None, reason="")
_HOLD = _HELD.values(lease_until=sa.bindparam("until"))


def finish(session: Session, job: Claimed, now: datetime) -> None:
    """End a job in the transaction of its effect. Raises LeaseLost when it is no longer ours."""
    mine = {"of_store": job.store_id, "of_id": job.id, "of_token": job.token, "now": now}
    if run(session.connection(), _FINISH, mine).rowcount != 1:
        raise LeaseLost(job.kind)


def retry(session: Session, store_id: int, id_: int, *, now: datetime) -> bool:
    """Let a stuck job wait again because somebody asked for it; False when it is not stuck."""
    stuck = sa.and_(_jobs.c.store_id == store_id, _jobs.c.id == id_, _jobs.c.state == "stuck")
    return sum(_wait_again(session, stuck, now, attempts=0)) == 1


def resume(session: Session, store_id: int, *, now: datetime) -> int:
    """Let a store's paused jobs wait again, the youngest of each key; give how many."""
    paused = sa.and_(_jobs.c.store_id == store_id, _jobs.c.state == "paused")
    return _wait_again(session, paused, now)[1]


def _wait_again(session: Session, chosen: Any, now: datetime, **also: Any) -> tuple[int, int]:
    """Let the chosen jobs wait, those with a younger twin be superseded; give how many (superseded, wait)."""
    youngest = sa.select(sa.func.max(_jobs.c.id)).where(chosen).group_by(_jobs.c.key)
    beaten = sa.or_(_jobs.c.id.not_in(youngest), twin_waits())
    supersede = sa.update(_jobs).where(chosen, beaten).values(state="superseded", done_at=now)
    wait = sa.update(_jobs).where(chosen).values(state="waiting", run_at=now, **also)
    for tries_left in (2, 1, 0):
        try:
            with session.begin_nested():
                counts = [session.execute(statement).rowcount for statement in (supersede, wait)]  # type: ignore[attr-defined]
            break
        except sa.exc.IntegrityError:  # a twin was promised between the two
            if not tries_left:
                raise
    if counts[1]:
        wake_workers(session)
    return counts[0], counts[1]


def twin_waits() -> Any:
    """Give the condition that another job waits under the same key."""
    twin = sa.alias(_jobs, "twin")
    same = sa.and_(twin.c.store_id == _jobs.c.store_id, twin.c.key == _jobs.c.key, twin.c.id != _jobs.c.id)
    return sa.exists().where(same, twin.c.state == "waiting").correlate(_jobs)
