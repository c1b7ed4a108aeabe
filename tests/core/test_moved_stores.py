"""A store that moved is the same store; a copy that carries its id along is a question to its owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import requests
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app, make_worker
from core.db.base import SYSTEM
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import NewJob
from core.mail.smtp import open_transport
from core.orders.model import Order
from core.platform.contract import Installation, InstallUrls, Pending, Platform, Request, UnsealState
from core.platform.errors import Refused
from core.platform.http import open_session
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.secrets import Keyring
from core.services import Services
from core.stores import housekeeping
from core.stores.connection import moves
from core.stores.model import AuditEntry, Staff, Store, StoreClaim
from core.stores.platform_access import link_of
from plugins.woocommerce.platform import WooCommerce
from tests.conftest import KEY, Clock, make_config
from tests.core.samples import anns_order
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post, text_of
from tests.core.shipping.seed import sign_in
from tests.stores.woocommerce import Store as WooStore
from tests.stores.woocommerce import make_order, serving


class Copied(Demo):
    """A sample store whose id is what its own server says."""

    name = "copied"
    copies_keep_id = True

    @classmethod
    def finish_install(
        cls, request: Request, app: object, *, unseal: UnsealState, urls: InstallUrls, http: requests.Session
    ) -> Installation | Pending:
        """Hand over keys and the id that the address names."""
        made = super().finish_install(request, {}, unseal=unseal, urls=urls, http=http)
        return replace(made, store_id="id-1") if isinstance(made, Installation) else made


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office.serving() as post:
        yield post


class Scene:
    """Local WooCommerce servers, any of which may carry another's database, and what is connected to them."""

    def __init__(self, services: Services, stack: ExitStack, clock: Clock) -> None:
        self.services, self.stack, self.clock = services, stack, clock
        self.allowed: set[str] = set()

    def serve(self, shop: WooStore) -> ExitStack:
        """Serve a shop until the stack given back is closed."""
        one = ExitStack()
        one.enter_context(serving(shop))
        self.stack.push(one)
        self.allowed.add(urlsplit(shop.url).netloc)
        config = make_config(self.services.config.database_url, outbound_allow=",".join(self.allowed))
        self.services = replace(self.services, config=config)
        return one

    def read_installation(self, shop: WooStore) -> Installation:
        """Give what the plugin reads of a shop when it hands over a new key."""
        key = shop.add_key()
        http = open_session(allow=frozenset({urlsplit(shop.url).netloc}), timeout=(2, 5))
        plain = WooCommerce(shop.url, {"key": key.key, "secret": key.secret}, {}, http).identify()
        made = Installation(shop.url, "Linden", {"key": key.key, "secret": key.secret}, timezone="Europe/Vilnius")
        return replace(made, url=shop.url, store_id=plain.store_id, is_live=plain.is_live)

    def admit(self, shop: WooStore) -> Store | StoreClaim:
        return moves.admit(self.services, "woocommerce", self.read_installation(shop))

    def work(self, minutes: float = 5) -> None:
        worker = make_worker(self.services)
        until = self.clock.now + timedelta(minutes=minutes)
        while self.clock.now < until:
            worker.run_until_idle()
            self.clock.forward(seconds=20)

    def stores(self) -> list[Store]:
        with self.services.db.system(Purpose.INSPECT, write=False) as session:
            return list(session.scalars(sa.select(Store).order_by(Store.created_at)))

    def claims(self) -> list[StoreClaim]:
        with self.services.db.system(Purpose.INSPECT, write=False) as session:
            return list(session.scalars(sa.select(StoreClaim)))

    def orders(self, store: Store) -> list[str]:
        with self.services.db.transaction(store.id, write=False) as session:
            return list(session.scalars(sa.select(Order.number)))

    def desk(self, store: Store, ref: str = "max", *, role: str = "owner") -> FlaskClient:
        client = create_app(self.services.config, services=self.services).test_client()
        sign_in(self.services, store, client, ref)
        with self.services.db.transaction(store.id) as session:
            changed = sa.update(Staff).where(Staff.ref == ref)
            session.execute(changed.values(role=role, email=f"{ref}@linden.example"))
        return client


@pytest.fixture
def scene(services: Services, post: Post, clock: Clock) -> Iterator[Scene]:
    known: dict[str, type[Platform]] = {"demo": Demo, "copied": Copied, "woocommerce": WooCommerce}
    with ExitStack() as stack:
        mailing = replace(services, platforms=Registry(known), mail=open_transport(post.url))
        yield Scene(mailing, stack, clock)


@pytest.fixture
def shop() -> WooStore:
    return WooStore(loopback=True)


def copy_of(shop: WooStore) -> WooStore:
    """Another server with a copy of the shop's database: its id, keys, orders and webhooks."""
    copy = WooStore(loopback=True)
    copy.store_id, copy.orders, copy.keys = shop.store_id, dict(shop.orders), dict(shop.keys)
    copy._counters = shop._counters
    copy.webhooks.rows = {ref: replace(row) for ref, row in shop.webhooks.rows.items()}
    return copy


@contextmanager
def connected(scene: Scene, shop: WooStore) -> Iterator[tuple[Store, ExitStack]]:
    """Serve the shop, connect it, and read it in."""
    server = scene.serve(shop)
    shop.place(make_order(placed=scene.clock()))
    store = scene.admit(shop)
    assert isinstance(store, Store)
    scene.work()
    with scene.services.db.transaction(store.id) as session:
        session.get_one(Store, store.id).settings = {"returns": {"mine": True}}
    yield scene.stores()[0], server


# By itself.


def test_a_store_whose_first_address_is_gone_is_the_same_store_at_the_new_one(scene: Scene, shop: WooStore) -> None:
    with connected(scene, shop) as (store, server):
        had = scene.orders(store)
        there = copy_of(shop)
        server.close()
        scene.serve(there)
        assert isinstance(scene.admit(there), Store)
        scene.work()
        (after,) = scene.stores()
        assert (after.id, after.key, after.ref, after.url) == (store.id, store.key, there.url, there.url)
        assert (scene.orders(after), after.settings) == (had, {"returns": {"mine": True}})
        assert had
        assert {hook.url for hook in there.webhooks.rows.values()} == {link_of(scene.services, after).hook_url}
        assert scene.claims() == []


def test_a_store_that_redirects_to_its_new_address_has_moved(scene: Scene, shop: WooStore) -> None:
    with connected(scene, shop) as (store, _server):
        there = copy_of(shop)
        scene.serve(there)
        shop.moved_to = there.url
        scene.admit(there)
        assert [(one.id, one.ref) for one in scene.stores()] == [(store.id, there.url)]


def test_an_id_the_platform_vouches_for_moves_at_once(scene: Scene, world: World) -> None:
    world.put(anns_order())
    made = Installation("old.stores.example", "Linden", {"world": world.path}, currency="EUR", store_id="gid-7")
    first = moves.admit(scene.services, "demo", made)
    scene.work()
    again = moves.admit(scene.services, "demo", replace(made, ref="new.stores.example"))
    assert isinstance(first, Store)
    assert isinstance(again, Store)
    assert (again.id, again.ref) == (first.id, "new.stores.example")
    assert scene.orders(again) == ["1042"]
    with scene.services.db.transaction(first.id, write=False) as session:
        said = session.scalars(sa.select(AuditEntry).where(AuditEntry.what == "move_store")).one()
    assert said.facts == {"before": "old.stores.example", "after": "new.stores.example"}


def test_the_same_id_at_another_platform_is_another_store(scene: Scene, world: World) -> None:
    made = Installation("linden", "Linden", {"world": world.path}, store_id="7")
    moves.admit(scene.services, "demo", made)
    moves.admit(scene.services, "copied", replace(made, ref="linden-2"))
    assert len(scene.stores()) == 2


def test_stores_without_an_id_are_never_one(scene: Scene, world: World) -> None:
    made = Installation("linden", "Linden", {"world": world.path})
    moves.admit(scene.services, "demo", made)
    moves.admit(scene.services, "demo", replace(made, ref="maple"))
    assert len(scene.stores()) == 2


def test_a_store_connected_before_ids_were_kept_learns_its_id_at_the_next_check(scene: Scene, shop: WooStore) -> None:
    with connected(scene, shop) as (store, _server):
        with scene.services.db.transaction(store.id) as session:
            session.get_one(Store, store.id).platform_id = ""
            queue.enqueue(session, store.id, NewJob("stores.check_health", "check_health"), now=scene.clock())
        scene.work()
        assert scene.stores()[0].platform_id == shop.store_id


# Never by itself.


def test_a_copy_whose_original_still_answers_is_a_question_and_changes_nothing(
    scene: Scene, shop: WooStore, post: Post
) -> None:
    with connected(scene, shop) as (store, _server):
        desk = scene.desk(store)
        copy = copy_of(shop)
        scene.serve(copy)
        assert isinstance(scene.admit(copy), StoreClaim)
        assert isinstance(scene.admit(copy), StoreClaim)  # and again: no second question
        scene.work()
        assert [(one.id, one.ref) for one in scene.stores()] == [(store.id, shop.url)]
        (mail,) = post.received
        assert (mail["To"], mail["Subject"]) == ("max@linden.example", "Linden & Co: has your store moved?")
        assert copy.url in text_of(mail).replace("\n", "")
        assert copy.url in desk.get(f"/admin/{store.key}/orders").text
        assert "The store has moved there" in desk.get(f"/admin/{store.key}/connection").text


def test_a_staging_site_is_asked_about_although_the_first_is_away(scene: Scene, shop: WooStore) -> None:
    with connected(scene, shop) as (store, server):
        copy = copy_of(shop)
        copy.environment_type = "staging"
        scene.serve(copy)
        server.close()
        assert isinstance(scene.admit(copy), StoreClaim)
        assert [(one.id, one.ref) for one in scene.stores()] == [(store.id, shop.url)]
        assert "not a live site" in scene.desk(store).get(f"/admin/{store.key}/connection").text


def test_a_stranger_who_knows_the_id_gets_nothing_although_the_first_is_away(scene: Scene, shop: WooStore) -> None:
    with connected(scene, shop) as (store, server):
        eve = WooStore(loopback=True)
        eve.store_id = shop.store_id
        scene.serve(eve)
        server.close()
        assert isinstance(scene.admit(eve), StoreClaim)
        assert [(one.id, one.ref) for one in scene.stores()] == [(store.id, shop.url)]


@pytest.mark.parametrize("trouble", ["503", "maintenance", "security_plugin"])
def test_a_first_address_that_is_only_in_trouble_has_not_moved(scene: Scene, shop: WooStore, trouble: str) -> None:
    with connected(scene, shop) as (store, _server):
        copy = copy_of(shop)
        scene.serve(copy)
        shop.misbehave(trouble, times=99, path="system_status", seconds=60)
        assert isinstance(scene.admit(copy), StoreClaim)
        assert [(one.id, one.ref) for one in scene.stores()] == [(store.id, shop.url)]


def test_a_first_address_that_redirects_somewhere_else_has_not_moved_here(scene: Scene, shop: WooStore) -> None:
    with connected(scene, shop):
        copy = copy_of(shop)
        scene.serve(copy)
        shop.moved_to = "https://parked.example"
        assert isinstance(scene.admit(copy), StoreClaim)


def test_only_so_many_addresses_wait_for_an_answer(scene: Scene, world: World) -> None:
    made = Installation("linden", "Linden", {"world": world.path}, store_id="id-1")
    moves.admit(scene.services, "copied", made)
    for number in range(moves.MOST_CLAIMS):
        moves.admit(scene.services, "copied", replace(made, ref=f"copy-{number}"))
    with pytest.raises(Refused, match="Several addresses"):
        moves.admit(scene.services, "copied", replace(made, ref="one-more"))


def test_whoever_connects_the_copy_reads_that_the_owner_is_asked(scene: Scene, world: World) -> None:
    client = create_app(scene.services.config, services=scene.services).test_client()
    for ref, is_asked in (("linden", False), ("copy", True)):
        sent = client.get("/install/copied", query_string={"store": ref, "world": world.path})
        parts = urlsplit(sent.location)
        page = client.get(f"{parts.path}?{parts.query}")
        assert (page.status_code, "The store's owner is asked" in page.text) == (200, is_asked)
        assert "linden" not in page.text.lower() or not is_asked  # nobody learns whose id it is
    assert [claim.ref for claim in scene.claims()] == ["copy"]


# The owner's word.


def test_where_the_owner_says_moved_history_stays_and_the_old_webhooks_go(scene: Scene, shop: WooStore) -> None:
    with connected(scene, shop) as (store, _server):
        had = scene.orders(store)
        there = copy_of(shop)
        scene.serve(there)
        scene.admit(there)
        (claim,) = scene.claims()
        answer = scene.desk(store).post(
            f"/admin/{store.key}/connection/claims/{claim.id}", data={"choice": "moved"}, follow_redirects=True
        )
        assert "The store is now connected at" in answer.text
        scene.work()
        (after,) = scene.stores()
        assert (after.id, after.key, after.ref) == (store.id, store.key, there.url)
        assert (scene.orders(after), after.settings) == (had, {"returns": {"mine": True}})
        assert list(shop.webhooks.rows.values()) == []
        assert len(there.webhooks.rows) == 5
        assert scene.claims() == []


def test_a_separate_store_gets_a_desk_of_its_own_and_stops_bringing_news_to_the_first(
    scene: Scene, shop: WooStore
) -> None:
    with connected(scene, shop) as (store, _server):
        copy = copy_of(shop)
        scene.serve(copy)
        scene.admit(copy)
        (claim,) = scene.claims()
        path = f"/admin/{store.key}/connection/claims/{claim.id}"
        assert scene.desk(store).post(path, data={"choice": "separate"}).status_code == 302
        scene.work()
        first, second = scene.stores()
        assert (first.ref, second.ref, second.settings.get("returns")) == (shop.url, copy.url, None)
        assert {hook.url for hook in copy.webhooks.rows.values()} == {link_of(scene.services, second).hook_url}
        assert {hook.url for hook in shop.webhooks.rows.values()} == {link_of(scene.services, first).hook_url}
        assert isinstance(scene.admit(copy), Store)  # connected again it is itself, and nobody is asked
        assert scene.claims() == []


def test_a_copy_that_is_left_alone_leaves_nothing(scene: Scene, shop: WooStore) -> None:
    with connected(scene, shop) as (store, _server):
        copy = copy_of(shop)
        scene.serve(copy)
        scene.admit(copy)
        (claim,) = scene.claims()
        path = f"/admin/{store.key}/connection/claims/{claim.id}"
        desk = scene.desk(store)
        assert desk.post(path, data={"choice": "copy"}).status_code == 302
        assert (scene.claims(), len(scene.stores())) == ([], 1)
        assert desk.post(path, data={"choice": "moved"}).status_code == 409
        assert scene.stores()[0].ref == shop.url


def test_only_an_owner_decides(scene: Scene, shop: WooStore) -> None:
    with connected(scene, shop) as (store, _server):
        scene.desk(store)
        copy = copy_of(shop)
        scene.serve(copy)
        scene.admit(copy)
        (claim,) = scene.claims()
        manager = scene.desk(store, "mona", role="manager")
        path = f"/admin/{store.key}/connection/claims/{claim.id}"
        assert manager.post(path, data={"choice": "moved"}).status_code == 403
        assert "Only the store's owner can decide this." in manager.get(f"/admin/{store.key}/connection").text
        assert scene.desk(store).post(path, data={"choice": "burn"}).status_code == 400
        assert len(scene.claims()) == 1


# What waits is kept as carefully as a store's own keys, and not for ever.


def test_keys_that_wait_are_sealed_anew_and_forgotten_after_a_month(scene: Scene, world: World) -> None:
    made = Installation("linden", "Linden", {"world": world.path}, store_id="id-1")
    store = moves.admit(scene.services, "copied", made)
    moves.admit(scene.services, "copied", replace(made, ref="copy"))
    ring = Keyring(["a-newer-long-random-text-of-40-characters", KEY])
    assert world.path.encode() not in scene.claims()[0].credentials
    with scene.services.db.transaction(store.id) as session:
        housekeeping.renew_seals(session, store.id, ring)
    assert not ring.needs_resealing(scene.claims()[0].credentials)
    scene.clock.forward(days=31)
    with scene.services.db.transaction(SYSTEM) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.prune", "clock.prune:1"), now=scene.clock())
    scene.work(minutes=1)
    assert scene.claims() == []
