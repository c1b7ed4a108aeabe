"""Machines whose clocks are apart, and clocks that are set back: nothing is done twice, nothing waits for the clock."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core.db.base import SYSTEM
from core.db.database import Database
from core.db.database_clock import DatabaseClock, database_now
from core.db.purpose import Purpose
from core.jobs import scheduler
from core.jobs.queue import Job, LeaseLost, NewJob, Work
from core.orders.model import Order
from core.orders.sync import order_sync
from core.platform.errors import Unavailable
from core.services import Services
from tests.conftest import NOON, Clock
from tests.core.samples import anns_order
from tests.core.test_worker import MAX, make, promise, rows, until

SWEEP = timedelta(minutes=2)
HOUR = timedelta(hours=1)


def ahead_by(services: Services, **delta: float) -> Services:
    """Give the services of a process on a machine whose clock is ahead of the database's."""
    return replace(services, clock=lambda: datetime.now(UTC) + timedelta(**delta), lease_clock=database_now)


def set_back(services: Services) -> None:
    assert isinstance(services.clock, Clock)
    services.clock.now -= HOUR


# Clocks apart


@pytest.mark.parametrize("minutes", [6, -6], ids=["ahead", "behind"])
def test_a_worker_whose_clock_is_six_minutes_off_takes_no_running_job(services: Services, minutes: int) -> None:
    ran: list[int] = []

    def handler(work: Work) -> None:
        ran.append(work.job.attempts)
        if len(ran) == 1:
            other.run_until_idle()
        work.check_lease()

    other = make(ahead_by(services, minutes=minutes), handler)
    promise(services.db, now=datetime.now(UTC))
    make(ahead_by(services), handler).run_until_idle()
    assert (ran, rows(services.db)) == ([1], [("done", "")])


def test_a_worker_whose_clock_is_ahead_does_its_own_work(services: Services) -> None:
    promise(services.db, now=datetime.now(UTC))
    make(ahead_by(services, minutes=6), lambda work: None).run_until_idle()
    assert rows(services.db) == [("done", "")]


def test_a_worker_whose_clock_is_ahead_puts_no_try_off(services: Services) -> None:
    def fails(work: Work) -> None:
        raise Unavailable("asleep")

    promise(services.db, now=datetime.now(UTC))
    make(ahead_by(services, minutes=6), fails).run_until_idle()
    with services.db.transaction(MAX, write=False) as session:
        assert session.scalars(sa.select(Job.run_at)).one() < datetime.now(UTC) + timedelta(minutes=1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_every_process_s_clock_shows_the_time_of_the_database_s_machine(database: Database) -> None:
    with database.engine.begin() as connection:
        name = database.engine.url.database
        connection.exec_driver_sql("create schema other_machine")
        connection.exec_driver_sql(
            "create function other_machine.clock_timestamp() returns timestamptz language sql volatile"
            " as $$ select pg_catalog.clock_timestamp() + interval '6 minutes' $$"
        )
        connection.exec_driver_sql(f"alter database {name} set search_path = other_machine, public, pg_catalog")
    database.engine.dispose()  # connections to come have the machine's path
    off = DatabaseClock(database)() - datetime.now(UTC)
    assert abs(off - timedelta(minutes=6)) < timedelta(seconds=5)
    with database.system(Purpose.INSPECT, write=False) as session:
        assert abs(database_now(session) - datetime.now(UTC) - timedelta(minutes=6)) < timedelta(seconds=5)


@pytest.mark.postgres
def test_the_process_s_clock_goes_on_while_the_database_is_away() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:9/none")
    assert abs(DatabaseClock(database)() - datetime.now(UTC)) < timedelta(seconds=5)
    database.close()


# The lease before a call that pays or sends


def test_before_a_call_that_pays_the_lease_is_looked_at_again(services: Services, clock: Clock) -> None:
    paid: list[int] = []

    def handler(work: Work) -> None:
        if work.job.attempts == 1:
            clock.forward(minutes=6)  # the machine slept
            second.run_until_idle()
        work.check_lease()
        paid.append(work.job.attempts)

    second = make(services, handler)
    promise(services.db)
    make(services, handler).run_until_idle()
    assert (paid, rows(services.db)) == ([2], [("done", "")])


def test_a_lease_that_was_looked_at_lasts_through_the_call(services: Services, clock: Clock) -> None:
    paid: list[int] = []

    def handler(work: Work) -> None:
        clock.forward(minutes=4)
        work.check_lease()
        clock.forward(minutes=2)  # the store takes two minutes to pay
        second.run_until_idle()
        paid.append(work.job.attempts)

    second = make(services, handler)
    promise(services.db)
    make(services, handler).run_until_idle()
    assert (paid, rows(services.db)) == ([1], [("done", "")])


def test_a_job_that_ended_has_no_lease(services: Services) -> None:
    told: list[type[Exception]] = []

    def handler(work: Work) -> None:
        with work.done():
            pass
        try:
            work.check_lease()
        except LeaseLost:
            told.append(LeaseLost)

    promise(services.db)
    make(services, handler).run_until_idle()
    assert told == [LeaseLost]


# A clock that is set back by an hour


def test_news_that_waits_when_the_clock_is_set_back_is_looked_at_at_once(services: Services) -> None:
    ran: list[str] = []
    worker = make(services, lambda work: ran.append(work.job.key))
    worker.run_until_idle()
    promise(services.db, NewJob("work", "before"))
    set_back(services)
    promise(services.db, NewJob("work", "after"), now=services.clock())
    worker.run_until_idle()
    assert sorted(ran) == ["after", "before"]


def test_a_worker_that_begins_after_the_clock_was_set_back_finds_what_waits(services: Services) -> None:
    ran: list[str] = []
    planned = NewJob("work", "planned", run_at=NOON + timedelta(minutes=10))
    promise(services.db, NewJob("work", "before"), planned)
    set_back(services)
    make(services, lambda work: ran.append(work.job.key)).run_until_idle()
    assert ran == ["before"]


def test_what_was_planned_for_later_is_not_hurried_by_a_set_clock(services: Services, clock: Clock) -> None:
    ran: list[str] = []
    worker = make(services, lambda work: ran.append(work.job.key))
    worker.run_until_idle()
    promise(services.db, NewJob("work", "planned", run_at=NOON + timedelta(minutes=10)))
    set_back(services)
    worker.run_until_idle()
    clock.now = NOON + timedelta(minutes=9)
    worker.run_until_idle()
    assert ran == []
    clock.forward(minutes=2)
    worker.run_until_idle()
    assert ran == ["planned"]


def test_a_dead_worker_s_job_does_not_wait_for_the_hour_that_was_set_back(services: Services, clock: Clock) -> None:
    promise(services.db)
    worker = make(services, lambda work: None)
    assert len(worker._claim(1)) == 1  # and its process dies
    set_back(services)
    worker.run_until_idle()
    clock.forward(minutes=6)
    worker.run_until_idle()
    assert rows(services.db) == [("done", "")]


def test_a_clock_that_is_set_back_stops_no_sweep(services: Services, clock: Clock) -> None:
    for _ in range(60):
        scheduler.tick(services, "clock.sweep", SWEEP)
        _finish_all(services, clock)
        clock.forward(minutes=1)
    set_back(services)
    won = []
    for _ in range(30):
        won.append(scheduler.tick(services, "clock.sweep", SWEEP))
        _finish_all(services, clock)
        clock.forward(minutes=1)
    assert won.count(True) >= 14, "a sweep for every slot, but perhaps the one that was under way"
    assert len(won) - won.count(True) >= 15, "and one only"


def _finish_all(services: Services, clock: Clock) -> None:
    with services.db.system(Purpose.CLAIM_JOBS) as session:
        session.execute(sa.update(Job).where(Job.store_id == SYSTEM).values(state="done", done_at=clock.now))


def test_the_timetable_goes_on_ticking_when_the_machine_s_clock_is_set_back(services: Services) -> None:
    shown = [time.time()]
    began = time.monotonic()
    timetable = scheduler.start(
        services,
        {"clock.sweep": timedelta(seconds=0.5)},
        wall=lambda: shown[0] + time.monotonic() - began,
        look_every=0.2,
    )
    try:
        assert until(lambda: _next_run(timetable) > datetime.now(UTC), 5)
        # What a clock that was set back by an hour looks like to APScheduler: its next moment is an hour away.
        timetable._scheduler.get_jobs()[0].modify(next_run_time=datetime.now(UTC) + HOUR)
        time.sleep(0.5)
        assert _next_run(timetable) > datetime.now(UTC) + HOUR / 2
        shown[0] -= HOUR.total_seconds()
        assert until(lambda: _next_run(timetable) < datetime.now(UTC) + timedelta(seconds=5), 10)
    finally:
        timetable.shutdown()
    assert not [thread for thread in threading.enumerate() if thread.name == "timetable-watch"]


def _next_run(timetable: scheduler.Timetable) -> datetime:
    moment: datetime = timetable._scheduler.get_jobs()[0].next_run_time
    return moment


def _apply(services: Services, at: datetime, **facts: Any) -> list[int]:
    with services.db.transaction(MAX) as session:
        fetched = [order_sync.Fetched(anns_order(updated_at=NOON, **facts), at)]
        return order_sync.apply(session, MAX, fetched, statuses={}, email_key=str.upper, now=at)


def test_what_a_store_says_after_the_clock_was_set_back_is_believed(services: Services) -> None:
    _apply(services, NOON)
    assert len(_apply(services, NOON - HOUR, number="1050")) == 1
    assert _apply(services, NOON - HOUR - timedelta(minutes=1), number="1051") == []


def test_an_order_deleted_after_the_clock_was_set_back_is_gone(services: Services) -> None:
    _apply(services, NOON)
    with services.db.transaction(MAX) as session:
        early = NOON - timedelta(minutes=1)
        assert order_sync.apply_gone(session, ["1"], asked_at=early, now=early) == []
        assert len(order_sync.apply_gone(session, ["1"], asked_at=NOON - HOUR, now=NOON - HOUR)) == 1
        assert session.scalars(sa.select(Order.gone_at)).one() == NOON - HOUR
