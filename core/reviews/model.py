"""Review: what a shopper said in public. Replies that are already on the platform travel with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Owned


class Review(Owned, Base):
    """A product review as its store last said it."""

    __tablename__ = "reviews"

    ref: Mapped[str]
    rating: Mapped[int] = mapped_column(sa.Integer)
    title: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    author: Mapped[str] = mapped_column(default="")
    email_key: Mapped[str] = mapped_column(default="")
    product_ref: Mapped[str] = mapped_column(default="")
    product_title: Mapped[str] = mapped_column(default="")
    product_url: Mapped[str] = mapped_column(default="")
    order_ref: Mapped[str] = mapped_column(default="")
    verified: Mapped[bool] = mapped_column(default=False)
    replies: Mapped[list[Any]] = mapped_column(default=list)
    posted_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    fetched_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    """When its author's data had to go; what the store says later is stored without its author and words."""
    digest: Mapped[str]

    __table_args__ = (sa.UniqueConstraint("store_id", "ref"), sa.Index(None, "store_id", "posted_at"))
