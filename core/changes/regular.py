"""The clock's regular looks at all stores: polls, nightly readings, and the health of each connection."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from core.changes.readings import OVERLAP
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import NewJob, Work
from core.reviews.sources.source_jobs import feed_of, read_feed
from core.services import Services
from core.stores.connection import access
from core.stores.model import ConnectedSource, Store

RECONCILE_WINDOW = timedelta(days=60)
POLLS_OVER, CHECKS_OVER, RECONCILES_OVER = timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6)
"""Over how much time stores are spread whom the clock's work concerns: each has its own moment in it."""
PROMISED_AT_ONCE = 500
"""Jobs the clock promises in one commit; one commit for each store were 10,000 every quarter of an hour."""


def poll_all(work: Work) -> None:
    """Promise a poll for every open store and its sources of reviews; the clock's slot makes it once."""
    _for_open_stores(work, {"orders": work.now - OVERLAP, "reviews": work.now - OVERLAP}, over=POLLS_OVER)
    _for_open_sources(work, "", work.now - OVERLAP, over=POLLS_OVER)


def reconcile_all(work: Work) -> None:
    """Promise a full reading of the last weeks for every open store and its sources of reviews: finds what listings by
    change cannot show."""
    since = work.now - RECONCILE_WINDOW
    _for_open_stores(work, {"orders.reconcile": since, "reviews.reconcile": since}, over=RECONCILES_OVER)
    _for_open_sources(work, "reconcile", since, over=RECONCILES_OVER)


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
        (store_id, read_feed(name, since.isoformat(), at=at))
        for store_id in _stores_that_are(work.services, "open")
        for at in [work.now + offset_of(store_id, over)]
        for name, since in feeds.items()
    ]
    _promise_all(work, promised)


def _for_open_sources(work: Work, reading: str, since: datetime, *, over: timedelta) -> None:
    is_open = sa.and_(Store.id == ConnectedSource.store_id, Store.state == "open", ConnectedSource.state == "open")
    with work.services.db.system(Purpose.LIST_STORES, write=False) as session:
        found = session.execute(sa.select(ConnectedSource.store_id, ConnectedSource.key).join(Store, is_open)).all()
    promised = [
        (store_id, read_feed(feed_of(key, reading), since.isoformat(), at=work.now + offset_of(store_id, over)))
        for store_id, key in found
    ]
    _promise_all(work, promised)


def _promise_all(work: Work, promised: Sequence[tuple[int, NewJob]]) -> None:
    for start in range(0, len(promised), PROMISED_AT_ONCE):
        with work.services.db.system(Purpose.PROMISE_READINGS) as session:
            queue.enqueue_for_stores(session, promised[start : start + PROMISED_AT_ONCE], now=work.now)


def _stores_that_are(services: Services, state: str) -> list[int]:
    with services.db.system(Purpose.LIST_STORES, write=False) as session:
        return list(session.scalars(sa.select(Store.id).where(Store.state == state)))
