"""Notice: a message we send before anyone asks, and what became of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Owned

MOVES = {
    ("watched", "draft"): "draft",
    ("draft", "send"): "queued",
    ("draft", "discard"): "discarded",
    ("queued", "deliver"): "sent",
    ("queued", "suppress"): "suppressed",
    ("queued", "refuse"): "bounced",
    ("sent", "bounce"): "bounced",
}


class IllegalMove(Exception):
    """The notice is not in a state that allows this."""


class Notice(Owned, Base):
    """One piece of news for one order, unique by rule and occasion for ever.

    States: watched (the rule only watches), draft (waits for staff), queued, sent, bounced, suppressed (and why),
    discarded.
    """

    __tablename__ = "notices"

    order_id: Mapped[int]
    shipment_id: Mapped[int]
    rule: Mapped[str]
    kind: Mapped[str]
    occasion: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    """Why it was suppressed, or what the mail server said."""
    cause: Mapped[str] = mapped_column(default="")
    """Why the news came about, in the rule's words: not_shipped, carrier_revised …"""
    promised_by: Mapped[date | None]
    expected_by: Mapped[date | None]
    language: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    message_id: Mapped[str] = mapped_column(default="")
    send_at: Mapped[datetime]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    merged_into: Mapped[int | None]
    """The notice whose message carries this news too."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (
        sa.UniqueConstraint("store_id", "order_id", "rule", "occasion"),
        sa.Index(None, "store_id", "state", "created_at", "id"),
        sa.Index(
            "ix_notices_messages",
            "store_id",
            "created_at",
            "id",
            sqlite_where=sa.text("merged_into is null"),
            postgresql_where=sa.text("merged_into is null"),
        ),
        sa.Index(None, "store_id", "message_id"),
    )

    def move(self, verb: str) -> None:
        """Take the next state; raises IllegalMove for anything the table does not allow."""
        try:
            self.state = MOVES[self.state, verb]
        except KeyError:
            raise IllegalMove(f"a notice that is {self.state} cannot {verb}") from None
