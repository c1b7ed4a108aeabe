"""The clock: a table of recurring work. Every worker runs it; the slot is the job's key, so one wins."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from core.db.base import SYSTEM
from core.db.database_clock import seconds_counted
from core.jobs import queue
from core.jobs.claims import SET_BACK
from core.jobs.queue import Job, NewJob
from core.services import Services

log = structlog.get_logger()

TABLE = {
    "clock.sweep": timedelta(minutes=2),
    "clock.poll": timedelta(minutes=15),
    "clock.check": timedelta(hours=1),
    "clock.reconcile": timedelta(days=1),
    "clock.prune": timedelta(hours=6),
    "clock.reseal": timedelta(hours=6),
    "clock.retain": timedelta(days=1),
    "clock.forget_photos": timedelta(hours=6),
}
_LONGEST_REST = 30.0
"""Seconds: a machine that was suspended counts no time while it waits, and must not sleep on past a day's work."""


class Timetable:
    """Ticks for every entry of a table in a thread of its own, by a counter that no set clock moves."""

    def __init__(self, services: Services, table: dict[str, timedelta]) -> None:
        self._services, self._table = services, table
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="timetable")
        self._thread.start()

    def shutdown(self, wait: bool = True) -> None:
        """Tick no more; with `wait`, return once the thread has ended."""
        self._ended.set()
        if wait:
            self._thread.join()

    def _run(self) -> None:
        due = {name: seconds_counted() + every.total_seconds() for name, every in self._table.items()}
        while not self._ended.wait(max(0.0, min([_LONGEST_REST, *(at - seconds_counted() for at in due.values())]))):
            for name, every in self._table.items():
                if seconds_counted() >= due[name]:
                    # However late a tick comes, it is for the slot it comes in.
                    due[name] = seconds_counted() + every.total_seconds()
                    tick(self._services, name, every)


def start(services: Services, table: dict[str, timedelta] | None = None) -> Timetable:
    """Promise the present slot of everything and start the clock in this process; the caller shuts it down."""
    entries = table or TABLE
    for name, every in entries.items():
        tick(services, name, every)
    return Timetable(services, entries)


def tick(services: Services, name: str, every: timedelta) -> bool:
    """Promise the work of the present slot; True in the one process that was first."""
    try:
        with services.db.system() as session:
            now = services.lease_time(session)
            return clock_slot(session, name, int(now.timestamp() // every.total_seconds()), now=now)
    except sa.exc.SQLAlchemyError as error:  # the database is away; the next tick tries again
        log.warning("tick_failed", name=name, error=type(error).__name__)
        return False


def clock_slot(session: Session, name: str, slot: int, *, now: datetime) -> bool:
    """Promise the clock's work for one slot; however many clocks tick, one wins.

    Slots promised in what is now the future are forgotten: the clock was set back, and their time comes again.
    """
    ahead = sa.and_(Job.store_id == SYSTEM, Job.kind == name, Job.created_at > now + SET_BACK, Job.state != "running")
    session.execute(sa.delete(Job).where(ahead))
    new = NewJob(kind=name, key=f"{name}:{slot}", payload={"slot": slot}, once=True)
    return queue.enqueue(session, SYSTEM, new, now=now) == 1
