"""Business days, days and times of day in a place, and which zone a country keeps.

All of it is arithmetic on dates a person reads; moments are aware UTC. Days before 1970 and after 2199 count as
the nearest day inside, so that a junk date from a store is never an exception.
"""

from __future__ import annotations

import zoneinfo
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays

from core.shipping.rules.terms import Terms, supported_countries

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """Which days are worked: a weekmask (Monday to Sunday), a country's holidays and swap days, further days off.

    Two calendars are never equal: each keeps the years it worked out, and is itself the key of what is remembered.
    """

    weekmask: str = "1111100"
    country: str = ""
    closed: frozenset[date] = frozenset()
    _years: dict[int, tuple[int, ...]] = field(default_factory=dict, init=False, repr=False)

    def worked_days(self, year: int) -> tuple[int, ...]:
        """The ordinals of the year's worked days, in order; worked out once."""
        days = self._years.get(year)
        if days is None:
            days = self._years[year] = _worked_days(self, year)
        return days


@lru_cache(maxsize=4096)
def _calendar(weekmask: str, country: str, closed: frozenset[date]) -> Calendar:
    # Shared by every look at a store's parcels, so that a year is worked out once a process.
    return Calendar(weekmask, country, closed)


def ship_calendar(terms: Terms) -> Calendar:
    """The days on which the store hands parcels over."""
    return _calendar(terms.ship_days, terms.holidays_country, frozenset(terms.closed))


def delivery_calendar(terms: Terms, country: str) -> Calendar:
    """The days on which parcels arrive in a country: its own holidays, once the store lets holidays count."""
    theirs = country.upper() if country.upper() in supported_countries() else terms.holidays_country
    return _calendar(terms.delivery_days, theirs if terms.holidays_country else "", frozenset())


@lru_cache(maxsize=65536)
def add_business_days(day: date, n: int, calendar: Calendar) -> date:
    """Go `n` business days on; a day off counts as the next worked day (numpy's `busday_offset`, roll forward)."""
    day = _clamp(day)
    year, days = day.year, calendar.worked_days(day.year)
    at = bisect_left(days, day.toordinal()) + max(n, 0)
    while at >= len(days):
        at, year = at - len(days), year + 1
        if year > LAST_DAY.year:
            return LAST_DAY
        days = calendar.worked_days(year)
    return date.fromordinal(days[at])


@lru_cache(maxsize=65536)
def latest_start(day: date, n: int, calendar: Calendar) -> date:
    """The last worked day from which `n` business days on is not after `day`: the inverse of the above."""
    day = _clamp(day)
    year, days = day.year, calendar.worked_days(day.year)
    at = bisect_right(days, day.toordinal()) - 1 - max(n, 0)
    while at < 0:
        year -= 1
        if year < FIRST_DAY.year:
            return FIRST_DAY
        days = calendar.worked_days(year)
        at += len(days)
    return date.fromordinal(days[at])


def business_days_between(first: date, last: date, calendar: Calendar) -> int:
    """Count the worked days from `first` up to but not including `last`; 0 when `last` is not later."""
    first, last = _clamp(first), min(max(last, FIRST_DAY), LAST_DAY + _DAY)
    if last <= first:
        return 0
    whole = sum(len(calendar.worked_days(year)) for year in range(first.year, last.year))
    before_first = bisect_left(calendar.worked_days(first.year), first.toordinal())
    return whole - before_first + bisect_left(calendar.worked_days(last.year), last.toordinal())


@lru_cache(maxsize=65536)
def nth_day_after(day: date, n: int, calendar: Calendar) -> date:
    """The n-th worked day after `day`, which itself never counts; 0 is `day`."""
    return add_business_days(_clamp(day) + _DAY, n - 1, calendar) if n > 0 else _clamp(day)


def _worked_days(calendar: Calendar, year: int) -> tuple[int, ...]:
    if year > LAST_DAY.year:
        return ()
    off, swapped = _holidays(calendar.country, year)
    first, end = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1
    in_week = [digit == "1" for digit in calendar.weekmask]

    def is_worked(day: date) -> bool:
        return (day in swapped or (in_week[day.weekday()] and day not in off)) and day not in calendar.closed

    return tuple(number for number in range(first, end) if is_worked(date.fromordinal(number)))


@lru_cache(maxsize=4096)
def _holidays(country: str, year: int) -> tuple[frozenset[date], frozenset[date]]:
    if country not in supported_countries():
        return frozenset(), frozenset()
    theirs = holidays.country_holidays(country, years=year)
    # China and Vietnam work some weekend days in exchange for a bridge day; no weekmask can say that.
    swapped = {day for day in theirs.weekend_workdays if day.year == year}
    return frozenset(day for day in theirs if day.year == year), frozenset(swapped)


@lru_cache(maxsize=256)
def named_holidays(country: str, year: int, language: str) -> Mapping[date, str]:
    """Give a country's holidays of a year with their names, in a language where the source knows it, else its own."""
    if country not in supported_countries():
        return {}
    known = holidays.list_localized_countries().get(country, [])
    spoken = next((one for one in known if one.partition("_")[0] == language), None)
    own = holidays.country_holidays(country).default_language  # without it, names depend on the process's locale
    theirs = holidays.country_holidays(country, years=year, language=spoken or own)
    return {day: name for day, name in theirs.items() if day.year == year}


def ready_by(paid_at: datetime, terms: Terms, calendar: Calendar | None = None) -> date:
    """The day the store should hand over an order paid then: cut-off in the store's zone, then handling days."""
    local = local_time(paid_at, terms.timezone)
    day = _clamp(local.date())
    if local.time() >= terms.cutoff:
        day += _DAY
    return add_business_days(day, terms.handling_days, calendar or ship_calendar(terms))


def local_time(at: datetime, tz: str) -> datetime:
    """The moment as a clock in that zone shows it."""
    try:
        return at.astimezone(zone(tz))
    except OverflowError:  # the first and last day of all time
        return at


@lru_cache(maxsize=16384)
def local_day(at: datetime, tz: str) -> date:
    """The day it is in that zone at that moment."""
    return local_time(at, tz).date()


@lru_cache(maxsize=16384)
def end_of_day(day: date, tz: str) -> datetime:
    """The moment (UTC) at which the day is over in that zone, however long its clocks made it."""
    return at_time(_clamp(day) + _DAY, time(0), tz)


@lru_cache(maxsize=16384)
def at_time(day: date, clock: time, tz: str, again: bool = False) -> datetime:
    """The moment (UTC) a clock there shows that time, or shows it `again` when clocks went back in between.

    A time that is skipped counts on through the gap, as if the clocks had not jumped yet.
    """
    # The fold is no part of the time given: times that differ only in it are equal, and one cached key.
    return datetime.combine(day, clock, zone(tz)).replace(fold=int(again)).astimezone(UTC)


@lru_cache(maxsize=1024)
def next_open(at: datetime, quiet_from: time, quiet_until: time, tz: str) -> datetime:
    """The moment itself, or the end of the quiet hours it falls into; equal times mean no quiet hours."""
    local = local_time(at, tz)
    clock = local.time()
    overnight = quiet_from > quiet_until
    quiet = (clock >= quiet_from or clock < quiet_until) if overnight else quiet_from <= clock < quiet_until
    if not quiet:
        return at
    day = local.date() + _DAY if overnight and clock >= quiet_from else local.date()
    opens = at_time(day, quiet_until, tz)
    # When clocks go back an hour runs twice: inside its second run, the end is the second one too.
    return opens if opens >= at else at_time(day, quiet_until, tz, again=True)


def zone_of(country: str) -> str | None:
    """The zone a whole country keeps; None where it keeps several, or is unknown."""
    zones = zones_of(country)
    return zones[0] if len(zones) == 1 else None


def shopper_zone(country: str, store: str) -> str:
    """The zone to be polite in: the country's, the store's where it lies there, else the middle of the country."""
    zones = zones_of(country)
    if not zones or store in _zone_table().get(country.upper(), ()):
        return store if len(zones) != 1 else zones[0]
    return zones[len(zones) // 2]


@lru_cache(maxsize=512)
def zones_of(country: str) -> tuple[str, ...]:
    """A country's zones from east to west, one for each way its clocks run; empty where unknown."""
    clocks: dict[tuple[float, ...], str] = {}
    for name in _zone_table().get(country.upper(), ()):
        hours = [_hours_ahead(name, month) for month in (1, 7)]
        clocks.setdefault((sum(hours), *hours), name)
    return tuple(clocks[key] for key in sorted(clocks, reverse=True))


def _hours_ahead(tz: str, month: int) -> float:
    ahead = datetime(2026, month, 1, tzinfo=zone(tz)).utcoffset() or timedelta(0)
    return ahead.total_seconds() / 3600


@lru_cache(maxsize=1)
def _zone_table() -> dict[str, tuple[str, ...]]:
    # zone.tab is the one list the zone database ships by country; where the machine has none, `tzdata` does.
    shipped = files("tzdata").joinpath("zoneinfo", "zone.tab")
    installed = next((path for folder in zoneinfo.TZPATH if (path := Path(folder, "zone.tab")).is_file()), None)
    table: dict[str, tuple[str, ...]] = {}
    for line in (installed or shipped).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            code, _, name, *_rest = line.split("\t")
            table[code] = (*table.get(code, ()), name)
    # Xinjiang's own clock is unofficial: parcels in all of China go by Beijing's (GB/T 7408).
    return {**table, "CN": ("Asia/Shanghai",)}


@lru_cache(maxsize=1024)
def zone(tz: str) -> ZoneInfo:
    """The zone of that name; UTC for a name this machine does not know."""
    try:
        return ZoneInfo(tz)
    except (OSError, ValueError, LookupError):
        return ZoneInfo("UTC")


def _clamp(day: date) -> date:
    return min(max(day, FIRST_DAY), LAST_DAY)
