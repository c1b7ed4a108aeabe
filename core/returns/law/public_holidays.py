"""The days on which a legal period cannot end: each country's public holidays, those of its regions, and special days.

Which region counts, and whether some of these days count at all, is not settled. Counting them all ends a period
later, never earlier, so that no withdrawal in time is called late: the choice that is safe for the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache

import holidays

_CATEGORIES = {
    "AT": (
        "bank",
    ),  # Good Friday (Council of Europe treaty 076), 24 December (AVG § 33), the patron days of the Länder
    "DE": ("catholic",),  # Assumption in Bavaria's Catholic places
    "DK": ("optional",),  # 5 June, 24 and 31 December
    "LI": ("bank",),  # OJ 2014/C 455/07: 2 January, Shrove Tuesday, Good Friday, 31 December
    "NL": ("optional",),  # 5 May, each year
    "SE": ("de_facto",),  # Act 1930:173 § 2: the eves of midsummer, Christmas and the new year
}
"""What the library keeps apart from a country's public holidays and the law may still count."""
_REGIONS = {"IT": ("RM",)}
"""Italian patron days do not count (Law 260/1949), 29 June in Rome does. Elsewhere every region counts."""


@lru_cache(maxsize=4096)
def public_holidays(country: str, year: int, region: str = "") -> frozenset[date]:
    """List a year's holidays of a country (ISO 3166 alpha-2): of one region where it is known, else of them all.

    A country the library does not know has none.
    """
    if country not in holidays.list_supported_countries(include_aliases=False):
        return frozenset()
    known = holidays.country_holidays(country)
    categories = ("public", *_CATEGORIES.get(country, ()))
    regions = (region,) if region else (None, *_REGIONS.get(country, known.subdivisions))
    days: set[date] = set(_SPECIAL[country](year)) if country in _SPECIAL else set()
    for one in regions:
        days.update(holidays.country_holidays(country, subdiv=one, years=year, categories=categories))
    return frozenset(days)


def _finnish_eves(year: int) -> set[date]:
    """Midsummer eve, the Friday between 19 and 25 June, and Christmas eve (Act 150/1930)."""
    from_19 = date(year, 6, 19)
    return {from_19 + timedelta(days=(4 - from_19.weekday()) % 7), date(year, 12, 24)}


def _friday_after_ascension(year: int) -> set[date]:
    """A day the Netherlands put on a level with a holiday by decree (Algemene termijnenwet, Art. 3)."""
    return {_easter(year) + timedelta(days=40)}


_SPECIAL: Mapping[str, Callable[[int], set[date]]] = {
    "FI": _finnish_eves,
    "AX": _finnish_eves,
    "NL": _friday_after_ascension,
}


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher, 1876)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    epact = (19 * golden + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
