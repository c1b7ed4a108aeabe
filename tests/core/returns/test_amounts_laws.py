"""The laws of refunds, over tax included and added, every kind of discount, partial returns in any order, shipping and
fee lines, several payments, and currencies of none, two and three decimals."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import allocate, exponent
from core.returns.money.allocation import NET, reconcile_lines, share_of_units, stored_parts
from core.returns.money.purchased import GOODS, Payment, PurchasedLine, PurchasedOrder
from core.returns.money.quotes import Fee, Quote, QuoteRequest
from core.returns.money.refund_amount import NothingLeft, apply_quote, difference, quote

LONG = bool(os.environ.get("LONG"))
law = settings(max_examples=2000 if LONG else 60, deadline=None, derandomize=not LONG)
Step = dict[str, int]
RATES = {"a": 2000, "b": 725, "c": 38, "d": 0}  # hundredths of a percent


def gross(line: PurchasedLine, tax_included: bool) -> int:
    return sum(stored_parts(line, tax_included).values())


@st.composite
def bought_lines(draw: st.DrawFn, ref: str, kind: str, digits: int, tax_included: bool) -> PurchasedLine:
    """A line as a store writes it down: each tax rounded by itself."""
    quantity = 1 if kind not in GOODS else draw(st.integers(1, 12))
    total = quantity * draw(st.integers(0, 60 * 10**digits)) - draw(st.integers(0, 99))
    rates = draw(st.lists(st.sampled_from(sorted(RATES)), unique=True, max_size=3))
    taxes = {rate: (max(0, total) * RATES[rate] + 5000) // 10000 for rate in rates}
    return PurchasedLine(ref, quantity, max(0, total) + sum(taxes.values()) * tax_included, taxes, kind=kind)  # type: ignore[arg-type]


@st.composite
def orders(draw: st.DrawFn) -> PurchasedOrder:
    """A paid order of which nothing has come back."""
    currency = draw(st.sampled_from(["JPY", "USD", "KWD"]))
    tax_included = draw(st.booleans())
    kinds = ["physical", *draw(st.lists(st.sampled_from(["physical", "digital", "shipping", "fee"]), max_size=4))]
    lines = [
        draw(bought_lines(str(number), kind, exponent(currency), tax_included)) for number, kind in enumerate(kinds)
    ]
    worth = sum(gross(line, tax_included) for line in lines)
    off = draw(st.integers(0, worth))
    discount = draw(st.sampled_from(["line", "order", "coupon"]))
    if discount == "coupon":
        tax = draw(st.integers(0, off // 5))
        net = off - tax * (not tax_included)
        lines.append(PurchasedLine("off", 1, -net, {"a": -tax}, kind="fee"))
    total = worth - (0 if discount == "line" else off)
    total = max(0, total + draw(st.sampled_from([-1, 0, 1])))  # rounded line by line
    weights = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    payments = tuple(
        Payment(f"p{number}", share, refundable=draw(st.booleans()))
        for number, share in enumerate(allocate(total, weights))
    )
    return PurchasedOrder(currency, tuple(lines), payments, total, tax_included)


@st.composite
def returns(draw: st.DrawFn, bought: PurchasedOrder) -> list[Step]:
    """Every unit of the order, cut into returns."""
    units = [line.ref for line in bought.lines for _ in range(line.units_left)]
    random.Random(draw(st.integers(0, 9999))).shuffle(units)
    cuts = sorted(draw(st.lists(st.integers(0, len(units)), max_size=5)))
    return [dict(Counter(units[start:end])) for start, end in zip([0, *cuts], [*cuts, len(units)], strict=True)]


@dataclass
class Outcome:
    """What a sequence of returns came to: in total, by line and tax, by payment."""

    total: int
    parts: Counter[tuple[str, str]]
    payments: Counter[str]
    bought: PurchasedOrder
    quotes: list[Quote]


def carry_out(bought: PurchasedOrder, steps: list[Step], *, told_amounts: bool = True) -> Outcome:
    """Return step by step. Without `told_amounts` the platform tells of units and sums only."""
    outcome = Outcome(0, Counter(), Counter(), bought, [])
    for step in steps:
        try:
            given = quote(outcome.bought, QuoteRequest(step))
        except NothingLeft:
            break
        outcome.quotes.append(given)
        outcome.total += given.total
        outcome.payments.update(dict(given.payments))
        for part in given.lines:
            outcome.parts.update(
                {(part.ref, ""): part.net} | {(part.ref, rate): tax for rate, tax in part.taxes.items()}
            )
        outcome.bought = apply_quote(outcome.bought, given)
        if not told_amounts:
            lines = (replace(line, refunded_total=None, refunded_taxes={}) for line in outcome.bought.lines)
            outcome.bought = replace(outcome.bought, lines=tuple(lines))
    return outcome


@law
@given(st.data())
def test_any_split_of_a_full_return_sums_to_the_paid_total(data: st.DataObject) -> None:
    bought = data.draw(orders())

    outcome = carry_out(bought, data.draw(returns(bought)), told_amounts=data.draw(st.booleans()))

    assert outcome.total == bought.captured
    assert sum(outcome.parts.values()) == bought.captured
    assert outcome.payments == Counter({pay.ref: pay.captured for pay in bought.payments if pay.captured})
    assert outcome.bought.left == 0


@law
@given(st.data())
def test_the_order_of_partial_returns_does_not_matter(data: st.DataObject) -> None:
    bought = data.draw(orders())
    steps = data.draw(returns(bought))[:-1]  # leave something with the shopper

    one = carry_out(bought, steps)
    other = carry_out(bought, data.draw(st.permutations(steps)), told_amounts=False)
    whole = carry_out(bought, [dict(sum((Counter(step) for step in steps), Counter()))])

    for outcome in (other, whole):
        assert outcome.total == one.total
        assert +outcome.parts == +one.parts
        assert outcome.payments == one.payments


@law
@given(st.data())
def test_no_refund_exceeds_what_is_left_in_total_by_line_or_by_payment(data: st.DataObject) -> None:
    bought = data.draw(orders())
    bought = replace(bought, refunded=data.draw(st.integers(0, bought.captured)))
    limits = dict(
        zip(
            (line.ref for line in bought.lines),
            reconcile_lines(bought.lines, bought.total, bought.tax_included),
            strict=True,
        )
    )

    outcome = carry_out(bought, data.draw(returns(bought)))

    assert outcome.total == bought.left
    for (ref, rate), amount in outcome.parts.items():
        assert 0 <= amount <= limits[ref][rate or NET]
    for pay in outcome.bought.payments:
        assert pay.refunded <= pay.captured
    for given_back in outcome.quotes:
        assert min([0, *(part.net for part in given_back.lines), *(amount for _, amount in given_back.payments)]) == 0


@law
@given(st.data())
def test_a_line_brings_no_more_than_it_was_charged_unless_rounding_lost_a_unit(data: st.DataObject) -> None:
    bought = data.draw(orders())
    found = sum(gross(line, bought.tax_included) for line in bought.lines)

    for line, parts in zip(bought.lines, reconcile_lines(bought.lines, bought.total, bought.tax_included), strict=True):
        charged = max(0, gross(line, bought.tax_included))
        assert 0 <= sum(parts.values()) <= charged + max(0, bought.captured - found)
        assert min(parts.values()) >= 0


@law
@given(st.data())
def test_refunds_made_by_hand_leave_the_rest_to_be_returned_in_any_order(data: st.DataObject) -> None:
    bought = data.draw(orders())
    amounts = reconcile_lines(bought.lines, bought.total, bought.tax_included)
    lines = []
    for line, parts in zip(bought.lines, amounts, strict=True):
        spent = {key: data.draw(st.integers(0, amount)) for key, amount in parts.items()}
        net = spent.pop(NET)
        taxes = {rate: tax for rate, tax in spent.items() if rate}
        units = data.draw(st.integers(0, line.quantity))
        total = net + sum(taxes.values()) * bought.tax_included
        lines.append(replace(line, refunded_quantity=units, refunded_total=total, refunded_taxes=taxes))
    bought = replace(bought, lines=tuple(lines), refunded=data.draw(st.integers(0, bought.captured)))
    steps = data.draw(returns(bought))

    one = carry_out(bought, steps)
    other = carry_out(bought, data.draw(st.permutations(steps)))

    assert one.total == other.total <= bought.left
    assert one.payments == other.payments
    if one.total < bought.left:
        assert +one.parts == +other.parts


@law
@given(st.data())
def test_what_people_are_told_is_paid_and_is_booked_all_add_up_to_the_amount(data: st.DataObject) -> None:
    bought = data.draw(orders())
    bought = replace(bought, refunded=data.draw(st.integers(0, bought.captured)))
    fees = tuple(Fee("fee", data.draw(st.integers(0, 5000)), data.draw(st.integers(0, 60))) for _ in range(2))
    shipping = data.draw(st.one_of(st.booleans(), st.integers(0, 3000)))
    wanted = QuoteRequest(data.draw(returns(bought))[0], shipping, fees, withdrawal=data.draw(st.booleans()))
    if not bought.left:
        return

    answer = quote(bought, wanted)

    assert sum(entry.amount for entry in answer.explanation) == answer.total
    assert sum(amount for _, amount in answer.payments) == answer.total
    assert sum(part.gross for part in answer.payout) == answer.total
    assert sum(part.gross for part in answer.lines) - answer.fees >= answer.total >= 0
    assert answer.fees == 0 or not wanted.withdrawal
    for whole, paid in zip(answer.lines, answer.payout, strict=True):
        assert 0 <= paid.net <= whole.net
        assert all(0 <= paid.taxes[rate] <= tax for rate, tax in whole.taxes.items())


@law
@given(st.data(), st.integers(0, 100_000))
def test_an_exchange_leaves_one_side_to_pay_and_never_more_than_came_back(data: st.DataObject, price: int) -> None:
    bought = data.draw(orders())
    if not bought.left:
        return
    returned = quote(bought, QuoteRequest(data.draw(returns(bought))[0]))

    due = difference(returned, price)

    assert due.from_shopper - due.to_shopper == price - returned.total
    assert min(due.from_shopper, due.to_shopper) == 0
    assert sum(amount for _, amount in due.payments) == due.to_shopper
    assert all(amount <= dict(returned.payments)[ref] for ref, amount in due.payments)


hands = st.dictionaries(st.sampled_from([NET, "a", "b", "c"]), st.integers(0, 10**6), min_size=1)


@law
@given(hands, st.integers(2, 60))
def test_dealing_what_is_left_among_the_units_left_changes_no_hand(parts: dict[str | None, int], units: int) -> None:
    first = share_of_units(parts, units, 0, 1)
    left = {key: amount - first[key] for key, amount in parts.items()}

    for unit in range(1, units):
        assert share_of_units(left, units - 1, unit - 1, 1) == share_of_units(parts, units, unit, 1)


@law
@given(hands, st.integers(1, 60))
def test_every_unit_brings_its_price_to_the_unit_and_so_does_every_part(
    parts: dict[str | None, int], units: int
) -> None:
    dealt = [share_of_units(parts, units, unit, 1) for unit in range(units)]

    assert [sum(hand.values()) for hand in dealt] == allocate(sum(parts.values()), [1] * units)
    for key, amount in parts.items():
        assert sum(hand[key] for hand in dealt) == amount
        assert {hand[key] - amount // units for hand in dealt} <= {0, 1}
