"""Open whoever keeps a review: the store's platform, or one of the sources connected beside it.

A source is asked by refs as they are stored, which name it, so that two accounts with the same ref stay apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs import queue
from core.jobs.queue import NewJob, PauseStore
from core.platform.calls.cost_bucket import BucketState
from core.platform.contract import Feature, Platform
from core.platform.errors import AccessLost
from core.platform.http import open_session
from core.platform.reviews.review_source import ReviewSource
from core.platform.snapshots import Gone, Page, ReplySnapshot, ReviewSnapshot
from core.reviews.model import Review
from core.services import Services
from core.stores import audit
from core.stores.call_buckets import StoreBuckets
from core.stores.connection.features import features_of
from core.stores.housekeeping import SOURCE_PURPOSES
from core.stores.model import ConnectedSource, Store
from core.stores.platform_access import facts_of, open_platform

CREDENTIALS, HOOK = SOURCE_PURPOSES["credentials"], SOURCE_PURPOSES["hook"]
TRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720))
"""How long after the one before each try comes to get into a source that refuses; the last distance stays."""
T = TypeVar("T")


class SourceNotOpen(Exception):
    """The source refuses its credentials, was disconnected, or is not installed here: what is asked of it waits."""


class SourceReviews:
    """The reviews of one connected source, asked for by the refs that are stored.

    A refusal of its credentials closes this source and nothing else: SourceNotOpen is then raised.
    """

    def __init__(self, services: Services, row: ConnectedSource, source: ReviewSource) -> None:
        self._services, self._row, self._source = services, row, source
        self.name = source.name

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        """Fetch one review with the replies it has."""
        prefix = f"{self._row.key}:"
        if not ref.startswith(prefix):
            return Gone(ref)
        found = self._ask(lambda: self._source.fetch_review(ref.removeprefix(prefix)))
        return Gone(ref) if isinstance(found, Gone) else self._stored(found)

    def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
        """List reviews changed at or after the cursor."""
        page = self._ask(lambda: self._source.reviews_since(cursor))
        gone = tuple(stored_ref(self._row.key, ref) for ref in page.gone)
        return replace(page, snapshots=tuple(map(self._stored, page.snapshots)), gone=gone)

    def publish_reply(self, review_ref: str, text: str, *, key: str) -> ReplySnapshot:
        """Answer a review in public, once for a key."""
        ref = review_ref.removeprefix(f"{self._row.key}:")
        return self._ask(lambda: self._source.publish_reply(ref, text, key=key))

    def edit_reply(self, reply_ref: str, text: str) -> ReplySnapshot:
        """Change a published answer."""
        return self._ask(lambda: self._source.edit_reply(reply_ref, text))

    def remove_reply(self, reply_ref: str) -> None:
        """Take a published answer back."""
        self._ask(lambda: self._source.remove_reply(reply_ref))

    def _stored(self, review: ReviewSnapshot) -> ReviewSnapshot:
        return replace(review, ref=stored_ref(self._row.key, review.ref))

    def _ask(self, call: Callable[[], T]) -> T:
        with closed_if_refused(self._services, self._row):
            return call()


ReviewKeeper = Platform | SourceReviews
"""Whoever keeps a review and takes the answers to it."""


def stored_ref(key: str, ref: str) -> str:
    """Give the ref under which a source's review is stored."""
    return f"{key}:{ref}"


def open_keeper(services: Services, store: Store, key: str) -> ReviewKeeper:
    """Give the source with this key, or the store's platform for "", ready to be asked.

    Raises PauseStore for a store that is not open, SourceNotOpen. Must not run inside a transaction.
    """
    if not key:
        return open_platform(services, store)
    if store.state != "open":
        raise PauseStore(store.state_reason or f"the store is {store.state}")
    with services.db.transaction(store.id, write=False) as session:
        row = session.scalar(sa.select(ConnectedSource).where(ConnectedSource.key == key))
    if row is None or row.state != "open" or row.name not in services.review_sources:
        raise SourceNotOpen(key)
    return SourceReviews(services, row, make_source(services, store, row))


def require_open(session: Session, key: str) -> None:
    """Hold a source open until the caller commits, before what it said is stored. Raises SourceNotOpen where it was
    closed while it was asked; "" is the platform, which needs no holding."""
    state = sa.select(ConnectedSource.state).where(ConnectedSource.key == key)
    if key and session.scalar(state.with_for_update(read=True)) == "closed":
        raise SourceNotOpen(key)


def make_source(services: Services, store: Store, row: ConnectedSource) -> ReviewSource:
    """Give a connected source with the credentials kept for it, whatever its state."""
    credentials = services.keyring.open_dict(row.credentials, store_id=store.id, purpose=CREDENTIALS)
    source = source_with(services, store, row.name, credentials)
    source.buckets = _AccountBuckets(StoreBuckets(services, store.id), row.key)
    return source


def source_with(
    services: Services,
    store: Store,
    name: str,
    credentials: Mapping[str, str],
    *,
    timeout: tuple[float, float] = (5, 30),
    retries: int = 2,
) -> ReviewSource:
    """Give a source's object for credentials that are not kept yet. `timeout` is (connect, read) in seconds."""
    http = open_session(allow=services.config.outbound_allow, timeout=timeout, retries=retries)
    return services.review_sources[name](credentials, http, facts_of(store))


def takes_replies(services: Services, store: Store, review: Review, source: ConnectedSource | None) -> bool:
    """Say whether whoever keeps a review takes answers to it; `source` is the review's, None for the platform's."""
    if not review.source:
        return Feature.REPLY in features_of(services, store)
    if source is None or source.state == "closed" or source.name not in services.review_sources:
        return False
    return Feature.REPLY in services.review_sources[source.name].features


@contextmanager
def closed_if_refused(services: Services, row: ConnectedSource) -> Iterator[None]:
    """Close a source whose credentials are refused within the block, and raise SourceNotOpen instead."""
    try:
        yield
    except AccessLost as refusal:
        with services.db.transaction(row.store_id) as session:
            refuse(session, row, str(refusal), now=services.clock())
    else:
        return
    raise SourceNotOpen(row.key)


def refuse(session: Session, seen: ConnectedSource, reason: str, *, now: datetime) -> None:
    """Note that a source does not take the credentials that were `seen`, and promise to try again."""
    row = session.get(ConnectedSource, (seen.store_id, seen.id), with_for_update=True)
    if row is None or row.state != "open" or row.credentials != seen.credentials:
        return  # connected anew meanwhile
    row.state, row.state_reason = "refused", reason[:500]
    promise_check(session, row, 0, now=now)
    audit.note(session, now, "aftercare", "lose_source_access", f"source:{row.key}")


def promise_check(session: Session, row: ConnectedSource, tries: int, *, now: datetime) -> None:
    """Promise to try a source that refuses, later the more often it was tried."""
    at = now + TRIES[min(tries, len(TRIES) - 1)]
    new = NewJob("reviews.check_source", f"check_source:{row.id}", {"id": row.id, "tries": tries}, at)
    queue.enqueue(session, row.store_id, new, now=now)


class _AccountBuckets:
    """The buckets of one account: those of its store, named so that no other's are taken for them."""

    def __init__(self, buckets: StoreBuckets, key: str) -> None:
        self._buckets, self._key = buckets, key

    def change(self, name: str, change: Callable[[BucketState | None, float], tuple[BucketState, T]]) -> T:
        """Replace a bucket's state, as `BucketStates` says."""
        return self._buckets.change(f"{self._key}:{name}", change)
