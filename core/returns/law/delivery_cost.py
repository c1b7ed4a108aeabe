"""How much of the cost of delivery comes back with a withdrawal. Not legal advice."""

from __future__ import annotations

from collections.abc import Mapping

ANYWHERE = "*"
"""Stands for every country that has no price of its own."""


def standard_price(prices: Mapping[str, int], country: str) -> int | None:
    """Give what the store's cheapest standard delivery costs to a country, in minor units; None where it did not say.

    `prices` are by ISO 3166 alpha-2 code, or `ANYWHERE`.
    """
    return prices.get(country, prices.get(ANYWHERE))


def delivery_cost_due(paid: int, refunded: int, standard: int | None) -> int:
    """Say how much of the delivery cost comes back where everything goes back, in minor units.

    The cheapest standard delivery that was offered, not the surplus of a faster one (Directive 2011/83/EU, Art. 13(2);
    for the United Kingdom regulation 34(3)). `refunded` of `paid` was given back before and counts towards it. Where
    `standard` is not known (no platform's order says which other options stood), all that was paid comes back: the
    choice that is safe for the store, since it is never less than the law asks for.
    """
    most = paid if standard is None else min(paid, standard)
    return max(0, most - refunded)
