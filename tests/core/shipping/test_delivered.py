"""The four ways a WooCommerce parcel becomes delivered, and a store with none of them: then we ask, never assert."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.conversations.model import Case
from core.db.base import SYSTEM
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.mail.smtp import open_transport
from core.orders.model import Shipment
from core.platform.contract import Installation
from core.platform.registry import Registry
from core.services import Services
from core.shipping import coverage, evaluate
from core.shipping.coverage import Coverage
from core.stores import install
from core.stores.model import Store
from core.stores.platform_access import store_by_id
from plugins.woocommerce import PLATFORM
from tests.conftest import Clock
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post, text_of
from tests.core.shipping.seed import (
    PAID,
    notices,
    on_sqlite,
    rows,
    run_sweep,
    set_terms,
    sign_in,
    the_order,
    the_parcel,
)
from tests.stores import woocommerce as local
from tests.stores.woocommerce.shapes import set_meta

NUMBER = "1Z999AA10123456784"
LEFT = datetime(2026, 11, 19, 15, 0, tzinfo=UTC)
VILNIUS = {"address_1": "Oak 1", "city": "Vilnius", "state": "", "postcode": "01100", "country": "LT", "phone": ""}
LATENESS = ("promise_revised", "promise_will_be_missed", "promise_missed", "no_scan", "never_scanned")


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office.serving() as post:
        yield post


@pytest.fixture
def shop(clock: Clock) -> Iterator[local.Store]:
    statuses = {"shipped": "Shipped", "delivered": "Delivered"}
    shop = local.Store(now=clock, loopback=True, zone="Europe/Vilnius", extra_statuses=statuses)
    with local.serving(shop):
        yield shop


@pytest.fixture
def services(services: Services, shop: local.Store, post: Post) -> Services:
    allowed = services.config.model_copy(update={"outbound_allow": frozenset({urlsplit(shop.url).netloc})})
    platforms = Registry({"woocommerce": PLATFORM})
    return replace(services, config=allowed, platforms=platforms, mail=open_transport(post.url))


@pytest.fixture
def store(services: Services, shop: local.Store, worker: Worker, clock: Clock) -> Store:
    key = shop.add_key()
    keys = {"key": key.key, "secret": key.secret}
    here = {"currency": "EUR", "timezone": "Europe/Vilnius", "language": "en", "country": "LT", "url": shop.url}
    store = install.connect(services, "woocommerce", Installation(shop.url, "Linden & Co", keys, **here))
    worker.run_until_idle()
    set_terms(services, store, dict.fromkeys([*LATENESS, "ask_if_arrived"], "send"))
    return store


@dataclass
class Story:
    """An order of Ann's at a WooCommerce store, as the days go by."""

    services: Services
    worker: Worker
    clock: Clock
    shop: local.Store
    store: Store
    order_id: int

    def read(self) -> None:
        """Let the clock's poll and sweep pass now."""
        with self.services.db.system(Purpose.INSPECT) as session:
            poll = NewJob("clock.poll", f"clock.poll:{self.clock().isoformat()}")
            queue.enqueue(session, SYSTEM, poll, now=self.clock())
        self.worker.run_until_idle()
        with self.services.db.system(Purpose.CLAIM_JOBS) as session:  # the store's own moment in the interval
            planned = sa.and_(queue.Job.state == "waiting", queue.Job.kind == "changes.read")
            session.execute(sa.update(queue.Job).where(planned).values(run_at=self.clock()))
        run_sweep(self.services, self.worker)

    def live_until(self, day: int) -> None:
        """Let the days pass until noon of that November day, swept twice a day; the store has no news."""
        while self.clock() < datetime(2026, 11, day, 12, 0, tzinfo=UTC):
            self.clock.forward(hours=12)
            run_sweep(self.services, self.worker)

    def leave(self, flavor: str, at: datetime = LEFT) -> None:
        """Ship it, written where such a plugin writes it."""
        self.clock.now = at
        self.shop.ship(self.order_id, NUMBER, "ups", flavor=flavor)
        self.read()

    def hear(self, *findings: dict[str, str]) -> None:
        """Let TrackShip write down what the carrier said of each parcel; its times are the store's."""
        order = self.shop.find_order(self.order_id)
        set_meta(order, self.shop.next_id("meta"), "shipment_status", list(findings))
        self.shop.touch(order)
        self.read()

    def said(self) -> list[tuple[str, str]]:
        """Kind and state of everything told that is about lateness or arrival."""
        kinds = ("delay", "stalled", "not_shipped", "asked_if_arrived")
        return [(one.kind, one.state) for one in notices(self.services, self.store) if one.kind in kinds]

    def known(self) -> Coverage:
        """What is known of the store's parcels three weeks on, when they should all have arrived."""
        with self.services.db.transaction(self.store.id, write=False) as session:
            return coverage.measure(session, now=PAID + timedelta(days=21))


@pytest.fixture
def story(services: Services, worker: Worker, clock: Clock, shop: local.Store, store: Store) -> Story:
    clock.now = PAID
    courier = ("flat_rate", "Courier", "7.50")
    order = local.make_order(placed=PAID, address=VILNIUS, shipping=courier, currency="EUR", tax_percent="0")
    story = Story(services, worker, clock, shop, store, shop.place(order)["id"])
    story.read()
    return story


@on_sqlite
@pytest.mark.parametrize("flavors", [("shipment_tracking",), ("ast",), ("fulfillment", "ast")])
def test_the_carriers_word_in_a_tracking_plugins_meta_delivers_it(story: Story, flavors: tuple[str, ...]) -> None:
    for flavor in flavors:
        story.leave(flavor)
    story.hear({"status": "in_transit", "status_date": "2026-11-19 20:00:00"})
    story.clock.now = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    story.hear({"status": "delivered", "status_date": "2026-11-21 11:30:00"})
    parcel = the_parcel(story.services, story.store)
    assert (parcel.delivered_source, parcel.delivered_at) == ("carrier", datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    story.live_until(28)
    assert story.said() == []
    assert (the_order(story.services, story.store).late, story.known().delivered) == (False, {"carrier": 1})


@on_sqlite
def test_a_status_the_merchant_calls_delivered_delivers_it(story: Story) -> None:
    modes = dict.fromkeys([*LATENESS, "ask_if_arrived"], "send")
    set_terms(story.services, story.store, modes, statuses={"shipped": "shipped", "delivered": "delivered"})
    story.clock.now = LEFT
    story.shop.set_status(story.order_id, "shipped")
    story.read()
    assert the_parcel(story.services, story.store).delivered_at is None
    story.clock.now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    story.shop.set_status(story.order_id, "delivered")
    story.read()
    parcel = the_parcel(story.services, story.store)
    assert parcel.delivered_source == "status"
    # The status says that it came, not when: nobody may call that late.
    assert (parcel.late, the_order(story.services, story.store).late) == (False, False)
    story.live_until(30)
    assert story.said() == []
    assert story.known().delivered == {"status": 1}


@on_sqlite
def test_what_a_carrier_adapter_learned_delivers_it(story: Story) -> None:
    story.leave("fulfillment")
    arrived_at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    story.clock.now = arrived_at + timedelta(hours=1)
    with story.services.db.transaction(story.store.id) as session:
        parcel = session.get_one(Shipment, (story.store.id, the_parcel(story.services, story.store).id))
        parcel.delivered_at, parcel.delivered_source = arrived_at, "adapter"
        row = store_by_id(session, story.store.id)
        (decision,) = evaluate.evaluate_orders(session, row, [parcel.order_id], now=story.clock())
    assert decision.delivery is not None
    assert (decision.delivery.source, decision.delivery.at, decision.late) == ("adapter", arrived_at, False)
    assert the_parcel(story.services, story.store).check_after is None
    assert story.known().delivered == {"adapter": 1}


@on_sqlite
def test_the_shoppers_tap_delivers_it(story: Story, client: FlaskClient, post: Post) -> None:
    story.leave("fulfillment")
    story.live_until(27)
    assert story.said() == [("asked_if_arrived", "sent")]
    question = post.received[-1]
    link = re.search(r"https://care\.example(/a/[\w.-]+/arrived)", text_of(question))
    assert link is not None
    assert client.post(link[1]).status_code == 200
    assert story.known().delivered == {"shopper": 1}
    story.live_until(30)
    assert story.said() == [("asked_if_arrived", "sent")]
    assert the_order(story.services, story.store).late is False


def test_where_nothing_can_tell_nobody_is_called_late_and_the_shopper_is_asked(
    story: Story, client: FlaskClient, post: Post
) -> None:
    story.leave("fulfillment")
    promised_by = the_parcel(story.services, story.store).promised_by
    story.live_until(30)
    asked = [one for one in notices(story.services, story.store) if one.state == "sent"]
    assert [(one.kind, one.promised_by) for one in asked] == [("asked_if_arrived", promised_by)]
    assert asked[0].sent_at is not None
    assert asked[0].sent_at.date() == datetime(2026, 11, 25).date(), "two delivery days after the promised Monday"
    assert len(post.received) == 1
    assert (the_order(story.services, story.store).late, the_parcel(story.services, story.store).late) == (False, False)
    assert (story.known().promise_share, story.known().delivery_share) == (100, 0)


@on_sqlite
def test_the_desk_says_how_much_is_known_and_what_would_raise_it(story: Story, client: FlaskClient) -> None:
    story.leave("fulfillment")
    story.clock.now = PAID + timedelta(days=21)
    sign_in(story.services, story.store, client)
    page = client.get(f"/admin/{story.store.key}/").text
    assert "the promised day is known for 100 % and the delivery for 0 %" in page
    assert "map the order status your store uses for delivered parcels" in page
    assert "nobody is told late without evidence" in page


@on_sqlite
def test_an_answer_of_not_yet_opens_a_case_and_only_then_is_it_late(
    story: Story, client: FlaskClient, post: Post
) -> None:
    story.leave("fulfillment")
    story.live_until(27)
    link = re.search(r"https://care\.example(/a/[\w.-]+/not_yet)", text_of(post.received[-1]))
    assert link is not None
    client.post(link[1])
    story.worker.run_until_idle()
    assert the_order(story.services, story.store).late is True
    assert [case.kind for case in rows(story.services, story.store, Case)] == ["not_received"]


@on_sqlite
def test_a_parcel_that_a_carrier_reports_moving_is_called_late_in_time(story: Story, post: Post) -> None:
    story.leave("ast")
    story.hear({"status": "in_transit", "status_date": "2026-11-19 20:00:00"})
    story.live_until(23)
    (delay,) = [one for one in notices(story.services, story.store) if one.kind == "delay"]
    assert delay.sent_at is not None
    assert delay.sent_at < datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
    assert post.only()["Message-ID"] == delay.message_id
