"""The sample store behind the contract suite."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import requests

from core.platform.contract import Request
from core.platform.sample import SIGNATURE, Demo, World, sign
from core.platform.snapshots import LineItemSnapshot, PaymentSnapshot, RefundLine, RefundSnapshot, TaxPart
from tests.conftest import NOON
from tests.core.samples import MUG, anns_order, anns_review

LINES = (
    replace(MUG, tax=504, taxes=(TaxPart("vat", 504),)),
    LineItemSnapshot("l2", "Parcel to the door", 1, 500, 105, 0, (TaxPart("vat", 105),), kind="shipping"),
)
PAYMENTS = (PaymentSnapshot("p1", "card", sum(line.total + line.tax for line in LINES), refundable=True),)


class Merchant:
    """Max's side of the sample store."""

    troubles: ClassVar[dict[str, str]] = {"away": "away"}

    def __init__(self, path: Path) -> None:
        self.world, self.now = World(path), NOON
        self.secrets = ("a secret of the sample store",)
        self.placed = 0

    def connect(self) -> Demo:
        return Demo("linden", {"world": self.world.path, "key": self.secrets[0]}, {}, requests.Session())

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def place(self) -> str:
        self.placed += 1
        money = {"lines": LINES, "payments": PAYMENTS, "total": PAYMENTS[0].captured}
        self.world.put(anns_order(ref=str(self.placed), placed_at=self.now, updated_at=self.now, **money))
        return str(self.placed)

    def place_unrefundable(self) -> str:
        order = self.world.order(self.place())
        assert order is not None
        self.world.put(replace(order, payments=(replace(PAYMENTS[0], refundable=False),)))
        return order.ref

    def change(self, ref: str) -> None:
        order = self.world.order(ref)
        assert order is not None
        self.world.put(replace(order, status="sent", updated_at=self.now))

    def delete(self, ref: str) -> None:
        self.world.remove("order", ref)

    def post_review(self) -> str:
        self.world.put(anns_review("r1", at=self.now))
        return "r1"

    def refunds(self, ref: str) -> list[int]:
        order = self.world.order(ref)
        assert order is not None
        return [refund.amount for refund in order.refunds]

    def refund_by_hand(self, ref: str, part: RefundLine) -> None:
        order = self.world.order(ref)
        assert order is not None
        refund = RefundSnapshot(f"by hand {len(order.refunds)}", part.gross, self.now, lines=(part,))
        self.world.put(replace(order, refunds=(*order.refunds, refund), updated_at=self.now))

    def shelve(self, variant: str, price: int) -> None:
        self.world.shelve(variant, price)

    def pay(self, key: str) -> None:
        self.world.pay(key, self.now)

    def notes(self, ref: str) -> int:
        return self.world.count("note")

    def replies(self, review_ref: str) -> list[str]:
        review = self.world.review(review_ref)
        assert review is not None
        return [reply.text for reply in review.replies]

    def webhook(self, ref: str, secret: str) -> Request:
        body = json.dumps({"resource": "order", "ref": ref}).encode()
        return Request("POST", "/hooks/demo", headers={SIGNATURE: sign(secret, body)}, body=body)

    def misbehave(self, how: str) -> None:
        self.world.door = self.troubles[how]


@contextmanager
def open_platform(tmp_path: Path) -> Iterator[tuple[Demo, Merchant]]:
    """Open a sample store of its own."""
    merchant = Merchant(tmp_path / "world.db")
    yield merchant.connect(), merchant
