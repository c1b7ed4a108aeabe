"""The worker: claims promised work, runs its handler, and turns what went wrong into the job's next state."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import groupby

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs import claims, queue
from core.jobs.claims import StoreAccess
from core.jobs.due_jobs import Turn
from core.jobs.fair_share import FairShare
from core.jobs.queue import Claimed, Kind, LeaseLost, PauseStore, Work
from core.metrics import JOB_SECONDS, JOBS_ENDED
from core.platform.errors import AccessLost, NotSupported, Refused, Unavailable
from core.services import Services

log = structlog.get_logger()

POLL = 1.0
"""Seconds between looks where nobody told us of work: the moment of a waiting job comes without a sound."""
AHEAD = 4
"""Jobs taken for each free thread: a claim costs the same for one job as for forty, and holds up all threads."""
HOLD_AHEAD = 3.0
"""Seconds after which a job that was taken and could not begin goes back to the queue: another worker may be idle."""
REFUSED_PAUSE = 60.0
"""Seconds until a job is tried again whose credentials were refused: all its tries last longer than the looks that
decide whether the store is closed (core/stores/access.py)."""
DEATHS = 5
"""How often a job may take its worker down, beyond the tries its kind allows."""


class Ending(Enum):
    """How a job ends that was not done."""

    FAIL = auto()
    """It is tried again, as often as its kind allows."""
    GIVE_UP = auto()
    """It is stuck: another try would end the same way."""
    PAUSE = auto()
    """It waits until its store is connected again."""
    CHECK_ACCESS = auto()
    """It is tried again, and a job of its own looks whether the store refuses the credentials for everything."""


class Worker:
    """Runs jobs until told to stop. Any number of workers may share one database."""

    def __init__(
        self,
        services: Services,
        kinds: Mapping[str, Kind],
        *,
        stores: StoreAccess,
        threads: int | None = None,
        poll: float = POLL,
    ) -> None:
        self.services = services
        self.kinds = kinds
        self.stores = stores
        self.threads = threads or services.config.worker_threads
        self.leases = {name: kind.lease for name, kind in kinds.items() if kind.lease != queue.LEASE}
        self.poll = poll
        self.hold_ahead = HOLD_AHEAD
        self.wake = threading.Event()
        self._latest: datetime | None = None
        """The latest time the database's clock has shown us."""
        self._ahead = timedelta()
        """How far this process's clock is ahead of the database's."""
        self._turn = Turn()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; jobs in hand are finished, the rest is left to others."""
        listener = threading.Thread(target=self._listen, args=(stop,), daemon=True, name="listener")
        listener.start()
        in_hand = FairShare(self.threads)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="job") as pool:
            while not stop.is_set():
                self.wake.clear()  # before the look: what comes during it is seen in the next one
                self._hand_back(in_hand)
                if free := in_hand.free_threads():
                    claimed = self._claim(AHEAD * free, held=in_hand.held())
                    in_hand.add(claimed)
                    for _ in range(min(free, len(claimed))):
                        pool.submit(self._work_off, in_hand)
                self.wake.wait(self.poll)
        listener.join(timeout=2.0)

    def _work_off(self, in_hand: FairShare) -> None:
        """Perform jobs in this thread until none in our hands may begin."""
        while job := in_hand.begin():
            self.perform(job)
            in_hand.end(job)
            self.wake.set()

    def _hand_back(self, in_hand: FairShare) -> None:
        """Let others have what was taken ahead and could not begin: a slow call of the same store is before it."""
        late = sorted(in_hand.hand_back(self.hold_ahead), key=lambda job: (job.store_id, job.key))
        for store_id, jobs in groupby(late, key=lambda job: job.store_id):
            try:
                with self.services.db.transaction(store_id) as session:
                    now = self.services.lease_time(session)
                    for job in jobs:  # by their keys, as whoever promises several locks them
                        claims.give_back(session, job, now=now)
                    queue.wake_workers(session)
            except sa.exc.SQLAlchemyError as error:  # they come back once their lease is over
                log.warning("hand_back_failed", store=store_id, error=type(error).__name__)

    def run_until_idle(self, *, limit: int = 10_000) -> int:
        """Run what is due, in this thread, until nothing is; give how many jobs ran."""
        ran = 0
        while ran < limit and (claimed := self._claim(50)):
            for job in claimed:
                self.perform(job)
                ran += 1
        return ran

    def _claim(self, limit: int, held: Mapping[int, int] | None = None) -> list[Claimed]:
        try:
            with self.services.db.system(Purpose.CLAIM_JOBS) as session:
                now, most = self._read_clock(session), AHEAD * ((self.threads + 1) // 2) if held is not None else None
                claimed = claims.claim(
                    session, limit, self.stores, now=now, leases=self.leases, after=self._turn, held=held, most=most
                )
        except sa.exc.SQLAlchemyError as error:
            # The database is away or two claims met; the next turn tries again.
            log.warning("claim_failed", error=type(error).__name__)
            return []
        return claimed

    def _read_clock(self, session: Session) -> datetime:
        """Give the database's time; where it was set back, see that nothing waits for it."""
        now = self.services.lease_time(session)
        self._ahead = self.services.clock() - now
        latest = self._latest
        if latest is None or now < latest - claims.SET_BACK:
            longest = max([queue.LEASE, *self.leases.values()])
            hurried = claims.follow_clock_back(session, was=latest or now, now=now, longest=longest)
            if latest:
                log.warning("clock_set_back", seconds=round((latest - now).total_seconds()), jobs=hurried)
            latest = now
        self._latest = max(latest, now)
        return now

    def perform(self, job: Claimed) -> None:
        """Run one claimed job and record how it ended. Never raises."""
        started = time.monotonic()
        try:
            ended = self._attempt(job)
        except Exception as error:  # noqa: BLE001 - the end could not be recorded: the lease runs out and the job comes back
            log.warning("job_unrecorded", kind=job.kind, job=job.id, error=type(error).__name__)
            ended = "lost"
        JOBS_ENDED.labels(kind=job.kind, state=ended).inc()
        JOB_SECONDS.labels(kind=job.kind).observe(time.monotonic() - started)

    def _attempt(self, job: Claimed) -> str:
        services, now = self.services, self.services.clock()
        if now - self._ahead >= job.lease_until:  # it queued here behind slow work: by now it is somebody else's
            return "lost"
        kind = self.kinds.get(job.kind)
        if kind is None:  # enqueued by newer code: leave it to a worker that knows it
            return self._end(job, Ending.FAIL, "no worker here knows this kind of work")
        if job.attempts > kind.attempts + DEATHS:
            return self._end(job, Ending.GIVE_UP, "its worker went away every time")
        work = Work(job, now, services, lease=kind.lease)
        try:
            kind.handler(work)
            if not work.finished:
                with work.done():
                    pass
        except LeaseLost:
            log.info("lease_lost", kind=job.kind, job=job.id)
            return "lost"
        except AccessLost as error:
            return self._end(job, Ending.CHECK_ACCESS, str(error), kind=kind, retry_after=REFUSED_PAUSE)
        except PauseStore as error:
            return self._end(job, Ending.PAUSE, str(error))
        except Unavailable as error:
            return self._end(job, Ending.FAIL, str(error), kind=kind, retry_after=error.retry_after)
        except (Refused, NotSupported) as error:
            return self._end(job, Ending.GIVE_UP, str(error) or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the one place: record it, never lose the job
            name = type(error).__name__
            # Where, not what: the text of an exception may hold a shopper's address.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("job_failed", kind=job.kind, job=job.id, store=job.store_id, error=name, where=where)
            return self._end(job, Ending.FAIL, f"{name} in our own code", kind=kind)
        return "done"

    def _end(
        self, job: Claimed, ending: Ending, reason: str, *, kind: Kind | None = None, retry_after: float | None = None
    ) -> str:
        """Record how a job that was not done ended; give its state."""
        with self.services.db.transaction(job.store_id) as session:
            now = self.services.lease_time(session)
            if ending is Ending.CHECK_ACCESS and claims.is_ours(session, job):
                if self.stores.is_open(session, job.store_id):
                    self.stores.report_refusal(session, job.store_id, now=now)
                else:
                    ending = Ending.PAUSE
            if ending is Ending.PAUSE:
                return claims.pause(session, job, reason, stores=self.stores, now=now)
            if ending is Ending.GIVE_UP:
                return claims.give_up(session, job, reason, now=now)
            attempts, longest = (kind.attempts, kind.longest_pause) if kind else (8, 3600.0)
            return claims.fail(
                session, job, reason, now=now, attempts=attempts, retry_after=retry_after, longest_pause=longest
            )

    def _listen(self, stop: threading.Event) -> None:
        db = self.services.db
        lost = (sa.exc.SQLAlchemyError, db.engine.dialect.loaded_dbapi.Error)
        while not stop.is_set():
            try:
                (_watch_sqlite if db.is_sqlite else _listen_postgres)(db, self.wake, stop)
            except lost as error:
                log.warning("listener_lost", error=type(error).__name__)
                stop.wait(POLL)


def _watch_sqlite(db: Database, wake: threading.Event, stop: threading.Event) -> None:
    # data_version moves when another connection committed; asking costs microseconds and no lock.
    with db.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        seen = None
        while not stop.wait(0.05):
            version = raw.execute("PRAGMA data_version").fetchone()
            if version != seen:
                seen = version
                wake.set()


def _listen_postgres(db: Database, wake: threading.Event, stop: threading.Event) -> None:
    import psycopg

    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()  # closed at the end: back in the pool it would go on listening
        connection.exec_driver_sql(f"LISTEN {queue.CHANNEL}")
        wake.set()  # what was promised before we listened
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, psycopg.Connection)
        while not stop.is_set():
            for _ in raw.notifies(timeout=0.25, stop_after=1):
                wake.set()
