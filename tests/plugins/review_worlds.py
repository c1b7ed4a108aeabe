"""The sources of reviews behind the laws of test_review_sources.py, and what a harness says of the provider's side.

A source offers tests/plugins/<name>/harness.py with `open_account(folder, account, now)`, which gives an `Account`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest

import plugins
from core.platform.contract import Request
from core.platform.registry import discover_review_sources
from core.platform.reviews.review_source import ReviewSource
from core.platform.samples.reviews.sample_reviews import SampleReviews

SOURCES: dict[str, type[ReviewSource]] = {"sample_reviews": SampleReviews, **discover_review_sources(plugins)}


class Account(Protocol):
    """One account at the provider, as the merchant and shoppers use it there."""

    typed: Mapping[str, str]
    """What the merchant types in to connect it."""
    says: str
    """Words of the provider's in which it refuses the credentials."""

    def move_clock(self, to: datetime) -> None:
        """Let the provider's clock show this moment."""

    def post(self, ref: str, text: str, at: datetime) -> None:
        """Have a review with this ref posted, or changed to this text, at a moment."""

    def delete(self, ref: str) -> None:
        """Delete a review for good."""

    def replies(self, ref: str) -> list[str]:
        """The merchant's replies below a review."""

    def revoke(self) -> None:
        """Take the credentials back."""

    def restore(self) -> None:
        """Let the same credentials in again."""

    def trouble(self) -> None:
        """Be unavailable for the next calls, until `restore`."""

    def lose_next_answer(self) -> None:
        """Carry out the next call that writes, and let its answer be lost."""

    def news(self, ref: str) -> Request:
        """News of a review as the provider sends it to the hook it was given; only where the source has webhooks."""

    def hook(self) -> str:
        """The address it was given for that."""


def harness(name: str) -> Callable[[Path, str, datetime], Account]:
    """The folder's `open_account`."""
    if not (Path(__file__).parent / name / "harness.py").exists():
        pytest.fail(f"tests/plugins/{name}/harness.py is missing: the laws run over every source of reviews")
    open_: Callable[[Path, str, datetime], Account] = importlib.import_module(
        f"tests.plugins.{name}.harness"
    ).open_account
    return open_
