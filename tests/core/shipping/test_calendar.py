"""Business days, cut-offs, ends of days and quiet hours, where calendars and clocks are awkward."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.shipping.rules.business_days import (
    Calendar,
    add_business_days,
    business_days_between,
    delivery_calendar,
    end_of_day,
    latest_start,
    local_day,
    next_open,
    nth_day_after,
    ready_by,
    ship_calendar,
    shopper_zone,
    zone_of,
    zones_of,
)
from core.shipping.rules.terms import Terms

WEEK = Calendar("1111100")
GULF = Calendar("1111001")
masks = st.text("01", min_size=7, max_size=7).filter(lambda mask: "1" in mask)
days = st.dates(date(2000, 1, 1), date(2060, 1, 1))


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def is_business_day(day: date, calendar: Calendar) -> bool:
    return business_days_between(day, day + timedelta(days=1), calendar) == 1


@pytest.mark.parametrize(
    ("day", "n", "calendar", "expected"),
    [
        (date(2026, 11, 20), 0, WEEK, date(2026, 11, 20)),
        (date(2026, 11, 20), 1, WEEK, date(2026, 11, 23)),
        (date(2026, 11, 21), 0, WEEK, date(2026, 11, 23)),
        (date(2026, 11, 21), 1, WEEK, date(2026, 11, 24)),
        (date(2026, 11, 19), 1, GULF, date(2026, 11, 22)),  # Thursday, then Friday and Saturday off
        (date(2026, 11, 20), 1, GULF, date(2026, 11, 23)),
        (date(2027, 2, 3), 5, Calendar("1111100", "VN"), date(2027, 2, 17)),  # across Tet
        (date(2026, 2, 13), 1, Calendar("1111100", "CN"), date(2026, 2, 14)),  # a Saturday worked for a bridge day
        (date(2026, 2, 14), 1, Calendar("1111100", "CN"), date(2026, 2, 24)),  # across Spring Festival
        (date(2026, 8, 21), 1, Calendar("1111100", "VN"), date(2026, 8, 22)),  # swapped for 31 August
        (date(2026, 12, 31), 1, Calendar("1111100", "US"), date(2027, 1, 4)),
        (date(2026, 11, 23), 1, Calendar("1111100", "", frozenset({date(2026, 11, 24)})), date(2026, 11, 25)),
        (date(2026, 2, 13), 1, Calendar("1111100", "CN", frozenset({date(2026, 2, 14)})), date(2026, 2, 24)),
    ],
)
def test_business_days_skip_weekends_holidays_and_closed_days(
    day: date, n: int, calendar: Calendar, expected: date
) -> None:
    assert add_business_days(day, n, calendar) == expected


@given(days, st.integers(0, 400), masks)
def test_without_holidays_we_count_as_numpy_does(day: date, n: int, mask: str) -> None:
    expected = np.busday_offset(day, n, roll="forward", weekmask=mask).astype(date)
    assert add_business_days(day, n, Calendar(mask)) == expected
    assert business_days_between(day, expected, Calendar(mask)) == np.busday_count(day, expected, weekmask=mask) == n


@given(days, st.integers(0, 60), st.sampled_from([WEEK, GULF, Calendar("1111100", "CN"), Calendar("0000001", "VN")]))
def test_the_latest_start_arrives_and_the_next_day_does_not(day: date, n: int, calendar: Calendar) -> None:
    start = latest_start(day, n, calendar)
    assert is_business_day(start, calendar)
    assert add_business_days(start, n, calendar) <= day
    assert add_business_days(nth_day_after(start, 1, calendar), n, calendar) > day


@pytest.mark.parametrize(
    ("day", "expected"), [(date(2026, 11, 20), date(2026, 11, 24)), (date(2026, 11, 21), date(2026, 11, 24))]
)
def test_silence_is_counted_from_the_day_after(day: date, expected: date) -> None:
    assert nth_day_after(day, 2, WEEK) == expected


@pytest.mark.parametrize("day", [date.min, date.max])
def test_junk_dates_count_as_the_nearest_day_we_know(day: date) -> None:
    assert add_business_days(day, 400, WEEK) <= date(2199, 12, 31)
    assert latest_start(day, 400, WEEK) >= date(1970, 1, 1)
    assert business_days_between(date.max, date.min, WEEK) == 0
    assert end_of_day(day, "Pacific/Auckland").tzinfo is UTC
    assert local_day(datetime.combine(day, time(12), UTC), "Asia/Tokyo") == day


@pytest.mark.parametrize(
    ("paid_at", "zone", "expected"),
    [
        (utc(2026, 11, 20, 6, 59), "Asia/Ho_Chi_Minh", date(2026, 11, 23)),  # Friday 13:59 there
        (utc(2026, 11, 20, 7, 0), "Asia/Ho_Chi_Minh", date(2026, 11, 24)),  # 14:00: taken in on Monday
        (utc(2026, 11, 21, 3, 0), "Asia/Ho_Chi_Minh", date(2026, 11, 24)),
        (utc(2026, 11, 19, 18, 0), "Asia/Ho_Chi_Minh", date(2026, 11, 23)),  # already Friday there
        (utc(2026, 3, 6, 21, 59), "America/Los_Angeles", date(2026, 3, 9)),  # before the clocks change
        (utc(2026, 3, 9, 20, 59), "America/Los_Angeles", date(2026, 3, 10)),  # after: 13:59, not 12:59
        (utc(2026, 3, 9, 21, 0), "America/Los_Angeles", date(2026, 3, 11)),
    ],
)
def test_an_order_is_ready_by_cut_off_and_handling_in_the_stores_zone(
    paid_at: datetime, zone: str, expected: date
) -> None:
    assert ready_by(paid_at, Terms(timezone=zone)) == expected


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        (date(2026, 11, 24), "Asia/Ho_Chi_Minh", utc(2026, 11, 24, 17)),
        (date(2026, 3, 8), "America/New_York", utc(2026, 3, 9, 4)),  # 23 hours long
        (date(2026, 11, 1), "America/New_York", utc(2026, 11, 2, 5)),  # 25 hours long
        (date(2026, 4, 23), "Africa/Cairo", utc(2026, 4, 23, 22)),  # its midnight is skipped
        (date(2026, 10, 29), "Africa/Cairo", utc(2026, 10, 29, 22)),  # 23:00 runs twice
    ],
)
def test_a_day_ends_when_the_clocks_there_say_so(day: date, zone: str, expected: datetime) -> None:
    assert end_of_day(day, zone) == expected


@pytest.mark.parametrize(
    ("at", "quiet", "zone", "expected"),
    [
        (utc(2026, 11, 23, 14, 59), (22, 8), "Asia/Ho_Chi_Minh", utc(2026, 11, 23, 14, 59)),
        (utc(2026, 11, 23, 15, 0), (22, 8), "Asia/Ho_Chi_Minh", utc(2026, 11, 24, 1)),
        (utc(2026, 11, 23, 23, 0), (22, 8), "Asia/Ho_Chi_Minh", utc(2026, 11, 24, 1)),
        (utc(2026, 11, 24, 1, 0), (22, 8), "Asia/Ho_Chi_Minh", utc(2026, 11, 24, 1)),
        (utc(2026, 11, 23, 13, 0), (12, 15), "UTC", utc(2026, 11, 23, 15)),
        (utc(2026, 11, 23, 3, 0), (0, 0), "UTC", utc(2026, 11, 23, 3)),
        (utc(2026, 3, 8, 4, 0), (22, 8), "America/New_York", utc(2026, 3, 8, 12)),  # the night loses an hour
        (utc(2026, 11, 1, 6, 10), (0, 1), "America/New_York", utc(2026, 11, 1, 6, 10)),
    ],
)
def test_quiet_hours_end_by_the_shoppers_clock(
    at: datetime, quiet: tuple[int, int], zone: str, expected: datetime
) -> None:
    assert next_open(at, time(quiet[0]), time(quiet[1]), zone) == expected


def test_quiet_hours_that_end_in_the_hour_that_runs_twice_end_after_now() -> None:
    second_run = utc(2026, 11, 1, 6, 10)  # 01:10 in New York, for the second time
    assert next_open(second_run, time(22), time(1, 30), "America/New_York") == utc(2026, 11, 1, 6, 30)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
    st.times(),
    st.times(),
    st.sampled_from(["America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Ho_Chi_Minh"]),
)
def test_a_message_is_never_sent_sooner_and_waits_a_day_at_most(
    at: datetime, quiet_from: time, quiet_until: time, zone: str
) -> None:
    opens = next_open(at, quiet_from, quiet_until, zone)
    assert 0 <= (opens - at).total_seconds() <= 25 * 3600


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("VN", "Asia/Ho_Chi_Minh"),
        ("de", "Europe/Berlin"),
        ("CN", "Asia/Shanghai"),
        ("US", None),
        ("", None),
        ("QQ", None),
    ],
)
def test_only_a_country_with_one_clock_has_a_zone(country: str, zone: str | None) -> None:
    assert zone_of(country) == zone


def test_a_shopper_in_a_wide_country_is_placed_by_the_store_or_in_the_middle() -> None:
    assert shopper_zone("US", "America/New_York") == "America/New_York"
    assert shopper_zone("US", "Asia/Ho_Chi_Minh") in zones_of("US")[2:-2]
    assert shopper_zone("DE", "Asia/Ho_Chi_Minh") == "Europe/Berlin"
    assert shopper_zone("", "Asia/Ho_Chi_Minh") == "Asia/Ho_Chi_Minh"
    assert (zones_of("US")[0], zones_of("US")[-1]) == ("America/New_York", "Pacific/Honolulu")


def test_holidays_are_the_stores_for_shipping_and_the_destinations_for_delivery() -> None:
    tet, thanksgiving = date(2027, 2, 5), date(2026, 11, 26)
    terms = Terms(holidays_country="VN")
    assert not is_business_day(tet, ship_calendar(terms))
    assert is_business_day(tet, delivery_calendar(terms, "US"))
    assert not is_business_day(thanksgiving, delivery_calendar(terms, "US"))
    assert is_business_day(thanksgiving, delivery_calendar(Terms(), "US"))
    assert not is_business_day(tet, delivery_calendar(terms, "nowhere"))
