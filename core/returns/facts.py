"""What the policy is asked and what it answers: plain frozen values. Sentences are made of them elsewhere.

Money is in minor units of the order's currency, days are days in the store's zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from core.money import OrderRate
from core.returns.law.withdrawal_law import Kind

Decision = Literal["accept", "review", "decline"]
"""The three answers: yes, a person decides, no."""
Wish = Literal["refund", "exchange", "store_credit", "repair", "keep"]
"""What the shopper would like; `keep` is money back for goods that stay."""
CountedFrom = Literal["order", "shipping", "delivery"]
RefundWhen = Literal["approval", "first_scan", "arrival", "inspection"]
Whereabouts = Literal["unshipped", "on_its_way", "delivered", "unknown"]

SEVERITY: dict[Decision, int] = {"accept": 0, "review": 1, "decline": 2}


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One line item that the shopper wants to send back."""

    ref: str
    quantity: int = 1
    """How many are to come back now."""
    left: int = 1
    """How many still can: bought, less canceled, less returned."""
    value: int = 0
    """What was paid for `quantity` of them, tax included."""
    reason: str = "other"
    wish: Wish = "refund"
    product: str = ""
    """The product's ref."""
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    final_sale: bool = False
    kind: Kind = "goods"
    exemption: str = ""
    """Letter of Art. 16 that takes the right of withdrawal away, where its condition holds by now."""
    shipped_on: date | None = None
    delivered_on: date | None = None
    whereabouts: Whereabouts = "unknown"
    """Where the item is by evidence; a day in `delivered_on` is evidence enough."""


@dataclass(frozen=True, slots=True)
class ReturnFacts:
    """One request over lines of one order."""

    placed_on: date
    lines: tuple[LineFacts, ...]
    country: str = ""
    store_country: str = ""
    currency: str = ""
    rate: OrderRate | None = None
    """What the order was in the store's own currency, for amounts that the merchant set in that."""
    shopper: str = ""
    """Digest of the shopper's address, as in the policy's lists; never the address."""
    earlier_returns: int = 0
    gift: bool = False
    """Whether the request comes from a gift's recipient, who must see no price."""
    parcels: tuple[date | None, ...] = ()
    """Delivery days of all the order's parcels, None where unknown: the law counts from the last of them."""
    informed: bool = True
    """Whether the shopper was told of the right of withdrawal."""

    @property
    def value(self) -> int:
        """What was paid for everything asked for."""
        return sum(line.value for line in self.lines)

    def value_in(self, currency: str) -> int | None:
        """Give the value in a merchant's currency, "" for any; None where the order does not say what it was in it."""
        if not self._is_foreign(currency):
            return self.value
        return self.rate.convert(self.value, currency) if self.rate else None

    def fee_from(self, amount: int, currency: str) -> int | None:
        """Give a fee that was set in a merchant's currency in the order's; None where its rate is not known."""
        if not amount or not self._is_foreign(currency):
            return amount
        return self.rate.convert_back(amount, currency) if self.rate else None

    def figure(self, amount: int) -> tuple[str, int]:
        """Give an amount as figures count it: in the store's currency where the order says what it was in that."""
        known = self.rate.convert(amount, self.rate.store_currency) if self.rate else None
        return (self.currency, amount) if known is None or self.rate is None else (self.rate.store_currency, known)

    def _is_foreign(self, currency: str) -> bool:
        return bool(currency and self.currency) and currency.upper() != self.currency.upper()


Value = str | int | date | tuple[str, ...]

OBJECTIONS: dict[str, tuple[str, ...]] = {
    "window_over": ("closed_on", "days", "counted_from"),
    "window_just_over": ("closed_on", "days", "counted_from"),
    "delivery_unknown": ("open_at_least_until", "days"),
    "not_shipped_yet": (),
    "not_delivered_yet": (),
    "nothing_asked": (),
    "already_returned": (),
    "quantity_too_high": ("left",),
    "wish_not_offered": ("wish", "offered"),
    "other_currency": ("currency",),
    "final_sale": (),
    "blocked": (),
    "frequent_returns": ("count",),
    "value_too_low": ("minimum", "currency"),
    "value_too_high": ("maximum", "currency"),
    "product_excluded": (),
    "country_excluded": ("country",),
    "reason_excluded": ("reason",),
    "gift_excluded": (),
    "not_covered": (),
    "person_decides": (),
}
"""Every objection's code and the values its sentence is made of. Amounts are minor units; `minimum` is the least that
is accepted, `maximum` the value from which it is not; `closed_on` was the last day; `counted_from` is order, shipping,
delivery, or extension where a holiday extension set the day. `blocked` never reaches a shopper in as many words."""

OFFERS: dict[str, tuple[str, ...]] = {
    "wait_for_delivery": (),
    "cancel_order": (),
    "ask_for_fewer": ("left",),
    "withdraw": ("until",),
    "refund": (),
    "exchange": (),
    "store_credit": (),
    "repair": (),
    "keep": (),
    "wait_for_answer": (),
    "talk_to_person": (),
}
"""Every next best thing and its values. `until` None: the right to withdraw stays open, delivery is unknown."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the shopper can do instead, given with an objection."""

    code: str
    values: Mapping[str, Value | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason against, as a code of `OBJECTIONS` with its values."""

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)
    next_best: Offer = Offer("talk_to_person")


@dataclass(frozen=True, slots=True)
class Fees:
    """What is kept back: `handling` for the goods, `label` for the parcel, and who pays the way back."""

    handling: int = 0
    label: int = 0
    label_paid_by: Literal["store", "shopper"] = "store"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the policy says of one line, or of all of them together (`line` is empty then, `lines` is not).

    `window_ends` is the last day, None for no limit; with `worst_case` it is the earliest it can be, since a day is
    unknown. `rules` names every rule that fits, in order: the first one decided, the others show what it overruled.
    """

    answer: Decision
    line: str = ""
    objections: tuple[Objection, ...] = ()
    window_ends: date | None = None
    worst_case: bool = False
    fees: Fees = Fees()
    refund_when: RefundWhen = "inspection"
    photos_required: int = 0
    questions: tuple[str, ...] = ()
    """Keys of the follow-up questions; their words are in the policy."""
    rules: tuple[tuple[str, Decision], ...] = ()
    lines: tuple[Answer, ...] = ()
    withdrawal: Offer | None = None
    """The legal right over the line, with its last day, where the policy names a fee that a withdrawal never bears."""
