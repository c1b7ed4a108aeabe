"""What a store says of itself is kept, refreshed with each check, and handed to its platform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import requests
import sqlalchemy as sa

from core.app import make_worker
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.platform.contract import NO_FACTS, Installation, StoreFacts
from core.platform.registry import Registry
from core.platform.sample import World
from core.services import Services
from core.stores import install, settings
from core.stores.model import AuditEntry, Store
from core.stores.platform_access import make_platform, open_platform, store_by_id
from plugins.woocommerce.platform import WooCommerce
from tests.conftest import make_config
from tests.stores.woocommerce import Store as WooStore
from tests.stores.woocommerce import serving


def check(services: Services, store: Store, worker: Worker) -> Store:
    """Let the check of the connection run; give the store as it is then."""
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("stores.check_health", "check_health"), now=services.clock())
    worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        return store_by_id(session, store.id)


def learned(services: Services, store: Store) -> list[list[str]]:
    with services.db.transaction(store.id, write=False) as session:
        told = session.scalars(sa.select(AuditEntry).where(AuditEntry.what == "learn_facts").order_by(AuditEntry.seq))
        return [entry.facts["names"] for entry in told]


def test_changed_facts_are_kept_and_handed_to_the_platform(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(currency="USD", timezone="America/New_York", country="US", plan="Advanced", name="Linden Inc.")
    after = check(services, store, worker)
    assert (after.currency, after.timezone, after.country, after.plan) == ("USD", "America/New_York", "US", "Advanced")
    said = open_platform(services, after).facts
    assert (said.currency, said.timezone, said.plan, said.name) == (
        "USD",
        "America/New_York",
        "Advanced",
        "Linden Inc.",
    )
    check(services, store, worker)
    assert learned(services, store) == [["country", "currency", "name", "plan", "timezone"]], "told once"


def test_what_a_store_does_not_say_or_says_wrongly_stays_as_it_was(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(currency="euros", timezone="Mars/Base", country="", language="<b>", url="javascript:1", email="none")
    after = check(services, store, worker)
    for name in ("currency", "timezone", "country", "language", "url", "email"):
        assert getattr(after, name) == getattr(store, name), name
    assert learned(services, store) == []


def test_facts_never_touch_what_the_merchant_set_at_the_desk(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    said = {"mail": {"name": "Linden by hand", "support": "help@shop.example"}, "returns": {"agent_limit": 700}}
    with services.db.transaction(store.id) as session:
        for section, values in said.items():
            row = store_by_id(session, store.id)
            settings.change(session, row, section, values, version=row.settings_version, now=services.clock())
        version = store_by_id(session, store.id).settings_version
    world.play(currency="USD", name="Linden Inc.", email="owner@shop.example")
    after = check(services, store, worker)
    assert (after.name, after.settings_version) == ("Linden Inc.", version)
    assert {name: after.settings[name] for name in said} == said


def test_an_object_for_a_store_nobody_knows_has_no_facts(services: Services, store: Store) -> None:
    assert services.platforms["demo"]("linden", {}, {}, requests.Session()).facts == NO_FACTS
    assert make_platform(services, store).facts.currency == store.currency


@pytest.fixture
def shop() -> Iterator[WooStore]:
    shop = WooStore(loopback=True)
    with serving(shop):
        yield shop


def test_woocommerce_says_its_currency_country_zone_and_name(
    services: Services, shop: WooStore, database_url: str
) -> None:
    config = make_config(database_url, outbound_allow=urlsplit(shop.url).netloc)
    services = replace(services, config=config, platforms=Registry({"woocommerce": WooCommerce}))
    key = shop.add_key()
    made = Installation(shop.url, "Before", {"key": key.key, "secret": key.secret}, currency="GBP", language="lt")
    store = install.connect(services, "woocommerce", made)
    shop.country = "LT:VL"
    after = check(services, store, make_worker(services))
    assert (after.name, after.currency, after.country, after.timezone, after.language) == (
        shop.name,
        shop.currency,
        "LT",
        shop.zone.key,
        "lt",
    )
    shop.country = ""
    shop.name = "Linden & Söhne"
    assert check(services, store, make_worker(services)).name == "Linden & Söhne"
    assert open_platform(services, after).describe() == StoreFacts(
        currency=shop.currency, timezone=shop.zone.key, url=shop.url, name="Linden & Söhne"
    )
