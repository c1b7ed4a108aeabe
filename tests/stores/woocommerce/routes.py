"""The table of REST routes, and the way of one request through it."""

import json
import re
from dataclasses import dataclass

from . import rest_orders as orders
from . import rest_store as shop
from .answers import Answer, json_answer
from .auth import Caller, authenticate, require_permission
from .errors import RestError, invalid_json, no_route
from .gateway import PhpDied
from .manners import Mood, answer_instead
from .php import Json, parse_query
from .rest import Call, Handler, anonymous_refusal
from .store import Store

TABLE: list[tuple[str, str, Handler]] = [
    ("GET", "wc/v3/orders", orders.list_orders),
    ("GET", "wc/v3/orders/statuses", orders.list_statuses),
    ("GET", "wc/v3/orders/ID", orders.read_order),
    ("PUT", "wc/v3/orders/ID", orders.edit_order),
    ("DELETE", "wc/v3/orders/ID", orders.delete_order),
    ("GET", "wc/v3/orders/ID/refunds", orders.list_refunds),
    ("POST", "wc/v3/orders/ID/refunds", orders.create_refund),
    ("GET", "wc/v3/orders/ID/notes", orders.list_notes),
    ("POST", "wc/v3/orders/ID/notes", orders.create_note),
    ("DELETE", "wc/v3/orders/ID/notes/ID", orders.delete_note),
    ("GET", "wc/v3/orders/ID/fulfillments", orders.list_fulfillments),
    ("POST", "wc/v3/orders/ID/fulfillments", orders.create_fulfillment),
    ("GET", "wc/v3/orders/ID/fulfillments/ID", orders.read_fulfillment),
    ("PUT", "wc/v3/orders/ID/fulfillments/ID", orders.edit_fulfillment),
    ("DELETE", "wc/v3/orders/ID/fulfillments/ID", orders.delete_fulfillment),
    ("GET", "wc/v3/products", shop.list_products),
    ("GET", "wc/v3/products/ID", shop.read_product),
    ("GET", "wc/v3/products/ID/variations", shop.list_variations),
    ("GET", "wc/v3/settings/SLUG/SLUG", shop.read_setting),
    ("GET", "wc/v3/products/reviews", shop.list_reviews),
    ("GET", "wc/v3/products/reviews/ID", shop.read_review),
    ("PUT", "wc/v3/products/reviews/ID", shop.edit_review),
    ("DELETE", "wc/v3/products/reviews/ID", shop.delete_review),
    ("GET", "wc/v3/webhooks", shop.list_webhooks),
    ("POST", "wc/v3/webhooks", shop.create_webhook),
    ("GET", "wc/v3/webhooks/ID", shop.read_webhook),
    ("PUT", "wc/v3/webhooks/ID", shop.edit_webhook),
    ("DELETE", "wc/v3/webhooks/ID", shop.delete_webhook),
    ("GET", "wc/v3/payment_gateways", shop.list_gateways),
    ("GET", "wc/v3/payment_gateways/SLUG", shop.read_gateway),
    ("GET", "wc/v3/system_status", shop.read_system_status),
    ("POST", "wc-aftercare/v1/connection", shop.save_connection),
    ("POST", "wc-aftercare/v1/reviews/ID/replies", shop.create_reply),
    ("PUT", "wc-aftercare/v1/replies/ID", shop.edit_reply),
    ("DELETE", "wc-aftercare/v1/replies/ID", shop.delete_reply),
]
ROUTES = [
    (method, re.compile(path.replace("ID", r"(\d+)").replace("SLUG", r"([\w-]+)")), handler)
    for method, path, handler in TABLE
]


@dataclass(frozen=True)
class Arrival:
    """One HTTP request as it reached the store; `path` starts with a slash and is still encoded."""

    method: str
    path: str
    query: str
    authorization: str
    body: bytes
    is_ssl: bool


def answer_rest(store: Store, arrival: Arrival) -> Answer:
    """Answer a request below `/wp-json/`: who is calling, may the key, is there a route, then the handler."""
    query = parse_query(arrival.query)
    caller = Caller(arrival.method, f"{store.url}{arrival.path}", query, arrival.authorization, arrival.is_ssl)
    try:
        with store.lock:
            key = authenticate(store.keys.values(), caller, store.signing_now())
            if key:
                require_permission(key, arrival.method)
            path = arrival.path.removeprefix("/wp-json").strip("/")
            if not path:
                return shop.read_index(store, Call(arrival.method, path, query))
            handler, refs = _find_route(arrival.method, path)
            body = _read_body(arrival.body)
            if not key:
                raise _refuse_stranger(store, arrival.method, path, refs)
            call = Call(arrival.method, path, query, body, refs)
            if handler is not orders.create_refund:
                return handler(store, call)
        return handler(store, call)  # a slow gateway holds up nobody else
    except RestError as refusal:
        return json_answer(refusal.status, refusal.body)
    except PhpDied:
        return answer_instead(Mood("500", 0, re.compile(""), 0.0), "")


def _find_route(method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
    for wanted, pattern, handler in ROUTES:
        found = pattern.fullmatch(path)
        if found and method == wanted:
            return handler, found.groups()
    raise no_route()


def _read_body(raw: bytes) -> Json:
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise invalid_json() from None
    return body if isinstance(body, dict) else {}


def _refuse_stranger(store: Store, method: str, path: str, refs: tuple[str, ...]) -> RestError:
    if not path.startswith("wc-aftercare/"):
        return anonymous_refusal(method, is_list=not refs)
    if not store.has_plugin:
        return no_route()
    return RestError(401, "aftercare_forbidden", "Not allowed.")
