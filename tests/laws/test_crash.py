"""The crash law: kill any process at any instant, the database too; nothing is lost and nothing is done twice.

LONG=1 kills a thousand times while twenty thousand changes arrive. SEED=<number> repeats a run's choices.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.db.database import Database
from core.jobs.queue import Job, NewJob
from core.orders.messages.notice import Notice
from core.orders.model import Order, OrderEvent, Shipment
from core.returns.model import Reimbursement, Return
from core.reviews.model import Review
from core.schema import migrate
from tests.laws.cluster import OwnPostgres, own_postgres, wait_until
from tests.laws.scene import Scene, jobs_by_state, rows, settle, staged, trade_on, words
from tests.laws.storefront import LIFE, Storefront, new_order, promise

LONG = bool(os.environ.get("LONG"))
KILLS, CHANGES = (500, 10_000) if LONG else (10, 200)
"""Of one run; there is one on each database."""
LEASE = 4.0
SHOPPERS = 6
"""Threads that bring news at the same time."""


def survive(scene: Scene, postgres: OwnPostgres | None) -> Storefront:
    """Let the store trade while the cluster is killed again and again; return once everything has settled."""
    front = Storefront(scene.services, scene.store, scene.world, scene.journal, scene.ports)
    refs = [str(number) for number in range(100, 100 + CHANGES // 6)]
    pace = 2 * SHOPPERS * KILLS / CHANGES
    with ThreadPoolExecutor(SHOPPERS) as pool:
        trades = [
            pool.submit(front.trade, refs[number::SHOPPERS], pace, random.Random(scene.chance.random()))
            for number in range(SHOPPERS)
        ]
        for number in range(KILLS):
            trade_on(scene, seconds=scene.chance.uniform(0.1, 0.7))
            if postgres is not None and number % 5 == 3:
                postgres.kill()
            else:
                strike(scene, front, "worker" if number % 2 else "web")
        while wait(trades, timeout=0).not_done:
            trade_on(scene, seconds=0.2)
    for trade in trades:
        trade.result()
    settle(scene)
    scene.cluster.stop()
    return front


def strike(scene: Scene, front: Storefront, kind: str) -> None:
    """Kill at the worst moment, if one comes within a second: just acknowledged, or taken by the mail server unsaid."""
    acknowledged, deadline = front.answers["200"], time.monotonic() + 1
    while time.monotonic() < deadline:
        if scene.sink.unanswered if kind == "worker" else front.answers["200"] > acknowledged:
            break
        time.sleep(0.002)
    scene.cluster.kill(kind, scene.chance)


def check_orders(scene: Scene, front: Storefront) -> None:
    """No acknowledged delivery is missing: every order is as the store has it, every review is there."""
    orders = {order.ref: order for order in rows(scene, Order)}
    parcels = {parcel.order_id: parcel.status for parcel in rows(scene, Shipment) if not parcel.ref.startswith("-")}
    assert front.acknowledged.keys() == front.last_step.keys()
    missing = [ref for ref, at in front.acknowledged.items() if ref not in orders or orders[ref].updated_at < at]
    assert missing == []
    reviews = {review.ref for review in rows(scene, Review)}
    assert front.reviewed - reviews == set()
    for ref, step in front.last_step.items():
        wanted = LIFE[step]
        if wanted is not None:
            assert parcels[orders[ref].id] == wanted, ref


def check_jobs(scene: Scene) -> None:
    ended = Counter(state for (_, state), times in jobs_by_state(scene).items() for _ in range(times))
    assert ended.keys() <= {"done", "superseded"}, jobs_by_state(scene)


def check_messages(scene: Scene, front: Storefront) -> None:
    """Every promised message left, each once as far as a mail server can tell."""
    notices = [notice for notice in rows(scene, Notice) if notice.state != "watched"]  # those promise nothing
    assert Counter(notice.state for notice in notices).keys() == {"sent"}
    promised = {notice.message_id for notice in notices}
    assert len(promised) == len(notices)
    messages = scene.sink.messages()
    # A second copy is the same message in every respect; only then do these two counts agree.
    assert sorted(message.message_id for message in messages) == sorted(promised)
    told = Counter((message.to, message.kind) for message in messages)
    assert set(told.values()) == {1}
    for ref, step in front.last_step.items():
        if step != "placed":
            assert told[f"ann.{ref}@shopper.example", step] == 1, (ref, step)
    lines = Counter(event.facts["notice"] for event in rows(scene, OrderEvent) if event.kind.startswith("told_"))
    assert set(lines.values()) == {1}
    assert len(lines) == len(notices)


def check_effects(scene: Scene, front: Storefront) -> None:
    """Every refund and reply was made once, and its end was written once."""
    for ref in front.refunds:
        order = scene.world.order(f"9{ref}")
        assert order is not None
        assert [refund.key for refund in order.refunds] == [f"trial:{ref}"]
    for ref in front.replies:
        review = scene.world.review(f"r{ref}")
        assert review is not None
        assert [reply.key for reply in review.replies] == [f"trial:{ref}"]
    money = {row.order_id: row for row in rows(scene, Reimbursement)}
    returns = {row.order_id: row for row in rows(scene, Return)}
    ids = {order.ref: order.id for order in rows(scene, Order)}
    assert len(money) == len(returns) == len(rows(scene, Reimbursement)) == len(front.returns)
    for ref in front.returns:
        order, ours = scene.world.order(f"8{ref}"), ids[f"8{ref}"]
        assert order is not None
        assert [(refund.key, refund.amount) for refund in order.refunds] == [(money[ours].key, 1200)]
        assert (money[ours].state, returns[ours].status) == ("issued", "closed")
    ends = Counter(event.facts["key"] for event in rows(scene, OrderEvent) if event.kind.startswith("trial."))
    assert ends == Counter(f"trial:{ref}" for ref in front.refunds | front.replies)


def run_law(url: str, folder: Path, announce: Callable[[str], None], postgres: OwnPostgres | None = None) -> None:
    started, seed = time.monotonic(), int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    with staged(url, folder, random.Random(seed), webs=2, workers=2, lease=LEASE) as scene:
        front = survive(scene, postgres)
        announce(
            f"crash law on {'PostgreSQL' if postgres else 'SQLite'}: {KILLS} kills, {front.changes} changes, "
            f"{front.answers['200']} deliveries acknowledged of {front.answers.total()} sent "
            f"({dict(front.answers)}), {len(scene.sink.messages())} messages, "
            f"{scene.sink.second_copies()} second copies, {len(front.refunds)} refunds, "
            f"{len(front.returns)} returns, {len(front.replies)} replies, "
            f"{time.monotonic() - started:.0f} s, seed {seed}"
        )
        check_jobs(scene)
        check_orders(scene, front)
        check_messages(scene, front)
        check_effects(scene, front)
        assert set(front.answers) <= {"200", "503", "none"}


def test_nothing_is_lost_or_done_twice_when_processes_are_killed_on_sqlite(
    sqlite_template: Path, tmp_path: Path, announce: Callable[[str], None]
) -> None:
    shutil.copy(sqlite_template, tmp_path / "aftercare.db")
    run_law(f"sqlite:///{tmp_path}/aftercare.db", tmp_path, announce)


@pytest.mark.postgres
def test_nothing_is_lost_or_done_twice_when_processes_and_the_database_are_killed(
    tmp_path: Path, announce: Callable[[str], None]
) -> None:
    with own_postgres() as server:
        url = server.make_database()
        database = Database(url)
        migrate.upgrade(database)
        database.close()
        run_law(url, tmp_path, announce, server)


@pytest.mark.postgres
def test_a_worker_frozen_past_its_lease_wakes_up_and_changes_nothing(
    postgres: Callable[[], str], tmp_path: Path
) -> None:
    # Frozen before the store was asked, it asks again when it wakes; frozen after, it only ends again.
    gate = tmp_path / "go_on"
    stages = {"before": "took", "after": "asked"}
    with staged(postgres(), tmp_path, random.Random(0), webs=0, workers=3, lease=2 * LEASE) as scene:
        frozen = []
        for key, stage in stages.items():
            scene.world.put(new_order(key, datetime.now(UTC)))
            facts = {"key": key, "ref": key, "journal": str(scene.journal), "amount": 500, "currency": "EUR"}
            promise(scene.services, scene.store, NewJob("trial.refund", key, facts | {key: str(gate)}, once=True))
            wait_until(lambda: (key, stage) in words(scene), 20, "a worker")  # noqa: B023 - asked here and now
            frozen += [machine for machine in scene.cluster.machines if machine.pid in words(scene)[key, stage]]
            frozen[-1].signal(signal.SIGSTOP)
        holders = {machine.pid for machine in frozen}
        assert len(holders) == len(stages)
        gate.touch()  # whoever is not frozen goes on
        settle(scene)
        for key in stages:
            assert holders.isdisjoint(words(scene)[key, "ended"])
        for machine in frozen:
            machine.signal(signal.SIGCONT)
        wait_until(lambda: {(key, "lost") for key in stages} <= words(scene).keys(), 20, "the frozen to give up")
        scene.cluster.stop()
        for key in stages:
            order = scene.world.order(key)
            assert order is not None
            assert [refund.key for refund in order.refunds] == [key]
            assert len(words(scene)[key, "asked"]) == 2  # both asked the store, which did it once
        jobs = {job.key: (job.state, job.attempts) for job in rows(scene, Job) if job.kind == "trial.refund"}
        assert jobs == {"before": ("done", 2), "after": ("done", 2)}
        assert sorted(event.facts["key"] for event in rows(scene, OrderEvent)) == ["after", "before"]
