"""Changes in stores: a webhook or a poll enqueues a job, the job fetches, one place applies.

A webhook only says that something changed. `receive` verifies and promises to look; `refresh` looks. `read` walks a
listing page by page: poll, first import, nightly reconcile and repair are four feeds of the same function.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.db.purpose import Purpose
from core.jobs import claims, queue
from core.jobs.queue import Kind, NewJob, Work
from core.orders import find
from core.orders.model import Order
from core.orders.sanitize import storable
from core.orders.sync import order_sync as orders_sync
from core.orders.sync.order_sync import Fetched
from core.platform.contract import Platform
from core.platform.errors import NotSupported, Refused
from core.platform.snapshots import Change, Gone, OrderSnapshot, Page
from core.privacy import retention
from core.returns.money import detect_external_refund
from core.reviews import sync as reviews_sync
from core.reviews.model import Review
from core.services import Services
from core.shipping import evaluate
from core.stores import install
from core.stores.connection import access
from core.stores.model import Feed, Store
from core.stores.platform_access import open_platform, store_by_id

OVERLAP = timedelta(minutes=5)
"""A first poll and the search for deletions keep this distance: stores' clocks and commits are not instant. Later
polls start at the plugin's own cursor, which looks back by itself."""
RECONCILE_WINDOW = timedelta(days=60)
POLLS_OVER, CHECKS_OVER, RECONCILES_OVER = timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6)
"""Over how much time stores are spread whom the clock's work concerns: each has its own moment in it."""
PROMISED_AT_ONCE = 500
"""Jobs the clock promises in one commit; one commit for each store were 10,000 every quarter of an hour."""
TURN = 2.0
"""Seconds after which a reading lets other work have its worker: to end and take a job costs a fifth of a page."""
_FACTS = {"store", "privacy", "operation", "return"}


def record(session: Session, store: Store, changes: Sequence[Change], body: bytes, *, now: datetime) -> int:
    """Promise to look at what changed, in the delivery's transaction; give how many promises were new."""
    if store.state == "uninstalled" and _is_uninstalled(session, store.id):
        changes = [change for change in changes if change.resource in _FACTS]
    return queue.enqueue(session, store.id, promises(changes, body), now=now)


def promises(changes: Sequence[Change], body: bytes) -> list[NewJob]:
    """Give the jobs a delivery asks for."""
    return [_promise(change, body) for change in changes]


def _is_uninstalled(session: Session, store_id: int) -> bool:
    # The door remembers stores for a while; one that came back in the meantime must lose no news.
    return session.scalar(sa.select(Store.state).where(Store.id == store_id)) == "uninstalled"


def _promise(change: Change, body: bytes) -> NewJob:
    if change.resource in _FACTS:
        # Facts are never fetched again, so never merged: the delivery itself is the key, once for ever. Its moment
        # is part of it: the second uninstall of a store may read like the first.
        moment = change.occurred_at.isoformat() if change.occurred_at else ""
        key = f"{change.resource}:{hashlib.blake2b(moment.encode() + body, digest_size=16).hexdigest()}"
        facts = {"resource": change.resource, "ref": change.ref, "facts": dict(change.facts)}
        return NewJob("changes.act", key, storable(facts), once=True)
    ref = storable(change.ref)  # one ref the database refuses would take every delivery of its commit along
    return NewJob(f"changes.refresh_{change.resource}", f"{change.resource}:{ref}", {"ref": ref}, is_news=True)


def refresh_order(work: Work) -> None:
    """Fetch one order and apply what the store says."""
    store, platform = _open(work)
    asked_at = work.services.clock()
    found = platform.fetch_order(work.payload["ref"])
    with work.done() as session:
        if isinstance(found, Gone):
            orders_sync.apply_gone(session, [found.ref], asked_at=asked_at, now=work.now)
        else:
            apply_orders(session, work.services, store, [found], asked_at=asked_at, now=work.now)


def refresh_review(work: Work) -> None:
    """Fetch one review and apply what the store says."""
    store, platform = _open(work)
    asked_at = work.services.clock()
    found = platform.fetch_review(work.payload["ref"])
    with work.done() as session:
        if isinstance(found, Gone):
            reviews_sync.apply_gone(session, [found.ref], asked_at=asked_at, now=work.now)
        else:
            key = partial(find.email_key, keyring=work.services.keyring)
            reviews_sync.apply(session, store.id, [found], asked_at=asked_at, email_key=key)


def read(work: Work) -> None:
    """Read a feed page by page for a turn, and promise the next turn; killed at any page, it goes on there.

    The payload names the feed ("orders", "orders.import", "reviews.reconcile" …) and `since`. A pass of a named
    reading ("orders.import") starts at `since`; one of a poll ("orders") where the last one ended.
    """
    ends = time.monotonic() + TURN
    while _read_page(work, ends):
        pass


def _read_page(work: Work, ends: float) -> bool:
    """Read the next page and end the job where it was the last one, or the turn is over; say whether to go on."""
    name = work.payload["feed"]
    with work.services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
        feed = session.scalar(sa.select(Feed).where(Feed.name == name))
    platform = open_platform(work.services, store)
    begins = feed is None or feed.state != "reading"
    goes_on = feed is not None and feed.cursor != "" and not (begins and "." in name)
    cursor = feed.cursor if feed is not None and goes_on else work.payload["since"]
    started_at = work.now if begins or feed is None or feed.started_at is None else feed.started_at
    asked_at = work.services.clock()
    try:
        page = _page(platform, name, cursor)
    except NotSupported:
        return False
    goes_on = not page.last and time.monotonic() < ends
    with claims.step(work) if goes_on else work.done() as session:
        _apply_page(session, work, store, name, page, asked_at)
        _note_progress(session, name, page, begins=begins, started_at=started_at, now=work.now)
        if not page.last and not goes_on:
            again = NewJob("changes.read", f"read:{name}", work.payload)
            queue.enqueue(session, store.id, again, now=work.now)
        if page.last and name.endswith(".reconcile"):
            _look_for_missing(session, store, name, since=work.payload["since"], started_at=started_at, now=work.now)
    return goes_on


def _page(platform: Platform, name: str, cursor: str) -> Page[Any]:
    return platform.orders_since(cursor) if name.startswith("orders") else platform.reviews_since(cursor)


def _apply_page(session: Session, work: Work, store: Store, name: str, page: Page[Any], asked_at: datetime) -> None:
    refs = [snapshot.ref for snapshot in page.snapshots]
    full = name.endswith(".reconcile")
    if name.startswith("orders"):
        apply_orders(session, work.services, store, page.snapshots, asked_at=asked_at, now=work.now)
        orders_sync.apply_gone(session, page.gone, asked_at=asked_at, now=work.now)
        if full:
            orders_sync.touch(session, refs, asked_at=asked_at)
        return
    key = partial(find.email_key, keyring=work.services.keyring)
    reviews_sync.apply(session, store.id, page.snapshots, asked_at=asked_at, email_key=key)
    reviews_sync.apply_gone(session, page.gone, asked_at=asked_at, now=work.now)
    if full:
        reviews_sync.touch(session, refs, asked_at=asked_at)


def apply_orders(
    session: Session,
    services: Services,
    store: Store,
    snapshots: Sequence[OrderSnapshot],
    *,
    asked_at: datetime,
    now: datetime,
) -> list[int]:
    """Store orders, then evaluate the changed ones for notices and for refunds made elsewhere; give the changed ids."""
    changed = orders_sync.apply(
        session,
        store.id,
        [Fetched(snapshot, asked_at) for snapshot in snapshots],
        statuses=evaluate.terms_of(store).statuses,
        email_key=partial(find.email_key, keyring=services.keyring),
        now=now,
    )
    evaluate.evaluate_orders(session, store, changed, now=now)
    detect_external_refund.detect(session, changed, now=now)
    return changed


def _note_progress(
    session: Session, name: str, page: Page[Any], *, begins: bool, started_at: datetime, now: datetime
) -> None:
    feed = session.scalar(sa.select(Feed).where(Feed.name == name))
    if feed is None:
        feed = Feed(id=new_id(), name=name, read=0)
        session.add(feed)
    if begins:
        feed.read, feed.total, feed.finished_at = 0, None, None
    feed.cursor, feed.started_at = page.cursor, started_at
    feed.read = (feed.read or 0) + len(page.snapshots)
    total = page.total if page.total is not None else feed.total
    # An order that changes while we read moves to the end of the listing, and comes twice.
    feed.total = None if total is None else max(total, feed.read)
    feed.state = "idle" if page.last else "reading"
    if page.last:
        feed.finished_at = now


def _look_for_missing(
    session: Session, store: Store, name: str, *, since: str, started_at: datetime, now: datetime
) -> None:
    """Ask one by one for what a full listing did not show: the store may no longer have it."""
    model: Any = Order if name.startswith("orders") else Review
    changed_at = model.updated_at if model is Order else model.posted_at
    start = datetime.fromisoformat(since) + OVERLAP
    unseen = sa.select(model.ref).where(changed_at >= start, model.fetched_at < started_at, model.gone_at.is_(None))
    resource = "order" if model is Order else "review"
    promised = [
        NewJob(f"changes.refresh_{resource}", f"{resource}:{ref}", {"ref": ref}) for ref in session.scalars(unseen)
    ]
    if promised:
        queue.enqueue(session, store.id, promised, now=now)


def act(work: Work) -> None:
    """Carry out verified facts: the app was removed, somebody's data must go."""
    resource, facts = work.payload["resource"], work.payload["facts"]
    if resource == "store" and facts.get("event") == "uninstalled":
        with work.done() as session:
            install.uninstall(session, work.store_id, now=work.now)
        return
    if resource == "privacy" and facts.get("request") in retention.REQUESTS:
        retention.carry_out(work)
        return
    raise Refused(f"This needs a person: the platform sent a {resource} request that is not automated yet.")


def poll_all(work: Work) -> None:
    """Promise a poll for every open store; the clock's slot makes it once."""
    _for_open_stores(work, {"orders": work.now - OVERLAP, "reviews": work.now - OVERLAP}, over=POLLS_OVER)


def reconcile_all(work: Work) -> None:
    """Promise a full reading of the last weeks for every open store: finds what listings by change cannot show."""
    since = work.now - RECONCILE_WINDOW
    _for_open_stores(work, {"orders.reconcile": since, "reviews.reconcile": since}, over=RECONCILES_OVER)


def check_all(work: Work) -> None:
    """Promise a look at every open store's connection, and see that somebody looks after each closed one."""
    open_stores = [(one, work.now + offset_of(one, CHECKS_OVER)) for one in _stores_that_are(work.services, "open")]
    _promise_all(work, [(one, NewJob("stores.check_health", "check_health", run_at=at)) for one, at in open_stores])
    for one in _stores_that_are(work.services, "closed"):
        with work.services.db.transaction(one) as session:
            access.look_after(session, one, at=work.now + offset_of(one, CHECKS_OVER), now=work.now)


def offset_of(store_id: int, over: timedelta) -> timedelta:
    """Give a store's own moment within a stretch of time, always the same: thousands do not fall due at once."""
    digest = hashlib.blake2b(str(store_id).encode(), digest_size=4).digest()
    return over * (int.from_bytes(digest) / 2**32)


def _for_open_stores(work: Work, feeds: dict[str, datetime], *, over: timedelta) -> None:
    promised = [
        (store_id, NewJob("changes.read", f"read:{name}", {"feed": name, "since": since.isoformat()}, at))
        for store_id in _stores_that_are(work.services, "open")
        for at in [work.now + offset_of(store_id, over)]
        for name, since in feeds.items()
    ]
    _promise_all(work, promised)


def _promise_all(work: Work, promised: Sequence[tuple[int, NewJob]]) -> None:
    for start in range(0, len(promised), PROMISED_AT_ONCE):
        with work.services.db.system(Purpose.PROMISE_READINGS) as session:
            queue.enqueue_for_stores(session, promised[start : start + PROMISED_AT_ONCE], now=work.now)


def _stores_that_are(services: Services, state: str) -> list[int]:
    with services.db.system(Purpose.LIST_STORES, write=False) as session:
        return list(session.scalars(sa.select(Store.id).where(Store.state == state)))


def _open(work: Work) -> tuple[Store, Platform]:
    with work.services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
    return store, open_platform(work.services, store)


JOBS = {
    "changes.refresh_order": Kind(refresh_order),
    "changes.refresh_review": Kind(refresh_review),
    "changes.read": Kind(read),
    "changes.act": Kind(act),
    "clock.poll": Kind(poll_all, attempts=1),
    "clock.reconcile": Kind(reconcile_all, attempts=1),
    "clock.check": Kind(check_all, attempts=1),
}
