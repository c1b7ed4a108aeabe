"""Group commit without a timer: what arrives while one transaction commits shares the next one.

A commit waits for the disk whatever its size, and most of a small one's cost is opening and closing it. Alone, an
item is written at once; under load many share. Together with a statement made once, it took a webhook from 2.9 to
about one time the CPU of Express (benchmarks.p1_webhooks, sixteen connections, 2026-11).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 128
"""Items of one transaction: more would make the first of them wait."""


class NotWritten(Exception):
    """The thread that wrote for all of us broke off."""


class _Turn(Generic[T]):
    """One thread's item, and the gate it waits at."""

    __slots__ = ("error", "gate", "is_written", "item")

    def __init__(self, item: T) -> None:
        self.item = item
        self.gate = threading.Lock()
        self.gate.acquire()
        self.is_written = False
        self.error: Exception | None = None


class Together(Generic[T]):
    """Lets many threads write through one of them at a time. `write` commits a whole batch, or raises and keeps none.

    A batch that cannot be written is written item by item, so that one thread's bad item fails only its own.
    """

    def __init__(self, write: Callable[[Sequence[T]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: deque[_Turn[T]] = deque()
        self._is_writing = False

    def submit(self, item: T) -> None:
        """Return when `item` has been committed. Raises what `write` raised for it, or NotWritten."""
        mine = _Turn(item)
        with self._lock:
            self._waiting.append(mine)
            leads, self._is_writing = not self._is_writing, True
        if not leads:
            mine.gate.acquire()  # opened when it is written, or when it is our turn to write
        if not mine.is_written and mine.error is None:
            self._lead()
        if mine.error is not None:
            raise mine.error

    def _lead(self) -> None:
        """Write what waits, ourselves included: whoever leads is the first in line."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        try:
            self._write_batch(batch)
        finally:
            with self._lock:
                heir = self._waiting[0] if self._waiting else None
                self._is_writing = heir is not None
            for turn in batch[1:]:
                if not turn.is_written and turn.error is None:
                    turn.error = NotWritten()
                turn.gate.release()
            if heir is not None:
                heir.gate.release()

    def _write_batch(self, batch: Sequence[_Turn[T]]) -> None:
        try:
            self._write([turn.item for turn in batch])
        except Exception as error:  # noqa: BLE001 - handed on: the thread whose item it was raises it
            if len(batch) == 1:
                batch[0].error = error
                return
            for turn in batch:
                self._write_batch([turn])
            return
        for turn in batch:
            turn.is_written = True
