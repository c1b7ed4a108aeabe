"""Orders as a WooCommerce store writes them, numbered: bodies of webhooks and pages of a listing."""

from __future__ import annotations

import json
from typing import Any

_MARK = 99_999_999
_TEMPLATE: dict[str, Any] = {
    "id": _MARK,
    "parent_id": 0,
    "status": "processing",
    "currency": "EUR",
    "version": "10.5.0",
    "prices_include_tax": True,
    "date_created": "2026-11-10T10:00:00",
    "date_created_gmt": "2026-11-10T08:00:00",
    "date_modified": "2026-11-12T10:00:00",
    "date_modified_gmt": "2026-11-12T08:00:00",
    "date_paid_gmt": "2026-11-10T08:01:00",
    "date_completed_gmt": None,
    "discount_total": "0.00",
    "shipping_total": "4.00",
    "total": "52.00",
    "total_tax": "9.02",
    "customer_id": 17,
    "order_key": "wc_order_benchmark",
    "billing": {
        "first_name": "Ann",
        "last_name": "Shopper",
        "address_1": "Linden street 1",
        "city": "Vilnius",
        "postcode": "LT-01103",
        "country": "LT",
        "email": f"ann{_MARK}@shopper.example",
        "phone": "+37060000000",
    },
    "shipping": {"first_name": "Ann", "last_name": "Shopper", "postcode": "LT-01103", "country": "LT"},
    "payment_method": "stripe",
    "payment_method_title": "Card",
    "number": str(_MARK),
    "meta_data": [
        {
            "id": 1,
            "key": "_wc_shipment_tracking_items",
            "value": [
                {
                    "tracking_provider": "DPD",
                    "tracking_number": f"0590{_MARK}11",
                    "tracking_id": f"t{_MARK}",
                    "date_shipped": "1762848000",
                }
            ],
        },
        {"id": 2, "key": "_note", "value": "leave it with the neighbors, please"},
    ],
    "line_items": [
        {
            "id": 10 + place,
            "name": title,
            "product_id": 100 + place,
            "quantity": 2,
            "subtotal": "24.00",
            "total": "24.00",
            "total_tax": "4.17",
            "taxes": [{"id": 1, "total": "4.17", "subtotal": "4.17"}],
            "sku": f"MUG-{place}",
            "price": 12,
            "image": {"id": "5", "src": "https://shop.example/wp-content/mug.jpg"},
            "meta_data": [],
        }
        for place, title in enumerate(["Mug", "Plate"])
    ],
    "shipping_lines": [
        {
            "id": 20,
            "method_title": "Courier",
            "method_id": "flat_rate",
            "total": "4.00",
            "total_tax": "0.68",
            "taxes": [],
        }
    ],
    "fee_lines": [],
    "coupon_lines": [],
    "refunds": [],
    "needs_processing": True,
}
_TEXT = json.dumps(_TEMPLATE)


def body(number: int) -> bytes:
    """Give one order's JSON, about 2 kB."""
    return _TEXT.replace(str(_MARK), str(number)).encode()


def page(first: int, size: int) -> bytes:
    """Give a page of a listing: orders `first` and on."""
    return b"[" + b",".join(body(number) for number in range(first, first + size)) + b"]"
