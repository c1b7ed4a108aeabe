"""Group commit without a timer: what arrives while one transaction commits shares the next one.

A commit waits for the disk whatever its size, and most of a small one's cost is opening and closing it. Alone, an
item is written at once; under load many share one commit. With a prepared statement it took a webhook from 2.9 times
to about one time the CPU of Express (benchmarks.p1_webhooks, sixteen connections, 2026-11).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import sqlalchemy as sa

T = TypeVar("T")

MAX_BATCH = 128
"""Items of one transaction: more would make the first of them wait."""
_OF_A_ROW = ("40", "55")
"""Classes of SQLSTATE that psycopg counts among its operational errors although the server is well: a deadlock, a
lock that was not to be had. Fewer rows may pass."""


class NotWritten(Exception):
    """The thread that was writing this item's batch broke off; whether it was committed is not known."""


class _Entry(Generic[T]):
    """One thread's item, and the lock on which that thread waits."""

    __slots__ = ("error", "is_written", "item", "released")

    def __init__(self, item: T) -> None:
        self.item = item
        self.released = threading.Lock()
        self.released.acquire()
        self.is_written = False
        self.error: Exception | None = None


class GroupCommit(Generic[T]):
    """Lets many threads write through one of them at a time. `write` commits a whole batch, or raises and keeps none.

    A batch that the database refuses is written item by item, so that one thread's bad item fails only its own. Where
    the database cannot be reached the whole batch fails at once: trying its items singly would wait for each.
    """

    def __init__(self, write: Callable[[Sequence[T]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: deque[_Entry[T]] = deque()
        self._is_writing = False

    def submit(self, item: T) -> None:
        """Return when `item` has been committed. Raises what `write` raised for it, or NotWritten."""
        mine = _Entry(item)
        with self._lock:
            self._waiting.append(mine)
            leads, self._is_writing = not self._is_writing, True
        if not leads:
            mine.released.acquire()  # released when it is written, or when it is our turn to write
        if not mine.is_written and mine.error is None:
            self._lead()
        if mine.error is not None:
            raise mine.error

    def _lead(self) -> None:
        """Write what waits, ourselves included: whoever leads is the first in line."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
        try:
            self._write_batch(batch)
        finally:
            with self._lock:
                next_leader = self._waiting[0] if self._waiting else None
                self._is_writing = next_leader is not None
            for entry in batch[1:]:
                if not entry.is_written and entry.error is None:
                    entry.error = NotWritten()
                entry.released.release()
            if next_leader is not None:
                next_leader.released.release()

    def _write_batch(self, batch: Sequence[_Entry[T]]) -> None:
        try:
            self._write([entry.item for entry in batch])
        except Exception as error:  # noqa: BLE001 - handed on: the thread whose item it was raises it
            if len(batch) == 1 or _is_unreachable(error):
                for entry in batch:
                    entry.error = error
                return
            for entry in batch:
                self._write_batch([entry])
            return
        for entry in batch:
            entry.is_written = True


def _is_unreachable(error: Exception) -> bool:
    """Say whether the database could not be asked at all: any other statement would fail likewise."""
    if isinstance(error, sa.exc.TimeoutError | sa.exc.DisconnectionError | sa.exc.InterfaceError):
        return True
    if not isinstance(error, sa.exc.OperationalError):
        return False
    return not str(getattr(error.orig, "sqlstate", None)).startswith(_OF_A_ROW)
