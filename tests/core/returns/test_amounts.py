from __future__ import annotations

from collections.abc import Mapping

import pytest

from core.money import allocate, to_minor
from core.returns.money.allocation import NET, reconcile_lines, rounding_room, share_of_units
from core.returns.money.purchased import Payment, PurchasedLine, PurchasedOrder
from core.returns.money.quotes import (
    NOT_PAID,
    REFUNDED_BEFORE,
    ROUNDED,
    SHARE_OF_DISCOUNT,
    STANDARD_DELIVERY,
    Entry,
    Fee,
    Quote,
    QuoteRequest,
)
from core.returns.money.refund_amount import MoreThanBought, NothingLeft, apply_quote, difference, quote, waterfall


def order(*lines: PurchasedLine, total: int | None = None, paid: int | None = None, **more: object) -> PurchasedOrder:
    """One order, paid in full by card unless told otherwise."""
    came_to = total if total is not None else sum(line.total + sum(line.taxes.values()) for line in lines)
    payments = (Payment("card", came_to if paid is None else paid),)
    return PurchasedOrder(**{"currency": "EUR", "lines": lines, "payments": payments, "total": total} | more)  # type: ignore[arg-type]


def goods(ref: str, quantity: int, total: int, taxes: Mapping[str, int] | None = None) -> PurchasedLine:
    return PurchasedLine(ref, quantity, total, taxes or {})


def shipping(total: int, taxes: Mapping[str, int] | None = None, ref: str = "ship") -> PurchasedLine:
    return PurchasedLine(ref, 1, total, taxes or {}, kind="shipping")


def told(given: Quote) -> list[tuple[str, int]]:
    return [(entry.what, entry.amount) for entry in given.explanation]


# Golden vectors: each is a case that broke in public.


def test_woocommerce_64668_ten_at_23_90_less_a_quarter_refund_179_25_as_paid_and_not_179_26() -> None:
    """https://github.com/woocommerce/woocommerce/issues/64668: 20 % VAT included; 149.375 and 29.875 both round up."""
    bought = order(goods("11", 10, to_minor("149.375", "GBP"), {"1": to_minor("29.875", "GBP")}), total=179_25)

    given = quote(bought, QuoteRequest({"11": 10}))

    assert given.total == 179_25
    assert given.payout == given.lines
    assert (given.lines[0].net, given.lines[0].taxes) == (149_37, {"1": 29_88})
    assert given.explanation == (Entry("line", 179_26, "11"), Entry("rounding", -1, note=ROUNDED))


def test_woocommerce_64668_ten_returns_of_one_sum_to_179_25() -> None:
    """https://github.com/woocommerce/woocommerce/issues/64668, one at a time: 17.925 each is 17.93 or 17.92."""
    bought = order(goods("11", 10, 149_38, {"1": 29_88}), total=179_25)
    totals = []
    for _ in range(10):
        given = quote(bought, QuoteRequest({"11": 1}))
        totals.append(given.total)
        bought = apply_quote(bought, given)

    assert totals == [17_93] * 5 + [17_92] * 5
    with pytest.raises(NothingLeft):
        quote(bought, QuoteRequest({"11": 0}))


def test_woocommerce_41919_tax_rounded_on_every_line_gives_back_no_more_than_was_paid() -> None:
    """https://github.com/woocommerce/woocommerce/issues/41919, whose figures are a picture: 3 × 0.995, paid 2.99."""
    bought = order(*(goods(ref, 1, 83, {"1": 17}) for ref in "abc"), total=2_99)

    assert quote(bought, QuoteRequest({"a": 1, "b": 1, "c": 1})).total == 2_99
    assert sorted(quote(bought, QuoteRequest({ref: 1})).total for ref in "abc") == [99, 1_00, 1_00]


@pytest.mark.parametrize(
    ("net", "tax", "paid"),
    [("0.884956", "0.12", 1_00), ("8.325", "1.665", 9_99), ("8.33", "1.67", 9_99)],
    ids=["#17630", "#17827 at full precision", "#17827 at two digits"],
)
def test_woocommerce_ios_17630_six_digit_nets_beside_two_digit_taxes_still_sum_to_what_was_paid(
    net: str, tax: str, paid: int
) -> None:
    """https://github.com/woocommerce/woocommerce-ios/pull/17630, and /17827 where it came back at the till."""
    bought = order(goods("1", 1, to_minor(net, "USD"), {"1": to_minor(tax, "USD")}), total=paid)

    assert quote(bought, QuoteRequest({"1": 1})).total == paid


def test_woocommerce_63046_fifty_with_several_odd_rates_inside_stays_50_00() -> None:
    """https://github.com/woocommerce/woocommerce/pull/63046: taxes of many digits taken out of an inclusive 50.00."""
    bought = order(goods("1", 1, 50_00, {"10": 3_46, "11": 1_73, "12": 88}), total=50_00, tax_included=True)

    part = quote(bought, QuoteRequest({"1": 1})).lines[0]

    assert (part.gross, part.net, part.taxes) == (50_00, 43_93, {"10": 3_46, "11": 1_73, "12": 88})


def test_woocommerce_63046_each_of_two_units_at_50_00_stays_50_00() -> None:
    """https://github.com/woocommerce/woocommerce/pull/63046: parts rounded one by one would make 50.01 and 49.99."""
    bought = order(goods("1", 2, 83_33, {"10": 12_51, "11": 4_16}), total=100_00)

    first = quote(bought, QuoteRequest({"1": 1}))

    assert first.total == 50_00
    assert quote(apply_quote(bought, first), QuoteRequest({"1": 1})).total == 50_00


def test_medusa_15885_a_discount_before_tax_is_not_taxed_again() -> None:
    """https://github.com/medusajs/medusa/issues/15885: 2 × 100 less 20, 10 % added: one is 99.00, it said 97.90."""
    bought = order(goods("1", 2, 180_00, {"1": 18_00}), total=198_00)

    assert quote(bought, QuoteRequest({"1": 1})).total == 99_00
    assert quote(bought, QuoteRequest({"1": 2})).total == 198_00


@pytest.mark.parametrize("stored", ["beside the lines", "as a line"])
def test_solidus_512_a_discount_on_the_whole_order_weighs_the_same_on_every_return(stored: str) -> None:
    """https://github.com/solidusio/solidus/issues/512: 6.00 and 4.00 less 1.00, paid 9.00."""
    off = (PurchasedLine("off", 1, -1_00, kind="fee"),) if stored == "as a line" else ()
    bought = order(goods("six", 1, 6_00), goods("four", 1, 4_00), *off, total=9_00)

    first = quote(bought, QuoteRequest({"six": 1}))
    second = quote(apply_quote(bought, first), QuoteRequest({"four": 1}))

    assert (first.total, second.total) == (5_40, 3_60)
    assert first.explanation == (Entry("line", 6_00, "six"), Entry("discount", -60, note=SHARE_OF_DISCOUNT))


def test_spree_5915_an_order_discount_with_tax_in_it_returns_no_less_than_was_paid() -> None:
    """https://github.com/spree/spree/issues/5915: the discount was counted with its tax against nets without."""
    off = PurchasedLine("off", 1, -10_00, {"vat": -2_00}, kind="fee")
    bought = order(goods("a", 1, 50_00, {"vat": 10_00}), goods("b", 1, 30_00, {"vat": 6_00}), off, total=84_00)

    first = quote(bought, QuoteRequest({"a": 1}))
    second = quote(apply_quote(bought, first), QuoteRequest({"b": 1}))

    assert (first.lines[0].net, first.lines[0].taxes) == (43_75, {"vat": 8_75})
    assert (second.lines[0].net, second.lines[0].taxes) == (26_25, {"vat": 5_25})


def test_vendure_3885_a_coupon_is_not_judged_again_when_the_rest_is_below_its_minimum() -> None:
    """https://github.com/vendurehq/vendure/issues/3885: 5 × 5.50 less 2.75 from 10.00 on, delivery 0.50, paid 25.25."""
    bought = order(goods("pizza", 5, 27_50), shipping(50), total=25_25)

    two = quote(bought, QuoteRequest({"pizza": 2}))
    rest = quote(apply_quote(bought, two), QuoteRequest({"pizza": 3}, shipping=True))

    assert two.total == 9_90
    assert rest.total == 15_35
    assert rest.shipping == 50


def test_vendure_1753_what_one_payment_cannot_give_comes_from_the_next() -> None:
    """https://github.com/vendurehq/vendure/issues/1753: the second payment lost 4.00 to a promotion already."""
    first, second = Payment("first", 20_00), Payment("second", 20_00, refunded=4_00)
    bought = order(goods("1", 2, 36_00), payments=(second, first), total=36_00)

    assert quote(bought, QuoteRequest({"1": 1})).payments == (("second", 16_00), ("first", 2_00))


# What is left


def test_what_a_refund_by_hand_took_too_much_is_missing_from_the_units_left() -> None:
    line = PurchasedLine("1", 3, 30_00, refunded_quantity=1, refunded_total=15_00)
    bought = PurchasedOrder("EUR", (line,), (Payment("card", 30_00, 15_00),), 30_00)

    given = quote(bought, QuoteRequest({"1": 1}))

    assert given.total == 7_50
    assert given.explanation == (Entry("line", 10_00, "1"), Entry("earlier", -2_50, note=REFUNDED_BEFORE))


def test_a_fee_kept_before_is_not_given_away_with_the_next_unit() -> None:
    line = PurchasedLine("1", 3, 30_00, refunded_quantity=1, refunded_total=5_00)
    bought = PurchasedOrder("EUR", (line,), (Payment("card", 30_00, 5_00),), 30_00)

    assert quote(bought, QuoteRequest({"1": 2})).total == 20_00


def test_an_amount_refunded_for_no_line_limits_what_is_left_and_says_so() -> None:
    bought = order(goods("1", 2, 20_00), total=20_00, refunded=12_00)

    given = quote(bought, QuoteRequest({"1": 1}))

    assert given.total == 8_00
    assert given.explanation[-1] == Entry("limit", -2_00, note=NOT_PAID)
    assert given.payout[0].gross == 8_00


def test_a_refund_that_only_a_payment_knows_of_limits_what_is_left() -> None:
    bought = order(goods("1", 2, 20_00), payments=(Payment("card", 20_00, refunded=12_00),), total=20_00)

    assert quote(bought, QuoteRequest({"1": 1})).total == 8_00


def test_a_later_unit_is_told_at_its_own_price_as_stored() -> None:
    bought = order(goods("1", 3, 10_00), total=10_00)

    assert told(quote(bought, QuoteRequest({"1": 1}))) == [("line", 3_34)]
    assert told(quote(apply_quote(bought, quote(bought, QuoteRequest({"1": 1}))), QuoteRequest({"1": 1}))) == [
        ("line", 3_33)
    ]


def test_what_is_used_up_of_a_line_with_tax_in_its_price_is_kept_with_tax() -> None:
    line = PurchasedLine("1", 3, 36_00, {"vat": 6_00}, "physical", 1, 18_00, {"vat": 3_00})
    bought = order(line, total=36_00, tax_included=True, refunded=18_00)

    first = quote(bought, QuoteRequest({"1": 1}))

    assert (first.lines[0].net, first.lines[0].taxes) == (7_50, {"vat": 1_50})
    assert apply_quote(bought, first).lines[0].refunded_total == 27_00
    assert quote(apply_quote(bought, first), QuoteRequest({"1": 1})).lines == first.lines


def test_a_tax_refunded_beyond_its_amount_is_taken_from_the_rest_of_the_line() -> None:
    line = PurchasedLine("1", 2, 20_00, {"vat": 4_00}, refunded_total=0, refunded_taxes={"vat": 6_00})
    bought = PurchasedOrder("EUR", (line,), (Payment("card", 24_00, 6_00),), 24_00)

    part = quote(bought, QuoteRequest({"1": 2})).lines[0]

    assert (part.net, part.taxes) == (18_00, {})


def test_an_order_paid_in_part_gives_back_that_part_and_no_more() -> None:
    bought = order(goods("1", 2, 20_00), total=20_00, paid=15_00)

    first = quote(bought, QuoteRequest({"1": 1}))
    second = quote(apply_quote(bought, first), QuoteRequest({"1": 1}))

    assert (first.total, second.total) == (10_00, 5_00)


def test_a_total_far_above_the_lines_is_a_tip_and_stays() -> None:
    assert quote(order(goods("1", 1, 20_00), total=25_00), QuoteRequest({"1": 1})).total == 20_00


def test_an_odd_unit_missing_from_the_lines_comes_back_with_the_goods() -> None:
    given = quote(order(shipping(0), goods("1", 1, 16_65, {"1": 3_32}), total=19_98), QuoteRequest({"1": 1}))

    assert given.total == 19_98
    assert told(given) == [("line", 19_97), ("rounding", 1)]


def test_a_discount_above_the_price_of_the_goods_eats_into_the_shipping_only_then() -> None:
    lines = (goods("1", 1, 10_00, {"1": 2_00}), shipping(5_00))

    assert [sum(parts.values()) for parts in reconcile_lines(lines, 6_00, False)] == [1_00, 5_00]
    assert [sum(parts.values()) for parts in reconcile_lines(lines, 4_00, False)] == [0, 4_00]


def test_an_odd_unit_that_is_found_goes_where_most_was_paid() -> None:
    lines = (goods("small", 1, 1_00), goods("large", 1, 9_00))

    assert reconcile_lines(lines, 10_01, False) == [{NET: 1_00}, {NET: 9_01}]


def test_rounding_can_be_half_a_unit_for_every_stored_amount_and_the_total() -> None:
    assert rounding_room([goods("1", 1, 1_00, {"a": 1, "b": 1}), shipping(1_00)]) == 2


def test_the_order_of_a_lines_taxes_does_not_change_what_a_unit_brings() -> None:
    one = order(goods("1", 3, 10_00, {"a": 1_00, "b": 1_01}))
    other = order(goods("1", 3, 10_00, {"b": 1_01, "a": 1_00}))

    assert quote(one, QuoteRequest({"1": 1})).lines == quote(other, QuoteRequest({"1": 1})).lines


def test_a_units_money_is_dealt_in_turn_so_no_unit_is_two_cents_off() -> None:
    parts = {NET: 16_65, "vat": 3_33}

    assert [share_of_units(parts, 2, unit, 1) for unit in range(2)] == [
        {NET: 8_33, "vat": 1_66},
        {NET: 8_32, "vat": 1_67},
    ]
    assert allocate(19_98, [1, 1]) == [9_99, 9_99]


# Shipping, fees, errors


@pytest.mark.parametrize(
    ("wanted", "back", "net", "taxes"),
    [(True, 6_00, 5_00, {"vat": 1_00}), (3_00, 3_00, 2_50, {"vat": 50}), (99_00, 6_00, 5_00, {"vat": 1_00})],
)
def test_shipping_comes_back_whole_or_by_amount_but_never_above_what_it_cost(
    wanted: bool | int, back: int, net: int, taxes: dict[str, int]
) -> None:
    bought = order(goods("1", 1, 10_00), shipping(5_00, {"vat": 1_00}))

    given = quote(bought, QuoteRequest(shipping=wanted))

    assert (given.shipping, given.total, given.lines[0].net, given.lines[0].taxes) == (back, back, net, taxes)
    assert quote(apply_quote(bought, given), QuoteRequest({"1": 1}, shipping=True)).total == 16_00 - back


@pytest.mark.parametrize("wanted", [False, 0])
def test_shipping_stays_unless_it_is_wanted(wanted: bool | int) -> None:
    assert quote(order(goods("1", 1, 10_00), shipping(5_00)), QuoteRequest({"1": 1}, shipping=wanted)).total == 10_00


def test_an_amount_of_shipping_is_taken_from_one_method_after_the_other() -> None:
    bought = order(goods("1", 1, 10_00), shipping(2_00, ref="a"), shipping(5_00, ref="b"))

    given = quote(bought, QuoteRequest(shipping=3_00))

    assert [(part.ref, part.quantity, part.gross) for part in given.lines] == [("a", 1, 2_00), ("b", 0, 1_00)]


def test_fees_are_kept_from_the_amount_and_the_lines_paid_out_shrink_alike() -> None:
    bought = order(goods("1", 1, 10_00, {"vat": 2_00}), shipping(5_00))
    fees = (Fee("Label", 3_00), Fee("Restocking", percent=15))

    given = quote(bought, QuoteRequest({"1": 1}, shipping=True, fees=fees))

    assert (given.total, given.fees) == (12_20, 4_80)
    assert told(given) == [("line", 12_00), ("shipping", 5_00), ("fee", -3_00), ("fee", -1_80)]
    assert [part.gross for part in given.lines] == [12_00, 5_00]
    assert [(part.net, part.taxes) for part in given.payout] == [(7_18, {"vat": 1_43}), (3_59, {})]


def test_a_percentage_is_rounded_in_the_shoppers_favor() -> None:
    assert quote(order(goods("1", 1, 9_99)), QuoteRequest({"1": 1}, fees=(Fee("Restocking", percent=10),))).fees == 99


def test_fees_never_turn_a_refund_into_a_bill() -> None:
    given = quote(order(goods("1", 1, 2_00)), QuoteRequest({"1": 1}, fees=(Fee("Label", 3_00), Fee("Repair", 1_00))))

    assert (given.total, given.fees, given.payments) == (0, 2_00, ())
    assert told(given) == [("line", 2_00), ("fee", -2_00)]


@pytest.mark.parametrize("free", [{"withdrawal": True}, {"keep_item": True}])
def test_a_withdrawal_and_a_kept_item_bear_no_fees(free: dict[str, bool]) -> None:
    wanted = QuoteRequest({"1": 1}, fees=(Fee("Label", 3_00, percent=10),), **free)

    assert quote(order(goods("1", 1, 20_00)), wanted).total == 20_00


@pytest.mark.parametrize(("ref", "count", "left"), [("1", 3, 2), ("none", 1, 0), ("off", 2, 1)])
def test_more_than_was_bought_is_refused_with_what_is_left(ref: str, count: int, left: int) -> None:
    bought = order(PurchasedLine("1", 3, 30_00, refunded_quantity=1), PurchasedLine("off", 1, -1_00, kind="fee"))

    with pytest.raises(MoreThanBought) as refused:
        quote(bought, QuoteRequest({ref: count}))

    assert (refused.value.ref, refused.value.left) == (ref, left)


def test_an_order_that_was_given_back_whole_has_nothing_left() -> None:
    with pytest.raises(NothingLeft):
        quote(order(goods("1", 1, 10_00), refunded=10_00), QuoteRequest({"1": 1}))


@pytest.mark.parametrize(
    "wanted",
    [
        QuoteRequest({"1": -1}),
        QuoteRequest(shipping=-1),
        QuoteRequest(fees=(Fee("", -1),)),
        QuoteRequest(fees=(Fee("", 0, -1),)),
    ],
)
def test_nothing_negative_is_quoted(wanted: QuoteRequest) -> None:
    with pytest.raises(ValueError, match="negative"):
        quote(order(goods("1", 1, 10_00)), wanted)


def test_a_bought_fee_can_be_given_back_as_a_line() -> None:
    bought = order(goods("1", 1, 10_00), PurchasedLine("wrap", 1, 2_00, {"vat": 40}, kind="fee"))

    assert quote(bought, QuoteRequest({"wrap": 1})).total == 2_40


# Payments and exchanges


def test_payments_that_pay_back_by_themselves_go_first_and_else_in_the_order_given() -> None:
    payments = (Payment("cash", 5_00, refundable=False), Payment("card", 4_00), Payment("voucher", 3_00))
    bought = order(goods("1", 1, 12_00), payments=payments)

    assert waterfall(bought, 12_00) == (("card", 4_00), ("voucher", 3_00), ("cash", 5_00))
    assert waterfall(bought, 3_00) == (("card", 3_00),)


def test_a_refund_that_names_no_payment_counts_as_if_it_had_flowed_the_same_way() -> None:
    payments = (Payment("card", 4_00, refunded=1_00), Payment("voucher", 8_00))
    bought = order(goods("1", 1, 12_00), payments=payments, refunded=2_00)

    assert waterfall(bought, 10_00) == (("card", 2_00), ("voucher", 8_00))


@pytest.mark.parametrize(
    ("price", "from_shopper", "to_shopper", "payments"),
    [
        (15_00, 3_00, 0, ()),
        (12_00, 0, 0, ()),
        (5_00, 0, 7_00, (("card", 4_00), ("cash", 3_00))),
        (0, 0, 12_00, (("card", 4_00), ("cash", 8_00))),
    ],
)
def test_an_exchange_leaves_the_difference_to_one_side(
    price: int, from_shopper: int, to_shopper: int, payments: tuple[tuple[str, int], ...]
) -> None:
    bought = order(goods("1", 1, 12_00), payments=(Payment("card", 4_00), Payment("cash", 8_00)))

    due = difference(quote(bought, QuoteRequest({"1": 1})), price)

    assert (due.from_shopper, due.to_shopper, due.payments) == (from_shopper, to_shopper, payments)


def test_an_exchange_for_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        difference(quote(order(goods("1", 1, 12_00)), QuoteRequest({"1": 1})), -1)


def test_a_withdrawal_brings_the_standard_delivery_and_says_why_it_is_less_than_was_paid() -> None:
    bought = order(goods("11", 1, 50_00), shipping(9_90))
    given = quote(bought, QuoteRequest({"11": 1}, shipping=4_90, withdrawal=True))
    assert (given.total, given.shipping) == (54_90, 4_90)
    assert given.explanation == (Entry("line", 50_00, "11"), Entry("shipping", 4_90, "ship", STANDARD_DELIVERY))
    whole = quote(bought, QuoteRequest({"11": 1}, shipping=9_90, withdrawal=True))
    assert whole.explanation[1] == Entry("shipping", 9_90, "ship")


def test_lost_value_is_kept_from_a_withdrawal_s_goods_alone_and_from_no_return() -> None:
    bought = order(goods("11", 1, 50_00), shipping(9_90))
    given = quote(bought, QuoteRequest({"11": 1}, shipping=True, withdrawal=True, lost_value=12_00))
    assert (given.total, given.fees) == (47_90, 12_00)
    assert told(given) == [("line", 50_00), ("shipping", 9_90), ("fee", -12_00)]
    most = quote(bought, QuoteRequest({"11": 1}, shipping=True, withdrawal=True, lost_value=99_00))
    assert most.total == 9_90, "never from the delivery cost"
    assert quote(bought, QuoteRequest({"11": 1}, lost_value=12_00)).total == 50_00
    with pytest.raises(ValueError, match="negative"):
        quote(bought, QuoteRequest({"11": 1}, withdrawal=True, lost_value=-1))
