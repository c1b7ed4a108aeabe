"""GET|POST /install/…: a merchant lets us in; the plugin speaks the platform's handshake, the core keeps the result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from core.db.base import SYSTEM
from core.desk.page import NoStore
from core.http.context import services, to_flask_response, to_plain_request
from core.platform.contract import Installation, InstallUrls, Pending
from core.platform.errors import BadSignature, NotSupported, PlatformError, Refused, Unavailable
from core.platform.http import open_session
from core.secrets import BadToken, new_token
from core.services import Services
from core.stores.connection import moves
from core.stores.model import StoreClaim
from core.stores.platform_access import app_settings_of, use_once
from core.web import consent_address

installs = Blueprint("installs", __name__)

STATE_LIFE = timedelta(hours=1)
_STATUS: Mapping[type[PlatformError], int] = {BadSignature: 401, NotSupported: 404, Refused: 400, Unavailable: 503}
"""What the caller did wrong is 4xx, a mistyped address or keys that do not fit included; 5xx is the store's."""


@installs.route("/install/<platform>", methods=["GET", "POST"])
def begin(platform: str) -> Response | str:
    """Send the merchant to the platform's consent, or show the store's address with a link to it."""
    app = services()
    plugin = app.platforms[platform]

    def seal(facts: Mapping[str, str]) -> str:
        return app.keyring.sign({"p": platform, "n": new_token(12), "f": dict(facts)}, purpose="install")

    settings = app_settings_of(app, platform)
    reply = plugin.begin_install(to_plain_request(request), settings, seal=seal, urls=urls_of(app, platform))
    location = reply.headers.get("Location", "")
    if not location or consent_address.leads_home(location, app.config.public_url):
        return to_flask_response(reply)
    if plugin.consent_domains:
        consent_address.require_domain(location, plugin.consent_domains, plugin.title)
        return to_flask_response(reply)
    address = consent_address.require_public(location, app.config.outbound_allow)
    return render_template("desk/connect.html", address=address, location=location, store=NoStore())


@installs.route("/install/<platform>/done", methods=["GET", "POST"])
def finish(platform: str) -> Response | str:
    """Take the hand-over; a POST of the platform's is answered with exactly 200."""
    app = services()
    plugin = app.platforms[platform]

    def unseal(text: str) -> Mapping[str, str]:
        return open_state(app, platform, text)

    settings = app_settings_of(app, platform)
    session = open_session(allow=app.config.outbound_allow)
    try:
        urls, incoming = urls_of(app, platform), to_plain_request(request)
        outcome = plugin.finish_install(incoming, settings, unseal=unseal, urls=urls, http=session)
    finally:
        session.close()
    if isinstance(outcome, Pending):
        return to_flask_response(outcome.reply)
    return welcome(app, platform, outcome, as_page=request.method == "GET")


def urls_of(app: Services, platform: str) -> InstallUrls:
    """Say where a platform hands its keys over and sends the merchant back to: one address for both."""
    done = app.config.public_url + url_for("installs.finish", platform=platform)
    return InstallUrls(done=done, back=done)


def open_state(app: Services, platform: str, text: str) -> Mapping[str, str]:
    """Give back what `seal` sealed, once. Raises BadSignature for text that is not ours, old or used."""
    try:
        payload: dict[str, Any] = app.keyring.verify(text, purpose="install", max_age=STATE_LIFE.total_seconds())
    except BadToken:
        raise BadSignature("the installation was not begun here, or too long ago") from None
    if payload["p"] != platform:
        raise BadSignature("the installation was begun for another platform")
    until = app.clock() + 2 * STATE_LIFE
    with app.db.transaction(SYSTEM) as session:
        if not use_once(session, app.keyring, SYSTEM, f"install:{payload['n']}", until=until):
            raise BadSignature("this installation was finished before")
    facts: dict[str, str] = payload["f"]
    return facts


def welcome(app: Services, platform: str, installation: Installation, *, as_page: bool) -> Response | str:
    """Connect the store, or have its owner asked whether it has moved, and say so."""
    admitted = moves.admit(app, platform, installation)
    if not as_page:
        return Response("", 200)
    if isinstance(admitted, StoreClaim):
        return render_template("desk/asked.html", store=NoStore())
    return render_template("desk/welcome.html", store=admitted)


@installs.errorhandler(PlatformError)
def refused(error: PlatformError) -> tuple[str, int, dict[str, str]]:
    """Tell the merchant, in one sentence, why the store could not be connected, and whose turn it is by the status."""
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 502)
    headers = {"Retry-After": str(round(error.retry_after or 30))} if isinstance(error, Unavailable) else {}
    return render_template("desk/refused.html", sentence=str(error), store=NoStore()), status, headers
