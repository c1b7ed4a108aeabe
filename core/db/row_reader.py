"""Read one store's rows on the busiest paths: statements built once, plain rows, a session only where one is open.

A statement here names the store itself (`store_id`): SQLite has no row-level security, and Core no criterion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db import postgres
from core.db.database import Database

Row = Any
"""A plain row: a column is an attribute."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Runs statements that were built once in one store's transaction."""

    store_id: int
    run: Callable[[Sequence[Any], dict[str, Any]], list[Sequence[Row]]]

    def rows(self, statement: Any, **values: Any) -> Sequence[Row]:
        """Give the rows of a statement; `store_id` is among its values already."""
        return self.rows_of_each((statement,), **values)[0]

    def rows_of_each(self, statements: Sequence[Any], **values: Any) -> list[Sequence[Row]]:
        """Give the rows of each of these statements, which take the same values; PostgreSQL is asked once for all."""
        return self.run(statements, {"store_id": self.store_id, **values})


def session_reader(session: Session) -> Reader:
    """Give a reader of the caller's transaction; objects it has not written yet are written first."""
    session.flush()
    connection, store_id = session.connection(), session.info["store_id"]
    if connection.dialect.name == "postgresql":
        return Reader(store_id, partial(_run_by_driver, connection.connection.dbapi_connection))
    return Reader(store_id, lambda statements, values: [connection.execute(one, values).all() for one in statements])


@contextmanager
def open_reader(db: Database, store_id: int) -> Iterator[Reader]:
    """Open a transaction that reads one store's rows. Raises OperationalError where the database is away."""
    if db.is_sqlite:
        with db.transaction(store_id, write=False) as session:
            yield session_reader(session)
        return
    with postgres.driver_connection(db.engine) as raw:
        postgres.begin_for_store(raw, store_id)
        yield Reader(store_id, partial(_run_by_driver, raw))
        # Not left to the pool, which rolls back: with that psycopg forgets what it has prepared (3.3, 2026-11).
        raw.pgconn.exec_(b"commit")


def _run_by_driver(raw: Any, statements: Sequence[Any], values: dict[str, Any]) -> list[Sequence[Row]]:
    # To the driver: SQLAlchemy's result alone costs as much as PostgreSQL's whole answer (benchmarks.p3_lookup).
    # Several in one round trip: eight took half the CPU, on both sides, that they took one by one (2026-11).
    import psycopg
    from psycopg.rows import namedtuple_row

    def ask(statement: Any) -> Any:
        text, constants = postgres.compiled(statement)
        return raw.cursor(row_factory=namedtuple_row).execute(text, constants | values)

    try:
        with raw.pipeline() if len(statements) > 1 else nullcontext():
            asked = [ask(statement) for statement in statements]
        return [cursor.fetchall() for cursor in asked]
    except psycopg.OperationalError as error:
        raise sa.exc.OperationalError("read", None, error) from None
