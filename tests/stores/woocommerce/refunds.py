"""WooCommerce's refund law, with the behaviors recorded on 10.5.0 (2026-11): what it checks and what it does not.

It checks only that the amount is not negative and not more than what remains. A quantity above what was
ordered, or an amount unequal to its lines, is accepted. The refund is saved first, then the gateway pays, then the
refund says so, and the REST controller writes the meta data last (wc_create_refund, 10.5).
"""

import time
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from .errors import RestError, refund_negative, refund_refused
from .gateway import PhpDied
from .php import Json, stamp
from .shapes import LINE_KINDS, make_links, money, number, show_lines

if TYPE_CHECKING:
    from .state import State


def begin_refund(store: "State", order: Json, asked: Json, at: datetime) -> Json:
    """Save a refund of part of an order, unpaid and without meta data; raises `RestError` and changes nothing."""
    # Anything but a JSON boolean counts as true: "false", 0 and null as well.
    api_refund = _is_wanted(asked, "api_refund")
    amount = _amount_asked(asked)
    remaining = remaining_amount(store, order)
    if amount is not None and amount < 0:
        raise refund_negative()
    if amount is not None and amount > remaining:
        raise refund_refused("Invalid refund amount.")
    if api_refund:
        _check_gateway(store, order)
    refund: Json = {
        "id": store.next_id("post"),
        "amount": "" if amount is None else money(amount),
        "reason": asked.get("reason") or "",
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        **_refunded_lines(store, order, asked),
    }
    kind = "full" if amount == remaining else "partial"
    refund["meta_data"].append({"id": store.next_id("meta"), "key": "_refund_type", "value": kind})
    stamp(refund, "date_created", at, store.zone)
    store.refunds.setdefault(order["id"], []).insert(0, refund)
    order["refunds"].insert(0, {"id": refund["id"], "reason": refund["reason"], "total": f"-{refund['amount']}"})
    return refund


def pay_refund(store: "State", order: Json, refund: Json, asked: Json) -> None:
    """Let the gateway pay a saved refund, then write what the request wanted kept with it.

    Without the store's lock: others are answered meanwhile, and see the refund as far as it is. Raises PhpDied.
    """
    if _is_wanted(asked, "api_refund"):
        seconds, key_seconds, dies_at = store.gateway.next_mood(order["id"])
        store.gateway.pay(order["id"], Decimal(refund["amount"] or 0), seconds)
        if dies_at == "money":
            raise PhpDied
        refund["refunded_payment"] = True
        time.sleep(key_seconds)
        if dies_at == "key":
            raise PhpDied
    with store.lock:
        if _is_wanted(asked, "api_restock"):
            _restock(store, refund)
        rows = [{**row, "id": store.next_id("meta")} for row in asked.get("meta_data") or []]
        refund["meta_data"] = [*rows, *refund["meta_data"]]


def _is_wanted(asked: Json, name: str) -> bool:
    return asked[name] if isinstance(asked.get(name), bool) else True


def remaining_amount(store: "State", order: Json) -> Decimal:
    """What is left to refund."""
    done = [Decimal(refund["amount"] or 0) for refund in store.refunds.get(order["id"], [])]
    return Decimal(order["total"]) - sum(done, Decimal())


def show_refund(refund: Json, order_id: int, url: str, decimals: int = 2) -> Json:
    """A refund as REST shows it."""
    order = f"{url}/wp-json/wc/v3/orders/{order_id}"
    links = make_links(f"{order}/refunds", refund["id"], ["GET", "DELETE"])
    return {**refund, **show_lines(refund, decimals), "_links": {**links, "up": [{"href": order}]}}


def _amount_asked(asked: Json) -> Decimal | None:
    """The amount given, else the sum of lines and taxes, else None (WooCommerce then writes an empty one)."""
    if asked.get("amount") is not None:
        try:
            return Decimal(str(asked["amount"]))
        except InvalidOperation:
            raise refund_refused("Invalid refund amount.") from None
    lines = asked.get("line_items") or []
    if not lines or any(line.get("refund_total") is None for line in lines):
        return None
    taxes = [tax for line in lines for tax in _taxes(line).values()]
    return sum((Decimal(str(line["refund_total"])) for line in lines), sum(taxes, Decimal()))


def _check_gateway(store: "State", order: Json) -> None:
    gateway = store.gateways.get(order["payment_method"])
    if gateway is None:
        raise refund_refused("The payment gateway for this order does not exist.")
    if "refunds" not in gateway["method_supports"]:
        raise refund_refused("The payment gateway for this order does not support automatic refunds.")
    if store.gateway_refusal:
        raise refund_refused(store.gateway_refusal)


def _refunded_lines(store: "State", order: Json, asked: Json) -> Json:
    wanted = {line.get("id"): line for line in asked.get("line_items") or [] if _says_something(line)}
    lines: Json = {
        kind: [_negate(store, line, wanted[line["id"]]) for line in order[kind] if line["id"] in wanted]
        for kind in LINE_KINDS
    }
    goods, shipping = (
        sum((Decimal(tax["total"]) for kind in kinds for line in lines[kind] for tax in line["taxes"]), Decimal())
        for kinds in (("line_items", "fee_lines"), ("shipping_lines",))
    )
    lines["tax_lines"] = []
    if order["tax_lines"] and (goods or shipping):
        totals = {"id": store.next_id("item"), "tax_total": money(goods), "shipping_tax_total": money(shipping)}
        lines["tax_lines"] = [{**order["tax_lines"][0], **totals}]
    return lines


def _says_something(line: Json) -> bool:
    return any(line.get(name) for name in ("quantity", "refund_total", "refund_tax"))


def _negate(store: "State", line: Json, asked: Json) -> Json:
    """The order's line as it stands in a refund: negative, and pointing at the original."""
    total = -Decimal(str(asked.get("refund_total") or 0))
    taxes = _taxes(asked)
    ref = str(line["id"])
    meta: Json = {"id": store.next_id("meta"), "key": "_refunded_item_id", "value": ref}
    negated = {
        **line,
        "id": store.next_id("item"),
        "total": money(total),
        "total_tax": money(-sum(taxes.values(), Decimal())),
        "meta_data": [{**meta, "display_key": meta["key"], "display_value": ref}],
    }
    is_goods = "quantity" in line
    negated["taxes"] = [
        {"id": rate, "total": money(-tax), "subtotal": money(-tax) if is_goods else ""} for rate, tax in taxes.items()
    ]
    if is_goods:
        quantity = int(asked.get("quantity") or 0)
        price = number(-total / quantity) if quantity else 0
        subtotals = {"subtotal": negated["total"], "subtotal_tax": negated["total_tax"]}
        negated |= {"quantity": -quantity, "price": price, **subtotals}
    return negated


def _taxes(line: Json) -> dict[Any, Decimal]:
    """Tax per rate id; WooCommerce takes a list of {id, refund_total} or a mapping."""
    given = line.get("refund_tax") or []
    if isinstance(given, dict):
        return {int(rate): Decimal(str(amount)) for rate, amount in given.items()}
    try:
        return {tax["id"]: Decimal(str(tax["refund_total"])) for tax in given}
    except (KeyError, TypeError):
        raise RestError(400, "rest_invalid_param", "Invalid parameter(s): line_items") from None


def _restock(store: "State", refund: Json) -> None:
    for line in refund["line_items"]:
        product = store.products.get(line["product_id"])
        if product and product["manage_stock"]:
            product["stock_quantity"] -= line["quantity"]
