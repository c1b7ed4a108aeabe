"""A store, the cluster that serves it and the mail server, on one stage; and what can be read there afterwards."""

from __future__ import annotations

import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.app import make_services, wire_kinds
from core.config import read_config
from core.db.purpose import Purpose
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.policy import policy_versions
from core.returns.policy.policy_document import Policy
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import store_by_id
from core.stores.worker_access import WorkerAccess
from tests.conftest import KEY, connect
from tests.laws.cluster import Cluster
from tests.laws.entry import PLATFORMS
from tests.laws.sink import Sink, taking_mail
from tests.laws.storefront import LIFE

SETTLING = 600 if os.environ.get("LONG") else 60
"""Seconds until the last job must have ended; one that met a dead database seven times waits two minutes."""


@dataclass
class Scene:
    """A store, its cluster, and the mail server."""

    services: Services
    store: Store
    world: World
    cluster: Cluster
    sink: Sink
    ports: list[int]
    journal: Path
    chance: random.Random


@contextmanager
def staged(url: str, folder: Path, chance: random.Random, *, webs: int, workers: int, lease: float) -> Iterator[Scene]:
    """Connect a store that tells its shoppers everything, and start a cluster that serves it."""
    with taking_mail(chance) as sink:
        env = {
            "AFTERCARE_DATABASE_URL": url,
            "AFTERCARE_SECRET_KEYS": KEY,
            "AFTERCARE_SMTP_URL": sink.url,
            "AFTERCARE_MAIL_FROM": "notices@care.example",
            "AFTERCARE_WORKER_THREADS": "2",
            # The sample store pays at once: whoever was killed while asking need not wait longer than we settle.
            "AFTERCARE_PAYING_SECONDS": "5",
            "AFTERCARE_FIRST_LOOK_SECONDS": "10",
        }
        services, world = make_services(read_config(env), PLATFORMS), World(folder / "world.db")
        store = connect(services, world)
        tell_everything(services, store)
        Worker(services, wire_kinds(), stores=WorkerAccess()).run_until_idle()  # the first reading of no orders
        cluster = Cluster(folder, env)
        try:
            ports = [cluster.add_web() for _ in range(webs)]
            for _ in range(workers):
                cluster.add_worker(lease)
            yield Scene(services, store, world, cluster, sink, ports, folder / "journal", chance)
        finally:
            cluster.stop()
            services.db.close()


def tell_everything(services: Services, store: Store) -> None:
    """Switch every rule of the storefront's life on, at any hour, as often as it comes; pay every return at once."""
    rules = {name: {"mode": "send"} for name in LIFE if name != "placed"}
    always = {"quiet_from": "00:00", "quiet_until": "00:00", "gap_hours": 0, "budget": 100}
    with services.db.transaction(store.id) as session:
        row = store_by_id(session, store.id)
        row.settings = {"shipping": {"rules": rules} | always}
        row.settings_version += 1
        paying = Policy(otherwise="accept", before_delivery="accept", refund_when="approval", wishes=("keep",))
        policy_versions.save_policy(session, row, paying, seen=1, who="Max", now=services.clock())


def trade_on(scene: Scene, seconds: float) -> None:
    """Let time pass; what ended by itself, having met no database, is started again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        scene.cluster.start_fallen()
        time.sleep(0.05)


def settle(scene: Scene) -> None:
    """Wait until no promised work is left but the clock's."""
    left = sa.select(sa.func.count()).where(Job.state.in_(["waiting", "running"]), Job.kind.not_like("clock.%"))
    deadline = time.monotonic() + SETTLING
    while count(scene, left):
        assert time.monotonic() < deadline, f"work is left: {jobs_by_state(scene)} {scene.cluster.last_words()}"
        trade_on(scene, seconds=0.2)


def count(scene: Scene, query: Any) -> int:
    with scene.services.db.system(Purpose.INSPECT, write=False) as session:
        return int(session.scalar(query) or 0)


def rows(scene: Scene, model: Any) -> list[Any]:
    """All of the store's rows of a kind."""
    with scene.services.db.transaction(scene.store.id, write=False) as session:
        return list(session.scalars(sa.select(model)))


def jobs_by_state(scene: Scene) -> Counter[tuple[str, str]]:
    return Counter((job.kind, job.state) for job in rows(scene, Job))


def words(scene: Scene) -> dict[tuple[str, str], list[int]]:
    """Read the journal: for each job's key and word, the processes that wrote it."""
    read: dict[tuple[str, str], list[int]] = defaultdict(list)
    lines = scene.journal.read_text().splitlines() if scene.journal.exists() else []
    for key, pid, word in map(str.split, lines):
        read[key, word].append(int(pid))
    return read
