"""Two secrets a store: what signs its deliveries opens no desk, and what signs for people delivers no news."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.platform.contract import Installation, StaffIdentity
from core.platform.registry import Registry
from core.platform.sample import World, forward
from core.services import Services
from core.stores import audit, install, staff
from core.stores.housekeeping import sealed_in
from core.stores.model import AuditEntry, Staff, Store
from core.stores.platform_access import forwarding_secret_of, link_of, open_platform, secret_of, store_by_id
from plugins.woocommerce.platform import WooCommerce
from tests.conftest import Clock, make_config
from tests.core.samples import deliver
from tests.core.shipping.seed import rows, sign_in
from tests.stores.woocommerce import Store as WooStore
from tests.stores.woocommerce import serving


def open_desk(client: FlaskClient, store: Store, secret: str, nonce: str) -> int:
    return client.get("/admin/open/demo", headers=forward(secret, store.key, nonce=nonce)).status_code


def see_orders(client: FlaskClient, store: Store, secret: str, nonce: str) -> int:
    headers = forward(secret, store.ref, nonce=nonce, shopper={"ref": "ann"})
    return client.get("/proxy/demo/orders", headers=headers).status_code


def from_before(services: Services, store: Store) -> None:
    """Make the store one that was connected when there was one secret."""
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Store).where(Store.id == store.id).values(forwarding_secret=b""))


def test_the_secret_that_shop_managers_can_read_opens_no_desk_and_shows_no_orders(
    client: FlaskClient, services: Services, store: Store
) -> None:
    shown = secret_of(services, store)
    assert open_desk(client, store, shown, "n1") == 401
    assert see_orders(client, store, shown, "n2") == 401
    assert rows(services, store, Staff) == []


def test_the_other_secret_opens_the_desk_and_delivers_no_news(
    client: FlaskClient, services: Services, store: Store
) -> None:
    hidden = link_of(services, store).forwarding_secret
    assert deliver(client, services, store, "order", "1", secret=hidden) == 401
    assert open_desk(client, store, hidden, "n1") == 302
    assert see_orders(client, store, hidden, "n2") == 200


def test_a_store_from_before_goes_on_with_its_one_secret_until_it_is_given_the_second(
    client: FlaskClient, services: Services, store: Store, worker: Worker
) -> None:
    worker.run_until_idle()
    from_before(services, store)
    old = secret_of(services, store)
    assert open_desk(client, store, old, "n1") == 302
    assert see_orders(client, store, old, "n2") == 200
    with services.db.transaction(store.id) as session:
        again = NewJob("stores.check_health", "check_health")
        queue.enqueue(session, store.id, again, now=services.clock())
    worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        given = forwarding_secret_of(services, store_by_id(session, store.id))
    assert given != old
    assert open_desk(client, store, old, "n3") == 401
    assert see_orders(client, store, old, "n4") == 401
    assert open_desk(client, store, given, "n5") == 302
    assert see_orders(client, store, given, "n6") == 200


def test_a_store_that_comes_back_keeps_its_second_secret(services: Services, store: Store, world: World) -> None:
    before = link_of(services, store).forwarding_secret
    back = install.connect(services, "demo", Installation(ref="linden", name="L", credentials={"world": world.path}))
    assert link_of(services, back).forwarding_secret == before
    assert "forwarding_secret" in sealed_in(back)  # a new key seals it anew


def test_wordpress_is_told_the_one_and_its_webhooks_the_other(
    services: Services, worker: Worker, database_url: str
) -> None:
    shop = WooStore(loopback=True)
    with serving(shop):
        config = make_config(database_url, outbound_allow=urlsplit(shop.url).netloc)
        services = replace(services, config=config, platforms=Registry({"woocommerce": WooCommerce}))
        key = shop.add_key()
        made = Installation(shop.url, "Linden", {"key": key.key, "secret": key.secret})
        link = link_of(services, connected := install.connect(services, "woocommerce", made))
        open_platform(services, connected).after_install(link)
    assert shop.connection["secret"] == link.forwarding_secret
    assert {hook.secret for hook in shop.webhooks.rows.values()} == {link.secret}


# Who did it.


def test_what_staff_did_is_logged_under_their_id_at_the_platform(
    services: Services, store: Store, client: FlaskClient, clock: Clock
) -> None:
    sign_in(services, store, client)
    other = create_app(services.config, services=services).test_client()
    eve = staff.enter(services, store, StaffIdentity(ref="7", name="Eve"))
    with services.db.transaction(store.id) as session:
        session.get_one(Staff, (store.id, eve.id)).role = "manager"
    eve = staff.enter(services, store, StaffIdentity(ref="7", name="Max"))
    other.set_cookie(f"aftercare_desk_{store.key}", staff.open_session(services.keyring, eve), path="/admin")
    saved = other.post(f"/admin/{store.key}/settings/page", data={"page": "https://shop.example/order"})
    assert saved.status_code == 302
    entry = rows(services, store, AuditEntry)[-1]
    assert (entry.what, entry.staff_ref, entry.who) == ("change_settings", "7", "staff")
    assert audit.acting_ref() == ""  # what this thread does next is not Eve's


@pytest.mark.parametrize("name", [" MAX ", "M\u200bax", "\uff2dax", "shopper", "Aftercare", "policy", "demo"])
def test_nobody_is_named_like_somebody_else_or_like_no_person(services: Services, store: Store, name: str) -> None:
    staff.enter(services, store, StaffIdentity(ref="max", name="Max"))
    assert staff.enter(services, store, StaffIdentity(ref="8", name=name)).name.endswith(" (8)")


def test_a_name_somebody_gave_up_stays_theirs(services: Services, store: Store) -> None:
    for name in ("Eve", "Agnes", "Eve"):
        assert staff.enter(services, store, StaffIdentity(ref="7", name=name)).name == name
    staff.enter(services, store, StaffIdentity(ref="7", name="Agnes"))
    assert staff.enter(services, store, StaffIdentity(ref="8", name="Eve")).name == "Eve (8)"
    assert staff.enter(services, store, StaffIdentity(ref="9", name="Eve (8)")).name == "Eve (8) (9)"
