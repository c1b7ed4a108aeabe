"""The clock: APScheduler's table of recurring work. Every worker runs it; the slot is the job's key, so one wins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.orm import Session

from core.db.base import SYSTEM
from core.db.database_clock import seconds_counted
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.claims import SET_BACK
from core.jobs.queue import Job, NewJob
from core.services import Services

log = structlog.get_logger()

TABLE = {
    "clock.search": timedelta(seconds=15),
    "clock.sweep": timedelta(minutes=2),
    "clock.poll": timedelta(minutes=15),
    "clock.check": timedelta(hours=1),
    "clock.reconcile": timedelta(days=1),
    "clock.prune": timedelta(hours=6),
    "clock.reseal": timedelta(hours=6),
    "clock.retain": timedelta(days=1),
    "clock.forget_photos": timedelta(hours=6),
}
RETRY_AFTER = 30.0
"""Seconds after which a tick is repeated that the database did not take: the next one may be a day away."""
LOOK_EVERY = 30.0
"""Seconds between two looks at whether this machine's clock was set back."""


class Timetable:
    """APScheduler's timetable, begun anew when this machine's clock is set back.

    APScheduler waits for moments of the machine's clock (3.11, 2026-11): set back by an hour, it would not tick for
    an hour, and after a suspended night it would wait on as if no time had passed.
    """

    def __init__(self, scheduler: BackgroundScheduler, *, wall: Callable[[], float], look_every: float) -> None:
        self._scheduler, self._wall, self._look_every = scheduler, wall, look_every
        self._ended = threading.Event()
        scheduler.start()
        self._watch = threading.Thread(target=self._watch_clock, daemon=True, name="timetable-watch")
        self._watch.start()

    def shutdown(self, wait: bool = True) -> None:
        """Tick no more; with `wait`, return once what ticks has ended."""
        self._ended.set()
        self._scheduler.shutdown(wait=wait)
        if wait:
            self._watch.join()

    def _watch_clock(self) -> None:
        ahead = self._wall() - seconds_counted()
        while not self._ended.wait(self._look_every):
            now_ahead = self._wall() - seconds_counted()
            if now_ahead < ahead - SET_BACK.total_seconds():
                log.warning("clock_set_back", seconds=round(ahead - now_ahead))
                for job in self._scheduler.get_jobs():
                    job.reschedule(job.trigger.__class__(seconds=job.trigger.interval_length, timezone=UTC))
                    job.modify(next_run_time=datetime.now(UTC))
            ahead = now_ahead
            self._scheduler.wakeup()


def start(
    services: Services,
    table: dict[str, timedelta] | None = None,
    *,
    wall: Callable[[], float] = time.time,
    look_every: float = LOOK_EVERY,
    retry_after: float = RETRY_AFTER,
) -> Timetable:
    """Promise the present slot of everything and start the clock in this process; the caller shuts it down."""
    # However late a tick comes, it is for the slot it comes in: a machine that slept does not skip a day.
    late = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults=late)

    def tick_or_retry(name: str, every: timedelta) -> None:
        if tick(services, name, every) is None:
            soon = datetime.now(UTC) + min(timedelta(seconds=retry_after), every)
            scheduler.modify_job(name, next_run_time=soon)

    for name, every in (table or TABLE).items():
        scheduler.add_job(
            tick_or_retry, "interval", seconds=every.total_seconds(), args=[name, every], id=name, name=name
        )
        tick_or_retry(name, every)
    return Timetable(scheduler, wall=wall, look_every=look_every)


def tick(services: Services, name: str, every: timedelta) -> bool | None:
    """Promise the work of the present slot; True in the one process that was first, None where the database failed."""
    try:
        with services.db.system(Purpose.TICK) as session:
            now = services.lease_time(session)
            return clock_slot(session, name, int(now.timestamp() // every.total_seconds()), now=now)
    except sa.exc.SQLAlchemyError as error:
        log.warning("tick_failed", name=name, error=type(error).__name__)
        return None


def clock_slot(session: Session, name: str, slot: int, *, now: datetime) -> bool:
    """Promise the clock's work for one slot; however many clocks tick, one wins.

    Slots promised in what is now the future are forgotten: the clock was set back, and their time comes again.
    """
    ahead = sa.and_(Job.store_id == SYSTEM, Job.kind == name, Job.created_at > now + SET_BACK, Job.state != "running")
    session.execute(sa.delete(Job).where(ahead))
    new = NewJob(kind=name, key=f"{name}:{slot}", payload={"slot": slot}, once=True)
    return queue.enqueue(session, SYSTEM, new, now=now) == 1
