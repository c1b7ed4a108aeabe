"""Declaration: a withdrawal declared without opening an order, until its order is found or a person closes it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Owned


class Declaration(Owned, Base):
    """A withdrawal declared without opening an order. Once its order is found, a Withdrawal of the same number."""

    __tablename__ = "declarations"

    order_id: Mapped[int | None]
    withdrawal_id: Mapped[int | None]
    number: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    """open (a person decides), matched or closed."""
    name: Mapped[str]
    order_number: Mapped[str]
    """As typed, without what could be a link."""
    email: Mapped[str]
    email_key: Mapped[str]
    language: Mapped[str]
    draft_digest: Mapped[str]
    """Of what was confirmed: confirmed again, it is the same declaration."""
    declared_at: Mapped[datetime]
    receipt: Mapped[str]
    receipt_hash: Mapped[str]
    mailed: Mapped[bool]
    """Whether the receipt is mailed to the address given; three a day are."""
    acknowledged_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")
    """Why staff closed it."""
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("store_id", "number"),
        sa.UniqueConstraint("store_id", "draft_digest"),
        sa.Index(None, "store_id", "order_id"),
        sa.Index(None, "store_id", "state", "declared_at"),
        sa.Index(None, "store_id", "email_key", "declared_at"),
        sa.Index(None, "store_id", "receipt_hash"),
    )
