"""Hold the plural rules, holidays and time zones of the installed libraries against what we expect of them.

`check` prints a sentence for each difference and ends with 1 if there is one; `accept` writes what the libraries say
now to `library_data.json`, which is our expectation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
from babel import Locale

from core.i18n.words import languages
from core.returns.law.withdrawal_law import law_of

EXPECTED = Path(__file__).with_name("library_data.json")
YEARS = (2026, 2027, 2028)
ALSO_HOLIDAYS = ("CN", "US", "VN")  # delivery days, in our tests and in the demo
ALSO_ZONES = ("America/Los_Angeles", "America/New_York", "Asia/Ho_Chi_Minh", "Asia/Shanghai", "Asia/Tokyo")
LIBRARIES = {"plural rules": "babel", "holidays": "holidays", "worked weekend days": "holidays", "zones": "tzdata"}

Data = dict[str, dict[str, str]]
"""Kind of data → what it is about → its values, parted by spaces: {"holidays": {"LT 2026": "01-01 02-16 …"}}."""


def read_libraries() -> Data:
    """Read what the installed libraries say of our languages, and of the countries whose law or calendar we use."""
    codes = [first + second for first in map(chr, range(65, 91)) for second in map(chr, range(65, 91))]
    laws = [law for law in map(law_of, codes) if law]
    countries = sorted({law.country for law in laws}.union(ALSO_HOLIDAYS))
    zones = sorted({law.zone for law in laws}.union(ALSO_ZONES))
    days_off = {country: holidays.country_holidays(country, years=YEARS) for country in countries}
    return {
        "plural rules": {f"{code} {name}": numbers for code in languages() for name, numbers in _plural_rule(code)},
        "holidays": {
            f"{country} {year}": _days(day for day in days if day.year == year)
            for country, days in days_off.items()
            for year in YEARS
        },
        "worked weekend days": {
            f"{country} {year}": text
            for country, days in days_off.items()
            for year in YEARS
            if (text := _days(day for day in days.weekend_workdays if day.year == year))
        },
        "zones": {name: " ".join(_offsets(ZoneInfo(name))) for name in zones},
    }


def _plural_rule(language: str) -> Iterator[tuple[str, str]]:
    """Yield each plural category with the numbers from 0 to 200 that it is for, as ranges ("3-10 103-110")."""
    rule = Locale.parse(language).plural_form
    ranges: dict[str, list[str]] = {}
    for category, run in groupby(range(201), rule):
        numbers = list(run)
        ranges.setdefault(category, []).append(f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else str(numbers[0]))
    yield from ((category, " ".join(texts)) for category, texts in sorted(ranges.items()))


def _days(days: Iterator[date]) -> str:
    return " ".join(f"{day:%m-%d}" for day in sorted(days))


def _offsets(zone: ZoneInfo) -> Iterator[str]:
    """Yield the days from whose noon on another offset holds: "2026-03-29+0300"."""
    known, day = "", datetime(YEARS[0], 1, 1, 12, tzinfo=zone)
    while day.year <= YEARS[-1]:
        if f"{day:%z}" != known:
            known = f"{day:%z}"
            yield f"{day:%Y-%m-%d%z}"
        day += timedelta(days=1)


def differences(expected: Data, found: Data) -> Iterator[str]:
    """Yield a sentence for each thing that a library says otherwise than we expect."""
    for kind, library in LIBRARIES.items():
        ours, theirs = expected.get(kind, {}), found.get(kind, {})
        for about in sorted(ours.keys() | theirs.keys()):
            before, now = ours.get(about, "").split(), theirs.get(about, "").split()
            new = [value for value in now if value not in before]
            gone = [value for value in before if value not in now]
            said = [f"{', '.join(values)} {word}" for values, word in ((new, "new"), (gone, "gone")) if values]
            if said:
                yield f"{library} {version(library)} has other {kind} than we expect: {about}: {'; '.join(said)}."


def main(arguments: list[str]) -> int:
    """Run `check` or `accept`; give the exit code."""
    if arguments == ["accept"]:
        EXPECTED.write_text(json.dumps(read_libraries(), indent=1) + "\n", "utf-8")
        return 0
    if arguments != ["check"]:
        print("usage: python requirements/library_data.py check | accept")
        return 2
    found = list(differences(json.loads(EXPECTED.read_text("utf-8")), read_libraries()))
    print(*found, sep="\n", end="\n" if found else "")
    if found:
        print("See what it changes for shoppers, then: python requirements/library_data.py accept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
