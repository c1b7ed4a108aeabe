"""Whether a rule fits a line: a filter that was given becomes one small check, so that ten rules cost little."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from core.returns.facts import LineFacts, ReturnFacts, Wish
from core.returns.law.withdrawal_law import country_code
from core.returns.policy.policy_document import Shopper, When

Check = Callable[[ReturnFacts, LineFacts, Wish, Shopper], bool]


def compile_filters(when: When) -> tuple[Check, ...]:
    """Give one check for each filter that is given, money apart: a rule fits where all of them hold.

    A rule that names collections also fits a line of which they are not known.
    """
    checks: list[Check] = []
    if when.countries:
        named = {country_code(country) for country in when.countries}
        checks.append(lambda request, *_: country_code(request.country) in named)
    if when.products:
        checks.append(lambda _, line, *__: line.product in when.products)
    if tags := _fold(when.tags):
        checks.append(lambda _, line, *__: not tags.isdisjoint(_fold(line.tags)))
    if when.collections:
        checks.append(lambda _, line, *__: not line.collections_known or is_in_collection(when, line))
    if when.reasons:
        checks.append(lambda _, line, *__: line.reason in when.reasons)
    if when.wishes:
        checks.append(lambda _, __, wish, ___: wish in when.wishes)
    if when.shopper is not None:
        checks.append(lambda _, __, ___, shopper: shopper == when.shopper)
    if when.final_sale is not None:
        checks.append(lambda _, line, *__: line.final_sale == when.final_sale)
    if when.gift is not None:
        checks.append(lambda request, *_: request.gift == when.gift)
    if (count := when.earlier_returns_from) is not None:
        checks.append(lambda request, *_: request.earlier_returns >= count)
    return tuple(checks)


def is_in_collection(when: When, line: LineFacts) -> bool:
    """Say whether a line is known to be in one of the collections that a rule names."""
    return not _fold(when.collections).isdisjoint(_fold(line.collections))


@lru_cache(maxsize=8192)
def _fold(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(str.casefold, words))
