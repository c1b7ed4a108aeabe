"""A policy's rules as people read them: when each holds, what it answers and what it changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.i18n.words import Words
from core.returns.policy.policy_document import Policy, PolicyRule, When, Window
from core.returns.presenter.display_names import reason_label, wish_label


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule: `when` and `terms` are short phrases; no `when` means that it always fits."""

    name: str
    answer: str
    objection: str
    when: tuple[str, ...]
    terms: tuple[str, ...]


def list_rules(policy: Policy, words: Words) -> list[RuleView]:
    """Put a policy's rules into words, in the order in which they are asked."""
    return [
        RuleView(
            rule.name,
            rule.answer,
            rule.objection or "",
            tuple(_conditions(rule.when, policy.currency, words)),
            tuple(_terms(rule, words)),
        )
        for rule in policy.rules
    ]


def window_words(window: Window, words: Words) -> str:
    """Say how long a window is open."""
    say = words.pgettext
    if window.days is None:
        return say("desk", "without a last day")
    return {
        "order": say("desk", "%(days)s days after the order", days=window.days),
        "shipping": say("desk", "%(days)s days after shipping", days=window.days),
        "delivery": say("desk", "%(days)s days after delivery", days=window.days),
    }[window.counted_from]


def stage_words(stage: str, words: Words) -> str:
    """Say at which moment the money moves."""
    say = words.pgettext
    return {
        "approval": say("desk", "once approved"),
        "first_scan": say("desk", "once the carrier has it"),
        "arrival": say("desk", "once it has arrived"),
        "inspection": say("desk", "once inspected"),
    }[stage]


def _conditions(when: When, currency: str, words: Words) -> Iterator[str]:
    say = words.pgettext
    lists = (
        (say("desk", "Country"), [words.locale.territories.get(code, code) for code in when.countries]),
        (say("desk", "Product"), when.products),
        (say("desk", "Tag"), when.tags),
        (say("desk", "Collection"), when.collections),
        (say("desk", "Reason"), [reason_label(words, key) for key in when.reasons]),
        (say("desk", "Wish"), [wish_label(words, wish) for wish in when.wishes]),
    )
    yield from (f"{label}{words.colon}{', '.join(values)}" for label, values in lists if values)
    if when.value_from is not None:
        yield say("desk", "worth %(amount)s or more", amount=words.money(when.value_from, currency))
    if when.value_below is not None:
        yield say("desk", "worth less than %(amount)s", amount=words.money(when.value_below, currency))
    if when.shopper is not None:
        yield {
            "blocked": say("desk", "the shopper is on your block list"),
            "allowed": say("desk", "the shopper is on your allow list"),
            "other": say("desk", "the shopper is on no list"),
        }[when.shopper]
    if when.final_sale is not None:
        yield say("desk", "final sale") if when.final_sale else say("desk", "not final sale")
    if when.gift is not None:
        yield say("desk", "a gift") if when.gift else say("desk", "not a gift")
    if when.earlier_returns_from is not None:
        count = when.earlier_returns_from
        yield words.npgettext("desk", "%(n)s earlier return or more", "%(n)s earlier returns or more", count)


def _terms(rule: PolicyRule, words: Words) -> Iterator[str]:
    say = words.pgettext
    if rule.window:
        yield window_words(rule.window, words)
    if rule.wishes is not None:
        offered = ", ".join(wish_label(words, wish) for wish in rule.wishes)
        yield say("desk", "offered: %(wishes)s", wishes=offered or "–")
    if rule.refund_when:
        yield f"{say('desk', 'Money goes back')}{words.colon}{stage_words(rule.refund_when, words)}"
    if rule.reasons:
        yield say("desk", "its own terms for some reasons")
