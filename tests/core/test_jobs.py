"""Promised work: every promise core/jobs/queue.py and core/jobs/claims.py make, on both databases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import SYSTEM
from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs import claims, prune, queue, scheduler
from core.jobs.queue import Claimed, Job, LeaseLost, NewJob
from core.services import Services
from core.stores.worker_access import WorkerAccess
from tests.conftest import NOON, Clock

MAX, EVE = 101, 202  # two stores
LATER = timedelta(minutes=6)  # longer than a lease
ORDER = NewJob("look", "order:42")
STORES = WorkerAccess()
pause = partial(claims.pause, stores=STORES)


def promise(db: Database, *new: NewJob, store: int = MAX, now: datetime = NOON) -> int:
    with db.transaction(store) as session:
        return queue.enqueue(session, store, new, now=now)


def take(db: Database, limit: int = 20, now: datetime = NOON) -> list[Claimed]:
    with db.system(Purpose.INSPECT) as session:
        return claims.claim(session, limit, STORES, now=now)


def take_one(db: Database, now: datetime = NOON) -> Claimed:
    [job] = take(db, now=now)
    return job


def end(db: Database, verb: Callable[..., Any], job: Claimed, *words: Any, now: datetime = NOON, **more: Any) -> Any:
    with db.transaction(job.store_id) as session:
        return verb(session, job, *words, now=now, **more)


def rows(db: Database, store: int = MAX) -> Sequence[Job]:
    with db.transaction(store, write=False) as session:
        return session.scalars(sa.select(Job).order_by(Job.id)).all()


def states(db: Database, store: int = MAX) -> list[str]:
    return [row.state for row in rows(db, store)]


def together(db: Database, action: Callable[[Database], Any], count: int = 4) -> list[Any]:
    """Run the action at the same moment in threads that share no connection, as processes would; give the results."""
    results: list[Any] = []
    start = threading.Barrier(count)

    def act() -> None:
        own = Database(db.engine.url.render_as_string(hide_password=False))
        start.wait()
        try:
            results.append(action(own))
        finally:
            own.close()

    threads = [threading.Thread(target=act) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == count, "a thread failed"
    return results


# Promising


def test_a_fact_that_was_rolled_back_leaves_no_job(database: Database) -> None:
    with suppress(ZeroDivisionError), database.transaction(MAX) as session:
        queue.enqueue(session, MAX, ORDER, now=NOON)
        raise ZeroDivisionError
    assert states(database) == []


def test_a_hundred_webhooks_about_one_order_are_one_waiting_job(database: Database) -> None:
    assert sum(promise(database, ORDER) for _ in range(100)) == 1
    assert states(database) == ["waiting"]


def test_a_hundred_at_once_in_one_batch_are_one_too(database: Database) -> None:
    assert promise(database, *[ORDER] * 100) == 1
    assert states(database) == ["waiting"]


def test_hooks_that_come_at_the_same_moment_are_one_job(database: Database) -> None:
    added = together(database, lambda db: promise(db, ORDER))
    assert sorted(added) == [0, 0, 0, 1]


def test_the_same_key_in_two_stores_is_two_jobs(database: Database) -> None:
    assert promise(database, ORDER) + promise(database, ORDER, store=EVE) == 2


def test_more_jobs_than_one_statement_takes_are_all_kept(database: Database) -> None:
    many = [NewJob("look", f"order:{n}") for n in range(queue.BATCH + 7)]
    assert promise(database, *many) == queue.BATCH + 7
    assert promise(database, *many, ORDER, NewJob("look", "order:new")) == 1


def test_news_that_arrives_while_it_runs_queues_exactly_one_more(database: Database) -> None:
    promise(database, ORDER)
    running = take_one(database)
    assert [promise(database, ORDER) for _ in range(5)] == [1, 0, 0, 0, 0]
    assert take(database) == []  # the key runs once at a time
    end(database, queue.finish, running)
    assert take_one(database).key == ORDER.key
    assert states(database) == ["done", "running"]


def test_news_hurries_what_was_planned_for_later(database: Database) -> None:
    promise(database, NewJob("look", "order:42", run_at=NOON + LATER))
    assert take(database) == []
    assert promise(database, ORDER) == 0
    assert take_one(database).key == ORDER.key


def test_a_later_plan_does_not_put_off_what_is_due(database: Database) -> None:
    promise(database, ORDER)
    promise(database, NewJob("look", "order:42", run_at=NOON + LATER))
    assert take_one(database).key == ORDER.key


def test_news_does_not_break_into_the_pause_a_platform_asked_for(database: Database) -> None:
    promise(database, ORDER)
    end(database, claims.fail, take_one(database), "slow down", retry_after=60)
    assert promise(database, ORDER) == 0
    assert take(database) == []
    assert take_one(database, now=NOON + timedelta(seconds=73)).attempts == 2


def test_no_worker_starts_a_job_before_the_news_it_was_merged_with_is_committed(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("one writer: a claim waits for the promise anyway")
    promise(database, ORDER)
    with database.transaction(MAX) as session:
        assert queue.enqueue(session, MAX, ORDER, now=NOON) == 0
        assert together(database, take, 1) == [[]]
    assert take_one(database).key == ORDER.key


def test_once_promised_by_many_at_the_same_moment_is_one(database: Database) -> None:
    gates = [threading.Barrier(4) for _ in range(60)]

    def promise_all(own: Database) -> int:
        promised = promise(own, NewJob("look", "first"))  # connected before the first gate opens
        for number, gate in enumerate(gates):
            gate.wait(20)
            promised += promise(own, NewJob("tell", f"notice:{number}", once=True))
        return promised

    assert sum(together(database, promise_all)) == 61


def test_once_waits_until_the_earlier_of_two_times(database: Database) -> None:
    late, soon = (NewJob("tell", "notice:7", run_at=NOON + timedelta(days=days), once=True) for days in (3, 1))
    assert [promise(database, one) for one in (late, soon, late)] == [1, 0, 0]
    assert [row.run_at for row in rows(database)] == [NOON + timedelta(days=1)]


def test_once_is_unique_for_ever(database: Database) -> None:
    once = NewJob("tell", "notice:7", {"id": 7}, once=True)
    assert promise(database, once) == 1
    end(database, queue.finish, take_one(database))
    assert promise(database, once, now=NOON + timedelta(days=400)) == 0
    with database.system(Purpose.INSPECT) as session:
        assert prune.prune(session, before=NOON + timedelta(days=500)) == 1
    assert promise(database, once, now=NOON + timedelta(days=600)) == 0
    assert [row.payload for row in rows(database)] == [{}]  # only the key is left of it


# Claiming


def test_a_job_is_claimed_once_by_many_workers_at_the_same_moment(database: Database) -> None:
    keys = {f"order:{n}" for n in range(60)}
    promise(database, *[NewJob("look", key) for key in keys])
    taken = [job.key for batch in together(database, lambda db: take(db, 15)) for job in batch]
    assert len(taken) == 60  # each found its own fifteen
    assert set(taken) == keys


def test_a_key_runs_once_at_a_time_among_many_workers(database: Database) -> None:
    running: list[str] = []
    overlaps: list[str] = []

    def work(db: Database) -> None:
        for _ in range(25):
            promise(db, ORDER)
            for job in take(db, 1):
                overlaps.extend(running)
                running.append(job.key)
                time.sleep(0.005)
                running.remove(job.key)
                end(db, queue.finish, job)

    together(database, work, 3)
    assert overlaps == []
    assert set(states(database)) <= {"done", "waiting"}


def test_a_claim_gives_the_oldest_first(database: Database) -> None:
    for age in (1, 3, 2):
        promise(database, NewJob("look", f"aged {age}", run_at=NOON - timedelta(minutes=age)))
    assert [job.key for job in take(database)] == ["aged 3", "aged 2", "aged 1"]


def test_a_store_with_five_thousand_jobs_does_not_starve_one_with_three(database: Database) -> None:
    flood = [NewJob("look", f"order:{n}", run_at=NOON - timedelta(hours=1)) for n in range(5000)]
    promise(database, *flood)
    promise(database, *[NewJob("look", f"order:{n}") for n in range(3)], store=EVE)
    first = take(database, 20)
    assert len(first) == 20
    assert sum(job.store_id == EVE for job in first) == 3


def test_stores_that_wait_for_tomorrow_take_no_turn_in_a_backlog(database: Database) -> None:
    promise(database, *[NewJob("look", f"order:{n}", run_at=NOON - timedelta(hours=1)) for n in range(300)])
    for store in range(1000, 1030):
        promise(database, NewJob("look", "tomorrow", run_at=NOON + timedelta(days=1)), store=store)
    promise(database, ORDER, store=EVE)
    assert {job.store_id for job in take(database, 2)} == {MAX, EVE}


def test_each_kind_is_held_as_long_as_it_asks(database: Database) -> None:
    promise(database, NewJob("quick", "a"), NewJob("slow", "b"))
    with database.system(Purpose.INSPECT) as session:
        taken = claims.claim(session, 5, STORES, now=NOON, leases={"slow": timedelta(hours=1)})
    assert {job.kind: job.lease_until - NOON for job in taken} == {"quick": queue.LEASE, "slow": timedelta(hours=1)}


# A worker that goes away


def test_a_job_whose_worker_died_comes_back_when_its_lease_is_over(database: Database) -> None:
    promise(database, ORDER)
    take_one(database)
    assert take(database, now=NOON + queue.LEASE) == []
    again = take_one(database, now=NOON + LATER)
    assert (again.key, again.attempts) == (ORDER.key, 2)


def test_a_late_finisher_changes_nothing(database: Database) -> None:
    promise(database, ORDER)
    late = take_one(database)
    holder = take_one(database, now=NOON + LATER)

    def finish_late(session: Session, job: Claimed, *, now: datetime) -> None:
        session.add(Job(kind="effect", key="effect", payload={}, run_at=NOON, created_at=NOON))
        queue.finish(session, job, now)

    with pytest.raises(LeaseLost):
        end(database, finish_late, late)
    for verb in (claims.fail, claims.give_up, pause):
        assert end(database, verb, late, "too late") == "lost"
    assert states(database) == ["running"]  # and the effect is not there
    end(database, queue.finish, holder)
    assert states(database) == ["done"]


def test_a_dead_workers_job_is_superseded_by_news_that_came_meanwhile(database: Database) -> None:
    promise(database, ORDER)
    take_one(database)
    promise(database, ORDER)
    assert take_one(database, now=NOON + LATER).attempts == 1
    assert states(database) == ["superseded", "running"]


# Failing


def test_a_failed_job_whose_younger_twin_waits_ends_superseded(database: Database) -> None:
    for verb in (claims.fail, claims.give_up, pause):
        promise(database, ORDER)
        running = take_one(database)
        promise(database, ORDER)
        assert end(database, verb, running, "no") == "superseded"
        end(database, queue.finish, take_one(database))
    assert states(database) == ["superseded", "done"] * 3


def test_pauses_between_tries_double_with_jitter_up_to_an_hour() -> None:
    for attempts, least in [(1, 2), (2, 4), (5, 32), (11, 2048), (12, 3600), (500, 3600)]:
        seconds = {claims.pause_before(attempts) for _ in range(50)}
        assert least <= min(seconds) < max(seconds) <= least * 1.2


def test_a_pause_is_never_shorter_than_the_platform_asked() -> None:
    assert 90 <= claims.pause_before(1, 90.0) <= 108
    assert claims.pause_before(10, 90.0) >= 1024


def test_a_job_is_stuck_after_its_last_try_and_shows_the_platforms_sentence(database: Database) -> None:
    promise(database, ORDER)
    now, ended = NOON, []
    for _ in range(3):
        ended.append(
            end(database, claims.fail, take_one(database, now=now), "The store is asleep.", attempts=3, now=now)
        )
        now += timedelta(minutes=1)
    assert ended == ["waiting", "waiting", "stuck"]
    assert [(row.state, row.reason) for row in rows(database)] == [("stuck", "The store is asleep.")]
    assert take(database, now=now + timedelta(days=1)) == []


def test_a_long_sentence_is_cut(database: Database) -> None:
    promise(database, ORDER)
    end(database, claims.give_up, take_one(database), "no " * 5000)
    assert len(rows(database)[0].reason) == 500


def test_a_stuck_job_runs_again_when_somebody_asks(database: Database) -> None:
    promise(database, ORDER)
    end(database, claims.give_up, take_one(database), "No such order.")
    stuck = rows(database)[0].id
    with database.transaction(EVE) as session:
        assert not queue.retry(session, EVE, stuck, now=NOON)  # it is not hers
    with database.transaction(MAX) as session:
        assert queue.retry(session, MAX, stuck, now=NOON)
        assert not queue.retry(session, MAX, stuck, now=NOON)  # a double click
    assert take_one(database).attempts == 1  # all tries are new


def test_a_stuck_job_asked_for_again_gives_way_to_its_younger_twin(database: Database) -> None:
    promise(database, ORDER)
    end(database, claims.give_up, take_one(database), "No such order.")
    promise(database, ORDER)
    with database.transaction(MAX) as session:
        assert queue.retry(session, MAX, rows(database)[0].id, now=NOON)
    assert states(database) == ["superseded", "waiting"]


# A store's door closes and opens


def test_a_store_whose_work_pauses_leaves_the_others_running(database: Database) -> None:
    promise(database, ORDER)
    promise(database, ORDER, store=EVE)
    for job in take(database):
        if job.store_id == MAX:
            assert end(database, pause, job, "access was withdrawn") == "paused"
        else:
            end(database, queue.finish, job)
    assert (states(database), states(database, EVE)) == (["paused"], ["done"])
    assert take(database, now=NOON + timedelta(days=30)) == []


def test_opening_again_resumes_the_youngest_of_each_key_with_its_tries(database: Database) -> None:
    for _ in range(3):
        promise(database, ORDER)
        end(database, pause, take_one(database), "closed")
    promise(database, NewJob("look", "order:43"))
    end(database, pause, take_one(database), "closed")
    with database.transaction(MAX) as session:
        assert queue.resume(session, MAX, now=NOON) == 2
    assert states(database) == ["superseded", "superseded", "waiting", "waiting"]
    assert [job.attempts for job in take(database)] == [1, 1]  # a pause is not a try


def test_what_waits_already_wins_over_what_is_resumed(database: Database) -> None:
    promise(database, ORDER)
    end(database, pause, take_one(database), "closed")
    promise(database, ORDER)
    with database.transaction(MAX) as session:
        assert queue.resume(session, MAX, now=NOON) == 0
    assert states(database) == ["superseded", "waiting"]


def test_resuming_one_store_opens_no_other(database: Database) -> None:
    promise(database, ORDER, store=EVE)
    end(database, pause, take_one(database), "closed")
    with database.transaction(MAX) as session:
        assert queue.resume(session, MAX, now=NOON) == 0
    assert states(database, EVE) == ["paused"]


# Keeping house


def test_only_what_ended_before_the_day_is_forgotten(database: Database) -> None:
    promise(database, *[NewJob("look", f"order:{n}") for n in range(4)])
    old, new, stuck, _running = take(database)
    end(database, queue.finish, old, now=NOON - timedelta(days=15))
    end(database, queue.finish, new, now=NOON)
    end(database, claims.give_up, stuck, "no", now=NOON - timedelta(days=15))
    with database.system(Purpose.INSPECT) as session:
        assert prune.prune(session, before=NOON - timedelta(days=14)) == 1
        assert prune.prune(session, before=NOON - timedelta(days=14)) == 0
    assert sorted(states(database)) == ["done", "running", "stuck"]


def test_forgetting_takes_no_more_than_its_share(database: Database) -> None:
    promise(database, *[NewJob("look", f"order:{n}") for n in range(7)])
    for job in take(database):
        end(database, queue.finish, job)
    with database.system(Purpose.INSPECT) as session:
        assert [prune.prune(session, before=NOON + LATER, limit=5) for _ in range(3)] == [5, 2, 0]


def test_the_oldest_waiting_job_says_how_long(database: Database) -> None:
    promise(database, NewJob("look", "a"), NewJob("look", "tomorrow", run_at=NOON + timedelta(days=1)))
    with database.system(Purpose.INSPECT, write=False) as session:
        assert claims.oldest_waiting(session, now=NOON + timedelta(seconds=90)) == 90
        assert claims.oldest_waiting(session, now=NOON - timedelta(seconds=1)) == 0


# The clock


def test_three_clocks_ticking_the_same_slot_make_one_job(services: Services, database: Database) -> None:
    def tick(own: Database) -> bool:
        mine = Services(own, services.config, services.keyring, services.platforms, services.mail, services.clock)
        return scheduler.tick(mine, "clock.sweep", timedelta(minutes=2))

    assert sorted(together(database, tick, 3)) == [False, False, True]
    assert states(database, SYSTEM) == ["waiting"]


def test_every_slot_is_one_job_and_old_slots_are_forgotten(services: Services, clock: Clock) -> None:
    ticks = []
    for _ in range(13):  # every half minute from NOON, a slot's beginning, to six minutes later
        ticks.append(scheduler.tick(services, "clock.sweep", timedelta(minutes=2)))
        clock.forward(seconds=30)
    assert [number for number, won in enumerate(ticks) if won] == [0, 4, 8, 12]
    for job in take(services.db, now=clock.now):
        end(services.db, queue.finish, job)
    with services.db.system(Purpose.INSPECT) as session:
        assert prune.prune(session, before=NOON + timedelta(days=1)) == 4
    assert states(services.db, SYSTEM) == []


def test_starting_the_clock_promises_the_present_slot_of_everything(services: Services) -> None:
    clock = scheduler.start(services, {"clock.sweep": timedelta(minutes=2), "clock.prune": timedelta(hours=6)})
    clock.shutdown()
    assert sorted(row.kind for row in rows(services.db, SYSTEM)) == ["clock.prune", "clock.sweep"]
