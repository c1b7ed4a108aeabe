"""Money as integer minor units with a currency; decimals and strings exist only at the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

# ISO 4217 list one: currencies whose minor unit is not a hundredth. CLDR's digits are for display only and
# differ (it shows no decimals for ISO's two-digit LAK or three-digit IQD).
_EXPONENTS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}  # fmt: skip


def exponent(currency: str) -> int:
    """Give how many decimals the currency's minor unit has (ISO 4217); 2 unless listed otherwise."""
    return _EXPONENTS.get(currency.upper(), 2)


def to_minor(amount: str | int | Decimal | None, currency: str) -> int:
    """Turn a platform's decimal text ("12.50") into minor units (1250), half a unit rounded away from zero.

    Empty and None are 0. Raises ValueError for anything that is not a finite number; a float is refused, since
    its last digit was already lost.
    """
    if amount is None or amount == "":
        return 0
    if isinstance(amount, float):
        raise ValueError("money never comes as a float")
    if isinstance(amount, bool) or not isinstance(amount, str | int | Decimal):
        raise ValueError(f"not an amount: a {type(amount).__name__}")
    if isinstance(amount, str) and (plain := _plain_minor(amount, currency)) is not None:
        return plain
    try:
        scaled = Decimal(amount).scaleb(exponent(currency))
        return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise ValueError(f"not an amount: {str(amount)[:40]!r}") from error


def _plain_minor(text: str, currency: str) -> int | None:
    """Read "12.50", digits and as many decimals as the currency has; None for any other form. Nearly all are so."""
    places = exponent(currency)
    digits = text[: -places - 1] + text[-places:]
    is_plain = places and text[-places - 1 : -places] == "." and digits.isascii() and digits.isdigit()
    return int(digits) if is_plain else None


def to_decimal(minor: int, currency: str) -> Decimal:
    """Turn minor units (1250) into the decimal a platform or a person reads (12.50)."""
    return Decimal(minor).scaleb(-exponent(currency))


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` minor units in proportion to `weights`; the parts sum to it exactly.

    Largest remainder, ties to the earlier part. All weights zero: everything goes to the first part.
    """
    if not weights:
        raise ValueError("nothing to split among")
    if min(weights) < 0:
        raise ValueError("a weight is negative")
    whole = sum(weights)
    if whole == 0:
        return [total, *([0] * (len(weights) - 1))]
    sign, rest = (-1, -total) if total < 0 else (1, total)
    shares = [rest * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-(rest * weights[i] % whole), i))
    for i in order[: rest - sum(shares)]:
        shares[i] += 1
    return [sign * share for share in shares]


def spread_difference(total: int, amounts: Sequence[int]) -> list[int]:
    """Give the amounts with what they lack of `total`, or have too much, spread over them; they then sum to it exactly.

    In proportion to their sizes by largest remainder, so an amount of 0 stays 0 unless all are. Where all are positive
    and `total` is not negative, none falls below 0. For parts that a platform rounded apart from their sum.
    """
    difference = total - sum(amounts)
    if difference == 0:
        return list(amounts)
    shares = allocate(difference, [abs(amount) for amount in amounts])
    return [amount + share for amount, share in zip(amounts, shares, strict=True)]


def scale(amount: int, numerator: int, denominator: int) -> int:
    """Give amount × numerator ÷ denominator in whole units, half a unit rounded away from zero; exact at any size."""
    if denominator <= 0:
        raise ValueError("the denominator is not above zero")
    product = amount * numerator
    rounded = (2 * abs(product) + denominator) // (2 * denominator)
    return -rounded if product < 0 else rounded


@dataclass(frozen=True, slots=True)
class OrderRate:
    """The exchange rate that an order itself carries: `total` in `currency` was `store_total` in `store_currency`.

    `store_currency` is "" and `store_total` None where the order was paid in the store's own currency, or no rate is
    known. No other rate is ever used: what an order was worth does not change with the market. Each amount is
    converted by itself and rounded to the minor unit, half of one away from zero.
    """

    currency: str
    total: int = 0
    store_currency: str = ""
    store_total: int | None = None

    def convert(self, amount: int, currency: str) -> int | None:
        """Give what an amount of the order is in `currency`; None where the order does not say."""
        if self.is_in(currency):
            return amount
        if not currency or currency.upper() != self.store_currency.upper() or self.store_total is None:
            return None
        return scale(amount, self.store_total, self.total) if self.total > 0 else None

    def convert_back(self, amount: int, currency: str) -> int | None:
        """Give what an amount in `currency`, a fee of the merchant's say, is in the order's; None where unknown."""
        if self.is_in(currency):
            return amount
        if not currency or currency.upper() != self.store_currency.upper() or not self.store_total:
            return None
        return scale(amount, self.total, self.store_total) if self.store_total > 0 else None

    def is_in(self, currency: str) -> bool:
        """Say whether the order was paid in this currency."""
        return currency.upper() == self.currency.upper()


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of a currency; arithmetic across currencies raises ValueError."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add")
        return other.minor

    @property
    def decimal(self) -> Decimal:
        return to_decimal(self.minor, self.currency)
