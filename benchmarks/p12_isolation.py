"""P12: look-ups and acknowledgements while an import and a sweep run flat out beside them, against idle."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from benchmarks import fill, load, measure, p3_lookup, p5_import, stage
from benchmarks.load import Call
from benchmarks.measure import Sample
from benchmarks.stage import Base
from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders.model import Shipment
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import link_of

ORDERS = 50_000
RATE = 50
SECONDS = 4


def main() -> None:
    """Measure on PostgreSQL, each round idle and busy in turn."""
    with (
        stage.postgres() as base,
        tempfile.TemporaryDirectory() as shelf,
        stage.services_for(base, platforms=p5_import.PLATFORMS) as services,
    ):
        store = stage.connect(services)
        fill.fill(services, store.id, 1, ORDERS, due=f"{fill.AT} + interval '9 days'")
        p5_import.write_pages(Path(shelf), ORDERS)
        p5_import.use_pages(services, store, Path(shelf), clear=False)
        port = stage.free_port()
        with stage.serving(stage.ours(base, port), port):
            path, secret = urlsplit(link_of(services, store).hook_url).path, link_of(services, store).secret
            looks = p3_lookup.asked(store, ORDERS)
            posts: dict[str, Callable[[], list[Call]]] = {
                "look-up": lambda: looks[: RATE * SECONDS],
                "acknowledgement": lambda: load.deliveries(path, secret, RATE * SECONDS),
            }
            runs: dict[str, Callable[[], Sample]] = {}
            for name, calls in posts.items():
                runs[f"{name}, idle"] = partial(_idle, port, calls)
                runs[f"{name}, busy"] = partial(_busy, base, services, store, port, calls)
            samples = measure.alternate(runs)
    measure.show(f"P12 with an import and a sweep flat out, open loop at {RATE}/s", samples)
    for name in posts:
        measure.ratio(samples, "p50 ms", f"{name}, busy", f"{name}, idle", "<= 3")
        measure.ratio(samples, "p99 ms", f"{name}, busy", f"{name}, idle")


def _idle(port: int, calls: Callable[[], list[Call]]) -> Sample:
    return load.open_loop(port, calls(), RATE)


def _busy(base: Base, services: Services, store: Store, port: int, calls: Callable[[], list[Call]]) -> Sample:
    with _flat_out(base, services, store):
        return load.open_loop(port, calls(), RATE)


@contextmanager
def _flat_out(base: Base, services: Services, store: Store) -> Iterator[None]:
    """Run one worker that imports and one that sweeps, both with more to do than time."""
    with services.db.transaction(store.id) as session:
        session.execute(sa.text("delete from jobs"))
        due = sa.update(Shipment).where(Shipment.id <= ORDERS)
        session.execute(due.values(check_after=services.clock()))
        queue.enqueue(session, store.id, NewJob("shipping.settle_due", "settle_due"), now=services.clock())
    p5_import.promise_import(services, store)
    command = [sys.executable, "-m", "benchmarks.p5_import", "work", base.url]
    workers = [subprocess.Popen(command) for _ in range(2)]
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


if __name__ == "__main__":
    main()
