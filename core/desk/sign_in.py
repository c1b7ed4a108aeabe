"""Opening the desk: whoever the platform vouches for gets a session, or a page that fetches the desk in its frame."""

from __future__ import annotations

from flask import abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import COOKIE, NoStore, desk
from core.desk.shells import frame
from core.desk.shells.identity import bears_identity, is_document, secret_finder
from core.http.context import services, to_flask_response, to_plain_request
from core.platform.contract import AdminShell, Opening
from core.platform.errors import BadSignature, NotSupported, Refused
from core.services import Services
from core.stores import staff
from core.stores.connection import admin_install
from core.stores.model import Staff, Store, StoreClaim
from core.stores.platform_access import app_settings_of, store_named
from core.stores.staff import SessionOver

MEMORY = "aftercare_person"
"""The cookie that says who was confirmed by mail in this browser. Kept apart for each site that frames us."""


@desk.route("/open/<platform>", methods=["GET", "POST"])
def open_desk(platform: str) -> BaseResponse:
    """Let in whoever the platform vouches for. A frame that was reloaded with a token that is over is shown the way."""
    app = services()
    try:
        opening = _read_opening(app, platform)
        return admit(opening, platform) if isinstance(opening, Opening) else opening
    except BadSignature:
        store = _claimed(app, platform) if is_document() else None
        shell = frame.shell_for(app, store) if store else AdminShell()
        if store is None or shell.identity == "session":
            raise
        here = request.full_path if shell.identity == "bearer" else url_for("desk.show_today", key=store.key)
        return frame.entrance(shell, here)


def _read_opening(app: Services, platform: str) -> Opening | BaseResponse:
    """Verify the token of a request that carries one, else what the platform signed."""
    plugin, incoming, settings = app.platforms[platform], to_plain_request(request), app_settings_of(app, platform)
    if "Authorization" in request.headers:
        try:
            return plugin.staff_of(incoming, settings)
        except NotSupported:
            pass  # this platform signs instead
    opening = plugin.open_admin(incoming, settings, secret_of=secret_finder(app))
    return opening if isinstance(opening, Opening) else to_flask_response(opening)


def _claimed(app: Services, platform: str) -> Store | None:
    """Find the store that a request names without proof, to know whose admin the frame is in; None for none."""
    try:
        ref = app.platforms[platform].store_of(to_plain_request(request), app_settings_of(app, platform))
    except (BadSignature, NotSupported):
        return None
    store = store_named(app, platform, ref) if ref else None
    return store if store and store.state != "uninstalled" else None


def admit(opening: Opening, platform: str) -> BaseResponse:
    """Show the person their store, connected first if need be: by a session, or in the platform's frame without one."""
    app = services()
    frame.wear(frame.shell_at(app, platform, opening.ref))  # a refusal, too, is read in the admin that was verified
    try:
        store = admin_install.store_of_opening(app, platform, opening, to_plain_request(request))
    except Refused as error:
        return make_response(render_template("desk/refused.html", sentence=str(error), store=NoStore()), 400)
    if isinstance(store, StoreClaim):
        return make_response(render_template("desk/asked.html", store=NoStore()))
    shell = frame.shell_for(app, store)
    frame.wear(shell)
    if store.state == "uninstalled":
        raise staff.DeskClosed
    person = staff.enter(app, store, opening.staff) if opening.staff else _remembered(app, store)
    if shell.identity == "session":
        if person is None:
            abort(401)  # such an admin has no place to ask in
        return let_in(store, person)
    page = url_for("desk.show_today", key=store.key)
    token = "" if shell.identity == "bearer" and (opening.staff or not person) else _token(app, store, person)
    if bears_identity() and not token:
        return redirect(page)
    return frame.entrance(shell, page, token=token)


def _token(app: Services, store: Store, person: Staff | None) -> str:
    return staff.sign_token(app.keyring, store.id, person, now=app.clock())


def _remembered(app: Services, store: Store) -> Staff | None:
    """Give who was confirmed by mail in this browser, where the platform has just opened this very store in it."""
    known = staff.read_memory(app.keyring, request.cookies.get(f"{MEMORY}_{store.key}", ""), now=app.clock())
    if known is None or known.store_id != store.id:
        return None
    try:
        with app.db.transaction(store.id, write=False) as session:
            return staff.person_of(session, known)[1]
    except SessionOver:
        return None


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
