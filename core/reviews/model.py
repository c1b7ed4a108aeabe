"""Review and Reply: what a shopper said in public, and what the store answers under it.

A review carries the answers its platform has (`replies`), whoever wrote them; a Reply is one that was written here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Owned


class Review(Owned, Base):
    """A product review as its store last said it."""

    __tablename__ = "reviews"

    ref: Mapped[str]
    """The platform's id of it; of another source's, the source's key, ":" and its id there."""
    source: Mapped[str] = mapped_column(default="", server_default="")
    """Key of the `ConnectedSource` that keeps it; "" for the store's platform."""
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
    """[{ref, text, key, at}]: the answers its platform showed us last; `key` is ours where it came from here."""
    answered_at: Mapped[datetime | None]
    """When it was last answered, here or at the platform; None while nobody has."""
    posted_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    fetched_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    """When its author's data had to go; what the store says later is stored without its author and words."""
    digest: Mapped[str]

    __table_args__ = (
        sa.UniqueConstraint("store_id", "ref"),
        sa.Index(None, "store_id", "posted_at", "id"),
        sa.Index(
            "ix_reviews_answered",
            "store_id",
            "answered_at",
            "id",
            sqlite_where=sa.text("answered_at is not null"),
            postgresql_where=sa.text("answered_at is not null"),
        ),
        sa.Index(None, "store_id", "product_ref"),
        sa.Index(
            "ix_reviews_unanswered",
            "store_id",
            "rating",
            "posted_at",
            sqlite_where=sa.text("answered_at is null"),
            postgresql_where=sa.text("answered_at is null"),
        ),
    )


review_attention = sa.case((Review.answered_at.is_(None), sa.literal_column("0")), else_=sa.literal_column("1"))
"""0 for a review nobody has answered, 1 for the others. Index ix_reviews_attention of migration 0031 keeps it; it is
named here in no index, for Alembic cannot compare those on expressions."""


class Reply(Owned, Base):
    """The store's answer to a review. The row comes first, then the job that makes the platform say the same."""

    __tablename__ = "replies"

    review_id: Mapped[int]
    intent: Mapped[str]
    """What it is for, once for ever: "review:<id>". One that is taken back gives it up, so that another may follow."""
    key: Mapped[str]
    """What the platform keeps with it, so that asking twice is asking once."""
    state: Mapped[str] = mapped_column(default="waiting")
    """waiting (the platform is about to be told), published, shown (by our script alone), removed, or stuck."""
    text: Mapped[str]
    """What staff want it to say."""
    public_text: Mapped[str] = mapped_column(default="")
    """What shoppers read: the text as it was last published or shown."""
    ref: Mapped[str] = mapped_column(default="")
    """The platform's own id of it, once known."""
    sentence: Mapped[str] = mapped_column(default="")
    """The platform's own words where it is stuck."""
    author: Mapped[str]
    """Ref of whoever of the staff wrote it."""
    changed_by: Mapped[str]
    """Ref of whoever of the staff touched it last."""
    changed_at: Mapped[datetime]
    created_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    """When the platform was first asked to publish it; from then on it is looked for before it is asked again."""
    published_at: Mapped[datetime | None]
    """When shoppers could first read it."""
    edited_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    """When staff took it back; until its state is removed, the platform has not followed yet."""
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    """Raised by whatever staff do to it."""

    __table_args__ = (
        sa.UniqueConstraint("store_id", "intent"),
        sa.UniqueConstraint("store_id", "key"),
        sa.Index(None, "store_id", "review_id"),
        sa.Index(
            "ix_replies_stuck",
            "store_id",
            sqlite_where=sa.text("state = 'stuck'"),
            postgresql_where=sa.text("state = 'stuck'"),
        ),
    )
