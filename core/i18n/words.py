"""Words, dates and money in the reader's language, from the catalogs in `locale/<language>.po`.

Adding a language is adding one file there. Digits are Latin in every language: CLDR's default for `ar`, and what
the stores' own pages print.
"""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.core import get_global, parse_locale
from babel.dates import format_date, format_time, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, get_currency_precision
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core import money

LOCALE = Path(__file__).parents[1] / "locale"
_PLURALS = re.compile(r'^"X-Plural-Categories: (.*)\\n"$', re.MULTILINE)


@cache
def languages() -> dict[str, str]:
    """Give every language we speak as code → its own name ({"vi": "Tiếng Việt"}), found by walking the folder."""
    codes = sorted(path.stem for path in LOCALE.glob("*.po"))
    names = {code: Locale.parse(code).get_display_name(code) or code for code in codes}
    return {code: name[:1].upper() + name[1:] for code, name in names.items()}


def negotiate(*wanted: str | None, default: str = "en") -> str:
    """Give the code of the first wanted language that we speak, else `default`.

    Each wish is a tag in any spelling ("zh-Hant-TW", "pt_BR"), a whole Accept-Language header, or nothing. A
    close relative beats the default: "zh-TW" is answered with `zh_Hant` if we have it, else with `zh`.
    """
    known = languages()
    for tag in chain.from_iterable(_tags(text) for text in wanted if text):
        for code in _relatives(tag):
            if code in known:
                return code
    return default


def _tags(header: str) -> list[str]:
    """Split an Accept-Language header into tags, the most wanted first; what is malformed or refused is left out."""
    weighed: list[tuple[float, int, str]] = []
    for part in header[:1000].split(","):
        tag, _, quality = part.replace(" ", "").partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        if tag and weight > 0:
            weighed.append((-weight, len(weighed), tag))
    return [tag for _, _, tag in sorted(weighed)]


def _relatives(tag: str) -> Iterator[str]:
    """Yield the codes that would serve `tag`, the nearest first (CLDR's likely subtags fill what it leaves out)."""
    try:
        language, region, script = parse_locale(tag.replace("-", "_"))[:3]
        exact = "_".join(filter(None, (language, script, region)))
        likely = parse_locale(get_global("likely_subtags").get(exact, exact))
    except ValueError:
        return
    yield exact
    region, script = region or likely[1], script or likely[2]
    for parts in ((language, script, region), (language, region), (language, script), (language,)):
        yield "_".join(filter(None, parts))


@cache
def plural_categories(language: str) -> dict[str, int]:
    """Give CLDR's name of each plural form of a catalog, in the catalog's order, with one number it is for:
    {"one": 1, "other": 0}.

    They stand in the catalog's head as `X-Plural-Categories`. Babel's rules are not asked, since they change from one
    release to the next (2.19 gave Vietnamese a second form). Raises ValueError where the head lacks the line.
    """
    head = _PLURALS.search((LOCALE / f"{language}.po").read_text("utf-8"))
    if head is None:
        raise ValueError(f"{language}.po has no X-Plural-Categories")
    pairs = (pair.partition("=") for pair in head[1].split(", "))
    return {category: int(number) for category, _, number in pairs}


@cache
def _translations(language: str) -> gettext.GNUTranslations:
    """Compile a catalog in memory; fuzzy and empty entries are left out, so they fall back to the English msgid."""
    with (LOCALE / f"{language}.po").open("rb") as file:
        catalog = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


class Words:
    """One language: its sentences, its direction, its way with dates, numbers and money.

    Placeholders are `%(name)s`, so a percent sign in a msgid is written `%%`. An unknown language speaks English.
    """

    def __init__(self, language: str | None) -> None:
        self.language = negotiate(language)
        self.locale = Locale.parse(self.language)
        self.catalog = _translations(self.language)

    @property
    def tag(self) -> str:
        """The language as HTML's `lang` wants it ("pt-BR")."""
        return self.language.replace("_", "-")

    @property
    def direction(self) -> str:
        """ "rtl" or "ltr"."""
        return self.locale.text_direction

    @property
    def colon(self) -> str:
        """What stands between a label and its value (Chinese has a wide one, and no space)."""
        return self.pgettext("punctuation", ": ")

    def gettext(self, msgid: str, context: str | None = None, **values: object) -> str:
        """Give the sentence in this language, else the English msgid. `context` here is for msgids held in data;
        write `pgettext` where the msgid stands in the code, since that is what the extractor reads."""
        text = self.catalog.pgettext(context, msgid) if context else self.catalog.gettext(msgid)
        return text % values

    def pgettext(self, context: str, msgid: str, **values: object) -> str:
        """`gettext` within a context, such as "widget"."""
        return self.gettext(msgid, context, **values)

    def ngettext(self, one: str, many: str, n: int, context: str | None = None, **values: object) -> str:
        """Give the form that goes with `n`; the placeholder `%(n)s` is `n` as the language writes numbers."""
        text = self.catalog.npgettext(context, one, many, n) if context else self.catalog.ngettext(one, many, n)
        return text % {"n": self.number(n), **values}

    def npgettext(self, context: str, one: str, many: str, n: int, **values: object) -> str:
        """`ngettext` within a context."""
        return self.ngettext(one, many, n, context, **values)

    def day(self, day: date, style: Literal["short", "long"] = "short", *, today: date | None = None) -> str:
        """Write a day with its weekday: "Tue 24 Nov" (short) or "Tuesday 24 November" (long), in the language's
        order. The year is left out only when it is the year of `today`."""
        has_year = today is None or day.year != today.year
        pattern = {
            ("short", False): self.pgettext("date", "EEE d MMM"),
            ("short", True): self.pgettext("date", "EEE d MMM y"),
            ("long", False): self.pgettext("date", "EEEE d MMMM"),
            ("long", True): self.pgettext("date", "EEEE d MMMM y"),
        }[style, has_year]
        return format_date(day, pattern, locale=self.locale)

    def day_ends(self, first: date, last: date, *, today: date | None = None) -> tuple[str, str]:
        """Write both ends of a range, for a sentence of the form "between … and …": ("Wed 25", "Fri 27 Nov")."""
        this_year = today is not None and first.year == last.year == today.year
        if not this_year or first.month != last.month:
            return self.day(first, today=today), self.day(last, today=today)
        start, end = self.pgettext("date range start", "EEE d"), self.pgettext("date range end", "EEE d MMM")
        return format_date(first, start, locale=self.locale), format_date(last, end, locale=self.locale)

    def moment(self, at: datetime, zone: tzinfo, *, today: date | None = None) -> str:
        """Write an instant in a zone: "Tue 24 Nov, 15:30". Raises ValueError for a naive time."""
        if at.tzinfo is None:
            raise ValueError("a moment needs its zone")
        local = at.astimezone(zone)
        time = format_time(local, self.pgettext("date", "HH:mm"), locale=self.locale)
        day = self.day(local.date(), today=today)
        return self.pgettext("date", "%(day)s, %(time)s", day=day, time=time)

    def ago(self, delta: timedelta) -> str:
        """Write how long ago something was: "3 days ago", in the largest unit of which there are two or more."""
        return format_timedelta(-abs(delta), granularity="minute", threshold=2, add_direction=True, locale=self.locale)

    def money(self, minor: int, currency: str) -> str:
        """Write minor units as people read them: (2390, "EUR") → "€23.90". No minor unit is ever rounded away."""
        amount = money.to_decimal(minor, currency)
        # CLDR shows fewer digits than ISO 4217 has for some (LAK, IQD): then a broken amount is printed in full.
        is_plain = get_currency_precision(currency) == money.exponent(currency) or amount == int(amount)
        return format_currency(
            amount, currency, locale=self.locale, currency_digits=is_plain, decimal_quantization=False
        )

    def number(self, value: int) -> str:
        """Write a whole number with the language's own separators."""
        return format_decimal(value, locale=self.locale)


def install(env: Environment, words: Words | Callable[[], Words]) -> None:
    """Give templates `_()`, `ngettext()`, `pgettext()` and `{% trans %}`.

    Pass a function where the language changes from one request to the next. Values put into a sentence are
    escaped, the sentence is not: a catalog holds no markup, and its check says so.
    """

    def catalog() -> gettext.GNUTranslations:
        return (words() if callable(words) else words).catalog

    env.add_extension("jinja2.ext.i18n")
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: catalog().gettext(text),
        lambda one, many, n: catalog().ngettext(one, many, n),
        newstyle=True,
        pgettext=lambda context, text: catalog().pgettext(context, text),
        npgettext=lambda context, one, many, n: catalog().npgettext(context, one, many, n),
    )


def jinja_env(*folders: Path, words: Words | Callable[[], Words], autoescape: bool = True) -> Environment:
    """Make an environment over template folders that speaks `words`; an undefined name raises."""
    env = Environment(
        loader=FileSystemLoader(folders),
        autoescape=autoescape,  # noqa: S701  (False is for plain text, which has nothing to escape)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    install(env, words)
    return env
