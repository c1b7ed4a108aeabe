"""Requests to every route: rubbish, but for the signature, token or session that lets them in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import sqlalchemy as sa
from werkzeug.test import EnvironBuilder

from core.app import installed_platforms
from core.orders.messages import envelope
from core.orders.messages.notice import Notice
from core.platform.contract import StaffIdentity
from core.platform.sample import SIGNATURE, Demo, forward, sign
from core.returns.photos import photo_storage
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import Actor
from core.returns.requests.opening import ReturnRequest, open_return
from core.returns.withdrawal import declare
from core.services import Services
from core.stores import staff
from core.stores.model import Store
from core.stores.platform_access import link_of
from core.stores.tokens import answer_token, shopper_token, tracking_token
from tests.core.shipping.seed import apply, order, parcel, set_terms, the_order
from tests.laws.rubbish import Rubbish

PLATFORMS = {"demo": Demo} | installed_platforms()
INBOUND, METRICS = "inbound-of-the-law-9f3Kq81LxT0bVwYz", "metrics-of-the-law-Q7c2NfHs64JuPaEg"


@dataclass
class Keys:
    """What opens every door of one store, so that rubbish gets as far inside as it can."""

    truths: dict[str, str]
    secret: str
    forwarding_secret: str
    bearers: tuple[str, ...]
    cookie: str
    mail: bytes
    asked: bytes
    """What a shopper may ask, all of it in one body."""


def cut_keys(services: Services, store: Store) -> Keys:
    """Let one order in whose notice waits as a draft, and give what opens it, its store and its mail."""
    set_terms(services, store, {"shipped": "draft"})
    apply(services, store, order("42", parcel()))
    placed, keyring = the_order(services, store), services.keyring
    with services.db.transaction(store.id) as session:
        notice_id = session.scalars(sa.select(Notice.id)).one()
        asked = ReturnRequest((RequestedLine("1", 1),))
        rma = open_return(session, store, placed.id, asked, Actor("max", "owner"), now=services.clock())
        declared = declare.start(session, store, placed.id, {"2": 1}, now=services.clock())
    owner = staff.enter(services, store, StaffIdentity(ref="max", name="Max"))
    truths = {
        "platform": "demo",
        "key": store.key,
        "order_id": str(placed.id),
        "notice_id": str(notice_id),
        "return_id": str(rma.id),
        "withdrawal_id": str(declared.id),
        "photo_id": "1",
        "money_id": "1",
        "version": "1",
        "job_id": "1",
        "verb": "send",
        "choice": "wait",
        "name": "page.css",
    }
    reply_to = f"reply+{envelope.mail_token(keyring, store.id, placed.id)}@localhost"
    return Keys(
        truths,
        link_of(services, store).secret,
        link_of(services, store).forwarding_secret,
        (
            shopper_token(keyring, store.id, [placed.id]),
            shopper_token(keyring, store.id, [placed.id], level="act"),
            INBOUND,
            METRICS,
        ),
        f"aftercare_desk_{store.key}={staff.open_session(keyring, owner)}",
        f"From: ann@shopper.example\r\nTo: {reply_to}\r\nSubject: Re\r\nMessage-ID: <1@x>\r\n\r\nWhere is it?".encode(),
        json.dumps(_asked(placed.id)).encode(),
    )


def _asked(order_id: int) -> dict[str, Any]:
    finding = {"number": "42", "proof": "ann@shopper.example", "code": "123456", "hash": "ab" * 32}
    lines = [{"ref": "1", "quantity": 1, "reason": "other", "wish": "refund"}]
    return finding | {"order": str(order_id), "lines": lines, "text": "Where is it?", "tracking_number": "RR1"}


def tokens(services: Services, store: Store, keys: Keys) -> dict[str, str]:
    """Give what stands for <token>, by the beginning of the rule."""
    keyring = services.keyring
    return {
        "hooks": link_of(services, store).hook_url.rpartition("/")[2],
        "t": tracking_token(keyring, store.id, int(keys.truths["order_id"]), 1),
        "shop": photo_storage.token_of(keyring, store.id, 1),
        "a": answer_token(keyring, store.id, int(keys.truths["notice_id"]), 1),
        "admin": keyring.sign({"s": store.id, "a": "max@shop.example"}, purpose="sender"),
    }


def dress(rubbish: Rubbish, keys: Keys, first: str, body: bytes) -> dict[str, str]:
    """Draw headers; mostly with a signature, token or session that is right, for then more code is reached."""
    headers = rubbish.headers()
    if rubbish.chance.random() < 0.7:
        headers["Authorization"] = f"Bearer {rubbish.chance.choice(keys.bearers)}"
        headers["Cookie"] = keys.cookie
        headers["X-Demo-Store"] = "linden"
        if first == "hooks":
            headers[SIGNATURE] = sign(keys.secret, body)
        elif first in ("proxy", "admin"):
            nonce = rubbish.text().encode("ascii", "ignore").decode().strip() or str(rubbish.chance.random())
            claim: Any = rubbish.chance.choice(({"ref": "7", "orders": ["42"]}, rubbish.fields(), rubbish.value()))
            forwarded = forward(keys.forwarding_secret, "linden", nonce=nonce, shopper=claim)
            claimed = f"{nonce}\n{forwarded.get('x-demo-shopper', '')}\n".encode()
            headers |= forwarded | {SIGNATURE: sign(keys.forwarding_secret, claimed + body)}
    return headers


def environment(rubbish: Rubbish, rule: Any, keys: Keys, opens: dict[str, str]) -> dict[str, Any]:
    """Draw one request to a route."""
    first = rule.rule.split("/")[1]
    truth = {"mail": keys.mail, "hooks": b'{"resource":"order","ref":"42","facts":{}}'}
    body, kind = rubbish.body(truth.get(first, keys.asked))
    headers = {"Content-Type": kind} | dress(rubbish, keys, first, body)
    method = rubbish.chance.choice(sorted(rule.methods)) if rubbish.chance.random() < 0.95 else "BREW"
    environ = EnvironBuilder(method=method, input_stream=BytesIO(body), content_length=len(body)).get_environ()
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value.replace("\r", "").replace("\n", "")
    platform = rubbish.chance.choice(("demo", *PLATFORMS))
    truths = keys.truths | {"token": opens.get(first, "x"), "platform": platform}
    environ["PATH_INFO"] = rubbish.path(rule.rule, truths)
    environ["QUERY_STRING"] = rubbish.query() if rubbish.chance.random() < 0.5 else ""
    environ["REMOTE_ADDR"] = f"10.0.0.{rubbish.chance.randrange(256)}"
    return environ
