"""A neighbor's trouble: threads, pauses and the cost of a claim do not depend on what other stores are doing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.changes import regular
from core.db.base import SYSTEM
from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs import claims, queue
from core.jobs.queue import Job, NewJob, Work
from core.jobs.worker import Worker
from core.platform.errors import Unavailable
from core.platform.sample import World
from core.services import Services
from core.stores.model import Store
from core.stores.worker_access import WorkerAccess
from tests.conftest import NOON, Clock, connect
from tests.core.samples import deliver
from tests.core.shipping.seed import on_sqlite
from tests.core.test_worker import MAX, at_work, make, promise, rows, until

# Threads


@contextmanager
def hanging(services: Services, stores: int, jobs_each: int) -> Iterator[tuple[Worker, set[int]]]:
    """Let a worker of eight threads meet stores that hang; give it, and the stores whose work was done."""
    let_go, done = threading.Event(), set[int]()

    def handler(work: Work) -> None:
        if work.store_id < 1000:
            let_go.wait(60)
        done.add(work.store_id)

    for store in range(1, stores + 1):
        promise(services.db, *[NewJob("work", f"order:{n}") for n in range(jobs_each)], store=store)
    worker = make(services, handler, poll=0.05)
    worker.threads = 8
    with at_work(worker):
        try:
            time.sleep(0.5)  # they have taken what threads they get
            yield worker, done
        finally:
            let_go.set()


@pytest.mark.parametrize("stores", [1, 2, 3])
def test_stores_that_hang_leave_a_thread_to_their_neighbor(services: Services, stores: int) -> None:
    with hanging(services, stores, 40) as (_, done):
        for neighbor in range(1000, 1020):
            promise(services.db, store=neighbor)
        assert until(lambda: len(done) == 20, 15)


def test_a_store_alone_has_half_of_the_threads(services: Services) -> None:
    with hanging(services, 1, 40):
        with services.db.system(Purpose.INSPECT, write=False) as session:
            running = session.scalar(sa.select(sa.func.count()).select_from(Job).where(Job.state == "running"))
        assert running is not None
        assert 4 <= running <= 16, "four begun, and what lies ready behind them"


def test_every_job_of_a_store_that_hung_is_done_in_the_end(services: Services) -> None:
    with hanging(services, 1, 40):
        pass
    worker = make(services, lambda work: None)
    worker.run_until_idle()
    assert {state for state, _ in rows(services.db, 1)} == {"done"}


# What was taken ahead


class Slow:
    """A handler whose job "slow" takes until it is let go; counts how often each key was done, and by whom."""

    def __init__(self) -> None:
        self.let_go, self.done = threading.Event(), list[tuple[str, str]]()

    def by(self, worker: str) -> Callable[[Work], None]:
        def handler(work: Work) -> None:
            if work.job.key == "slow":
                self.let_go.wait(30)
            with work.done():
                pass
            self.done.append((worker, work.job.key))

        return handler


def test_jobs_taken_ahead_behind_a_slow_one_are_done_by_an_idle_worker(services: Services) -> None:
    slow, keys = Slow(), [f"order:{n}" for n in range(3)]
    promise(services.db, NewJob("work", "slow"))
    first, second = (make(services, slow.by(name), poll=0.05) for name in "AB")
    first.hold_ahead, second.hold_ahead = 30, 0.3
    with at_work(first):
        assert until(lambda: ("running", "") in rows(services.db, MAX), 5)
        promise(services.db, *[NewJob("work", key) for key in keys])
        assert until(lambda: rows(services.db, MAX).count(("running", "")) == 4, 5), "A has taken them ahead"
        first.hold_ahead = 0.3  # only now: a slow machine would not see them in its hands
        with at_work(second):
            try:
                assert until(lambda: len(slow.done) == 3, 5)
                assert sorted(slow.done) == [("B", key) for key in keys]
            finally:
                slow.let_go.set()
    assert until(lambda: rows(services.db, MAX) == [("done", "")] * 4, 5)
    assert sorted(key for _, key in slow.done) == [*keys, "slow"], "each once"
    with services.db.transaction(MAX, write=False) as session:
        assert set(session.scalars(sa.select(Job.attempts))) == {1}, "what was not begun is no try"


@on_sqlite
def test_a_worker_alone_takes_up_again_what_it_gave_back_once_the_slow_one_has_ended(services: Services) -> None:
    slow = Slow()
    promise(services.db, NewJob("work", "slow"))
    worker = make(services, slow.by("A"), poll=0.05)
    worker.hold_ahead = 30
    with at_work(worker):
        try:
            assert until(lambda: rows(services.db, MAX) == [("running", "")], 5)
            promise(services.db, NewJob("work", "order:1"), NewJob("work", "order:2"))
            assert until(lambda: rows(services.db, MAX).count(("running", "")) == 3, 5), "taken ahead"
            worker.hold_ahead = 0.1
            assert until(lambda: rows(services.db, MAX).count(("waiting", "")) == 2, 5), "and given back"
            time.sleep(0.3)
            assert rows(services.db, MAX).count(("waiting", "")) == 2, "not to and fro"
        finally:
            slow.let_go.set()
        assert until(lambda: len(slow.done) == 3, 5)


def test_a_job_that_is_given_back_meets_its_younger_twin_or_has_been_taken_over(
    services: Services, clock: Clock
) -> None:
    promise(services.db)
    [first] = _take(services)
    promise(services.db)  # the same key: news while it was held
    with services.db.transaction(MAX) as session:
        assert claims.give_back(session, first, now=clock()) == "superseded"
        assert claims.give_back(session, first, now=clock()) == "lost"
    assert [state for state, _ in rows(services.db)] == ["superseded", "waiting"]


# Pauses


def test_news_of_an_order_does_not_wait_for_the_pause_of_an_earlier_failure(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    deliver(client, services, store, "order", "42")
    [first] = _take(services)
    _fail(services, first, retry_after=3600)
    deliver(client, services, store, "order", "42")
    clock.forward(seconds=1)
    [again] = _take(services)
    assert (again.key, again.attempts) == ("order:42", 1)


def test_what_is_no_news_keeps_the_pause_a_platform_asked_for(services: Services, clock: Clock) -> None:
    promise(services.db)
    [first] = _take(services)
    _fail(services, first, retry_after=3600)
    promise(services.db)  # the clock's poll, say
    clock.forward(minutes=59)
    assert _take(services) == []


def _take(services: Services) -> list[queue.Claimed]:
    with services.db.system(Purpose.CLAIM_JOBS) as session:
        return claims.claim(session, 10, WorkerAccess(), now=services.clock())


def _fail(services: Services, job: queue.Claimed, *, retry_after: float) -> None:
    with services.db.transaction(job.store_id) as session:
        claims.fail(session, job, str(Unavailable("slow down")), now=services.clock(), retry_after=retry_after)


# The cost of a claim

_FILL = """insert into jobs (store_id, id, kind, key, payload, state, once, run_at, attempts, reason, created_at)
    select n % :stores + 1, n, 'changes.read', 'read:' || n, '{}', :state, false,
        timestamptz '2026-11-18 11:00:00+00' + n * interval '1 ms' + :later * interval '1 hour', 0, '',
        timestamptz '2026-11-18 11:00:00+00'
    from generate_series(cast(:first as bigint), cast(:last as bigint)) n"""


_COUNT = "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relname = 'jobs'"


def _rows_read(db: Database, limit: int = 10) -> int:
    """Claim, and take it back; give how many rows of jobs that read."""
    with db.system(Purpose.CLAIM_JOBS) as session:
        before = session.execute(sa.text(_COUNT)).scalar_one()
        taken = claims.claim(session, limit, WorkerAccess(), now=NOON)
        after = session.execute(sa.text(_COUNT)).scalar_one()
        assert len(taken) == limit
        session.execute(sa.update(Job).where(Job.state == "running").values(state="waiting"))
    return int(after - before)


def _fill(db: Database, stores: int, first: int, last: int, *, state: str = "waiting", later: int = 0) -> None:
    with db.system(Purpose.CLAIM_JOBS) as session:
        facts = {"stores": stores, "first": first, "last": last, "state": state, "later": later}
        session.execute(sa.text(_FILL), facts)


def _analyze(db: Database) -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("analyze jobs")


@pytest.fixture
def without_autovacuum(postgres: Callable[[], str]) -> Iterator[Database]:
    db = Database(postgres())
    with db.engine.begin() as connection:
        connection.exec_driver_sql("alter table jobs set (autovacuum_enabled = false)")
    yield db
    db.close()


@pytest.mark.postgres
@pytest.mark.parametrize("known", ["nothing", "an empty table", "one store's done work", "what is there"])
def test_a_claim_of_ten_among_twenty_thousand_polls_reads_little_whatever_statistics_say(
    without_autovacuum: Database, known: str
) -> None:
    db = without_autovacuum
    if known == "an empty table":
        _analyze(db)
    if known == "one store's done work":
        _fill(db, 1, 100_000, 103_000, state="done")
        _analyze(db)
    _fill(db, 10_000, 1, 20_000)
    if known == "what is there":
        _analyze(db)
    for _ in range(7):  # the driver prepares a statement it has seen five times, and PostgreSQL may keep its plan
        assert _rows_read(db) < 1_000


@pytest.mark.postgres
def test_a_claim_reads_no_more_rows_of_ten_thousand_stores_than_of_one_thousand(without_autovacuum: Database) -> None:
    _fill(without_autovacuum, 1_000, 1, 20_000)
    few = _rows_read(without_autovacuum)
    with without_autovacuum.system(Purpose.CLAIM_JOBS) as session:
        session.execute(sa.delete(Job))
    _fill(without_autovacuum, 10_000, 1, 20_000)
    many = _rows_read(without_autovacuum)
    assert many <= few + 50


@pytest.mark.postgres
def test_every_store_has_its_turn_behind_a_flood_and_ten_thousand_planned_polls(without_autovacuum: Database) -> None:
    _fill(without_autovacuum, 1, 1, 2_000)  # store 1 floods
    _fill(without_autovacuum, 3_000, 10_000, 16_000, later=24)
    late = NewJob("look", "order:42")
    promise(without_autovacuum, late, store=2_999)
    turn, taken = claims.Turn(), set[int]()
    for _ in range(14):  # 256 stores a claim
        with without_autovacuum.system(Purpose.CLAIM_JOBS) as session:
            taken |= {job.store_id for job in claims.claim(session, 10, WorkerAccess(), now=NOON, after=turn)}
    assert 2_999 in taken


# Polls


def test_polls_are_spread_over_their_interval(services: Services, world: World, worker: Worker) -> None:
    for number in range(30):
        connect(services, world, f"store{number}")
    worker.run_until_idle()
    with services.db.system(Purpose.CLAIM_JOBS) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.poll", "clock.poll:1"), now=NOON)
    worker.run_until_idle(limit=1)
    with services.db.system(Purpose.INSPECT, write=False) as session:
        due = sa.select(Job.run_at).where(Job.key == "read:orders", Job.state == "waiting")
        planned = sorted(session.scalars(due))
    assert len(set(planned)) == 30
    assert NOON <= planned[0] < NOON + timedelta(minutes=4)
    assert NOON + timedelta(minutes=11) < planned[-1] < NOON + timedelta(minutes=15)


def test_a_store_s_moment_is_the_same_each_time() -> None:
    over = timedelta(minutes=15)
    assert regular.offset_of(MAX, over) == regular.offset_of(MAX, over)
    assert len({regular.offset_of(store, over) for store in range(1000)}) == 1000
