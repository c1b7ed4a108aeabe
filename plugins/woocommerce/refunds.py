"""Giving money back once: WooCommerce has no idempotency key, so ours travels in the refund's meta data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.money import to_decimal
from core.platform.contract import Outcome, Reimbursement
from core.platform.errors import Refused
from core.platform.snapshots import OrderSnapshot
from plugins.woocommerce import mapping
from plugins.woocommerce.parcels import meta_of

GATEWAY_META = "_aftercare_through_gateway"
"""Set on a refund of ours that was to move money, so that reading it back later still knows."""
NO_GATEWAY = "The order's payment method cannot pay back by itself. Refund it there, then record it on the order."
NOT_PAID = "The refund is recorded, but the payment method did not send the money. Pay it back by hand."


def find_refund(refunds: Iterable[Mapping[str, Any]], key: str) -> Mapping[str, Any] | None:
    """Give the refund that carries our key, or None."""
    return next((row for row in refunds if meta_of(row).get(mapping.KEY_META) == key), None)


def check_amounts(order: OrderSnapshot, wanted: Reimbursement) -> None:
    """Raise Refused for what WooCommerce would take but should not: it checks the amount against the rest, no more.

    Ninety-nine units of three, or lines that do not add up to the amount, answer 201 there (10.5, 2026-11).
    """
    if wanted.currency != order.currency:
        raise Refused(f"The order is in {order.currency}, the refund in {wanted.currency}.")
    rest = order.total - sum(refund.amount for refund in order.refunds)
    if not 0 < wanted.amount <= rest:
        raise Refused(f"{_words(rest, order)} of this order can still be refunded, not {_words(wanted.amount, order)}.")
    left = {line.ref: line.quantity - line.removed for line in order.lines}
    for part in wanted.lines:
        if part.ref not in left or not 0 <= part.quantity <= left[part.ref]:
            raise Refused(f"Of line {part.ref}, {left.get(part.ref, 0)} can still go back, not {part.quantity}.")
    parts = sum(part.amount + sum(part.taxes.values()) for part in wanted.lines)
    if wanted.lines and parts != wanted.amount:
        raise Refused(f"The lines add up to {_words(parts, order)}, the refund is {_words(wanted.amount, order)}.")


def refund_body(wanted: Reimbursement) -> dict[str, Any]:
    """Write the refund as WooCommerce wants it.

    Always the amount (without it the refund is of nothing), and JSON booleans (anything else counts as true).
    """
    meta = [{"key": mapping.KEY_META, "value": wanted.key}]
    if wanted.through_gateway:
        meta.append({"key": GATEWAY_META, "value": "yes"})
    return {
        "amount": str(to_decimal(wanted.amount, wanted.currency)),
        "reason": wanted.reason,
        "api_refund": bool(wanted.through_gateway),
        "api_restock": bool(wanted.restock),
        "line_items": [
            {
                "id": int(part.ref),
                "quantity": part.quantity,
                "refund_total": str(to_decimal(part.amount, wanted.currency)),
                "refund_tax": [
                    {"id": int(rate), "refund_total": str(to_decimal(amount, wanted.currency))}
                    for rate, amount in part.taxes.items()
                ],
            }
            for part in wanted.lines
        ],
        "meta_data": meta,
    }


def outcome_of(row: Mapping[str, Any], currency: str, *, asked: int | None = None, link: str = "") -> Outcome:
    """Say what became of a refund that WooCommerce has; `asked` is compared with what it wrote down."""
    written = mapping.refund(row, currency)
    sentence = ""
    if meta_of(row).get(GATEWAY_META) == "yes" and not row.get("refunded_payment"):
        sentence = NOT_PAID
    elif asked not in (None, written.amount):
        sentence = f"WooCommerce recorded {to_decimal(written.amount, currency)} {currency}. Check the order."
    return Outcome("needs_staff" if sentence else "issued", written.ref, written.amount, link, sentence)


def _words(amount: int, order: OrderSnapshot) -> str:
    return f"{to_decimal(amount, order.currency)} {order.currency}"
