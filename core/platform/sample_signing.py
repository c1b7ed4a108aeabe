"""How the sample store signs its deliveries, and the requests it forwards for its shoppers and staff."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.platform import signatures
from core.platform.contract import Request, Shopper
from core.platform.errors import BadSignature

SIGNATURE = "x-demo-signature"


def sign(secret: str, body: bytes) -> str:
    """Sign a delivery as the sample store does."""
    return signatures.sign(secret, body)


def verify(request: Request, secret: str) -> None:
    """Raise BadSignature unless the sample store signed these very bytes."""
    signatures.require_signed(request.body, request.headers.get(SIGNATURE, ""), [secret], what="delivery")


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


def shopper_of(request: Request) -> Shopper:
    """Read the shopper that a forwarded request names. Raises BadSignature where it names none."""
    try:
        facts = json.loads(base64.b64decode(request.headers["x-demo-shopper"]))
        orders = tuple(map(str, facts.get("orders", ())))
        return Shopper(str(facts["ref"]), str(facts.get("email", "")), orders, str(facts.get("language", "")))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise BadSignature("the sample store names no shopper in the way agreed") from None
