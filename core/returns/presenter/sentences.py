"""Sentences about returns for shoppers: codes, days and amounts in the reader's language.

Pages, the widget's answers and letters all take their words here; the short ones are in `display_names.py`. `today`,
where it is known, leaves the year out of days of this year.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from babel.lists import format_list

from core.i18n.words import Words
from core.returns.facts import Answer, Objection, Offer
from core.returns.presenter.display_names import (
    entry_label,
    exemption,
    exemption_if,
    headline,
    note,
    reason_label,
    wish_label,
)

__all__ = [
    "entry_label",
    "exemption",
    "exemption_if",
    "headline",
    "note",
    "objection",
    "objections_text",
    "offer",
    "reason_label",
    "refund_when",
    "way_back",
    "window",
    "wish_label",
]


def objection(words: Words, objection: Objection, *, today: date | None = None) -> str:
    """Say one reason against, a fact the shopper can check; `offer` says what is possible instead.

    `values` may be as the policy gave them or as JSON kept them. Raises KeyError for a code that is not ours.
    """
    code, say = objection.code, words.pgettext
    values: Mapping[str, Any] = objection.values
    match code:
        case "window_over" | "window_just_over":
            return _closed(words, values, today)
        case "delivery_unknown":
            day = words.day(_day(values["open_at_least_until"]), today=today)
            return say(
                "widget", "We don't know which day this arrived. Returns were open until %(day)s at least.", day=day
            )
        case "quantity_too_high":
            left = values["left"]
            return words.npgettext(
                "widget",
                "Only %(n)s of these can still be returned.",
                "Only %(n)s of these can still be returned.",
                left,
            )
        case "frequent_returns":
            count = values["count"]
            return words.npgettext(
                "widget",
                "You have made %(n)s return at this store, and its return policy sets a limit.",
                "You have made %(n)s returns at this store, and its return policy sets a limit.",
                count,
            )
        case "wish_not_offered":
            return _not_offered(words, values)
        case "other_currency" | "value_too_low" | "value_too_high" | "country_excluded" | "reason_excluded":
            return _bound(words, code, values)
    return _plain_objections(words)[code]


def offer(words: Words, offer: Offer, *, today: date | None = None) -> str:
    """Say the next best thing. Raises KeyError for a code that is not ours."""
    values, say = offer.values, words.pgettext
    if offer.code == "ask_for_fewer":
        left: Any = values["left"]
        return words.npgettext("widget", "You can choose %(n)s.", "You can choose up to %(n)s.", left)
    if offer.code == "withdraw" and values["until"] is not None:
        day = words.day(_day(values["until"]), today=today)
        return say(
            "widget", "By law you can still withdraw from the contract until %(day)s, without a reason.", day=day
        )
    return {
        "wait_for_delivery": say("widget", "You can start a return once it has arrived."),
        "cancel_order": say("widget", "You can ask to cancel it instead, so that it is not shipped."),
        "withdraw": say("widget", "By law you can still withdraw from the contract, without a reason."),
        "refund": say("widget", "You can choose a refund instead."),
        "exchange": say("widget", "You can choose an exchange instead."),
        "store_credit": say("widget", "You can choose store credit instead."),
        "repair": say("widget", "You can choose a repair instead."),
        "keep": say("widget", "You can keep it and choose money back instead."),
        "wait_for_answer": say(
            "widget", "You can send the request: a person at the store looks at it and answers you."
        ),
        "talk_to_person": say("widget", "You can talk to a person at the store about it."),
    }[offer.code]


def objections_text(words: Words, objections: Iterable[Objection], *, today: date | None = None) -> str:
    """Say all reasons, each once, and after them the next best things."""
    given = list(objections)
    reasons = [objection(words, one, today=today) for one in given]
    offers = [offer(words, one.next_best, today=today) for one in given]
    return " ".join(dict.fromkeys((*reasons, *offers)))


def window(words: Words, answer: Answer, *, today: date | None = None) -> str:
    """Say until when something may come back."""
    say, ends = words.pgettext, answer.window_ends
    if ends is None:
        return say("widget", "Returns have no end date here.")
    day = words.day(ends, today=today)
    if answer.worst_case:
        return say("widget", "Returns are open until %(day)s at least.", day=day)
    if today and ends < today:
        return say("widget", "Returns closed on %(day)s.", day=day)
    return say("widget", "Returns are open until %(day)s.", day=day)


def refund_when(words: Words, stage: str) -> str:
    """Say at which moment the money moves; "" for a stage that is not ours."""
    say = words.pgettext
    return {
        "approval": say("widget", "The refund is made as soon as the return is approved."),
        "first_scan": say("widget", "The refund is made once the carrier has scanned the parcel."),
        "arrival": say("widget", "The refund is made once the parcel has arrived."),
        "inspection": say("widget", "The refund is made once the store has looked at what came back."),
    }.get(stage, "")


def way_back(words: Words, paid_by: str, label_fee: int = 0, currency: str = "") -> str:
    """Say who pays the way back. `label_fee` is kept from the refund.

    `paid_by` is "store", "shopper", "law" for a withdrawal about which the store did not say, or "".
    """
    say = words.pgettext
    if paid_by == "store":
        return say("widget", "The store pays for the way back.")
    if paid_by == "law":  # Art. 14(1): true whatever the store told
        return say("widget", "You pay for the way back only if the store told you so before you ordered.")
    if paid_by == "shopper" and label_fee:
        amount = words.money(label_fee, currency)
        return say(
            "widget", "The way back with the store's label costs you %(amount)s, taken from the refund.", amount=amount
        )
    return say("widget", "You pay for the way back.") if paid_by == "shopper" else ""


def _plain_objections(words: Words) -> dict[str, str]:
    """Objections that need no value. Who is blocked reads what everybody reads whose return a person decides."""
    say = words.pgettext
    person_decides = say("widget", "A person at the store decides about this return.")
    return {
        "not_shipped_yet": say("widget", "This has not left the store yet."),
        "not_delivered_yet": say("widget", "This is still on its way to you."),
        "nothing_asked": say("widget", "No quantity was chosen."),
        "already_returned": say("widget", "All of these have been returned or canceled already."),
        "final_sale": say("widget", "This was sold as a final sale, which the return policy leaves out."),
        "product_excluded": say("widget", "The store's return policy leaves this item out."),
        "gift_excluded": say("widget", "The store's return policy leaves gifts out."),
        "not_covered": say("widget", "The store's return policy does not cover this."),
        "blocked": person_decides,
        "person_decides": person_decides,
    }


def _closed(words: Words, values: Mapping[str, Any], today: date | None) -> str:
    day, days = words.day(_day(values["closed_on"]), today=today), values["days"]
    match values["counted_from"]:
        case "delivery":
            return words.npgettext(
                "widget",
                "Returns for this order closed on %(day)s (%(n)s day after delivery).",
                "Returns for this order closed on %(day)s (%(n)s days after delivery).",
                days,
                day=day,
            )
        case "shipping":
            return words.npgettext(
                "widget",
                "Returns for this order closed on %(day)s (%(n)s day after it was shipped).",
                "Returns for this order closed on %(day)s (%(n)s days after it was shipped).",
                days,
                day=day,
            )
        case "order":
            return words.npgettext(
                "widget",
                "Returns for this order closed on %(day)s (%(n)s day after it was placed).",
                "Returns for this order closed on %(day)s (%(n)s days after it was placed).",
                days,
                day=day,
            )
    return words.pgettext("widget", "Returns for this order closed on %(day)s, extended over the holidays.", day=day)


def _bound(words: Words, code: str, values: Mapping[str, Any]) -> str:
    """Say which bound of the policy was crossed; a country the order does not tell has no name."""
    say = words.pgettext
    if code == "other_currency":
        return say("widget", "This order was paid in another currency: %(currency)s.", currency=values["currency"])
    if code == "value_too_low":
        amount = words.money(values["minimum"], values["currency"])
        return say("widget", "The return policy starts at a value of %(amount)s.", amount=amount)
    if code == "value_too_high":
        amount = words.money(values["maximum"], values["currency"])
        return say("widget", "The return policy covers values below %(amount)s.", amount=amount)
    if code == "reason_excluded":
        reason = reason_label(words, values["reason"])
        return say("widget", "The return policy leaves out this reason: %(reason)s.", reason=reason)
    if not values["country"]:
        return say("widget", "The return policy does not cover the country of this order.")
    country = words.locale.territories.get(values["country"].upper(), values["country"])
    return say("widget", "The return policy does not cover this country: %(country)s.", country=country)


def _not_offered(words: Words, values: Mapping[str, Any]) -> str:
    wish = wish_label(words, values["wish"])
    if not values["offered"]:
        return words.pgettext("widget", "Not offered here: %(wish)s.", wish=wish)
    offered = format_list([wish_label(words, one) for one in values["offered"]], "or", locale=words.locale)
    return words.pgettext(
        "widget", "Not offered here: %(wish)s. What is offered: %(offered)s.", wish=wish, offered=offered
    )


def _day(value: Any) -> date:
    """Take a day as the policy gives it, or as JSON keeps it."""
    return date.fromisoformat(value) if isinstance(value, str) else value
