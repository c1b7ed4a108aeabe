"""A platform whose listing takes its time: the reading waits without a worker, goes on when told, and pays once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app, wire_kinds
from core.changes import feed_waits
from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.calls.cost_bucket import CostBucket
from core.platform.contract import Installation
from core.platform.registry import Registry
from core.platform.sample import World
from core.platform.samples.bulk_listing import BUCKET, LOOK_AGAIN_AFTER, TRIES, BulkDemo, Operations
from core.platform.snapshots import OrderSnapshot, Page
from core.reviews import sync as reviews_sync
from core.services import Services
from core.stores import install
from core.stores.call_buckets import StoreBuckets
from core.stores.model import Feed, Store
from core.stores.worker_access import WorkerAccess
from tests.conftest import NOON, Clock, make_config
from tests.core.samples import anns_order, anns_review, deliver, jobs_of
from tests.core.shipping.seed import on_sqlite, sign_in
from tests.core.test_changes import orders
from tests.stores.file_server import FileServer, serve_files

IMPORT = "orders.import"
COUNT = 6


class Counting(BulkDemo):
    """Counts how often it was asked for orders, and can be stopped at a call."""

    name = "counting"
    asked: list[str] = []  # noqa: RUF012 - emptied for each test
    on_call: Callable[[str], None] | None = None
    stands_still = False

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        if Counting.stands_still:
            Counting.asked.append(cursor)
            return Page((), cursor, last=False)
        if cursor.startswith("{"):
            Counting.asked.append(cursor)
        _note("before the call")
        page = super().orders_since(cursor)
        _note("after the call")
        return page


def _note(point: str) -> None:
    if Counting.on_call:
        Counting.on_call(point)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileServer]:
    with serve_files(tmp_path) as files:
        yield files


@pytest.fixture
def app(services: Services, files: FileServer) -> Iterator[Services]:
    Counting.asked, Counting.on_call, Counting.stands_still = [], None, False
    config = make_config(services.config.database_url, outbound_allow=files.host)
    yield replace(services, config=config, platforms=Registry({"counting": Counting}))
    Counting.on_call, Counting.stands_still = None, False


@pytest.fixture
def worker(app: Services) -> Worker:
    return Worker(app, wire_kinds(), stores=WorkerAccess())


@pytest.fixture
def store(app: Services, world: World, files: FileServer) -> Store:
    return set_up(app, world, files.url)


def set_up(app: Services, world: World, files: str, ref: str = "linden") -> Store:
    """Six orders of the days before, in a store whose first reading has not run yet; the poll is of no interest."""
    for place in range(COUNT):
        at = NOON - timedelta(days=2) + timedelta(minutes=place)
        world.put(anns_order(ref=str(place), number=str(1000 + place), placed_at=at, updated_at=at))
    credentials = {"world": world.path, "files": files}
    store = install.connect(app, "counting", Installation(ref, ref.title(), credentials, "EUR", "Europe/Vilnius"))
    with app.db.transaction(store.id) as session:
        session.execute(sa.delete(Job).where(Job.key != f"read:{IMPORT}"))
    return store


def feed_of(app: Services, store: Store, name: str = IMPORT) -> Feed:
    with app.db.transaction(store.id, write=False) as session:
        return session.scalars(sa.select(Feed).where(Feed.name == name)).one()


def promise_again(app: Services, store: Store) -> None:
    """Promise the import again, due now, as a page of the desk may."""
    with app.db.transaction(store.id) as session:
        payload = {"feed": IMPORT, "since": (NOON - timedelta(days=90)).isoformat()}
        queue.enqueue(session, store.id, NewJob("changes.read", f"read:{IMPORT}", payload), now=app.clock())


# Waiting.


def test_a_reading_that_waits_holds_no_worker_and_says_what_it_waits_for(
    app: Services, store: Store, world: World, worker: Worker
) -> None:
    assert worker.run_until_idle() < 10
    feed = feed_of(app, store)
    assert (feed.state, feed.operation, feed.waiting_since) == ("reading", "bulk-1", NOON)
    assert feed.again_at == NOON + timedelta(seconds=LOOK_AGAIN_AFTER)
    assert jobs_of(app, store, state="running") == []
    with app.db.transaction(store.id, write=False) as session:
        assert session.scalars(sa.select(Job.run_at).where(Job.state == "waiting")).all() == [feed.again_at]


def test_a_page_that_is_not_ready_is_asked_for_no_sooner_than_the_platform_said(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    for pause in (10, 20, 40, 80, 160, 300, 300):
        asked = len(Counting.asked)
        clock.forward(seconds=pause - 1)
        promise_again(app, store)  # as whoever may want the feed read
        worker.run_until_idle()
        assert len(Counting.asked) == asked
        clock.forward(seconds=1)
        worker.run_until_idle()
        assert len(Counting.asked) == asked + 1
    assert Operations(world).begun == 1
    assert feed_of(app, store).waiting_since == NOON


def test_a_page_that_moves_nothing_is_waited_for_although_the_plugin_does_not_say_so() -> None:
    assert feed_waits.is_waited_for(Page((), "here", last=False), "here")
    assert not feed_waits.is_waited_for(Page((), "there", last=False), "here")
    assert not feed_waits.is_waited_for(Page((), "here", last=False, gone=("7",)), "here")
    assert not feed_waits.is_waited_for(Page((), "here", last=True, again_after=5), "here")


def test_a_listing_that_stands_still_is_asked_once_a_look(
    app: Services, store: Store, worker: Worker, clock: Clock
) -> None:
    Counting.stands_still = True
    for looks in (1, 2):
        worker.run_until_idle()
        assert len(Counting.asked) == looks
        clock.forward(seconds=1)


@pytest.mark.parametrize(
    ("asked", "waits", "seconds"),
    [
        (None, 0, 1), (0, 0, 1), (-5, 0, 1), (float("nan"), 0, 1), (0.2, 3, 8), (30, 0, 30), (30, 1, 60),
        (30, 9, 300), (30, 10**9, 300), (900, 0, 900), (900, 5, 900), (1e9, 0, 3600), (float("inf"), 2, 3600),
    ],
)  # fmt: skip
def test_the_wait_grows_within_bounds_and_is_never_less_than_asked(
    asked: float | None, waits: int, seconds: float
) -> None:
    assert feed_waits.pause_before(asked, waits) == timedelta(seconds=seconds)


def test_the_desk_says_since_when_the_store_prepares_its_list(app: Services, store: Store, worker: Worker) -> None:
    worker.run_until_idle()
    client = client_of(app)
    sign_in(app, store, client)
    assert "the store has been preparing its list since" in client.get(f"/admin/{store.key}/").text


@on_sqlite
def test_the_desk_tells_of_a_list_that_takes_more_than_a_day_until_the_reading_moves_on(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    client = client_of(app)
    sign_in(app, store, client)
    pages = [f"/admin/{store.key}/", f"/admin/{store.key}/connection"]
    told = "For more than a day the store has been preparing"

    clock.forward(hours=24)
    worker.run_until_idle()
    assert [told in client.get(page).text for page in pages] == [False, False]
    clock.forward(minutes=1)
    worker.run_until_idle()
    assert [told in client.get(page).text for page in pages] == [True, True]
    assert "Nothing is wrong." not in client.get(pages[1]).text

    Operations(world).finish("bulk-1")
    tell(app, store, "bulk-1")
    worker.run_until_idle()
    assert [told in client.get(page).text for page in pages] == [False, False]
    assert "Nothing is wrong." in client.get(pages[1]).text


@on_sqlite
def test_a_closed_store_is_not_said_to_prepare_anything(
    app: Services, store: Store, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    clock.forward(days=3)
    with app.db.transaction(store.id) as session:
        session.execute(sa.update(Store).values(state="closed", state_reason="no"))
    client = client_of(app)
    sign_in(app, store, client)
    assert "has been preparing" not in client.get(f"/admin/{store.key}/connection").text


# What ends the wait.


def test_an_operation_that_has_ended_is_read_and_forgotten(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    Operations(world).finish("bulk-1")
    clock.forward(seconds=LOOK_AGAIN_AFTER)
    worker.run_until_idle()
    feed = feed_of(app, store)
    assert (feed.state, feed.read, feed.operation) == ("idle", COUNT, "")
    assert (feed.again_at, feed.waiting_since, feed.waits) == (None, None, 0)
    assert len(Counting.asked) > 2, "the file is read in pieces"
    found = orders(app, store)
    assert found.keys() == {str(place) for place in range(COUNT)}


def test_news_that_the_operation_has_ended_wakes_its_reading_at_once(
    app: Services, store: Store, world: World, worker: Worker
) -> None:
    worker.run_until_idle()
    Operations(world).finish("bulk-1")
    assert tell(app, store, "bulk-1") == 200
    worker.run_until_idle()
    assert feed_of(app, store).state == "idle"
    assert jobs_of(app, store) == []


def test_news_too_early_costs_one_look_and_the_reading_waits_anew(
    app: Services, store: Store, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    for _ in range(3):
        tell(app, store, "bulk-1")
    worker.run_until_idle()
    assert len(Counting.asked) == 2
    assert feed_of(app, store).again_at == clock() + timedelta(seconds=LOOK_AGAIN_AFTER)


def test_news_of_an_operation_nobody_waits_for_is_finished_quietly(app: Services, store: Store, worker: Worker) -> None:
    worker.run_until_idle()
    asked = len(Counting.asked)
    for ref in ("bulk-77", ""):
        assert tell(app, store, ref) == 200
    worker.run_until_idle()
    assert jobs_of(app, store, state="stuck") == []
    assert len(Counting.asked) == asked


def test_news_that_comes_while_the_platform_is_asked_is_not_lost(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    other = Worker(app, worker.kinds, stores=worker.stores)

    def end_it(point: str) -> None:
        if point == "after the call":
            Counting.on_call = None
            Operations(world).finish("bulk-1")
            tell(app, store, "bulk-1")
            thread = threading.Thread(target=other.run_until_idle)
            thread.start()
            thread.join()

    clock.forward(seconds=LOOK_AGAIN_AFTER)
    Counting.on_call = end_it
    worker.run_until_idle()
    assert feed_of(app, store).state == "idle"


def test_news_that_comes_while_the_last_page_is_read_begins_nothing_anew(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    other, looks = Worker(app, worker.kinds, stores=worker.stores), []

    def tell_it(point: str) -> None:
        looks.append(point)
        if point == "after the call":  # of each page, the last one too
            tell(app, store, "bulk-1")
            thread = threading.Thread(target=other.run_until_idle)
            thread.start()
            thread.join()

    Operations(world).finish("bulk-1")
    clock.forward(seconds=LOOK_AGAIN_AFTER)
    Counting.on_call = tell_it
    worker.run_until_idle()
    assert looks
    assert (feed_of(app, store).state, Operations(world).begun) == ("idle", 1)


@pytest.mark.parametrize("end", ["failed", "forgotten", "its file is gone"])
def test_an_operation_that_came_to_nothing_is_begun_anew(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock, end: str
) -> None:
    worker.run_until_idle()
    operations = Operations(world)
    if end == "forgotten":
        world.remove("operation", "bulk-1")
        world.note("operation", "bulk-0", {"key": "somebody else's", "since": "", "state": "running"})
    else:
        operations.finish("bulk-1", "failed" if end == "failed" else "done")
        operations.file_of("bulk-1").unlink()
    clock.forward(seconds=LOOK_AGAIN_AFTER)
    worker.run_until_idle()
    clock.now = feed_of(app, store).again_at or clock()
    worker.run_until_idle()
    assert feed_of(app, store).operation == "bulk-2"
    operations.finish("bulk-2")
    tell(app, store, "bulk-2")
    worker.run_until_idle()
    assert len(orders(app, store)) == COUNT


def fail_until_given_up(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock, name: str = IMPORT
) -> list[float]:
    """Let each operation of a reading fail; give the seconds that passed before each was begun anew."""
    operations, pauses = Operations(world), list[float]()
    worker.run_until_idle()
    while not jobs_of(app, store, state="stuck"):
        begun = operations.begun
        operations.finish(f"bulk-{begun}", "failed")
        tell(app, store, f"bulk-{begun}")
        worker.run_until_idle()
        assert operations.begun == begun, "not at once"
        if again_at := feed_of(app, store, name).again_at:
            pauses.append((again_at - clock()).total_seconds())
            clock.now = again_at
            worker.run_until_idle()
            assert operations.begun == begun + 1
    return pauses


def test_an_operation_that_fails_each_time_is_begun_anew_ever_later_and_then_given_up(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    pauses = fail_until_given_up(app, store, world, worker, clock)
    assert len(pauses) == TRIES - 1
    assert 60 <= pauses[0] < pauses[1] < pauses[2] <= pauses[3] <= 3600
    assert Operations(world).begun == TRIES
    feed = feed_of(app, store)
    assert (feed.state, feed.operation, feed.waiting_since) == ("given_up", "", None)
    with app.db.transaction(store.id, write=False) as session:
        (stuck,) = session.scalars(sa.select(Job).where(Job.state == "stuck"))
    assert stuck.reason == f"The store failed {TRIES} times to list its orders. It says: failed"
    client = client_of(app)
    sign_in(app, store, client)
    assert "given up after errors" in client.get(f"/admin/{store.key}/").text

    with app.db.transaction(store.id) as session:  # as a click at the desk does
        assert queue.retry(session, store.id, stuck.id, now=clock())
    worker.run_until_idle()
    assert Operations(world).begun == TRIES + 1
    Operations(world).finish(f"bulk-{TRIES + 1}")
    tell(app, store, f"bulk-{TRIES + 1}")
    worker.run_until_idle()
    assert (feed_of(app, store).state, len(orders(app, store))) == ("idle", COUNT)


@on_sqlite
def test_a_poll_that_was_given_up_begins_anew_where_it_began(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    since = (NOON - timedelta(hours=3)).isoformat()
    payload = {"feed": "orders", "since": (NOON - timedelta(minutes=5)).isoformat()}
    with app.db.transaction(store.id) as session:
        session.add(Feed(name="orders", cursor=since, state="idle", read=0, waits=0))
        session.execute(sa.update(Job).values(key="read:orders", payload=payload))
    fail_until_given_up(app, store, world, worker, clock, "orders")
    with app.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.read", "read:orders", payload), now=clock())
    worker.run_until_idle()
    assert Operations(world).look(f"bulk-{TRIES + 1}")["since"] == since


def test_an_operation_that_may_not_be_begun_yet_is_begun_once_the_platform_allows_it(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    with CostBucket("operations", BUCKET, BUCKET / 3600, StoreBuckets(app, store.id)).spend(BUCKET):
        pass
    worker.run_until_idle()
    assert Operations(world).begun == 0
    assert jobs_of(app, store) == [f"read:{IMPORT}"]
    clock.forward(minutes=8)
    worker.run_until_idle()
    assert Operations(world).begun == 1


# Connected again.


def reconnect(app: Services, world: World, files: FileServer) -> None:
    credentials = {"world": world.path, "files": files.url}
    install.connect(app, "counting", Installation("linden", "Linden", credentials, "EUR", "Europe/Vilnius"))


def imports_of(app: Services, store: Store) -> list[str]:
    """The states of the first reading's jobs, oldest first."""
    with app.db.transaction(store.id, write=False) as session:
        return list(session.scalars(sa.select(Job.state).where(Job.key == f"read:{IMPORT}").order_by(Job.id)))


def test_a_first_reading_that_stopped_with_an_error_goes_on_when_the_store_is_connected_again(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock, files: FileServer
) -> None:
    fail_until_given_up(app, store, world, worker, clock)
    reconnect(app, world, files)
    assert imports_of(app, store)[-1] == "waiting"
    worker.run_until_idle()
    Operations(world).finish(f"bulk-{TRIES + 1}")
    tell(app, store, f"bulk-{TRIES + 1}")
    worker.run_until_idle()
    assert (feed_of(app, store).state, len(orders(app, store))) == ("idle", COUNT)
    assert "stuck" not in imports_of(app, store)


@on_sqlite
@pytest.mark.parametrize("stands", ["under way", "done", "done, though it was stuck once"])
def test_a_first_reading_that_is_done_or_under_way_is_left_alone_when_the_store_is_connected_again(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock, files: FileServer, stands: str
) -> None:
    if stands.endswith("once"):
        fail_until_given_up(app, store, world, worker, clock)
        promise_again(app, store)
    worker.run_until_idle()
    if stands.startswith("done"):
        begun = f"bulk-{Operations(world).begun}"
        Operations(world).finish(begun)
        tell(app, store, begun)
        worker.run_until_idle()
    before = imports_of(app, store), Operations(world).begun
    reconnect(app, world, files)
    assert (imports_of(app, store), Operations(world).begun) == before


# How old a file is.


def test_what_was_told_after_the_platform_made_its_file_stays(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    client = client_of(app)

    def hear_of(*refs: str) -> None:
        for ref in refs:
            assert deliver(client, app, store, "order", ref) == 200
        worker.run_until_idle()

    hear_of("0", "1")
    Operations(world, clock).finish("bulk-1")
    clock.forward(seconds=LOOK_AGAIN_AFTER / 2)
    world.remove("order", "0")
    at = NOON - timedelta(days=2) + timedelta(minutes=1)
    world.put(anns_order(ref="1", number="changed in the same second", placed_at=at, updated_at=at))
    hear_of("0", "1")
    clock.forward(minutes=20)
    worker.run_until_idle()

    found = orders(app, store)
    assert feed_of(app, store).state == "idle"
    assert found["0"].gone_at == NOON + timedelta(seconds=LOOK_AGAIN_AFTER / 2)
    assert found["1"].number == "changed in the same second"
    assert {found[ref].fetched_at for ref in "2345"} == {NOON}, "as old as the file"


@on_sqlite
def test_a_file_made_by_a_slower_clock_leaves_no_order_to_be_looked_for(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    clock.forward(seconds=LOOK_AGAIN_AFTER)
    payload = {"feed": "orders.reconcile", "since": (NOON - timedelta(days=60)).isoformat()}
    with app.db.transaction(store.id) as session:
        session.execute(sa.update(Job).values(key="read:orders.reconcile", payload=payload))
    worker.run_until_idle()
    Operations(world, lambda: clock() - timedelta(seconds=3)).finish("bulk-1")
    tell(app, store, "bulk-1")
    worker.run_until_idle()
    with app.db.transaction(store.id, write=False) as session:
        assert session.scalars(sa.select(Job.key).where(Job.kind == "changes.refresh_order")).all() == []
        assert session.scalar(sa.select(sa.func.count()).select_from(Order)) == COUNT


@on_sqlite
def test_a_review_listed_in_an_old_file_does_not_take_back_a_newer_one(app: Services, store: Store) -> None:
    def apply(text: str, asked_at: datetime, as_of: datetime | None = None) -> int:
        with app.db.transaction(store.id) as session:
            said = [anns_review(text=text)]
            return len(reviews_sync.apply(session, store.id, said, asked_at=asked_at, as_of=as_of, email_key=str.lower))

    later = NOON + timedelta(minutes=20)
    assert apply("new", NOON) == 1
    assert apply("old", later, as_of=NOON - timedelta(seconds=1)) == 0
    assert apply("newest", later, as_of=NOON + timedelta(seconds=1)) == 1


@on_sqlite
def test_a_file_from_the_future_is_as_old_as_the_call_that_read_it(
    app: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    Operations(world, lambda: clock() + timedelta(hours=1)).finish("bulk-1")
    tell(app, store, "bulk-1")
    worker.run_until_idle()
    assert {order.fetched_at for order in orders(app, store).values()} == {NOON}


# Killed.


class Killed(BaseException):
    """The process is gone: nothing that would handle an error runs."""


def test_killed_at_any_point_it_goes_on_and_begins_no_second_operation(
    app: Services, files: FileServer, worker: Worker, clock: Clock, tmp_path: Path
) -> None:
    """One import after the other, each killed one point later: before and after a call, and at each commit."""
    tried = list[str]()
    for point in count():
        (tmp_path / str(point)).mkdir()
        world = World(tmp_path / str(point) / "world.db")
        store = set_up(app, world, f"{files.url}/{point}", f"linden {point}")
        killed_at = import_killed_at(point, app, store, world, worker, clock)
        assert feed_of(app, store).state == "idle", killed_at
        assert len(orders(app, store)) == COUNT, killed_at
        assert Operations(world).begun == 1, killed_at
        assert jobs_of(app, store) == [], killed_at
        if not killed_at:
            break
        tried.append(killed_at)
    assert len(tried) > 10
    assert set(tried) == {"commit", "before the call", "after the call"}


def import_killed_at(point: int, app: Services, store: Store, world: World, worker: Worker, clock: Clock) -> str:
    """Import a store whose worker dies at a point, counted from 0; give what it did, "" if it never came so far."""
    passed, works = list[str](), threading.Event()

    def pass_by(where: str) -> None:
        if works.is_set():
            passed.append(where)
            if len(passed) == point + 1:
                raise Killed(where)

    at_commit = lambda _: pass_by("commit")  # noqa: E731
    Counting.on_call = pass_by
    sa.event.listen(app.db.engine, "commit", at_commit)
    for _ in range(6):
        works.set()
        with suppress(Killed):
            worker.run_until_idle()
        works.clear()
        if feed_is_read(app, store):
            break
        clock.forward(minutes=6)  # a dead worker's lease is over, and so is any wait
        for ref in [ref for ref in ("bulk-1", "bulk-2") if Operations(world).look(ref)["state"] == "running"]:
            Operations(world).finish(ref)
    sa.event.remove(app.db.engine, "commit", at_commit)
    return passed[point] if point < len(passed) else ""


def feed_is_read(app: Services, store: Store) -> bool:
    with app.db.transaction(store.id, write=False) as session:
        return session.scalar(sa.select(Feed.state).where(Feed.name == IMPORT)) == "idle"


def tell(app: Services, store: Store, operation: str) -> int:
    """Deliver the platform's news that an operation has ended."""
    return deliver(client_of(app), app, store, "operation", operation)


def client_of(app: Services) -> FlaskClient:
    return create_app(app.config, services=app).test_client()
