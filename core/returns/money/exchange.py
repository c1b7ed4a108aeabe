"""What an exchange comes to: the things that go out, what they cost, and who pays the difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.returns.money.quotes import Entry, Quote
from core.returns.money.refund_amount import difference


class ExchangeWish(Protocol):
    """What was asked for in exchange of some units of a line: a return's item, or a line of a request."""

    @property
    def exchange_for(self) -> str: ...
    @property
    def exchange_title(self) -> str: ...
    @property
    def exchange_price(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class ExchangeGoods:
    """Some units that go out for so many of a line. `price` is what they cost together, None where nobody told one.

    `variant` is the platform's ref, "" for the same again, or the shopper's own words, which then are the title too.
    """

    line: str
    variant: str
    quantity: int
    title: str
    price: int | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """An exchange as the shopper is told it: what goes out, and in minor units what they pay or get back.

    Both are None where the price of something is not known: the store says it before it sends anything.
    """

    goods: tuple[ExchangeGoods, ...]
    to_pay: int | None
    back: int | None
    entries: tuple[Entry, ...]
    """The explanation: what comes back, less what goes out; adds up to `back` less `to_pay`."""


def goods_for(line: str, title: str, units: int, wish: ExchangeWish, worth: int) -> ExchangeGoods:
    """Say what goes out for some units of a line; `worth` is what they bring, and so what the same again costs."""
    if not wish.exchange_for:
        return ExchangeGoods(line, "", units, title, worth)
    price = None if wish.exchange_price is None else wish.exchange_price * units
    return ExchangeGoods(line, wish.exchange_for, units, wish.exchange_title or wish.exchange_for, price)


def settle(given: Quote, goods: Sequence[ExchangeGoods]) -> Settlement:
    """Set what goes out against what came back, fees and all."""
    prices = [one.price for one in goods if one.price is not None]
    if len(prices) < len(goods):
        return Settlement(tuple(goods), None, None, ())
    rest = difference(given, sum(prices))
    out = (Entry("exchange", -(one.price or 0), one.line, one.title) for one in goods)
    return Settlement(tuple(goods), rest.from_shopper, rest.to_shopper, (*given.explanation, *out))


def settle_promised(amount: int, exchange: Iterable[Mapping[str, Any]], explanation: Iterable[Entry]) -> Settlement:
    """Give the settlement of an exchange that was promised, as its row keeps it (Reimbursement.exchange)."""
    goods = [
        ExchangeGoods(one["line"], one["variant"], one["quantity"], one.get("title", ""), one.get("price"))
        for one in exchange
    ]
    return settle(Quote(amount, (), (), 0, 0, (), tuple(explanation)), goods)
