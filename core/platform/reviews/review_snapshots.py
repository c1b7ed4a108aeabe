"""The frozen values of a review and its replies, as whoever keeps them says them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class ReviewSnapshot:
    """A product review as the store has it.

    `replies` are the merchant's public answers already there; where the store did not say (`tells_replies` is False,
    as in a listing without them) those that are known stand.
    """

    ref: str
    rating: int
    text: str
    updated_at: datetime
    posted_at: datetime
    state: Literal["published", "pending", "hidden"] = "published"
    title: str = ""
    author: str = ""
    email: str = ""
    product_ref: str = ""
    product_title: str = ""
    product_url: str = ""
    order_ref: str = ""
    verified: bool = False
    replies: tuple[ReplySnapshot, ...] = ()
    tells_replies: bool = True


@dataclass(frozen=True, slots=True)
class ReplySnapshot:
    """A merchant's public answer to a review, as published."""

    ref: str
    text: str
    key: str = ""
    at: datetime | None = None
