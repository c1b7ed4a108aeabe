"""/proxy/<platform>/…: the shopper's look-ups for somebody the store vouches for, by its signature or a token.

A page's script may read an answer where the page is the store's own, or of an origin the platform's extensions run in.
No answer allows cookies, and none is for any origin: what it holds may act on orders.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, jsonify, request

from core.http.context import services, set_shopper_language, to_plain_request
from core.orders import find
from core.orders.shop import list_orders
from core.orders.shopper_auth import NotAllowed
from core.platform.contract import Shopper, StoreKey
from core.platform.errors import BadSignature
from core.stores.model import Store
from core.stores.platform_access import forwarding_secret_of, store_by_id, use_nonce
from core.web.hooks import KnownStore, app_door, claimed_store

CORS = (
    ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
    ("Access-Control-Allow-Methods", "GET, OPTIONS"),
    ("Access-Control-Max-Age", "600"),
)

log = structlog.get_logger()
proxy = Blueprint("proxy", __name__, url_prefix="/proxy")


@proxy.get("/<platform>/orders")
def my_orders(platform: str) -> Response:
    """Give a signed-in shopper's orders as GET /shop/<key>/orders does, with a token that may act on them.

    Raises NotAllowed where nobody is signed in, BadSignature for what the store did not sign or sent before.
    """
    store, shopper = _identify(platform)
    app = services()
    set_shopper_language(store.language, shopper.language)
    with app.db.transaction(store.id, write=False) as session:
        theirs = find.orders_of_shopper(session, shopper.ref, shopper.order_refs)
        found = list_orders(app, session, store, theirs, level="act")
    answer = jsonify(found.model_dump(mode="json"))
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _identify(platform: str) -> tuple[Store, Shopper]:
    app, incoming = services(), to_plain_request(request)
    door = app_door()
    known = _named_store(platform)
    if known is None:
        raise BadSignature("the request names no store we know")
    scheme, _, token = incoming.headers.get("authorization", "").partition(" ")
    by_token = scheme.lower() == "bearer"
    try:
        if by_token:
            shopper = known.platform.shopper_of_token(token)
        else:
            shopper = known.platform.identify_shopper(incoming, secret=_secret_of(known))
    except BadSignature:
        if not by_token:  # a token runs out by itself, which says nothing about the store's secret
            door.count_forged(app, known)
        raise
    if shopper is None:
        raise NotAllowed
    if not by_token:
        use_nonce(app, known.store, incoming)
    return known.store, shopper


def _named_store(platform: str) -> KnownStore | None:
    """Find the store a request names: as its platform does, else by ?store=, its ref or key. Nothing is proven yet."""
    app = services()
    if ref := claimed_store(app, platform, to_plain_request(request)):
        return app_door().find(app, platform, ref=ref)
    asked = request.args.get("store", "")[:400]
    return app_door().find(app, platform, ref=asked) or app_door().find(app, platform, ref=StoreKey(asked))


@proxy.after_request
def share(response: Response) -> Response:
    """Let the page read the answer, also to a preflight, where its origin is one of the store's."""
    origin, app = request.headers.get("Origin"), services()
    platform = (request.view_args or {}).get("platform", "")
    response.headers.add("Vary", "Origin")
    if origin and platform in app.platforms and _may_read(platform, origin):
        response.headers.update({"Access-Control-Allow-Origin": origin, **dict(CORS)})
    return response


def _may_read(platform: str, origin: str) -> bool:
    if origin in services().platforms[platform].extension_origins:
        return True
    known = _named_store(platform)
    return known is not None and origin != "null" and origin == _origin_of(known.store.url)


def _origin_of(url: str) -> str:
    """Give the origin of an address as browsers write it; "" for none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("https", "http") or not host:
        return ""
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def _secret_of(known: KnownStore) -> str:
    if known.store.forwarding_secret:
        return known.forwarding_secret
    # Connected before there were two: read anew, for it may have been given its second since it was remembered.
    app = services()
    with app.db.transaction(known.store.id, write=False) as session:
        return forwarding_secret_of(app, store_by_id(session, known.store.id))
