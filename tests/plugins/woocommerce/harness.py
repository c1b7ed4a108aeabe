"""A local WooCommerce store behind the contract suite."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from core.money import to_decimal, to_minor
from core.platform.contract import Request
from core.platform.http import open_session
from core.platform.snapshots import RefundLine
from plugins.woocommerce import signing
from plugins.woocommerce.platform import WooCommerce
from tests.stores.woocommerce import Store, make_order, serving

ORDERS_A_PAGE = 5


class Merchant:
    """Max's side of a WooCommerce store."""

    troubles: ClassVar[dict[str, str]] = {
        "throttled": "429",
        "away": "503",
        "under maintenance": "maintenance",
        "behind a firewall's page": "html200",
    }

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

    def refund_by_hand(self, ref: str, part: RefundLine) -> None:
        currency = self.store.find_order(int(ref))["currency"]
        taxes = [{"id": int(rate), "refund_total": _text(amount, currency)} for rate, amount in part.taxes.items()]
        line = {"id": int(part.ref), "quantity": part.quantity, "refund_total": _text(part.amount, currency)}
        body = {"amount": _text(part.gross, currency), "api_refund": False, "api_restock": False}
        self.store.refund(int(ref), {**body, "line_items": [{**line, "refund_tax": taxes}]})

    def shelve(self, variant: str, price: int) -> None:
        raise AssertionError("WooCommerce exchanges nothing")

    def pay(self, key: str) -> None:
        raise AssertionError("WooCommerce exchanges nothing")

    def notes(self, ref: str) -> int:
        return sum("RMA-" in note["note"] for note in self.store.notes.get(int(ref), []))

    def replies(self, review_ref: str) -> list[str]:
        return [row["content"] for row in self.store.replies_to(int(review_ref))]

    def webhook(self, ref: str, secret: str) -> Request:
        body = json.dumps({"id": int(ref)}).encode()
        headers = {
            "x-wc-webhook-topic": "order.updated",
            "x-wc-webhook-signature": signing.sign_webhook(secret, body),
            "content-type": "application/json",
        }
        return Request("POST", "/hooks/woocommerce/token", headers=headers, body=body)

    def misbehave(self, how: str) -> None:
        self.store.misbehave(self.troubles[how], times=9, seconds=1)


def _text(amount: int, currency: str) -> str:
    return str(to_decimal(amount, currency))


@contextmanager
def open_platform(tmp_path: Path) -> Iterator[tuple[WooCommerce, Merchant]]:
    """Serve a store of its own while the block runs."""
    merchant = Merchant()
    with serving(merchant.store):
        yield merchant.connect(), merchant
