"""The whole program with a store at the rich and at the poor platform: connected, read, told, left, come back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from core.app import create_app, wire_kinds
from core.conversations.model import Case
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.samples.rich_store import RichStore
from core.platform.samples.server import LOCKED
from core.services import Services
from core.stores.worker_access import WorkerAccess
from tests.conftest import Clock
from tests.core.sample_worlds import SampleStore, bring, with_sample_platforms
from tests.core.samples import anns_order
from tests.core.shipping.seed import on_sqlite, rows

pytestmark = on_sqlite


@pytest.fixture
def app(services: Services) -> Services:
    return with_sample_platforms(services)


@pytest.fixture
def client(app: Services) -> FlaskClient:
    return create_app(app.config, services=app).test_client()


@pytest.fixture
def worker(app: Services) -> Worker:
    return Worker(app, wire_kinds(), stores=WorkerAccess())


@pytest.fixture(params=["rich", "poor"])
def max_(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, client: FlaskClient) -> SampleStore:
    """Max opened our page in his admin for the first time."""
    store = SampleStore(request.param, tmp_path, clock)
    assert store.open_desk(client) in (200, 302)
    return store


def state_of(app: Services, max_: SampleStore) -> str:
    return max_.find(app).state


def orders_of(app: Services, max_: SampleStore) -> list[Order]:
    return rows(app, max_.find(app), Order)


def test_opening_the_page_connects_the_store_and_its_orders_are_read(
    app: Services, worker: Worker, max_: SampleStore
) -> None:
    max_.wait(minutes=1)
    worker.run_until_idle()
    (order,) = orders_of(app, max_)
    assert (order.number, order.currency, order.total) == ("1042", "EUR", 2400)


def test_a_long_import_waits_for_the_platform_and_goes_on_when_it_says_that_it_is_ready(
    app: Services, worker: Worker, client: FlaskClient, tmp_path: Path, clock: Clock
) -> None:
    rich = SampleStore("rich", tmp_path, clock)
    assert isinstance(rich.world, RichStore)
    long_ago = clock.now - timedelta(days=60)
    rich.world.put(anns_order(placed_at=long_ago, updated_at=long_ago))
    rich.open_desk(client)
    worker.run_until_idle()
    begun = rich.world.listings_begun
    assert orders_of(app, rich) == [], "its list is not ready"
    rich.wait(seconds=26)
    assert bring(client, rich.news("listed")) == 200
    worker.run_until_idle()
    assert [order.number for order in orders_of(app, rich)] == ["1042"]
    assert rich.world.listings_begun == begun > 0, "none was begun twice"


def test_news_told_twice_late_and_in_any_order_ends_in_what_the_store_has(
    app: Services, worker: Worker, client: FlaskClient, max_: SampleStore
) -> None:
    max_.wait(minutes=1)
    worker.run_until_idle()
    first = max_.news("order")
    max_.wait(minutes=10)
    order = max_.world.order("1")
    assert order is not None
    max_.world.put(replace(order, postcode="LT-09999", updated_at=max_.clock.now))
    second = max_.news("order")
    for news in (second, first, first, second):
        assert bring(client, news) == 200
        worker.run_until_idle()
    assert [order.postcode for order in orders_of(app, max_)] == ["LT-09999"]


def test_tokens_that_ended_meanwhile_are_renewed_and_the_work_goes_on(
    app: Services, worker: Worker, client: FlaskClient, max_: SampleStore
) -> None:
    worker.run_until_idle()
    kept = max_.find(app).credentials
    max_.wait(hours=30)
    assert bring(client, max_.news("order")) == 200
    worker.run_until_idle()
    assert state_of(app, max_) == "open"
    assert (max_.find(app).credentials != kept) is isinstance(max_.world, RichStore)


def test_an_app_that_was_removed_has_left_and_comes_back_by_opening_the_page(
    app: Services, worker: Worker, client: FlaskClient, max_: SampleStore
) -> None:
    worker.run_until_idle()
    max_.wait(hours=2)
    max_.remove_app()
    left = max_.news("removed")
    assert bring(client, left) == 200
    for _ in range(3):  # what nobody signed takes as many looks
        worker.run_until_idle()
        max_.wait(minutes=4)
    assert state_of(app, max_) == "uninstalled"
    max_.wait(hours=2)
    max_.install_again()
    assert max_.open_desk(client) in (200, 302)
    worker.run_until_idle()
    assert state_of(app, max_) == "open"
    for _ in range(2):  # the news comes again, two hours late
        assert bring(client, left) == 200
        worker.run_until_idle()
    assert state_of(app, max_) == "open"


def test_news_of_a_store_that_we_do_not_know_is_answered_as_the_platform_wants(
    client: FlaskClient, tmp_path: Path, clock: Clock, max_: SampleStore
) -> None:
    stranger = SampleStore(max_.name, tmp_path, clock, ref="oak")
    assert bring(client, stranger.news("erase")) == 200
    assert bring(client, replace(stranger.news("erase"), headers={})) == 401


def test_an_uninstall_that_nobody_signed_does_not_end_a_connection_that_works(
    app: Services, worker: Worker, client: FlaskClient, tmp_path: Path, clock: Clock
) -> None:
    poor = SampleStore("poor", tmp_path, clock)
    poor.open_desk(client)
    worker.run_until_idle()
    poor.wait(hours=2)
    news = poor.news("order")
    body = json.dumps({**json.loads(news.body), "eventType": "application.uninstalled"}).encode()
    assert bring(client, replace(news, body=body)) == 200
    worker.run_until_idle()
    assert state_of(app, poor) == "open"


@pytest.mark.parametrize(("refused", "state"), [(1, "open"), (2, "open"), (3, "uninstalled")])
def test_an_uninstall_that_nobody_signed_takes_three_refused_looks(
    app: Services, worker: Worker, client: FlaskClient, tmp_path: Path, clock: Clock, refused: int, state: str
) -> None:
    poor = SampleStore("poor", tmp_path, clock)
    poor.open_desk(client)
    worker.run_until_idle()
    poor.wait(hours=2)
    assert bring(client, poor.news("removed")) == 200
    poor.world.door = LOCKED
    for _ in range(refused):
        worker.run_until_idle()
        poor.wait(minutes=4)
    poor.world.door = "open"
    for _ in range(3):
        worker.run_until_idle()
        poor.wait(minutes=4)
    assert state_of(app, poor) == state
    assert rows(app, poor.find(app), Case) == []


def test_what_no_api_can_confirm_is_a_case_with_a_clock(
    app: Services, worker: Worker, client: FlaskClient, tmp_path: Path, clock: Clock
) -> None:
    cases: dict[str, list[Case]] = {}
    for name in ("rich", "poor"):
        store = SampleStore(name, tmp_path, clock)
        store.open_desk(client)
        store.wait(minutes=1)
        worker.run_until_idle()
        erase = store.news("erase")
        for _ in range(2):
            assert bring(client, erase) == 200
            worker.run_until_idle()
        cases[name] = rows(app, store.find(app), Case)
    assert cases["rich"] == [], "what the signature covers is carried out"
    assert [case.due_at is not None for case in cases["poor"]] == [True]
