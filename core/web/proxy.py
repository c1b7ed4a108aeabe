"""/proxy/<platform>/…: the shopper's look-ups for somebody the store vouches for, forwarded and signed by it."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, jsonify, request

from core.http.context import services, set_shopper_language, to_plain_request
from core.orders import find
from core.orders.shop import list_orders
from core.orders.shopper_auth import NotAllowed
from core.platform.contract import Shopper
from core.platform.errors import BadSignature
from core.stores.model import Store
from core.stores.platform_access import forwarding_secret_of, store_by_id, use_nonce
from core.web.hooks import KnownStore, app_door, claimed_store

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
    ref = claimed_store(app, platform, incoming)
    known = door.find(app, platform, ref=ref) if ref else None
    if known is None:
        raise BadSignature("the request names no store we know")
    try:
        shopper = known.platform.identify_shopper(incoming, secret=_secret_of(known))
    except BadSignature:
        door.count_forged(app, known)
        raise
    if shopper is None:
        raise NotAllowed
    use_nonce(app, known.store, incoming)
    return known.store, shopper


def _secret_of(known: KnownStore) -> str:
    if known.store.forwarding_secret:
        return known.forwarding_secret
    # Connected before there were two: read anew, for it may have been given its second since it was remembered.
    app = services()
    with app.db.transaction(known.store.id, write=False) as session:
        return forwarding_secret_of(app, store_by_id(session, known.store.id))
