"""P13: find anything among 100,000 orders of one store, and in an index of 1,000 stores. Milliseconds a search.

Run with `python -m benchmarks.p13_search`. `ORDERS` and `STORES` set other sizes. Prints what indexing took and how
large the index is, then the median, 95th percentile and slowest of each kind of term. The floor looks an order up by
its number's own index in a transaction of the same kind.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from statistics import median, quantiles
from typing import Any

import sqlalchemy as sa

from benchmarks import stage
from benchmarks.stage import NOW
from core.app import make_services, wire_kinds
from core.db.base import new_id, table_of
from core.db.bulk import insert_new
from core.desk.search.found_rows import SHOWN
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.orders.find import email_key, number_key
from core.orders.model import Order
from core.orders.sync.child_rows import write_children
from core.orders.sync.order_rows import order_row
from core.platform.snapshots import LineItemSnapshot, OrderSnapshot, OrderState, ShipmentSnapshot, TrackingStatus
from core.search.find import find
from core.search.model import SearchDocument, SearchPosting
from core.services import Services
from core.stores.model import Store
from core.stores.worker_access import WorkerAccess

ORDERS = int(os.environ.get("ORDERS", "100000"))
STORES = int(os.environ.get("STORES", "1000"))
ORDERS_OF_OTHERS = int(os.environ.get("ORDERS_OF_OTHERS", "20"))
BUDGET = 50.0
"""Milliseconds, of the 95th percentile."""
ROUNDS = 5 * int(os.environ.get("ROUNDS", "5"))
_AT_ONCE = 500
_FIRST = (
    "Nguyễn Trần Lê Phạm Ann Berta Carl Dmitri Эмма 李 王 张 刘 สมชาย สมหญิง أحمد فاطمة Žukauskas Ąžuolas Jonas".split()
)
_LAST = "Văn An Thị Hoa Berg Lindberg Krause Иванова 明 小明 伟 芳 ใจดี มั่นคง علي حسن Petraitis Kazlauskas Smith".split()
_GOODS = "shirt mug jacket socks lamp chair teapot scarf notebook backpack".split()
_LOOKS = "linen cotton blue green large small vintage organic ceramic woolen".split()


def main() -> None:
    """Fill, index and search on both engines."""
    for base in stage.BOTH:
        with base() as made:
            services = make_services(stage.config_for(made.url), stage.PLATFORMS)
            _measure(services, made.engine)
            services.db.close()


def _measure(services: Services, engine: str) -> None:
    store = stage.connect(services)
    big, others = store.id, _other_stores(services, store, STORES - 1)
    print(
        f"\n## {engine}: {ORDERS:,} orders in one store, {len(others):,} stores of {ORDERS_OF_OTHERS} orders beside it"
    )
    _fill(services, big, ORDERS)
    spent = _index(services, [big])
    print(f"indexed {ORDERS:,} orders in {spent:.0f} s: {1e6 * spent / ORDERS:.0f} µs an order; {_size(services, big)}")
    for store_id in others:
        _fill(services, store_id, ORDERS_OF_OTHERS)
    if others:
        spent = _index(services, others)
        print(f"indexed {len(others):,} other stores in {spent:.0f} s")
    if engine == "PostgreSQL":
        with services.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze")
    terms = {
        "order number": lambda n: f"#{n}",
        "order number in words": lambda n: f"order {n}",
        "name": lambda n: _name(n),
        "half a name": lambda n: _FIRST[n % len(_FIRST)][:2],
        "one letter": lambda n: _FIRST[n % len(_FIRST)][:1],
        "e-mail": lambda n: f"p{n}@shopper.example",
        "phone": lambda n: f"091{n:07d}",
        "tracking number": lambda n: f"RR{n:09d}LT",
        "goods, in a tenth of all": lambda n: _GOODS[n % 10],
        "goods, two words": lambda n: f"{_LOOKS[n // 10 % 10]} {_GOODS[n % 10]}",
        "nothing": lambda n: f"zzqx{n}",
        "200 characters": lambda n: "lorem ipsum dolor " * 12,
    }
    dice = random.Random(13)
    print("| term | median ms | p95 | slowest | found | budget |\n|---|---|---|---|---|---|")
    _row("floor: number's own index", [_timed(lambda: _look_up(services, big, dice)) for _ in range(ROUNDS)])
    for name, make in terms.items():
        _search(services, big, make(1))
        typed = [make(dice.randrange(ORDERS)) for _ in range(ROUNDS)]
        _row(name, [_timed(partial(_search, services, big, one)) for one in typed], BUDGET)
    if others:
        taken = [_timed(lambda: _search(services, others[dice.randrange(len(others))], "shirt")) for _ in range(ROUNDS)]
        _row("goods, in a small store", taken, BUDGET)


def _row(name: str, taken: list[tuple[float, int]], budget: float = 0.0) -> None:
    times = [spent for spent, _ in taken]
    p95 = quantiles(times, n=20)[-1]
    verdict = ("kept" if p95 <= budget else "MISSED") if budget else ""
    found = round(sum(count for _, count in taken) / len(taken))
    print(f"| {name} | {median(times):.1f} | {p95:.1f} | {max(times):.1f} | {found} | {verdict} |", flush=True)


def _timed(run: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    count = run()
    return 1000 * (time.perf_counter() - began), count


def _search(services: Services, store_id: int, typed: str) -> int:
    with services.db.transaction(store_id, write=False) as session:
        groups = find(session, services.keyring, store_id, typed, most=SHOWN + 1).groups
    return sum(map(len, groups.values()))


def _look_up(services: Services, store_id: int, dice: random.Random) -> int:
    with services.db.transaction(store_id, write=False) as session:
        key = number_key(f"#{dice.randrange(ORDERS)}")
        return len(session.execute(sa.select(Order.id).where(Order.number_key == key)).all())


def _name(number: int) -> str:
    return f"{_FIRST[number % len(_FIRST)]} {_LAST[number // 7 % len(_LAST)]}"


def _snapshot(number: int) -> OrderSnapshot:
    line = LineItemSnapshot(
        ref="1", title=f"{_LOOKS[number // 10 % 10]} {_GOODS[number % 10]}", quantity=1, sku=f"S{number % 500}"
    )
    parcel = ShipmentSnapshot(
        ref="p1", status=TrackingStatus.IN_TRANSIT, tracking_number=f"RR{number:09d}LT", items={"1": 1}
    )
    return OrderSnapshot(
        ref=f"{number}", number=f"#{number}", state=OrderState.OPEN, status="processing", currency="EUR", total=5200,
        placed_at=NOW - timedelta(minutes=number), updated_at=NOW, email=f"p{number}@shopper.example",
        phone=f"+84 91 {number:07d}", name=_name(number), country="VN", lines=(line,), shipments=(parcel,),
    )  # fmt: skip


def _fill(services: Services, store_id: int, orders: int) -> None:
    for start in range(0, orders, _AT_ONCE):
        snapshots = [_snapshot(number) for number in range(start, min(start + _AT_ONCE, orders))]
        keys = {one.email: email_key(one.email, services.keyring) for one in snapshots}
        rows = [order_row(store_id, one, at=NOW, digest="", email_key=keys[one.email], now=NOW) for one in snapshots]
        with services.db.transaction(store_id) as session:
            insert_new(session, table_of(Order), rows)
            named = {row["id"]: one for row, one in zip(rows, snapshots, strict=True)}
            write_children(session, store_id, named, old=(), statuses={}, now=NOW)


def _other_stores(services: Services, first: Store, number: int) -> list[int]:
    columns = [column.name for column in table_of(Store).columns]
    ids = []
    for count in range(number):
        id_ = new_id()
        row = {name: getattr(first, name) for name in columns}
        row |= {"id": id_, "key": f"store{count:011d}", "ref": f"https://{count}.example", "hook_digest": f"{count}"}
        with services.db.transaction(id_) as session:
            session.execute(sa.insert(table_of(Store)).values(row))
        ids.append(id_)
    return ids


def _index(services: Services, store_ids: list[int]) -> float:
    for store_id in store_ids:
        with services.db.transaction(store_id) as session:
            queue.enqueue(session, store_id, NewJob("search.index", "search.index"), now=services.clock())
    kinds = {name: kind for name, kind in wire_kinds().items() if name == "search.index"}
    began = time.perf_counter()
    Worker(services, kinds, stores=WorkerAccess()).run_until_idle(limit=1_000_000)
    return time.perf_counter() - began


def _size(services: Services, store_id: int) -> str:
    told = []
    with services.db.transaction(store_id, write=False) as session:
        for model, column in ((SearchDocument, SearchDocument.tokens), (SearchPosting, SearchPosting.documents)):
            rows, held = session.execute(sa.select(sa.func.count(), sa.func.sum(sa.func.length(column)))).one()
            on_disk = ""
            if session.get_bind().dialect.name == "postgresql":
                sized: Any = sa.func.pg_total_relation_size(model.__tablename__)
                on_disk = f", {(session.scalar(sa.select(sized)) or 0) / 1e6:.0f} MB with indexes"
            told.append(f"{rows:,} {model.__tablename__} of {held / 1e6:.0f} MB{on_disk}")
    return "; ".join(told)


if __name__ == "__main__":
    main()
