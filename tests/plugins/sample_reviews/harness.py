"""The sample review app behind the laws of sources."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from core.platform.contract import Request
from core.platform.samples.reviews.review_app import ReviewApp
from core.platform.samples.server import AWAY, MUTE
from tests.core.samples import ANN, anns_review


class AppAccount:
    """One account at the sample review app."""

    says = "Invalid API token."

    def __init__(self, path: Path, account: str) -> None:
        self.app = ReviewApp(path)
        self.typed = {"account": self.app.path, "token": self.app.issue(account)}

    def move_clock(self, to: datetime) -> None:
        self.app.move_clock(to)

    def post(self, ref: str, text: str, at: datetime) -> None:
        known = self.app.review(ref)
        replies = known.replies if known else ()
        self.app.put(anns_review(ref, at=at, text=text, replies=replies, product_ref="mug", email=ANN))

    def delete(self, ref: str) -> None:
        self.app.remove("review", ref)

    def replies(self, ref: str) -> list[str]:
        review = self.app.review(ref)
        return [one.text for one in review.replies] if review else []

    def revoke(self) -> None:
        self.app.keep("token", "another")

    def restore(self) -> None:
        self.app.door = "open"
        self.app.keep("token", self.typed["token"])

    def trouble(self) -> None:
        self.app.door = AWAY

    def lose_next_answer(self) -> None:
        self.app.door = MUTE

    def news(self, ref: str) -> Request:
        return self.app.write_delivery(ref)

    def hook(self) -> str:
        return str(json.loads(self.app.fact("hook"))["url"])


def open_account(folder: Path, account: str, now: datetime) -> AppAccount:
    """Open an account of its own."""
    opened = AppAccount(folder / f"{account}.reviews", account)
    opened.move_clock(now)
    return opened
