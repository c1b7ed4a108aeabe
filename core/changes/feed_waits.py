"""A reading that waits until the platform has its next page ready: how long, and what ends the wait early.

A platform may list by an operation that takes minutes. The reading then gives its worker back and is promised again;
its feed says what it waits for. `Platform.orders_since` tells the plugin's part.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs import queue
from core.orders.sanitize import storable
from core.platform.snapshots import Page
from core.reviews.sources.source_jobs import read_feed, source_of
from core.stores.model import Feed

SHORTEST, LONGEST = 1.0, 300.0
"""Seconds between two looks: at least, and the most to which repeated looks alone make it grow."""
LONGEST_ASKED = 3600.0
"""Seconds: the most a platform can ask for."""
TOO_LONG = timedelta(days=1)
"""After so long without a step a waiting reading is shown to staff: no platform takes that long to list its orders."""


def is_waited_for(page: Page[Any], cursor: str) -> bool:
    """Say whether the page asked for at `cursor` was not ready: the platform says so, or nothing has moved."""
    if page.last:
        return False
    stands_still = page.cursor == cursor and not page.snapshots and not page.gone
    return page.again_after is not None or stands_still


def pause_before(again_after: float | None, waits: int) -> timedelta:
    """Give how long to wait after a page was not ready for the `waits`-th time in a row, counted from 0.

    Never less than the platform asked for; doubled with each look in vain, up to LONGEST.
    """
    asked = min(max(SHORTEST, again_after or 0.0), LONGEST_ASKED)
    return timedelta(seconds=max(asked, min(asked * 2 ** min(waits, 12), LONGEST)))


def asks_at(feed: Feed | None, now: datetime) -> datetime | None:
    """Give when a feed's next page may be asked for, where that is later than now."""
    if feed is None or feed.state != "reading" or feed.again_at is None or feed.again_at <= now:
        return None
    if feed.again_at - now > timedelta(seconds=LONGEST_ASKED + 60):
        return None  # noted before the clock was set back: nobody asks for that long
    # A second at least: where two clocks differ by less, the job would come back at once, and again.
    return max(feed.again_at, now + timedelta(seconds=SHORTEST))


def waits_too_long(feed: Feed, now: datetime) -> bool:
    """Say whether staff should hear that the platform does not get ready with what this feed waits for."""
    return feed.waiting_since is not None and now - feed.waiting_since > TOO_LONG


def note_wait(feed: Feed, page: Page[Any], cursor: str, waits: int, *, now: datetime) -> None:
    """Write down what a feed waits for now: `waits` is what the feed said before the page was asked for at `cursor`.

    Where it says something else by now, news has come while the platform was asked: the next look is at once.
    """
    if not is_waited_for(page, cursor):
        feed.operation, feed.again_at, feed.waiting_since, feed.waits = "", None, None, 0
        return
    was_woken = feed.waits < waits
    pause = timedelta() if was_woken else pause_before(page.again_after, waits)
    feed.operation, feed.again_at, feed.waits = storable(page.operation), now + pause, feed.waits + 1
    feed.waiting_since = feed.waiting_since or now


def wake_feeds(session: Session, store_id: int, operation: str, *, now: datetime) -> int:
    """Let each reading that waits for this operation of the platform go on at once; give how many there are."""
    waiting = sa.select(Feed).where(Feed.operation == operation, Feed.operation != "", Feed.state == "reading")
    found = session.scalars(waiting.order_by(Feed.id).with_for_update()).all()
    feeds = [feed for feed in found if not source_of(feed.name)]  # another source's may have the same ref
    for feed in feeds:
        feed.again_at, feed.waits = now, 0
        queue.enqueue(session, store_id, read_feed(feed.name, feed.since, is_news=True, woken=True), now=now)
    return len(feeds)
