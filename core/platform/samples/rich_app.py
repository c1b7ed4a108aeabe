"""The part of the rich sample platform that the app's secret signs: its deliveries, its admin, its shoppers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import requests

from core.platform import signatures
from core.platform.contract import (
    Installation,
    InstallUrls,
    Opening,
    Pending,
    Reply,
    Request,
    SealState,
    Shopper,
    StaffIdentity,
    UnsealState,
)
from core.platform.errors import BadSignature, Refused
from core.platform.samples.rich_store import EVENT, SIGNATURE, STORE, TRIGGERED_AT, RichStore, consent_query
from core.platform.samples.shells import RETRY, BearerAdmin, SignsShoppersIn, bearer_of
from core.platform.snapshots import Change

_PROXY_WINDOW = 90.0
"""Seconds by which a forwarded request's time may differ from ours."""
_RESOURCES = ("order", "return", "store", "privacy", "operation")


class RichApp(SignsShoppersIn, BearerAdmin):
    """What needs no credentials of a store."""

    app_settings: ClassVar[Mapping[str, str]] = {
        "client_id": "names our app at the platform",
        "client_secret": "signs what the platform sends us",
    }
    optional_settings: ClassVar[Mapping[str, str]] = {
        "old_client_secret": "the secret before, while it is being replaced: the platform signs with it for a while",
    }
    installs_on_opening = True

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Read the store from a delivery's header, an extension's token, or the query."""
        return request.headers.get(STORE, "") or super().store_of(request, app)

    @classmethod
    def _read(cls, text: str, app: Mapping[str, str]) -> Opening:
        claims = _claims(text, app)
        return Opening(claims["dest"], StaffIdentity(ref=claims["sub"]))

    @classmethod
    def begin_install(cls, request: Request, app: Mapping[str, str], *, seal: SealState, urls: InstallUrls) -> Reply:
        """Let the merchant of the store and world in the query consent at once, and come back with a code (OAuth)."""
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        ref, world = asked.get("store", ""), asked.get("world", "")
        if not ref or not Path(world).is_file():
            raise Refused("Name the sample store to connect.")
        state, code = seal({"store": ref, "world": world}), RichStore(world).authorize(urls.done)
        return Reply(302, {"Location": f"{urls.done}?{consent_query(app['client_secret'], ref, code, state)}"})

    @classmethod
    def finish_install(
        cls, request: Request, app: Mapping[str, str], *, unseal: UnsealState, urls: InstallUrls, http: requests.Session
    ) -> Installation | Pending:
        """Exchange the code that the platform signed, with the address it was asked for."""
        query = parse_qs(request.query)
        message = signatures.merged_pairs(request.query, without=["signature"], once=["code", "state", "store"])
        signatures.require_signed(message, query.get("signature", [""])[0], _secrets(app), "hex")
        asked = unseal(query["state"][0])
        if asked["store"] != query["store"][0]:
            raise BadSignature("Another store consented than was asked.")
        store = RichStore(asked["world"])
        return _installation(asked["store"], store, store.exchange(query["code"][0], urls.done))

    @classmethod
    def install_from(cls, request: Request, app: Mapping[str, str], http: requests.Session) -> Installation:
        """Exchange the session token for the store's first pair of tokens."""
        claims = _claims(bearer_of(request) or parse_qs(request.query).get("id_token", [""])[0], app)
        store = RichStore(str(claims.get("world", "")))
        store.answer()
        return _installation(claims["dest"], store, store.issue())

    @classmethod
    def read_app_webhook(cls, request: Request, app: Mapping[str, str]) -> list[Change]:
        """Read what the app's secret signed, of whatever store."""
        return [change for _, change in _read(request, app)]

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        """Read what the app's secret signed: the body alone, so the store is read from there and not from a header."""
        read = _read(request, self.app)
        if any(store != self.ref for store, _ in read):
            raise BadSignature("The delivery is signed for another store.")
        return [change for _, change in read]

    def identify_shopper(self, request: Request, *, secret: str) -> Shopper | None:
        """Read whom the storefront's proxy names; nobody where it forwards a request of somebody not signed in."""
        query = parse_qs(request.query, keep_blank_values=True)
        if "signature" not in query:
            return None
        message = signatures.merged_pairs(request.query, without=["signature"], once=["store", "timestamp", "shopper"])
        signatures.require_signed(message, query["signature"][0], _secrets(self.app), "hex")
        sent, store, shopper = (query.get(name, [""])[0] for name in ("timestamp", "store", "shopper"))
        if store != self.ref:
            raise BadSignature("The request was forwarded for another store.")
        if not sent.isdecimal() or abs(time.time() - int(sent)) > _PROXY_WINDOW:
            raise BadSignature("The request was forwarded too long ago.")
        return Shopper(shopper) if shopper else None


def _installation(ref: str, store: RichStore, tokens: Mapping[str, str]) -> Installation:
    store.install_app()
    return Installation(ref, ref, {"world": store.path, **tokens}, currency=store.facts.currency or "EUR")


def _secrets(app: Mapping[str, str]) -> list[str]:
    return [app.get("client_secret", ""), app.get("old_client_secret", "")]


def _claims(text: str, app: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        claims = signatures.read_token(text, _secrets(app), audience=app["client_id"], now=time.time())
    except BadSignature as error:
        raise BadSignature(str(error), headers=RETRY) from None
    if not all(isinstance(claims.get(name), str) and claims[name] for name in ("dest", "sub")):
        raise BadSignature("The session token names no store and nobody.")
    return claims


def _read(request: Request, app: Mapping[str, str]) -> list[tuple[str, Change]]:
    """Give the store that the signed body names, and the news."""
    signatures.require_signed(request.body, request.headers.get(SIGNATURE, ""), _secrets(app), what="delivery")
    try:
        news = json.loads(request.body)
        store, resource, ref = str(news["store"]), news["resource"], str(news["ref"])
        facts = dict(news.get("facts", {}))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    if resource not in _RESOURCES:
        return []
    at, event = _moment(request.headers.get(TRIGGERED_AT, "")), request.headers.get(EVENT, "")
    return [(store, Change(resource, ref, at, facts, event))]


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None
