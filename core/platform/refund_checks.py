"""What has to be refused before money goes back, in sentences for the merchant; the same at every platform."""

from __future__ import annotations

from collections import Counter

from core.money import to_decimal
from core.platform.contract import Reimbursement
from core.platform.errors import Refused
from core.platform.snapshots import OrderSnapshot

GOODS = ("physical", "digital")
"""Kinds of lines that come back in units; shipping and fees come back as money alone."""


def check_amounts(order: OrderSnapshot, wanted: Reimbursement) -> None:
    """Raise Refused for more than is left of the order or of a line's units, and for lines that do not add up.

    Goods, shipping and fees are all lines here. Amounts in minor units of the order's currency.
    """
    if wanted.currency != order.currency:
        raise Refused(f"The order is in {order.currency}, the refund in {wanted.currency}.")
    rest = order.total - sum(refund.amount for refund in order.refunds)
    if not 0 < wanted.amount <= rest:
        raise Refused(f"{_words(rest, order)} of this order can still be refunded, not {_words(wanted.amount, order)}.")
    _check_units(order, wanted)
    parts = sum(part.gross for part in wanted.lines)
    if wanted.lines and parts != wanted.amount:
        raise Refused(f"The lines add up to {_words(parts, order)}, the refund is {_words(wanted.amount, order)}.")


def goods_of(order: OrderSnapshot) -> frozenset[str]:
    """Give the refs of the lines that come back in units."""
    return frozenset(line.ref for line in order.lines if line.kind in GOODS)


def _check_units(order: OrderSnapshot, wanted: Reimbursement) -> None:
    left = {line.ref: line.quantity - line.removed for line in order.lines}
    named = Counter(part.ref for part in wanted.lines)
    for part in wanted.lines:
        if named[part.ref] > 1:
            raise Refused(f"Line {part.ref} is named twice in one refund.")
        if part.ref not in left or not 0 <= part.quantity <= left[part.ref]:
            raise Refused(f"Of line {part.ref}, {left.get(part.ref, 0)} can still go back, not {part.quantity}.")


def _words(amount: int, order: OrderSnapshot) -> str:
    return f"{to_decimal(amount, order.currency)} {order.currency}"
