"""The worker: woken at once, every outcome in its state, nothing lost when the database or the handler misbehaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from core.db.base import SYSTEM
from core.db.database import Database
from core.jobs import queue, scheduler
from core.jobs.queue import Job, Kind, LeaseLost, NewJob, PauseStore, Work
from core.jobs.worker import DEATHS, Worker
from core.platform.errors import AccessLost, NotSupported, Refused, Unavailable
from core.services import Services
from core.stores.connection import access
from core.stores.worker_access import WorkerAccess
from tests.conftest import NOON, Clock
from tests.core.samples import statements

MAX, EVE = 101, 202
WORK = NewJob("work", "order:42", {"ref": "42"})
Handler = Callable[[Work], None]
refused: list[int] = []


class NotesRefusals(WorkerAccess):
    def report_refusal(self, session: Session, store_id: int, *, now: datetime) -> None:
        refused.append(store_id)


class OpenStores(NotesRefusals):
    def is_open(self, session: Session, store_id: int) -> bool:
        return True


def make(
    services: Services, handler: Handler, *, poll: float = 1.0, stores: WorkerAccess | None = None, **kind: Any
) -> Worker:
    refused.clear()
    return Worker(services, {"work": Kind(handler, **kind)}, stores=stores or NotesRefusals(), threads=2, poll=poll)


def promise(db: Database, *new: NewJob, store: int = MAX, now: datetime = NOON) -> None:
    with db.transaction(store) as session:
        queue.enqueue(session, store, new or [WORK], now=now)


def rows(db: Database, store: int = MAX) -> list[tuple[str, str]]:
    """State and reason of a store's jobs, oldest first."""
    with db.transaction(store, write=False) as session:
        return [(job.state, job.reason) for job in session.scalars(sa.select(Job).order_by(Job.id))]


def leave_note(session: Session, text: str) -> None:
    """Write something a test can find again: a job nobody runs."""
    session.add(Job(kind="note", key=text, run_at=datetime(2100, 1, 1, tzinfo=UTC), created_at=NOON))


def notes(db: Database, store: int = MAX) -> list[str]:
    with db.transaction(store, write=False) as session:
        return list(session.scalars(sa.select(Job.key).where(Job.kind == "note").order_by(Job.id)))


def raises(error: Exception) -> Handler:
    def handler(work: Work) -> None:
        raise error

    return handler


# How work ends


def test_a_handler_that_never_opens_done_is_done(services: Services) -> None:
    promise(services.db)
    assert make(services, lambda work: None).run_until_idle() == 1
    assert rows(services.db) == [("done", "")]


def test_what_is_written_in_done_commits_with_the_jobs_end(services: Services) -> None:
    def handler(work: Work) -> None:
        with work.done() as session:
            leave_note(session, f"looked at {work.payload['ref']} of {work.store_id}")

    promise(services.db)
    make(services, handler).run_until_idle()
    assert notes(services.db) == ["looked at 42 of 101"]
    assert rows(services.db)[0] == ("done", "")


def test_a_handler_that_fails_inside_done_leaves_nothing_behind(services: Services) -> None:
    def handler(work: Work) -> None:
        with work.done() as session:
            leave_note(session, "half")
            raise Unavailable("the store is asleep")

    promise(services.db)
    make(services, handler).run_until_idle()
    assert notes(services.db) == []
    assert rows(services.db) == [("waiting", "the store is asleep")]


def test_a_second_done_keeps_nothing_and_undoes_nothing(services: Services) -> None:
    def handler(work: Work) -> None:
        for text in ("first", "second"):
            with work.done() as session:
                leave_note(session, text)

    promise(services.db)
    with capture_logs() as logs:
        make(services, handler).run_until_idle()
    assert notes(services.db) == ["first"]
    assert rows(services.db)[0] == ("done", "")
    assert [entry["event"] for entry in logs] == ["job_failed"]  # the author hears of it


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (Unavailable("Too many requests."), ("waiting", "Too many requests.")),
        (Refused("The order is locked."), ("stuck", "The order is locked.")),
        (NotSupported(), ("stuck", "NotSupported")),
        (AccessLost("The key was revoked."), ("paused", "The key was revoked.")),
        (PauseStore("the merchant removed the app"), ("paused", "the merchant removed the app")),
        (LeaseLost(), ("running", "")),
        (KeyError("ann@example.com"), ("waiting", "KeyError in our own code")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_went_wrong_becomes_the_jobs_state(services: Services, error: Exception, ended: tuple[str, str]) -> None:
    promise(services.db)
    make(services, raises(error)).run_until_idle()
    assert rows(services.db) == [ended]
    assert refused == []  # the store is not open


def test_a_refusal_of_an_open_store_is_reported_and_the_job_waits_longer_than_the_looks(
    services: Services, clock: Clock
) -> None:
    promise(services.db)
    worker = make(services, raises(AccessLost("The key was revoked.")), stores=OpenStores())
    worker.run_until_idle()
    assert (rows(services.db), refused) == ([("waiting", "The key was revoked.")], [MAX])
    clock.forward(seconds=sum(look.total_seconds() for look in access.LOOKS) + 60)
    worker.run_until_idle()
    assert rows(services.db) == [("waiting", "The key was revoked.")]
    for _ in range(8):
        clock.forward(minutes=10)
        worker.run_until_idle()
    assert rows(services.db) == [("stuck", "The key was revoked.")]  # the store lets everything else in


@pytest.mark.parametrize("error", [Unavailable("asleep"), ValueError("odd")], ids=["platform", "ours"])
def test_a_kind_decides_after_how_many_tries_its_job_is_stuck(
    services: Services, clock: Clock, error: Exception
) -> None:
    promise(services.db)
    worker = make(services, raises(error), attempts=3)
    assert worker.run_until_idle() == 1
    for state in ("waiting", "stuck"):
        clock.forward(minutes=1)
        worker.run_until_idle()
        assert rows(services.db)[0][0] == state


def test_the_pause_a_platform_asks_for_is_kept(services: Services, clock: Clock) -> None:
    promise(services.db)
    worker = make(services, raises(Unavailable("slow down", retry_after=300)))
    assert worker.run_until_idle() == 1
    clock.forward(seconds=299)
    assert worker.run_until_idle() == 0
    clock.forward(seconds=62)
    assert worker.run_until_idle() == 1


def test_neither_reason_nor_log_tells_what_an_exception_of_ours_says(services: Services) -> None:
    promise(services.db)
    with capture_logs() as logs:
        make(services, raises(ValueError("no such shopper: ann@example.com"))).run_until_idle()
    assert rows(services.db) == [("waiting", "ValueError in our own code")]
    [entry] = logs
    assert (entry["error"], entry["kind"], entry["store"]) == ("ValueError", "work", MAX)
    assert "in handler" in entry["where"]  # the place is told
    assert "ann@" not in repr(logs)


def test_work_nobody_here_knows_is_left_for_newer_code(services: Services) -> None:
    promise(services.db, NewJob("tomorrow's", "key"))
    make(services, lambda work: None).run_until_idle()
    assert rows(services.db) == [("waiting", "no worker here knows this kind of work")]


def test_a_job_that_takes_every_worker_down_ends_stuck(services: Services, clock: Clock) -> None:
    promise(services.db)
    ran: list[int] = []
    worker = make(services, lambda work: ran.append(work.job.attempts), attempts=2)
    for _ in range(2 + DEATHS):
        assert len(worker._claim(1)) == 1  # and the process dies with it
        clock.forward(minutes=6)
    worker.run_until_idle()
    assert ran == []
    assert rows(services.db) == [("stuck", "its worker went away every time")]


def test_a_job_that_queued_longer_than_its_lease_is_not_run_here(services: Services, clock: Clock) -> None:
    promise(services.db)
    ran: list[str] = []
    worker = make(services, lambda work: ran.append(work.job.token), lease=timedelta(minutes=1))
    [claimed] = worker._claim(1)
    clock.forward(minutes=2)
    worker.perform(claimed)
    assert ran == []
    assert worker.run_until_idle() == 1
    assert len(ran) == 1


def test_a_handler_that_outlives_its_lease_keeps_nothing(services: Services, clock: Clock) -> None:
    tries: list[int] = []

    def handler(work: Work) -> None:
        tries.append(work.job.attempts)
        if len(tries) == 1:
            clock.forward(minutes=6)
            second.run_until_idle()  # another worker takes the job over and finishes it
        with work.done() as session:
            leave_note(session, f"try {work.job.attempts}")

    second = make(services, handler)
    promise(services.db)
    make(services, handler).run_until_idle()
    assert tries == [1, 2]
    assert notes(services.db) == ["try 2"]


def test_a_handler_that_outlives_its_lease_closes_no_store(services: Services, clock: Clock) -> None:
    def handler(work: Work) -> None:
        if work.job.attempts > 1:
            return
        clock.forward(minutes=6)
        second.run_until_idle()
        raise AccessLost("The key was revoked.")

    second = make(services, handler)
    promise(services.db)
    make(services, handler).run_until_idle()
    assert (rows(services.db), refused) == ([("done", "")], [])


def test_one_stores_trouble_is_not_anothers(services: Services) -> None:
    def handler(work: Work) -> None:
        if work.store_id == MAX:
            raise AccessLost("The key was revoked.")

    promise(services.db)
    promise(services.db, store=EVE)
    make(services, handler).run_until_idle()
    assert (rows(services.db)[0][0], rows(services.db, EVE)) == ("paused", [("done", "")])


def test_an_end_that_cannot_be_recorded_does_not_stop_the_worker(services: Services) -> None:
    class CannotReport(OpenStores):
        def report_refusal(self, session: Session, store_id: int, *, now: datetime) -> None:
            raise LookupError("no such store")

    promise(services.db)
    worker = Worker(services, {"work": Kind(raises(AccessLost("revoked")))}, stores=CannotReport())
    assert worker.run_until_idle() == 1
    assert rows(services.db) == [("running", "")]  # until its lease is over


# A running worker


@contextmanager
def at_work(worker: Worker) -> Iterator[threading.Event]:
    """Let the worker run in a thread; stop it at the end, and see that it stops."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        worker.wake.set()
        thread.join(20)
        assert not thread.is_alive()


def until(is_true: Callable[[], object], seconds: float = 20) -> bool:
    """Wait for something to become true; say whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_true():
            return True
        time.sleep(0.01)
    return False


def has(ran: list[str], count: int) -> bool:
    return len(ran) == count


def someone_else(db: Database) -> Database:
    """Another process' way into the same database."""
    return Database(db.engine.url.render_as_string(hide_password=False))


def test_a_promise_from_elsewhere_wakes_the_worker_before_it_would_look_again(services: Services) -> None:
    ran: list[str] = []
    elsewhere = someone_else(services.db)
    with at_work(make(services, lambda work: ran.append(work.job.key), poll=60)):
        for number in range(1, 4):
            time.sleep(0.2)  # it has nothing to do, and waits
            promise(elsewhere, NewJob("work", f"order:{number}"))
            assert until(partial(has, ran, number), 10)
    elsewhere.close()


@pytest.mark.postgres
def test_a_transaction_wakes_the_workers_once_whatever_a_savepoint_took_back(postgres: Callable[[], str]) -> None:
    db = Database(postgres())
    with statements(db) as seen, db.transaction(1) as session:
        with suppress(LookupError), session.begin_nested():
            queue.enqueue(session, 1, NewJob("work", "taken back"), now=NOON)
            raise LookupError
        for key in ("one", "two", "three"):
            queue.enqueue(session, 1, NewJob("work", key), now=NOON)
    assert [statement for statement in seen if "notify" in statement] == ["notify aftercare_jobs"] * 2
    db.close()


def test_slow_work_in_one_thread_does_not_keep_news_from_the_other(services: Services) -> None:
    ran: list[str] = []
    go_on = threading.Event()

    def handler(work: Work) -> None:
        if work.job.key == "slow":
            go_on.wait(20)
        ran.append(work.job.key)

    elsewhere = someone_else(services.db)
    worker = make(services, handler, poll=60)
    worker.threads = 4  # of which a store has two
    with at_work(worker):
        promise(elsewhere, NewJob("work", "slow"))
        time.sleep(0.3)
        promise(elsewhere, NewJob("work", "quick"))
        assert until(lambda: ran == ["quick"], 10)
        go_on.set()
        assert until(lambda: ran == ["quick", "slow"], 10)
    elsewhere.close()


def test_two_workers_share_the_work_and_do_each_once(services: Services) -> None:
    def handler(work: Work) -> None:
        with work.done() as session:
            leave_note(session, f"did {work.job.key}")

    wanted = sorted(f"did order:{number}" for number in range(150))
    promise(services.db, *[NewJob("work", f"order:{number}") for number in range(150)])
    other = replace(services, db=someone_else(services.db))
    with at_work(make(services, handler)), at_work(make(other, handler)):
        assert until(lambda: len(notes(services.db)) >= 150, 30)
    assert sorted(notes(services.db)) == wanted
    other.db.close()


def test_a_stopped_worker_finishes_what_is_in_hand(services: Services) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def handler(work: Work) -> None:
        begun.set()
        go_on.wait(20)

    promise(services.db)
    with at_work(make(services, handler)) as stop:
        assert begun.wait(10)
        stop.set()
        promise(services.db, NewJob("work", "order:43"))
        time.sleep(0.1)
        go_on.set()
    assert [state for state, _ in rows(services.db)] == ["done", "waiting"]


@contextmanager
def away(db: Database) -> Iterator[None]:
    """Throw everybody out of a PostgreSQL database and keep the door shut for a while."""
    name = db.engine.url.database
    door = sa.create_engine(db.engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with door.connect() as connection:
        connection.exec_driver_sql(f"alter database {name} allow_connections false")
        expel = "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name"
        connection.execute(sa.text(expel), {"name": name})
        try:
            yield
        finally:
            connection.exec_driver_sql(f"alter database {name} allow_connections true")
    door.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_a_database_that_goes_away_and_comes_back_loses_nothing(services: Services) -> None:
    in_hand, gone = threading.Event(), threading.Event()

    def handler(work: Work) -> None:
        with work.done() as session:
            leave_note(session, f"try {work.job.attempts}")
            session.flush()
            in_hand.set()
            gone.wait(20)

    live = replace(services, clock=lambda: datetime.now(UTC))
    worker = make(live, handler, lease=timedelta(seconds=2))
    promise(live.db, now=live.clock())
    with at_work(worker):
        assert in_hand.wait(10)
        with away(live.db):
            gone.set()
            assert not scheduler.tick(live, "clock.sweep", timedelta(minutes=2))
            time.sleep(0.5)  # it looks for work, and finds no database
        assert until(lambda: rows(live.db)[0][0] == "done")
        assert notes(live.db) == ["try 2"]
        promise(live.db, NewJob("work", "order:43"), now=live.clock())
        assert until(lambda: [state for state, _ in rows(live.db)].count("done") == 2)
    assert scheduler.tick(live, "clock.sweep", timedelta(minutes=2))
    assert rows(live.db, SYSTEM) == [("waiting", "")]


def test_a_tick_that_the_database_did_not_take_is_repeated_soon_and_not_a_day_later(services: Services) -> None:
    def rename(before: str, after: str) -> None:
        with services.db.engine.begin() as connection:
            connection.exec_driver_sql(f"alter table {before} rename to {after}")

    rename("jobs", "jobs_elsewhere")
    timetable = scheduler.start(services, {"clock.retain": timedelta(days=1)}, retry_after=0.2)
    try:
        time.sleep(0.5)  # it is tried again, and fails again
        rename("jobs_elsewhere", "jobs")
        assert until(lambda: rows(services.db, SYSTEM) == [("waiting", "")])
    finally:
        timetable.shutdown()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_the_listener_hears_again_after_its_connection_was_cut(services: Services) -> None:
    ran: list[str] = []
    elsewhere = someone_else(services.db)
    with at_work(make(services, lambda work: ran.append(work.job.key), poll=60)):
        time.sleep(0.5)
        with away(services.db):
            pass
        for number in range(1, 4):
            time.sleep(0.5)
            promise(elsewhere, NewJob("work", f"order:{number}"))
            assert until(partial(has, ran, number), 10)
    elsewhere.close()
