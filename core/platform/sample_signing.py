"""How the sample store signs its deliveries, and the requests it forwards for its shoppers and staff.

What concerns a store that we do not know yet, or no longer, is signed with the secret of the app.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

from core.platform import signatures
from core.platform.contract import Installation, Request, Shopper
from core.platform.errors import BadSignature, NotSupported
from core.platform.snapshots import Change

SIGNATURE = "x-demo-signature"
APP_SIGNATURE = "x-demo-app-signature"


def sign(secret: str, body: bytes) -> str:
    """Sign a delivery as the sample store does."""
    return signatures.sign(secret, body)


def verify(request: Request, secret: str) -> None:
    """Raise BadSignature unless the sample store signed these very bytes."""
    signatures.require_signed(request.body, request.headers.get(SIGNATURE, ""), [secret], what="delivery")


def news_query(secret: str, body: bytes) -> str:
    """Give the query by which the sample store tells its news in a GET."""
    return urlencode({"news": body, "signature": sign(secret, body)})


def verify_query(request: Request, secret: str) -> bytes:
    """Give the news that a GET's query tells. Raises BadSignature unless the sample store signed it."""
    news, signature = (parse_qs(request.query).get(name, [""])[0] for name in ("news", "signature"))
    body = news.encode("utf-8", "surrogatepass")
    signatures.require_signed(body, signature, [secret], what="delivery")
    return body


def read_news(body: bytes) -> list[Change]:
    """Read {"resource", "ref", "facts"?, "occurred_at"?, "event_id"?}; [] for what says nothing."""
    try:
        news = json.loads(body)
        resource, ref, facts = news["resource"], str(news["ref"]), dict(news.get("facts", {}))
        at = datetime.fromisoformat(news["occurred_at"]) if news.get("occurred_at") else None
        event = str(news.get("event_id", ""))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    known = ("order", "review", "return", "store", "privacy", "operation")
    is_aware = at is None or at.tzinfo is not None
    return [Change(resource, ref, at if is_aware else None, facts, event)] if resource in known else []


def read_app_news(request: Request, app: Mapping[str, str]) -> list[Change]:
    """Read the same of a store we may not know. Raises BadSignature unless the app's secret signed it."""
    signatures.require_signed(request.body, request.headers.get(APP_SIGNATURE, ""), [app.get("app_secret", "")])
    return read_news(request.body)


def forward(secret: str, store: str, *, nonce: str, shopper: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Give the headers of a request without a body that the sample store forwards, for its shopper or for staff."""
    claim = base64.b64encode(json.dumps(shopper).encode()).decode() if shopper is not None else ""
    named = {"x-demo-shopper": claim} if shopper is not None else {}
    signature = sign(secret, f"{nonce}\n{claim}\n".encode())
    return {"x-demo-store": store, "x-demo-nonce": nonce, SIGNATURE: signature, **named}


def verify_forwarded(request: Request, secret: str) -> None:
    """Raise BadSignature unless the sample store forwarded this: nonce, claim and body are signed."""
    nonce, claim = (request.headers.get(f"x-demo-{name}", "") for name in ("nonce", "shopper"))
    if not nonce:
        raise BadSignature("the sample store's forwarded requests carry a nonce")
    verify(replace(request, body=f"{nonce}\n{claim}\n".encode() + request.body), secret)


def open_as_app(app_secret: str, store: str, *, nonce: str, world: str = "") -> dict[str, str]:
    """Give the headers with which a store's admin opens our page; with `world` they hand over its keys as well."""
    message = f"{nonce}\n{store}\n{world}".encode()
    named = {"x-demo-store": store, "x-demo-nonce": nonce, APP_SIGNATURE: sign(app_secret, message)}
    return named | ({"x-demo-world": world} if world else {})


def verify_opening(request: Request, app: Mapping[str, str]) -> None:
    """Raise BadSignature unless the app's secret signed who opens our page: nonce, store and keys."""
    nonce, store, world = (request.headers.get(f"x-demo-{name}", "") for name in ("nonce", "store", "world"))
    if not nonce:
        raise BadSignature("whoever opens our page at the sample store carries a nonce")
    message = f"{nonce}\n{store}\n{world}".encode()
    signatures.require_signed(message, request.headers.get(APP_SIGNATURE, ""), [app.get("app_secret", "")])


def read_installation(request: Request) -> Installation:
    """Read the keys that came along with an opening. Raises NotSupported where none did."""
    store, world = (request.headers.get(f"x-demo-{name}", "") for name in ("store", "world"))
    if not world:
        raise NotSupported("the sample store handed over no keys")
    return Installation(ref=store, name=store, credentials={"world": world}, currency="EUR")


def shopper_of(request: Request) -> Shopper:
    """Read the shopper that a forwarded request names. Raises BadSignature where it names none."""
    try:
        facts = json.loads(base64.b64decode(request.headers["x-demo-shopper"]))
        orders = tuple(map(str, facts.get("orders", ())))
        return Shopper(str(facts["ref"]), str(facts.get("email", "")), orders, str(facts.get("language", "")))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise BadSignature("the sample store names no shopper in the way agreed") from None
