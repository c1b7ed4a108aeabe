"""What the two buttons of a withdrawal say (Art. 11a(1) and (3) of Directive 2011/83/EU), and the headings above.

The 24 official ones, as the Official Journal words them in each language of the Union, are in `button_labels.json`
(Directive (EU) 2023/2673, read 2026-11; the first letter raised). The pages themselves speak our languages only, so a
button may speak the contract's language while the page around it speaks English. "Unambiguous equivalents" are allowed;
keeping to the official wording is safe for the store.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from core.i18n.words import Words
from core.returns.law.withdrawal_law import says_cancel

Button = Literal["withdraw", "confirm"]
Heading = Literal["withdraw", "confirm", "declared", "see"]
_FALLBACK = "en"


def button_label(button: Button, words: Words, *wishes: str, country: str = "") -> str:
    """Give a button's words in the page's language, or in the first wish the Union speaks where that is a fallback.

    `wishes` are language tags, the order's before the store's. In English it is "cancel" where the law of `country`
    says so (the United Kingdom, which asks for no button: there is no official wording).
    """
    official = official_labels()
    spoken = words.language
    if spoken == _FALLBACK and says_cancel(country):
        if button == "withdraw":
            return words.pgettext("widget", "Cancel the contract here")
        return words.pgettext("widget", "Confirm cancellation")
    if spoken == _FALLBACK:
        spoken = next((tag for wish in wishes if (tag := _primary(wish)) in official), spoken)
    if spoken in official:
        return official[spoken][button]
    if button == "withdraw":
        return words.pgettext("widget", "Withdraw from the contract here")
    return words.pgettext("widget", "Confirm withdrawal")


def heading(step: Heading, words: Words, country: str) -> str:
    """Say what a page of a withdrawal is for, or what leads to one that was begun; "cancel" where the law says so."""
    say, cancels = words.pgettext, says_cancel(country)
    if step == "withdraw":
        return say("widget", "Cancel the contract") if cancels else say("widget", "Withdraw from the contract")
    if step == "confirm":
        return say("widget", "Confirm your cancellation") if cancels else say("widget", "Confirm your withdrawal")
    if step == "declared":
        return (
            say("widget", "Your cancellation is declared") if cancels else say("widget", "Your withdrawal is declared")
        )
    return say("widget", "See this cancellation") if cancels else say("widget", "See this withdrawal")


def title(number: str, words: Words, country: str) -> str:
    """Name a withdrawal by its number."""
    if says_cancel(country):
        return words.pgettext("widget", "Cancellation %(number)s", number=number)
    return words.pgettext("widget", "Withdrawal %(number)s", number=number)


@lru_cache(maxsize=1)
def official_labels() -> dict[str, dict[Button, str]]:
    """Give the official wordings by language code."""
    read: dict[str, dict[Button, str]] = json.loads(
        files("core.returns.law").joinpath("button_labels.json").read_text("utf-8")
    )
    return read


def _primary(tag: str) -> str:
    return tag.replace("_", "-").partition("-")[0].casefold()
