"""What a return brings: the amount, where it comes from, which payments it flows back through, and why it is that.

Pure: values in, a `Quote` out. How a line's money is shared among its units is in `shares.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.money import allocate
from core.returns.money.allocation import (
    NET,
    Parts,
    reconcile_lines,
    remaining_parts,
    rounding_room,
    scale_down,
    share_of_units,
    stored_parts,
)
from core.returns.money.purchased import GOODS, PurchasedLine, PurchasedOrder
from core.returns.money.quotes import (
    NOT_PAID,
    REFUNDED_BEFORE,
    ROUNDED,
    SHARE_OF_DISCOUNT,
    STANDARD_DELIVERY,
    Difference,
    Entry,
    Quote,
    QuoteLine,
    QuoteRequest,
)


class NothingLeft(Exception):
    """Everything that was paid for this order has been given back."""


class MoreThanBought(Exception):
    """More units of a line are wanted than are left."""

    def __init__(self, ref: str, left: int) -> None:
        super().__init__(f"Of line {ref}, {left} can still go back.")
        self.ref = ref
        self.left = left


@dataclass(frozen=True, slots=True)
class _Worth:
    """One line's part in the quote, and how it came about: as stored, and after the order was made to add up."""

    line: PurchasedLine
    part: QuoteLine
    stored: int
    settled: int
    left: int = 0
    """What can still go back of a line that is refunded by amount, in minor units."""


def quote(bought: PurchasedOrder, wanted: QuoteRequest) -> Quote:
    """Say what the wanted units bring, never more than was paid for them and not given back.

    The same units bring the same in one return or in many, in whatever order; all of them bring what was paid.
    Raises NothingLeft, MoreThanBought, and ValueError for a negative quantity or amount.
    """
    if not bought.left:
        raise NothingLeft
    _check(bought, wanted)
    settled = reconcile_lines(bought.lines, bought.total, bought.tax_included)
    worths = _worths(bought, wanted, settled)
    lines = tuple(worth.part for worth in worths)
    value = sum(part.gross for part in lines)
    shipping = sum(worth.part.gross for worth in worths if worth.line.kind == "shipping")
    fees = _fees(wanted, value, sum(worth.part.gross for worth in worths if worth.line.kind in GOODS))
    kept = sum(amount for _, amount in fees)
    total = min(value - kept, bought.left)
    return Quote(
        total=total,
        lines=lines,
        payout=_payout(lines, total),
        shipping=shipping,
        fees=kept,
        payments=waterfall(bought, total),
        explanation=_explain(worths, _has_discount(bought, settled), fees, total, _shipping_note(wanted, worths)),
    )


def waterfall(bought: PurchasedOrder, amount: int) -> tuple[tuple[str, int], ...]:
    """Spread an amount over the payments, those that can pay back by themselves first, else in the order given.

    Each gives what it captured and has not refunded. Refunds that name no payment count as if they had come this way.
    """
    unnamed = max(0, bought.refunded - sum(payment.refunded for payment in bought.payments))
    shares = []
    for payment in sorted(bought.payments, key=lambda payment: not payment.refundable):
        left = max(0, payment.captured - payment.refunded)
        skipped = min(left, unnamed)
        unnamed -= skipped
        if share := min(left - skipped, amount):
            shares.append((payment.ref, share))
            amount -= share
    return tuple(shares)


# Not called yet: an exchange asks what is left to pay (issue B, an exchange says one thing).
def difference(returned: Quote, new_price: int) -> Difference:
    """Set the price of what an exchange sends out, taxes and all, against what came back."""
    if new_price < 0:
        raise ValueError("a price is negative")
    if new_price >= returned.total:
        return Difference(from_shopper=new_price - returned.total)
    due = rest = returned.total - new_price
    payments = []
    for ref, amount in returned.payments:
        if share := min(amount, rest):
            payments.append((ref, share))
            rest -= share
    return Difference(to_shopper=due, payments=tuple(payments))


def apply_quote(bought: PurchasedOrder, given: Quote) -> PurchasedOrder:
    """Give the order as it stands once the quote is paid: the next quote starts from it."""
    parts = {part.ref: part for part in given.lines}
    flows = dict(given.payments)
    settled = reconcile_lines(bought.lines, bought.total, bought.tax_included)
    return replace(
        bought,
        lines=tuple(
            _without(line, amounts, parts[line.ref], bought.tax_included) if line.ref in parts else line
            for line, amounts in zip(bought.lines, settled, strict=True)
        ),
        payments=tuple(replace(pay, refunded=pay.refunded + flows.get(pay.ref, 0)) for pay in bought.payments),
        refunded=bought.refunded + given.total,
    )


def _worths(bought: PurchasedOrder, wanted: QuoteRequest, settled: Sequence[Parts]) -> list[_Worth]:
    budget = None if isinstance(wanted.shipping, bool) else wanted.shipping
    worths = []
    for line, amounts in zip(bought.lines, settled, strict=True):
        left = remaining_parts(line, amounts, bought.tax_included)
        if line.kind == "shipping" and budget is not None:
            amount = min(budget, sum(left.values()))
            budget -= amount
            worths += _worth_of_amount(line, left, amount)
            continue
        all_of_it = line.kind == "shipping" and wanted.shipping
        if count := line.units_left if all_of_it else wanted.lines.get(line.ref, 0):
            worths.append(_worth(bought, line, amounts, left, count))
    return worths


def _check(bought: PurchasedOrder, wanted: QuoteRequest) -> None:
    lefts = {line.ref: line.units_left for line in bought.lines}
    amounts = [wanted.shipping, wanted.lost_value, *wanted.lines.values(), *(fee.amount for fee in wanted.fees)]
    if min(amounts) < 0 or any(fee.percent < 0 for fee in wanted.fees):
        raise ValueError("a quantity or an amount is negative")
    for ref, count in wanted.lines.items():
        if count > lefts.get(ref, 0):
            raise MoreThanBought(ref, lefts.get(ref, 0))


def _worth(bought: PurchasedOrder, line: PurchasedLine, amounts: Parts, left: Parts, count: int) -> _Worth:
    return _Worth(
        line,
        _part(line, count, share_of_units(left, line.units_left, 0, count)),
        sum(share_of_units(_charged(line, bought.tax_included), line.quantity, line.refunded_quantity, count).values()),
        sum(share_of_units(amounts, line.quantity, line.refunded_quantity, count).values()),
    )


def _worth_of_amount(line: PurchasedLine, left: Parts, amount: int) -> list[_Worth]:
    """Take an amount instead of units; the units count as gone back once nothing is left of their money."""
    if not amount:
        return []
    count = line.units_left if amount == sum(left.values()) else 0
    part = _part(line, count, scale_down(left, amount))
    return [_Worth(line, part, stored=amount, settled=amount, left=sum(left.values()))]


def _charged(line: PurchasedLine, tax_included: bool) -> Parts:
    """Give the line as stored; one that is a discount was never charged."""
    return {key: max(0, amount) for key, amount in stored_parts(line, tax_included).items()}


def _has_discount(bought: PurchasedOrder, settled: Iterable[Parts]) -> bool:
    """Say whether something beside the lines made the order cheaper than rounding could."""
    charged = sum(sum(_charged(line, bought.tax_included).values()) for line in bought.lines)
    return charged - sum(sum(parts.values()) for parts in settled) > rounding_room(bought.lines)


def _part(line: PurchasedLine, count: int, parts: Parts) -> QuoteLine:
    taxes = {ref: amount for ref, amount in parts.items() if ref is not NET and amount}
    return QuoteLine(line.ref, count, parts[NET], taxes)


def _fees(wanted: QuoteRequest, value: int, goods: int) -> list[tuple[str, int]]:
    """List what is kept, by fee; together at most the value."""
    if wanted.withdrawal or wanted.keep_item:
        lost = min(wanted.lost_value, goods) if wanted.withdrawal else 0
        return [("lost_value", lost)] if lost else []
    kept = []
    for fee in wanted.fees:
        amount = min(fee.amount + goods * fee.percent // 100, value)
        value -= amount
        kept.append((fee.what, amount))
    return kept


def _payout(lines: Sequence[QuoteLine], total: int) -> tuple[QuoteLine, ...]:
    """Shrink every line alike until together they are what is paid out."""
    worth = [line.gross for line in lines]
    if sum(worth) == total:
        return tuple(lines)
    shares = allocate(total, worth)
    payout = []
    for line, share in zip(lines, shares, strict=True):
        net, *taxes = allocate(share, [line.net, *line.taxes.values()])
        payout.append(replace(line, net=net, taxes=dict(zip(line.taxes, taxes, strict=True))))
    return tuple(payout)


def _shipping_note(wanted: QuoteRequest, worths: Sequence[_Worth]) -> str:
    """Say why a withdrawal brings less of the shipping than was paid; "" where it brings all."""
    cut = any(worth.left > worth.part.gross for worth in worths if worth.line.kind == "shipping")
    return STANDARD_DELIVERY if wanted.withdrawal and cut else ""


def _explain(
    worths: Sequence[_Worth], has_discount: bool, fees: Sequence[tuple[str, int]], total: int, shipping_note: str
) -> tuple[Entry, ...]:
    """Tell the amount as a sum: each line as stored, what makes the order add up, what is gone, what is kept."""
    stored = sum(worth.stored for worth in worths)
    settled = sum(worth.settled for worth in worths)
    value = sum(worth.part.gross for worth in worths)
    rest = total - value + sum(amount for _, amount in fees)
    lines = [
        Entry("shipping", w.stored, w.line.ref, shipping_note)
        if w.line.kind == "shipping"
        else Entry("line", w.stored, w.line.ref)
        for w in worths
    ]
    gap = settled - stored
    others = [
        Entry("discount", gap, note=SHARE_OF_DISCOUNT) if has_discount else Entry("rounding", gap, note=ROUNDED),
        Entry("earlier", value - settled, note=REFUNDED_BEFORE),
        *(Entry("fee", -amount, note=what) for what, amount in fees),
        Entry("limit", rest, note=NOT_PAID),
    ]
    return (*lines, *(entry for entry in others if entry.amount))


def _without(line: PurchasedLine, settled: Parts, part: QuoteLine, tax_included: bool) -> PurchasedLine:
    """Give the line after a part of it went back: what was settled, less what is then left, is used up."""
    left = remaining_parts(line, settled, tax_included)
    net = settled[NET] - left[NET] + part.net
    taxes = {ref: settled[ref] - left[ref] + part.taxes.get(ref, 0) for ref in line.taxes}
    return replace(
        line,
        refunded_quantity=line.refunded_quantity + part.quantity,
        refunded_total=net + sum(taxes.values()) if tax_included else net,
        refunded_taxes=taxes,
    )
