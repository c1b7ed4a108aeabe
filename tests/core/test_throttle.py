"""Counting tries: exact where tries are rare; for look-ups in each process, and for all of them soon after."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.db.database import Database
from core.db.purpose import Purpose
from core.secrets import Keyring
from core.stores import throttle
from core.stores.model import Throttle
from core.stores.throttle import TooManyTries, counter_of
from tests.conftest import KEY, NOON

STORE, EVE = 101, {"find:address:198.51.100.7": 5}
KEYRING = Keyring([KEY])
Count = Callable[..., object]
BOTH = pytest.mark.parametrize("count", [throttle.count_try, throttle.count_frequent])


@pytest.fixture
def other(database: Database, database_url: str) -> Database:
    """The same database, as another process knows it."""
    return Database(database_url)


def passed(count: Count, database: Database, times: int, store_id: int = STORE) -> int:
    """Try so many times; give how often it was let through."""
    through = 0
    for _ in range(times):
        try:
            count(database, KEYRING, store_id, EVE, now=NOON)
        except TooManyTries:
            continue
        through += 1
    return through


def written(database: Database) -> int:
    with database.system(Purpose.INSPECT, write=False) as session:
        return int(session.scalar(sa.select(sa.func.coalesce(sa.func.sum(Throttle.tries), 0))) or 0)


@BOTH
def test_a_limit_holds_in_one_process(database: Database, count: Count) -> None:
    assert passed(count, database, 12) == 5


@BOTH
def test_one_store_s_tries_are_not_another_s(database: Database, count: Count) -> None:
    assert [passed(count, database, 9, store_id) for store_id in (STORE, 202)] == [5, 5]


@BOTH
def test_a_quarter_of_an_hour_later_counting_begins_anew(database: Database, count: Count) -> None:
    passed(count, database, 9)
    count(database, KEYRING, STORE, EVE, now=NOON + timedelta(minutes=15))
    with pytest.raises(TooManyTries) as refused:
        count(database, KEYRING, STORE, EVE, now=NOON + timedelta(minutes=14))
    assert refused.value.retry_after == 60


def test_rare_tries_are_counted_by_all_processes_at_once(database: Database, other: Database) -> None:
    turns = [passed(throttle.count_try, process, 1) for process in (database, other) * 6]
    assert sum(turns) == 5


def test_what_one_process_has_written_binds_the_next_one_that_writes(database: Database, other: Database) -> None:
    for process in (database, other):
        counter_of(process).rest = 0
    assert passed(throttle.count_frequent, database, 4) == 4
    assert passed(throttle.count_frequent, other, 4) == 1  # it heard of the four with the answer to its first
    assert passed(throttle.count_frequent, database, 4) == 1  # likewise


def test_no_process_lets_more_than_the_limit_through_before_it_hears_of_others(
    database: Database, other: Database
) -> None:
    for process in (database, other):
        counter_of(process).rest = math.inf
    assert [passed(throttle.count_frequent, process, 9) for process in (database, other)] == [5, 5]


def test_look_ups_are_written_together_and_none_is_lost(database: Database) -> None:
    passed(throttle.count_frequent, database, 20)
    assert written(database) == 1  # the first; the rest of this second waits
    counter_of(database).write(database)
    assert written(database) == 5  # the other fifteen were refused


def test_tries_that_could_not_be_written_are_written_later(database: Database) -> None:
    tries = counter_of(database)
    tries.rest = math.inf
    passed(throttle.count_frequent, database, 3)
    with database.system(Purpose.INSPECT) as session:
        session.execute(sa.text("alter table throttles rename to elsewhere"))
    with pytest.raises(sa.exc.SQLAlchemyError):
        tries.write(database)
    with database.system(Purpose.INSPECT) as session:
        session.execute(sa.text("alter table elsewhere rename to throttles"))
    tries.write(database)
    assert written(database) == 3
