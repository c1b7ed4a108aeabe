"""What the settings form offers to choose from: the methods, countries and statuses that a store has, its holidays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.i18n.words import Words
from core.orders.model import Order
from core.shipping.rules.business_days import named_holidays
from core.shipping.rules.terms import Terms, supported_countries

COMING = timedelta(days=366)
MOST_COMING = 8


@dataclass(frozen=True, slots=True)
class Example:
    """An order that has a status: its id and number."""

    id: int
    number: str


@dataclass(frozen=True, slots=True)
class StoreChoices:
    """What there is to choose, as (value, name) where people choose by name."""

    methods: Sequence[tuple[str, str]]
    """Shipping methods of the store's orders, and what its delivery times name besides."""
    countries: Sequence[tuple[str, str]]
    """Where its orders went, and what its delivery times name besides."""
    other_countries: Sequence[tuple[str, str]]
    """All others."""
    holiday_countries: Sequence[tuple[str, str]]
    coming: Sequence[tuple[date, str]]
    """The next holidays of the country the store keeps."""
    statuses: Mapping[str, Example | None]
    """The statuses of the store's orders with the newest order of each; None for one that no order has any more."""


def choices_of(session: Session, terms: Terms, words: Words, typed: Iterable[str], *, today: date) -> StoreChoices:
    """Read what there is to choose; three statements. `typed` are countries chosen in a form that is shown again."""
    methods = session.scalars(sa.select(Order.shipping_method).where(Order.gone_at.is_(None)).distinct())
    used = session.scalars(sa.select(Order.country).where(Order.gone_at.is_(None)).distinct())
    newest = sa.select(sa.func.max(Order.id)).group_by(Order.status)
    orders = session.execute(sa.select(Order.status, Order.id, Order.number).where(Order.id.in_(newest)))
    examples: dict[str, Example | None] = {row.status: Example(row.id, row.number) for row in orders}
    named = {*typed, *(row.country for row in terms.transit)}
    own = {country for country in {*used, *named} if _is_country(country)}
    known = {*methods, *(row.method for row in terms.transit)} - {"", "*"}
    every = {str(code) for code in words.locale.territories if _is_country(str(code))}
    return StoreChoices(
        methods=[(name, name) for name in sorted(known)],
        countries=_by_name(own, words),
        other_countries=_by_name(every - own, words),
        holiday_countries=_by_name(supported_countries(), words),
        coming=_coming(terms.holidays_country, today, words.language),
        statuses=dict(sorted((dict.fromkeys(terms.statuses) | examples).items())),
    )


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isascii() and code.isalpha() and code.isupper() and code not in ("EU", "UN", "ZZ")


def _by_name(codes: Iterable[str], words: Words) -> list[tuple[str, str]]:
    names = ((code, str(words.locale.territories.get(code, code))) for code in codes)
    return sorted(names, key=lambda pair: pair[1].casefold())


def _coming(country: str, today: date, language: str) -> list[tuple[date, str]]:
    if not country:
        return []
    found = {**named_holidays(country, today.year, language), **named_holidays(country, today.year + 1, language)}
    return [(day, found[day]) for day in sorted(found) if today <= day <= today + COMING][:MOST_COMING]
