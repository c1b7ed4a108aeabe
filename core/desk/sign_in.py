"""Opening the desk: whoever the platform vouches for gets a session."""

from __future__ import annotations

import sqlalchemy as sa
from flask import redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.db.purpose import Purpose
from core.desk.page import COOKIE, desk
from core.http.context import services, to_flask_response, to_plain_request
from core.platform.contract import Opening
from core.stores import staff
from core.stores.model import Staff, Store
from core.stores.platform_access import StoreNotFound, app_settings_of, forwarding_secret_of, store_by_key, use_nonce


@desk.route("/open/<platform>", methods=["GET", "POST"])
def open_desk(platform: str) -> BaseResponse:
    """Let in whoever the platform vouches for."""
    app = services()

    def secret_for(key: str) -> str:
        try:
            return forwarding_secret_of(app, store_by_key(app, key))
        except StoreNotFound:
            return ""

    settings = app_settings_of(app, platform)
    opening = app.platforms[platform].open_admin(to_plain_request(request), settings, secret_of=secret_for)
    if not isinstance(opening, Opening):
        return to_flask_response(opening)
    return admit(opening, platform)


def admit(opening: Opening, platform: str, *, forwarded: bool = True) -> BaseResponse:
    """Open a session for the person and show them their store."""
    app = services()
    query = sa.select(Store).where(
        Store.platform == platform, sa.or_(Store.ref == opening.ref, Store.key == opening.ref)
    )
    with app.db.system(Purpose.FIND_STORE, write=False) as session:
        store = session.scalar(query)
    if store is None:
        raise StoreNotFound
    if store.state == "uninstalled":
        raise staff.DeskClosed
    if forwarded:
        use_nonce(app, store, to_plain_request(request))
    return let_in(store, staff.enter(app, store, opening.staff))


def let_in(store: Store, person: Staff) -> BaseResponse:
    """Give the person's browser a session and show them their store."""
    app = services()
    page = redirect(url_for("desk.show_today", key=store.key))
    page.set_cookie(
        f"{COOKIE}_{store.key}",
        staff.open_session(app.keyring, person),
        max_age=int(staff.SESSION_LIFE.total_seconds()),
        httponly=True,
        secure=app.config.is_https or request.is_secure,
        samesite="Lax",
        path="/admin",
    )
    return page
