"""Credentials that expire: one renewal whoever asks, kept whole or not at all."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.app import wire_kinds
from core.db.base import SYSTEM
from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import NewJob, PauseStore
from core.jobs.worker import Worker
from core.platform.contract import Installation
from core.platform.errors import AccessLost, Unavailable
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.services import Services
from core.stores import install, renewal
from core.stores.model import Store
from core.stores.platform_access import make_platform, open_platform, store_by_id
from core.stores.worker_access import WorkerAccess
from tests.conftest import NOON, Clock


class Renewing(Demo):
    """Gives tokens in pairs; the old one renews until its replacement was used, as Shopify's does."""

    name = "renewing"
    renews = True
    calls: list[str] = []  # noqa: RUF012 - emptied for each test
    trouble: Exception | None = None
    dies = False
    refused: set[str] = set()  # noqa: RUF012
    slow = 0.3

    def renew_due(self, now: datetime) -> bool:
        return self.credentials["token"] == "token 0" and now >= NOON + timedelta(minutes=58)

    @property
    def world(self) -> World:
        if self.credentials["token"] in Renewing.refused:
            raise AccessLost("this token is not known")
        return super().world

    def renew(self) -> Mapping[str, str]:
        Renewing.calls.append(self.credentials["token"])
        time.sleep(self.slow)
        if Renewing.dies:
            os._exit(9)
        if Renewing.trouble:
            raise Renewing.trouble
        fresh = f"token {len(Renewing.calls)}"
        return {"world": self.credentials["world"], "token": fresh, "refresh": f"to renew {fresh}"}


@pytest.fixture(autouse=True)
def platform_at_ease() -> Iterator[None]:
    Renewing.calls, Renewing.trouble, Renewing.refused = [], None, set()
    yield
    Renewing.calls, Renewing.trouble, Renewing.refused = [], None, set()


@pytest.fixture
def app(services: Services) -> Services:
    return replace(services, platforms=Registry({"renewing": Renewing}))


@pytest.fixture
def store(app: Services, tmp_path: Path) -> Store:
    world = World(tmp_path / "renewing.db")
    credentials = {"world": world.path, "token": "token 0", "refresh": "to renew token 0"}
    return install.connect(app, "renewing", Installation(ref="linden", name="Linden", credentials=credentials))


def kept(app: Services, store: Store) -> tuple[Store, Mapping[str, str]]:
    with app.db.transaction(store.id, write=False) as session:
        row = store_by_id(session, store.id)
    return row, make_platform(app, row).credentials


def test_eight_threads_that_need_a_renewal_make_one_call(app: Services, store: Store) -> None:
    gate = threading.Barrier(8)

    def need(_: int) -> str:
        gate.wait()
        renewed = renewal.renew(app, store.id, make_platform, seen=store.credentials)
        return make_platform(app, renewed).credentials["token"]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(need, range(8))) == {"token 1"}
    assert Renewing.calls == ["token 0"]
    row, credentials = kept(app, store)
    assert credentials["refresh"] == "to renew token 1"
    assert (row.renewal_lease, row.renewal_until) == ("", None)
    assert row.renewed_at is not None


def test_whoever_comes_late_with_the_old_credentials_gets_the_new_ones(app: Services, store: Store) -> None:
    renewal.renew(app, store.id, make_platform, seen=store.credentials)
    late = renewal.renew(app, store.id, make_platform, seen=store.credentials)
    assert make_platform(app, late).credentials["token"] == "token 1"
    assert len(Renewing.calls) == 1


def test_a_process_that_dies_before_it_kept_the_answer_leaves_a_store_that_works(
    app: Services, store: Store, clock: Clock, database_url: str
) -> None:
    child = os.fork()
    if child == 0:  # dies when the platform has answered: nothing is kept, and nobody ends the lease
        Renewing.dies = True
        renewal.renew(replace(app, db=Database(database_url)), store.id, make_platform, seen=store.credentials)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert kept(app, store)[1]["token"] == "token 0"
    clock.forward(seconds=renewal.LEASE.total_seconds())
    renewed = renewal.renew(app, store.id, make_platform, seen=store.credentials)
    assert make_platform(app, renewed).credentials["token"] == "token 1"
    assert Renewing.calls == ["token 0"]


def test_keys_the_merchant_gives_during_a_renewal_stay(app: Services, store: Store) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(renewal.renew, app, store.id, make_platform, seen=store.credentials)
        deadline = time.monotonic() + 10
        while not Renewing.calls and time.monotonic() < deadline:
            time.sleep(0.01)
        given = {**kept(app, store)[1], "token": "given anew"}
        install.connect(app, "renewing", Installation(ref="linden", name="Linden", credentials=given))
        with pytest.raises(Unavailable):
            slow.result(timeout=10)
    assert kept(app, store)[1] == given


def test_a_lease_that_ended_keeps_nothing_over_its_successors_credentials(
    app: Services, store: Store, clock: Clock
) -> None:
    def overtake() -> None:
        clock.forward(seconds=renewal.LEASE.total_seconds())
        renewal.renew(app, store.id, make_platform, seen=store.credentials)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(renewal.renew, app, store.id, make_platform, seen=store.credentials)
        deadline = time.monotonic() + 10
        while not Renewing.calls and time.monotonic() < deadline:
            time.sleep(0.01)
        overtake()
        with pytest.raises(Unavailable):
            slow.result()
    row, credentials = kept(app, store)
    assert credentials["token"] in {"token 1", "token 2"}
    assert row.renewal_lease == ""
    assert renewal.renew(app, store.id, make_platform, seen=store.credentials).credentials == row.credentials


@pytest.mark.parametrize("trouble", [AccessLost("the token to renew with is dead"), Unavailable("try later")])
def test_a_renewal_that_fails_says_so_and_holds_up_nobody(app: Services, store: Store, trouble: Exception) -> None:
    Renewing.trouble = trouble
    for _ in range(2):
        with pytest.raises(type(trouble)):
            renewal.renew(app, store.id, make_platform, seen=store.credentials)
    Renewing.trouble = None
    assert renewal.renew(app, store.id, make_platform, seen=store.credentials).credentials != store.credentials


def test_a_store_that_removed_us_is_not_renewed(app: Services, store: Store) -> None:
    with app.db.transaction(store.id) as session:
        install.uninstall(session, store.id, now=app.clock())
    with pytest.raises(PauseStore, match="removed"):
        renewal.renew(app, store.id, make_platform, seen=store.credentials)
    assert Renewing.calls == []


# Who asks for it


def test_whoever_opens_a_platform_finds_its_credentials_renewed_once_they_are_over(
    app: Services, store: Store, clock: Clock
) -> None:
    assert open_platform(app, store).credentials["token"] == "token 0"
    clock.forward(minutes=59)
    assert open_platform(app, store).credentials["token"] == "token 1"
    assert open_platform(app, store).credentials["token"] == "token 1"  # with the row as it was read before
    assert len(Renewing.calls) == 1


def test_the_hourly_look_at_the_connection_keeps_a_silent_store_alive(
    app: Services, store: Store, clock: Clock
) -> None:
    worker = Worker(app, wire_kinds(), stores=WorkerAccess())
    worker.run_until_idle()
    clock.forward(hours=1)
    with app.db.system(Purpose.INSPECT) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.check", "clock.check:1"), now=clock())
    worker.run_until_idle()
    clock.forward(hours=1)
    worker.run_until_idle()
    assert kept(app, store)[1]["token"] == "token 1"


def test_refused_credentials_are_renewed_once_before_the_store_is_closed(
    app: Services, store: Store, clock: Clock
) -> None:
    worker = Worker(app, wire_kinds(), stores=WorkerAccess())
    worker.run_until_idle()
    Renewing.refused = {"token 0"}
    _read_and_wait(app, store, worker, clock)
    assert (kept(app, store)[0].state, Renewing.calls) == ("open", ["token 0"])
    Renewing.refused = {"token 0", "token 1"}
    _read_and_wait(app, store, worker, clock)
    assert (kept(app, store)[0].state, Renewing.calls) == ("closed", ["token 0"])


def test_a_store_whose_token_to_renew_with_is_dead_is_closed(app: Services, store: Store, clock: Clock) -> None:
    worker = Worker(app, wire_kinds(), stores=WorkerAccess())
    worker.run_until_idle()
    Renewing.refused, Renewing.trouble = {"token 0"}, AccessLost("the token to renew with is dead")
    _read_and_wait(app, store, worker, clock)
    assert kept(app, store)[0].state == "closed"


def _read_and_wait(app: Services, store: Store, worker: Worker, clock: Clock) -> None:
    """Let a job find out what the platform thinks of us, and the looks that follow come; six minutes pass."""
    with app.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:1", {"ref": "1"}), now=clock())
    for _ in range(6):
        worker.run_until_idle()
        clock.forward(minutes=1)
