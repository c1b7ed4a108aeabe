"""Admins of the sample platform that carry identity otherwise than by a session: for subclasses of `Demo`.

`BearerAdmin` names staff by a token on each request, `SignedAdmin` by one signed launch; `NamesNobody`, put before one
of them, says only which store it is: `class Poor(NamesNobody, SignedAdmin, Demo)`. `token` and `launch` play the
platform's side.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from core.platform import signatures
from core.platform.contract import (
    AdminShell,
    HeadTag,
    Opening,
    Platform,
    Reply,
    Request,
    SecretOf,
    StaffIdentity,
)
from core.platform.errors import BadSignature

ADMIN = "https://admin.sample.example"
BRIDGE = f"{ADMIN}/bridge.js"
RETRY = {"X-Sample-Retry": "1"}
"""What a 401 carries so that the sample admin asks again with a fresh token."""
TOKEN_LIFE = 60  # seconds
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
    """Give the query by which the sample admin opens our page once, signed with the app's secret."""
    payload = _unpadded(json.dumps({"store": ref, "nonce": nonce, **({"sub": sub} if sub else {})}).encode())
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
        """Verify a launch."""
        asked = parse_qs(request.query)
        payload, signature = (asked.get(name, [""])[0] for name in ("payload", "signature"))
        signatures.require_signed(payload.encode(), signature, [app["client_secret"]], "hex", what="launch")
        facts = _payload(request)
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
