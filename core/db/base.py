"""What every table is made of: the base class, time-ordered ids, UTC times, JSON columns."""

from __future__ import annotations

import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SYSTEM = 0
"""The store id of work that belongs to no store (the clock's)."""

Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time; a naive one is refused. SQLite keeps it without the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Turn any aware time into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone reached the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """Leave PostgreSQL's times alone: UTC is the zone of its sessions (core/db/postgres.py)."""
        return None if dialect.name == "postgresql" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give a time of the database its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base class of all tables. A row that is not `Owned` by a store is a store itself: its id is the store's."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcTime(),
        int: sa.BigInteger(),
        dict[str, Any]: Json,
        list[Any]: Json,
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not issubclass(cls, Owned):
            STORE_MODELS.append(cls)


STORE_MODELS: list[Any] = []
"""The models that are not `Owned`: a row of theirs is a store."""


class Owned:
    """A row of one store: primary key (store_id, id), the id ours and time-ordered."""

    store_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=lambda: new_id())


_ID_EPOCH = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)  # 41 bits of milliseconds last until 2089
_last_id = 0
_id_lock = threading.Lock()


def new_id() -> int:
    """Make a 63-bit id: milliseconds since 2020 above 22 bits that start at random; it only grows in a process."""
    global _last_id
    with _id_lock:
        _last_id = max(_last_id + 1, (time.time_ns() // 1_000_000 - _ID_EPOCH << 22) | secrets.randbits(22))
        return _last_id


def table_of(model: type[Any]) -> sa.Table:
    """Give a model's table. SQLAlchemy types `__table__` as something to select from, which no INSERT takes."""
    table = model.__table__
    assert isinstance(table, sa.Table)
    return table
