"""Returns, refunds and withdrawals as a platform itself keeps them, in our words: what a snapshot says, and a move.

Money is integer minor units of the order's currency. Times are aware UTC. `line` is the ref of a line of the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal


class ReturnState(StrEnum):
    """Where a platform's return stands. A platform without a word for "received" says "approved" until it is closed."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    RECEIVED = "received"
    CLOSED = "closed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


OVER = frozenset({ReturnState.DECLINED, ReturnState.CANCELED, ReturnState.CLOSED})
"""States after which nothing more is to happen."""
REASONS = frozenset("damaged defective wrong_item not_as_described late too_small too_large changed_mind other".split())
"""Our words for why something comes back; a word of the platform's that is none of them is "other"."""
DeclineCode = Literal["final_sale", "period_over", "other"]
ReturnNews = Literal["requested", "approved", "declined", "received", "closed", "canceled", "refunded"]
"""What a shopper may be mailed about a return."""


@dataclass(frozen=True, slots=True)
class Disposition:
    """What became of some units of a line that came back; the counts of a line add up to at most its quantity.

    "not_restocked" came back and does not go on sale, "damaged" for that reason, "missing" did not come. `location` is
    the platform's ref of the place where they went; "" leaves it to the platform.
    """

    kind: Literal["restocked", "not_restocked", "damaged", "missing"]
    quantity: int
    location: str = ""


@dataclass(frozen=True, slots=True)
class RefundLine:
    """One line's part of a refund: `amount` net, without tax also where prices include it, and `taxes` by rate ref.

    Together they are what the shopper gets for this line. `quantity` counts goods; shipping and fees come back as
    money, so theirs reads back as 0. `dispositions` say what became of the units of the line that came back, paid for
    or not; () where nobody said.
    """

    ref: str
    quantity: int
    amount: int
    taxes: Mapping[str, int] = field(default_factory=dict)
    dispositions: tuple[Disposition, ...] = ()

    @property
    def gross(self) -> int:
        """What the shopper gets for this line, taxes and all."""
        return self.amount + sum(self.taxes.values())


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """One refund the platform already has. `key` is ours where we asked for it.

    `lines` is what of it was given back on which line; the rest of `amount`, or all of it, belongs to none.
    """

    ref: str
    amount: int
    at: datetime
    reason: str = ""
    key: str = ""
    lines: tuple[RefundLine, ...] = ()
    paid_out: bool = True
    """Whether the platform says that what was due was given; False where it is only written down."""
    return_ref: str = ""
    """The platform's own return that it belongs to; "" for none."""


@dataclass(frozen=True, slots=True)
class ExchangeLine:
    """What goes out instead: `quantity` of a variant for so many of the order's line.

    `variant` is the platform's ref, "" for the same again, or what the shopper wrote, such as "size L": a plugin that
    finds no such variant, or none in stock, answers needs_staff and quotes it. `price` is what the shopper was told
    that all of them cost, taxes included, and so what they cost; None where nobody told a price. In a snapshot `line`
    is "" where the platform does not say for which line it goes out.
    """

    line: str
    variant: str
    quantity: int
    title: str = ""
    """The thing by name, as the shopper chose it."""
    price: int | None = None


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """So many of an order's line that come back. `restocking_fee` is kept back for all of them, taxes included."""

    line: str
    quantity: int
    reason: str = "other"
    """One of `REASONS`, or in a move a word of the merchant's own."""
    raw_reason: str = ""
    """The platform's own word; "" in a move."""
    note: str = ""
    """What the shopper wrote about it."""
    restocking_fee: int = 0
    dispositions: tuple[Disposition, ...] = ()
    """In a snapshot: once each unit of all lines has one, and not all are missing, the goods count as arrived."""
    ref: str = ""
    """The platform's own id of this line of the return; "" in a move."""


@dataclass(frozen=True, slots=True)
class WithdrawalSnapshot:
    """The shopper's legal withdrawal from an order, declared at the platform itself. The core takes it over once.

    `items` maps a line's ref to the units it covers; None where the platform does not say what it covers, and a person
    then looks. `declared_at` is None where it gives no time: it then counts from the order's `updated_at`. `mailed`
    says that the platform has certainly mailed the shopper its content with date and time, as the law asks for
    (Directive 2011/83/EU, Art. 11a(4)); in doubt it is False, and our receipt goes out.
    """

    declared_at: datetime | None = None
    items: Mapping[str, int] | None = None
    mailed: bool = False


@dataclass(frozen=True, slots=True)
class ReturnSnapshot:
    """One return that the platform itself keeps, as its order's snapshot says it.

    `key` is the `return_key` of the move that opened it; "" where staff or the shopper did so at the platform, or it
    keeps no key. `mailed` names what the platform has certainly mailed the shopper about: ours is then left out.
    """

    ref: str
    order_ref: str
    state: ReturnState
    raw_status: str = ""
    name: str = ""
    """What people call it, such as "#1042-R1"."""
    key: str = ""
    requested_at: datetime | None = None
    closed_at: datetime | None = None
    lines: tuple[ReturnLine, ...] = ()
    shipping_fee: int = 0
    """What is kept back for the way back, taxes included."""
    exchange: tuple[ExchangeLine, ...] = ()
    decline_code: DeclineCode | Literal[""] = ""
    decline_note: str = ""
    label_url: str = ""
    tracking_number: str = ""
    carrier: str = ""
    mailed: tuple[ReturnNews, ...] = ()
    admin_url: str = ""
