"""When a parcel will probably arrive: the carrier's word, else the merchant's table, else what was learned.

This is the forecast by table. A model trained on the store's history is one more `Forecaster`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from core.shipping.rules.business_days import add_business_days, latest_start, local_day, ready_by
from core.shipping.rules.parcel import Parcel
from core.shipping.rules.promise import Lane, delivery_of, is_shipped, lane_of, shipped_at, taken_in_at
from core.shipping.rules.terms import Terms, TransitRow


@dataclass(frozen=True, slots=True)
class Expectation:
    """A range of days and the most likely one; earliest ≤ likely ≤ latest, and none of them is past."""

    earliest: date
    likely: date
    latest: date
    source: Literal["carrier", "table", "learned"]


class Forecaster(Protocol):
    """A source of forecasts. It answers from the parcel, the terms and `now` alone; None where it cannot say."""

    def __call__(self, parcel: Parcel, terms: Terms, now: datetime, lane: Lane) -> Expectation | None: ...


def expect(parcel: Parcel, terms: Terms, now: datetime, lane: Lane | None = None) -> Expectation | None:
    """Forecast an open parcel's arrival; None where nothing says, or every source has been overtaken by today."""
    if parcel.digital or delivery_of(parcel, terms) is not None:
        return None
    lane = lane or lane_of(parcel, terms)
    today = local_day(now, lane.last)
    if parcel.estimated_by is not None and parcel.estimated_by >= today:
        return _on(parcel.estimated_by, "carrier")
    if lane.transit is not None and not parcel.pickup:
        return _by_table(parcel, terms, lane, lane.transit, now, today)
    if parcel.learned_by is not None and parcel.learned_by >= today:
        return _on(parcel.learned_by, "learned")
    return None


def _on(day: date, source: Literal["carrier", "learned"]) -> Expectation:
    return Expectation(day, day, day, source)


def _by_table(
    parcel: Parcel, terms: Terms, lane: Lane, row: TransitRow, now: datetime, today: date
) -> Expectation | None:
    start = _leaves_on(parcel, terms, lane, now)
    if start is None:
        return None
    latest = add_business_days(start, row.max_days, lane.delivery)
    if latest < today:
        return None
    likely = add_business_days(start, likely_days(row), lane.delivery)
    earliest = add_business_days(start, row.min_days, lane.delivery)
    next_day = min(add_business_days(today, 0, lane.delivery), latest)
    return Expectation(max(earliest, next_day), max(likely, next_day), latest, "table")


def _leaves_on(parcel: Parcel, terms: Terms, lane: Lane, now: datetime) -> date | None:
    if is_shipped(parcel, terms):
        left = shipped_at(parcel, terms)
        return local_day(left, lane.store) if left is not None else None
    taken_in = taken_in_at(parcel)
    if taken_in is None:
        return None
    next_ship_day = add_business_days(local_day(now, lane.store), 0, lane.ship)
    return max(ready_by(taken_in, terms, lane.ship), next_ship_day)


def likely_days(row: TransitRow) -> int:
    """The middle of a row's range, in delivery days, rounded up."""
    return (row.min_days + row.max_days + 1) // 2


def last_ship_day(day: date, transit_days: int, lane: Lane) -> date:
    """The last day on which a parcel can leave and still arrive by `day`: time passing it is news."""
    return latest_start(latest_start(day, transit_days, lane.delivery), 0, lane.ship)
