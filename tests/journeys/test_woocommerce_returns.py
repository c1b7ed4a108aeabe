"""Returns of a WooCommerce store from the shopper's request to the store's own books, over its REST interface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from core.jobs.worker import Worker
from core.money import to_minor
from core.orders.model import Order
from core.platform.contract import Installation
from core.platform.registry import Registry
from core.returns.model import Return
from core.returns.requests import lifecycle
from core.returns.requests.canceling import request_cancellation
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest, open_return
from core.services import Services
from core.stores import install
from core.stores.model import Store
from plugins.woocommerce.platform import WooCommerce
from tests.conftest import NOON, Clock, make_config
from tests.core.returns.seed import ACCEPTS, AGNES, at, set_policy, set_practice, the_money
from tests.stores.woocommerce import Line, make_order, serving
from tests.stores.woocommerce import Store as WooStore


@pytest.fixture
def shop(clock: Clock) -> Iterator[WooStore]:
    """The store itself, on loopback."""
    store = WooStore(now=clock, loopback=True)
    with serving(store):
        yield store


@pytest.fixture
def services(services: Services, shop: WooStore, database_url: str) -> Services:
    config = make_config(database_url, outbound_allow=urlsplit(shop.url).netloc)
    return replace(services, config=config, platforms=Registry({"woocommerce": WooCommerce}))


@pytest.fixture
def store(services: Services, shop: WooStore, worker: Worker) -> Store:
    """The store as we know it, freshly connected, with a generous policy."""
    key = shop.add_key()
    installation = Installation(shop.url, "Linden", {"key": key.key, "secret": key.secret}, currency="GBP")
    connected = install.connect(services, "woocommerce", installation)
    set_policy(services, connected, **ACCEPTS, refund_when="approval")
    return set_practice(services, connected, through_gateway=True)


def vat_order() -> dict[str, Any]:
    """Ten at £23.90, 20 % VAT inside, a coupon of 25 %: £179.25 were paid (woocommerce #64668: 179.26 is refused)."""
    placed = NOON - timedelta(days=9)
    order = make_order(
        placed=placed, lines=(Line(quantity=10),), shipping=("flat_rate", "Free", "0.00"), currency="GBP"
    )
    order |= {"prices_include_tax": True, "total": "179.25", "total_tax": "29.87", "cart_tax": "29.87"}
    taxes = [{"id": 1, "total": "29.875", "subtotal": "39.8333"}]
    order["line_items"][0] |= {"total": "149.375", "subtotal": "199.1667", "total_tax": "29.87", "taxes": taxes}
    return order


def place(
    services: Services, store: Store, shop: WooStore, worker: Worker, order: dict[str, Any], *, sent: bool = True
) -> tuple[int, Order]:
    """Let the shop have an order, sent a week ago, and us know of it; give the shop's id and our row."""
    placed = shop.place(order)
    if sent:
        shop.ship(placed["id"], "1Z999AA10123456784", at=NOON - timedelta(days=7))
        shop.set_status(placed["id"], "completed", at=NOON - timedelta(days=7))
    with at(services, store) as session:
        lifecycle.events.look_again(session, Order(store_id=store.id, ref=str(placed["id"])), now=services.clock())
    worker.run_until_idle()
    with at(services, store) as session:
        return placed["id"], session.scalars(sa.select(Order).where(Order.ref == str(placed["id"]))).one()


def ask(services: Services, store: Store, order: Order, line: str, quantity: int) -> Return:
    services.clock.forward(minutes=5)  # type: ignore[attr-defined]
    with at(services, store) as session:
        request = ReturnRequest((RequestedLine(line, quantity, "too_small"),))
        return open_return(session, store, order.id, request, SHOPPER, now=services.clock())


def paid(shop: WooStore, order_id: int) -> list[int]:
    return [to_minor(row["amount"], "GBP") for row in shop.refunds.get(order_id, [])]


def test_returns_in_any_pieces_bring_back_what_was_paid_to_the_penny(
    services: Services, store: Store, shop: WooStore, worker: Worker
) -> None:
    ref, order = place(services, store, shop, worker, vat_order())
    line = str(shop.find_order(ref)["line_items"][0]["id"])
    for quantity in (3, 1, 6):
        ask(services, store, order, line, quantity)
        worker.run_until_idle()
    assert [one.state for one in the_money(services, store)] == ["issued"] * 3
    assert sorted(one.paid or 0 for one in the_money(services, store)) == sorted(paid(shop, ref))
    assert sum(paid(shop, ref)) == 17925
    rows = [tax for row in shop.refunds[ref] for item in row["line_items"] for tax in item["taxes"]]
    assert {tax["id"] for tax in rows} == {1}  # by rate, as the store keeps its taxes
    assert shop.find_order(ref)["status"] == "refunded"


def test_a_refund_whose_answer_was_cut_off_is_there_once(
    services: Services, store: Store, shop: WooStore, worker: Worker, clock: Clock
) -> None:
    ref, order = place(services, store, shop, worker, vat_order())
    line = str(shop.find_order(ref)["line_items"][0]["id"])
    shop.manners.add("reset", 1, r"/refunds$", 0.0, method="POST")
    ask(services, store, order, line, 2)
    worker.run_until_idle()
    assert [one.state for one in the_money(services, store)] == ["pending"]
    assert paid(shop, ref) == [3586]
    clock.forward(hours=1)
    worker.run_until_idle()
    assert [(one.state, one.paid) for one in the_money(services, store)] == [("issued", 3586)]
    assert paid(shop, ref) == [3586]


def test_the_store_keeps_private_notes_and_one_meta_key_and_its_own_statuses(
    services: Services, store: Store, shop: WooStore, worker: Worker
) -> None:
    ref, order = place(services, store, shop, worker, vat_order())
    before = shop.find_order(ref)["status"]
    line = str(shop.find_order(ref)["line_items"][0]["id"])
    rma = ask(services, store, order, line, 1)
    worker.run_until_idle()
    with at(services, store) as session:
        mine = lifecycle.find_return(session, store.id, rma.id)
        lifecycle.receive(session, store, mine, AGNES, now=services.clock())
    worker.run_until_idle()
    notes = [note for note in shop.notes[ref] if rma.rma in note["note"]]
    assert len(notes) >= 2
    assert not any(note["customer_note"] for note in notes)
    ours = [row["key"] for row in shop.find_order(ref)["meta_data"] if "aftercare" in row["key"]]
    assert len(ours) == 1
    assert shop.find_order(ref)["status"] == before


def test_an_order_is_canceled_in_the_store_and_its_money_given_back(
    services: Services, store: Store, shop: WooStore, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS, cancel="accept")
    ref, order = place(services, store, shop, worker, vat_order(), sent=False)
    with at(services, store) as session:
        request_cancellation(session, store, order.id, SHOPPER, now=services.clock())
    worker.run_until_idle()
    assert shop.find_order(ref)["status"] in ("cancelled", "refunded")
    assert paid(shop, ref) == [17925]
