"""A local WooCommerce store behind the contract suite."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from core.money import to_decimal, to_minor
from core.platform.contract import Reply, Request
from core.platform.http import open_session
from core.platform.snapshots import Change, RefundLine
from plugins.woocommerce import signing
from plugins.woocommerce.platform import WooCommerce
from tests.stores.woocommerce import Store, make_order, serving

ORDERS_A_PAGE = 5
SECRET = "shared"
SIGNATURE = "x-wc-webhook-signature"


class Merchant:
    """Max's side of a WooCommerce store."""

    troubles: ClassVar[dict[str, str]] = {
        "throttled": "429",
        "away": "503",
        "under maintenance": "maintenance",
        "behind a firewall's page": "html200",
    }

    signs_bodies = True
    names_staff = True
    prepares_lists = False
    gives_reasons = False
    takes_withdrawals = False
    loses_answers = True

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
        self.store = Store(now=lambda: self.now, loopback=True)
        self.key = self.store.add_key()
        self.secrets = (self.key.key, self.key.secret)
        self.read_seconds = self.paying_seconds = 2.0

    def connect(self) -> WooCommerce:
        http = open_session(
            allow=frozenset({urlsplit(self.store.url).netloc}), timeout=(2, self.read_seconds), retries=0
        )
        credentials = {"key": self.key.key, "secret": self.key.secret}
        platform = WooCommerce(self.store.url, credentials, {"per_page": ORDERS_A_PAGE}, http)
        platform.paying_seconds = self.paying_seconds
        return platform

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def place(self) -> str:
        return str(self.store.place(make_order(placed=self.now))["id"])

    def place_unrefundable(self) -> str:
        return str(self.store.place(make_order(placed=self.now, payment_method="bacs"))["id"])

    def change(self, ref: str) -> None:
        self.store.set_status(int(ref), "completed")

    def delete(self, ref: str) -> None:
        self.store.delete_forever(int(ref))

    def post_review(self) -> str:
        return str(self.store.post_review("Strap broke", 2)["id"])

    def refunds(self, ref: str) -> list[int]:
        currency = self.store.find_order(int(ref))["currency"]
        return [to_minor(row["amount"], currency) for row in self.store.refunds.get(int(ref), [])]

    def refund_by_hand(self, ref: str, line: str, quantity: int) -> tuple[int, Sequence[RefundLine]]:
        order = self.store.find_order(int(ref))
        currency = order["currency"]
        bought = next(row for row in order["line_items"] if str(row["id"]) == line)

        def share(amount: str) -> int:
            return to_minor(amount, currency) * quantity // int(bought["quantity"])

        taxes = {str(tax["id"]): share(tax["total"]) for tax in bought["taxes"]}
        part = RefundLine(line, quantity, share(bought["total"]), taxes)
        refund_tax = [{"id": int(rate), "refund_total": _text(amount, currency)} for rate, amount in taxes.items()]
        row = {"id": int(line), "quantity": quantity, "refund_total": _text(part.amount, currency)}
        body = {"amount": _text(part.gross, currency), "api_refund": False, "api_restock": False}
        self.store.refund(int(ref), {**body, "line_items": [{**row, "refund_tax": refund_tax}]})
        return part.gross, (part,)

    def shelve(self, variant: str, price: int) -> None:
        raise AssertionError("WooCommerce exchanges nothing")

    def pay(self, key: str) -> None:
        raise AssertionError("WooCommerce exchanges nothing")

    def begin_return(self, ref: str, line: str, quantity: int) -> str:
        raise AssertionError("WooCommerce keeps no returns")

    def cancel_return(self, native_ref: str) -> None:
        raise AssertionError("WooCommerce keeps no returns")

    def notes(self, ref: str) -> int:
        return sum("RMA-" in note["note"] for note in self.store.notes.get(int(ref), []))

    def replies(self, review_ref: str) -> list[str]:
        return [row["content"] for row in self.store.replies_to(int(review_ref))]

    def news(self, ref: str) -> Request:
        body = json.dumps({"id": int(ref)}).encode()
        headers = {
            "x-wc-webhook-topic": "order.updated",
            SIGNATURE: signing.sign_webhook(SECRET, body),
            "content-type": "application/json",
        }
        return Request("POST", "/hooks/woocommerce/token", headers=headers, body=body)

    def forgeries(self, news: Request) -> Mapping[str, Request]:
        def signed(text: str) -> Request:
            return replace(news, headers={**news.headers, SIGNATURE: text})

        return {
            "another body": replace(news, body=news.body + b" "),
            "no signature": replace(news, headers={k: v for k, v in news.headers.items() if k != SIGNATURE}),
            "an empty secret's": signed(signing.sign_webhook("", news.body)),
            "a signature in another alphabet": signed("ключ"),
        }

    def listen(self, request: Request, *, with_wrong_keys: bool = False) -> list[Change]:
        reader = WooCommerce("https://linden.example", {}, {}, requests.Session())
        return reader.read_webhook(request, secret="another" if with_wrong_keys else SECRET)

    def shopper_request(self, ref: str) -> Request:
        claims = base64.b64encode(json.dumps({"ref": ref}).encode()).decode()
        named = {"x-aftercare-time": str(int(time.time())), "x-aftercare-nonce": "n1", "x-aftercare-shopper": claims}
        return _signed(Request("GET", "/proxy/woocommerce/orders", headers=named), SECRET)

    def shopper_forgeries(self, forwarded: Request) -> Mapping[str, Request]:
        old = replace(forwarded, headers={**forwarded.headers, "x-aftercare-time": str(int(time.time()) - 3600)})
        return {
            "another path": replace(forwarded, path="/proxy/woocommerce/other"),
            "another's keys": _signed(forwarded, "another"),
            "long ago": _signed(old, SECRET),
        }

    def shopper_secret(self) -> str:
        return SECRET

    store_key = "the store's key"

    def secret_of(self, store_key: str) -> str:
        return SECRET if store_key == self.store_key else ""

    def opening(self) -> Request:
        return _signed(self._opened(), SECRET)

    def _opened(self, sent: float = 0.0, **changes: str) -> Request:
        claims = base64.b64encode(json.dumps({"ref": "1", "name": "Max"}).encode()).decode()
        said = {"store": self.store_key, "time": str(int(sent or time.time())), "nonce": "n1", "staff": claims}
        headers = {f"x-aftercare-{name}": value for name, value in {**said, **changes}.items()}
        return Request("GET", "/admin/open/woocommerce", headers=headers)

    def forged_openings(self) -> Sequence[tuple[str, Request, Mapping[str, str]]]:
        other = base64.b64encode(json.dumps({"ref": "2"}).encode()).decode()
        signed = self.opening().headers["x-aftercare-signature"]
        return [
            ("signed by another", _signed(self._opened(), "another"), {}),
            ("an hour ago", _signed(self._opened(sent=time.time() - 3600), SECRET), {}),
            ("of another person", self._opened(staff=other, signature=signed), {}),
            ("of a store we do not know", _signed(self._opened(store="another"), ""), {}),
            ("not signed", self._opened(), {}),
        ]

    def install_request(self) -> Request:
        return Request("GET", "/install/woocommerce", query=urlencode({"store": self.store.url}))

    def consent(self, begun: Reply) -> Request:
        state = parse_qs(urlsplit(begun.headers["Location"]).query)["user_id"][0]
        key = self.store.add_key()
        keys = {"consumer_key": key.key, "consumer_secret": key.secret, "key_permissions": "read_write"}
        return Request("POST", "/install/woocommerce/done", body=json.dumps({**keys, "user_id": state}).encode())

    def forged_consents(self, brought: Request) -> Mapping[str, Request]:
        def handed(**changes: str) -> Request:
            return replace(brought, body=json.dumps(json.loads(brought.body) | changes).encode())

        return {
            "another state": handed(user_id="forged"),
            "another store's keys": handed(consumer_secret="cs_another"),
            "keys that only read": handed(key_permissions="read"),
            "nothing": replace(brought, body=b""),
        }

    def prepared(self) -> object:
        hooks = sorted((hook.topic, hook.url, hook.secret) for hook in self.store.webhooks.rows.values())
        return hooks, dict(self.store.connection or {})

    def facts(self) -> Iterator[tuple[Change, bool]]:
        raise AssertionError("WooCommerce confirms nothing")

    def news_of_leaving(self) -> None:
        return None

    def credit(self, ref: str) -> int:
        raise AssertionError("WooCommerce gives no store credit")

    def revoke(self) -> None:
        self.store.keys.clear()

    def lose_next_answer(self) -> None:
        self.store.misbehave("reset", method="POST")

    def misbehave(self, how: str) -> None:
        self.store.misbehave(self.troubles[how], times=9, seconds=1)


def _signed(request: Request, secret: str) -> Request:
    headers = {**request.headers, "x-aftercare-signature": signing.sign_forwarded(secret, request)}
    return replace(request, headers=headers)


def _text(amount: int, currency: str) -> str:
    return str(to_decimal(amount, currency))


@contextmanager
def open_platform(tmp_path: Path) -> Iterator[tuple[WooCommerce, Merchant]]:
    """Serve a store of its own while the block runs."""
    merchant = Merchant()
    with serving(merchant.store):
        yield merchant.connect(), merchant
