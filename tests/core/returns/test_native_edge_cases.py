"""Native returns where both sides act at once, or one tells a part, or what cannot be followed.

No feed stops, nothing is paid twice, and staff decide what no rule can.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from core.changes.apply import apply_orders
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.contract import Feature
from core.platform.native_returns import Disposition, ReturnLine, ReturnSnapshot, ReturnState
from core.platform.registry import Registry
from core.platform.sample import World
from core.platform.samples.returns_book import NativeReturns
from core.platform.snapshots import OrderSnapshot, RefundLine
from core.returns.model import ReturnItem
from core.returns.money.order_balance import read_balance
from core.returns.policy.policy_document import Goods, PolicyRule, When
from core.returns.requests import lifecycle, return_terms
from core.returns.requests.lifecycle import ItemInspection
from core.services import Services
from core.stores.model import Store
from tests.conftest import NOON, Clock
from tests.core.returns.seed import MAX, at, bought, letters, set_policy, the_money
from tests.core.returns.test_native_returns import MUG, Shop
from tests.core.returns.visit import Visit
from tests.core.shipping.seed import sign_in

TWO_MUGS = replace(MUG, quantity=2)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is decided by rules alone, whatever keeps the rows."""


class WithoutCollections(NativeReturns):
    """A store whose platform keeps returns and knows no collections."""

    features = NativeReturns.features - {Feature.COLLECTIONS}


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> type[NativeReturns]:
    return getattr(request, "param", NativeReturns)


@pytest.fixture
def services(services: Services, platform: type[NativeReturns]) -> Services:
    return replace(services, platforms=Registry({"demo": platform}))


@pytest.fixture
def shop(services: Services, store: Store, world: World, worker: Worker, clock: Clock) -> Shop:
    return Shop(services, store, world, worker, clock)


def said_later(shop: Shop, **facts: Any) -> OrderSnapshot:
    """What the store says next of the order, its one return with these facts."""
    order = shop.said()
    changed = replace(shop.native, **facts)
    return replace(order, returns=(changed,), updated_at=shop.clock.forward(minutes=1) + timedelta(days=1))


def old(shop: Shop, **facts: Any) -> ReturnSnapshot:
    """The one return at the store, as it is with these facts, begun a month before the store was connected."""
    return replace(shop.native, requested_at=NOON - timedelta(days=30), **facts)


# What cannot be followed is set aside.


def test_a_return_that_cannot_be_followed_is_set_aside_and_the_feed_goes_on(shop: Shop) -> None:
    set_policy(shop.services, shop.store, otherwise="review", refund_when="arrival")
    shop.begin(state=ReturnState.APPROVED)
    shop.read()
    broken = said_later(shop, state=ReturnState.RECEIVED, lines=())
    with at(shop.services, shop.store) as session, capture_logs() as logs:
        now = shop.clock.forward(days=2)
        apply_orders(
            session, shop.services, shop.store, [broken, bought(ref="2", number="1043")], asked_at=now, now=now
        )
    shop.work()
    with at(shop.services, shop.store) as session:
        assert sorted(session.scalars(sa.select(Order.ref))) == ["1", "2"]
    assert (*shop.standing, shop.rma.native_conflict) == ("approved", "awaited", "none", "not_followed")
    assert shop.cases() == ["return_conflict"]
    (line,) = [one for one in logs if one["event"] == "native_return_set_aside"]
    assert line == {
        "event": "native_return_set_aside",
        "log_level": "warning",
        "order": "1",
        "native": shop.native.ref,
        "axis": "reimbursement",
        "state": "none",
        "move": "promise",
    }
    shop.apply(
        replace(
            broken, returns=(replace(shop.native, state=ReturnState.RECEIVED),), updated_at=NOON + timedelta(days=9)
        )
    )
    assert (shop.standing[1], shop.rma.native_conflict, shop.cases()) == ("received", "", [])
    assert [one.state for one in the_money(shop.services, shop.store)] == ["issued"]


# Rules that nobody can judge go to a person.


@on_sqlite
@pytest.mark.parametrize(
    ("platform", "acceptance"), [(NativeReturns, "requested"), (WithoutCollections, "approved")], indirect=["platform"]
)
def test_collections_that_only_the_store_knows_leave_a_return_begun_there_to_a_person(
    shop: Shop, acceptance: str
) -> None:
    rule = PolicyRule(name="summer", when=When(collections=("summer sale",)), answer="decline")
    goods = (Goods(products=("p1",), collections=("kitchen",)),)
    set_policy(shop.services, shop.store, otherwise="accept", rules=(rule,), goods=goods)
    shop.begin()
    shop.read()
    assert shop.rma.acceptance == acceptance


# A conflict that staff settle here is settled.


@on_sqlite
def test_taking_up_again_what_was_approved_there_settles_the_conflict(shop: Shop) -> None:
    shop.ask()
    shop.work()
    shop.move(shop.native.ref, ReturnState.APPROVED)
    shop.act(lifecycle.decide, MAX, "decline", note="Worn.")
    shop.apply(shop.said())
    assert shop.rma.native_conflict == "approved"
    shop.act(lifecycle.reopen, MAX, note="She called.", of_store=False)
    shop.work()
    assert (shop.rma.acceptance, shop.rma.native_conflict, shop.cases()) == ("requested", "", [])
    shop.approve()
    shop.work()
    assert (shop.rma.acceptance, shop.native.state, shop.cases(), shop.stuck()) == ("approved", "approved", [], [])


@on_sqlite
@pytest.mark.parametrize("reopens", [False, True])
def test_declining_here_what_was_canceled_there_settles_the_conflict(shop: Shop, reopens: bool) -> None:
    shop.ask()
    shop.approve()
    shop.work()
    shop.receive()
    shop.work()
    shop.move(shop.native.ref, ReturnState.CANCELED)
    shop.read()
    assert (shop.rma.native_conflict, shop.cases()) == ("canceled", ["return_conflict"])
    shop.act(lifecycle.decide, MAX, "decline", note="Worn.")
    if reopens:
        shop.act(lifecycle.reopen, MAX, note="She called.", of_store=False)
    shop.work()
    assert (shop.rma.native_conflict, shop.cases(), shop.stuck()) == ("", [], [])


@on_sqlite
def test_a_case_stays_open_while_another_return_of_the_order_stands_otherwise(shop: Shop) -> None:
    first, second = (shop.begin(line, state=ReturnState.APPROVED) for line in (MUG, ReturnLine("l2", 1)))
    shop.read()
    with at(shop.services, shop.store) as session:
        for rma in shop.returns():
            mine = lifecycle.find_return(session, shop.store.id, rma.id)
            lifecycle.receive(session, shop.store, mine, MAX, now=shop.clock())
    shop.work()
    for ref in (first, second):
        shop.move(ref, ReturnState.CANCELED)
    shop.read()
    for rma, cases in zip(shop.returns(), (["return_conflict"], []), strict=True):
        with at(shop.services, shop.store) as session:
            mine = lifecycle.find_return(session, shop.store.id, rma.id)
            lifecycle.decide(session, shop.store, mine, MAX, "decline", note="Worn.", now=shop.clock.forward(minutes=1))
        shop.work()
        assert shop.cases() == cases


# What was done here and not told yet stands.


@on_sqlite
def test_a_decline_taken_back_before_the_platform_heard_of_it_waits_for_a_person(shop: Shop) -> None:
    shop.ask()
    shop.approve()
    shop.work()
    shop.act(lifecycle.decide, MAX, "decline", note="Worn.")
    shop.act(lifecycle.reopen, MAX, note="She called.", of_store=False)
    shop.work()
    shop.book.change(shop.native.ref, now=shop.clock.forward(minutes=1), tracking_number="LX9")
    shop.read()
    assert (shop.rma.acceptance, shop.native.state, shop.cases()) == ("requested", "approved", [])


def test_fees_set_here_stand_until_the_platform_has_heard_of_them(shop: Shop) -> None:
    ref = shop.begin(replace(TWO_MUGS, restocking_fee=150))
    shop.read()
    shop.act(return_terms.set_terms, MAX, fees={"handling": 500}, reason="Worn.")
    shop.book.change(ref, now=shop.clock.forward(minutes=1), tracking_number="LX9")
    shop.apply(shop.said(), works=False)
    assert shop.rma.fees == [{"what": "handling", "amount": 500}]
    shop.work()
    assert [line.restocking_fee for line in shop.native.lines] == [500]
    shop.book.change(ref, now=shop.clock.forward(minutes=1), shipping_fee=490)
    shop.read()
    assert shop.rma.fees == [{"what": "handling", "amount": 500}, {"what": "label", "amount": 490}]


@on_sqlite
def test_the_policy_decides_although_the_platform_mailed_that_it_was_asked(shop: Shop) -> None:
    set_policy(shop.services, shop.store, otherwise="accept")
    shop.begin(mailed=("requested",))
    shop.read()
    assert (shop.rma.acceptance, shop.rma.decided_by, shop.native.state) == ("approved", "policy", "approved")
    assert shop.letters() == ["return_approved"]


# Where the goods are.


@on_sqlite
def test_goods_have_come_once_the_platform_says_what_became_of_each_unit(shop: Shop) -> None:
    ref = shop.begin(TWO_MUGS, ReturnLine("l2", 1), state=ReturnState.APPROVED)
    shop.read()
    mugs, lamp = (Disposition("restocked", 1), Disposition("missing", 1)), (Disposition("damaged", 1),)
    for said, reception in (
        ([RefundLine("l1", 0, 0, dispositions=mugs[:1])], "awaited"),
        ([RefundLine("l1", 0, 0, dispositions=mugs)], "awaited"),
        ([RefundLine("l2", 0, 0, dispositions=lamp)], "received"),
    ):
        shop.book.dispose(ref, said, now=shop.clock.forward(minutes=1))
        shop.read()
        assert shop.rma.reception == reception


@on_sqlite
def test_goods_of_which_nothing_came_have_not_come(shop: Shop) -> None:
    ref = shop.begin(state=ReturnState.APPROVED)
    shop.read()
    gone = RefundLine("l1", 0, 0, dispositions=(Disposition("missing", 1),))
    shop.book.dispose(ref, [gone], now=shop.clock.forward(minutes=1))
    shop.read()
    assert shop.rma.reception == "awaited"


# Returns older than the connection, and letters that come too late.


@on_sqlite
@pytest.mark.parametrize("refund_when", ["approval", "arrival"])
def test_a_return_older_than_the_connection_pays_only_when_staff_say_so(shop: Shop, refund_when: str) -> None:
    set_policy(shop.services, shop.store, otherwise="accept", refund_when=refund_when)
    shop.begin(state=ReturnState.APPROVED)
    shop.apply(replace(shop.said(), returns=(old(shop),)))
    shop.apply(said_later(shop, requested_at=NOON - timedelta(days=30), state=ReturnState.RECEIVED))
    assert (*shop.standing, the_money(shop.services, shop.store)) == ("approved", "received", "none", [])
    assert shop.cases() == ["payment_held"]
    shop.inspect()
    shop.work()
    assert [one.state for one in the_money(shop.services, shop.store)] == ["issued"]
    assert shop.cases() == []


@on_sqlite
def test_nobody_is_told_to_send_back_what_is_closed_there_already(shop: Shop) -> None:
    ref = shop.begin()
    shop.read()
    shop.move(ref, ReturnState.APPROVED)
    shop.move(ref, ReturnState.CLOSED)
    shop.read()
    assert (shop.rma.status, shop.letters()) == ("closed", ["return_requested"])


@on_sqlite
def test_nobody_is_told_to_send_back_what_arrived_there_already(shop: Shop) -> None:
    shop.begin()
    shop.read()
    shop.apply(said_later(shop, state=ReturnState.RECEIVED))
    assert (shop.standing[:2], shop.letters()) == (("approved", "received"), ["return_requested", "return_received"])


@on_sqlite
def test_a_letter_to_send_back_that_was_held_up_is_not_sent_once_it_is_closed(shop: Shop) -> None:
    shop.ask()
    shop.work()
    shop.approve()
    shop.move(shop.native.ref, ReturnState.APPROVED)
    shop.move(shop.native.ref, ReturnState.CLOSED)
    shop.apply(shop.said())
    assert (shop.rma.status, dict(letters(shop.services, shop.store))["return_approved"]) == ("closed", "suppressed")


# A part paid there is a part paid.


def pay_part(shop: Shop, ref: str) -> None:
    """Let staff at the store pay back one mug of 3.33."""
    shop.book.refund(ref, 333, now=shop.clock.forward(minutes=1), lines=(RefundLine("l1", 1, 333),))
    shop.read()


def left_of_mugs(shop: Shop) -> int:
    with at(shop.services, shop.store) as session:
        return read_balance(session, session.get_one(Order, (shop.store.id, shop.order_id))).left["l1"]


def amounts(shop: Shop) -> list[tuple[int, str, int | None]]:
    return [(one.amount, one.state, one.paid) for one in the_money(shop.services, shop.store)]


def test_of_a_return_paid_in_part_there_only_the_rest_is_paid_here(shop: Shop) -> None:
    ref = shop.begin(TWO_MUGS, state=ReturnState.APPROVED)
    shop.read()
    pay_part(shop, ref)
    assert (amounts(shop), shop.standing) == ([(333, "issued", 333)], ("approved", "awaited", "none"))
    assert left_of_mugs(shop) == 1
    shop.receive()
    shop.inspect()
    shop.work()
    shop.read()
    assert amounts(shop) == [(333, "issued", 333), (334, "issued", 334)]
    assert [(one.amount, [(line.ref, line.quantity) for line in one.lines]) for one in shop.said().refunds] == [
        (333, [("l1", 1)]),
        (334, [("l1", 1)]),
    ]
    assert (shop.rma.status, left_of_mugs(shop), shop.cases(), shop.stuck()) == ("closed", 1, [], [])


def test_a_part_that_names_no_line_lowers_the_rest_by_its_amount(shop: Shop) -> None:
    ref = shop.begin(replace(TWO_MUGS, restocking_fee=100), state=ReturnState.APPROVED)
    shop.read()
    shop.book.refund(ref, 200, now=shop.clock.forward(minutes=1))
    shop.read()
    shop.receive()
    shop.inspect()
    shop.work()
    assert amounts(shop) == [(200, "issued", 200), (367, "issued", 367)], "two mugs of 6.67 less a fee of 1.00"
    assert (shop.rma.status, shop.cases(), shop.stuck()) == ("closed", [], [])


@on_sqlite
def test_parts_that_together_are_the_whole_settle_a_return(shop: Shop) -> None:
    ref = shop.begin(TWO_MUGS, state=ReturnState.APPROVED)
    shop.read()
    pay_part(shop, ref)
    pay_part(shop, ref)
    assert (amounts(shop), shop.rma.reimbursement) == ([(333, "issued", 333)] * 2, "issued")
    assert left_of_mugs(shop) == 1


def test_what_is_closed_there_after_a_part_was_paid_is_settled_by_it(shop: Shop) -> None:
    ref = shop.begin(TWO_MUGS, state=ReturnState.APPROVED)
    shop.read()
    pay_part(shop, ref)
    shop.move(ref, ReturnState.CLOSED)
    shop.read()
    assert (amounts(shop), shop.standing) == ([(333, "issued", 333)], ("approved", "ended", "issued"))
    assert (shop.rma.status, shop.cases(), shop.letters().count("refund_issued")) == ("closed", [], 1)


@on_sqlite
def test_a_part_is_all_where_no_more_than_its_units_pass_the_inspection(shop: Shop) -> None:
    ref = shop.begin(TWO_MUGS, state=ReturnState.APPROVED)
    shop.read()
    pay_part(shop, ref)
    shop.receive()
    with at(shop.services, shop.store) as session:
        (mugs,) = session.scalars(sa.select(ReturnItem))
    shop.inspect(ItemInspection(mugs.id, 1, note="One is broken."))
    shop.work()
    assert (amounts(shop), shop.rma.status, shop.stuck()) == ([(333, "issued", 333)], "closed", [])


@on_sqlite
def test_shopper_and_desk_read_what_was_paid_there_and_what_is_still_due(shop: Shop, client: FlaskClient) -> None:
    ref = shop.begin(TWO_MUGS, state=ReturnState.APPROVED)
    shop.read()
    pay_part(shop, ref)
    seen = Visit(client, shop.services, shop.store, shop.order_id).see(f"returns/{shop.rma.id}")
    assert (seen["amount"], sum(one["amount"] for one in seen["explanation"])) == (667, 667)
    assert seen["sentence"].startswith("Send it back by")
    sign_in(shop.services, shop.store, client)
    page = client.get(f"/admin/{shop.store.key}/returns/{shop.rma.id}").text
    assert "€3.33" in page
    assert "€3.34" in page
