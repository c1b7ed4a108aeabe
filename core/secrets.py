"""Seals what must stay secret, signs what travels, digests what is only compared. One keyring does all three.

From each string in AFTERCARE_SECRET_KEYS come separate keys for the three uses (HKDF-SHA256). The first string
seals, signs and digests; all of them open and verify, so a new one is put in front and the old one leaves later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

_VERSION = b"\x01"
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = len(_VERSION) + _ID_BYTES
_SHORTEST_KEY = 32
_FEWEST_SYMBOLS = 8  # one in 27 million random texts of 32 hex digits has fewer; "x" * 32 has one
_GUESSABLE = ("password", "secret", "example", "changeme", "change-me")
ADVICE = 'Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
_LONG = 150  # bytes of JSON from which compressing a token may make it shorter
_CLOCK_SKEW = 60  # seconds one machine of the cluster may be ahead of another


class Unsealable(Exception):
    """The blob was not sealed for this store and purpose, was altered, or its key has left the keyring."""


class BadToken(Exception):
    """The token was not signed by us for this purpose."""


class ExpiredToken(BadToken):
    """The token is ours, and too old; `payload` is what it says."""

    def __init__(self, reason: str, payload: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.payload = payload or {}


class _Keys(NamedTuple):
    id: bytes
    cipher: AESGCM
    signing: bytes
    digesting: bytes


class Keyring:
    """The keys of one installation. Raises ValueError for no key, a short one, or a made-up looking one."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError(f"AFTERCARE_SECRET_KEYS must list at least one key. {ADVICE}")
        self._keys = [_derive_keys(_require_strength(key.strip())) for key in keys]
        self._by_id = {key.id: key for key in self._keys}
        self._signing: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"<Keyring of {len(self._keys)}>"

    def seal(self, plain: bytes | str | dict[str, Any], *, store_id: int, purpose: str) -> bytes:
        """Encrypt for one store and purpose (AES-256-GCM); text as UTF-8, a dict as JSON. Adds 33 bytes."""
        key, nonce = self._keys[0], secrets.token_bytes(_NONCE_BYTES)
        head = _VERSION + key.id
        return head + nonce + key.cipher.encrypt(nonce, _to_bytes(plain), _bind(head, store_id, purpose))

    def open(self, blob: bytes, *, store_id: int, purpose: str) -> bytes:
        """Decrypt what `seal` gave for the same store and purpose, or raise Unsealable."""
        head, nonce = blob[:_HEAD_BYTES], blob[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
        key = self._by_id.get(head[len(_VERSION) :])
        if key is None or not head.startswith(_VERSION):
            raise Unsealable("sealed with a key that is not in AFTERCARE_SECRET_KEYS")
        try:
            sealed = blob[_HEAD_BYTES + _NONCE_BYTES :]
            return key.cipher.decrypt(nonce, sealed, _bind(head, store_id, purpose))
        except (InvalidTag, ValueError):
            raise Unsealable(f"altered, or not sealed for store {store_id} and {purpose!r}") from None

    def open_text(self, blob: bytes, *, store_id: int, purpose: str) -> str:
        """Decrypt what was sealed from a str, or raise Unsealable."""
        return self.open(blob, store_id=store_id, purpose=purpose).decode("utf-8", "surrogatepass")

    def open_dict(self, blob: bytes, *, store_id: int, purpose: str) -> dict[str, Any]:
        """Decrypt what was sealed from a dict, or raise Unsealable."""
        values: dict[str, Any] = json.loads(self.open(blob, store_id=store_id, purpose=purpose))
        return values

    @property
    def seal_mark(self) -> bytes:
        """What everything begins with that the first key sealed."""
        return _VERSION + self._keys[0].id

    def needs_resealing(self, blob: bytes) -> bool:
        """Say whether another key than the first sealed the blob; seal it again before that key is dropped."""
        return not blob.startswith(self.seal_mark)

    def sign(self, payload: dict[str, Any], *, purpose: str, now: datetime | None = None) -> str:
        """Sign a payload as a URL-safe token. Anyone can read it, only we can make it."""
        # As URLSafeTimedSerializer writes it and `verify` has it read. A look-up spent a fifteenth of its time in the
        # library's own, which derives the key anew and tries to compress each time (itsdangerous 2.2, 2026-11).
        plain = _to_bytes(payload)
        if len(plain) > _LONG:
            return str(self._serializer(purpose, now).dumps(payload))
        at = int((now or datetime.now(UTC)).timestamp())
        signed = _unpadded(plain) + b"." + _unpadded(at.to_bytes((at.bit_length() + 7) // 8, "big"))
        return (signed + b"." + _unpadded(hmac.digest(self._signing_key(purpose), signed, "sha256"))).decode()

    def verify(self, token: str, *, purpose: str, max_age: float, now: datetime | None = None) -> dict[str, Any]:
        """Give the payload of a token at most `max_age` seconds old; else raise BadToken or ExpiredToken."""
        try:
            payload, signed_at = self._serializer(purpose, now).loads(token, return_timestamp=True)
        except (BadData, OverflowError, OSError, ValueError):
            raise BadToken("not signed by us for this purpose") from None
        # Our own arithmetic, since itsdangerous 2.2 calls a token "expired" that a faster clock has just signed.
        age = ((now or datetime.now(UTC)) - signed_at).total_seconds()
        if age > max_age:
            raise ExpiredToken("too old", payload)
        if age < -_CLOCK_SKEW:
            raise BadToken("not signed by us for this purpose")
        return payload

    def digest(self, text: str, *, purpose: str) -> str:
        """Give the keyed fingerprint (HMAC-SHA256, 64 hex digits) to store where only equality is asked."""
        return self.digests(text, purpose=purpose)[0]

    def digests(self, text: str, *, purpose: str) -> list[str]:
        """Give the fingerprint under every key, the first key's first: what to look for while keys change."""
        message = hashlib.sha256(_encode(purpose)).digest() + _encode(text)
        return [hmac.digest(key.digesting, message, "sha256").hex() for key in self._keys]

    def _signing_key(self, purpose: str) -> bytes:
        """Derive the first key's for one purpose, as itsdangerous does; purposes are few, so each is done once."""
        if purpose not in self._signing:
            self._signing[purpose] = hmac.digest(self._keys[0].signing, _encode(purpose), "sha256")
        return self._signing[purpose]

    def _serializer(self, purpose: str, now: datetime | None) -> URLSafeTimedSerializer:
        oldest_first = [key.signing for key in reversed(self._keys)]
        options = {
            "key_derivation": "hmac",
            "digest_method": hashlib.sha256,
            "at": now or datetime.now(UTC),
        }
        return URLSafeTimedSerializer(oldest_first, salt=purpose, signer=_SignerAt, signer_kwargs=options)


class _SignerAt(TimestampSigner):
    """Signs with a given time instead of the present one."""

    def __init__(self, *args: Any, at: datetime, **options: Any) -> None:
        super().__init__(*args, **options)
        self._at = at

    def get_timestamp(self) -> int:
        return int(self._at.timestamp())


def new_token(length: int = 24) -> str:
    """Draw a URL-safe token of `length` random bytes (24 bytes are 32 characters)."""
    return secrets.token_urlsafe(length)


def new_code() -> str:
    """Draw the six digits of a one-time code."""
    return f"{secrets.randbelow(1_000_000):06d}"


def constant_time_equal(a: str | bytes, b: str | bytes) -> bool:
    """Compare in constant time; any text is comparable."""
    return hmac.compare_digest(_encode(a), _encode(b))


def weakness(secret: str) -> str:
    """Say what makes a key or token easy to guess, to follow its name in a sentence; "" for a strong one."""
    length = len(secret)
    if length < _SHORTEST_KEY:
        return f"is shorter than {_SHORTEST_KEY} characters"
    if any(secret[period:] == secret[:-period] for period in range(1, length // 2 + 1)):
        return "repeats itself"
    if any(word in secret.lower() for word in _GUESSABLE):
        return f"holds a word that is guessed first ({', '.join(_GUESSABLE)})"
    steps = sum(ord(after) - ord(before) == 1 for before, after in pairwise(secret))
    if len(set(secret)) < _FEWEST_SYMBOLS or 2 * steps > length:
        return "is a simple pattern, not a random text"
    return ""


def _require_strength(key: str) -> str:
    if found := weakness(key):
        raise ValueError(f"A key in AFTERCARE_SECRET_KEYS {found}. {ADVICE}")
    return key


def _derive_keys(secret: str) -> _Keys:
    def derive(use: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"aftercare {use}".encode()).derive(secret.encode())

    # The id is a digest of the key itself, so the list may be reordered and blobs still find theirs.
    return _Keys(derive("id")[:_ID_BYTES], AESGCM(derive("seal")), derive("sign"), derive("digest"))


def _bind(head: bytes, store_id: int, purpose: str) -> bytes:
    return head + f"{store_id}|{purpose}".encode()


def _to_bytes(plain: bytes | str | dict[str, Any]) -> bytes:
    if isinstance(plain, dict):
        plain = json.dumps(plain, separators=(",", ":"))
    return _encode(plain)


def _unpadded(plain: bytes) -> bytes:
    return urlsafe_b64encode(plain).rstrip(b"=")


def _encode(text: str | bytes) -> bytes:
    """Encode any str, even half an emoji out of a hostile URL, which plain UTF-8 refuses."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
