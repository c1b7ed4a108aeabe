"""Orders, reviews and parcels in WooCommerce's own JSON, cloned from recordings so that every key is there."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from .php import Json, load_recorded, write_gmt

LINE_KINDS = ("line_items", "shipping_lines", "fee_lines")
ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
OAKLAND = {
    "address_1": "500 Oak Ave",
    "address_2": "Apt 2",
    "city": "Oakland",
    "state": "CA",
    "postcode": "94607",
    "country": "US",
    "phone": "+1 510 555 0101",
}


class Line(NamedTuple):
    """One line item as ordered; `price` is for one unit without tax."""

    name: str = "Canvas Tote"
    price: str = "24.00"
    quantity: int = 1
    product_id: int = 11
    sku: str = "TOTE-1"
    variation_id: int = 0


def make_order(
    *,
    placed: datetime,
    lines: Sequence[Line] = (Line(),),
    status: str = "processing",
    number: str = "",
    email: str = "ann@shopper.example",
    first_name: str = "Ann",
    last_name: str = "Berg",
    address: Mapping[str, str] = OAKLAND,
    customer_id: int = 0,
    payment_method: str = "stripe",
    shipping: tuple[str, str, str] = ("flat_rate", "Flat rate", "7.50"),
    fees: Sequence[tuple[str, str]] = (),
    tax_percent: str = "8.5",
    currency: str = "USD",
    note: str = "",
) -> Json:
    """Build an order as WooCommerce shows it, ready for `Store.place`, which gives ids and local times.

    `shipping` is method id, title and cost, a fee name and cost; without a `number` the order is numbered by its id.
    """
    order: Json = load_recorded("rest.orders__create_guest")
    for built_when_asked in ("payment_url", "_links"):
        del order[built_when_asked]
    person = {"first_name": first_name, "last_name": last_name, "company": "", **address}
    order |= {
        "id": 0,
        "number": number,
        "status": status,
        "currency": currency,
        "customer_id": customer_id,
        "billing": {**person, "email": email},
        "shipping": dict(person),
        "payment_method": payment_method,
        "payment_method_title": payment_method.capitalize(),
        "customer_note": note,
        "meta_data": [],
        "date_created_gmt": write_gmt(placed),
        "date_modified_gmt": write_gmt(placed),
        "date_paid_gmt": None if status in {"pending", "on-hold", "failed"} else write_gmt(placed),
    }
    order["line_items"] = [_line_item(order["line_items"][0], line, Decimal(tax_percent)) for line in lines]
    order["fee_lines"] = [_fee_line(name, cost, Decimal(tax_percent)) for name, cost in fees]
    _add_up(order, shipping, Decimal(tax_percent))
    return order


def _add_up(order: Json, shipping: tuple[str, str, str], percent: Decimal) -> None:
    method_id, title, cost = shipping
    tax = part_of(Decimal(cost), percent)
    order["shipping_lines"][0] |= {
        "method_id": method_id,
        "method_title": title,
        "total": cost,
        "total_tax": money(tax),
        "taxes": [{"id": 1, "total": money(tax), "subtotal": ""}] if percent else [],
    }
    items = [*order["line_items"], *order["fee_lines"]]
    goods = sum((Decimal(item["total"]) for item in items), Decimal())
    goods_tax = sum((Decimal(item["total_tax"]) for item in items), Decimal())
    order |= {
        "shipping_total": cost,
        "shipping_tax": money(tax),
        "cart_tax": money(goods_tax),
        "total_tax": money(goods_tax + tax),
        "total": money(goods + goods_tax + Decimal(cost) + tax),
    }
    totals = {"tax_total": money(goods_tax), "shipping_tax_total": money(tax), "rate_percent": number(percent)}
    order["tax_lines"] = [{**order["tax_lines"][0], **totals}] if percent else []


def _line_item(recorded: Json, line: Line, percent: Decimal) -> Json:
    total = Decimal(line.price) * line.quantity
    tax = money(part_of(total, percent))
    return {
        **recorded,
        "name": line.name,
        "product_id": line.product_id,
        "variation_id": line.variation_id,
        "quantity": line.quantity,
        "sku": line.sku,
        "price": number(Decimal(line.price)),
        "subtotal": money(total),
        "total": money(total),
        "subtotal_tax": tax,
        "total_tax": tax,
        "taxes": [{"id": 1, "total": tax, "subtotal": tax}] if percent else [],
        "meta_data": [],
    }


def _fee_line(name: str, cost: str, percent: Decimal) -> Json:
    """A fee; its keys are those of WooCommerce's own issue 58351, not recorded here."""
    tax = money(part_of(Decimal(cost), percent))
    return {
        "id": 0,
        "name": name,
        "tax_class": "",
        "tax_status": "taxable",
        "amount": cost,
        "total": cost,
        "total_tax": tax,
        "taxes": [{"id": 1, "total": tax, "subtotal": ""}] if percent else [],
        "meta_data": [],
    }


def money(value: Decimal, decimals: int = 2) -> str:
    """An amount as text with the store's decimals, the way WooCommerce writes every amount."""
    return str(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def show_lines(record: Json, decimals: int) -> Json:
    """The lines of an order or refund as REST shows them: amounts may be stored finer than the store's decimals.

    The taxes of a line are rounded on their own there, so they need not add up to its total_tax (10.5, 2026-11).
    """

    def rounded(row: Json, names: Sequence[str]) -> Json:
        return {**row, **{name: money(Decimal(row[name]), decimals) for name in names if row.get(name)}}

    def shown(row: Json) -> Json:
        amounts = rounded(row, ("subtotal", "subtotal_tax", "total", "total_tax"))
        return {**amounts, "taxes": [rounded(tax, ("subtotal", "total")) for tax in row["taxes"]]}

    return {kind: [shown(row) for row in record[kind]] for kind in LINE_KINDS}


def number(value: Decimal) -> int | float:
    """A JSON number as PHP writes it: 24, not 24.0."""
    return int(value) if value == int(value) else float(value)


def part_of(amount: Decimal, percent: Decimal) -> Decimal:
    """The tax on an amount, rounded per line as the recorded store does."""
    return (amount * percent / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)


def show_order(order: Json, url: str, decimals: int = 2) -> Json:
    """An order as REST and webhooks show it, with the links that depend on the store's address."""
    api = f"{url}/wp-json/wc/v3/orders"
    links = make_links(api, order["id"])
    links["email_templates"] = [
        {"embeddable": True, "href": f"{api}/{order['id']}/actions/email_templates"},
    ]
    if order["customer_id"]:
        links["customer"] = [{"href": f"{url}/wp-json/wc/v3/customers/{order['customer_id']}"}]
    pay = f"{url}/checkout/order-pay/{order['id']}/?pay_for_order=true&key={order['order_key']}"
    return {**order, **show_lines(order, decimals), "payment_url": pay, "_links": links}


def show_review(review: Json, product: Json, url: str) -> Json:
    """A review as REST and the `review.*` webhooks show it; its text comes wrapped in a paragraph."""
    api = f"{url}/wp-json/wc/v3"
    digest = hashlib.sha256(review["reviewer_email"].encode()).hexdigest()
    avatar = f"https://secure.gravatar.com/avatar/{digest}?s={{}}&d=mm&r=g"
    links = make_links(f"{api}/products/reviews", review["id"])
    return {
        **review,
        "product_name": product["name"],
        "product_permalink": f"{url}/product/{product['slug']}/",
        "review": f"<p>{review['review']}</p>\n",
        "reviewer_avatar_urls": {size: avatar.format(size) for size in ("24", "48", "96")},
        "_links": {**links, "up": [{"href": f"{api}/products/{review['product_id']}"}]},
    }


def make_links(collection: str, ref: int, methods: Sequence[str] = ALL_METHODS) -> Json:
    """The `_links` every resource carries."""
    target = {"href": f"{collection}/{ref}", "targetHints": {"allow": list(methods)}}
    return {"self": [target], "collection": [{"href": collection}]}


def make_tracking_item(provider: str, tracking_number: str, shipped: datetime, url: str = "") -> Json:
    """One entry of `_wc_shipment_tracking_items`; with a `url` the carrier is a custom one."""
    return {
        "tracking_provider": "" if url else provider,
        "custom_tracking_provider": provider if url else "",
        "custom_tracking_link": url,
        "tracking_number": tracking_number,
        "date_shipped": str(int(shipped.timestamp())),
        "tracking_id": hashlib.md5(f"{provider}-{tracking_number}".encode()).hexdigest(),
    }


def make_ast_item(item: Json, products: list[Json]) -> Json:
    """The same entry as Advanced Shipment Tracking writes it; `products` is empty for a whole order.

    Extra keys as seen in public code that reads them (2026-11), not recorded.
    """
    shipped = "2" if products else "1"
    return {**item, "tracking_product_code": "", "products_list": products or "", "status_shipped": shipped}


def set_meta(record: Json, meta_id: int, key: str, value: Any) -> None:
    """Replace a meta value, or add it under `meta_id`."""
    for row in record["meta_data"]:
        if row["key"] == key:
            row["value"] = value
            return
    record["meta_data"].append({"id": meta_id, "key": key, "value": value})


def find_meta(record: Json, key: str) -> Any:
    """A meta value, or None."""
    return next((row["value"] for row in record["meta_data"] if row["key"] == key), None)
