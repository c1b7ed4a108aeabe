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
from core.platform.demo import SIGNATURE, Demo, World, sign
from tests.conftest import NOON
from tests.core.samples import anns_order, anns_review


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
        self.world.put(anns_order(ref=str(self.placed), placed_at=self.now, updated_at=self.now))
        return str(self.placed)

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
