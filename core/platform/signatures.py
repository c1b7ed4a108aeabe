"""Check what platforms sign: HMACs over bytes or over a query's pairs, session tokens, sealed payloads.

Whatever a stranger sends that cannot be read is a wrong signature: every check raises BadSignature and nothing else.
Comparisons take constant time. An empty secret signs nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeGuard
from urllib.parse import parse_qsl, quote

import jwt
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from core.platform.errors import BadSignature

Encoding = Literal["base64", "hex"]
LEEWAY = 10.0
"""Seconds by which a platform's clock may differ from ours where it dates a token."""


def sign(secret: str, message: bytes, encoding: Encoding = "base64") -> str:
    """Give the HMAC-SHA256 of a message."""
    digest = hmac.digest(secret.encode(), message, "sha256")
    return base64.b64encode(digest).decode() if encoding == "base64" else digest.hex()


def is_equal(given: str, right: str) -> bool:
    """Compare two texts in constant time, whatever characters a stranger sent."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


def require_signed(
    message: bytes, given: str, secrets: Iterable[str], encoding: Encoding = "base64", *, what: str = "request"
) -> None:
    """Raise BadSignature unless `given` is the message's HMAC-SHA256 under one of the secrets.

    Several secrets are valid while an app's secret is being replaced: a platform signs with the old one for a while.
    """
    if not any(secret != "" and is_equal(given, sign(secret, message, encoding)) for secret in secrets):
        raise BadSignature(f"The {what} was not signed with a secret we know.")


def sorted_pairs(query: str, *, without: Iterable[str] = (), encoded: bool = False) -> bytes:
    """Give a query as it is signed: pairs sorted by name, joined as `name=value` with `&`.

    Names in `without` (the signature itself) are left out. `encoded` writes names and values percent-encoded, space
    as %20, as JavaScript's URLSearchParams does; otherwise they are decoded.
    """

    def write(text: str) -> str:
        return quote(text, safe="*").replace("~", "%7E") if encoded else text

    left_out = frozenset(without)
    pairs = sorted(pair for pair in _pairs(query) if pair[0] not in left_out)
    return "&".join(f"{write(name)}={write(value)}" for name, value in pairs).encode("utf-8", "surrogatepass")


def merged_pairs(query: str, *, without: Iterable[str] = (), once: Iterable[str] = ()) -> bytes:
    """Give a query as storefront proxies sign it: `name=a,b` for each name, sorted, joined by nothing.

    Raises BadSignature where a name of `once` stands twice: `a=1,2` and `a=1&a=2` would be signed alike.
    """
    left_out, values = frozenset(without), dict[str, list[str]]()
    for name, value in _pairs(query):
        if name not in left_out:
            values.setdefault(name, []).append(value)
    if doubled := [name for name in once if len(values.get(name, ())) > 1]:
        raise BadSignature(f"The request names {doubled[0]} twice.")
    return "".join(sorted(f"{name}={','.join(given)}" for name, given in values.items())).encode(
        "utf-8", "surrogatepass"
    )


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise BadSignature("The request's query cannot be read.") from None


def read_token(token: str, secrets: Iterable[str], *, audience: str, now: float) -> Mapping[str, Any]:
    """Give the claims of a session token (JWT). Raises BadSignature.

    It must be signed by HS256 with one of the secrets, name our app as its audience, and say until when it is valid
    (`exp`); `now` is Unix time. `exp` and `nbf` may be off by LEEWAY.
    """
    for secret in filter(None, secrets):
        try:
            claims: dict[str, Any] = jwt.decode(token, secret, algorithms=["HS256"], options=_SIGNATURE_ONLY)
        except (jwt.InvalidTokenError, UnicodeError):
            continue
        ends, begins = claims.get("exp"), claims.get("nbf", 0)
        if not _is_time(ends) or not _is_time(begins):
            raise BadSignature("The session token does not say until when it is valid.")
        if now > ends + LEEWAY or now < begins - LEEWAY:
            raise BadSignature("The session token is over.")
        if audience == "" or claims.get("aud") != audience:
            raise BadSignature("The session token is not meant for this app.")
        return claims
    raise BadSignature("The session token was not signed with a secret we know.")


_SIGNATURE_ONLY: Any = {
    # The claims are checked by our own clock, which PyJWT cannot be given (2.15, 2026-11).
    "verify_signature": True, "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False,
    "verify_iss": False, "verify_sub": False, "verify_jti": False, "require": [],
}  # fmt: skip


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def require_recent(at: object, *, now: float, seconds: float, what: str = "request") -> None:
    """Raise BadSignature unless `at`, the Unix time that was signed along, is at most this long before `now`, or up to
    LEEWAY after it. A request that bears no time is refused: a copy of it would be good for ever."""
    if not _is_time(at) or not -LEEWAY <= now - at <= seconds:
        raise BadSignature(f"The {what} bears no time, is too old, or a clock is wrong.")


def open_payload(text: str, secret: str) -> Mapping[str, Any]:
    """Open a payload that the platform sealed with our secret: JSON under AES-128 in CBC mode. Raises BadSignature.

    `text` is URL-safe base64, padded or not: 16 bytes of initialization vector, then the ciphertext (PKCS #7). The key
    is the secret's first 16 bytes. CBC proves no origin: what a payload claims is to be confirmed by a call.
    """
    try:
        raw = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
        key = secret.encode()[:16]
        if len(key) < 16:
            raise ValueError
        cipher = Cipher(algorithms.AES(key), modes.CBC(raw[:16])).decryptor()
        unpadder = padding.PKCS7(128).unpadder()
        plain = unpadder.update(cipher.update(raw[16:]) + cipher.finalize()) + unpadder.finalize()
        payload = json.loads(plain)
    except (ValueError, binascii.Error, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise BadSignature("The payload was not sealed for this app.")
    return payload
