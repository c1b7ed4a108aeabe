"""Returns of a WooCommerce store from the shopper's request to the store's own books, over its REST interface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from core.conversations.model import Case
from core.jobs.worker import Worker
from core.money import to_minor
from core.orders.model import Order, OrderEvent
from core.platform.contract import Installation
from core.platform.registry import Registry
from core.returns.model import Return
from core.returns.money import reimburse
from core.returns.requests import lifecycle
from core.returns.requests.canceling import request_cancellation
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest, open_return
from core.services import Services
from core.stores import install
from core.stores.model import Store
from plugins.woocommerce import refunds
from plugins.woocommerce.platform import WooCommerce
from tests.conftest import NOON, Clock, make_config
from tests.core.returns.seed import ACCEPTS, AGNES, at, letters, set_policy, set_return_settings, the_money
from tests.stores.woocommerce import Line, make_order, serving
from tests.stores.woocommerce import Store as WooStore
from tests.stores.woocommerce.manners import Manners


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
    return set_return_settings(services, connected, through_gateway=True)


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
    look_again(services, store, worker, placed["id"])
    with at(services, store) as session:
        return placed["id"], session.scalars(sa.select(Order).where(Order.ref == str(placed["id"]))).one()


def look_again(services: Services, store: Store, worker: Worker, ref: int) -> None:
    with at(services, store) as session:
        lifecycle.events.request_order_refresh(session, Order(store_id=store.id, ref=str(ref)), now=services.clock())
    worker.run_until_idle()


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


def test_an_order_paid_by_bank_transfer_is_left_to_staff_and_no_shopper_is_told_of_money(
    services: Services, store: Store, shop: WooStore, worker: Worker, clock: Clock
) -> None:
    ref, order = place(services, store, shop, worker, vat_order() | {"payment_method": "bacs"})
    rma = ask(services, store, order, str(shop.find_order(ref)["line_items"][0]["id"]), 2)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, money.issued_at, money.sentence) == ("needs_staff", None, refunds.NO_GATEWAY)
    assert money.link.endswith(f"&id={ref}")
    assert paid(shop, ref) == []
    assert "refund_issued" not in dict(letters(services, store))
    # Max pays at his bank and writes it down at his store, which says so.
    shop.refund(ref, {"amount": "35.86", "api_refund": False}, at=clock.forward(hours=1))
    look_again(services, store, worker, ref)
    assert [(one.state, one.paid) for one in the_money(services, store)] == [("issued", 3586)]
    assert "refund_issued" in dict(letters(services, store))
    with at(services, store) as session:
        assert lifecycle.find_return(session, store.id, rma.id).reimbursement == "issued"


def test_a_refund_only_written_down_is_issued_when_staff_say_they_paid_it(
    services: Services, store: Store, shop: WooStore, worker: Worker
) -> None:
    set_return_settings(services, store, through_gateway=False)
    ref, order = place(services, store, shop, worker, vat_order())
    ask(services, store, order, str(shop.find_order(ref)["line_items"][0]["id"]), 2)
    worker.run_until_idle()
    look_again(services, store, worker, ref)  # what the store says of its own record proves no payment
    (money,) = the_money(services, store)
    assert (money.state, money.sentence, paid(shop, ref)) == ("needs_staff", refunds.WRITTEN_DOWN, [3586])
    assert "refund_issued" not in dict(letters(services, store))
    with at(services, store) as session:
        reimburse.mark_paid(session, session.merge(money), reason="By transfer.", now=services.clock())
    assert "refund_issued" in dict(letters(services, store))


@pytest.mark.parametrize(("dies_at", "state"), [("money", "needs_staff"), ("key", "issued")])
def test_a_store_that_died_while_it_paid_is_asked_once_and_looked_at_after_three_minutes(
    services: Services, store: Store, shop: WooStore, worker: Worker, clock: Clock, dies_at: str, state: str
) -> None:
    ref, order = place(services, store, shop, worker, vat_order())
    shop.gateway.dies_at = dies_at
    ask(services, store, order, str(shop.find_order(ref)["line_items"][0]["id"]), 2)
    worker.run_until_idle()
    clock.forward(minutes=2.9)
    worker.run_until_idle()
    assert [one.state for one in the_money(services, store)] == ["pending"]
    clock.forward(minutes=2)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, bool(money.sentence), len(shop.gateway.payments)) == (state, state == "needs_staff", 1)
    assert ("refund_issued" in dict(letters(services, store))) == (state == "issued")


def test_where_nobody_can_say_whether_it_was_paid_staff_look_and_nobody_asks_again(
    services: Services, store: Store, shop: WooStore, worker: Worker, clock: Clock
) -> None:
    ref, order = place(services, store, shop, worker, vat_order())
    shop.misbehave("503", method="POST", path="refunds$")
    ask(services, store, order, str(shop.find_order(ref)["line_items"][0]["id"]), 2)
    worker.run_until_idle()
    clock.forward(hours=1)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, money.sentence, money.asked_at is None) == ("needs_staff", "", False)
    assert money.link.endswith(f"&id={ref}")
    asked = ("POST", f"/wp-json/wc/v3/orders/{ref}/refunds")
    assert shop.requests.count(asked) == 1
    # The store was paying all the time, and its key arrives.
    shop.refund(ref, {"amount": "35.86", "meta_data": [{"key": "_aftercare_key", "value": money.key}]})
    look_again(services, store, worker, ref)
    assert [one.state for one in the_money(services, store)] == ["issued"]


@pytest.mark.parametrize("trouble", [("503", "GET", "orders/"), ("429", "POST", "refunds$")])
def test_a_store_that_certainly_did_nothing_is_asked_again(
    services: Services, store: Store, shop: WooStore, worker: Worker, clock: Clock, trouble: tuple[str, str, str]
) -> None:
    ref, order = place(services, store, shop, worker, vat_order())
    mood, method, path = trouble
    ask(services, store, order, str(shop.find_order(ref)["line_items"][0]["id"]), 2)
    shop.misbehave(mood, method=method, path=path, times=20 if method == "GET" else 1)
    worker.run_until_idle()
    assert [(one.state, one.asked_at) for one in the_money(services, store)] == [("pending", None)]
    shop.manners = Manners()
    clock.forward(hours=1)
    worker.run_until_idle()
    assert [one.state for one in the_money(services, store)] == ["issued"]
    assert len(shop.gateway.payments) == 1


def test_a_second_refund_under_our_key_opens_a_case_whoever_made_it(
    services: Services, store: Store, shop: WooStore, worker: Worker
) -> None:
    ref, order = place(services, store, shop, worker, vat_order())
    ask(services, store, order, str(shop.find_order(ref)["line_items"][0]["id"]), 2)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    shop.refund(ref, {"amount": "35.86", "meta_data": [{"key": "_aftercare_key", "value": money.key}]})
    for _ in range(2):
        look_again(services, store, worker, ref)
    with at(services, store) as session:
        assert session.scalars(sa.select(Case.kind)).all() == ["refunded_twice"]
        assert len(session.scalars(sa.select(OrderEvent).where(OrderEvent.kind == "refunded_twice")).all()) == 1


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
