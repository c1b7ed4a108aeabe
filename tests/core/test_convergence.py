"""The convergence law: whatever becomes of deliveries, one poll and one reconcile later we know what the store knows.

Two stores live through the same story. The first hears every piece of news at once and in order. The second's
deliveries are lost, doubled, delayed and shuffled, and its worker runs when it likes. Then both are compared.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.changes import readings
from core.db.base import SYSTEM, new_id, table_of
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.scheduler import TABLE
from core.jobs.worker import Worker
from core.orders.model import LineItem, Order, Shipment, TrackingEvent
from core.platform.sample import World
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    PaymentSnapshot,
    RefundLine,
    RefundSnapshot,
    ReplySnapshot,
    ReviewSnapshot,
    ShipmentSnapshot,
    TrackingEventSnapshot,
    TrackingStatus,
)
from core.reviews.model import Review
from core.services import Services
from core.stores import install
from core.stores.model import Store
from tests.conftest import NOON, Clock, connect
from tests.core.samples import anns_order, anns_review, deliver

EXAMPLES = 400 if os.environ.get("LONG") else 6

OURS = {"store_id", "id", "order_id", "shipment_id"}
"""Row ids differ between two stores."""
WHEN_WE_LOOKED = {"fetched_at", "seen_at", "status_seen_at"}
"""Moments of ours, not of the store's."""
WHAT_TIME_TELLS = {
    "check_after",
    "promised_from",
    "promised_by",
    "promise_source",
    "expected_earliest",
    "expected_likely",
    "expected_latest",
    "expected_source",
    "late",
}
"""Decided when we looked: a promise once made is kept even when later news would have led to another."""
SAID_TO_US = {"answer", "answered_at", "stopped_at", "link_version", "return_open"}
"""What shoppers and staff told us; stores do not say it."""
NOT_THE_STORE_S = OURS | WHEN_WE_LOOKED | WHAT_TIME_TELLS | SAID_TO_US

SCANS = (
    TrackingStatus.INFO_RECEIVED,
    TrackingStatus.IN_TRANSIT,
    TrackingStatus.OUT_FOR_DELIVERY,
    TrackingStatus.FAILED_ATTEMPT,
    TrackingStatus.EXCEPTION,
)


@dataclass(frozen=True)
class Happening:
    """Something a merchant, a carrier or a shopper does to one of three orders or two reviews, minutes after the last.

    `amount` varies it: how many lines a parcel takes, which scan comes, what is edited.
    """

    what: str
    ref: str
    minutes: int
    amount: int


@dataclass(frozen=True)
class Fate:
    """What becomes of a delivery: how often it comes, how many happenings late, and whether the worker runs then."""

    times: int
    delay: int
    works: bool


ORDER_STORY = "place pay ship ship_rest scan deliver cancel refund edit retrack delete".split()
REVIEW_STORY = "post revise answer hide withdraw".split()
happenings = st.builds(
    Happening, st.sampled_from(ORDER_STORY), st.sampled_from("123"), st.integers(0, 90), st.integers(0, 9)
) | st.builds(
    Happening, st.sampled_from(REVIEW_STORY), st.sampled_from(["r1", "r2"]), st.integers(0, 90), st.integers(0, 9)
)
fates = st.builds(Fate, st.integers(0, 3), st.integers(0, 6), st.booleans())
BEGINNING = (
    *(Happening(what, ref, 1, 2) for ref in "123" for what in ("place", "pay", "ship")),
    *(Happening("post", ref, 1, 2) for ref in ("r1", "r2")),
)
"""Every story begins with something to lose; each delivery of it has a fate of its own."""


def _stories() -> st.SearchStrategy[list[tuple[Happening, Fate]]]:
    beginning = st.tuples(*(st.tuples(st.just(happening), fates) for happening in BEGINNING))
    rest = st.lists(st.tuples(happenings, fates), min_size=15, max_size=25)
    return st.builds(lambda first, then: [*first, *then], beginning, rest)


def happen(world: World, happening: Happening, at: datetime) -> str:
    """Do it to the store's books where it makes sense; give the resource the store would send news of, or ""."""
    if happening.what in ORDER_STORY:
        return "order" if _order_changes(world, happening, at) else ""
    return "review" if _review_changes(world, happening, at) else ""


def _order_changes(world: World, it: Happening, at: datetime) -> bool:
    order = world.order(it.ref)
    if it.what == "place":
        if order is None:
            world.put(_placed(it, at))
        return order is None
    if order is None:
        return False
    if it.what == "delete":
        world.remove("order", it.ref)
        return it.amount < 5  # a store that deletes for good may tell nobody
    changed = _CHANGES[it.what](order, it, at)
    if changed == order:
        return False
    world.put(replace(changed, updated_at=at))
    return True


def _placed(it: Happening, at: datetime) -> OrderSnapshot:
    lines = (
        LineItemSnapshot("l1", "Mug", 1 + it.amount % 3, total=1200),
        LineItemSnapshot("l2", "Lamp", 1, total=2400),
        LineItemSnapshot("l3", "Song", 1, total=100, kind="digital"),
    )
    return anns_order(
        ref=it.ref,
        number=f"10{it.ref}",
        state=OrderState.UNPAID,
        placed_at=at,
        updated_at=at,
        paid_at=None,
        lines=lines,
    )


def _pay(order: OrderSnapshot, _it: Happening, at: datetime) -> OrderSnapshot:
    if order.paid_at is not None:
        return order
    payment = PaymentSnapshot("p1", "card", captured=order.total, refundable=True, methods=("refund",))
    return replace(order, state=OrderState.OPEN, paid_at=at, payments=(payment,))


def _ship(order: OrderSnapshot, it: Happening, at: datetime) -> OrderSnapshot:
    items = {"l1": 1} if it.amount % 2 else {}  # sometimes the store does not say what is inside
    return _with_parcel(order, it, at, items)


def _ship_rest(order: OrderSnapshot, it: Happening, at: datetime) -> OrderSnapshot:
    items = {line.ref: line.quantity - line.removed for line in order.lines if line.kind == "physical"}
    return replace(_with_parcel(order, it, at, items), state=OrderState.DONE, status="done", status_at=at)


def _with_parcel(order: OrderSnapshot, it: Happening, at: datetime, items: Mapping[str, int]) -> OrderSnapshot:
    number = f"RR{order.ref}{it.amount}" if it.amount > 2 else ""
    parcel = ShipmentSnapshot(
        f"s{len(order.shipments)}",
        TrackingStatus.UNKNOWN,
        carrier="DHL",
        tracking_number=number,
        shipped_at=at,
        items=items,
    )
    return replace(order, shipments=(*order.shipments, parcel))


def _scan(order: OrderSnapshot, it: Happening, at: datetime) -> OrderSnapshot:
    status = SCANS[it.amount % len(SCANS)]
    event = TrackingEventSnapshot(at, status, raw=f"code {it.amount}", text="Scanned", place="Kaunas")
    return _on_last_parcel(order, lambda one: replace(one, status=status, events=(*one.events, event)))


def _deliver(order: OrderSnapshot, it: Happening, at: datetime) -> OrderSnapshot:
    event = TrackingEventSnapshot(at, TrackingStatus.DELIVERED)
    events = (event,) if it.amount % 2 else ()
    return _on_last_parcel(
        order, lambda one: replace(one, status=TrackingStatus.DELIVERED, events=(*one.events, *events))
    )


def _on_last_parcel(order: OrderSnapshot, change: Any) -> OrderSnapshot:
    if not order.shipments:
        return order
    return replace(order, shipments=(*order.shipments[:-1], change(order.shipments[-1])))


def _retrack(order: OrderSnapshot, it: Happening, _at: datetime) -> OrderSnapshot:
    """The store moves a parcel to another record of its own, or corrects its number."""
    if it.amount % 2:
        return _on_last_parcel(order, lambda one: replace(one, ref=f"{one.ref}x"))
    return _on_last_parcel(order, lambda one: replace(one, tracking_number=f"RR{order.ref}{it.amount}"))


def _cancel(order: OrderSnapshot, _it: Happening, at: datetime) -> OrderSnapshot:
    return replace(order, state=OrderState.CANCELED, status="canceled", canceled_at=at)


def _refund(order: OrderSnapshot, it: Happening, at: datetime) -> OrderSnapshot:
    part = RefundLine("l1", 1, 100 + it.amount)
    refund = RefundSnapshot(f"f{len(order.refunds)}", part.gross, at, lines=(part,))
    lines = tuple(replace(line, removed=min(line.quantity, line.removed + (line.ref == "l1"))) for line in order.lines)
    return replace(order, refunds=(*order.refunds, refund), lines=lines)


def _edit(order: OrderSnapshot, it: Happening, at: datetime) -> OrderSnapshot:
    if it.amount < 3 and len(order.lines) > 1:
        return replace(order, lines=order.lines[:-1])
    if it.amount < 6:
        return replace(order, status="delivered", status_at=at)
    return replace(order, email=f"ann+{it.amount}@shopper.example", postcode=f"LT-0{it.amount}000")


_CHANGES = {
    "pay": _pay,
    "ship": _ship,
    "ship_rest": _ship_rest,
    "scan": _scan,
    "deliver": _deliver,
    "cancel": _cancel,
    "refund": _refund,
    "edit": _edit,
    "retrack": _retrack,
}


def _review_changes(world: World, it: Happening, at: datetime) -> bool:
    review = world.review(it.ref)
    if it.what == "post":
        if review is None:
            world.put(anns_review(it.ref, at=at, rating=1 + it.amount % 5))
        return review is None
    if review is None:
        return False
    if it.what == "withdraw":
        world.remove("review", it.ref)
        return it.amount < 5
    world.put(replace(_revised(review, it, at), updated_at=at))
    return it.amount < 5  # an edited review is often no news either


def _revised(review: ReviewSnapshot, it: Happening, at: datetime) -> ReviewSnapshot:
    if it.what == "answer":
        return replace(review, replies=(*review.replies, ReplySnapshot(f"{len(review.replies)}", "Sorry!", at=at)))
    if it.what == "hide":
        return replace(review, state="hidden" if it.amount % 2 else "published")
    return replace(review, text=f"On second thought {it.amount}", rating=1 + it.amount % 5)


@dataclass
class Stage:
    """One store of the two, and what moves it."""

    services: Services
    clock: Clock
    worker: Worker
    client: FlaskClient
    world: World
    store: Store

    def live(self, story: Iterable[tuple[Happening, Fate]]) -> None:
        """Let everything happen, each delivery meeting its fate, then let one poll and one reconcile pass."""
        waiting: list[tuple[int, str, str]] = []
        turn = 0
        for turn, (happening, fate) in enumerate(story):
            at = self.clock.forward(minutes=happening.minutes)
            resource = happen(self.world, happening, at)
            waiting += [(turn + fate.delay * copy, resource, happening.ref) for copy in range(fate.times) if resource]
            # The youngest first: what was delayed arrives after what came later.
            for due in sorted((one for one in waiting if one[0] <= turn), reverse=True):
                assert deliver(self.client, self.services, self.store, *due[1:]) == 200
                waiting.remove(due)
            if fate.works:
                self.worker.run_until_idle()
        for _, resource, ref in reversed(waiting):
            assert deliver(self.client, self.services, self.store, resource, ref) == 200
        self.settle()

    def settle(self) -> None:
        """Let the clock's next poll and next reconcile pass."""
        for kind in ("clock.poll", "clock.reconcile"):
            self.clock.now += TABLE[kind] + readings.OVERLAP
            with self.services.db.system(Purpose.INSPECT) as session:
                new = NewJob(kind, f"{kind}:{new_id()}")
                queue.enqueue(session, SYSTEM, new, now=self.clock())
            self.worker.run_until_idle()
            with self.services.db.system(Purpose.CLAIM_JOBS) as session:  # the store's own moment in the interval
                planned = sa.and_(queue.Job.state == "waiting", queue.Job.kind == "changes.read")
                session.execute(sa.update(queue.Job).where(planned).values(run_at=self.clock()))
            self.worker.run_until_idle()

    def leave(self) -> None:
        """Take the store out of the clock's rounds."""
        with self.services.db.transaction(self.store.id) as session:
            install.uninstall(session, self.store.id, now=self.clock())

    def has(self, kind: str) -> set[str]:
        """The refs of the orders or reviews that are in the store's own books."""
        return {ref for _, ref, _ in self.world.changed_since(kind, "", "", 1000)}

    def known(self) -> dict[str, Any]:
        """What we know of the store, in its own words. What is gone counts as not there.

        Of an order its store deleted we keep what we last saw, and that is whatever had arrived by then.
        """
        with self.services.db.transaction(self.store.id, write=False) as session:
            orders = session.scalars(sa.select(Order).where(Order.gone_at.is_(None))).all()
            reviews = session.scalars(sa.select(Review).where(Review.gone_at.is_(None))).all()
            names = {order.id: order.ref for order in orders}
            parcels = session.scalars(sa.select(Shipment)).all()
            refs = {parcel.id: parcel.ref for parcel in parcels}
            lines = session.scalars(sa.select(LineItem)).all()
            events = session.scalars(sa.select(TrackingEvent)).all()
        here = [one for one in (*lines, *parcels, *events) if one.order_id in names]
        return {
            "orders": {order.ref: said(order) for order in orders},
            "reviews": {review.ref: said(review) for review in reviews},
            "children": sorted(
                (names[one.order_id], refs.get(getattr(one, "shipment_id", 0), ""), repr(said(one))) for one in here
            ),
        }


def said(row: Any) -> dict[str, Any]:
    """The columns of a row that describe the store."""
    columns = {column.name for column in table_of(type(row)).columns} - NOT_THE_STORE_S
    return {"table": row.__tablename__} | {name: getattr(row, name) for name in sorted(columns)}


def stage(services: Services, clock: Clock, worker: Worker, client: FlaskClient, folder: Path) -> Stage:
    """Connect a new store with empty books, at noon."""
    clock.now = NOON
    name = f"store-{new_id()}"
    world = World(folder / f"{name}.db")
    return Stage(services, clock, worker, client, world, connect(services, world, name))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[
        Phase.explicit,
        Phase.generate,
        *([Phase.shrink] if os.environ.get("LONG") else []),
    ],  # shrinking takes minutes
    derandomize=not os.environ.get("LONG"),
)
@given(story=_stories())
def test_any_order_of_news_ends_in_what_the_store_says(
    services: Services,
    clock: Clock,
    worker: Worker,
    client: FlaskClient,
    tmp_path: Path,
    story: list[tuple[Happening, Fate]],
) -> None:
    told = stage(services, clock, worker, client, tmp_path)
    told.live((happening, Fate(times=1, delay=0, works=True)) for happening, _ in story)
    told.leave()
    guessed = stage(services, clock, worker, client, tmp_path)
    guessed.live(story)
    guessed.leave()
    known = guessed.known()
    assert (known["orders"].keys(), known["reviews"].keys()) == (guessed.has("order"), guessed.has("review"))
    assert known == told.known()


@pytest.mark.parametrize("model", [Order, LineItem, Shipment, TrackingEvent, Review])
def test_the_law_compares_what_the_store_says_and_nothing_less(model: Any) -> None:
    compared = {
        Order: {"number", "state", "status", "email_key", "payments", "refunds", "gone_at", "updated_at", "digest"},
        LineItem: {"title", "quantity", "removed", "place", "total"},
        Shipment: {"ref", "status", "items", "tracking_number", "carrier_name", "delivered_at", "delivered_source"},
        TrackingEvent: {"at", "status", "raw", "text", "place"},
        Review: {"rating", "text", "state", "replies", "posted_at", "updated_at", "digest"},
    }[model]
    assert compared <= set(table_of(model).c.keys()) - NOT_THE_STORE_S
