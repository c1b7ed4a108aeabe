"""P4: the sweep – an idle tick, and 10,000 late parcels – among 100 k and 1 M parcels; two sweepers tell each once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from benchmarks import fill, measure, stage
from benchmarks.measure import Sample
from benchmarks.stage import NOW, Base
from core.jobs import queue
from core.jobs.queue import Claimed, NewJob, Work
from core.orders.messages.notice import Notice
from core.orders.model import LineItem, Order, Shipment
from core.services import Services
from core.shipping import sweep
from core.stores.model import Store

SIZES = (100_000, 1_000_000, 10_000_000) if measure.LONG else (100_000, 1_000_000)
LATE = 10_000
FIRST_LATE = 100_000_000
TICKS = 50


def main() -> None:
    """Measure on PostgreSQL, the table growing from size to size."""
    kept: dict[int, dict[str, list[Sample]]] = {}
    with stage.postgres() as base, stage.services_for(base, now=NOW) as services:
        store = stage.connect(services, send=True)
        _make_floor(services)
        filled = 0
        for size in SIZES:
            fill.fill(services, store.id, filled + 1, size - filled, due=f"{fill.AT} + interval '9 days'", scans=0)
            filled = size
            runs: dict[str, Callable[[], Sample]] = {
                "idle tick": lambda: _idle(services, store, base),
                "ours": lambda: _late(services, store, base),
                "floor": lambda: _floor(services, store, base),
            }
            samples = kept[size] = measure.alternate(runs)
            measure.show(f"P4 sweep, {LATE:,} late among {size:,}", samples)
            measure.ratio(samples, "CPU µs a parcel", "ours", "floor")
        _two_sweepers(services, store)
    print(f"\nfrom {SIZES[0]:,} to {SIZES[-1]:,}:")
    grown = {"largest": kept[SIZES[-1]]["ours"], "smallest": kept[SIZES[0]]["ours"]}
    measure.ratio(grown, "CPU µs a parcel", "largest", "smallest", "<= 1.3")


def _idle(services: Services, store: Store, base: Base) -> Sample:
    _clear_late(services, store)
    nobody = Claimed(0, 0, "clock.sweep", "", {}, 1, "", NOW)
    with measure.spending(os.getpid(), base.pid) as spent:
        for _ in range(TICKS):
            sweep.sweep(Work(nobody, NOW, services))
    return {"ms a tick": spent.wall / TICKS * 1000, "CPU µs a tick": spent.cpu / TICKS * 1e6}


def _late(services: Services, store: Store, base: Base) -> Sample:
    _place_late(services, store)
    with measure.spending(os.getpid(), base.pid) as spent:
        _settle_all(services, store, "one")
    _check_told(services, store)
    return {"CPU µs a parcel": spent.cpu / LATE * 1e6, "µs a parcel": spent.wall / LATE * 1e6}


def _place_late(services: Services, store: Store) -> None:
    """Make 10,000 parcels whose promised day is over and whose moment has come, in place of the last round's."""
    _clear_late(services, store)
    fill.fill(services, store.id, FIRST_LATE, LATE, due=fill.AT, scans=0)


def _clear_late(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        for table in ("notices", "jobs", "floor_notices"):
            session.execute(sa.text(f"delete from {table}"))
        for model in (Order, LineItem, Shipment):
            session.execute(sa.delete(model).where(model.id >= FIRST_LATE))
    fill.tidy(services)


def _check_told(services: Services, store: Store) -> None:
    """Every late parcel has one notice and one promise to send it."""
    orders = sa.select(sa.func.count(), sa.func.count(Notice.order_id.distinct())).where(Notice.state == "queued")
    sends = sa.select(sa.func.count()).where(queue.Job.kind == "shipping.send_notice")
    with services.db.transaction(store.id, write=False) as session:
        found = (*session.execute(orders).one(), session.execute(sends).scalar_one())
    if found != (LATE, LATE, LATE):
        raise RuntimeError(f"told {found}, not {LATE} once each")


def _two_sweepers(services: Services, store: Store) -> None:
    """Let two workers settle the same parcels at the same moment, each by a job of its own."""
    _place_late(services, store)
    workers = [threading.Thread(target=_settle_all, args=(services, store, name)) for name in ("one", "two")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    _check_told(services, store)
    print(f"\ntwo sweepers at once: {LATE:,} parcels, {LATE:,} notices, {LATE:,} promises to send: each once")


def _settle_all(services: Services, store: Store, name: str) -> None:
    due = sa.select(sa.func.count()).where(Shipment.check_after <= NOW)
    while True:
        with services.db.transaction(store.id, write=False) as session:
            if not session.execute(due).scalar_one():
                return
        with services.db.transaction(store.id) as session:
            queue.enqueue(session, store.id, NewJob("shipping.settle_due", name), now=NOW)
            token = {"state": "running", "lease_token": name, "lease_until": NOW + timedelta(hours=1)}
            mine = sa.update(queue.Job).where(queue.Job.key == name, queue.Job.state == "waiting").values(token)
            id_ = session.execute(mine.returning(queue.Job.id)).scalar_one()
        job = Claimed(store.id, id_, "shipping.settle_due", name, {}, 1, name, NOW + timedelta(hours=1))
        sweep.settle_due(Work(job, NOW, services))


def _make_floor(services: Services) -> None:
    with services.db.engine.begin() as connection:
        connection.exec_driver_sql(
            "create table floor_notices (store_id bigint, shipment_id bigint, primary key (store_id, shipment_id))"
        )


def _floor(services: Services, store: Store, base: Base) -> Sample:
    """One statement: what is due becomes rows, what has one does not. No rule is asked."""
    _place_late(services, store)
    with measure.spending(os.getpid(), base.pid) as spent, services.db.transaction(store.id) as session:
        session.execute(
            sa.text(
                "insert into floor_notices select store_id, id from shipments where check_after <= :now"
                " on conflict do nothing"
            ),
            {"now": NOW},
        )
    return {"CPU µs a parcel": spent.cpu / LATE * 1e6, "µs a parcel": spent.wall / LATE * 1e6}


if __name__ == "__main__":
    main()
