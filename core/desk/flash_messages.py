"""Sentences shown to staff after an action: who was first, what is missing, why it was refused."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import g

from core.desk.history import Step
from core.desk.labels import name_of
from core.http.context import services, words
from core.i18n.words import Words
from core.money import to_minor
from core.returns.return_settings import AboveLimit

NOT_PEOPLE = ("shopper", "policy", "law", "platform", "mailed_link")
"""Names in the books that are no person's."""


def actor_name(who: str) -> str:
    """Name whoever did something."""
    return name_of(f"by.{who}") if who in NOT_PEOPLE else who


def who_was_first(last: Step | None) -> str:
    """Say who did the last thing since the page was opened, what and when, to whoever came second."""
    say = words()
    if last is None:
        return say.pgettext("desk", "This has changed since you opened the page.")
    zone = ZoneInfo(g.store.timezone)
    when = say.moment(last.at, zone, today=services().clock().astimezone(zone).date())
    values = {"what": name_of(last.what), "when": when}
    if last.who == g.person.name:
        return say.pgettext("desk", "You acted here already, in another window: %(what)s, %(when)s.", **values)
    return say.pgettext("desk", "%(who)s was here before you: %(what)s, %(when)s.", who=actor_name(last.who), **values)


def not_possible() -> str:
    """Say that a form asked for what this cannot do as it stands, although it showed it as it is."""
    return words().pgettext("desk", "This is not possible as it stands now.")


def reason_needed(say: Words) -> str:
    """Say that a move needs a reason."""
    return say.pgettext("desk", "Give a reason. It is kept in the history.")


def above_limit(error: AboveLimit, say: Words) -> str:
    """Say that this is more than the role may give back alone."""
    most, amount = say.money(error.limit, error.limit_currency), say.money(error.amount, error.currency)
    return say.pgettext(
        "desk",
        "%(amount)s is more than you may give back alone (%(most)s). Ask for approval.",
        amount=amount,
        most=most,
    )


def read_amount(typed: str, currency: str) -> int:
    """Read an amount as it is typed ("4.90" or "4,90") into minor units. Raises ValueError below zero and for words."""
    amount = to_minor(typed.strip().replace(",", "."), currency)
    if not 0 <= amount <= 10**12:
        raise ValueError("an amount that cannot be")
    return amount
