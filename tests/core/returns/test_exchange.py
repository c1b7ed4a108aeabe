"""An exchange says one thing: what goes out and who pays, alike in the review, the result, the letters and the desk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.mail.compose import open_transport
from core.platform.contract import Feature
from core.platform.errors import Unavailable
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.platform.snapshots import OrderState, Variant
from core.returns.requests import lifecycle
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.desk.returns_scene import path, said, seat
from tests.core.returns.seed import ACCEPTS, AGNES, MAX, at, place, set_policy, the_money, the_return
from tests.core.returns.visit import Visit, error_of
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post, text_of

LAMP = {"ref": "l2", "quantity": 1, "reason": "too_small", "wish": "exchange"}
FEE = {"other": {}, "too_small": {"label_paid_by": "shopper", "label_fee": 450}}


class ByHand(Demo):
    """A sample store that knows what it has and exchanges nothing itself, as WooCommerce."""

    features = Demo.features - {Feature.EXCHANGE}


class Silent(Demo):
    """A sample store that does not say what it has."""

    def variants_of(self, product: str) -> list[Variant]:
        """Be away."""
        raise Unavailable("no answer within 8 seconds")


class Simple(Demo):
    """A sample store that cannot be asked what it has."""

    features = Demo.features - {Feature.EXCHANGE, Feature.VARIANTS}


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office.serving() as post:
        yield post


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> type[Demo]:
    return getattr(request, "param", Demo)


@pytest.fixture
def services(services: Services, post: Post, platform: type[Demo]) -> Services:
    return replace(services, mail=open_transport(post.url), platforms=Registry({"demo": platform}))


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    world.shelve("p2-small", 4000, product="p2", title="small", stock=3)
    world.shelve("p2-large", 6205, product="p2", title="large", stock=1, image_url="https://shop.example/large.png")
    world.shelve("p2-huge", 9900, product="p2", title="huge", stock=0)
    world.shelve("p1-blue", 400, product="p1", title="blue")
    set_policy(services, store, **ACCEPTS | {"reasons": FEE})
    return Visit(client, services, store, place(services, store, world, worker))


def offers(visit: Visit, line: str = "l2", **more: Any) -> dict[str, Any]:
    """What the store has instead of a line, by its label's first word."""
    gift = "&gift=true" if more.get("gift") else ""
    asked = visit.see(f"returns/variants?order={visit.order_id}&line={line}{gift}", lang=more.get("lang", "en"))
    return {one["label"].split(" · ")[0]: one for one in asked["variants"]}


def take_in(services: Services, store: Store) -> None:
    with at(services, store) as session:
        rma = lifecycle.find_return(session, store.id, the_return(services, store).id)
        lifecycle.receive(session, store, rma, AGNES, now=services.clock())
        lifecycle.inspect(session, store, rma, (), AGNES, now=services.clock())


def letter(post: Post, kind: str) -> str:
    return " ".join(text_of(next(one for one in post.received if one["X-Aftercare-Kind"] == kind)).split())


def test_the_shopper_sees_what_there_is_with_its_difference(visit: Visit) -> None:
    (line,) = [one for one in visit.see(f"returns/options?order={visit.order_id}")["lines"] if one["ref"] == "l2"]
    assert line["has_variants"] is True
    told = offers(visit)
    assert [one["label"].replace("\N{NO-BREAK SPACE}", " ") for one in told.values()] == [
        "small · −€10.00",
        "large · +€12.05",
        "huge · +€49.00 · Out of stock",
    ]
    assert [one["difference"] for one in told.values()] == [-1000, 1205, 4900]
    assert [one["in_stock"] for one in told.values()] == [True, True, False]
    assert told["large"]["image_url"] == "https://shop.example/large.png"
    assert "p2-large" not in str(told["large"]["label"])


# The review, the result, the letters, the desk.


def test_a_dearer_thing_is_named_with_what_it_costs_more_in_all_four_places(
    visit: Visit, services: Services, store: Store, world: World, worker: Worker, post: Post
) -> None:
    wanted = "You get Lamp, large and pay €16.55."  # 62.05 less 50.00, and 4.50 for the label
    body = visit.asking(LAMP | {"exchange_offer": offers(visit)["large"]["offer"]})
    quote = visit.see("returns/quote", body)
    assert (quote["exchange"], quote["amount"], quote["to_pay"]) == (wanted, 0, 1655)
    assert sum(entry["amount"] for entry in quote["explanation"]) == -1655
    assert [entry["label"] for entry in quote["explanation"]] == ["Lamp", "Return label", "Lamp, large"]
    assert quote["way_back_sentence"] == "The way back with the store's label costs you €4.50."
    assert quote["refund_sentence"] == ""
    rma = visit.act("returns", body)
    assert (rma["exchange"], rma["amount"], rma["to_pay"]) == (wanted, 0, 1655)
    assert rma["lines"][0]["exchange_for"] == "Lamp, large"
    assert "refund" not in str(rma).lower().replace("'refund", "")
    worker.run_until_idle()
    assert wanted in letter(post, "return_approved")

    desk = seat(services, store, "owner")
    page = said(desk.get(path(store, f"returns/{rma['id']}")))
    assert "The shopper gets Lamp, large and pays €16.55." in page
    assert "€45.50" not in page
    take_in(services, store)
    worker.run_until_idle()
    ready = letter(post, "exchange_ready")
    assert "Please pay the difference of €16.55." in ready
    assert "Lamp, large" in ready
    seen = visit.see(f"returns/{rma['id']}")
    assert (seen["exchange"], seen["to_pay"]) == (wanted, 1655)
    assert wanted in seen["reimbursements"][0]["sentence"]
    assert said(desk.get(path(store, f"returns/{rma['id']}"))).count("pays €16.55") >= 2

    (money,) = the_money(services, store)
    sent = world.order(money.platform_ref)
    assert sent is not None
    assert [(line.variant, line.total) for line in sent.lines] == [("large", 6205)]
    assert sent.total - sum(payment.captured for payment in sent.payments) == 1655
    world.pay(money.key, services.clock())
    paid = world.order(money.platform_ref)
    assert paid is not None
    assert paid.state is OrderState.OPEN


def test_a_cheaper_thing_brings_the_rest_back(
    visit: Visit, services: Services, store: Store, world: World, worker: Worker, post: Post
) -> None:
    wanted = "You get Lamp, small and €5.50 back."
    body = visit.asking(LAMP | {"exchange_offer": offers(visit)["small"]["offer"]})
    quote = visit.see("returns/quote", body)
    assert (quote["exchange"], quote["amount"], quote["to_pay"]) == (wanted, 550, 0)
    assert sum(entry["amount"] for entry in quote["explanation"]) == 550
    visit.act("returns", body)
    take_in(services, store)
    worker.run_until_idle()
    assert wanted in letter(post, "exchange_ready")
    order = world.order("1")
    assert order is not None
    assert [payment.refunded for payment in order.payments] == [550]


def test_the_same_again_costs_its_way_back_alone(visit: Visit) -> None:
    quote = visit.see("returns/quote", visit.asking(LAMP))
    assert (quote["exchange"], quote["to_pay"]) == ("You get Lamp and pay €4.50.", 450)
    free = visit.see("returns/quote", visit.asking(LAMP | {"reason": "other"}))
    assert (free["exchange"], free["to_pay"], free["amount"]) == ("You get Lamp. There is nothing to pay.", 0, 0)


def test_words_are_kept_and_no_amount_is_told_that_nobody_knows(
    visit: Visit, services: Services, store: Store, worker: Worker, post: Post
) -> None:
    body = visit.asking(LAMP | {"exchange_for": "the brass one, please"})
    wanted = "You would like the brass one, please instead. The store tells you the price before it sends it."
    quote = visit.see("returns/quote", body)
    assert (quote["exchange"], quote["amount"], quote["to_pay"]) == (wanted, None, None)
    assert quote["explanation"] == []
    rma = visit.act("returns", body)
    assert (rma["exchange"], rma["amount"]) == (wanted, None)
    take_in(services, store)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert money.state == "needs_staff"
    assert "the brass one, please" in money.sentence
    desk = said(seat(services, store, "owner").get(path(store, f"returns/{rma['id']}")))
    assert "The shopper would like the brass one, please. Agree on the price, then send it." in desk


def test_money_for_one_thing_and_another_thing_for_the_other_are_told_apart(visit: Visit) -> None:
    mug = {"ref": "l1", "quantity": 3, "reason": "other", "wish": "refund"}
    offer = offers(visit)["large"]["offer"]
    quote = visit.see("returns/quote", visit.asking(mug, LAMP | {"reason": "other", "exchange_offer": offer}))
    assert (quote["amount"], quote["to_pay"], quote["exchange"]) == (1000, 1205, "You get Lamp, large and pay €12.05.")
    assert sum(entry["amount"] for entry in quote["explanation"]) == 1000 - 1205


# Where a store cannot.


@pytest.mark.parametrize("platform", [ByHand], indirect=True)
def test_where_the_platform_exchanges_nothing_a_person_reads_item_and_amount(
    visit: Visit, services: Services, store: Store, worker: Worker, post: Post
) -> None:
    body = visit.asking(LAMP | {"exchange_offer": offers(visit)["large"]["offer"]})
    rma = visit.act("returns", body)
    take_in(services, store)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, money.exchange[0]["title"], money.exchange[0]["price"]) == ("needs_staff", "Lamp, large", 6205)
    seen = visit.see(f"returns/{rma['id']}")["reimbursements"][0]["sentence"]
    assert seen == "A person at the store arranges your exchange. You get Lamp, large and pay €16.55."
    desk = said(seat(services, store, "owner").get(path(store, f"returns/{rma['id']}")))
    assert "The shopper gets Lamp, large and pays €16.55." in desk


@pytest.mark.parametrize(("platform", "has_variants"), [(Silent, True), (Simple, False)], indirect=["platform"])
def test_where_a_store_does_not_say_what_it_has_the_shopper_uses_words(visit: Visit, has_variants: bool) -> None:
    options = visit.see(f"returns/options?order={visit.order_id}")
    assert {one["has_variants"] for one in options["lines"]} == {has_variants}
    assert offers(visit) == {}


def test_what_went_out_of_stock_meanwhile_is_for_staff_and_not_replaced(
    visit: Visit, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit.act("returns", visit.asking(LAMP | {"exchange_offer": offers(visit)["large"]["offer"]}))
    world.take_from_shelf("p2-large", 1)
    take_in(services, store)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert money.state == "needs_staff"
    assert "1 × Lamp, large" in money.sentence


def test_the_price_told_holds_though_the_shelf_s_price_moves(
    visit: Visit, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit.act("returns", visit.asking(LAMP | {"exchange_offer": offers(visit)["large"]["offer"]}))
    world.shelve("p2-large", 8000, product="p2", title="large")
    take_in(services, store)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    sent = world.order(money.platform_ref)
    assert sent is not None
    assert sent.total == 6205


# Who may take which offer.


def test_an_offer_holds_for_its_line_and_for_a_day(visit: Visit, clock: Clock) -> None:
    offer = offers(visit)["large"]["offer"]
    mug = {"ref": "l1", "quantity": 1, "reason": "other", "wish": "exchange", "exchange_offer": offer}
    assert error_of(visit.ask("returns/quote", visit.asking(mug))) == (409, "offer_over")
    made_up = visit.asking(LAMP | {"exchange_offer": offer[:-3] + "abc"})
    assert error_of(visit.ask("returns/quote", made_up)) == (409, "offer_over")


def test_who_was_given_a_present_sees_no_price_and_nothing_dearer(visit: Visit) -> None:
    told = offers(visit, gift=True)
    assert {name: one["difference"] for name, one in told.items()} == {"small": None}
    body = visit.asking(LAMP | {"exchange_offer": told["small"]["offer"]}, gift=True)
    quote = visit.see("returns/quote", body)
    assert (quote["exchange"], quote["amount"], quote["to_pay"]) == ("You get Lamp, small.", None, None)
    assert "€" not in str(quote)


def test_staff_read_what_an_inspection_would_bring_and_no_second_amount(
    visit: Visit, services: Services, store: Store
) -> None:
    rma = visit.act("returns", visit.asking(LAMP | {"exchange_offer": offers(visit)["large"]["offer"]}))
    with at(services, store) as session:
        lifecycle.receive(session, store, lifecycle.find_return(session, store.id, int(rma["id"])), MAX,
                          now=services.clock())  # fmt: skip
    desk = seat(services, store, "owner")
    tried = said(desk.post(path(store, f"returns/{rma['id']}/inspect"), data={"try": "1"}))
    assert "The shopper gets Lamp, large and pays €16.55." in tried
    assert "would pay" not in tried
