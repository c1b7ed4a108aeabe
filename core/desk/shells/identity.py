"""Say who asks for a page of the desk: by our own session, the platform's token, its signature, or a token of ours.

A header that speaks for somebody is believed or refused, never passed over for a cookie. Only the cookie travels by
itself, so only it needs the check that no other site posted the form: browsers send the headers for nobody, and no
answer here lets another origin's script send them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from flask import request

from core.db.purpose import Purpose
from core.desk.shells.frame import shell_for, wear
from core.http.context import require_same_site, services, to_plain_request
from core.platform.contract import AdminShell, Opening, SecretOf, StoreKey
from core.platform.errors import BadSignature
from core.secrets import BadToken
from core.services import Services
from core.stores import staff
from core.stores.model import Staff, Store
from core.stores.platform_access import (
    StoreNotFound,
    app_settings_of,
    forwarding_secret_of,
    store_and_claim,
    store_by_key,
    use_nonce,
)
from core.stores.staff import DeskSession, DeskToken, SessionOver

COOKIE = "aftercare_desk"
TOKEN = "X-Aftercare-Token"  # noqa: S105 - a header's name
_OUR_WINDOW = AdminShell()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for a page of a store's desk, and in which shell. `person` is None where the platform names nobody."""

    store: Store
    person: Staff | None
    shell: AdminShell
    began_at: datetime | None = None
    """Since when a session carried by our token lasts; None where none is."""
    is_stale: bool = False
    """Whether that token should be renewed with this answer."""
    claimed: str | None = None
    """An address that says it is this store, until its owner has decided."""


class NoIdentity(Exception):
    """A page was asked for by a frame that could not say who it is; `store` is whose page it was."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store


def identify(key: str) -> Visitor:
    """Say who asks for a page of the store with this key.

    Raises SessionOver, BadSignature, DeskClosed, AccessTaken, and NoIdentity for a frame to be shown the way.
    """
    app = services()
    cookie = request.cookies.get(f"{COOKIE}_{key}", "")
    if not bears_identity() and cookie:
        return _by_session(app, key, cookie)
    store, claimed = _load(app, key)
    shell = shell_for(app, store)
    if store.state == "uninstalled":
        wear(shell)  # the sentence that says so is read in the store's admin
        raise staff.DeskClosed
    if shell.identity == "session":
        raise SessionOver
    verify = _by_bearer if shell.identity == "bearer" else _by_token if TOKEN in request.headers else _by_signature
    return replace(verify(app, store, shell), claimed=claimed)


def _load(app: Services, key: str) -> tuple[Store, str | None]:
    if not key.isalnum():  # also keeps out NUL, which PostgreSQL refuses
        raise SessionOver
    try:
        with app.db.system(Purpose.FIND_STORE, write=False) as session:
            return store_and_claim(session, Store.key == key[:64])
    except StoreNotFound:
        raise SessionOver from None


def bears_identity() -> bool:
    """Say whether a header of the request speaks for somebody."""
    return "Authorization" in request.headers or TOKEN in request.headers


def is_document() -> bool:
    """Say whether a browser asks for a page to show, and not a script of ours or the platform's for an answer."""
    if request.method != "GET" or bears_identity():
        return False
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def _by_session(app: Services, key: str, cookie: str) -> Visitor:
    try:
        opened = staff.read_session(app.keyring, cookie)
    except BadToken:
        raise SessionOver from None
    with app.db.transaction(opened.store_id, write=False) as session:
        try:
            claimed = store_and_claim(session, Store.id == opened.store_id)[1]
        except StoreNotFound:
            raise SessionOver from None
        store, person = staff.person_of(session, opened)
    if store.key != key:
        raise SessionOver
    if request.method == "POST":
        require_same_site()
    shell = shell_for(app, store)
    return Visitor(store, person, shell if shell.identity == "session" else _OUR_WINDOW, claimed=claimed)


def _by_bearer(app: Services, store: Store, shell: AdminShell) -> Visitor:
    if is_document():
        raise NoIdentity(store)
    plugin = app.platforms[store.platform]
    opening = plugin.staff_of(to_plain_request(request), app_settings_of(app, store.platform))
    require_store(store, opening)
    if opening.staff is not None:
        return Visitor(store, staff.recognize(app, store, opening.staff), shell)
    if TOKEN in request.headers:
        with suppress(SessionOver):  # the platform vouches for the store, so a token that is over only names nobody
            return _by_token(app, store, shell)
    return Visitor(store, None, shell)


def _by_token(app: Services, store: Store, shell: AdminShell) -> Visitor:
    now = app.clock()
    try:
        token = staff.read_token(app.keyring, request.headers[TOKEN], now=now)
    except BadToken:
        raise SessionOver from None
    if token.store_id != store.id:
        raise SessionOver
    visitor = Visitor(store, None, shell, token.began_at, is_stale=True)
    return replace(visitor, person=_person_of(app, token)) if token.staff_id else visitor


def _person_of(app: Services, token: DeskToken) -> Staff:
    with app.db.transaction(token.store_id, write=False) as session:
        return staff.person_of(session, DeskSession(token.store_id, token.staff_id, token.version))[1]


def _by_signature(app: Services, store: Store, shell: AdminShell) -> Visitor:
    try:
        opening = verify_opening(store.platform)
        require_store(store, opening)
    except BadSignature:
        if is_document():
            raise NoIdentity(store) from None
        raise
    use_nonce(app, store, to_plain_request(request))
    person = staff.recognize(app, store, opening.staff) if opening.staff is not None else None
    return Visitor(store, person, shell, app.clock(), is_stale=True)


def verify_opening(platform: str) -> Opening:
    """Have the platform's plugin verify a signed request. Raises BadSignature, also for an answer of the plugin's own:
    a page is asked for, no handshake."""
    app = services()
    settings, secret_of = app_settings_of(app, platform), secret_finder(app)
    opening = app.platforms[platform].open_admin(to_plain_request(request), settings, secret_of=secret_of)
    if not isinstance(opening, Opening):
        raise BadSignature("the request is part of a handshake")
    return opening


def secret_finder(app: Services) -> SecretOf:
    """Make what gives a plugin a store's forwarding secret by its key; "" for a store we do not know."""

    def secret_for(key: str) -> str:
        try:
            return forwarding_secret_of(app, store_by_key(app, key))
        except StoreNotFound:
            return ""

    return secret_for


def require_store(store: Store, opening: Opening) -> None:
    """Raise BadSignature where the platform speaks of another store than the address does."""
    if opening.ref == "" or opening.ref != (store.key if isinstance(opening.ref, StoreKey) else store.ref):
        raise BadSignature("the request was signed for another store")
