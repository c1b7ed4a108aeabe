from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import Money, allocate, exponent, spread_difference, to_decimal, to_minor

totals = st.integers(-(10**12), 10**12)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=30)
weighty = weights.filter(any)
currencies = st.sampled_from(["JPY", "USD", "KWD", "VND", "CLF"])


@pytest.mark.parametrize(
    ("total", "shares", "parts"),
    [
        (1000, [1, 1, 1], [334, 333, 333]),
        (-1000, [1, 1, 1], [-334, -333, -333]),
        (2, [1, 1, 1], [1, 1, 0]),
        (100, [1, 2, 4], [14, 29, 57]),  # remainders 2, 4 and 1 of 7
        (1, [1, 3], [0, 1]),
        (5, [0, 0, 0], [5, 0, 0]),
        (7, [0, 1], [0, 7]),
        (0, [3, 4], [0, 0]),
        (9, [2], [9]),
    ],
)
def test_the_units_left_over_go_to_the_largest_remainders_and_then_to_the_earlier_parts(
    total: int, shares: list[int], parts: list[int]
) -> None:
    assert allocate(total, shares) == parts


@given(totals, weights)
def test_the_parts_sum_to_the_total(total: int, shares: list[int]) -> None:
    parts = allocate(total, shares)

    assert len(parts) == len(shares)
    assert sum(parts) == total


@given(totals, weighty)
def test_each_part_is_less_than_one_unit_from_its_exact_share(total: int, shares: list[int]) -> None:
    whole = sum(shares)

    for part, weight in zip(allocate(total, shares), shares, strict=True):
        assert abs(part - Fraction(total * weight, whole)) < 1


@given(totals, weights)
def test_no_part_has_the_other_sign_and_a_refund_mirrors_its_charge(total: int, shares: list[int]) -> None:
    parts = allocate(total, shares)

    assert all(part * total >= 0 for part in parts)
    assert allocate(-total, shares) == [-part for part in parts]


@given(totals, weighty)
def test_a_part_without_weight_gets_nothing(total: int, shares: list[int]) -> None:
    parts = allocate(total, shares)

    assert all(part == 0 for part, weight in zip(parts, shares, strict=True) if weight == 0)


@given(st.integers(0, 10**12), weighty)
def test_a_unit_left_over_never_passes_by_a_larger_remainder(total: int, shares: list[int]) -> None:
    whole = sum(shares)
    parts = allocate(total, shares)
    ranks = [(total * weight % whole, -place) for place, weight in enumerate(shares)]
    was_raised = [part > total * weight // whole for part, weight in zip(parts, shares, strict=True)]

    raised = [rank for rank, yes in zip(ranks, was_raised, strict=True) if yes]
    passed = [rank for rank, yes in zip(ranks, was_raised, strict=True) if not yes]

    assert not raised or not passed or min(raised) > max(passed)


amounts = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("total", "given_", "parts"),
    [
        (1001, [500, 300, 200], [501, 300, 200]),
        (997, [500, 300, 200], [499, 299, 199]),
        (1000, [500, 300, 200], [500, 300, 200]),
        (-997, [-500, -300, -200], [-499, -299, -199]),
        (9, [10, -2], [11, -2]),
        (3, [0, 0], [3, 0]),
        (0, [2, 1], [0, 0]),
    ],
)
def test_a_difference_is_spread_in_proportion(total: int, given_: list[int], parts: list[int]) -> None:
    assert spread_difference(total, given_) == parts


@given(totals, amounts)
def test_spread_amounts_sum_to_the_total_and_nothing_is_added_to_nothing(total: int, before: list[int]) -> None:
    after = spread_difference(total, before)
    assert sum(after) == total
    if any(before):
        assert all(new == 0 for new, old in zip(after, before, strict=True) if old == 0)
    assert spread_difference(total, after) == after


@given(st.integers(0, 10**12), weighty)
def test_a_positive_amount_never_turns_and_moves_by_its_exact_share_within_a_unit(
    total: int, before: list[int]
) -> None:
    difference, whole = total - sum(before), sum(before)
    for new, old in zip(spread_difference(total, before), before, strict=True):
        assert new >= 0
        assert abs(new - old - Fraction(difference * old, whole)) < 1


@pytest.mark.parametrize("shares", [[], [1, -1]])
def test_a_split_among_nobody_or_by_a_negative_weight_is_refused(shares: list[int]) -> None:
    with pytest.raises(ValueError):
        allocate(100, shares)


@given(totals, currencies)
def test_minor_units_survive_the_way_out_and_back(minor: int, currency: str) -> None:
    amount = to_decimal(minor, currency)

    assert to_minor(amount, currency) == minor
    assert to_minor(str(amount), currency) == minor
    assert amount * 10 ** exponent(currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", "USD", 1250),
        ("12.50", "usd", 1250),
        ("1250", "JPY", 1250),
        ("1250.00", "VND", 1250),
        ("12.500", "KWD", 12500),
        (12, "USD", 1200),
        (Decimal("0.07"), "EUR", 7),
        ("179.255", "GBP", 17926),
        ("-179.255", "GBP", -17926),
        ("0.005", "USD", 1),
        ("0.0049", "USD", 0),
        ("1e2", "USD", 10000),
        ("", "USD", 0),
        (None, "USD", 0),
    ],
)
def test_a_platforms_decimal_becomes_minor_units(amount: str | int | Decimal | None, currency: str, minor: int) -> None:
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    "amount",
    [12.5, 0.0, float("nan"), True, "twelve", "12,50", "NaN", "Infinity", "1e999", [], {}, (0, (1,), 0)],
)
def test_what_is_no_exact_amount_is_refused(amount: object) -> None:
    with pytest.raises(ValueError):
        to_minor(amount, "USD")  # type: ignore[arg-type]


def test_money_adds_within_one_currency_only() -> None:
    price, fee = Money(1250, "USD"), Money(199, "USD")

    assert price + fee == Money(1449, "USD")
    assert price - fee == Money(1051, "USD")
    assert (price - fee).decimal == Decimal("10.51")
    with pytest.raises(ValueError, match="USD and JPY"):
        price + Money(199, "JPY")
    with pytest.raises(ValueError, match="USD and JPY"):
        price - Money(199, "JPY")


@given(st.integers(-(10**9), 10**9), currencies, st.integers(0, 5), st.sampled_from(["", " ", "+", "0"]))
def test_an_amount_is_read_alike_however_many_decimals_it_is_written_with(
    units: int, currency: str, places: int, before: str
) -> None:
    written = before + f"{Decimal(units).scaleb(-places):f}".lstrip("-")

    exact = Fraction(Decimal(written)) * 10 ** exponent(currency)

    assert to_minor(written, currency) == int(exact + Fraction(1, 2))
