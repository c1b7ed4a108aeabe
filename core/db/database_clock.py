"""The database's clock: the one time all processes of an installation share, however their machines' clocks are set.

Work is claimed and leases end by it. SQLite has no clock of its own: it is this machine's.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.database import Database

ASK_EVERY = 30.0
"""Seconds for which the answer of the database is counted on."""
_ASK_AGAIN = 1.0
"""Seconds until a database that did not answer is asked again."""


def database_now(session: Session) -> datetime:
    """Give the database's time at this moment, not at the beginning of the transaction."""
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = session.connection().exec_driver_sql("select clock_timestamp()").scalar_one()
    return now


def seconds_counted() -> float:
    """Count seconds, whatever is done to the machine's clock; time the machine was suspended counts where known."""
    return time.clock_gettime(_COUNTER) if _COUNTER is not None else time.monotonic()


_COUNTER: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class DatabaseClock:
    """Gives the database's time. It is asked every half minute; in between this process counts on from its answer."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._asking = threading.Lock()
        self._ask_at = 0.0
        self._answer = datetime.now(UTC), seconds_counted()

    def __call__(self) -> datetime:
        """Give aware UTC; this machine's own time until the database has answered once."""
        if self._db.is_sqlite:
            return datetime.now(UTC)
        if seconds_counted() >= self._ask_at and self._asking.acquire(blocking=False):
            try:
                self._ask()
            finally:
                self._asking.release()
        database_time, counted = self._answer
        return database_time + timedelta(seconds=seconds_counted() - counted)

    def _ask(self) -> None:
        before = seconds_counted()
        try:
            with self._db.engine.connect() as connection:
                before = seconds_counted()  # to wait for a connection is not part of the way
                database_time = connection.exec_driver_sql("select clock_timestamp()").scalar_one()
        except sa.exc.SQLAlchemyError:  # it is away: whoever asked meets that soon enough
            self._ask_at = before + _ASK_AGAIN
            return
        after = seconds_counted()
        self._answer, self._ask_at = (database_time, (before + after) / 2), after + ASK_EVERY
