"""Which of the jobs a worker holds may begin: a store whose platform hangs leaves threads to the others."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable

from core.jobs.queue import Claimed

FULL = 1_000_000
"""More jobs than any worker takes of one store."""


class FairShare:
    """The jobs in a worker's hands, in the order they were claimed; safe to share among its threads.

    A store has at most half of the threads that other stores leave, rounded up: one that hangs takes half, a second
    one a quarter, and there is a thread left for the next.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, Claimed]] = []
        """Each with the moment it was claimed, by the monotonic clock."""
        self._slow: set[int] = set()
        """Stores whose jobs were handed back, until one of theirs ends here."""
        self._running: Counter[int] = Counter()

    def add(self, jobs: Iterable[Claimed]) -> None:
        """Take jobs into our hands."""
        with self._lock:
            self._waiting += [(time.monotonic(), job) for job in jobs]

    def begin(self) -> Claimed | None:
        """Give the next job that may begin, None where none may; who gets it calls `end`."""
        with self._lock:
            if self._running.total() >= self._threads:
                return None
            for place, (_, job) in enumerate(self._waiting):
                if self._has_room(job.store_id):
                    self._running[job.store_id] += 1
                    del self._waiting[place]
                    return job
            return None

    def end(self, job: Claimed) -> None:
        """Note that a job ended."""
        with self._lock:
            self._running[job.store_id] -= 1
            if not self._running[job.store_id]:
                del self._running[job.store_id]
            self._slow.discard(job.store_id)

    def hand_back(self, seconds: float) -> list[Claimed]:
        """Let go of the jobs that did not begin within so many seconds, and give them: others may be idle."""
        with self._lock:
            latest = time.monotonic() - seconds
            late = [job for since, job in self._waiting if since <= latest]
            self._waiting = [(since, job) for since, job in self._waiting if since > latest]
            self._slow.update(job.store_id for job in late)
            return late

    def held(self) -> Counter[int]:
        """Count the jobs in our hands, by store; a store whose jobs were handed back has FULL while it has no room."""
        with self._lock:
            counted = self._running + Counter(job.store_id for _, job in self._waiting)
            return counted + Counter({store: FULL for store in self._slow if not self._has_room(store)})

    def free_threads(self) -> int:
        """Count the threads for which there is no job that may begin."""
        with self._lock:
            ready = sum(self._has_room(job.store_id) for _, job in self._waiting)
            return max(0, self._threads - self._running.total() - ready)

    def _has_room(self, store_id: int) -> bool:
        mine = self._running.get(store_id, 0)
        others = self._running.total() - mine
        return mine < (self._threads - others + 1) // 2
