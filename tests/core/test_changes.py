"""News, then fetch: reading by pages, polls, the nightly reconcile, and facts that are carried out once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.changes import readings
from core.db.base import SYSTEM
from core.db.purpose import Purpose
from core.jobs import claims, queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.orders.find import email_key
from core.orders.model import Order, Shipment
from core.orders.sync import order_sync
from core.orders.sync.order_sync import Fetched
from core.platform.sample import Demo, World
from core.platform.snapshots import OrderSnapshot, Page, ShipmentSnapshot, TrackingStatus
from core.reviews.model import Review
from core.secrets import Keyring
from core.services import Services
from core.stores.model import Feed, Store
from core.stores.platform_access import store_by_id
from core.stores.worker_access import WorkerAccess
from tests.conftest import KEY, NOON, Clock, connect
from tests.core.samples import ANN, anns_order, anns_review, deliver, jobs_of, statements


def promise(services: Services, worker: Worker, kind: str) -> None:
    """Do the clock's work of this kind; what it plans for a store's own moment is due now."""
    now = services.clock()
    with services.db.system(Purpose.INSPECT) as session:
        queue.enqueue(session, SYSTEM, NewJob(kind, f"{kind}:{now.isoformat()}"), now=now)
    worker.run_until_idle()
    with services.db.system(Purpose.CLAIM_JOBS) as session:
        planned = sa.and_(Job.state == "waiting", Job.kind == "changes.read")
        session.execute(sa.update(Job).where(planned).values(run_at=now))


def orders(services: Services, store: Store) -> dict[str, Order]:
    with services.db.transaction(store.id, write=False) as session:
        return {order.ref: order for order in session.scalars(sa.select(Order))}


def reviews(services: Services, store: Store) -> dict[str, Review]:
    with services.db.transaction(store.id, write=False) as session:
        return {review.ref: review for review in session.scalars(sa.select(Review))}


def feed(services: Services, store: Store, name: str) -> Feed | None:
    with services.db.transaction(store.id, write=False) as session:
        return session.scalar(sa.select(Feed).where(Feed.name == name))


def state_of(services: Services, store: Store) -> str:
    with services.db.transaction(store.id, write=False) as session:
        return store_by_id(session, store.id).state


def apply(services: Services, store: Store, *snapshots: OrderSnapshot, at: Any = NOON) -> list[int]:
    """Apply snapshots that were fetched at a moment; give the changed ids."""
    ring = Keyring([KEY])
    with services.db.transaction(store.id) as session:
        fetched = [Fetched(snapshot, at) for snapshot in snapshots]
        key = lambda email: email_key(email, ring)  # noqa: E731
        return order_sync.apply(session, store.id, fetched, statuses={}, email_key=key, now=at)


def fill(world: World, count: int) -> set[str]:
    """Place orders one minute apart in the days before the store is connected."""
    for place in range(count):
        at = NOON - timedelta(days=2) + timedelta(minutes=place)
        world.put(anns_order(ref=str(place), number=str(1000 + place), placed_at=at, updated_at=at))
    return {str(place) for place in range(count)}


# The first import.


def test_the_first_import_reads_every_page_and_says_how_far_it_is(
    services: Services, world: World, worker: Worker
) -> None:
    refs = fill(world, 120)
    store = connect(services, world)
    worker.run_until_idle()
    done = feed(services, store, "orders.import")
    assert done is not None
    assert (done.state, done.read, done.total) == ("idle", 120, 120)
    assert done.finished_at == NOON
    assert orders(services, store).keys() == refs


def test_an_import_that_is_killed_between_turns_goes_on_at_the_next_page(
    services: Services, world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "TURN", 0)  # each page is a turn
    refs = fill(world, 120)
    store = connect(services, world)
    while (halfway := feed(services, store, "orders.import")) is None or halfway.read < 100:
        assert worker.run_until_idle(limit=1)
    assert (halfway.state, halfway.total, halfway.finished_at) == ("reading", 120, None)
    world.put(anns_order(ref="0", number="changed", updated_at=NOON))  # moves to the end of the listing
    Worker(services, worker.kinds, stores=worker.stores).run_until_idle()
    done = feed(services, store, "orders.import")
    assert done is not None
    assert (done.state, done.read, done.total) == ("idle", 121, 121)  # the first order twice, none of the others
    found = orders(services, store)
    assert found.keys() == refs
    assert found["0"].number == "changed"


def before_the_second_page(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], object]) -> None:
    """Let something happen once, when the store is asked for the second page of its orders."""
    due, listing = [happen], Demo.orders_since

    def orders_since(platform: Demo, cursor: str) -> Page[OrderSnapshot]:
        if "|" in cursor and due:  # it names the last order of the page before
            due.pop()()
        return listing(platform, cursor)

    monkeypatch.setattr(Demo, "orders_since", orders_since)


def test_a_store_that_closes_its_door_in_the_middle_of_a_turn_keeps_the_pages_before(
    services: Services, world: World, worker: Worker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = fill(world, 120)
    before_the_second_page(monkeypatch, lambda: setattr(world, "door", "away"))
    store = connect(services, world)
    worker.run_until_idle()
    halfway = feed(services, store, "orders.import")
    assert halfway is not None
    assert (halfway.state, halfway.read) == ("reading", 50)
    world.door = "open"
    clock.forward(minutes=1)
    worker.run_until_idle()
    assert orders(services, store).keys() == refs
    assert jobs_of(services, store, state="done").count("read:orders.import") == 1


def test_a_reader_frozen_in_the_middle_of_its_turn_changes_nothing_when_it_wakes(
    services: Services, world: World, worker: Worker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = fill(world, 120)
    other = Worker(services, worker.kinds, stores=worker.stores)

    def freeze() -> None:
        clock.forward(minutes=6)
        other.run_until_idle()

    before_the_second_page(monkeypatch, freeze)
    store = connect(services, world)
    worker.run_until_idle()
    done = feed(services, store, "orders.import")
    assert done is not None
    assert (done.state, done.read) == ("idle", 120)  # the page it held is not counted again
    assert orders(services, store).keys() == refs


def test_an_import_whose_worker_dies_in_a_page_reads_that_page_again(
    services: Services, world: World, worker: Worker, clock: Clock
) -> None:
    refs = fill(world, 60)
    store = connect(services, world)
    with services.db.system(Purpose.INSPECT) as session:
        assert claims.claim(session, 50, WorkerAccess(), now=clock())  # and the worker is never heard of again
    assert worker.run_until_idle() == 0
    clock.forward(minutes=6)
    worker.run_until_idle()
    assert orders(services, store).keys() == refs


# The poll.


def test_a_poll_finds_what_no_webhook_told(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    world.put(anns_order(updated_at=clock.forward(minutes=3)))
    world.put(anns_review(at=clock()))
    clock.forward(minutes=12)
    promise(services, worker, "clock.poll")
    worker.run_until_idle()
    assert orders(services, store).keys() == {"1"}
    assert reviews(services, store).keys() == {"r1"}


def test_a_poll_looks_back_for_changes_that_were_written_late(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    world.put(anns_order(ref="1", updated_at=clock.forward(minutes=10)))
    promise(services, worker, "clock.poll")
    worker.run_until_idle()
    world.put(anns_order(ref="2", updated_at=clock() - timedelta(minutes=3)))  # its commit took three minutes
    clock.forward(minutes=15)
    promise(services, worker, "clock.poll")
    worker.run_until_idle()
    assert orders(services, store).keys() == {"1", "2"}


def test_a_poll_reads_only_what_changed_since_the_last_one(
    services: Services, world: World, worker: Worker, clock: Clock
) -> None:
    fill(world, 60)
    store = connect(services, world)
    worker.run_until_idle()
    world.put(anns_order(ref="7", updated_at=clock.forward(minutes=10)))
    promise(services, worker, "clock.poll")
    worker.run_until_idle()
    done = feed(services, store, "orders")
    assert done is not None
    assert (done.read, done.state) == (1, "idle")


# The nightly reconcile.


def test_a_reconcile_finds_what_was_deleted_without_a_word(
    services: Services, world: World, worker: Worker, clock: Clock
) -> None:
    fill(world, 3)
    world.put(anns_review())
    world.put(anns_review("r2"))
    store = connect(services, world)
    worker.run_until_idle()
    world.remove("order", "1")
    world.remove("review", "r1")
    clock.forward(days=1)
    promise(services, worker, "clock.reconcile")
    worker.run_until_idle()
    assert {ref for ref, order in orders(services, store).items() if order.gone_at} == {"1"}
    assert {ref for ref, review in reviews(services, store).items() if review.gone_at} == {"r1"}


def test_a_reconcile_asks_only_for_what_the_listing_did_not_show(
    services: Services, world: World, worker: Worker, clock: Clock
) -> None:
    fill(world, 60)
    store = connect(services, world)
    worker.run_until_idle()
    world.remove("order", "1")
    clock.forward(days=1)
    promise(services, worker, "clock.reconcile")
    before = len(jobs_of(services, store, state="done"))
    worker.run_until_idle()
    asked = [key for key in jobs_of(services, store, state="done")[before:] if key.startswith("order:")]
    assert asked == ["order:1"]


def test_a_reconcile_finds_an_edited_review(services: Services, world: World, worker: Worker, clock: Clock) -> None:
    world.put(anns_review())
    store = connect(services, world)
    worker.run_until_idle()
    world.put(anns_review(text="Both came broken.", updated_at=clock.forward(hours=1)))
    clock.forward(days=1)
    promise(services, worker, "clock.reconcile")
    worker.run_until_idle()
    assert reviews(services, store)["r1"].text == "Both came broken."


def test_a_reconcile_finds_what_was_deleted_and_restored(
    services: Services, world: World, worker: Worker, clock: Clock
) -> None:
    world.put(anns_order())
    world.put(anns_review())
    store = connect(services, world)
    worker.run_until_idle()
    for there in (False, True):
        if there:
            world.put(anns_order())
            world.put(anns_review())
        else:
            world.remove("order", "1")
            world.remove("review", "r1")
        clock.forward(days=1)
        promise(services, worker, "clock.reconcile")
        worker.run_until_idle()
        assert (orders(services, store)["1"].gone_at is None) == there
        assert (reviews(services, store)["r1"].gone_at is None) == there


# Applying.


def test_a_snapshot_older_than_the_row_is_ignored(services: Services, store: Store) -> None:
    later = NOON + timedelta(minutes=5)
    apply(services, store, anns_order(number="new", updated_at=later), at=later)
    assert apply(services, store, anns_order(number="old"), at=later + timedelta(hours=1)) == []
    assert orders(services, store)["1"].number == "new"


def test_of_two_answers_about_one_moment_the_later_asked_counts(services: Services, store: Store) -> None:
    later = NOON + timedelta(minutes=5)
    apply(services, store, anns_order(number="asked second"), at=later)
    assert apply(services, store, anns_order(number="asked first"), at=NOON) == []
    assert apply(services, store, anns_order(number="asked third"), at=later) != []
    assert orders(services, store)["1"].number == "asked third"


def test_an_unchanged_snapshot_writes_nothing(services: Services, store: Store) -> None:
    assert len(apply(services, store, anns_order())) == 1
    with statements(services.db) as seen:
        assert apply(services, store, anns_order(), at=NOON + timedelta(hours=1)) == []
    assert [text for text in seen if text.startswith(("UPDATE", "DELETE"))] == []
    assert orders(services, store)["1"].fetched_at == NOON


def test_an_order_listed_before_it_was_deleted_stays_gone(services: Services, store: Store) -> None:
    apply(services, store, anns_order())
    deleted = NOON + timedelta(minutes=9)
    with services.db.transaction(store.id) as session:
        assert len(order_sync.apply_gone(session, ["1"], asked_at=deleted, now=deleted)) == 1
    listed = deleted - timedelta(minutes=1)
    assert apply(services, store, anns_order(number="edited", updated_at=listed), at=listed) == []
    assert orders(services, store)["1"].gone_at == deleted


def test_an_answer_that_it_is_gone_is_ignored_where_a_later_one_has_it(services: Services, store: Store) -> None:
    apply(services, store, anns_order(), at=NOON)
    asked = NOON - timedelta(minutes=1)
    with services.db.transaction(store.id) as session:
        assert order_sync.apply_gone(session, ["1"], asked_at=asked, now=NOON) == []
    assert orders(services, store)["1"].gone_at is None


def test_a_parcel_keeps_its_row_when_only_its_ref_changes(services: Services, store: Store) -> None:
    def parcel(ref: str) -> ShipmentSnapshot:
        return ShipmentSnapshot(ref, TrackingStatus.IN_TRANSIT, tracking_number="RR1", items={"l1": 2})

    def rows() -> list[tuple[int, str]]:
        with services.db.transaction(store.id, write=False) as session:
            return [tuple(row) for row in session.execute(sa.select(Shipment.id, Shipment.ref))]

    apply(services, store, anns_order(shipments=(parcel("meta-0"),)))
    ((first, _),) = rows()
    apply(services, store, anns_order(shipments=(parcel("fulfillment-9"),), updated_at=NOON + timedelta(minutes=1)))
    assert rows() == [(first, "fulfillment-9")]


def test_two_parcels_with_one_ref_and_text_no_database_takes_do_not_stop_a_page(
    services: Services, store: Store
) -> None:
    twins = tuple(ShipmentSnapshot("s1", TrackingStatus.IN_TRANSIT, carrier=name) for name in ("first", "last"))
    bad = anns_order(name="Ann\0\ud83d", email="a\0nn@shopper.example", shipments=twins)
    assert len(apply(services, store, bad, anns_order(ref="2", number="1043"))) == 2
    assert orders(services, store)["1"].name == "Ann?"
    with services.db.transaction(store.id, write=False) as session:
        assert list(session.scalars(sa.select(Shipment.carrier).where(Shipment.ref == "s1"))) == ["last"]


# Facts.


def test_an_uninstall_is_carried_out_once_and_drops_later_order_news(
    client: FlaskClient, services: Services, store: Store, worker: Worker
) -> None:
    worker.run_until_idle()
    for _ in range(3):
        assert deliver(client, services, store, "store", store.ref, facts={"event": "uninstalled"}) == 200
        worker.run_until_idle()
    assert state_of(services, store) == "uninstalled"
    deliver(client, services, store, "order", "1")
    assert worker.run_until_idle() == 1  # the door still remembers it as open: the job pauses
    assert orders(services, store) == {}
    with services.db.transaction(store.id, write=False) as session:
        acts = session.scalars(sa.select(Job.attempts).where(Job.kind == "changes.act")).all()
    assert list(acts) == [1]


def test_a_privacy_request_of_a_closed_store_still_reaches_a_person(
    client: FlaskClient, services: Services, store: Store, worker: Worker
) -> None:
    deliver(client, services, store, "store", store.ref, facts={"event": "uninstalled"})
    worker.run_until_idle()
    deliver(client, services, store, "privacy", "7", facts={"erase": ANN})
    worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        stuck = session.scalars(sa.select(Job).where(Job.state == "stuck")).all()
    assert [job.key.partition(":")[0] for job in stuck] == ["privacy"]
    assert "person" in stuck[0].reason
    assert ANN not in stuck[0].reason


# Keys that no longer open.


@pytest.mark.parametrize("trouble", ["revoked", "uninstalled"])
def test_a_store_that_lost_its_keys_pauses_and_a_reconnect_resumes(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock, trouble: str
) -> None:
    worker.run_until_idle()
    world.put(anns_order(updated_at=clock.forward(minutes=1)))
    if trouble == "revoked":
        world.door = "locked"
    else:
        deliver(client, services, store, "store", store.ref, facts={"event": "uninstalled"})
    deliver(client, services, store, "order", "1")
    for _ in range(10):
        worker.run_until_idle()
        clock.forward(minutes=1)
    assert state_of(services, store) == ("closed" if trouble == "revoked" else "uninstalled")
    assert "order:1" in jobs_of(services, store, state="paused")
    assert orders(services, store) == {}
    world.door = "open"
    clock.forward(hours=1)
    connect(services, world)
    worker.run_until_idle()
    assert state_of(services, store) == "open"
    assert jobs_of(services, store, state="paused") == []
    assert orders(services, store).keys() == {"1"}


@pytest.mark.parametrize("kind", ["clock.poll", "clock.reconcile", "clock.check"])
def test_the_clock_promises_the_work_of_many_stores_in_few_commits(
    services: Services, world: World, worker: Worker, kind: str
) -> None:
    for number in range(12):
        connect(services, world, f"store-{number}")
    worker.run_until_idle()
    with services.db.transaction(SYSTEM) as session:
        queue.enqueue(session, SYSTEM, NewJob(kind, kind), now=services.clock())
    commits: list[Any] = []

    def note(connection: Any) -> None:
        commits.append(connection)

    sa.event.listen(services.db.engine, "commit", note)
    worker.run_until_idle(limit=1)
    sa.event.remove(services.db.engine, "commit", note)
    with services.db.system(Purpose.INSPECT, write=False) as session:
        waiting = sa.select(sa.func.count(sa.distinct(Job.store_id))).where(Job.state == "waiting")
        assert session.scalar(waiting) == 12
    assert len(commits) < 6


def test_a_poll_asks_only_open_stores(client: FlaskClient, services: Services, store: Store, worker: Worker) -> None:
    deliver(client, services, store, "store", store.ref, facts={"event": "uninstalled"})
    worker.run_until_idle()
    promise(services, worker, "clock.poll")
    promise(services, worker, "clock.reconcile")
    worker.run_until_idle()
    assert jobs_of(services, store) == []


def test_a_store_that_is_away_for_a_moment_is_asked_again_later(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    world.put(anns_order())
    world.door = "away"
    worker.run_until_idle()
    assert orders(services, store) == {}
    assert state_of(services, store) == "open"
    world.door = "open"
    clock.forward(minutes=1)
    worker.run_until_idle()
    assert orders(services, store).keys() == {"1"}
