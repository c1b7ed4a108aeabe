"""What the sample store's till writes into its orders, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.platform.contract import ExchangeLine, RefundLine, Reimbursement
from core.platform.errors import Refused
from core.platform.sample_payments import credit_code, exchange_order, missing_variant, pay, take_back
from core.platform.snapshots import LineItemSnapshot, OrderSnapshot, PaymentSnapshot, TaxPart, Variant
from tests.conftest import NOON
from tests.core.samples import MUG, anns_order

SHIPPING = LineItemSnapshot("s1", "Parcel", 1, 500, kind="shipping")
PAYMENTS = (
    PaymentSnapshot("gift card", "gift_card", 1000, refundable=True),
    PaymentSnapshot("card", "card", 1900, refundable=True),
)
ONE_MUG = RefundLine("l1", 1, 1200)
BLUE = {"blue": Variant("blue", "blue", 9900, "EUR")}


def order(**changes: Any) -> OrderSnapshot:
    return anns_order(**({"lines": (MUG, SHIPPING), "payments": PAYMENTS, "total": 2900} | changes))


def wanted(*lines: RefundLine, **changes: Any) -> Reimbursement:
    amount = sum(line.gross for line in lines)
    return replace(Reimbursement("k1", "refund", "1", amount, "EUR", lines=lines), **changes)


@pytest.mark.parametrize(
    ("payments", "flows", "refunded"),
    [
        ((), 1200, [1000, 200]),
        ((("card", 1200),), 1200, [0, 1200]),
        ((("card", 700), ("gift card", 500)), 1200, [500, 700]),
        ((), 0, [0, 0]),
        ((), 2900, [1000, 1900]),
    ],
)
def test_money_flows_back_through_the_payments_named_or_in_their_order(
    payments: tuple[tuple[str, int], ...], flows: int, refunded: list[int]
) -> None:
    after = take_back(order(), wanted(ONE_MUG, payments=payments), "f1", NOON, flows=flows)
    assert [payment.refunded for payment in after.payments] == refunded
    assert [one.refundable for one in after.payments] == [one.refunded < one.captured for one in after.payments]


def test_units_are_taken_off_goods_and_not_off_shipping() -> None:
    after = take_back(order(), wanted(ONE_MUG, RefundLine("s1", 1, 500)), "f1", NOON, flows=1700)
    assert [line.removed for line in after.lines] == [1, 0]
    assert after.refunds[0].lines == (ONE_MUG, RefundLine("s1", 0, 500))


def test_a_code_is_the_same_for_the_same_key_alone() -> None:
    assert credit_code("k1") == credit_code("k1") != credit_code("k2")


def test_what_nobody_named_goes_out_again_at_what_it_was_bought_for() -> None:
    taxed = replace(MUG, tax=504, taxes=(TaxPart("vat", 504),))
    instead = exchange_order(
        order(lines=(taxed, SHIPPING)), wanted(RefundLine("l1", 1, 1200, {"vat": 252})), BLUE, NOON
    )
    assert [(line.title, line.quantity, line.total) for line in instead.lines] == [("Mug", 1, 1452)]
    assert (instead.total, instead.paid_at, instead.email) == (1452, NOON, "ann@shopper.example")
    assert (instead.shipments, instead.refunds) == ((), ())


@pytest.mark.parametrize(
    ("price", "captured", "is_paid"), [(1000, 1000, True), (1200, 1200, True), (1500, 1200, False)]
)
def test_a_variant_costs_what_it_costs_and_an_open_rest_waits_for_its_payment(
    price: int, captured: int, is_paid: bool
) -> None:
    out = (ExchangeLine("l1", "blue", 1),)
    instead = exchange_order(order(), wanted(ONE_MUG, exchange=out), {"blue": replace(BLUE["blue"], price=price)}, NOON)
    assert (instead.total, instead.payments[0].captured, instead.paid_at is not None) == (price, captured, is_paid)
    assert instead.state == ("open" if is_paid else "unpaid")


def test_an_order_that_was_waited_for_is_paid_in_full_and_by_card() -> None:
    out = (ExchangeLine("l1", "blue", 2),)
    paid = pay(
        exchange_order(order(), wanted(ONE_MUG, exchange=out), {"blue": replace(BLUE["blue"], price=1500)}, NOON), NOON
    )
    assert [(payment.method, payment.captured) for payment in paid.payments] == [("exchange", 1200), ("card", 1800)]
    assert (paid.state, paid.paid_at) == ("open", NOON)


@pytest.mark.parametrize("out", [ExchangeLine("nothing of the kind", "blue", 1), ExchangeLine("l1", "blue", 0)])
def test_what_was_not_bought_cannot_be_exchanged(out: ExchangeLine) -> None:
    with pytest.raises(Refused, match="cannot be exchanged"):
        exchange_order(order(), wanted(ONE_MUG, exchange=(out,)), {}, NOON)


def test_the_price_a_shopper_was_told_is_what_it_costs() -> None:
    out = (ExchangeLine("l1", "blue", 2, price=2000),)
    assert exchange_order(order(), wanted(ONE_MUG, exchange=out), BLUE, NOON).total == 2000


@pytest.mark.parametrize(("variant", "stock"), [("blue", 1), ("size L, please", 9)])
def test_what_is_not_on_the_shelf_is_named_and_not_replaced_by_the_same_again(variant: str, stock: int) -> None:
    out = (ExchangeLine("l1", variant, 2),)
    assert variant in missing_variant(wanted(ONE_MUG, exchange=out), {"blue": stock})


def test_the_same_again_is_not_looked_for() -> None:
    assert missing_variant(wanted(ONE_MUG, exchange=(ExchangeLine("l1", "", 2),)), {}) == ""
