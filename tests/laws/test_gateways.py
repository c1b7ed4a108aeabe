"""The crash law of money: gateways are slow or die, workers are killed and frozen; each shopper is paid once at most,
and who is not surely paid is in staff's hands.

Time runs FACTOR times faster: paying calls, the first look and leases are scaled, and so are the gateways. LONG=1 kills
a hundred times and freezes twenty. On PostgreSQL the workers' wall clocks are ten minutes apart. SEED=<number> repeats
a run's choices.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from core.app import make_services
from core.config import read_config
from core.jobs.queue import Job, NewJob
from core.orders.messages.notice import Notice
from core.orders.model import Order
from core.platform.contract import Installation
from core.returns.model import Reimbursement
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest, open_return
from core.services import Services
from core.stores import install
from core.stores.model import Store
from tests.conftest import KEY
from tests.core.returns.seed import ACCEPTS, set_policy
from tests.laws.cluster import ROOT, Cluster, wait_until
from tests.laws.entry import PLATFORMS
from tests.laws.sink import taking_mail
from tests.laws.storefront import insist, promise
from tests.stores.woocommerce import Line, make_order, serving
from tests.stores.woocommerce import Store as WooStore

LONG = bool(os.environ.get("LONG"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
FACTOR = 60
PAYING, FIRST_LOOK, LEASE = 120 / FACTOR, 180 / FACTOR, 300 / FACTOR
KILLS, FREEZES, ORDERS = (100, 20, 240) if LONG else (6, 2, 24)
AHEAD = (600, -600)
"""Seconds by which the other workers' clocks are off: not scaled, for the law has them ten minutes apart."""
MOODS = (
    (0.0, 0.0, ""),
    (50 / FACTOR, 0.0, ""),
    (150 / FACTOR, 0.0, ""),  # it answers after we hung up
    (0.0, 150 / FACTOR, ""),  # the key is written late
    (0.0, 0.0, "money"),
    (50 / FACTOR, 0.0, "key"),
)


@dataclass
class Scene:
    """A store at its own server, and the cluster that serves it."""

    services: Services
    store: Store
    shop: WooStore
    cluster: Cluster
    chance: random.Random


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    chance = random.Random(SEED)
    shop = WooStore(loopback=True)
    with taking_mail(chance) as sink, serving(shop) as address:
        env = {
            "AFTERCARE_DATABASE_URL": database_url,
            "AFTERCARE_SECRET_KEYS": KEY,
            "AFTERCARE_SMTP_URL": sink.url,
            "AFTERCARE_WORKER_THREADS": "3",
            "AFTERCARE_OUTBOUND_ALLOW": urlsplit(address).netloc,
            "AFTERCARE_PAYING_SECONDS": str(PAYING),
            "AFTERCARE_FIRST_LOOK_SECONDS": str(FIRST_LOOK),
        }
        services, key = make_services(read_config(env), PLATFORMS), shop.add_key()
        installation = Installation(address, "Linden", {"key": key.key, "secret": key.secret}, currency="USD")
        store = install.connect(services, "woocommerce", installation)
        set_policy(services, store, **ACCEPTS, before_delivery="accept", refund_when="approval")
        cluster = Cluster(tmp_path, env)
        try:
            # On SQLite all processes share a machine, and so its clock.
            for ahead in (0, *AHEAD) if not services.db.is_sqlite else (0, 0, 0):
                cluster.add_worker(LEASE, ahead)
            yield Scene(services, store, shop, cluster, chance)
        finally:
            cluster.stop()
            services.db.close()


def read(scene: Scene, query: Any) -> list[Any]:
    with scene.services.db.transaction(scene.store.id, write=False) as session:
        return list(session.scalars(query))


def is_settled(scene: Scene) -> bool:
    left = sa.select(Job.id).where(Job.state.in_(["waiting", "running"]), Job.kind.in_(["returns.reimburse", *READS]))
    return not read(scene, left)


READS = ("changes.refresh_order", "returns.send_letter")


def look_at_all(scene: Scene) -> None:
    for ref in scene.shop.orders:
        promise(scene.services, scene.store, NewJob("changes.refresh_order", f"order:{ref}", {"ref": str(ref)}))


def ask_back(scene: Scene, order: Order) -> None:
    line = str(scene.shop.orders[int(order.ref)]["line_items"][0]["id"])

    def click() -> None:
        with scene.services.db.transaction(scene.store.id) as session:
            asked = ReturnRequest((RequestedLine(line, 1, "other", "keep"),))
            open_return(session, scene.store, order.id, asked, SHOPPER, now=scene.services.clock())

    insist(click)


def freeze(scene: Scene) -> None:
    """Freeze a worker past its lease; it goes on in the middle of what somebody else has taken over."""
    machine = scene.chance.choice([one for one in scene.cluster.machines if one.is_alive])
    machine.signal(signal.SIGSTOP)
    time.sleep(LEASE + 0.5)
    machine.signal(signal.SIGCONT)


def test_no_gateway_however_rude_makes_us_pay_twice(scene: Scene, announce: Callable[[str], None]) -> None:
    started = time.monotonic()
    placed = datetime.now(UTC) - timedelta(days=2)
    refs = [scene.shop.place(make_order(placed=placed, lines=(Line(quantity=3),)))["id"] for _ in range(ORDERS)]
    for ref in refs:
        scene.shop.ship(ref, f"1Z999AA1{ref:010}", at=placed)
        scene.shop.set_status(ref, "completed", at=placed)
    look_at_all(scene)
    wait_until(lambda: len(read(scene, sa.select(Order.id))) == ORDERS, 60, "the orders")
    scene.shop.gateway.moods = {ref: scene.chance.choice(MOODS) for ref in refs}
    waiting = list(read(scene, sa.select(Order)))
    strokes = ["kill"] * KILLS + ["freeze"] * FREEZES
    scene.chance.shuffle(strokes)
    for stroke in strokes:
        for _ in range(ORDERS // len(strokes) + 1):
            if waiting:
                ask_back(scene, waiting.pop())
        time.sleep(scene.chance.uniform(0.1, 0.8))
        if stroke == "kill":
            scene.cluster.kill("worker", scene.chance)
        else:
            freeze(scene)
    assert not waiting
    wait_until(lambda: is_settled(scene), 240, "the money")
    time.sleep(max(seconds + late for seconds, late, _ in MOODS))
    look_at_all(scene)
    wait_until(lambda: is_settled(scene), 120, "the last look")
    paid = Counter(order_id for order_id, _ in scene.shop.gateway.payments)
    money = {row.order_id: row for row in read(scene, sa.select(Reimbursement))}
    orders = {order.id: int(order.ref) for order in read(scene, sa.select(Order))}
    states = Counter(row.state for row in money.values())
    clocks = [machine.order["ahead"] for machine in scene.cluster.machines]
    announce(
        f"gateway law on {scene.services.db.engine.dialect.name}: {KILLS} kills, {FREEZES} freezes, {ORDERS} refunds, "
        f"{dict(states)}, {paid.total()} payments, clocks {clocks} s off, "
        f"time x{FACTOR}, seed {SEED}, {time.monotonic() - started:.0f} s"
    )
    assert len(money) == ORDERS
    assert set(paid.values()) <= {1}
    assert set(states) <= {"issued", "needs_staff"}
    assert {orders[id_] for id_, row in money.items() if row.state == "issued"} <= paid.keys()
    assert all(row.sentence or row.asked_at for row in money.values() if row.state == "needs_staff")
    told = {row.order_id for row in read(scene, sa.select(Notice).where(Notice.kind == "refund_issued"))}
    assert told == {id_ for id_, row in money.items() if row.state == "issued"}


def test_a_machine_whose_clock_is_wrong_reads_it_everywhere_and_counts_seconds_as_before() -> None:
    script = (
        "import time; from datetime import UTC; from core.db import database_clock as core_module;"
        "from tests.laws.wrong_clock import set_wrong; now, counted = time.time(), time.monotonic(); set_wrong(600);"
        "print(round(time.time() - now), round(core_module.datetime.now(UTC).timestamp() - now),"
        " round(time.monotonic() - counted))"
    )
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == ["600", "600", "0"]
