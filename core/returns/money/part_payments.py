"""Parts of a return that were paid at the platform: reimbursements of their own, taken from what is still due here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.money import allocate
from core.returns.model import Reimbursement, Return
from core.returns.money.purchased import PurchasedOrder
from core.returns.money.quotes import REFUNDED_BEFORE, Entry, Quote, QuoteLine
from core.returns.money.refund_amount import pay_out, waterfall

_PART = ":part:"


def intent_of(rma: Return, refund_ref: str) -> str:
    """Give the intent of the part that a refund of the platform's paid."""
    return f"return:{rma.id}{_PART}{refund_ref}"


def is_part(intent: str) -> bool:
    """Say whether an intent is that of a part: its return may still bring more."""
    return _PART in intent


def parts_of(session: Session, rma: Return) -> list[Reimbursement]:
    """Give the parts of a return that were paid at the platform, oldest first."""
    mine = sa.select(Reimbursement).where(Reimbursement.return_id == rma.id, Reimbursement.state == "issued")
    return [row for row in session.scalars(mine.order_by(Reimbursement.id)) if is_part(row.intent)]


def units_of(parts: Sequence[Reimbursement]) -> Counter[str]:
    """Count the units that parts were paid for, by line."""
    units: Counter[str] = Counter()
    for row in parts:
        for line in row.lines:
            units[line["ref"]] += line["quantity"]
    return units


def take_off(given: Quote, paid: int, units: Counter[str], bought: PurchasedOrder) -> Quote:
    """Give what is left of a quote once `paid` of it and so many of its units have been paid.

    `bought` is the order as it stands, these payments included; never more than that has left.
    """
    total = min(max(0, given.total - paid), bought.left)
    lines = tuple(line for one in given.lines if (line := _without(one, units[one.ref])) is not None)
    earlier = Entry("earlier", total - given.total, note=REFUNDED_BEFORE)
    return replace(
        given,
        total=total,
        lines=lines,
        payout=pay_out(lines, total) if lines else (),
        payments=waterfall(bought, total),
        explanation=(*given.explanation, *([earlier] if earlier.amount else [])),
    )


def _without(line: QuoteLine, units: int) -> QuoteLine | None:
    """Give a line less some of its units, each worth the same; None where none is left."""
    if not units:
        return line
    left = line.quantity - units
    if left <= 0:
        return None
    taxes = {ref: allocate(amount, [units, left])[1] for ref, amount in line.taxes.items()}
    return replace(line, quantity=left, net=allocate(line.net, [units, left])[1], taxes=taxes)
