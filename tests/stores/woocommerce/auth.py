"""Who is calling: WooCommerce's consumer keys, by Basic or query over https and by OAuth 1.0a over http.

Follows `WC_REST_Authentication` (WooCommerce 10.5 to 11.1, read 2026-11): the signature is really checked.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from .errors import RestError, unauthenticated
from .php import Json

WINDOW_SECONDS = 15 * 60
OAUTH_NAMES = (
    "oauth_consumer_key",
    "oauth_timestamp",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
)
HASHES = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
READING = {"GET", "HEAD"}


@dataclass
class Key:
    """One row of `woocommerce_api_keys`; `permissions` is read, write or read_write."""

    key_id: int
    permissions: str
    key: str = field(default_factory=lambda: f"ck_{secrets.token_hex(20)}")
    secret: str = field(default_factory=lambda: f"cs_{secrets.token_hex(20)}", repr=False)
    nonces: dict[int, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Caller:
    """What a request says about who sent it; `url` is the store's address plus the raw path."""

    method: str
    url: str
    query: Json
    authorization: str
    is_ssl: bool


def authenticate(keys: Iterable[Key], caller: Caller, now: float) -> Key | None:
    """Find the key behind a request; None is a stranger, a wrong signature or secret raises `RestError`."""
    by_key = {key.key: key for key in keys}
    if caller.is_ssl:
        name, secret = _basic_credentials(caller)
        # An unknown key over https is not an error: the caller is a stranger (10.5.0, 2026-11).
        if key := by_key.get(name):
            if not hmac.compare_digest(key.secret.encode(), secret.encode()):
                raise unauthenticated("Consumer secret is invalid.")
            return key
    return _oauth_key(by_key, caller, now)


def require_permission(key: Key, method: str) -> None:
    """Raise `RestError` when the key may not read, or may not write."""
    wanted = "read" if method in READING else "write"
    if method != "OPTIONS" and wanted not in key.permissions.split("_"):
        raise unauthenticated(f"The API key provided does not have {wanted} permissions.")


def sign_oauth(method: str, url: str, query: Json, secret: str) -> str:
    """The signature WooCommerce expects of a request: base64 HMAC over method, URL and sorted parameters."""
    pairs = []
    for name in sorted(name for name in query if name != "oauth_signature"):
        value = query[name]
        if isinstance(value, list):
            pairs += [f"{_encode(name)}%5B{at}%5D={_encode(item)}" for at, item in enumerate(value)]
        else:
            pairs.append(f"{_encode(name)}={_encode(value)}")
    text = f"{method}&{_encode(url)}&" + "%26".join(_encode(pair) for pair in pairs)
    digest = hmac.new(f"{secret}&".encode(), text.encode(), HASHES[query["oauth_signature_method"]])
    return base64.b64encode(digest.digest()).decode()


def _basic_credentials(caller: Caller) -> tuple[str, str]:
    # The query wins over the header when both come (10.5.0, 2026-11).
    if caller.query.get("consumer_key") and caller.query.get("consumer_secret"):
        return str(caller.query["consumer_key"]), str(caller.query["consumer_secret"])
    scheme, _, encoded = caller.authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _oauth_key(by_key: dict[str, Key], caller: Caller, now: float) -> Key | None:
    missing = [name for name in OAUTH_NAMES if not caller.query.get(name)]
    if len(missing) == len(OAUTH_NAMES):
        return None
    if missing:
        word = "parameter" if len(missing) == 1 else "parameters"
        sentence = f"Missing OAuth {word} {', '.join(missing)}"
        raise RestError(401, "woocommerce_rest_authentication_missing_parameter", sentence)
    key = by_key.get(caller.query["oauth_consumer_key"])
    if key is None:
        raise unauthenticated("Consumer key is invalid.")
    if caller.query["oauth_signature_method"] not in HASHES:
        raise unauthenticated("Invalid signature - signature method is invalid.")
    given = unquote(caller.query["oauth_signature"].replace(" ", "+"))
    wanted = sign_oauth(caller.method, caller.url, caller.query, key.secret)
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        raise unauthenticated("Invalid signature - provided signature does not match.")
    _spend_nonce(key, caller.query["oauth_timestamp"], caller.query["oauth_nonce"], now)
    return key


def _spend_nonce(key: Key, timestamp: str, nonce: str, now: float) -> None:
    if not timestamp.isdigit() or abs(int(timestamp) - now) > WINDOW_SECONDS:
        raise unauthenticated("Invalid timestamp.")
    if nonce in key.nonces.values():
        raise unauthenticated("Invalid nonce - nonce has already been used.")
    # Nonces are stored by second, so a second request in the same one overwrites (10.5.0, 2026-11).
    key.nonces[int(timestamp)] = nonce
    key.nonces = {at: used for at, used in key.nonces.items() if at >= now - WINDOW_SECONDS}


def _encode(value: object) -> str:
    return quote(str(value), safe="~")
