"""What a refund, a store credit or an exchange does to the sample store's orders; `sample_store.py` keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from core.money import to_decimal
from core.platform.contract import ExchangeLine, Outcome, Reimbursement
from core.platform.errors import Refused
from core.platform.refund_checks import goods_of
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    PaymentSnapshot,
    RefundSnapshot,
    Variant,
)

PAY_PAGE = "https://pay.sample-store.example/"
NO_GATEWAY = "This payment cannot pay back by itself. Pay the money back by hand."
BEING_PACKED = "This order is being packed. Stop it in the warehouse, then cancel it in the store."
SAME_ORDER = "/exchange-"
"""In the ref of a refund that paid for what goes out with the order itself; before it stands the order's."""
WRITTEN_DOWN = "The refund is written down, no money was sent. Pay it back by hand."


def take_back(order: OrderSnapshot, wanted: Reimbursement, ref: str, now: datetime, *, flows: int) -> OrderSnapshot:
    """Give the order with the refund `ref` in its books, and `flows` of its amount back through its payments."""
    goods = goods_of(order)
    parts = tuple(part if part.ref in goods else replace(part, quantity=0) for part in wanted.lines)
    units = {part.ref: part.quantity for part in parts}
    refund = RefundSnapshot(
        ref, wanted.amount, now, wanted.reason, wanted.key, parts, _gives(wanted), wanted.return_ref
    )
    return replace(
        order,
        lines=tuple(replace(line, removed=line.removed + units.get(line.ref, 0)) for line in order.lines),
        payments=tuple(_paid_back(order, wanted, flows)),
        refunds=(*order.refunds, refund),
        updated_at=now,
    )


def reckon(wanted: Reimbursement, shifts: int) -> Reimbursement:
    """Divide a refund as a store does that reckons lines by itself: its first line gets so much less, its last more.

    With one line, all of the refund is that much less.
    """
    if not shifts or wanted.kind != "refund" or not wanted.lines:
        return wanted
    first, *others = wanted.lines
    lines = [replace(first, amount=first.amount - shifts), *others]
    if others:
        lines[-1] = replace(lines[-1], amount=lines[-1].amount + shifts)
    return replace(wanted, lines=tuple(lines), amount=sum(line.gross for line in lines))


def canceled(order: OrderSnapshot, now: datetime) -> OrderSnapshot:
    """Give an order as it is once the store has canceled it."""
    return replace(order, state=OrderState.CANCELED, status="canceled", canceled_at=now, updated_at=now)


def joined(order: OrderSnapshot, instead: OrderSnapshot) -> OrderSnapshot:
    """Give an order with what goes out in exchange as further lines of its own, paid with what came back."""
    number = len(order.refunds) + 1
    lines = tuple(replace(line, ref=f"{line.ref}-X{number}") for line in instead.lines)
    paid = tuple(replace(payment, ref=f"{payment.ref}-{number}") for payment in instead.payments)
    return replace(
        order, lines=(*order.lines, *lines), total=order.total + instead.total, payments=(*order.payments, *paid)
    )


def credit_code(key: str) -> str:
    """Give the code of the store credit that `key` asked for; the same key, the same code."""
    return f"CREDIT-{_short(key)}"


def exchange_order(
    order: OrderSnapshot, wanted: Reimbursement, variants: Mapping[str, Variant], now: datetime
) -> OrderSnapshot:
    """Give the order that sends out what the shopper gets instead, unpaid where that costs more than came back.

    What was told to the shopper is what it costs, else what a variant costs now; the same again costs what was bought.
    """
    goods = goods_of(order)
    again = tuple(ExchangeLine(part.ref, "", part.quantity) for part in wanted.lines if part.ref in goods)
    lines = tuple(_going_out(order, one, variants.get(one.variant)) for one in wanted.exchange or again)
    price = sum(line.total for line in lines)
    is_paid = price <= wanted.amount
    return replace(
        order,
        ref=f"{order.ref}-X{_short(wanted.key)}",
        number=f"{order.number}-X{_short(wanted.key)}",
        state=OrderState.OPEN if is_paid else OrderState.UNPAID,
        status="open",
        total=price,
        tax_included=True,
        placed_at=now,
        updated_at=now,
        paid_at=now if is_paid else None,
        status_at=None,
        canceled_at=None,
        promised_by=None,
        lines=lines,
        shipments=(),
        payments=(PaymentSnapshot("exchange", "exchange", min(price, wanted.amount)),),
        refunds=(),
    )


def missing_variant(wanted: Reimbursement, stock: Mapping[str, int]) -> str:
    """Say which thing that is to go out the store does not have; "" where it has all."""
    for one in wanted.exchange:
        if one.variant and stock.get(one.variant, 0) < one.quantity:
            return f"Not in stock: {one.quantity} × {one.title or one.variant}. Send it by hand, or agree on another."
    return ""


def pay(order: OrderSnapshot, now: datetime) -> OrderSnapshot:
    """Give an order that waited for its payment once the shopper has paid what was open."""
    rest = order.total - sum(payment.captured for payment in order.payments)
    card = PaymentSnapshot("card", "card", rest, refundable=True, methods=("refund",))
    payments = (*order.payments, card)
    return replace(order, state=OrderState.OPEN, paid_at=now, updated_at=now, payments=payments)


def can_pay_back(order: OrderSnapshot, wanted: Reimbursement) -> bool:
    """Say whether the payments it shall flow through, or all where none is named, can pay back that much."""
    named = dict(wanted.payments)
    able = (pay for pay in order.payments if pay.refundable and (not named or pay.ref in named))
    return sum(payment.captured - payment.refunded for payment in able) >= wanted.amount


def outcome_of(order: OrderSnapshot, refund: RefundSnapshot, credit: Mapping[str, Any] | None) -> Outcome:
    """Say what became of a refund in the books; of a store credit also with which code."""
    ref, amount = refund.ref.partition(SAME_ORDER)[0], refund.amount
    if not refund.paid_out:
        return Outcome("needs_staff", ref, amount, order.admin_url, WRITTEN_DOWN)
    if credit is None:
        return Outcome("issued", ref, amount, lines=refund.lines)
    told = f"Store credit of {_words(amount, order)}: {ref}"
    return Outcome("issued", ref, amount, sentence=told, credit=credit.get("in", "code"))


def awaited(instead: OrderSnapshot, amount: int) -> Outcome:
    """Say what the shopper has still to pay, and where, before an exchange goes out."""
    rest = _words(instead.total - sum(one.captured for one in instead.payments), instead)
    sentence = f"Order {instead.number} goes out once {rest} are paid."
    return Outcome("awaiting_payment", instead.ref, amount, PAY_PAGE + instead.ref, sentence)


def _gives(wanted: Reimbursement) -> bool:
    return wanted.kind != "refund" or wanted.through_gateway


def _words(amount: int, order: OrderSnapshot) -> str:
    return f"{to_decimal(amount, order.currency)} {order.currency}"


def _short(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=4).hexdigest().upper()


def _going_out(order: OrderSnapshot, one: ExchangeLine, variant: Variant | None) -> LineItemSnapshot:
    bought = next((line for line in order.lines if line.ref == one.line), None)
    if bought is None or one.quantity < 1:
        raise Refused(f"Line {one.line} of this order cannot be exchanged.")
    gross = bought.total + (0 if order.tax_included else bought.tax)
    total = gross * one.quantity // bought.quantity
    if one.price is not None:
        total = one.price
    elif variant is not None and variant.price is not None:
        total = variant.price * one.quantity
    bought = replace(bought, quantity=one.quantity, total=total, tax=0, taxes=(), discount=0, removed=0)
    return replace(bought, variant=variant.title, image_url=variant.image_url) if variant else bought


def _paid_back(order: OrderSnapshot, wanted: Reimbursement, rest: int) -> Iterator[PaymentSnapshot]:
    named = dict(wanted.payments)
    for payment in order.payments:
        left = payment.captured - payment.refunded
        share = min(rest, left, named.get(payment.ref, 0) if named else left)
        rest -= share
        refundable = payment.refundable and share < left
        yield replace(payment, refunded=payment.refunded + share, refundable=refundable)
