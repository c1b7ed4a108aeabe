"""Use PostgreSQL's driver below SQLAlchemy: set up connections, begin transactions, run compiled statements."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import sqlalchemy as sa

_IDLE_SECONDS = 1.0
"""Seconds after which a pooled connection is asked whether it still lives: asking each time is a round trip more."""
_COMMAND_OK = 1  # libpq's PGRES_COMMAND_OK; psycopg is imported only where PostgreSQL is used


def prepare(connection: Any, _record: Any) -> None:
    """Set a new connection's time-out and time zone."""
    # A worker that freezes inside a transaction would hold its row locks until its machine wakes.
    connection.execute("set idle_in_transaction_session_timeout = '60s'")
    connection.execute("set timezone = 'UTC'")  # the zone the driver gives times in
    connection.commit()


def record_checkin(_connection: Any, record: Any) -> None:
    """Remember when a connection went back to the pool."""
    record.info["returned"] = time.monotonic()


def ping_if_idle(connection: Any, record: Any, _proxy: Any) -> None:
    """Test a connection that was unused for a second; the pool opens another where it is dead."""
    import psycopg

    if time.monotonic() - record.info.get("returned", time.monotonic()) < _IDLE_SECONDS:
        return
    try:
        connection.execute("")
        connection.rollback()
    except psycopg.Error as error:
        raise sa.exc.DisconnectionError from error


def begin_for_store(connection: Any, store_id: int) -> None:
    """Begin a transaction that sees one store's rows; inside a transaction (a savepoint's), only name the store."""
    _begin(connection, f"set local app.store = '{int(store_id)}'")


def begin_for_all_stores(connection: Any) -> None:
    """Begin a transaction that sees the rows of all stores."""
    _begin(connection, "set local app.system = 'on'")


def _begin(connection: Any, naming: str) -> None:
    # Every transaction opens with this. Two statements in one round trip, past the driver's layers: a look-up spent
    # a tenth of its time on the same in two (benchmarks.p3_lookup, psycopg 3.3, 2026-11).
    is_idle = connection.info.transaction_status == 0
    response = connection.pgconn.exec_(f"begin; {naming}".encode() if is_idle else naming.encode())
    if response.status != _COMMAND_OK:
        raise sa.exc.OperationalError("begin", None, ConnectionError(response.error_message.decode()))


@contextmanager
def driver_connection(engine: sa.Engine) -> Iterator[Any]:
    """Take the driver's own connection from the pool for a while; its errors are raised as SQLAlchemy's."""
    import psycopg

    pooled = None
    try:
        pooled = engine.raw_connection()  # opens one where none is free, and then speaks the driver's errors itself
        yield pooled.dbapi_connection
    except psycopg.Error as error:
        raise _as_sqlalchemy_error(error) from None
    finally:
        if pooled is not None:
            if getattr(pooled.dbapi_connection, "closed", False):
                pooled.invalidate()
            pooled.close()


def _as_sqlalchemy_error(error: Exception) -> sa.exc.DBAPIError:
    import psycopg

    for kind in ("OperationalError", "DataError", "IntegrityError", "InternalError"):
        if isinstance(error, getattr(psycopg, kind)):
            ours: sa.exc.DBAPIError = getattr(sa.exc, kind)("lent", None, error)
            return ours
    return sa.exc.DBAPIError("lent", None, error)


def compile_statement(statement: Any) -> tuple[str, dict[str, Any]]:
    """Compile a Core statement to text for the driver, which prepares what it sees often; give its constants too."""
    from sqlalchemy.dialects.postgresql import psycopg

    compiled = statement.compile(dialect=psycopg.dialect())
    return str(compiled), dict(compiled.params)


compiled = cache(compile_statement)


def run(connection: sa.Connection, statement: Any, values: dict[str, Any]) -> sa.CursorResult[Any]:
    """Run a Core statement that was built once, with plain values; on PostgreSQL its compiled text is kept.

    SQLAlchemy finds its own cached text again each time, and turns each value over: a third of running it.
    """
    if connection.dialect.name != "postgresql":
        return connection.execute(statement, values)
    text, constants = compiled(statement)
    return connection.exec_driver_sql(text, constants | values)


def use_custom_plans(connection: sa.Connection) -> None:
    """Let PostgreSQL plan this transaction's statements for the tables as they are now, not as at their first use.

    For batches: to plan costs them nothing, and a plan kept from when a table was small reads all of it. A sweep
    spent as much on that as on all its rules (benchmarks.p4_sweep, PostgreSQL 18, 2026-11).
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("set local plan_cache_mode = force_custom_plan")
