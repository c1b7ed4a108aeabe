"""Until when something may come back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.returns.facts import LineFacts
from core.returns.policy.policy_document import HolidayExtension, Window
from core.returns.policy.return_windows import window_end, window_state

PLACED, SHIPPED, DELIVERED = date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 4)
WINTER = HolidayExtension(
    placed_from=date(2026, 11, 1), placed_until=date(2026, 12, 24), returns_until=date(2027, 1, 31)
)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def line(**facts: Any) -> LineFacts:
    return LineFacts("1", **facts)


@pytest.mark.parametrize(
    ("counted_from", "facts", "ends", "worst_case"),
    [
        ("order", {}, date(2026, 10, 31), False),
        ("shipping", {"shipped_on": SHIPPED}, date(2026, 11, 1), False),
        ("shipping", {"delivered_on": DELIVERED}, date(2026, 10, 31), True),
        ("delivery", {"shipped_on": SHIPPED, "delivered_on": DELIVERED}, date(2026, 11, 3), False),
        ("delivery", {"shipped_on": SHIPPED}, date(2026, 11, 1), True),
        ("delivery", {}, date(2026, 10, 31), True),
    ],
)
def test_a_window_counts_from_its_day_or_the_latest_known_before_it(
    counted_from: Any, facts: dict[str, Any], ends: date, worst_case: bool
) -> None:
    closing = window_end(Window(days=30, counted_from=counted_from), (), PLACED, line(**facts))
    assert (closing.ends, closing.worst_case) == (ends, worst_case)


@pytest.mark.parametrize(
    ("placed", "ends", "extended"),
    [
        (date(2026, 10, 31), date(2026, 11, 30), False),
        (date(2026, 11, 1), date(2027, 1, 31), True),
        (date(2026, 12, 24), date(2027, 1, 31), True),
        (date(2026, 12, 25), date(2027, 1, 24), False),
    ],
)
def test_holiday_orders_may_come_back_until_the_extension_ends(placed: date, ends: date, extended: bool) -> None:
    closing = window_end(Window(days=30, counted_from="order"), [WINTER], placed, line())
    assert (closing.ends, closing.extended) == (ends, extended)


def test_an_extension_never_shortens_a_window() -> None:
    closing = window_end(Window(days=365, counted_from="order"), [WINTER], date(2026, 11, 5), line())
    assert (closing.ends, closing.extended) == (date(2027, 11, 5), False)


@pytest.mark.parametrize(
    ("today", "stand"),
    [
        (date(2026, 11, 3), "open"),
        (date(2026, 11, 4), "grace"),
        (date(2026, 11, 8), "grace"),
        (date(2026, 11, 9), "over"),
    ],
)
def test_the_last_day_counts_whole_and_grace_follows_it(today: date, stand: str) -> None:
    window = Window(days=30, grace_days=5)
    assert window_state(window_end(window, (), PLACED, line(delivered_on=DELIVERED)), window, today) == stand


def test_a_window_without_a_limit_never_closes() -> None:
    window = Window(days=None)
    closing = window_end(window, [WINTER], PLACED, line())
    assert (closing.ends, window_state(closing, window, date.max)) == (None, "open")


def test_a_window_at_the_end_of_time_closes_there() -> None:
    window = Window(days=3650, grace_days=3650)
    closing = window_end(window, (), date.max, line())
    assert (closing.ends, window_state(closing, window, date.max)) == (date.max, "open")


@given(placed=DAYS, ship=st.integers(0, 20), travel=st.integers(0, 60), days=st.integers(0, 400))
def test_what_is_stated_while_delivery_is_unknown_is_never_later_than_the_truth(
    placed: date, ship: int, travel: int, days: int
) -> None:
    window = Window(days=days)
    shipped = placed + timedelta(ship)
    known = window_end(window, (), placed, line(shipped_on=shipped, delivered_on=shipped + timedelta(travel)))
    for guess in (line(shipped_on=shipped), line()):
        worst = window_end(window, (), placed, guess)
        assert worst.worst_case
        assert worst.ends is not None
        assert known.ends is not None
        assert worst.ends <= known.ends


@given(today=DAYS, placed=DAYS, days=st.integers(0, 400))
def test_an_unknown_delivery_is_never_called_over(today: date, placed: date, days: int) -> None:
    window = Window(days=days)
    assert window_state(window_end(window, (), placed, line()), window, today) in ("open", "unknown")
