"""The store's own side in the crash law: it changes orders, brings the news over HTTP, and remembers what we took."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa

from core.changes.apply import apply_orders
from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders.model import Order
from core.platform.sample import SIGNATURE, World, sign
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    PaymentSnapshot,
    ReviewSnapshot,
    ShipmentSnapshot,
    TrackingEventSnapshot,
    TrackingStatus,
)
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest, open_return
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import link_of

LIFE: dict[str, TrackingStatus | None] = {
    "placed": None,
    "shipped": TrackingStatus.IN_TRANSIT,
    "failed_attempt": TrackingStatus.FAILED_ATTEMPT,
    "delivered": TrackingStatus.DELIVERED,
}
"""What happens to an order, each the name of the rule that tells it (nobody is told that they placed one)."""
PATIENCE = 60.0
"""Seconds the store goes on bringing the same news."""


class Storefront:
    """A store in which orders are placed, shipped and delivered while the cluster behind it dies and comes back.

    Every change of an order is followed by a new review. For every fifth order a refund is asked for, for every fifth
    a reply to a review and for every fifth a return, each of them twice, as an impatient person does. `changes`
    counts what changed, `answers` what a delivery was answered: a status, or "none".
    """

    def __init__(self, services: Services, store: Store, world: World, journal: Path, ports: Sequence[int]) -> None:
        link = link_of(services, store)
        self._services, self._store, self._ports, self._journal = services, store, ports, str(journal)
        self._secret, self._path = link.secret, urlsplit(link.hook_url).path
        self._lock = threading.Lock()
        self.world = world
        self.last_step: dict[str, str] = {}
        self.acknowledged: dict[str, datetime] = {}
        self.reviewed: set[str] = set()
        self.refunds: set[str] = set()
        self.replies: set[str] = set()
        self.returns: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.changes = 0

    def trade(self, orders: Sequence[str], pace: float, chance: random.Random) -> None:
        """Let a day's business happen to these orders, `pace` seconds between changes."""
        lives = {ref: list(LIFE)[: chance.randint(2, len(LIFE))] for ref in orders}
        web = requests.Session()
        web.trust_env = False
        while lives:
            ref = chance.choice(list(lives))
            step = lives[ref].pop(0)
            if not lives[ref]:
                del lives[ref]
            self._change(ref, step)
            updated_at = self._updated_at(ref)
            self._bring(web, {"resource": "order", "ref": ref}, chance)
            self.acknowledged[ref] = updated_at
            # What changes again is fetched again; a review comes once, so its one delivery must not be lost.
            self._review(f"{ref}-{step}")
            self._bring(web, {"resource": "review", "ref": f"{ref}-{step}"}, chance)
            self.reviewed.add(f"{ref}-{step}")
            if step == "placed" and int(ref) % 5 in (0, 1):
                self._ask_back(ref, refund=int(ref) % 5 == 0)
            if step == "placed" and int(ref) % 5 == 2:
                self._send_back(ref)
            time.sleep(chance.uniform(0, 2 * pace))

    def _change(self, ref: str, step: str) -> None:
        now = datetime.now(UTC)
        order = self.world.order(ref) or new_order(ref, now)
        status = LIFE[step]
        if status is not None:
            parcel = order.shipments[0] if order.shipments else ShipmentSnapshot(f"{ref}-1", status, shipped_at=now)
            scan = TrackingEventSnapshot(now, status, raw=step, text=step, place="Kaunas")
            arrived = now if status is TrackingStatus.DELIVERED else None
            parcel = replace(parcel, status=status, events=(*parcel.events, scan), delivered_at=arrived)
            order = replace(order, shipments=(parcel,), updated_at=now)
        self.world.put(order)
        with self._lock:
            self.changes += 1
            self.last_step[ref] = step

    def _updated_at(self, ref: str) -> datetime:
        order = self.world.order(ref)
        assert order is not None
        return order.updated_at

    def _review(self, ref: str) -> None:
        now = datetime.now(UTC)
        self.world.put(ReviewSnapshot(ref, 2, "It came late.", updated_at=now, posted_at=now))
        with self._lock:
            self.changes += 1

    def _bring(self, web: requests.Session, news: dict[str, str], chance: random.Random) -> None:
        """Deliver news until it is acknowledged, as stores do; sometimes once more than needed."""
        body = json.dumps(news).encode()
        headers = {SIGNATURE: sign(self._secret, body), "Content-Type": "application/json"}
        deadline, needed = time.monotonic() + PATIENCE, 2 if chance.random() < 0.1 else 1
        while needed:
            try:
                address = f"http://127.0.0.1:{chance.choice(self._ports)}{self._path}"
                answer = str(web.post(address, data=body, headers=headers, timeout=(1, 10)).status_code)
            except requests.RequestException:
                answer = "none"
            with self._lock:
                self.answers[answer] += 1
            needed -= answer == "200"
            if answer != "200":
                assert time.monotonic() < deadline, "nobody takes the news any more"
                time.sleep(0.1)

    def _ask_back(self, ref: str, *, refund: bool) -> None:
        """Ask for a refund or a reply on an order or review that nothing else changes, twice."""
        key = f"trial:{ref}"
        if refund:
            self.world.put(new_order(f"9{ref}", datetime.now(UTC)))
        else:
            self._review(f"r{ref}")
        facts = {"key": key, "journal": self._journal, "amount": 500, "currency": "EUR"}
        facts["ref"] = f"9{ref}" if refund else f"r{ref}"
        for _ in range(2):
            promise(
                self._services, self._store, NewJob("trial.refund" if refund else "trial.reply", key, facts, once=True)
            )
        with self._lock:
            (self.refunds if refund else self.replies).add(ref)

    def _send_back(self, ref: str) -> None:
        """Ask for money back on an order that nothing else changes, twice; the policy pays at once."""
        now = datetime.now(UTC)
        here = ShipmentSnapshot("1", TrackingStatus.DELIVERED, shipped_at=now, delivered_at=now, items={"1": 1})
        order = replace(new_order(f"8{ref}", now), shipments=(here,))
        self.world.put(order)
        for _ in range(2):
            insist(partial(self._open_return, order))
        with self._lock:
            self.returns.add(ref)

    def _open_return(self, order: OrderSnapshot) -> None:
        services, store, now = self._services, self._store, self._services.clock()
        with services.db.transaction(store.id) as session:
            apply_orders(session, services, store, [order], asked_at=now, now=now)
            ours = session.scalars(sa.select(Order.id).where(Order.ref == order.ref)).one()
            open_return(session, store, ours, ReturnRequest((RequestedLine("1", wish="keep"),)), SHOPPER, now=now)


CARD = PaymentSnapshot("1", "card", 1200, refundable=True)


def promise(services: Services, store: Store, job: NewJob) -> None:
    """Promise work as a click does."""

    def click() -> None:
        with services.db.transaction(store.id) as session:
            queue.enqueue(session, store.id, job, now=services.clock())

    insist(click)


def insist(click: Callable[[], None]) -> None:
    """Do it again and again until the database has surely taken it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            click()
            return
        except sa.exc.SQLAlchemyError:
            assert time.monotonic() < deadline, "the database does not come back"
            time.sleep(0.1)


def new_order(ref: str, now: datetime) -> OrderSnapshot:
    """An order just placed, of one mug."""
    return OrderSnapshot(
        ref=ref,
        number=f"LIN-{ref}",
        state=OrderState.OPEN,
        status="open",
        currency="EUR",
        placed_at=now - timedelta(hours=1),
        updated_at=now,
        paid_at=now - timedelta(hours=1),
        total=1200,
        email=f"ann.{ref}@shopper.example",
        name="Ann Berg",
        country="LT",
        lines=(LineItemSnapshot("1", "Mug", 1, total=1200),),
        payments=(CARD,),
    )
