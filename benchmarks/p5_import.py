"""P5: the first import, a platform's JSON pages through its mapping into rows; again unchanged; killed and resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import measure, orders, stage
from benchmarks.measure import Sample
from benchmarks.stage import NOW, Base
from core.app import make_worker
from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders.model import Order
from core.platform.snapshots import OrderSnapshot, Page
from core.services import Services
from core.stores.model import Feed, Store
from plugins.woocommerce import mapping
from plugins.woocommerce.platform import WooCommerce

ORDERS = 20_000 if measure.LONG else 5_000
PAGE = 100


class StoredPagesPlatform(WooCommerce):
    """A WooCommerce store whose pages lie in a folder: everything but the network."""

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """Read one page and map it; the cursor is its number."""
        folder = Path(self.credentials["folder"])
        number = int(cursor) if cursor.isdecimal() else 0
        rows = json.loads((folder / f"{number}.json").read_bytes())
        snapshots = tuple(mapping.order(row, store_url=self.ref) for row in rows)
        total = int((folder / "total").read_text())
        last = (number + 1) * PAGE >= total
        return Page(snapshots, str(number + 1), last, total=total)  # type: ignore[arg-type]


PLATFORMS = {"woocommerce": StoredPagesPlatform}


def write_pages(folder: Path, number: int) -> None:
    """Write the pages of so many orders."""
    for page in range(number // PAGE):
        (folder / f"{page}.json").write_bytes(orders.page(1 + page * PAGE, PAGE))
    (folder / "total").write_text(str(number))


def use_pages(services: Services, store: Store, folder: Path, *, clear: bool = True) -> None:
    """Let the store's pages lie in `folder`; forget what was imported."""
    sealed = services.keyring.seal({"folder": str(folder)}, store_id=store.id, purpose="credentials")
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Store).values(credentials=sealed))
        if clear:
            for table in ("orders", "line_items", "shipments", "tracking_events", "notices", "feeds", "jobs"):
                session.execute(sa.text(f"delete from {table}"))


def promise_import(services: Services, store: Store) -> None:
    """Promise the first reading."""
    with services.db.transaction(store.id) as session:
        session.execute(sa.delete(Feed))
        new = NewJob("changes.read", "read:orders.import", {"feed": "orders.import", "since": NOW.isoformat()})
        queue.enqueue(session, store.id, new, now=NOW)


def main() -> None:
    """Measure on PostgreSQL and SQLite."""
    for make in stage.BOTH:
        with make() as base, tempfile.TemporaryDirectory() as shelf:
            with stage.services_for(base, now=NOW, platforms=PLATFORMS) as services:
                write_pages(Path(shelf), ORDERS)
                store = stage.connect(services)
                runs: dict[str, Callable[[], Sample]] = {
                    "first import": partial(_import, services, store, base, Path(shelf), clear=True),
                    "unchanged again": partial(_import, services, store, base, Path(shelf), clear=False),
                }
                if base.engine == "PostgreSQL":
                    _make_floor(services)
                    runs["floor"] = partial(_floor, base, Path(shelf))
                samples = measure.alternate(runs)
                measure.show(f"P5 import of {ORDERS:,} orders, {base.engine}", samples)
                measure.ratio(samples, "orders/s", "first import", "floor", ">= 0.3")
                measure.ratio(samples, "orders/s", "unchanged again", "first import", ">= 2")
                use_pages(services, store, Path(shelf))
                promise_import(services, store)
            _kill_and_resume(base, store.id)


def _import(services: Services, store: Store, base: Base, folder: Path, *, clear: bool) -> Sample:
    use_pages(services, store, folder, clear=clear)
    promise_import(services, store)
    worker = make_worker(services)
    with measure.spending(os.getpid(), base.pid) as spent:
        worker.run_until_idle(limit=10 + ORDERS // PAGE)
    if count_orders(services, store.id) != ORDERS:
        raise RuntimeError("not every order was imported")
    return {"orders/s": ORDERS / spent.wall, "CPU µs an order": spent.cpu / ORDERS * 1e6}


def count_orders(services: Services, store_id: int) -> int:
    """Count a store's orders; raises RuntimeError where one is there twice or its feed counted it twice."""
    query = sa.select(sa.func.count(), sa.func.count(Order.ref.distinct()))
    with services.db.transaction(store_id, write=False) as session:
        there, different = session.execute(query).one()
        read = session.scalar(sa.select(Feed.read).where(Feed.name == "orders.import"))
    if there != different or (read or 0) > ORDERS:
        raise RuntimeError("an order is there, or was counted, twice")
    return int(there)


def _kill_and_resume(base: Base, store_id: int) -> None:
    """SIGKILL a worker in the middle again and again: each next one goes on at the page where the last one died."""
    killed = 0
    with stage.services_for(base, platforms=PLATFORMS) as services:
        while (there := count_orders(services, store_id)) < ORDERS:
            worker = subprocess.Popen([sys.executable, "-m", "benchmarks.p5_import", "work", base.url])
            more = ORDERS // 4 if killed < 3 else ORDERS
            while worker.poll() is None and count_orders(services, store_id) < min(there + more, ORDERS):
                time.sleep(0.01)
            worker.kill()
            worker.wait()
            killed += 1
            with services.db.transaction(store_id) as session:  # as if the dead worker's lease had run out
                session.execute(sa.update(queue.Job).where(queue.Job.state == "running").values(lease_until=NOW))
    print(f"killed {killed} times on {base.engine}: {there:,} orders, none missing, none twice", flush=True)


def work(url: str) -> None:
    """Import until nothing waits: what is killed."""
    with stage.services_for(Base(url, 0), platforms=PLATFORMS) as services:
        make_worker(services).run_until_idle()


_STAGING = {
    "order_rows": "ref text, number text, status text, currency text, total bigint, email text, placed_at timestamptz,"
    " updated_at timestamptz, country text, postcode text",
    "line_rows": "order_ref text, ref text, title text, sku text, quantity int, total bigint, tax bigint",
    "parcel_rows": "order_ref text, ref text, carrier text, tracking_number text, shipped_at timestamptz",
}
_UNIQUE = {"order_rows": "ref", "line_rows": "order_ref, ref", "parcel_rows": "order_ref, ref"}


def _make_floor(services: Services) -> None:
    with services.db.engine.begin() as connection:
        for name, columns in _STAGING.items():
            connection.exec_driver_sql(f"create table floor_{name} ({columns}, primary key ({_UNIQUE[name]}))")


def _floor(base: Base, folder: Path) -> Sample:
    """COPY each page into a staging table and upsert from there, one transaction a page, no rules, no digests."""
    import psycopg

    with psycopg.connect(base.libpq) as connection:
        for name, columns in _STAGING.items():
            connection.execute(f"truncate floor_{name}")
            connection.execute(f"create temp table if not exists {name} ({columns}) on commit delete rows")
        connection.commit()
        with measure.spending(os.getpid(), base.pid) as spent:
            for page in range(ORDERS // PAGE):
                _copy_page(connection, json.loads((folder / f"{page}.json").read_bytes()))
    return {"orders/s": ORDERS / spent.wall, "CPU µs an order": spent.cpu / ORDERS * 1e6}


def _copy_page(connection: Any, page: list[dict[str, Any]]) -> None:
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _STAGING}
    for order in page:
        ref, home = str(order["id"]), order["billing"]
        moments = (order["date_created_gmt"] + "Z", order["date_modified_gmt"] + "Z")
        head = (ref, order["number"], order["status"], order["currency"], _minor(order["total"]))
        rows["order_rows"].append((*head, home["email"], *moments, home["country"], home["postcode"]))
        for line in order["line_items"]:
            money = (_minor(line["total"]), _minor(line["total_tax"]))
            rows["line_rows"].append((ref, str(line["id"]), line["name"], line["sku"], line["quantity"], *money))
        for parcel in order["meta_data"][0]["value"]:
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(parcel["date_shipped"])))
            rows["parcel_rows"].append(
                (ref, parcel["tracking_id"], parcel["tracking_provider"], parcel["tracking_number"], when)
            )
    with connection.transaction(), connection.cursor() as cursor:
        for name, values in rows.items():
            with cursor.copy(f"copy {name} from stdin") as copy:
                for row in values:
                    copy.write_row(row)
            own = [column.split()[0] for column in _STAGING[name].split(", ")]
            updated = ", ".join(f"{column} = excluded.{column}" for column in own if column not in _UNIQUE[name])
            cursor.execute(
                f"insert into floor_{name} select * from {name} on conflict ({_UNIQUE[name]}) do update set {updated}"
            )
    connection.commit()


def _minor(text: str) -> int:
    return int(text.replace(".", ""))


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(sys.argv[2])
    else:
        main()
