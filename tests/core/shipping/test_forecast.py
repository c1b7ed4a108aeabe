"""The forecast by table: from the carrier's word, from the day it left, from the day it can leave."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.platform.snapshots import TrackingStatus
from core.shipping.rules.business_days import local_day
from core.shipping.rules.forecast import Expectation, expect
from core.shipping.rules.parcel import Parcel
from core.shipping.rules.terms import Terms, TransitRow

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
TERMS = Terms(transit=(TransitRow(min_days=2, max_days=5),))
MOVING = {"status": TrackingStatus.IN_TRANSIT, "shipped_at": MONDAY}


def parcel(**facts: Any) -> Parcel:
    base: dict[str, Any] = {"order_id": 1, "shipment_id": 7, "placed_at": MONDAY, "seen_at": MONDAY, "paid_at": MONDAY}
    return Parcel(**base | facts)


def nov(day: int) -> date:
    return date(2026, 11, day)


@pytest.mark.parametrize(
    ("facts", "now", "expected"),
    [
        (MOVING, MONDAY, (nov(25), nov(27), nov(28), "table")),
        (MOVING, datetime(2026, 11, 28, 1, tzinfo=UTC), (nov(28), nov(28), nov(28), "table")),
        (MOVING, datetime(2026, 11, 29, 1, tzinfo=UTC), None),  # the table has nothing more to say
        (MOVING | {"estimated_by": nov(30)}, MONDAY, (nov(30), nov(30), nov(30), "carrier")),
        (MOVING | {"estimated_by": nov(22)}, MONDAY, (nov(25), nov(27), nov(28), "table")),  # overtaken
        ({}, MONDAY, (nov(26), nov(28), nov(30), "table")),  # ready on Tuesday
        ({}, datetime(2026, 11, 27, 23, tzinfo=UTC), (nov(30), date(2026, 12, 2), date(2026, 12, 3), "table")),
        ({}, datetime(2026, 11, 28, 1, tzinfo=UTC), (date(2026, 12, 2), date(2026, 12, 4), date(2026, 12, 5), "table")),
        ({"status": TrackingStatus.DELIVERED, "delivered_at": MONDAY}, MONDAY, None),
        ({"status": TrackingStatus.IN_TRANSIT}, MONDAY, None),  # it left, nobody said when
        ({"digital": True}, MONDAY, None),
    ],
)
def test_a_parcel_is_expected_by_the_best_word_there_is(
    facts: dict[str, Any], now: datetime, expected: tuple[date, date, date, Any] | None
) -> None:
    assert expect(parcel(**facts), TERMS, now) == (Expectation(*expected) if expected else None)


def test_without_a_table_the_learned_day_serves_until_it_is_past() -> None:
    learned = parcel(learned_by=nov(24))
    assert expect(learned, Terms(), MONDAY) == Expectation(nov(24), nov(24), nov(24), "learned")
    assert expect(learned, Terms(), datetime(2026, 11, 25, 0, tzinfo=UTC)) is None


@given(
    st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC)),
    st.none() | st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC)),
    st.sampled_from(["VN", "US", "CN"]),
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted),
)
def test_a_forecast_is_in_order_and_never_past(
    now: datetime, shipped_at: datetime | None, country: str, transit: list[int]
) -> None:
    terms = Terms(
        timezone="Asia/Ho_Chi_Minh",
        holidays_country="VN",
        transit=(TransitRow(min_days=transit[0], max_days=transit[1]),),
    )
    status = TrackingStatus.IN_TRANSIT if shipped_at else TrackingStatus.PENDING
    found = expect(parcel(country=country, shipped_at=shipped_at, status=status), terms, now)
    if found is None:
        # It left long ago; or it must arrive the day it leaves, and that day is over at the shopper's already.
        assert shipped_at is not None or transit[1] == 0
    else:
        today = local_day(now, "Pacific/Honolulu")
        assert today <= found.earliest <= found.likely <= found.latest
