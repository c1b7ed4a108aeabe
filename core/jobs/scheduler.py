"""The clock: APScheduler's table of recurring work. Every worker runs it; the slot is the job's key, so one wins."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from core.db.purpose import Purpose
from core.jobs import queue
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


def start(services: Services, table: dict[str, timedelta] | None = None) -> BackgroundScheduler:
    """Start the clock in this process; the caller shuts it down."""
    # However late a tick comes, it is for the slot it comes in: a machine that slept does not skip a day.
    late = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    clock = BackgroundScheduler(timezone="UTC", job_defaults=late)
    for name, every in (table or TABLE).items():
        clock.add_job(tick, "interval", seconds=every.total_seconds(), args=[services, name, every])
        tick(services, name, every)
    clock.start()
    return clock


def tick(services: Services, name: str, every: timedelta) -> bool:
    """Promise the work of the present slot; True in the one process that was first."""
    now = services.clock()
    slot = int(now.timestamp() // every.total_seconds())
    try:
        with services.db.system(Purpose.TICK) as session:
            return queue.clock_slot(session, name, slot, now=now)
    except sa.exc.SQLAlchemyError as error:  # the database is away; the next tick tries again
        log.warning("tick_failed", name=name, error=type(error).__name__)
        return False
