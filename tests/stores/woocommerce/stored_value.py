"""Orders paid in part with gift cards, store credit or points, each as its plugin leaves them behind (2026-11).

WooCommerce knows nothing of the balance: it refunds up to the order's own total, and no REST call of its own or of
these plugins puts anything back. `gift_cards` is as WooCommerce Gift Cards answers (woocommerce-ios issue 10336); the
others are as public code reads them, not recorded.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .php import Json
from .shapes import money, number, set_meta


def pay_with_gift_cards(order: Json, *amounts: str) -> Json:
    """WooCommerce Gift Cards: an extra list, with numbers; the total is what was left to pay."""
    order["gift_cards"] = [
        {"id": 2 * at, "code": f"QX7{at}-BMP8-XJZ2-ZKS9", "amount": number(Decimal(amount))}
        for at, amount in enumerate(amounts, 1)
    ]
    return _take_off(order, amounts)


def pay_with_pw_gift_card(order: Json, amount: str) -> Json:
    """PW Gift Cards: an order item of its own."""
    order["pw_gift_card_lines"] = [{"id": 9001, "card_number": "AAAA-BBBB-CCCC-DDDD", "amount": amount}]
    return _take_off(order, [amount])


def pay_with_yith_gift_card(order: Json, amount: str) -> Json:
    """YITH Gift Cards: order meta, amounts by code."""
    set_meta(order, 9002, "_ywgc_applied_gift_cards", {"YITH-CODE": number(Decimal(amount))})
    return _take_off(order, [amount])


def pay_with_account_funds(order: Json, amount: str) -> Json:
    """Account Funds: order meta."""
    set_meta(order, 9003, "_funds_used", amount)
    return _take_off(order, [amount])


def pay_with_advanced_coupons(order: Json, amount: str) -> Json:
    """Advanced Coupons' store credit after tax: order meta, as a PHP array."""
    paid = {"amount": number(Decimal(amount)), "raw_amount": number(Decimal(amount)), "currency": order["currency"]}
    set_meta(order, 9004, "acfw_store_credits_order_paid", paid)
    return _take_off(order, [amount])


def pay_with_wallet(order: Json, amount: str) -> Json:
    """TeraWallet: a fee below zero without tax."""
    key = {"id": 9006, "key": "_legacy_fee_key", "value": "_via_wallet_partial_payment"}
    fee: Json = {"id": 9005, "name": "Via wallet", "tax_class": "", "tax_status": "none", "amount": f"-{amount}"}
    fee |= {"total": f"-{amount}", "total_tax": "0.00", "taxes": [], "meta_data": [key]}
    order["fee_lines"] = [*order["fee_lines"], fee]
    return _take_off(order, [amount])


def pay_with_smart_coupon(order: Json, amount: str) -> Json:
    """Smart Coupons' store credit after tax: a coupon line, the lines as they were, the total lowered."""
    order["coupon_lines"] = [_coupon("gift-4711", "smart_coupon", amount)]
    set_meta(order, 9007, "smart_coupons_contribution", {"gift-4711": number(Decimal(amount))})
    return _take_off(order, [amount])


def pay_in_the_lines(order: Json, code: str, kind: str, share: Mapping[int, str]) -> Json:
    """A coupon that points or credit turned into: it lowers lines, by their place, before tax (Points and Rewards)."""
    before = Decimal(order["total"])
    for at, amount in share.items():
        line = order["line_items"][at]
        line["total"] = money(Decimal(line["total"]) - Decimal(amount))
        tax = money(Decimal(line["total_tax"]) * Decimal(line["total"]) / Decimal(line["subtotal"]))
        lowered = Decimal(line["total_tax"]) - Decimal(tax)
        line["total_tax"] = tax
        line["taxes"] = [{**rate, "total": tax} for rate in line["taxes"]]
        order["total"] = money(Decimal(order["total"]) - Decimal(amount) - lowered)
    net = sum((Decimal(amount) for amount in share.values()), Decimal())
    order["coupon_lines"] = [_coupon(code, kind, money(net), money(before - Decimal(order["total"]) - net))]
    return order


def _coupon(code: str, kind: str, discount: str, tax: str = "0.00") -> dict[str, Any]:
    return {"id": 9008, "code": code, "discount": discount, "discount_tax": tax, "discount_type": kind, "meta_data": []}


def _take_off(order: Json, amounts: Sequence[str]) -> Json:
    order["total"] = money(Decimal(order["total"]) - sum((Decimal(amount) for amount in amounts), Decimal()))
    return order
