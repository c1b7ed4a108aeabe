"""Refund once: WooCommerce has no idempotency key, so ours travels in the refund's meta data."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from decimal import Decimal
from typing import Any

from core.money import to_decimal
from core.platform.contract import Outcome, Reimbursement
from core.platform.snapshots import RefundLine
from plugins.woocommerce import mapping
from plugins.woocommerce.tracking import meta_of

GATEWAY_META = "_aftercare_through_gateway"
"""Set on a refund of ours that was to move money, so that reading it back later still knows."""
NO_GATEWAY = "The order's payment method cannot pay back by itself. Refund it there, then record it on the order."
NOT_PAID = "The refund is recorded, but the payment method did not send the money. Pay it back by hand."
UNCLEAR = (
    "The order has this refund, but WooCommerce does not say whether the money was sent. Look at the payment first."
)
WRITTEN_DOWN = "The refund is recorded, as your settings want it, and no money was sent. Pay it back by hand."


def find_refund(refunds: Iterable[Mapping[str, Any]], wanted: Reimbursement) -> Mapping[str, Any] | None:
    """Give the refund that carries our key, else one without a key that has our reason and amount, or None.

    WooCommerce saves a refund with its reason first, asks the gateway then, and writes the meta data last (10.5): while
    the gateway is slow, or where PHP died, a refund of ours has no key.
    """
    rows = list(refunds)
    keyed = (row for row in rows if meta_of(row).get(mapping.KEY_META) == wanted.key)
    return next(keyed, None) or next((row for row in rows if _lacks_key(row, wanted)), None)


def _lacks_key(row: Mapping[str, Any], wanted: Reimbursement) -> bool:
    known = mapping.refund(row, wanted.currency)
    return not known.key and bool(wanted.reason) and (known.reason, known.amount) == (wanted.reason, wanted.amount)


def refund_body(
    wanted: Reimbursement, goods: Container[str], parts: Mapping[str, Decimal] | None = None
) -> dict[str, Any]:
    """Write the refund as WooCommerce wants it; `goods` are the refs of the lines that come back in units.

    `parts` are the order's `fractions`: of such a line WooCommerce counts the measure, we one piece.

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
                # Shipping and fees have none; WooCommerce would count theirs among the goods still to come back.
                "quantity": _units(part, parts or {}) if part.ref in goods else 0,
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


def _units(part: RefundLine, parts: Mapping[str, Decimal]) -> int | float:
    return float(parts[part.ref] * part.quantity) if part.ref in parts else part.quantity


def outcome_of(row: Mapping[str, Any], currency: str, *, asked: int | None = None, link: str = "") -> Outcome:
    """Say what became of a refund that WooCommerce has; `asked` is compared with what it wrote down."""
    written = mapping.refund(row, currency)
    sentence = ""
    if not written.paid_out and not written.key:
        sentence = UNCLEAR
    elif not written.paid_out:
        sentence = NOT_PAID if meta_of(row).get(GATEWAY_META) == "yes" else WRITTEN_DOWN
    elif asked not in (None, written.amount):
        sentence = f"WooCommerce recorded {to_decimal(written.amount, currency)} {currency}. Check the order."
    return Outcome("needs_staff" if sentence else "issued", written.ref, written.amount, link, sentence)
