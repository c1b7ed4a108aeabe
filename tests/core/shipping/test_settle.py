"""From rows to rules and back: what a store says becomes notices once, and only what is due is looked at."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.db.purpose import Purpose
from core.jobs import claims, queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.orders.messages.notice import Notice
from core.orders.model import Order, Shipment
from core.platform.sample import World
from core.platform.snapshots import TrackingEventSnapshot, TrackingStatus
from core.services import Services
from core.shipping import evaluate, notice_actions
from core.stores import install
from core.stores.connection import access
from core.stores.model import Store
from core.stores.platform_access import store_by_id
from core.stores.worker_access import WorkerAccess
from tests.conftest import Clock, connect
from tests.core.shipping.seed import (
    LAST_CALL,
    PROMISED,
    apply,
    notices,
    on_sqlite,
    order,
    parcel,
    revised,
    rows,
    run_sweep,
    sending,
    sendings,
    set_terms,
    statements,
    the_order,
    the_parcel,
    told,
)


def test_a_parcel_swept_twice_is_told_once(services: Services, worker: Worker, store: Store, clock: Clock) -> None:
    set_terms(services, store, sending("draft"))
    apply(services, store, order("42", parcel()))
    assert told(services, store) == []
    for moment in (LAST_CALL, LAST_CALL + timedelta(minutes=2), LAST_CALL + timedelta(hours=3)):
        clock.now = moment
        run_sweep(services, worker)
    assert told(services, store) == [("promise_will_be_missed", "draft", "")]
    (notice,) = [one for one in notices(services, store) if one.state == "draft"]
    assert (notice.kind, notice.promised_by, notice.expected_by) == ("delay", PROMISED, datetime(2026, 11, 25).date())


@on_sqlite
def test_a_parcel_that_is_not_due_is_not_looked_at(
    services: Services, worker: Worker, store: Store, clock: Clock
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", parcel()))
    due_at = the_parcel(services, store).check_after
    assert due_at is not None
    clock.now = due_at - timedelta(seconds=1)
    run_sweep(services, worker)
    assert [job.kind for job in rows(services, store, Job) if job.kind == "shipping.settle_due"] == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_two_sweepers_at_once_tell_each_parcel_once(
    services: Services, worker: Worker, store: Store, clock: Clock
) -> None:
    set_terms(services, store, sending())
    mugs, pot = parcel("p1", items={"1": 2}), parcel("p2", items={"2": 1})
    apply(services, store, *(order(str(ref), mugs, pot) for ref in range(60)))
    clock.now = LAST_CALL
    worker.run_until_idle()
    with services.db.transaction(store.id) as session:
        twice = [NewJob("shipping.settle_due", f"settle_due:{sweeper}") for sweeper in range(2)]
        queue.enqueue(session, store.id, twice, now=clock())
    with services.db.system(Purpose.INSPECT) as session:
        claimed = claims.claim(session, 2, WorkerAccess(), now=clock())
    assert [job.kind for job in claimed] == ["shipping.settle_due"] * 2
    gate = threading.Barrier(2)

    def run(job: queue.Claimed) -> None:
        gate.wait()
        worker.perform(job)

    threads = [threading.Thread(target=run, args=(job,)) for job in claimed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {job.state for job in rows(services, store, Job) if job.kind == "shipping.settle_due"} == {"done"}
    late = [one for one in notices(services, store) if one.rule == "promise_will_be_missed"]
    assert len(late) == 120
    assert len([one for one in late if one.merged_into is None]) == len(sendings(services, store)) == 60


@on_sqlite
@pytest.mark.parametrize(
    ("mode", "state", "promised_jobs"), [("watch", "watched", 0), ("draft", "draft", 0), ("send", "queued", 1)]
)
def test_a_rules_mode_says_how_far_its_message_goes(
    services: Services, store: Store, mode: str, state: str, promised_jobs: int
) -> None:
    set_terms(services, store, sending(mode))
    apply(services, store, order("42", revised()))
    assert told(services, store) == [("promise_revised", state, "")]
    assert len(sendings(services, store)) == promised_jobs


@on_sqlite
def test_a_rule_that_is_off_says_nothing_and_is_not_asked_again(services: Services, store: Store) -> None:
    set_terms(services, store, sending("off"))
    apply(services, store, order("42", revised()))
    assert told(services, store) == []
    check_after = the_parcel(services, store).check_after
    assert check_after is None or check_after > services.clock()


@on_sqlite
def test_a_message_that_may_not_go_is_kept_with_its_reason(services: Services, store: Store) -> None:
    set_terms(services, store, sending(), budget=0)
    apply(services, store, order("42", revised()))
    assert told(services, store) == [("promise_revised", "suppressed", "budget")]
    assert sendings(services, store) == []


def shipped(services: Services, store: Store) -> list[tuple[str, str]]:
    """State and reason of every notice that something left."""
    return [(one.state, one.reason) for one in notices(services, store) if one.rule == "shipped"]


@on_sqlite
@pytest.mark.parametrize(("mailed", "outcome"), [(True, ("suppressed", "native")), (False, ("queued", ""))])
def test_shipped_is_left_out_only_where_the_platform_mailed_it(
    services: Services, store: Store, mailed: bool, outcome: tuple[str, str]
) -> None:
    set_terms(services, store, {"shipped": "send"}, native_mails={"shipped": True})
    left = parcel(scan=None, shipped_at=services.clock())
    apply(services, store, order("42", left, shipped_mailed=mailed))
    assert shipped(services, store) == [outcome]


@on_sqlite
def test_shipped_that_waits_is_left_out_once_the_platform_has_mailed_it(
    services: Services, worker: Worker, store: Store, clock: Clock
) -> None:
    set_terms(services, store, {"shipped": "send"}, native_mails={"shipped": True})
    left = parcel(scan=None, shipped_at=services.clock())
    apply(services, store, order("42", left))
    later = clock.forward(minutes=1)
    apply(services, store, order("42", left, shipped_mailed=True, updated_at=later))
    worker.run_until_idle()
    assert shipped(services, store) == [("suppressed", "native")]


@on_sqlite
def test_a_shopper_who_stopped_messages_gets_none(services: Services, store: Store, clock: Clock) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", parcel()))
    with services.db.transaction(store.id) as session:
        notice_actions.stop_messages(session, the_order(services, store).id, now=clock())
    later = clock.forward(hours=1)
    apply(services, store, order("42", revised(), updated_at=later))
    assert told(services, store) == [("promise_revised", "suppressed", "stopped")]


@on_sqlite
def test_news_that_would_be_old_by_morning_is_stale(services: Services, store: Store, clock: Clock) -> None:
    set_terms(services, store, {"out_for_delivery": "send"})
    clock.now = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)  # eleven at night in Vilnius
    on_its_round = parcel(status=TrackingStatus.OUT_FOR_DELIVERY, scan=clock.now - timedelta(hours=2))
    apply(services, store, order("42", on_its_round))
    (notice,) = notices(services, store)
    assert (notice.kind, notice.state, notice.reason) == ("out_for_delivery", "suppressed", "stale")


def test_news_of_two_parcels_is_one_message(services: Services, store: Store) -> None:
    set_terms(services, store, sending())
    split = order("42", revised("p1", items={"1": 2}), revised("p2", items={"2": 1}))
    apply(services, store, split)
    first, second = [one for one in notices(services, store) if one.rule == "promise_revised"]
    assert (first.merged_into, second.merged_into) == (None, first.id)
    assert first.shipment_id != second.shipment_id
    assert [job.payload for job in sendings(services, store)] == [{"id": first.id}]


@on_sqlite
def test_a_parcel_open_after_its_promise_makes_its_order_late(
    services: Services, worker: Worker, store: Store, clock: Clock
) -> None:
    set_terms(services, store)
    apply(services, store, order("42", parcel("p1", items={"1": 2}), parcel("p2", items={"2": 1})))
    assert the_order(services, store).late is False
    clock.now = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    run_sweep(services, worker)
    assert the_order(services, store).late is True
    in_time = TrackingEventSnapshot(datetime(2026, 11, 23, 15, 0, tzinfo=UTC), TrackingStatus.DELIVERED)
    arrived = [
        parcel(ref, items=items, status=TrackingStatus.DELIVERED, delivered_at=in_time.at, scan=in_time.at)
        for ref, items in (("p1", {"1": 2}), ("p2", {"2": 1}))
    ]
    apply(services, store, order("42", *arrived, updated_at=clock.now))
    assert the_order(services, store).late is False
    assert [one.late for one in rows(services, store, Shipment)] == [False, False]


def test_settling_again_with_nothing_learned_writes_nothing(services: Services, store: Store) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised()))
    before = [(one.id, one.state) for one in notices(services, store)]
    due_at = the_parcel(services, store).check_after
    with statements(services.db) as sent, services.db.transaction(store.id) as session:
        evaluate.evaluate_orders(
            session, store_by_id(session, store.id), [the_order(services, store).id], now=services.clock()
        )
    assert [text for text in sent if text.split()[0].upper() in ("INSERT", "UPDATE", "DELETE")] == []
    assert [(one.id, one.state) for one in notices(services, store)] == before
    assert the_parcel(services, store).check_after == due_at


@on_sqlite
def test_the_next_look_moves_when_something_is_learned(services: Services, store: Store, clock: Clock) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", parcel()))
    first = the_parcel(services, store).check_after
    later = clock.forward(hours=20)
    apply(services, store, order("42", parcel(scan=later, estimated_by=PROMISED), updated_at=later))
    second = the_parcel(services, store).check_after
    assert first is not None
    assert second is not None
    assert second > first


def test_a_sweep_passes_over_many_stores_and_leaves_the_closed_ones_alone(
    services: Services, worker: Worker, world: World, clock: Clock, tmp_path: Path
) -> None:
    locked = World(tmp_path / "locked.db")
    locked.door = "locked"
    stores = {name: connect(services, world, name) for name in ("linden", "kettle", "left")}
    stores["shut"] = connect(services, locked, "shut")
    for store in stores.values():
        set_terms(services, store, sending("draft"))
        apply(services, store, order("42", parcel()))
    shut = stores["shut"]
    with services.db.transaction(shut.id) as session:
        access.close(session, shut.id, "the key was revoked", sealed=shut.credentials, now=clock())
    with services.db.transaction(stores["left"].id) as session:
        install.uninstall(session, stores["left"].id, now=clock())
    clock.now = LAST_CALL
    run_sweep(services, worker)
    assert {name: len(told(services, store)) for name, store in stores.items()} == {
        "linden": 1,
        "kettle": 1,
        "shut": 0,
        "left": 0,
    }
    waits = {name: the_parcel(services, store).check_after for name, store in stores.items()}
    assert (waits["shut"], waits["left"]) == (clock() + timedelta(hours=6), clock() + timedelta(days=1))


@on_sqlite
def test_a_store_that_comes_back_is_looked_at_again(
    services: Services, worker: Worker, store: Store, world: World, clock: Clock
) -> None:
    set_terms(services, store, sending("draft"))
    apply(services, store, order("42", parcel()))
    with services.db.transaction(store.id) as session:
        install.uninstall(session, store.id, now=clock())
    clock.now = LAST_CALL - timedelta(hours=2)
    run_sweep(services, worker)
    connect(services, world)
    clock.forward(days=1)
    run_sweep(services, worker)
    assert [state for _, state, _ in told(services, store)] == ["draft"]


def test_one_stores_trouble_does_not_keep_the_others_from_being_told(
    services: Services, worker: Worker, world: World, clock: Clock
) -> None:
    broken, sound = connect(services, world, "broken"), connect(services, world, "sound")
    for store in (broken, sound):
        set_terms(services, store, sending("draft"))
        apply(services, store, order("42", parcel()))
    with services.db.transaction(broken.id) as session:
        row = session.get(Order, (broken.id, the_order(services, broken).id))
        assert row is not None
        row.state = "nonsense"
    clock.now = LAST_CALL
    run_sweep(services, worker)
    assert len(told(services, sound)) == 1
    (failed,) = [job for job in rows(services, broken, Job) if job.kind == "shipping.settle_due"]
    assert (failed.state, failed.attempts) == ("waiting", 1)


@on_sqlite
def test_a_parcels_carrier_is_named_from_its_number(services: Services, store: Store) -> None:
    set_terms(services, store)
    apply(services, store, order("42", parcel(tracking_number="1Z999AA10123456784", carrier="")))
    found = the_parcel(services, store)
    assert found.carrier_name == "UPS"
    assert "1Z999AA10123456784" in found.tracking_url


@on_sqlite
def test_settings_nobody_can_read_send_nothing(services: Services, store: Store) -> None:
    set_terms(services, store, sending(), budget="lots")
    with services.db.transaction(store.id, write=False) as session:
        terms = evaluate.terms_of(store_by_id(session, store.id))
    apply(services, store, order("42", revised()))
    assert {terms.rule(name).mode for name in ("promise_revised", "shipped")} == {"watch"}
    assert {notice.state for notice in rows(services, store, Notice)} <= {"watched"}
