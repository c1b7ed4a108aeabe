"""Opening the desk: whoever the platform vouches for gets a session."""

from __future__ import annotations

import sqlalchemy as sa
from flask import redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import COOKIE, desk
from core.http.context import answer, plain, services
from core.platform.contract import Opening
from core.stores import staff
from core.stores.model import Store
from core.stores.platform_access import StoreNotFound, secret_of, store_by_key, use_nonce


@desk.route("/open/<platform>", methods=["GET", "POST"])
def open_desk(platform: str) -> BaseResponse:
    """Let in whoever the platform vouches for."""
    app = services()

    def secret_for(key: str) -> str:
        try:
            return secret_of(app, store_by_key(app, key))
        except StoreNotFound:
            return ""

    settings_ = app.config.app_settings.get(platform, {})
    opening = app.platforms[platform].open_admin(plain(request), settings_, secret_of=secret_for)
    if not isinstance(opening, Opening):
        return answer(opening)
    return admit(opening, platform)


def admit(opening: Opening, platform: str, *, forwarded: bool = True) -> BaseResponse:
    """Open a session for the person and show them their store."""
    app = services()
    query = sa.select(Store).where(
        Store.platform == platform, sa.or_(Store.ref == opening.ref, Store.key == opening.ref)
    )
    with app.db.system(write=False) as session:
        store = session.scalar(query)
    if store is None:
        raise StoreNotFound
    if forwarded:
        use_nonce(app, store, plain(request))
    person = staff.enter(app, store, opening.staff)
    page = redirect(url_for("desk.show_today", key=store.key))
    page.set_cookie(
        f"{COOKIE}_{store.key}",
        staff.open_session(app.keyring, person),
        max_age=int(staff.SESSION_LIFE.total_seconds()),
        httponly=True,
        secure=request.is_secure,
        samesite="Lax",
        path="/admin",
    )
    return page
