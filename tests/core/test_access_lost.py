"""A store that refuses our access: looked at again before it is closed, told of while it is, tried again after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app, make_worker
from core.db.base import SYSTEM, new_id
from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.mail.smtp import open_transport
from core.platform.sample import World
from core.services import Services
from core.stores.model import AuditEntry, Staff, Store
from tests.conftest import Clock, connect
from tests.core.samples import anns_order, deliver, jobs_of
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post, text_of
from tests.core.shipping.seed import sign_in

LONG = timedelta(minutes=10)
"""Longer than the looks take that decide whether a store is closed."""


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office.serving() as post:
        yield post


@pytest.fixture
def services(services: Services, post: Post) -> Services:
    return replace(services, mail=open_transport(post.url))


def row_of(services: Services, store: Store) -> Store:
    with services.db.transaction(store.id, write=False) as session:
        return session.get_one(Store, store.id)


def state_of(services: Services, store: Store) -> str:
    return row_of(services, store).state


def job_of(services: Services, store: Store, key: str) -> Job | None:
    with services.db.transaction(store.id, write=False) as session:
        return session.scalars(sa.select(Job).where(Job.key == key).order_by(Job.id.desc())).first()


def pass_time(worker: Worker, clock: Clock, time: timedelta, *, step: float = 30.0) -> None:
    """Let time pass as it does for a worker: what falls due in between is done then."""
    until = clock.now + time
    while clock.now < until:
        clock.forward(seconds=step)
        worker.run_until_idle()


def lose_access(services: Services, store: Store, world: World, worker: Worker, clock: Clock) -> None:
    """Lock the store's door and let the worker meet it until the store is closed."""
    worker.run_until_idle()
    world.door = "locked"
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:1", {"ref": "1"}), now=clock())
    worker.run_until_idle()
    pass_time(worker, clock, LONG)


def hire(services: Services, store: Store, ref: str, role: str, email: str, language: str = "en") -> None:
    now = services.clock()
    with services.db.transaction(store.id) as session:
        person = Staff(id=new_id(), ref=ref, name=ref, email=email, language=language, role=role)
        person.created_at = person.seen_at = now
        session.add(person)


# Before it is closed.


def test_one_refusal_closes_nothing_and_the_job_is_done_at_its_next_try(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    world.put(anns_order())
    world.door = "locked"
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:1", {"ref": "1"}), now=clock())
    worker.run_until_idle(limit=1)
    world.door = "open"
    worker.run_until_idle()
    assert state_of(services, store) == "open"
    pass_time(worker, clock, LONG)
    assert state_of(services, store) == "open"
    assert "order:1" in jobs_of(services, store, state="done")


def test_a_store_that_refuses_for_minutes_is_closed_with_its_own_sentence_and_since_when(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    row = row_of(services, store)
    assert (row.state, row.state_reason) == ("closed", "the sample store has changed its locks")
    assert row.closed_at is not None
    assert clock.now - LONG < row.closed_at < clock.now
    assert "order:1" in jobs_of(services, store, state="paused")


def test_while_the_looks_go_on_no_work_of_the_store_is_given_up(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    assert jobs_of(services, store, state="stuck") == []


def test_a_store_that_is_away_between_two_refusals_is_not_closed_for_it(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    world.door = "locked"
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:1", {"ref": "1"}), now=clock())
    worker.run_until_idle()
    world.door = "away"
    pass_time(worker, clock, LONG)
    assert state_of(services, store) == "open"


def test_a_store_connected_again_between_two_looks_stays_open(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    world.door = "locked"
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:1", {"ref": "1"}), now=clock())
    worker.run_until_idle()
    world.door = "open"
    connect(services, world)
    pass_time(worker, clock, LONG)
    assert state_of(services, store) == "open"


# While it is closed.


def test_a_closed_store_opens_by_itself_once_it_lets_us_in_and_its_work_goes_on(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    deliver(client, services, store, "order", "1")
    worker.run_until_idle()
    world.door = "open"
    world.put(anns_order(updated_at=clock()))
    pass_time(worker, clock, timedelta(minutes=30), step=60)
    row = row_of(services, store)
    assert (row.state, row.state_reason, row.closed_at) == ("open", "", None)
    assert jobs_of(services, store, state="paused") == []
    assert "order:1" in jobs_of(services, store, state="done")
    with services.db.transaction(store.id, write=False) as session:
        said = session.scalars(sa.select(AuditEntry.what).order_by(AuditEntry.seq)).all()
    assert said == ["connected", "lose_access", "regain_access"]


def test_the_tries_to_get_in_come_at_growing_distances_and_never_end(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    distances = []
    for _ in range(9):
        job = job_of(services, store, "reopen")
        assert job is not None
        assert job.state == "waiting"
        before, clock.now = clock.now, job.run_at
        distances.append(clock.now - before if distances else None)
        worker.run_until_idle()
    hours = [distance / timedelta(hours=1) for distance in distances[1:] if distance]
    assert hours == [0.5, 1, 2, 4, 8, 12, 12, 12]
    assert state_of(services, store) == "closed"


def test_a_store_that_was_closed_before_there_were_tries_is_tried_again(
    services: Services, store: Store, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    with services.db.transaction(store.id) as session:
        session.get_one(Store, store.id).state = "closed"
    with services.db.transaction(SYSTEM) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.check", "clock.check:1", {"slot": 1}), now=clock())
    pass_time(worker, clock, timedelta(hours=1), step=300)
    assert state_of(services, store) == "open"


def test_the_hourly_check_does_not_hurry_the_tries(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    before = job_of(services, store, "reopen")
    with services.db.transaction(SYSTEM) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.check", "clock.check:1", {"slot": 1}), now=clock())
    worker.run_until_idle()
    after = job_of(services, store, "reopen")
    assert before is not None
    assert after is not None
    assert (before.id, before.run_at) == (after.id, after.run_at)


def test_a_store_that_removed_us_is_not_tried(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    deliver(client, services, store, "store", store.ref, facts={"event": "uninstalled"})
    world.door = "open"
    pass_time(worker, clock, timedelta(hours=1), step=300)
    assert state_of(services, store) == "uninstalled"


# The desk.


def desk_pages(client: FlaskClient) -> list[str]:
    """Name every page of the desk that needs nothing but the store."""
    rules = client.application.url_map.iter_rules()
    return [
        rule.rule
        for rule in rules
        if rule.rule.startswith("/admin/<key>/") and rule.arguments == {"key"} and "GET" in (rule.methods or ())
    ]


@pytest.fixture
def desk(services: Services, store: Store) -> FlaskClient:
    client = create_app(services.config, services=services).test_client()
    sign_in(services, store, client)
    return client


def test_every_page_of_a_closed_store_s_desk_says_so_and_none_of_an_open_one_s(
    desk: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    seen: dict[bool, dict[str, bool]] = {}
    for is_closed in (False, True):
        if is_closed:
            lose_access(services, store, world, worker, clock)
        seen[is_closed] = {}
        for path in desk_pages(desk):
            page = desk.get(path.replace("<key>", store.key))
            if page.mimetype == "text/html" and page.status_code == 200:
                seen[is_closed][path] = "the store refuses our access" in page.text
    assert len(seen[True]) > 12
    assert set(seen[False].values()) == {False}
    assert {path for path, says in seen[True].items() if not says} == set()


def test_the_connection_page_says_why_and_leads_to_connecting_again(
    desk: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    assert "The store lets us in. Nothing is wrong." in desk.get(f"/admin/{store.key}/connection").text
    lose_access(services, store, world, worker, clock)
    page = desk.get(f"/admin/{store.key}/connection").text
    assert "the sample store has changed its locks" in page
    assert 'href="https://care.example/install/demo?store=linden"' in page
    assert "We try again by ourselves" in page


def test_try_now_opens_a_store_that_lets_us_in_again(
    desk: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    clock.forward(hours=12)
    worker.run_until_idle()  # the next try is half an hour away now
    world.door = "open"
    pressed = desk.post(f"/admin/{store.key}/connection/try")
    assert pressed.status_code == 302
    worker.run_until_idle()
    assert state_of(services, store) == "open"


def test_who_may_only_look_does_not_try(
    desk: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Staff).values(role="viewer"))
    assert desk.post(f"/admin/{store.key}/connection/try").status_code == 403


# The owner's mail.


def test_each_owner_is_mailed_once_in_their_language_and_nobody_else(
    services: Services, store: Store, world: World, clock: Clock, post: Post
) -> None:
    hire(services, store, "olga", "owner", "olga@linden.example")
    hire(services, store, "omar", "owner", "omar@linden.example", "ar")
    hire(services, store, "vera", "viewer", "vera@linden.example")
    worker = make_worker(services)
    lose_access(services, store, world, worker, clock)
    assert sorted(mail["To"] for mail in post.received) == ["olga@linden.example", "omar@linden.example"]
    mail = next(mail for mail in post.received if mail["To"] == "olga@linden.example")
    assert mail["Subject"] == "Linden no longer lets Aftercare in"
    text = text_of(mail)
    assert "the sample store has changed its locks" in text
    assert "https://care.example/install/demo?store=linden" in text
    assert mail["Content-Language"] == "en"
    pass_time(worker, clock, timedelta(hours=3), step=600)
    assert len(post.received) == 2


def test_where_no_owner_has_an_address_the_store_s_own_is_mailed(
    services: Services, world: World, clock: Clock, post: Post
) -> None:
    store = connect(services, world, email="shop@linden.example")
    lose_access(services, store, world, make_worker(services), clock)
    assert [mail["To"] for mail in post.received] == ["shop@linden.example"]


def test_a_second_loss_is_mailed_again(services: Services, world: World, clock: Clock, post: Post) -> None:
    store = connect(services, world, email="shop@linden.example")
    worker = make_worker(services)
    for _ in range(2):
        world.door = "open"
        pass_time(worker, clock, timedelta(hours=1), step=300)
        lose_access(services, store, world, worker, clock)
    assert len(post.received) == 2


def test_a_mail_that_waited_until_the_store_was_open_again_is_not_sent(
    services: Services, world: World, clock: Clock, post: Post
) -> None:
    store = connect(services, world, email="shop@linden.example")
    worker = make_worker(services)
    worker.run_until_idle()
    with services.db.transaction(store.id) as session:
        job = NewJob("stores.tell_owner", "tell_owner:closed:x:0", {"what": "closed", "staff": 0}, once=True)
        queue.enqueue(session, store.id, job, now=clock())
    worker.run_until_idle()
    assert post.received == []


def test_a_reconnect_ends_the_news(
    desk: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    world.door = "open"
    connect(services, world)
    row: Any = row_of(services, store)
    assert (row.state, row.closed_at) == ("open", None)
    assert "refuses our access" not in desk.get(f"/admin/{store.key}/").text
