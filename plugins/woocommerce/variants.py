"""What is on sale of a product, its variations or a simple product itself, and its collections: the categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any

from core.platform.snapshots import Variant
from plugins.woocommerce.amounts import minor
from plugins.woocommerce.client import Client, Missing, checked_id
from plugins.woocommerce.tracking import rows_of

_AT_ONCE = 100
"""So many products one page of the REST API gives at most."""


def variants_of(api: Client, product: str) -> list[Variant]:
    """Read a product's variants; [] for one that is gone or not published.

    Prices are as the merchant typed them: with tax where the store says so, or where it reckons with no tax at all.
    """
    try:
        body = api.get(f"products/{checked_id(product)}")
    except Missing:
        return []
    if body.get("status") != "publish":
        return []
    is_variable = bool(body.get("variations"))
    rows = api.walk(f"products/{body['id']}/variations") if is_variable else [body]
    currency = _setting(api, "general/woocommerce_currency")
    with_tax = _setting(api, "general/woocommerce_calc_taxes") == "no"
    with_tax = with_tax or _setting(api, "tax/woocommerce_prices_include_tax") == "yes"
    return [_variant(row, currency, with_tax) for row in rows if row.get("status") == "publish"]


def collections_of(api: Client, products: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read the categories of products, by name and slug: one call for each hundred products.

    A product that is gone is left out. A parent category counts only where the product itself is in it.
    """
    known = [product for product in products if product.isascii() and product.isdecimal()]
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(known), _AT_ONCE):
        asked = {"include": ",".join(known[start : start + _AT_ONCE]), "per_page": _AT_ONCE, "_fields": "id,categories"}
        found |= {str(row["id"]): _names(row) for row in api.walk("products", asked)}
    return found


def _variant(row: Mapping[str, Any], currency: str, with_tax: bool) -> Variant:
    options = (str(one.get("option") or "") for one in rows_of(row.get("attributes")))
    price = row.get("price")
    return Variant(
        ref=str(row["id"]),
        title=", ".join(filter(None, options)) if row.get("type") == "variation" else "",
        price=minor(price, currency) if price not in (None, "") else None,
        currency=currency,
        tax_included=with_tax or row.get("tax_status") == "none",
        in_stock=row.get("stock_status") != "outofstock" and row.get("purchasable") is not False,
        image_url=_image(row),
    )


def _names(product: Mapping[str, Any]) -> tuple[str, ...]:
    """Names come escaped for HTML ("Shoes &amp; bags"), and are given as the merchant typed them."""
    rows = rows_of(product.get("categories"))
    names = (unescape(str(one.get(field) or "")) for one in rows for field in ("name", "slug"))
    return tuple(dict.fromkeys(filter(None, names)))


def _image(row: Mapping[str, Any]) -> str:
    """A variation has one image or null, a product a list."""
    images = row.get("images")
    image = row.get("image") or (images[0] if isinstance(images, list) and images else None)
    return str(image.get("src") or "") if isinstance(image, dict) else ""


def _setting(api: Client, path: str) -> str:
    return str(api.get(f"settings/{path}").get("value") or "")
