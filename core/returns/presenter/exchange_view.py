"""An exchange in words: what goes out, and what the shopper pays or gets back. The same in every place."""

from __future__ import annotations

from babel.lists import format_list

from core.i18n.words import Words
from core.returns.model import Reimbursement
from core.returns.money.exchange import Settlement, settle_promised
from core.returns.money.payout import Share
from core.returns.money.quotes import Entry


def of_row(row: Reimbursement) -> Settlement:
    """Give the settlement of an exchange as it was promised."""
    return settle_promised(row.amount, row.exchange, [Entry(**entry) for entry in row.explanation])


def of_shares(shares: list[Share]) -> Settlement | None:
    """Give the settlement of a return's exchange, None where it brings none."""
    return next((share.settlement for share in shares if share.settlement), None)


def items_in_words(words: Words, settlement: Settlement) -> str:
    """Name the things that go out."""
    named = [f"{one.quantity} × {one.title}" if one.quantity > 1 else one.title for one in settlement.goods]
    return format_list(named, locale=words.locale)


def sentence(words: Words, settlement: Settlement, currency: str, *, gift: bool = False, is_paid: bool = False) -> str:
    """Tell the shopper what they get and what of the difference is theirs. A gift tells no amount."""
    say, item = words.pgettext, items_in_words(words, settlement)
    if settlement.to_pay is None or settlement.back is None:
        return say(
            "widget", "You would like %(item)s instead. The store tells you the price before it sends it.", item=item
        )
    if settlement.back and not gift:
        return say(
            "widget", "You get %(item)s and %(amount)s back.", item=item, amount=words.money(settlement.back, currency)
        )
    if settlement.to_pay and not gift and not is_paid:
        return say(
            "widget", "You get %(item)s and pay %(amount)s.", item=item, amount=words.money(settlement.to_pay, currency)
        )
    if gift or is_paid:
        return say("widget", "You get %(item)s.", item=item)
    return say("widget", "You get %(item)s. There is nothing to pay.", item=item)


def sentence_for_staff(words: Words, settlement: Settlement, currency: str) -> str:
    """Tell staff what goes out and who pays the difference."""
    say, item = words.pgettext, items_in_words(words, settlement)
    if settlement.to_pay is None or settlement.back is None:
        return say("desk", "The shopper would like %(item)s. Agree on the price, then send it.", item=item)
    if settlement.back:
        amount = words.money(settlement.back, currency)
        return say("desk", "The shopper gets %(item)s and %(amount)s back.", item=item, amount=amount)
    if settlement.to_pay:
        amount = words.money(settlement.to_pay, currency)
        return say("desk", "The shopper gets %(item)s and pays %(amount)s.", item=item, amount=amount)
    return say("desk", "The shopper gets %(item)s. There is nothing to pay.", item=item)
