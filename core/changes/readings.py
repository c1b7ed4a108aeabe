"""Read a store's listings page by page: poll, first import and nightly reconcile are feeds of the same function."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.changes import feed_waits
from core.changes.apply import apply_orders
from core.db.base import new_id
from core.jobs import claims, queue
from core.jobs.queue import NewJob, Work
from core.orders import find
from core.orders.model import Order
from core.orders.sync import order_sync as orders_sync
from core.platform.contract import Feature, Platform
from core.platform.errors import ListingFailed, NotSupported
from core.platform.snapshots import Page
from core.reviews import sync as reviews_sync
from core.reviews.model import Review
from core.reviews.sources.open_source import ReviewKeeper, SourceNotOpen, open_keeper, require_open
from core.reviews.sources.source_jobs import read_feed, refresh_review, source_of
from core.stores.connection.features import features_of
from core.stores.model import Feed, Store
from core.stores.platform_access import store_by_id

OVERLAP = timedelta(minutes=5)
"""A first poll and the search for deletions keep this distance: stores' clocks and commits are not instant. Later
polls start at the plugin's own cursor, which looks back by itself."""
TURN = 2.0
"""Seconds after which a reading lets other work have its worker: to end and take a job costs a fifth of a page."""


def read(work: Work) -> None:
    """Read a feed page by page for a turn, and promise the next turn; killed at any page, it goes on there.

    The payload names the feed ("orders", "orders.import", "reviews.reconcile" …) and `since`. A pass of a named
    reading ("orders.import") starts at `since`; one of a poll ("orders") where the last one ended. Where the platform
    has the next page not ready, the reading is promised again for when it may be (core/changes/feed_waits.py). A feed
    of a source beside the platform names it ("reviews@key.import"), and ends where that is not open: it is promised
    again once that opens.
    """
    ends = time.monotonic() + TURN
    try:
        while _read_page(work, ends):
            pass
    except SourceNotOpen:
        return


def _read_page(work: Work, ends: float) -> bool:
    """Read the next page and end the job where it was the last one, or the turn is over; say whether to go on."""
    name = work.payload["feed"]
    with work.services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
        feed = session.scalar(sa.select(Feed).where(Feed.name == name))
    if later := feed_waits.asks_at(feed, work.services.clock()):
        with work.done() as session:
            _promise_next(session, work, at=later)
        return False
    source = source_of(name)
    keeper = open_keeper(work.services, store, source)
    begins = feed is None or feed.state != "reading"
    if begins and work.payload.get("woken"):
        return False  # what it was woken for has ended meanwhile: it would begin anew
    goes_on = feed is not None and feed.cursor != "" and not (begins and "." in name)
    cursor = feed.cursor if feed is not None and goes_on else work.payload["since"]
    started_at = work.now if begins or feed is None or feed.started_at is None else feed.started_at
    asked_at = work.services.clock()
    if name.startswith("reviews") and not source and Feature.REVIEWS not in features_of(work.services, store):
        return False
    try:
        page = _page(keeper, name, cursor)
    except NotSupported:
        return False
    except ListingFailed:
        with claims.step(work) as session:
            _give_up(session, name)
        raise
    waits = 0 if feed is None or begins else feed.waits
    goes_on = not page.last and not feed_waits.is_waited_for(page, cursor) and time.monotonic() < ends
    with claims.step(work) if goes_on else work.done() as session:
        require_open(session, source)
        _apply_page(session, work, store, page, asked_at, started_at)
        progress = _note_progress(session, work, page, cursor if begins else None, started_at=started_at)
        feed_waits.note_wait(progress, page, cursor, waits, now=work.services.clock())
        if not page.last and not goes_on:
            _promise_next(session, work, at=progress.again_at)
        if page.last and name.endswith(".reconcile"):
            _look_for_missing(session, store, name, since=work.payload["since"], started_at=started_at, now=work.now)
    return goes_on


def _promise_next(session: Session, work: Work, *, at: datetime | None) -> None:
    name = work.payload["feed"]
    queue.enqueue(session, work.store_id, read_feed(name, work.payload["since"], at=at), now=work.now)


def _page(keeper: ReviewKeeper, name: str, cursor: str) -> Page[Any]:
    if isinstance(keeper, Platform) and name.startswith("orders"):
        return keeper.orders_since(cursor)
    return keeper.reviews_since(cursor)


def _apply_page(
    session: Session, work: Work, store: Store, page: Page[Any], asked_at: datetime, started_at: datetime
) -> None:
    name = work.payload["feed"]
    refs = [snapshot.ref for snapshot in page.snapshots]
    full = name.endswith(".reconcile")
    as_of = min(page.as_of, asked_at) if page.as_of else None  # the platform's clock may be ahead
    # What this reading has listed is not looked for, although the platform's clock may be behind.
    listed_at = max(as_of, started_at) if as_of else None
    if name.startswith("orders"):
        apply_orders(session, work.services, store, page.snapshots, asked_at=asked_at, now=work.now, as_of=as_of)
        orders_sync.apply_gone(session, page.gone, asked_at=asked_at, now=work.now, as_of=as_of)
        if full:
            orders_sync.touch(session, refs, asked_at=asked_at, as_of=listed_at)
        return
    key = partial(find.email_key, keyring=work.services.keyring)
    source = source_of(name)
    reviews_sync.apply(session, store.id, page.snapshots, asked_at=asked_at, email_key=key, source=source, as_of=as_of)
    reviews_sync.apply_gone(session, page.gone, asked_at=asked_at, now=work.now, as_of=as_of)
    if full:
        reviews_sync.touch(session, refs, asked_at=asked_at, as_of=listed_at)


def _note_progress(
    session: Session, work: Work, page: Page[Any], begins_at: str | None, *, started_at: datetime
) -> Feed:
    """Write down how far the reading has come; `begins_at` is the cursor of a pass that begins with this page."""
    name = work.payload["feed"]
    # Locked: news that an operation has ended may be written down at the same time.
    feed = session.scalar(sa.select(Feed).where(Feed.name == name).with_for_update())
    if feed is None:
        feed = Feed(id=new_id(), name=name, read=0, waits=0)
        session.add(feed)
    if begins_at is not None:
        feed.read, feed.total, feed.finished_at = 0, None, None
        feed.since, feed.waits, feed.waiting_since = begins_at, 0, None
    feed.since = feed.since or work.payload["since"]
    feed.cursor, feed.started_at = page.cursor, started_at
    feed.read = (feed.read or 0) + len(page.snapshots)
    total = page.total if page.total is not None else feed.total
    # An order that changes while we read moves to the end of the listing, and comes twice.
    feed.total = None if total is None else max(total, feed.read)
    feed.state = "idle" if page.last else "reading"
    if page.last:
        feed.finished_at = work.now
    return feed


def _give_up(session: Session, name: str) -> None:
    """End a pass whose list the platform could not prepare: the next one begins where this one did."""
    feed = session.scalar(sa.select(Feed).where(Feed.name == name).with_for_update())
    if feed is not None:
        feed.state, feed.cursor = "given_up", "" if "." in name else feed.since
        feed.operation, feed.again_at, feed.waiting_since, feed.waits = "", None, None, 0


def _look_for_missing(
    session: Session, store: Store, name: str, *, since: str, started_at: datetime, now: datetime
) -> None:
    """Ask one by one for what a full listing did not show: the store may no longer have it."""
    model: Any = Order if name.startswith("orders") else Review
    changed_at = model.updated_at if model is Order else model.posted_at
    start = datetime.fromisoformat(since) + OVERLAP
    unseen = sa.select(model.ref).where(changed_at >= start, model.fetched_at < started_at, model.gone_at.is_(None))
    if model is Order:
        promised = [NewJob("changes.refresh_order", f"order:{ref}", {"ref": ref}) for ref in session.scalars(unseen)]
    else:
        source = source_of(name)
        promised = [refresh_review(ref, source) for ref in session.scalars(unseen.where(Review.source == source))]
    if promised:
        queue.enqueue(session, store.id, promised, now=now)
