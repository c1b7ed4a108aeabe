"""Two signatures: WooCommerce's over its webhooks, and ours over requests our WordPress plugin forwards."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from core.platform import signatures
from core.platform.contract import Request, Shopper, StaffIdentity
from core.platform.errors import BadSignature

WINDOW = 60
"""Seconds a forwarded request stays valid, either way: WordPress hosts' clocks are not always in step."""


def sign_webhook(secret: str, body: bytes) -> str:
    """Give the base64 HMAC-SHA256 that WooCommerce puts into X-WC-Webhook-Signature."""
    return signatures.sign(secret, body)


def verify_webhook(request: Request, secret: str) -> None:
    """Raise BadSignature unless the raw body was signed with our secret.

    The raw bytes count: WooCommerce escapes slashes and non-ASCII in its own way (10.5, 2026-11).
    """
    given = request.headers.get("x-wc-webhook-signature", "")
    signatures.require_signed(request.body, given, [secret], what="webhook")


def sign_forwarded(secret: str, request: Request) -> str:
    """Give the hex HMAC-SHA256 of a forwarded request.

    Signed, joined by newlines: method, path?query, time, nonce, staff, sha256 of the body and, where the header
    is there, shopper. Staff and shopper are signed as sent, in base64.
    """
    header = request.headers.get
    target = f"{request.path}?{request.query}" if request.query else request.path
    lines = [
        request.method.upper(),
        target,
        header("x-aftercare-time", ""),
        header("x-aftercare-nonce", ""),
        header("x-aftercare-staff", ""),
        hashlib.sha256(request.body).hexdigest(),
    ]
    if shopper := header("x-aftercare-shopper", ""):
        lines.append(shopper)
    return signatures.sign(secret, "\n".join(lines).encode(), "hex")


def verify_forwarded(request: Request, secret: str, *, now: float) -> None:
    """Raise BadSignature unless our WordPress plugin sent this within WINDOW seconds of `now` (Unix time).

    That a nonce is used once is the caller's to check: see nonce_of.
    """
    if not secret or not nonce_of(request):
        raise BadSignature("The request names no store we know, or carries no nonce.")
    if not signatures.is_equal(request.headers.get("x-aftercare-signature", ""), sign_forwarded(secret, request)):
        raise BadSignature("The request was not signed by this store's plugin.")
    sent = request.headers.get("x-aftercare-time", "")
    if not (sent.isascii() and sent.isdigit() and abs(now - int(sent[:12])) <= WINDOW):
        raise BadSignature("The request is too old, or a clock is wrong.")


def nonce_of(request: Request) -> str:
    """Give the nonce of a forwarded request, or "" where it has none."""
    return request.headers.get("x-aftercare-nonce", "")


def staff_of(request: Request) -> StaffIdentity:
    """Read who is at the desk. Trust it only after verify_forwarded; BadSignature where nobody is named."""
    claims = _claims(request, "x-aftercare-staff")
    return StaffIdentity(
        ref=str(claims["ref"]),
        name=str(claims.get("name") or ""),
        email=str(claims.get("email") or ""),
        language=str(claims.get("language") or "en"),
    )


def shopper_of(request: Request) -> Shopper:
    """Read which shopper is signed in. Trust it only after verify_forwarded."""
    claims = _claims(request, "x-aftercare-shopper")
    refs = claims.get("order_refs")
    return Shopper(
        ref=str(claims["ref"]),
        email=str(claims.get("email") or ""),
        order_refs=tuple(str(ref) for ref in refs) if isinstance(refs, list) else (),
        language=str(claims.get("language") or ""),
    )


def _claims(request: Request, header: str) -> Mapping[str, Any]:
    try:
        claims = json.loads(base64.b64decode(request.headers.get(header, ""), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict) or not claims.get("ref"):
        raise BadSignature(f"The request's {header} names nobody.")
    return claims
