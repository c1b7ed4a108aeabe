"""What was bought and paid, as the platform stored it: what every amount of a return is taken from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

GOODS = ("physical", "digital")


@dataclass(frozen=True, slots=True)
class PurchasedLine:
    """One line as the platform stored it, in minor units; totals contain tax where the order's prices do.

    `refunded_total` and `refunded_taxes` are what the line has been used up by so far: what was paid back on it and
    the fees kept from that. None says that only the units are known; then each took what it is worth.
    """

    ref: str
    quantity: int
    total: int
    taxes: Mapping[str, int] = field(default_factory=dict)
    kind: Literal["physical", "digital", "shipping", "fee"] = "physical"
    refunded_quantity: int = 0
    refunded_total: int | None = None
    refunded_taxes: Mapping[str, int] = field(default_factory=dict)

    @property
    def units_left(self) -> int:
        """How many units have not gone back yet."""
        return max(0, self.quantity - self.refunded_quantity)


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of the order. `refundable` says that the platform can pay back through it by itself."""

    ref: str
    captured: int
    refunded: int = 0
    refundable: bool = True


@dataclass(frozen=True, slots=True)
class PurchasedOrder:
    """An order as far as money goes, in minor units of `currency`.

    `total` is what it came to at purchase, before any refund (None if unknown). `refunded` is everything given back
    or promised since, also where no payment is named for it.
    """

    currency: str
    lines: tuple[PurchasedLine, ...]
    payments: tuple[Payment, ...]
    total: int | None = None
    tax_included: bool = False
    refunded: int = 0

    @property
    def captured(self) -> int:
        return sum(payment.captured for payment in self.payments)

    @property
    def left(self) -> int:
        """What was captured and has not been given back."""
        return max(0, self.captured - max(self.refunded, sum(payment.refunded for payment in self.payments)))
