"""Transactions that belong to one store.

Every row belongs to a store. A transaction is opened for one store and can see and write only its rows: on
PostgreSQL row-level security says so, on SQLite a criterion on every ORM statement and a look at every row the ORM
writes. `system()` sees all stores; each use names its purpose, and core/db/purpose.py lists them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from core.db import postgres
from core.db.base import STORE_MODELS, Owned
from core.db.purpose import Purpose

READ_ONCE = "read_once"
"""Where a session that only reads keeps what it has read."""


class NestedWrite(RuntimeError):
    """A write transaction was opened inside another one of the same thread; SQLite would wait for itself."""


class Database:
    """An engine, and transactions on it. One per process; safe to share between threads."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.is_sqlite = url.startswith("sqlite")
        self._thread = threading.local()
        self._writing = threading.Lock()
        # No overflow: such a connection is closed after one use, and opening one starts a process on the server.
        pool = {"pool_size": pool_size + 20, "max_overflow": 0, "hide_parameters": True}
        if self.is_sqlite:
            Path(sa.make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True)
            self.engine = sa.create_engine(url, connect_args={"check_same_thread": False, "timeout": 30}, **pool)
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self.engine = sa.create_engine(url, connect_args={"connect_timeout": 10}, **pool)
            event.listen(self.engine, "connect", postgres.prepare)
            event.listen(self.engine, "checkin", postgres.record_checkin)
            event.listen(self.engine, "checkout", postgres.ping_if_idle)
        self._engines = {write: self.engine.execution_options(write=write) for write in (True, False)}
        alive = weakref.ref(self)  # the hook outlives every database
        os.register_at_fork(after_in_child=lambda: _reset_after_fork(alive()))

    @contextmanager
    def transaction(self, store_id: int, *, write: bool = True) -> Iterator[Session]:
        """Open a transaction that can see and write the rows of `store_id` only; commit on leaving, or roll back.

        One that only reads has a dict in `session.info[READ_ONCE]`, for what a page would else read several times.
        """
        info = {"store_id": store_id} if write else {"store_id": store_id, READ_ONCE: {}}
        with self._session(info, write=write) as session:
            yield session

    @contextmanager
    def system(self, purpose: Purpose, *, write: bool = True) -> Iterator[Session]:
        """Open a transaction that sees all stores, for a purpose that core/db/purpose.py lists."""
        with self._session({"system": purpose}, write=write) as session:
            yield session

    @contextmanager
    def _session(self, info: dict[str, Any], *, write: bool) -> Iterator[Session]:
        engine = self._engines[write]
        with self._one_writer(write), Session(engine, info=info, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def sqlite_transaction(self) -> Iterator[sqlite3.Connection]:
        """Open a write transaction on SQLite's own connection; commit on leaving, or roll back. It sees all stores."""
        with self._one_writer(write=True):
            pooled = self.engine.raw_connection()
            connection: Any = pooled.dbapi_connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise getattr(sa.exc, type(error).__name__)("write", None, error) from None
            finally:
                pooled.close()  # the pool rolls back what was not committed

    @contextmanager
    def _one_writer(self, write: bool) -> Iterator[None]:
        if not write:
            yield
            return
        if getattr(self._thread, "writes", False):
            raise NestedWrite("a write transaction was opened inside another one")
        # SQLite has one writer; its busy handler sleeps in growing steps, so threads of one process queue here.
        if self.is_sqlite and not self._writing.acquire(timeout=60):
            raise sa.exc.TimeoutError("another thread has been writing for a minute")
        self._thread.writes = True
        try:
            yield
        finally:
            self._thread.writes = False
            if self.is_sqlite:
                self._writing.release()

    def connection_problem(self) -> str | None:
        """Say why this database user must not be used (superusers bypass row-level security), else None."""
        if self.is_sqlite:
            return None
        with self.engine.connect() as connection:
            row = connection.execute(
                sa.text("select rolname, rolsuper or rolbypassrls from pg_roles where rolname = current_user")
            ).one()
        if not row[1]:
            return None
        return (
            f"The database user {row[0]!r} may pass row-level security by. Create an ordinary one: "
            "CREATE ROLE aftercare LOGIN NOSUPERUSER NOBYPASSRLS; ALTER DATABASE … OWNER TO aftercare;"
        )

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _reset_after_fork(database: Database | None) -> None:
    """Let a forked child open its own connections; those it inherited stay its parent's."""
    if database is None:
        return
    database.engine.dispose(close=False)
    database._thread, database._writing = threading.local(), threading.Lock()


def insert(session: Session, table: sa.Table) -> Any:
    """Make an INSERT with ON CONFLICT in the session's dialect; its result's `rowcount` is what it wrote."""
    if session.get_bind().dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as dialect_insert
    else:
        from sqlalchemy.dialects.postgresql import insert as dialect_insert  # type: ignore[assignment]
    # Unless told, SQLAlchemy reads the count of an INSERT too late: psycopg's is -1 by then (2.1.9, 2026-11).
    return dialect_insert(table).execution_options(preserve_rowcount=True)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not start transactions itself
    # FULL: an acknowledged delivery and a sent notice survive a power cut.
    for pragma in ("busy_timeout=30000", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    _enable_wal(connection)


def _enable_wal(connection: Any) -> None:
    # Turning a new file to WAL wants it alone and answers "locked" at once, whatever the busy timeout (SQLite 3.40).
    deadline = time.monotonic() + 30
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: sa.Connection) -> None:
    # A read transaction cannot become a write one while another writes: SQLite answers BUSY at once.
    write = connection.get_execution_options().get("write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@event.listens_for(Session, "after_begin")
def _set_store_of_transaction(session: Session, _transaction: Any, connection: sa.Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    raw = connection.connection.dbapi_connection
    if session.info.get("system"):
        postgres.begin_for_all_stores(raw)
    elif (store_id := session.info.get("store_id")) is not None:
        postgres.begin_for_store(raw, store_id)


@event.listens_for(Session, "do_orm_execute")
def _limit_reads_to_store(state: ORMExecuteState) -> None:
    store_id = state.session.info.get("store_id")
    if store_id is None or not (state.is_select or state.is_update or state.is_delete):
        return
    state.statement = state.statement.options(*_store_criteria(store_id, len(STORE_MODELS)))


@lru_cache(maxsize=1024)
def _store_criteria(store_id: int, _models_known: int) -> tuple[Any, ...]:
    return (
        with_loader_criteria(Owned, lambda cls: cls.store_id == store_id, include_aliases=True),
        *(with_loader_criteria(root, lambda cls: cls.id == store_id, include_aliases=True) for root in STORE_MODELS),
    )


@event.listens_for(Session, "before_flush")
def _limit_writes_to_store(session: Session, _context: Any, _instances: Any) -> None:
    store_id = session.info.get("store_id")
    if store_id is None:
        return
    for row in [*session.new, *session.dirty, *session.deleted]:
        if isinstance(row, Owned) and row.store_id is None:
            row.store_id = store_id
        # The primary key starts with the owner: a row must neither come from another store nor go there.
        before = sa.inspect(row).identity or (store_id,)
        after = row.store_id if isinstance(row, Owned) else row.id
        if {before[0], after} != {store_id}:
            raise PermissionError("a row of another store reached this transaction")
