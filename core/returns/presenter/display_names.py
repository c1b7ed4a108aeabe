"""Short names in the reader's language: reasons, wishes, lines of an amount, legal grounds, and how things stand."""

from __future__ import annotations

from collections.abc import Mapping

from core.i18n.words import Words
from core.returns.law.withdrawal_law import law_of
from core.returns.money import quotes
from core.returns.money.quotes import Entry


def reason_label(words: Words, key: str) -> str:
    """Name a reason of the shopper's; one of the merchant's own making reads as its key does."""
    say = words.pgettext
    return {
        "damaged": say("widget", "It arrived damaged"),
        "defective": say("widget", "It doesn't work"),
        "wrong_item": say("widget", "It is the wrong item"),
        "not_as_described": say("widget", "It is not as described"),
        "late": say("widget", "It came too late"),
        "too_small": say("widget", "It is too small"),
        "too_large": say("widget", "It is too large"),
        "changed_mind": say("widget", "I changed my mind"),
        "other": say("widget", "Another reason"),
        "canceled": say("widget", "Canceled before it left"),
    }.get(key) or _humanize(key)


def question_label(words: Words, key: str, said: Mapping[str, str]) -> str:
    """Give a follow-up question in the reader's language as the merchant wrote it, else in English, else its key."""
    return said.get(words.language) or said.get("en") or next(iter(said.values()), "") or _humanize(key)


def wish_label(words: Words, wish: str) -> str:
    """Name what the shopper would like."""
    say = words.pgettext
    return {
        "refund": say("widget", "Refund"),
        "exchange": say("widget", "Exchange"),
        "store_credit": say("widget", "Store credit"),
        "repair": say("widget", "Repair"),
        "keep": say("widget", "Keep it, money back"),
    }.get(wish) or _humanize(wish)


def note(words: Words, msgid: str) -> str:
    """Translate a note of `quotes`, which keeps them as msgids; "" for what is no note, such as a fee's name."""
    say = words.pgettext
    return {
        quotes.SHARE_OF_DISCOUNT: say("widget", "Its share of the discount on the whole order."),
        quotes.ROUNDED: say("widget", "Rounded line by line, the order came to this much more or less than was paid."),
        quotes.REFUNDED_BEFORE: say("widget", "This part has been refunded before."),
        quotes.STANDARD_DELIVERY: say(
            "widget", "The cheapest standard delivery: what a faster one cost more stays with the store."
        ),
        quotes.NOT_PAID: say("widget", "More than this was not paid, or has been refunded already."),
    }.get(msgid, "")


def entry_label(words: Words, entry: Entry, titles: Mapping[str, str]) -> str:
    """Name a line of an amount's explanation; `titles` are the order's line items by ref."""
    say = words.pgettext
    if entry.what == "fee":
        fees = {
            "handling": say("widget", "Handling fee"),
            "label": say("widget", "Return label"),
            "lost_value": say("widget", "Lost value"),
        }
        return fees.get(entry.note) or _humanize(entry.note)
    if entry.what == "line":
        return titles.get(entry.ref) or say("widget", "Item")
    return {
        "shipping": say("widget", "Shipping"),
        "discount": say("widget", "Discount"),
        "rounding": say("widget", "Rounding"),
        "earlier": say("widget", "Refunded before"),
        "limit": say("widget", "Not paid, or refunded already"),
    }[entry.what]


def exemption(words: Words, letter: str) -> str:
    """Name the ground on which the store holds something exempt from withdrawal; "" for a letter the law does not have.

    It cites nothing: shoppers may rely on their own country's act, not on a directive.
    """
    return _grounds(words).get(letter, "")


def exemption_if(words: Words, letter: str) -> str:
    """Say beforehand what would end the right of withdrawal for something; "" where nothing would."""
    ground = exemption(words, letter)
    if not ground:
        return ""
    return words.pgettext(
        "widget", "The store says that the right to withdraw from this ends once this is so: %(ground)s.", ground=ground
    )


def exemption_in_law(words: Words, letter: str, country: str) -> str:
    """Name the ground for staff, with its place in the law where the shopper's country follows the directive."""
    ground = exemption(words, letter)
    law = law_of(country)
    if not ground or law is None or not law.directive:
        return ground
    return words.pgettext(
        "widget", "%(ground)s (Directive 2011/83/EU, Art. 16(%(letter)s))", ground=ground, letter=letter
    )


def headline(words: Words, kind: str, status: str) -> str:
    """Say how it stands. `kind` is return, warranty, cancel or withdrawal; `status` is `Standing.status`, for a
    withdrawal its state. Raises KeyError for what is neither."""
    return {"return": _return, "warranty": _warranty, "cancel": _cancel, "withdrawal": _withdrawal}[kind](words)[status]


def _return(words: Words) -> dict[str, str]:
    say = words.pgettext
    return {
        "requested": say("widget", "Return requested"),
        "approved": say("widget", "Return approved"),
        "declined": say("widget", "Return declined"),
        "received": say("widget", "Return arrived"),
        "closed": say("widget", "Return completed"),
        "canceled": say("widget", "Return canceled"),
    }


def _warranty(words: Words) -> dict[str, str]:
    say = words.pgettext
    return {
        "requested": say("widget", "Warranty claim made"),
        "approved": say("widget", "Warranty claim approved"),
        "declined": say("widget", "Warranty claim declined"),
        "received": say("widget", "The item of your warranty claim arrived"),
        "closed": say("widget", "Warranty claim completed"),
        "canceled": say("widget", "Warranty claim canceled"),
    }


def _cancel(words: Words) -> dict[str, str]:
    """What never left does not come back, so nothing is received: the words are those of an approval."""
    say = words.pgettext
    approved = say("widget", "The order is being canceled")
    return {
        "requested": say("widget", "You asked to cancel"),
        "approved": approved,
        "declined": say("widget", "The order can no longer be canceled"),
        "received": approved,
        "closed": say("widget", "The order is canceled"),
        "canceled": say("widget", "You no longer want to cancel"),
    }


def _withdrawal(words: Words) -> dict[str, str]:
    say = words.pgettext
    return {
        "started": say("widget", "Withdrawal not declared yet"),
        "dropped": say("widget", "Withdrawal not declared"),
        "declared": say("widget", "Withdrawal declared"),
        "acknowledged": say("widget", "Withdrawal received, the receipt is out"),
        "contested": say("widget", "Withdrawal contested by the store"),
        "retracted": say("widget", "Withdrawal taken back"),
        "refused": say("widget", "Withdrawal refused by the store"),
        "reimbursed": say("widget", "Withdrawal refunded"),
    }


def _grounds(words: Words) -> dict[str, str]:
    """Art. 16 of Directive 2011/83/EU by letter, as in `withdrawal_law.EXEMPTIONS`."""
    say = words.pgettext
    return {
        "a": say("widget", "A service that was fully performed, begun with your consent"),
        "b": say("widget", "A price that follows the financial market"),
        "c": say("widget", "Made to your specifications or clearly personalized"),
        "d": say("widget", "Spoils or expires quickly"),
        "e": say("widget", "Sealed for health or hygiene reasons, and unsealed after delivery"),
        "f": say("widget", "Mixed inseparably with other things after delivery"),
        "g": say("widget", "Alcoholic drinks agreed at sale, delivered later, of changing value"),
        "h": say("widget", "Urgent repairs or maintenance at your home, which you asked for"),
        "i": say("widget", "Sealed audio, video or software, unsealed after delivery"),
        "j": say("widget", "A newspaper, periodical or magazine"),
        "k": say("widget", "Bought at a public auction"),
        "l": say("widget", "Lodging, transport, car rental, catering or leisure on a set date"),
        "m": say("widget", "Digital content that was begun with your consent"),
    }


def _humanize(key: str) -> str:
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
