"""A store that is connected when its admin opens our page: once, and only where it has no keys that work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.platform.contract import Installation, Request, StoreKey
from core.platform.errors import BadSignature, Refused, Unavailable
from core.platform.registry import Registry
from core.platform.sample import Demo, World, open_as_app, sign
from core.platform.sample_signing import APP_SIGNATURE
from core.services import Services
from core.stores import install
from core.stores.model import AuditEntry, Staff, Store
from core.stores.platform_access import make_platform, store_named
from tests.conftest import Clock, connect
from tests.core.samples import anns_order, jobs_of
from tests.core.test_access_lost import lose_access, pass_time
from tests.core.test_changes import orders

APP_SECRET = "the secret of the sample store's app"
IMPORTS = {"read:orders.import", "read:reviews.import"}


class Slow(Demo):
    """Takes a while to hand over keys, and does so in the way its mood says."""

    mood: Exception | None = None
    hands_over = ""

    @classmethod
    def install_from(cls, request: Request, app: Mapping[str, str], http: requests.Session) -> Installation:
        time.sleep(0.05)
        if cls.mood:
            raise cls.mood
        made = super().install_from(request, app, http)
        return replace(made, ref=cls.hands_over) if cls.hands_over else made


@pytest.fixture
def services(services: Services) -> Services:
    config = services.config.model_copy(update={"app_settings": {"demo": {"app_secret": APP_SECRET}}})
    mine = type("Mine", (Slow,), {})
    return replace(services, config=config, platforms=Registry({"demo": mine}))


@pytest.fixture
def mood(services: Services) -> Callable[[Exception | None], None]:
    """A function that says how the platform hands over keys from now on."""
    return lambda mood: setattr(services.platforms["demo"], "mood", mood)


def open_page(client: FlaskClient, world: World | None, nonce: str = "n1", ref: str = "linden") -> int:
    headers = open_as_app(APP_SECRET, ref, nonce=nonce, world=world.path if world else "")
    return client.get("/admin/open/demo", headers=headers).status_code


def stores(services: Services) -> list[Store]:
    with services.db.system(Purpose.INSPECT, write=False) as session:
        return list(session.scalars(sa.select(Store)))


def noted(services: Services, store: Store) -> list[str]:
    with services.db.transaction(store.id, write=False) as session:
        return list(session.scalars(sa.select(AuditEntry.what).order_by(AuditEntry.id)))


def leave(services: Services, store: Store, world: World) -> None:
    world.remove_app()
    with services.db.transaction(store.id) as session:
        install.uninstall(session, store.id, now=services.clock())


def test_an_unknown_store_is_connected_when_its_admin_opens_our_page(
    client: FlaskClient, services: Services, world: World, worker: Worker
) -> None:
    world.put(anns_order())
    assert open_page(client, world) == 302
    (store,) = stores(services)
    assert (store.platform, store.ref, store.state) == ("demo", "linden", "open")
    assert client.get(f"/admin/{store.key}/").status_code == 200, "who opened it is at the desk"
    assert set(jobs_of(services, store)) >= IMPORTS
    worker.run_until_idle()
    assert orders(services, store).keys() == {"1"}


def test_a_page_that_nobody_signed_connects_nothing(client: FlaskClient, services: Services, world: World) -> None:
    headers = open_as_app("Eve's secret", "linden", nonce="n1", world=world.path)
    assert client.get("/admin/open/demo", headers=headers).status_code == 401
    assert (stores(services), world.count("installation")) == ([], 0)


def test_an_open_store_with_keys_is_opened_and_not_installed_again(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    worker.run_until_idle()
    for nonce in ("n1", "n2"):
        assert open_page(client, world, nonce) == 302
    assert world.count("installation") == 0
    assert (jobs_of(services, store), noted(services, store)) == ([], ["connected", "open_desk"])


def test_a_store_that_removed_us_comes_back_with_its_orders_and_is_read_from_the_start(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    world.put(anns_order())
    worker.run_until_idle()
    leave(services, store, world)
    world.put(anns_order(ref="2", number="1043", updated_at=clock.forward(hours=1)))
    assert open_page(client, world) == 302
    assert [(one.id, one.key, one.state) for one in stores(services)] == [(store.id, store.key, "open")]
    assert set(jobs_of(services, store)) >= IMPORTS
    worker.run_until_idle()
    assert orders(services, store).keys() == {"1", "2"}


def test_a_closed_store_gets_new_keys_and_goes_on_where_it_stopped(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    lose_access(services, store, world, worker, clock)
    assert [one.state for one in stores(services)] == ["closed"]
    world.put(anns_order(updated_at=clock.now))
    assert open_page(client, world) == 302
    assert [one.state for one in stores(services)] == ["open"]
    assert not IMPORTS & set(jobs_of(services, store)), "no import from the start"
    worker.run_until_idle()
    assert orders(services, store).keys() == {"1"}
    assert "order:1" in jobs_of(services, store, state="done")


def test_a_store_whose_keys_were_just_refused_gets_new_ones_before_it_is_closed(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    worker.run_until_idle()
    world.door = "locked"
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:1", {"ref": "1"}), now=clock())
    worker.run_until_idle()
    assert [one.state for one in stores(services)] == ["open"]
    assert open_page(client, world) == 302
    assert world.count("installation") == 1
    pass_time(worker, clock, timedelta(minutes=10))
    assert [one.state for one in stores(services)] == ["open"]
    assert jobs_of(services, store) == []


@pytest.mark.parametrize("sealed", [b"", b"sealed with a key that left the ring"])
def test_a_store_whose_keys_cannot_be_read_gets_new_ones(
    client: FlaskClient, services: Services, store: Store, world: World, sealed: bytes
) -> None:
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Store).where(Store.id == store.id).values(credentials=sealed))
    assert open_page(client, world) == 302
    assert make_platform(services, stores(services)[0]).credentials == {"world": world.path}


def test_new_keys_of_an_open_store_begin_no_import(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.put(anns_order())
    worker.run_until_idle()
    connect(services, world)
    assert jobs_of(services, store) == ["prepare"]


def test_eight_pages_that_open_at_once_install_once(services: Services, world: World) -> None:
    gate, answers, app = threading.Barrier(8), list[int](), create_app(services.config, services=services)

    def open_one(number: int) -> None:
        gate.wait(timeout=30)
        answers.append(open_page(app.test_client(), world, f"n{number}"))

    threads = [threading.Thread(target=open_one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [302] * 8
    (store,) = stores(services)
    assert (world.count("installation"), noted(services, store).count("connected")) == (1, 1)


def test_a_page_seen_once_opens_nothing_again(client: FlaskClient, services: Services, world: World) -> None:
    assert open_page(client, world) == 302
    assert open_page(client, world) == 401
    leave(services, stores(services)[0], world)
    assert open_page(client, world) == 401
    assert world.count("installation") == 1


def test_a_page_that_failed_installs_nothing_when_it_is_sent_again(
    client: FlaskClient, services: Services, world: World, mood: Callable[[Exception | None], None]
) -> None:
    mood(Unavailable("not now"))
    assert open_page(client, world) == 503
    mood(None)
    assert open_page(client, world) == 401
    assert open_page(client, world, "n2") == 302


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (Refused("This store's plan has no apps."), 400, "This store&#39;s plan has no apps."),
        (Unavailable("not now", retry_after=7), 503, ""),
        (BadSignature("open the page anew"), 401, ""),
    ],
)
def test_an_unknown_store_that_cannot_be_connected_says_why(
    client: FlaskClient, world: World, mood: Callable[[Exception], None], error: Exception, status: int, sentence: str
) -> None:
    mood(error)
    answer = client.get("/admin/open/demo", headers=open_as_app(APP_SECRET, "linden", nonce="n1", world=world.path))
    assert (answer.status_code, sentence in answer.text) == (status, True)


@pytest.mark.parametrize("error", [Refused("no"), Unavailable("not now")])
def test_a_closed_store_that_cannot_be_connected_shows_its_desk_all_the_same(
    client: FlaskClient,
    services: Services,
    store: Store,
    world: World,
    worker: Worker,
    clock: Clock,
    mood: Callable[[Exception], None],
    error: Exception,
) -> None:
    lose_access(services, store, world, worker, clock)
    mood(error)
    assert open_page(client, world) == 302
    assert [one.state for one in stores(services)] == ["closed"]


def test_where_a_page_carries_no_keys_all_stays_as_it_is(
    client: FlaskClient, services: Services, world: World, worker: Worker, clock: Clock
) -> None:
    assert open_page(client, None) == 404, "nobody here"
    store = connect(services, world)
    lose_access(services, store, world, worker, clock)
    assert open_page(client, None, "n2") == 302, "a closed store's desk shows why"
    assert [one.state for one in stores(services)] == ["closed"]
    leave(services, store, world)
    assert open_page(client, None, "n3") == 403, "a store that left has no desk"


def test_keys_of_another_store_than_the_page_s_are_not_taken(
    client: FlaskClient, services: Services, store: Store, world: World
) -> None:
    services.platforms["demo"].hands_over = "linden"  # type: ignore[attr-defined]
    sealed = stores(services)[0].credentials
    assert open_page(client, world, ref="maple") == 401
    assert [(one.ref, one.credentials) for one in stores(services)] == [("linden", sealed)]


def test_a_store_whose_ref_reads_like_anothers_key_reaches_itself_alone(
    client: FlaskClient, services: Services, world: World, tmp_path: Path
) -> None:
    """Keys are public, and on some platforms a merchant chooses what the ref is."""
    theirs = connect(services, world)
    eves = World(tmp_path / "eve.db")
    news = b'{"resource": "privacy", "ref": "1", "facts": {"request": "erase_store"}}'
    told = {APP_SIGNATURE: sign(APP_SECRET, news), "x-demo-store": theirs.key}
    client.post("/hooks/demo", data=news, headers=told)
    assert open_page(client, None, ref=theirs.key) == 404
    assert open_page(client, eves, "n2", ref=theirs.key) == 302
    client.post("/hooks/demo", data=news, headers=told)
    assert {(one.ref, one.key == theirs.key) for one in stores(services)} == {("linden", True), (theirs.key, False)}
    with services.db.transaction(theirs.id, write=False) as session:
        assert list(session.scalars(sa.select(Staff))) == []
    assert [key for key in jobs_of(services, theirs) if key.startswith("privacy:")] == []
    by_ref, by_key = (store_named(services, "demo", name) for name in (theirs.key, StoreKey(theirs.key)))
    assert by_ref is not None
    assert by_key is not None
    assert (by_ref.ref, by_key.id) == (theirs.key, theirs.id)
