"""The question for a return's amount and its answer, as plain values; `refund_amount.py` computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# Notes are msgids: whoever shows an explanation translates them.
SHARE_OF_DISCOUNT = "Its share of the discount on the whole order."
ROUNDED = "Rounded line by line, the order came to this much more or less than was paid."
REFUNDED_BEFORE = "This part has been refunded before."
STANDARD_DELIVERY = "The cheapest standard delivery: what a faster one cost more stays with the store."
NOT_PAID = "More than this was not paid, or has been refunded already."


@dataclass(frozen=True, slots=True)
class Fee:
    """Something the merchant keeps: an amount, a percentage of the goods' worth rounded down, or both."""

    what: str
    amount: int = 0
    percent: int = 0


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What goes back: units by line ref; `shipping` is all that is left of it, or an amount with its tax.

    A withdrawal (EU 2011/83, art. 13) bears no fees; nor does a return whose item the shopper keeps. `lost_value` is
    what the goods of a withdrawal lost by more handling than testing needs (Art. 14(2)).
    """

    lines: Mapping[str, int] = field(default_factory=dict)
    shipping: bool | int = False
    fees: tuple[Fee, ...] = ()
    withdrawal: bool = False
    lost_value: int = 0
    keep_item: bool = False


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """What `quantity` units of a line bring: `net` and the tax by rate ref, where there is any."""

    ref: str
    quantity: int
    net: int
    taxes: Mapping[str, int] = field(default_factory=dict)

    @property
    def gross(self) -> int:
        return self.net + sum(self.taxes.values())


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the explanation; `ref` is the order's line, `note` a msgid that says why, or the fee's name."""

    what: Literal["line", "shipping", "discount", "rounding", "earlier", "fee", "limit"]
    amount: int
    ref: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a return brings. `payments`, `payout` and `explanation` each add up to `total`.

    `lines` is what the units are worth, shipping among them; `payout` is that less fees, as a platform books it.
    `payments` says (ref, amount), in the order in which the money flows.
    """

    total: int
    lines: tuple[QuoteLine, ...]
    payout: tuple[QuoteLine, ...]
    shipping: int
    fees: int
    payments: tuple[tuple[str, int], ...]
    explanation: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What an exchange leaves to pay, one way or the other; `payments` says how it flows back to the shopper."""

    from_shopper: int = 0
    to_shopper: int = 0
    payments: tuple[tuple[str, int], ...] = ()
