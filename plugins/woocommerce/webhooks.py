"""What a delivery of WooCommerce's says: a change of an order or a review, or only a try of the address."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from core.platform.contract import Request
from core.platform.snapshots import Change
from plugins.woocommerce import signing
from plugins.woocommerce.tracking import utc_time


def read_webhook(request: Request, secret: str) -> list[Change]:
    """Verify a delivery and say what changed; nothing for a ping. Raises BadSignature."""
    if _is_ping(request):
        return []
    signing.verify_webhook(request, secret)
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    change = _change(request.headers.get("x-wc-webhook-topic", ""), body)
    return [change] if change else []


def _is_ping(request: Request) -> bool:
    """WooCommerce tries a new address with an unsigned form, `webhook_id=1`, and wants a 200 (10.5)."""
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    fields = parse_qs(request.body[:100].decode("ascii", "replace")) if form else {}
    return set(fields) == {"webhook_id"} and fields["webhook_id"][0].isdecimal()


def _change(topic: str, body: Any) -> Change | None:
    """Say what a signed delivery is about. The topic is not signed, but all we take from it is what to fetch.

    None for what we do not follow, and for an error body: the order may be gone by the time WooCommerce builds it.
    """
    if not isinstance(body, dict):
        return None
    resource, _, event = topic.partition(".")
    at = utc_time(body.get("date_modified_gmt"))
    if resource == "review" and body.get("id"):
        return Change("review", str(body["id"]), at)
    ref: Any = None
    if resource == "order":
        ref = body.get("id")
    elif resource == "fulfillment":
        ref = body.get("order_id") or body.get("entity_id")
    elif resource == "action" and event.startswith(("woocommerce_order_", "woocommerce_new_customer_note")):
        argument = body.get("arg")
        ref = argument.get("order_id") if isinstance(argument, dict) else argument
    return Change("order", str(ref), at) if str(ref or "").isdecimal() else None
