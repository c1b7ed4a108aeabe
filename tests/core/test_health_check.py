"""The check of a store's connection: what is wrong is shown to staff, and that it cannot be made is wrong too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app, make_worker
from core.jobs import queue
from core.jobs.queue import NewJob
from core.platform.contract import Installation
from core.platform.registry import Registry
from core.secrets import Keyring
from core.services import Services
from core.stores import install
from core.stores.model import Finding, Store
from plugins.woocommerce.platform import WooCommerce
from tests.conftest import Clock, make_config
from tests.core.samples import jobs_of
from tests.core.shipping.seed import sign_in
from tests.stores.woocommerce import Store as WooStore
from tests.stores.woocommerce import make_order, serving


@pytest.fixture
def shop() -> Iterator[WooStore]:
    shop = WooStore(loopback=True)
    with serving(shop):
        yield shop


@pytest.fixture
def services(services: Services, shop: WooStore, database_url: str) -> Services:
    config = make_config(database_url, outbound_allow=urlsplit(shop.url).netloc)
    return replace(services, config=config, platforms=Registry({"woocommerce": WooCommerce}))


@pytest.fixture
def store(services: Services, shop: WooStore) -> Store:
    key = shop.add_key()
    made = Installation(shop.url, "Linden", {"key": key.key, "secret": key.secret}, timezone="Europe/Vilnius")
    return install.connect(services, "woocommerce", made)


def settle(services: Services, clock: Clock, minutes: float = 10) -> None:
    """Let the worker work for some minutes of the clock."""
    worker = make_worker(services)
    until = clock.now + timedelta(minutes=minutes)
    while clock.now < until:
        worker.run_until_idle()
        clock.forward(seconds=20)


def check(services: Services, store: Store, clock: Clock) -> None:
    """Let the hourly check run."""
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("stores.check_health", "check_health"), now=clock())
    settle(services, clock, minutes=3)


def findings(services: Services, store: Store) -> dict[str, str]:
    with services.db.transaction(store.id, write=False) as session:
        return {row.code: row.sentence for row in session.scalars(sa.select(Finding))}


def today(services: Services, store: Store) -> str:
    client: FlaskClient = create_app(services.config, services=services).test_client()
    sign_in(services, store, client)
    return client.get(f"/admin/{store.key}/").text


def test_what_is_missing_at_the_first_connection_is_shown_to_staff(
    services: Services, store: Store, shop: WooStore, clock: Clock
) -> None:
    shop.has_plugin = False
    settle(services, clock)
    assert findings(services, store).keys() == {"plugin_absent"}
    assert "The Aftercare plugin is not active in WordPress" in today(services, store)


def test_two_paused_webhooks_are_both_shown(services: Services, store: Store, shop: WooStore, clock: Clock) -> None:
    settle(services, clock)
    for hook in list(shop.webhooks.rows.values())[:2]:
        hook.status = "paused"
    check(services, store, clock)
    (said,) = findings(services, store).values()
    assert said.count("is paused in WooCommerce") == 2


def test_plain_permalinks_are_a_finding_that_says_where_to_change_them_and_goes_when_they_are(
    services: Services, store: Store, shop: WooStore, clock: Clock
) -> None:
    settle(services, clock)
    shop.permalinks = "plain"
    check(services, store, clock)
    said = findings(services, store)
    assert said.keys() == {"unreachable"}
    assert "Permalinks" in today(services, store)
    shop.permalinks = "/%postname%/"
    check(services, store, clock)
    assert findings(services, store) == {}


def test_a_store_that_redirects_elsewhere_is_a_finding_with_the_address(
    services: Services, store: Store, shop: WooStore, clock: Clock
) -> None:
    settle(services, clock)
    shop.misbehave("redirect", times=99)
    check(services, store, clock)
    said = findings(services, store)
    assert said.keys() == {"check_refused"}
    assert "https://127.0.0.1" in said["check_refused"]


def test_a_store_that_does_not_answer_for_a_moment_is_no_finding(
    services: Services, store: Store, shop: WooStore, clock: Clock
) -> None:
    settle(services, clock)
    shop.misbehave("maintenance", times=2, path="webhooks")
    check(services, store, clock)
    assert findings(services, store) == {}
    assert jobs_of(services, store, state="stuck") == []


def test_a_check_that_could_not_be_made_leaves_what_was_found_before(
    services: Services, store: Store, shop: WooStore, clock: Clock
) -> None:
    shop.has_plugin = False
    settle(services, clock)
    shop.permalinks = "plain"
    check(services, store, clock)
    assert findings(services, store).keys() == {"plugin_absent", "unreachable"}


def test_what_stays_wrong_is_shown_since_it_was_first_found(
    services: Services, store: Store, shop: WooStore, clock: Clock
) -> None:
    shop.has_plugin = False
    settle(services, clock)
    with services.db.transaction(store.id, write=False) as session:
        first = session.scalars(sa.select(Finding.found_at)).one()
    check(services, store, clock)
    with services.db.transaction(store.id, write=False) as session:
        assert session.scalars(sa.select(Finding.found_at)).one() == first


def test_keys_sealed_with_a_secret_that_left_are_a_finding(services: Services, store: Store, clock: Clock) -> None:
    settle(services, clock)
    other = replace(services, keyring=Keyring(["another-long-random-text-of-36-signs"]))
    check(other, store, clock)
    assert findings(services, store).keys() == {"unreadable_keys"}


# A security plugin.


def test_a_security_plugin_s_one_refusal_closes_no_store(
    services: Services, store: Store, shop: WooStore, clock: Clock
) -> None:
    settle(services, clock)
    order = shop.place(make_order(placed=clock()))
    shop.misbehave("security_plugin", path=f"orders/{order['id']}", times=2)  # a GET over http is signed anew once
    with services.db.transaction(store.id) as session:
        new = NewJob("changes.refresh_order", "order:17", {"ref": str(order["id"])})
        queue.enqueue(session, store.id, new, now=clock())
    settle(services, clock)
    with services.db.transaction(store.id, write=False) as session:
        assert session.get_one(Store, store.id).state == "open"
    assert "order:17" in jobs_of(services, store, state="done")


def test_a_route_that_a_security_plugin_always_refuses_leaves_its_work_stuck_with_the_sentence_and_the_store_open(
    services: Services, store: Store, shop: WooStore, clock: Clock
) -> None:
    settle(services, clock)
    order = shop.place(make_order(placed=clock()))
    shop.misbehave("security_plugin", path=f"orders/{order['id']}", times=99)
    with services.db.transaction(store.id) as session:
        new = NewJob("changes.refresh_order", "order:17", {"ref": str(order["id"])})
        queue.enqueue(session, store.id, new, now=clock())
    settle(services, clock, minutes=30)
    with services.db.transaction(store.id, write=False) as session:
        assert session.get_one(Store, store.id).state == "open"
    assert "order:17" in jobs_of(services, store, state="stuck")


def test_a_security_plugin_that_blocks_everything_closes_the_store_until_it_lets_us_in(
    services: Services, store: Store, shop: WooStore, clock: Clock
) -> None:
    settle(services, clock)
    shop.misbehave("security_plugin", times=12)
    check(services, store, clock)
    settle(services, clock)
    with services.db.transaction(store.id, write=False) as session:
        row = session.get_one(Store, store.id)
    assert (row.state, row.state_reason) == ("closed", "Sorry, you are not allowed to do that.")
    settle(services, clock, minutes=120)
    with services.db.transaction(store.id, write=False) as session:
        assert session.get_one(Store, store.id).state == "open"
