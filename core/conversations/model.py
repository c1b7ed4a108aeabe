"""Case and Message: what a person of the merchant's has to answer."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Owned


class Case(Owned, Base):
    """Something a person has to answer; `due_at` is when we said we would."""

    __tablename__ = "cases"

    order_id: Mapped[int | None]
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="open")
    email_key: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(None, "store_id", "state", "opened_at", "id"),
        sa.Index(None, "store_id", "opened_at", "id"),
    )


class Message(Owned, Base):
    """One message of a case. `origin` names where it came from, so that the same mail is kept once."""

    __tablename__ = "case_messages"

    case_id: Mapped[int]
    at: Mapped[datetime]
    side: Mapped[str]
    """shopper or staff."""
    text: Mapped[str]
    origin: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        sa.Index(None, "store_id", "case_id", "at"),
        sa.Index(
            "uq_case_messages_origin",
            "store_id",
            "origin",
            unique=True,
            sqlite_where=sa.text("origin <> ''"),
            postgresql_where=sa.text("origin <> ''"),
        ),
    )


class CaseMail(Owned, Base):
    """The mail a message came in, as it came: sealed, since it holds all a person wrote and the way it went."""

    __tablename__ = "case_mails"

    case_id: Mapped[int]
    message_id: Mapped[int]
    sealed: Mapped[bytes]
    """Compressed and sealed; empty once its person is erased."""

    __table_args__ = (sa.Index(None, "store_id", "case_id"),)
