"""P7: jobs done a second, each with an effect in its own transaction; and how soon a worker wakes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import sqlalchemy as sa

from benchmarks import measure, stage
from benchmarks.measure import Sample
from benchmarks.stage import Base
from core.db.base import new_id, table_of
from core.jobs import queue
from core.jobs.queue import Job, Kind, NewJob, Work
from core.jobs.worker import Worker
from core.orders.model import OrderEvent
from core.services import Services
from core.stores.worker_access import WorkerAccess

JOBS = 3_000
WAKES = 30
FLEETS = {"PostgreSQL": (2, 10), "SQLite": (1, 4)}
"""Processes, and threads of each."""
_TOUCHED = sa.insert(table_of(OrderEvent))


def touch(work: Work) -> None:
    """Have an effect: one row that says when this ran."""
    row = {"store_id": work.store_id, "id": new_id(), "order_id": 1, "at": work.now, "kind": "touched"}
    facts = {"waited": time.time() - work.payload["at"]}
    with work.done() as session:
        session.connection().execute(_TOUCHED, row | {"facts": facts})


def main() -> None:
    """Measure both engines."""
    for make in stage.BOTH:
        with make() as base, stage.services_for(base) as services, _fleet(base):
            store_id = stage.connect(services).id
            _do_jobs(services, store_id, 200)  # connections and statements warm up outside the measure
            samples = measure.alternate({"jobs": partial(_do_jobs, services, store_id, JOBS)})
            count, threads = FLEETS[base.engine]
            measure.show(f"P7 jobs done, {base.engine}, {count} x {threads} threads  [budget >= 1,000/s]", samples)
            waits = measure.alternate({"wake-up": partial(_wake, services, store_id)})
            measure.show(f"P7 wake-up after enqueue, {base.engine}  [budget median <= 50 ms]", waits)


def _do_jobs(services: Services, store_id: int, number: int) -> Sample:
    _forget(services, store_id)
    new = [NewJob("bench.touch", f"touch:{place}", {"at": time.time()}) for place in range(number)]
    with services.db.transaction(store_id) as session:
        queue.enqueue(session, store_id, new, now=services.clock())
    started = time.perf_counter()
    _wait_for(services, store_id, number)
    return {"jobs/s": number / (time.perf_counter() - started)}


def _forget(services: Services, store_id: int) -> None:
    with services.db.transaction(store_id) as session:
        session.execute(sa.text("delete from jobs"))
        session.execute(sa.text("delete from order_events"))


def _wait_for(services: Services, store_id: int, number: int) -> None:
    done = sa.select(sa.func.count()).where(Job.state == "done")
    effects = sa.select(sa.func.count()).select_from(OrderEvent)
    while True:
        with services.db.transaction(store_id, write=False) as session:
            if session.execute(done).scalar_one() == number:
                if session.execute(effects).scalar_one() != number:
                    raise RuntimeError("a job was done with no effect, or with two")
                return
        time.sleep(0.02)


def _wake(services: Services, store_id: int) -> Sample:
    _forget(services, store_id)
    for place in range(WAKES):
        with services.db.transaction(store_id) as session:
            queue.enqueue(
                session, store_id, NewJob("bench.touch", f"wake:{place}", {"at": time.time()}), now=services.clock()
            )
        time.sleep(0.11)
    _wait_for(services, store_id, WAKES)
    with services.db.transaction(store_id, write=False) as session:
        waited = [facts["waited"] * 1000 for facts in session.scalars(sa.select(OrderEvent.facts))]
    return {"p50 ms": measure.percentile(waited, 0.5), "p95 ms": measure.percentile(waited, 0.95)}


@contextmanager
def _fleet(base: Base) -> Iterator[None]:
    processes, threads = FLEETS[base.engine]
    command = [sys.executable, "-m", "benchmarks.p7_jobs", base.url, str(threads)]
    with ExitStack() as running:
        for _ in range(processes):
            worker = running.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE))
            running.callback(worker.terminate)
        yield


def work(url: str, threads: int) -> None:
    """Work until the other end of stdin goes away."""
    stop = threading.Event()
    with stage.services_for(Base(url, 0), pool=threads) as services:
        worker = Worker(services, {"bench.touch": Kind(touch)}, stores=WorkerAccess(), threads=threads)
        runner = threading.Thread(target=worker.run, args=(stop,))
        runner.start()
        sys.stdin.read()
        stop.set()
        runner.join()


if __name__ == "__main__":
    if sys.argv[1:]:
        work(sys.argv[1], int(sys.argv[2]))
    else:
        main()
