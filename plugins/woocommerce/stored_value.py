"""Orders paid in part with stored value: gift cards, store credit and points, as WooCommerce's plugins record them.

WooCommerce knows one payment an order, so each plugin takes what it paid off somewhere: off the total, as a fee below
zero, or as a coupon inside the lines. `as_bought` puts it back, so that the order comes to what was bought, and gives
it as payments. No plugin restores such a balance through REST: a person does (woocommerce-ios pull 17691).
Sources, all 2026-11: WooCommerce Gift Cards `gift_cards` (woocommerce-ios issue 10336), PW Gift Cards
`pw_gift_card_lines`, the others in public code that reads their orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.money import allocate, to_decimal
from core.platform.snapshots import PaymentKind, PaymentSnapshot
from plugins.woocommerce.amounts import minor
from plugins.woocommerce.tracking import meta_of, rows_of

YITH_CARDS_META = "_ywgc_applied_gift_cards"
SMART_COUPONS_META = "smart_coupons_contribution"
"""Both are {code: amount}."""
ACCOUNT_FUNDS_META = "_funds_used"
"""An amount (WooCommerce Account Funds)."""
ADVANCED_COUPONS_META = "acfw_store_credits_order_paid"
"""{amount, …} (Advanced Coupons)."""
WALLET_FEE_KEY = "_via_wallet_partial_payment"
"""The key of the fee below zero by which TeraWallet and its kin pay a part."""
POINTS_COUPONS = ("wc_points_redemption_", "ywpar_discount")
"""How the coupons begin that points turn into: Points and Rewards, YITH Points and Rewards."""
CREDIT_COUPON_TYPE = "smart_coupon"


@dataclass(frozen=True, slots=True)
class _Paid:
    """What one balance paid, in minor units."""

    kind: PaymentKind
    ref: str
    amount: int
    coupon: Mapping[str, Any] | None = None
    """The coupon line it may stand in."""


def as_bought(body: Mapping[str, Any], currency: str) -> tuple[Mapping[str, Any], tuple[PaymentSnapshot, ...]]:
    """Give the order as it came to before stored value paid a part of it, and those payments.

    `captured` is set whatever the order's state: the caller knows whether it counts. Raises ValueError and TypeError
    for amounts that are none.
    """
    paid = [one for one in _paid_of(body, currency) if one.amount > 0]
    if not paid:
        return body, ()
    order = dict(body)
    for one in paid:
        order = _put_back(order, one, currency)
    payments = (PaymentSnapshot(f"{one.kind}:{one.ref}", one.kind, one.amount, kind=one.kind) for one in paid)
    return order, tuple(payments)


def _paid_of(body: Mapping[str, Any], currency: str) -> Iterator[_Paid]:
    meta = meta_of(body)
    for card in rows_of(body.get("gift_cards")):
        yield _Paid("gift_card", str(card.get("id") or ""), minor(card.get("amount"), currency))
    for card in rows_of(body.get("pw_gift_card_lines")):
        yield _Paid("gift_card", f"pw-{card.get('id') or ''}", abs(minor(card.get("amount"), currency)))
    # Codes are worth money to whoever reads them, so refs count them instead.
    for at, amount in enumerate(_amounts(meta.get(YITH_CARDS_META)), 1):
        yield _Paid("gift_card", f"yith-{at}", minor(amount, currency))
    yield from _coupons(body, meta, currency)
    yield _Paid("store_credit", "funds", minor(meta.get(ACCOUNT_FUNDS_META), currency))
    if isinstance(credit := meta.get(ADVANCED_COUPONS_META), Mapping):
        yield _Paid("store_credit", "credits", minor(credit.get("amount"), currency))
    for fee in rows_of(body.get("fee_lines")):
        if meta_of(fee).get("_legacy_fee_key") == WALLET_FEE_KEY:
            yield _Paid("store_credit", "wallet", -_gross(fee, currency))


def _coupons(body: Mapping[str, Any], meta: Mapping[str, Any], currency: str) -> Iterator[_Paid]:
    said = meta.get(SMART_COUPONS_META)
    credits = {str(code).lower(): amount for code, amount in said.items()} if isinstance(said, Mapping) else {}
    for at, coupon in enumerate(rows_of(body.get("coupon_lines")), 1):
        code = str(coupon.get("code") or "").lower()
        # Where prices are without tax, the coupon's tax is tax that was not charged, and no balance paid it.
        amount = minor(coupon.get("discount"), currency)
        amount += minor(coupon.get("discount_tax"), currency) if body.get("prices_include_tax") else 0
        ref = str(coupon.get("id") or at)
        if code.startswith(POINTS_COUPONS):
            yield _Paid("points", ref, amount, coupon)
        elif code in credits or coupon.get("discount_type") == CREDIT_COUPON_TYPE:
            yield _Paid("store_credit", ref, minor(credits.pop(code, None), currency) or amount, coupon)
    for at, amount in enumerate(credits.values(), 1):
        yield _Paid("store_credit", f"coupon-{at}", minor(amount, currency))


def _put_back(order: dict[str, Any], one: _Paid, currency: str) -> dict[str, Any]:
    """Undo what made the order cheaper by this much: a fee below zero, the total itself, or a coupon in the lines."""
    total = str(to_decimal(minor(order["total"], currency) + one.amount, currency))
    fees = rows_of(order.get("fee_lines"))
    fee = next((row for row in fees if _gross(row, currency) == -one.amount), None)
    if fee is not None:
        return {**order, "total": total, "fee_lines": [row for row in fees if row is not fee]}
    if one.coupon is not None and _missing(order, currency) < one.amount:
        return {**order, "total": total, "line_items": _raise_lines(order, one.amount, currency)}
    return {**order, "total": total}


def _missing(order: Mapping[str, Any], currency: str) -> int:
    """Say by how much the total is below its lines."""
    lines = (row for kind in ("line_items", "shipping_lines", "fee_lines") for row in rows_of(order.get(kind)))
    return sum(_gross(row, currency) for row in lines) - minor(order["total"], currency)


def _raise_lines(order: Mapping[str, Any], amount: int, currency: str) -> list[dict[str, Any]]:
    """Give the goods with `amount` of their discounts taken back, shared by what each amount was lowered by."""
    rows = rows_of(order.get("line_items"))
    lowered = [_discounts(row, currency, with_tax=bool(order.get("prices_include_tax"))) for row in rows]
    if not rows or not any(map(sum, lowered)):
        return rows
    shares = iter(allocate(amount, [part for parts in lowered for part in parts]))
    return [_raised(row, [next(shares) for _ in parts], currency) for row, parts in zip(rows, lowered, strict=True)]


def _discounts(row: Mapping[str, Any], currency: str, *, with_tax: bool) -> list[int]:
    """Say what was taken off a line: off its net amount and, `with_tax`, off the tax of each rate, else off all tax."""
    if not with_tax:
        return [_lowered(row, "subtotal", "total", currency)]
    rates = rows_of(row.get("taxes"))
    taxes: Sequence[int] = [_lowered(rate, "subtotal", "total", currency) for rate in rates]
    net = _lowered(row, "subtotal", "total", currency)
    return [net, *(taxes or [_lowered(row, "subtotal_tax", "total_tax", currency)])]


def _raised(row: Mapping[str, Any], shares: Sequence[int], currency: str) -> dict[str, Any]:
    net, *taxes = shares
    rates = rows_of(row.get("taxes"))
    if taxes:
        rates = [
            {**rate, "total": _plus(rate.get("total"), share, currency)}
            for rate, share in zip(rates, taxes, strict=False)  # one share for all tax where no rate is told
        ]
    total, tax = _plus(row.get("total"), net, currency), _plus(row.get("total_tax"), sum(taxes), currency)
    return {**row, "total": total, "total_tax": tax, "taxes": rates}


def _lowered(row: Mapping[str, Any], before: str, after: str, currency: str) -> int:
    return max(0, minor(row.get(before), currency) - minor(row.get(after), currency))


def _plus(value: Any, amount: int, currency: str) -> str:
    return str(to_decimal(minor(value, currency) + amount, currency))


def _gross(row: Mapping[str, Any], currency: str) -> int:
    return minor(row.get("total"), currency) + minor(row.get("total_tax"), currency)


def _amounts(said: Any) -> Iterable[Any]:
    """Read a PHP array of amounts by code; an empty one is a list in JSON."""
    return said.values() if isinstance(said, Mapping) else ()
