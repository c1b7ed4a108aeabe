"""A bucket of calls: never more than the platform allows, never stuck, and a refusal is everybody's."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from core.db.database import Database
from core.platform.calls.cost_bucket import BucketState, CostBucket, LocalBuckets
from core.platform.errors import NothingDone, Refused, Unavailable
from core.services import Services
from core.stores.call_buckets import StoreBuckets
from core.stores.model import CallBucket, Store
from core.stores.platform_access import make_platform
from tests.conftest import Clock

SIZE, REFILL = 100.0, 10.0


class Seconds:
    """Unix time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Meter:
    """The platform's own bucket: it wants the whole cost at first and gives back what a call did not use."""

    def __init__(self, seconds: Seconds) -> None:
        self.seconds, self.left, self.at, self.refused = seconds, SIZE, seconds(), 0

    def refill(self) -> None:
        self.left = min(SIZE, self.left + (self.seconds() - self.at) * REFILL)
        self.at = self.seconds()

    def begin(self, cost: float) -> None:
        self.refill()
        self.refused += cost > self.left + 1e-3
        self.left -= cost

    def end(self, cost: float, spent: float) -> float:
        self.refill()
        self.left = min(SIZE, self.left + cost - spent)
        return self.left


def bucket_of(seconds: Seconds, patience: float = 0.0) -> CostBucket:
    return CostBucket("graphql", SIZE, REFILL, LocalBuckets(seconds), patience)


COSTS = st.tuples(st.integers(1, 100), st.floats(0, 1), st.floats(0, 4))


@settings(max_examples=40)
@given(calls=st.lists(COSTS, max_size=25), at_once=st.integers(1, 4))
def test_no_call_is_refused_for_its_cost_however_many_are_under_way(
    calls: list[tuple[int, float, float]], at_once: int
) -> None:
    seconds = Seconds()
    meter, bucket = Meter(seconds), bucket_of(seconds)
    under_way = []
    for cost, used, pause in calls:
        call = bucket.spend(cost)
        try:
            told = call.__enter__()
        except NothingDone as error:
            seconds.now += min(error.retry_after or 0.0, SIZE / REFILL)
            call = bucket.spend(cost)
            told = call.__enter__()  # what was said to be enough is enough
        meter.begin(cost)
        under_way.append((call, told, cost, cost * used))
        seconds.now += pause
        if len(under_way) >= at_once:
            call, told, cost, spent = under_way.pop(0)
            told.told(spent=spent, left=meter.end(cost, spent))
            call.__exit__(None, None, None)
    assert meter.refused == 0


def test_what_a_call_did_not_cost_is_there_for_the_next() -> None:
    bucket = bucket_of(Seconds())
    for _ in range(10):
        with bucket.spend(50) as call:
            call.told(spent=5)
    with pytest.raises(NothingDone) as caught, bucket.spend(70):
        pytest.fail("50 of 100 are spent")
    assert caught.value.retry_after == pytest.approx(2.0)


def test_the_platform_is_believed_where_it_says_that_less_is_left_or_that_it_is_another_bucket() -> None:
    seconds = Seconds()
    bucket = bucket_of(seconds)
    with bucket.spend(1) as call:
        call.told(spent=1, left=5)
    with pytest.raises(NothingDone), bucket.spend(10):
        pytest.fail("5 are left")
    with bucket.spend(5) as call:
        call.told(spent=5, left=0, size=1000, refill=100)
    seconds.now += 9
    with bucket.spend(900):
        pass


def test_a_refusal_keeps_all_others_from_calling_for_as_long_as_it_says() -> None:
    seconds = Seconds()
    bucket = bucket_of(seconds)
    with pytest.raises(Unavailable), bucket.spend(1):
        raise Unavailable("too many", retry_after=30)
    other = CostBucket("graphql", SIZE, REFILL, bucket.states, patience=0)
    with pytest.raises(NothingDone) as caught, other.spend(1):
        pytest.fail("the platform wants to be left alone")
    assert caught.value.retry_after == pytest.approx(30)
    seconds.now += 30
    with other.spend(1):
        pass


@pytest.mark.parametrize("error", [Refused("no"), Unavailable("no answer")])
def test_a_call_that_failed_otherwise_counts_as_made_and_closes_nothing(error: Exception) -> None:
    bucket = bucket_of(Seconds())
    with pytest.raises(type(error)), bucket.spend(60):
        raise error
    with bucket.spend(40):
        pass
    with pytest.raises(NothingDone), bucket.spend(1):
        pytest.fail("60 and 40 are spent")


def test_a_call_dearer_than_the_bucket_waits_for_a_full_one() -> None:
    seconds = Seconds()
    bucket = bucket_of(seconds)
    with bucket.spend(5000):
        pass
    with pytest.raises(NothingDone) as caught, bucket.spend(5000):
        pytest.fail("nothing is left")
    assert caught.value.retry_after == pytest.approx(SIZE / REFILL)


def test_a_clock_set_back_fills_nothing_and_locks_nobody_out() -> None:
    state = BucketState(50, at=5000, size=SIZE, refill=REFILL, closed_until=500_000)
    back = state.refilled(1000)
    assert (back.left, back.at) == (50, 1000)
    assert back.wait_for(1) == 3600
    assert back.refilled(1000 + 3601).wait_for(1) == 0, "the wait ends, and does not begin anew at each look"
    assert replace(back, closed_until=0).wait_for(60) == pytest.approx(1.0)


def test_clocks_that_differ_by_a_little_fill_the_bucket_once() -> None:
    state = BucketState(0, at=1000, size=SIZE, refill=REFILL)
    for step in range(1, 101):  # two processes in turn, for two seconds
        for behind in (0.0, 0.02):
            state = state.refilled(1000 + 0.02 * step - behind)
    assert state.left == pytest.approx(2 * REFILL)
    assert state.at == 1002


def test_a_short_wait_is_waited_out() -> None:
    bucket = CostBucket("graphql", SIZE, 1000.0, LocalBuckets())
    started = time.monotonic()
    for _ in range(2):
        with bucket.spend(SIZE):
            pass
    assert time.monotonic() - started >= 0.09


# Shared through the database.


def test_processes_of_one_store_take_from_one_bucket_and_other_stores_have_their_own(
    services: Services, store: Store, database_url: str
) -> None:
    other = replace(services, db=Database(database_url))
    gate, let_through = threading.Barrier(8), list[int]()

    def call(place: int) -> None:
        states = make_platform(other if place % 2 else services, store).buckets
        gate.wait()
        for _ in range(4):
            try:
                with CostBucket("graphql", SIZE, REFILL, states, patience=0).spend(10):
                    let_through.append(place)
            except NothingDone:
                continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    other.db.close()
    assert len(let_through) == 10
    with CostBucket("graphql", SIZE, REFILL, StoreBuckets(services, store.id + 1), patience=0).spend(SIZE):
        pass
    with CostBucket("another", SIZE, REFILL, StoreBuckets(services, store.id), patience=0).spend(SIZE):
        pass


def test_the_time_of_a_change_is_read_once_nobody_else_holds_the_bucket(
    services: Services, store: Store, clock: Clock
) -> None:
    states, seen = StoreBuckets(services, store.id), list[float]()

    def look(known: BucketState | None, now: float) -> tuple[BucketState, None]:
        seen.append(now)
        return known or BucketState(SIZE, now, SIZE, REFILL), None

    states.change("graphql", look)
    with ThreadPoolExecutor(1) as pool:
        with services.db.transaction(store.id) as session:
            session.execute(sa.select(CallBucket).with_for_update())
            waits = pool.submit(states.change, "graphql", look)
            assert not wait([waits], timeout=0.3).done
            clock.forward(seconds=1)
        waits.result(timeout=10)
    assert seen[1] - seen[0] == 1
