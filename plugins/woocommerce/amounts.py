"""The money of an order's lines and refunds, line by line, summed up as WooCommerce itself sums it up."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from core.money import spread_difference, to_minor
from core.platform.snapshots import LineItemSnapshot, RefundLine, TaxPart
from plugins.woocommerce.tracking import meta_of, rows_of

log = logging.getLogger(__name__)

_MOST = 1_000_000
NO_RATE = "0"
"""The rate of a tax whose rate WooCommerce no longer knows."""


def minor(value: Any, currency: str) -> int:
    """Turn WooCommerce's money text into minor units; some plugins write numbers instead.

    A refund that was made without an amount has "", and "-" in its order (10.5, 2026-11): no money.
    """
    return 0 if value in (None, "", "-") else to_minor(str(value), currency)


def quantity(value: Any) -> Decimal:
    """Read a quantity: plugins sell by the part (1.5 m), and some write it as text or with a comma.

    What is no number is none. Minus is a refund's; see `refund_lines`.
    """
    try:
        read = Decimal(str(value or 0).strip().replace(",", "."))
    except InvalidOperation:
        log.warning("a line's quantity is no number")
        return Decimal(0)
    return read if read.is_finite() and abs(read) <= _MOST else Decimal(0)


def fractions(body: Mapping[str, Any]) -> dict[str, Decimal]:
    """Give how much was sold of each line that is no whole number of pieces, by its ref.

    Such a line is one piece here, named with its measure: it goes back as a whole or not at all.
    """
    sold = {str(row["id"]): quantity(row.get("quantity")) for row in rows_of(body.get("line_items"))}
    return {ref: amount for ref, amount in sold.items() if amount % 1}


def order_lines(body: Mapping[str, Any], currency: str, removed: Mapping[str, int]) -> tuple[LineItemSnapshot, ...]:
    """Give goods, shipping and fees of orders/ID; `removed` counts units gone back by line ref.

    WooCommerce keeps every line total without tax, also where prices include it; so tax_included stays False.
    """
    shipping = rows_of(body.get("shipping_lines"))
    # The order does not say which product is virtual. Where none needs processing and nothing is shipped, all are.
    digital = body.get("needs_processing") is False and not shipping
    lines = [_product_line(row, currency, digital, removed) for row in rows_of(body.get("line_items"))]
    lines += [_charge_line(row, currency, "shipping", removed) for row in shipping]
    lines += [_charge_line(row, currency, "fee", removed) for row in rows_of(body.get("fee_lines"))]
    return tuple(lines)


def refund_lines(
    body: Mapping[str, Any], currency: str, parts: Mapping[str, Decimal] | None = None
) -> Iterator[RefundLine]:
    """Give what a refund took back, by the order's own line refs; `parts` are the order's `fractions`.

    A refund repeats the order's lines with ids of their own and below zero; `_refunded_item_id` names the original
    (10.5, 2026-11). Shipping and fees have no quantity there. Part of a piece is money without a unit.
    """
    for kind in ("line_items", "shipping_lines", "fee_lines"):
        for row in rows_of(body.get(kind)):
            if ref := str(meta_of(row).get("_refunded_item_id") or ""):
                taxes = {rate: -amount for rate, amount in _taxes(row, _tax(row, currency), currency).items()}
                whole = (parts or {}).get(ref, Decimal(1))
                units = int(abs(quantity(row.get("quantity"))) / whole)
                yield RefundLine(ref, units, -minor(row.get("total"), currency), taxes)


def removed_units(refunds: Iterable[Mapping[str, Any]], parts: Mapping[str, Decimal]) -> dict[str, int]:
    """Count the units that orders/ID/refunds took back, by the order's line ref; several parts may make a whole."""
    taken: dict[str, Decimal] = {}
    for row in refunds:
        for line in rows_of(row.get("line_items")):
            ref = str(meta_of(line).get("_refunded_item_id") or "")
            taken[ref] = taken.get(ref, Decimal(0)) + abs(quantity(line.get("quantity")))
    return {ref: int(amount / parts.get(ref, Decimal(1))) for ref, amount in taken.items() if ref}


def _product_line(row: Mapping[str, Any], currency: str, digital: bool, removed: Mapping[str, int]) -> LineItemSnapshot:
    name, parent = row.get("name") or "", row.get("parent_name") or ""
    image, ref = row.get("image"), str(row["id"])
    total, tax = minor(row.get("total"), currency), _tax(row, currency)
    sold = quantity(row.get("quantity"))
    variant = name.removeprefix(parent).removeprefix(" - ") if parent else ""
    measure = f"\u00d7 {sold.normalize():f}" if sold % 1 else ""
    return LineItemSnapshot(
        ref=ref,
        title=parent or name,
        variant=" ".join(filter(None, (variant, measure))),
        quantity=1 if measure else int(sold),
        total=total,
        tax=tax,
        taxes=_tax_parts(row, tax, currency),
        discount=minor(row.get("subtotal"), currency) - total,
        kind="digital" if digital else "physical",
        sku=row.get("sku") or "",
        product_ref=str(row.get("product_id") or ""),
        image_url=image.get("src") or "" if isinstance(image, dict) else "",
        removed=removed.get(ref, 0),
    )


def _charge_line(
    row: Mapping[str, Any], currency: str, kind: Literal["shipping", "fee"], removed: Mapping[str, int]
) -> LineItemSnapshot:
    ref, tax = str(row["id"]), _tax(row, currency)
    return LineItemSnapshot(
        ref=ref,
        title=row.get("method_title") or row.get("name") or "",
        quantity=1,
        total=minor(row.get("total"), currency),
        tax=tax,
        taxes=_tax_parts(row, tax, currency),
        kind=kind,
        removed=removed.get(ref, 0),
    )


def _tax(row: Mapping[str, Any], currency: str) -> int:
    return minor(row.get("total_tax"), currency)


def _tax_parts(row: Mapping[str, Any], tax: int, currency: str) -> tuple[TaxPart, ...]:
    return tuple([TaxPart(rate, amount) for rate, amount in _taxes(row, tax, currency).items()])


def _taxes(row: Mapping[str, Any], tax: int, currency: str) -> dict[str, int]:
    """Give a line's taxes by rate; they add up to `tax`, its total_tax, which is what the order's total is made of.

    WooCommerce stores each rate's tax unrounded and rounds it for total_tax, half down where prices include tax:
    of 29.875 stored, total_tax says 29.87 and taxes[] 29.88 (10.5), or 29.875 before 10.0 (issues 58351, 64668).
    """
    rates = {str(part["id"]): minor(part.get("total"), currency) for part in rows_of(row.get("taxes"))}
    if not rates:
        return {NO_RATE: tax} if tax else {}
    amounts = spread_difference(tax, list(rates.values()))
    return {rate: amount for rate, amount in zip(rates, amounts, strict=True) if amount}
