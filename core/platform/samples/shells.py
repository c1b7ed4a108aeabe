"""Admins of the sample platform that carry identity otherwise than by a session, and its sign-in for shoppers: for
subclasses of `Demo`.

`BearerAdmin` names staff by a token on each request, `SignedAdmin` by one signed launch; `NamesNobody`, put before one
of them, says only which store it is: `class Poor(NamesNobody, SignedAdmin, Demo)`. `token` and `launch` play the
platform's side.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

from core.platform import signatures
from core.platform.contract import (
    AdminShell,
    HeadTag,
    Opening,
    Platform,
    Reply,
    Request,
    SealState,
    SecretOf,
    Shopper,
    StaffIdentity,
    UnsealState,
)
from core.platform.errors import BadSignature, Refused

ADMIN = "https://admin.sample.example"
BRIDGE = f"{ADMIN}/bridge.js"
EXTENSIONS = "https://extensions.sample.example"
RETRY = {"X-Sample-Retry": "1"}
"""What a 401 carries so that the sample admin asks again with a fresh token."""
TOKEN_LIFE = 60  # seconds
LAUNCH_LIFE = 60  # seconds
APP_SETTINGS: Mapping[str, str] = {
    "client_id": "names the app in the sample admin's tokens",
    "client_secret": "signs what the sample admin sends",
}


def token(app: Mapping[str, str], ref: str, sub: str, *, now: float, **claims: Any) -> str:
    """Give a token (JWT, HS256) of the sample platform for somebody of a store; "" names nobody. `now` is Unix time.

    `claims` replace those it has: aud, dest (the store), sub, iat, exp.
    """
    head = {"alg": "HS256", "typ": "JWT"}
    life = {"iat": int(now), "exp": int(now) + TOKEN_LIFE}
    body = {"aud": app["client_id"], "dest": ref, **({"sub": sub} if sub else {}), **life, **claims}
    signed = ".".join(_unpadded(json.dumps(part).encode()) for part in (head, body))
    return f"{signed}.{_unpadded(bytes.fromhex(signatures.sign(app['client_secret'], signed.encode(), 'hex')))}"


def launch(app: Mapping[str, str], ref: str, sub: str, *, nonce: str) -> str:
    """Give the query by which the sample admin opens our page once, now, signed with the app's secret."""
    facts = {"store": ref, "nonce": nonce, "at": int(time.time()), **({"sub": sub} if sub else {})}
    payload = _unpadded(json.dumps(facts).encode())
    return f"payload={payload}&signature={signatures.sign(app['client_secret'], payload.encode(), 'hex')}"


def claims_of(text: str, app: Mapping[str, str], *, now: float) -> Mapping[str, Any]:
    """Verify a token of the sample platform. Raises BadSignature, with the header that asks for a fresh one."""
    try:
        return signatures.read_token(text, [app["client_secret"]], audience=app["client_id"], now=now)
    except BadSignature as error:
        raise BadSignature(str(error), headers=RETRY) from None


def bearer_of(request: Request) -> str:
    """Give the token in a request's Authorization header; "" for none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text if scheme.lower() == "bearer" else ""


class BearerAdmin(Platform):
    """An admin that puts a token of one minute on every request of our pages, in a frame."""

    app_settings = APP_SETTINGS

    @classmethod
    def admin_shell(cls, app: Mapping[str, str], ref: str) -> AdminShell:
        """Load the sample admin's script; let the store's own admin frame us and no other's."""
        return AdminShell(
            head=(HeadTag("script", {"src": BRIDGE, "data-app": app["client_id"]}),),
            script_sources=(ADMIN,),
            frame_ancestors=(f"https://{ref}.sample.example", ADMIN),
            identity="bearer",
            token_call="sample.token",  # noqa: S106 - a function's name
        )

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Read the store from the address that opens our page, else as the sample store does."""
        return parse_qs(request.query).get("store", [""])[0] or super().store_of(request, app)

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Read the token that the address carries when our page is opened."""
        return cls._read(parse_qs(request.query).get("id_token", [""])[0], app)

    @classmethod
    def staff_of(cls, request: Request, app: Mapping[str, str]) -> Opening:
        """Read the token of one request."""
        return cls._read(bearer_of(request), app)

    @classmethod
    def _read(cls, text: str, app: Mapping[str, str]) -> Opening:
        claims = claims_of(text, app, now=time.time())
        return Opening(str(claims.get("dest", "")), _person(claims))


class SignedAdmin(Platform):
    """An admin that signs the address which opens our page in its frame, and says nothing afterwards."""

    app_settings = APP_SETTINGS

    @classmethod
    def admin_shell(cls, app: Mapping[str, str], ref: str) -> AdminShell:
        """Let the sample admin frame us."""
        return AdminShell(frame_ancestors=(f"https://{ref}.sample.example",), identity="signed")

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Read the store from a launch, else as the sample store does."""
        return str(_payload(request).get("store", "")) or super().store_of(request, app)

    @classmethod
    def nonce_of(cls, request: Request) -> str:
        """Let a launch work once."""
        return str(_payload(request).get("nonce", "")) or super().nonce_of(request)

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Verify a launch, which is good for a minute."""
        asked = parse_qs(request.query)
        payload, signature = (asked.get(name, [""])[0] for name in ("payload", "signature"))
        signatures.require_signed(payload.encode(), signature, [app["client_secret"]], "hex", what="launch")
        facts = _payload(request)
        signatures.require_recent(facts.get("at"), now=time.time(), seconds=LAUNCH_LIFE, what="launch")
        return Opening(str(facts.get("store", "")), _person(facts))


class NamesNobody(Platform):
    """An admin that says which store opened our page, and not which of its people. Put before one of the others."""

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Leave the person out."""
        opening = super().open_admin(request, app, secret_of=secret_of)
        return Opening(opening.ref) if isinstance(opening, Opening) else opening

    @classmethod
    def staff_of(cls, request: Request, app: Mapping[str, str]) -> Opening:
        """Leave the person out."""
        return Opening(super().staff_of(request, app).ref)


class SignsShoppersIn(Platform):
    """A sample platform with accounts of its own, an OAuth-like sign-in (PKCE) to them, and extensions with tokens.

    Its account server asks nobody: whoever the address names by `as` is signed in. A subclass adds
    Feature.SHOPPER_SIGN_IN to its features.
    """

    app_settings = APP_SETTINGS
    extension_origins = (EXTENSIONS,)

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Read the store from an extension's token, else as the sample store does."""
        return str(_unverified(bearer_of(request)).get("dest", "")) or super().store_of(request, app)

    def shopper_of_token(self, token: str) -> Shopper | None:
        """Read an extension's token."""
        claims = claims_of(token, self.app, now=time.time())
        if claims.get("dest") != self.ref:
            raise BadSignature("The token is for another store.")
        return Shopper(str(claims["sub"])) if claims.get("sub") else None

    def begin_sign_in(self, request: Request, *, seal: SealState, back: str) -> Reply:
        """Let the account server sign somebody in at once."""
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        verifier = secrets.token_urlsafe(32)
        sub, state = asked.get("as", ""), seal({"verifier": verifier})
        code = authorize(self.app, self.ref, sub, challenge=challenge_of(verifier))
        return Reply(302, {"Location": f"{back}?{urlencode({'code': code, 'state': state})}"})

    def finish_sign_in(self, request: Request, *, unseal: UnsealState, back: str) -> Shopper:
        """Read the account server's code, for the one who asked for it."""
        given = {name: values[0] for name, values in parse_qs(request.query).items()}
        if "error" in given:
            raise Refused("The shopper turned back.")
        verifier = unseal(given.get("state", ""))["verifier"]
        claims = claims_of(given.get("code", ""), self.app, now=time.time())
        if claims.get("dest") != self.ref or claims.get("challenge") != challenge_of(verifier):
            raise BadSignature("The code was asked for by somebody else.")
        return Shopper(str(claims.get("sub", "")), order_refs=tuple(map(str, claims.get("orders", ()))))


def authorize(app: Mapping[str, str], ref: str, sub: str, *, challenge: str, **claims: Any) -> str:
    """Give the code that the sample account server hands out for somebody who signed in."""
    return token(app, ref, sub, now=time.time(), challenge=challenge, **claims)


def challenge_of(verifier: str) -> str:
    """Give what PKCE (RFC 7636, S256) shows of a verifier."""
    return _unpadded(hashlib.sha256(verifier.encode()).digest())


def _unverified(text: str) -> Mapping[str, Any]:
    try:
        body = text.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _person(facts: Mapping[str, Any]) -> StaffIdentity | None:
    sub = str(facts.get("sub", ""))
    return StaffIdentity(ref=sub, name=sub.title(), email=f"{sub}@shop.example") if sub else None


def _payload(request: Request) -> Mapping[str, Any]:
    """Read what a launch claims; {} where it claims nothing that can be read."""
    text = parse_qs(request.query).get("payload", [""])[0]
    try:
        facts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
