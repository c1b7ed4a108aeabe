"""Opening the desk: whoever the platform vouches for gets a session, at a store that is connected first if need be."""

from __future__ import annotations

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import COOKIE, NoStore, desk
from core.http.context import services, to_flask_response, to_plain_request
from core.platform.contract import Opening
from core.platform.errors import Refused
from core.stores import staff
from core.stores.connection import admin_install
from core.stores.model import Staff, Store, StoreClaim
from core.stores.platform_access import StoreNotFound, app_settings_of, forwarding_secret_of, store_by_key


@desk.route("/open/<platform>", methods=["GET", "POST"])
def open_desk(platform: str) -> BaseResponse:
    """Let in whoever the platform vouches for."""
    app = services()

    def secret_for(key: str) -> str:
        try:
            return forwarding_secret_of(app, store_by_key(app, key))
        except StoreNotFound:
            return ""

    incoming, settings = to_plain_request(request), app_settings_of(app, platform)
    opening = app.platforms[platform].open_admin(incoming, settings, secret_of=secret_for)
    if not isinstance(opening, Opening):
        return to_flask_response(opening)
    try:
        store = admin_install.store_of_opening(app, platform, opening, incoming)
    except Refused as error:
        return make_response(render_template("desk/refused.html", sentence=str(error), store=NoStore()), 400)
    if isinstance(store, StoreClaim):
        return make_response(render_template("desk/asked.html", store=NoStore()))
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
