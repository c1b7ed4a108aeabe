"""ListExport and its parts: a list as a CSV file, written by a job and kept sealed until it expires."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Owned


class ListExport(Owned, Base):
    """One export of a list, with what it was asked for and how far it is."""

    __tablename__ = "list_exports"

    staff_ref: Mapped[str]
    """Who asked for it, by the platform's id; nobody else may fetch it."""
    list_name: Mapped[str]
    query: Mapped[str]
    """Filters and sort as they were when it was asked for."""
    columns: Mapped[list[Any]] = mapped_column(default=list)
    language: Mapped[str]
    style: Mapped[str]
    """people (their language, dates and money) or machines (ISO dates, decimals, codes)."""
    state: Mapped[str] = mapped_column(default="running")
    """running or done."""
    total: Mapped[int | None]
    """How many rows match; None until the job has begun."""
    written: Mapped[int] = mapped_column(default=0)
    parts: Mapped[int] = mapped_column(sa.Integer, default=0)
    place: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The last row written: {segment, values, id}; empty before the first."""
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "store_id", "staff_ref", "list_name"), sa.Index(None, "expires_at"))


class ListExportPart(Owned, Base):
    """A page of rows of an export, as UTF-8 CSV, sealed."""

    __tablename__ = "list_export_parts"

    export_id: Mapped[int]
    number: Mapped[int] = mapped_column(sa.Integer)
    sealed: Mapped[bytes]
    expires_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("store_id", "export_id", "number"), sa.Index(None, "expires_at"))
