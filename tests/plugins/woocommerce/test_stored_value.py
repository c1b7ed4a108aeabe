"""What gift cards, store credit and points paid is a payment: the money goes back as money, the rest by a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.platform.contract import RefundLine, Reimbursement
from core.platform.snapshots import OrderSnapshot, PaymentSnapshot
from core.returns.money.purchased import Payment, PurchasedLine, PurchasedOrder
from core.returns.money.quotes import Quote, QuoteRequest
from core.returns.money.refund_amount import quote
from core.returns.money.split_payout import split_by_balance
from plugins.woocommerce.mapping import Unreadable
from tests.plugins.woocommerce.harness import Merchant, open_platform
from tests.plugins.woocommerce.test_mapping import load, read
from tests.stores.woocommerce import Line, make_order
from tests.stores.woocommerce.php import Json
from tests.stores.woocommerce.stored_value import (
    pay_in_the_lines,
    pay_with_account_funds,
    pay_with_advanced_coupons,
    pay_with_gift_cards,
    pay_with_pw_gift_card,
    pay_with_smart_coupon,
    pay_with_wallet,
    pay_with_yith_gift_card,
)

BEANIE = Line("Beanie", "18.00", 1)
SHIPPING = ("flat_rate", "Flat", "10.00")
ALL = "the whole order"


@pytest.fixture
def max_(tmp_path: Path) -> Iterator[Merchant]:
    with open_platform(tmp_path) as (_, merchant):
        yield merchant


def bought(order: OrderSnapshot) -> PurchasedOrder:
    lines = (
        PurchasedLine(one.ref, one.quantity, one.total, {tax.ref: tax.amount for tax in one.taxes}, one.kind)
        for one in order.lines
    )
    payments = (Payment(one.ref, one.captured, one.refunded, one.refundable) for one in order.payments)
    return PurchasedOrder(order.currency, tuple(lines), tuple(payments), order.total, order.tax_included)


def worth(order: OrderSnapshot, *refs: str) -> Quote:
    """What these lines bring; all of the order where none is named."""
    wanted = {one.ref: one.quantity for one in order.lines if one.kind != "shipping" and (not refs or one.ref in refs)}
    return quote(bought(order), QuoteRequest(wanted, shipping=not refs))


def told(order: OrderSnapshot) -> list[tuple[str, int]]:
    """Each payment's kind and what it paid."""
    return [(payment.kind, payment.captured) for payment in order.payments]


def test_gift_cards_of_a_public_bug_report_are_payments_and_no_discount() -> None:
    order = read(load("rest.orders__paid_with_gift_cards"), refundable=True)
    assert order.total == 2800
    assert order.payments == (
        PaymentSnapshot("459", "woocommerce_payments", 400, refundable=True, methods=("refund",)),
        PaymentSnapshot("gift_card:2", "gift_card", 2000, kind="gift_card"),
        PaymentSnapshot("gift_card:4", "gift_card", 400, kind="gift_card"),
    )
    one, everything = worth(order, "921"), worth(order)
    assert (one.total, everything.total) == (1800, 2800)
    assert {entry.what for entry in everything.explanation} == {"line", "shipping"}
    assert everything.payments == (("459", 400), ("gift_card:2", 2000), ("gift_card:4", 400))


@pytest.mark.parametrize(
    ("pay", "kind"),
    [
        (pay_with_gift_cards, "gift_card"),
        (pay_with_pw_gift_card, "gift_card"),
        (pay_with_yith_gift_card, "gift_card"),
        (pay_with_account_funds, "store_credit"),
        (pay_with_advanced_coupons, "store_credit"),
        (pay_with_wallet, "store_credit"),
        (pay_with_smart_coupon, "store_credit"),
    ],
)
def test_every_plugin_s_balance_is_read_as_what_it_paid(
    max_: Merchant, pay: Callable[[Json, str], Json], kind: str
) -> None:
    plain = make_order(placed=max_.now, lines=(BEANIE,), shipping=SHIPPING)
    ref = str(max_.store.place(pay(plain, "24.00"))["id"])
    order = fetch(max_, ref)
    assert (order.total, told(order)) == (3038, [("gateway", 638), (kind, 2400)])
    assert worth(order).total == 3038
    assert {entry.what for entry in worth(order).explanation} == {"line", "shipping"}


@pytest.mark.parametrize(
    ("code", "kind", "paid_with"),
    [
        ("wc_points_redemption_7_2026_11_21_18_00", "fixed_cart", "points"),
        ("ywpar_discount_77", "fixed_cart", "points"),
        ("gift-4711", "smart_coupon", "store_credit"),
    ],
)
def test_a_balance_that_stands_in_the_lines_as_a_coupon_is_put_back_there(
    max_: Merchant, code: str, kind: str, paid_with: str
) -> None:
    lines = (BEANIE, Line("Cap", "12.00", 1, 12, "CAP"))
    plain = make_order(placed=max_.now, lines=lines, shipping=SHIPPING)
    ref = str(max_.store.place(pay_in_the_lines(plain, code, kind, {0: "9.00", 1: "6.00"}))["id"])
    order = fetch(max_, ref)
    assert order.total == 4213  # 43.40 less 1.27 of tax that nobody was charged
    assert told(order) == [("gateway", 2713), (paid_with, 1500)]
    assert [(one.total, one.tax) for one in order.lines] == [(1800, 77), (1200, 51), (1000, 85)]
    assert worth(order, order.lines[0].ref).total == 1877


def test_where_prices_have_tax_in_them_a_balance_paid_the_tax_too(max_: Merchant) -> None:
    plain = make_order(placed=max_.now, lines=(BEANIE,), shipping=SHIPPING) | {"prices_include_tax": True}
    spent = pay_in_the_lines(plain, "wc_points_redemption_7", "fixed_cart", {0: "9.00"})
    order = fetch(max_, str(max_.store.place(spent)["id"]))
    assert (order.total, told(order)) == (3038, [("gateway", 2062), ("points", 976)])
    assert [(one.total, one.tax) for one in order.lines] == [(1800, 153), (1000, 85)]


def test_a_plain_coupon_stays_a_discount(max_: Merchant) -> None:
    plain = make_order(placed=max_.now, lines=(BEANIE,), shipping=SHIPPING)
    order = fetch(max_, str(max_.store.place(pay_in_the_lines(plain, "spring", "fixed_cart", {0: "9.00"}))["id"]))
    assert told(order) == [("gateway", order.total)]
    assert order.lines[0].total == 900


def test_an_order_that_a_gift_card_paid_alone_has_that_payment_alone(max_: Merchant) -> None:
    plain = make_order(placed=max_.now, lines=(BEANIE,), shipping=SHIPPING, payment_method="")
    order = fetch(max_, str(max_.store.place(pay_with_gift_cards(plain, "30.38"))["id"]))
    assert told(order) == [("gift_card", 3038)]


def test_an_unpaid_order_was_not_paid_by_its_gift_card_either(max_: Merchant) -> None:
    plain = make_order(placed=max_.now, lines=(BEANIE,), status="on-hold", payment_method="bacs")
    order = fetch(max_, str(max_.store.place(pay_with_gift_cards(plain, "5.00"))["id"]))
    assert told(order) == [("gateway", 0)]


@pytest.mark.parametrize("amount", ["abc", {"amount": 3}, "NaN"])
def test_an_amount_that_is_none_makes_the_order_unreadable_and_no_guess(amount: Any) -> None:
    body = load("rest.orders__paid_with_gift_cards") | {"gift_cards": [{"id": 2, "code": "X", "amount": amount}]}
    with pytest.raises(Unreadable):
        read(body)


def test_money_goes_back_as_money_and_the_gift_card_s_part_waits_for_a_person(max_: Merchant) -> None:
    plain = make_order(placed=max_.now, lines=(BEANIE,), shipping=SHIPPING)
    order = fetch(max_, str(max_.store.place(pay_with_gift_cards(plain, "20.00", "4.00"))["id"]))
    kinds = {payment.ref: payment.kind for payment in order.payments}
    money, card = (part for _, part in split_by_balance(worth(order), kinds))
    shop = max_.connect()

    paid = shop.reimburse(asked(order, money, "key-1"))
    assert (paid.state, paid.amount) == ("issued", 638)
    by_hand = shop.reimburse(asked(order, card, "key-2"))
    assert (by_hand.state, by_hand.ref, by_hand.amount) == ("needs_staff", "", None)
    assert "24.00 USD" in by_hand.sentence
    assert "a gift card" in by_hand.sentence
    assert f"id={order.ref}" in by_hand.link
    assert max_.refunds(order.ref) == [638]

    after = fetch(max_, order.ref)
    assert [(payment.kind, payment.refunded) for payment in after.payments] == [
        ("gateway", 638),
        ("gift_card", 0),
        ("gift_card", 0),
    ]


def test_a_refund_that_names_no_payment_and_the_money_cannot_cover_waits_for_a_person(max_: Merchant) -> None:
    plain = make_order(placed=max_.now, lines=(BEANIE,), shipping=SHIPPING)
    order = fetch(max_, str(max_.store.place(pay_with_gift_cards(plain, "24.00"))["id"]))
    done = max_.connect().reimburse(Reimbursement("key-1", "refund", order.ref, 1000, order.currency))
    assert done.state == "needs_staff"
    assert "3.62 USD" in done.sentence
    assert max_.refunds(order.ref) == []


def asked(order: OrderSnapshot, part: Quote, key: str) -> Reimbursement:
    lines = tuple(RefundLine(one.ref, one.quantity, one.net, one.taxes) for one in part.payout)
    return Reimbursement(key, "refund", order.ref, part.total, order.currency, lines=lines, payments=part.payments)


def fetch(merchant: Merchant, ref: str) -> OrderSnapshot:
    order = merchant.connect().fetch_order(ref)
    assert isinstance(order, OrderSnapshot)
    return order
