"""What a platform asks to forget is forgotten, also after a store has left; what is old goes by itself."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from core.changes import facts
from core.changes.apply import apply_orders
from core.conversations.model import Case, Message
from core.db.base import SYSTEM, new_id
from core.db.purpose import Purpose
from core.jobs import claims, queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.sample import World
from core.platform.snapshots import Change
from core.privacy import retention
from core.services import Services
from core.stores import install
from core.stores.model import AuditEntry, Store, Throttle
from core.stores.platform_access import store_by_id
from core.stores.worker_access import WorkerAccess
from tests.conftest import NOON, Clock, connect
from tests.core.private import EMAIL, TRACES, dump, her_order, her_review, leave_traces, seen_in
from tests.core.samples import EVE, anns_order, deliver
from tests.core.shipping.seed import on_sqlite, rows


def ask(client: FlaskClient, services: Services, store: Store, request: str, **who: Any) -> None:
    assert deliver(client, services, store, "privacy", "7", facts={"request": request, **who}) == 200


def leave(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        install.uninstall(session, store.id, now=services.clock())


def remember(services: Services, store: Store, days: Any) -> None:
    with services.db.transaction(store.id) as session:
        store_by_id(session, store.id).settings = {"privacy": {"keep_days": days}}


def strike(services: Services, worker: Worker) -> None:
    with services.db.system(Purpose.INSPECT) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.retain", f"clock.retain:{new_id()}"), now=services.clock())
    worker.run_until_idle()


# At a platform's word.


@pytest.mark.parametrize("uninstalled", [False, True])
def test_a_platform_s_erasure_is_carried_out_and_the_request_itself_forgotten(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, uninstalled: bool
) -> None:
    leave_traces(services, store, world, worker)
    if uninstalled:
        leave(services, store)
    ask(client, services, store, "erase", email=EMAIL, shopper_ref=None, order_refs=[1])
    worker.run_until_idle()
    assert seen_in(dump(services.db, store.id), TRACES) == set()
    noted = [entry for entry in rows(services, store, AuditEntry) if entry.what == "privacy_erase"]
    assert [(entry.who, entry.facts["orders"]) for entry in noted] == [("demo", 1)]


def test_a_platform_s_request_for_a_copy_becomes_a_case_with_all_of_it(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    leave_traces(services, store, world, worker)
    long = "x" * 60_000  # more than one message holds
    (reply,) = rows(services, store, Case)
    with services.db.transaction(store.id) as session:
        session.add_all(Message(case_id=reply.id, at=NOON, side="shopper", text=long) for _ in range(3))
    for _ in range(2):
        ask(client, services, store, "export", email=EMAIL)
        worker.run_until_idle()
    (case,) = [case for case in rows(services, store, Case) if case.kind == retention.EXPORT]
    pieces = [message for message in rows(services, store, Message) if message.case_id == case.id]
    told = "".join(message.text for message in pieces)
    assert [trace for trace in TRACES if trace not in told] == []
    assert json.loads(told)["orders"][0]["total"] == 2400
    assert case.due_at == services.clock() + retention.ANSWER_WITHIN
    ask(client, services, store, "erase", email=EMAIL)
    worker.run_until_idle()
    assert seen_in(dump(services.db, store.id), TRACES) == set(), "the copy goes with what it was made from"


@pytest.mark.parametrize(
    "facts",
    [
        {"request": "erase"},
        {"request": "erase", "email": "", "order_refs": None},
        {"request": "export", "order_refs": 5},
    ],
)
def test_a_request_that_names_nobody_waits_for_a_person(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, facts: dict[str, Any]
) -> None:
    leave_traces(services, store, world, worker)
    deliver(client, services, store, "privacy", "7", facts=facts)
    worker.run_until_idle()
    (stuck,) = [job for job in rows(services, store, Job) if job.state == "stuck"]
    assert "names neither" in stuck.reason
    assert seen_in(dump(services.db, store.id), TRACES[:1]) != set()


# A whole store.


def test_a_store_that_left_is_erased_two_days_later_and_only_it(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    other = connect(services, world, "maple")
    leave_traces(services, store, world, worker)
    others = dump(services.db, other.id)
    leave(services, store)
    clock.forward(hours=1)
    ask(client, services, store, "erase_store")
    worker.run_until_idle()
    clock.forward(hours=46, minutes=59)
    worker.run_until_idle()
    assert len(rows(services, store, Order)) == 1
    clock.forward(minutes=1)
    worker.run_until_idle()
    left = dump(services.db, store.id)
    assert left.keys() == {"audit", "audit_heads"}
    (line,) = rows(services, store, AuditEntry)
    assert line.what == "privacy_store_erased"
    assert line.facts["orders"] == line.facts["stores"] == 1
    assert dump(services.db, other.id) == others


def test_a_store_that_came_back_keeps_its_rows(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    leave_traces(services, store, world, worker)
    leave(services, store)
    ask(client, services, store, "erase_store")
    worker.run_until_idle()
    connect(services, world)
    clock.forward(hours=48)
    worker.run_until_idle()
    assert len(rows(services, store, Order)) == 1
    assert "privacy_store_kept" in [entry.what for entry in rows(services, store, AuditEntry)]


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_erasures_of_a_store_at_once_do_not_wait_for_each_other(
    client: FlaskClient, services: Services, store: Store, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    leave(services, store)
    for ref in "12":
        deliver(client, services, store, "privacy", ref, facts={"request": "erase_store"})
        worker.run_until_idle()
        clock.forward(hours=1)
    clock.forward(hours=48)
    with services.db.system(Purpose.CLAIM_JOBS) as session:
        held = claims.claim(session, 2, WorkerAccess(), now=clock())
    assert [job.kind for job in held] == ["privacy.erase_store"] * 2

    ended = threading.Barrier(2)

    def meet(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("UPDATE jobs SET state"):  # each has ended its job, and neither has the store yet
            with suppress(threading.BrokenBarrierError):
                ended.wait(5)

    sa.event.listen(services.db.engine, "after_cursor_execute", meet)
    with capture_logs() as logged, ThreadPoolExecutor(2) as pool:
        list(pool.map(worker.perform, held))
    sa.event.remove(services.db.engine, "after_cursor_execute", meet)
    assert [line for line in logged if line["event"] == "job_failed"] == []
    assert dump(services.db, store.id).keys() == {"audit", "audit_heads"}


@on_sqlite
def test_a_large_store_goes_in_batches(
    client: FlaskClient, services: Services, store: Store, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    tries = [
        {"store_id": store.id, "id": number, "digest": str(number), "window": 1, "tries": 1, "expires_at": NOON}
        for number in range(2 * retention.ROWS_AT_ONCE)
    ]
    with services.db.transaction(store.id) as session:
        session.execute(sa.insert(Throttle), tries)
    leave(services, store)
    ask(client, services, store, "erase_store")
    worker.run_until_idle()
    clock.forward(hours=48)
    worker.run_until_idle()
    (line,) = rows(services, store, AuditEntry)
    assert line.facts["throttles"] == len(tries)
    assert dump(services.db, store.id).keys() == {"audit", "audit_heads"}


# By the clock.


def test_old_orders_forget_their_shoppers_and_young_ones_do_not(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    world.put(her_review(ref="r2", order_ref=""))  # as stores write them that know no order
    leave_traces(services, store, world, worker)
    placed = {"placed_at": clock.forward(days=20), "updated_at": clock.now}
    deliver_all(services, store, anns_order(ref="9", number="1090", email=EVE, postcode="", **placed))
    remember(services, store, 30)
    clock.forward(days=9)
    strike(services, worker)
    assert seen_in(dump(services.db, store.id), [EMAIL]) != set(), "29 days are not 30"
    clock.forward(days=2)
    strike(services, worker)
    told = dump(services.db, store.id, without=["jobs"])
    assert seen_in(told, [*TRACES, EVE]) == {("orders", EVE)}


def deliver_all(services: Services, store: Store, *snapshots: Any) -> None:
    now = services.clock()
    with services.db.transaction(store.id) as session:
        apply_orders(session, services, store, snapshots, asked_at=now, now=now)


@pytest.mark.parametrize("days", [None, 0, -1, "30", True, 10**9])
def test_without_a_sensible_time_nobody_is_forgotten(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock, days: Any
) -> None:
    leave_traces(services, store, world, worker)
    remember(services, store, days)
    clock.forward(days=4000)
    strike(services, worker)
    assert {order.erased_at for order in rows(services, store, Order)} == {None}


def test_an_order_with_an_open_return_waits(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    leave_traces(services, store, world, worker)
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Order).values(return_open=True))
    remember(services, store, 30)
    clock.forward(days=40)
    strike(services, worker)
    assert [order.email for order in rows(services, store, Order)] == [EMAIL]


@on_sqlite
def test_more_old_orders_than_a_batch_are_all_forgotten(
    services: Services, store: Store, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    deliver_all(services, store, *(her_order(str(number)) for number in range(retention.ORDERS_AT_ONCE + 1)))
    leave(services, store)  # whoever has left still owes it
    remember(services, store, 30)
    clock.forward(days=31)
    strike(services, worker)
    assert {order.email for order in rows(services, store, Order)} == {""}


@pytest.mark.parametrize("request_", ["erase", "export", ""])
def test_what_a_decided_request_said_is_forgotten_a_month_after_the_decision(
    services: Services, store: Store, worker: Worker, clock: Clock, request_: str
) -> None:
    worker.run_until_idle()

    def ask_by_hand(shopper: str) -> int:
        told = Change("privacy", shopper, facts={"request": request_, "shopper_ref": shopper})
        with services.db.transaction(store.id) as session:
            facts.open_case(session, services.keyring, told, origin=f"fact:{new_id()}", now=clock())
            return session.scalars(sa.select(Case.id).where(Case.subject == shopper)).one()

    decided = ask_by_hand("account-of-eve")
    ask_by_hand("account-of-ann")
    clock.forward(days=5)
    with services.db.transaction(store.id) as session:
        assert facts.decide(session, decided, "set_aside", now=clock())
    clock.forward(days=30)
    strike(services, worker)
    assert seen_in(dump(services.db, store.id), ["account-of-eve"]) != set(), "30 days are not over"
    clock.forward(minutes=1)
    strike(services, worker)
    left = dump(services.db, store.id)
    assert seen_in(left, ["account-of-eve"]) == set()
    assert seen_in(left, ["account-of-ann"]) != set(), "who is not answered yet is not forgotten"
    (noted,) = [entry for entry in rows(services, store, AuditEntry) if entry.what == "privacy_retention"]
    assert noted.facts["cases"] == 1
    strike(services, worker)
    assert len([entry for entry in rows(services, store, AuditEntry) if entry.what == "privacy_retention"]) == 1
