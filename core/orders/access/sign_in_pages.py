"""Signing in at the store's platform, and the list of one's orders behind it. Needs no script.

The round trip is OAuth's: what must come back is sealed for this store, good for ten minutes, once, and only in the
browser that began, which a cookie shows. So nobody is led into somebody else's account by a link.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from flask import Blueprint, Response, make_response, render_template, request, url_for

from core.http.context import keep_language, services, set_shopper_language, to_flask_response, to_plain_request, words
from core.jobs.queue import PauseStore
from core.orders import find
from core.orders.access.ways import offers_sign_in
from core.orders.links import order_url, signed_in_url, store_page
from core.orders.presenter.localize import localize_order
from core.orders.presenter.timeline import view_order
from core.orders.shopper_auth import NotHere
from core.platform.contract import Platform, Shopper
from core.platform.errors import BadSignature, PlatformError, Unavailable
from core.secrets import Unsealable, constant_time_equal, new_token
from core.services import Services
from core.stores import throttle
from core.stores.model import Store
from core.stores.platform_access import open_platform, store_by_key, use_once

log = structlog.get_logger()
pages = Blueprint("sign_in", __name__, template_folder="../templates")
pages.url_defaults(keep_language)

COOKIE = "aftercare_sign_in"
STATE_LIFE = timedelta(minutes=10)
MOST_OF_A_CALLER, MOST_OF_A_STORE = 30, 2000
"""Sign-ins begun or finished in a quarter of an hour: each may ask the platform."""


@pages.get("/find/<key>/sign-in")
def begin(key: str) -> Response:
    """Lead the shopper to the platform's sign-in."""
    app = services()
    store = _enter(app, key)
    browser = new_token()

    def seal(facts: Mapping[str, str]) -> str:
        until = (app.clock() + STATE_LIFE).isoformat()
        state = {"f": dict(facts), "n": new_token(12), "b": browser, "u": until}
        return urlsafe_b64encode(app.keyring.seal(state, store_id=store.id, purpose="sign_in")).rstrip(b"=").decode()

    platform = _platform_of(app, store)
    answer = to_flask_response(platform.begin_sign_in(to_plain_request(request), seal=seal, back=_back(app, store)))
    secure = app.config.is_https or request.is_secure
    life = int(STATE_LIFE.total_seconds())
    path = url_for("sign_in.finish", key=store.key).partition("?")[0]
    answer.set_cookie(COOKIE, browser, max_age=life, httponly=True, secure=secure, samesite="Lax", path=path)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@pages.get("/find/<key>/signed-in")
def finish(key: str) -> Response:
    """List the orders of whoever has signed in; say so where the platform vouches for nobody."""
    app = services()
    store = _enter(app, key)
    platform = _platform_of(app, store)

    def unseal(text: str) -> Mapping[str, str]:
        return _open_state(app, store, text)

    try:
        shopper = platform.finish_sign_in(to_plain_request(request), unseal=unseal, back=_back(app, store))
    except PlatformError:
        problem = words().pgettext("widget", "You were not signed in. Try again.")
        page = make_response(render_template("orders/find.html", store=store, typed={}, problem=problem), 401)
    else:
        page = make_response(_list(app, store, shopper))
    page.delete_cookie(COOKIE, path=request.path, httponly=True, samesite="Lax")
    return page


def _enter(app: Services, key: str) -> Store:
    store = store_by_key(app, key)
    if not offers_sign_in(app, store):
        raise NotHere
    set_shopper_language(store.language)
    caller = throttle.caller_of(request.remote_addr or "")
    limits = {f"sign-in:address:{caller}": MOST_OF_A_CALLER, "sign-in:store": MOST_OF_A_STORE}
    throttle.count_try(app.db, app.keyring, store.id, limits, now=app.clock())
    return store


def _platform_of(app: Services, store: Store) -> Platform:
    """Give the store's platform. Raises Unavailable for a store that is closed, or whose keys cannot be read."""
    try:
        return open_platform(app, store, timeout=(3, 8))
    except (PauseStore, Unsealable) as error:
        log.info("no_sign_in", store=store.id, error=type(error).__name__)
        raise Unavailable("the store cannot be asked now") from error


def _back(app: Services, store: Store) -> str:
    return f"{app.config.public_url}/find/{store.key}/signed-in"


def _open_state(app: Services, store: Store, text: str) -> Mapping[str, str]:
    """Give back what was sealed, once. Raises BadSignature for what is not ours, old, used, or of another browser."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        state = json.loads(app.keyring.open(raw, store_id=store.id, purpose="sign_in"))
    except (ValueError, Unsealable):
        raise BadSignature("the sign-in was not begun here") from None
    until = datetime.fromisoformat(state["u"])
    if app.clock() > until:
        raise BadSignature("the sign-in was begun too long ago")
    if not constant_time_equal(request.cookies.get(COOKIE, ""), state["b"]):
        raise BadSignature("the sign-in was begun in another browser")
    with app.db.transaction(store.id) as session:
        if not use_once(session, app.keyring, store.id, f"sign_in:{state['n']}", until=until + STATE_LIFE):
            raise BadSignature("this sign-in was finished before")
    facts: dict[str, str] = state["f"]
    return facts


def _list(app: Services, store: Store, shopper: Shopper) -> str:
    say = set_shopper_language(store.language, shopper.language)
    rows = []
    with app.db.transaction(store.id, write=False) as session:
        for order in find.orders_of_shopper(session, shopper.ref, shopper.order_refs):
            page = localize_order(app, store, order, view_order(session, order), say)
            to = signed_in_url(app, store, order) if store_page(store) else order_url(app, store, order)
            rows.append((page, to))
    return render_template("orders/signed_in.html", store=store, rows=rows)
