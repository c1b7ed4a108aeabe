"""Connect a source of reviews with the credentials a merchant types in, try it again, and disconnect it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.jobs import queue
from core.jobs.queue import Kind, NewJob, PauseStore, Work
from core.orders.sanitize import storable
from core.platform.errors import PlatformError
from core.platform.reviews.review_source import SourceHook, SourceIdentity
from core.reviews.model import Reply, Review
from core.reviews.sources.open_source import (
    CREDENTIALS,
    HOOK,
    SourceNotOpen,
    closed_if_refused,
    make_source,
    promise_check,
    source_with,
)
from core.reviews.sources.source_jobs import feed_of, read_feed, source_of, tell_reply
from core.secrets import Unsealable, new_token
from core.services import Services
from core.stores import audit
from core.stores.model import ConnectedSource, Feed, Store
from core.stores.platform_access import store_by_id

FIRST_READING = timedelta(days=90)
"""How far back a source is read once it is connected: as far as the store's platform."""
MOST = 10_000
"""Characters of one credential."""
WAITED = (5.0, 10.0)
"""Seconds to connect and to answer while the merchant waits."""


class SourceUnknown(Exception):
    """No source of this name is installed, or none with this id is connected."""


class FieldsMissing(Exception):
    """Some of what the source asks for was not typed in."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def connect(services: Services, store: Store, name: str, typed: Mapping[str, str]) -> ConnectedSource:
    """Try credentials at a source, keep them sealed, and promise its first reading.

    An account that was connected before takes the new credentials; its reviews come back, and go on being read. Asks
    the provider, so it must not run inside a transaction. Raises SourceUnknown, FieldsMissing, or the provider's
    PlatformError.
    """
    if name not in services.review_sources:
        raise SourceUnknown
    fields = services.review_sources[name].fields
    credentials = {field.name: storable(typed.get(field.name, "")).strip()[:MOST] for field in fields}
    if missing := [field for field, value in credentials.items() if not value]:
        raise FieldsMissing(missing)
    identity = source_with(services, store, name, credentials, timeout=WAITED, retries=0).identify()
    now = services.clock()
    with services.db.transaction(store.id) as session:
        store_by_id(session, store.id, lock=True)  # two people connecting at once draw two keys
        same = (ConnectedSource.name == name, ConnectedSource.account_ref == storable(identity.ref))
        row = session.scalar(sa.select(ConnectedSource).where(*same).with_for_update())
        if row is None:
            row = _new_source(session, services, store.id, name, identity, now)
        if row.closed_at is not None:
            _return_reviews(session, row)
        row.label = storable(identity.title)[:200]
        row.credentials = services.keyring.seal(credentials, store_id=store.id, purpose=CREDENTIALS)
        row.connected_at, row.closed_at = now, None
        _open(session, row, now=now)
        since = (now - FIRST_READING).isoformat()
        first = read_feed(feed_of(row.key, "import"), since)
        queue.enqueue(session, store.id, first, now=now)
        audit.note(session, now, audit.STAFF, "connect_source", f"source:{row.key}")
    return row


def find_source(session: Session, store_id: int, source_id: int, *, lock: bool = False) -> ConnectedSource:
    """Load a connected source, locked until the caller commits where asked. Raises SourceUnknown."""
    row = session.get(ConnectedSource, (store_id, source_id), with_for_update=lock or None)
    if row is None:
        raise SourceUnknown
    return row


def try_now(session: Session, row: ConnectedSource, *, now: datetime) -> None:
    """Try to get into a source that refuses now, because somebody asked for it."""
    if row.state != "refused":
        return
    new = NewJob("reviews.check_source", f"check_source:{row.id}", {"id": row.id, "tries": 0}, is_news=True)
    queue.enqueue(session, row.store_id, new, now=now)
    audit.note(session, now, audit.STAFF, "try_source", f"source:{row.key}")


def disconnect(session: Session, row: ConnectedSource, *, now: datetime) -> None:
    """Forget a source's credentials and stop reading it; asked again, nothing more happens.

    Its reviews leave the desk, since nobody could answer them from here, and stay in the database with what was
    answered, erased as all reviews are: the same account connected again has them back. A reply that waited is stuck.
    """
    if row.state == "closed":
        return
    row.state, row.state_reason, row.credentials, row.closed_at = "closed", "", b"", now
    mine = sa.select(Review.id).where(Review.source == row.key)
    waiting = sa.update(Reply).where(Reply.review_id.in_(mine), Reply.state == "waiting").values(state="stuck")
    session.execute(waiting, execution_options={"synchronize_session": False})
    left = sa.update(Review).where(Review.source == row.key, Review.gone_at.is_(None)).values(gone_at=now)
    session.execute(left, execution_options={"synchronize_session": False})
    for feed in _feeds(session, row):
        session.delete(feed)
    audit.note(session, now, audit.STAFF, "disconnect_source", f"source:{row.key}")


def check_source(work: Work) -> None:
    """Try a source that refuses: open it and let what waits for it go on, or try again later."""
    services: Services = work.services
    store, row = _load(work)
    if row is None or row.state != "refused" or row.name not in services.review_sources:
        return
    try:
        make_source(services, store, row).identify()
    except (PlatformError, Unsealable):
        with work.done() as session:
            promise_check(session, row, work.payload.get("tries", 0) + 1, now=work.now)
        return
    with work.done() as session:
        found = find_source(session, work.store_id, row.id, lock=True)
        if found.state == "refused" and found.credentials == row.credentials:
            _open(session, found, now=work.now)
            audit.note(session, work.now, "aftercare", "regain_source_access", f"source:{row.key}")


def prepare_source(work: Work) -> None:
    """Have a source's provider send its news to us."""
    services: Services = work.services
    store, row = _load(work)
    if row is None or row.state != "open" or not _has_webhooks(services, row.name):
        return
    hook = services.keyring.open_dict(row.hook, store_id=store.id, purpose=HOOK)
    url = f"{services.config.public_url}/sources/{row.name}/{hook['token']}"
    try:
        with closed_if_refused(services, row):
            make_source(services, store, row).prepare(SourceHook(url, hook["secret"]))
    except SourceNotOpen:
        return  # prepared again with the next credentials


def _has_webhooks(services: Services, name: str) -> bool:
    return name in services.review_sources and services.review_sources[name].has_webhooks


def _load(work: Work) -> tuple[Store, ConnectedSource | None]:
    with work.services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
        row = session.get(ConnectedSource, (work.store_id, work.payload["id"]))
    if store.state != "open":
        raise PauseStore(store.state_reason or f"the store is {store.state}")
    return store, row


def _new_source(
    session: Session, services: Services, store_id: int, name: str, identity: SourceIdentity, now: datetime
) -> ConnectedSource:
    keys = set(session.scalars(sa.select(ConnectedSource.key).where(ConnectedSource.name == name)))
    token, keyring = new_token(), services.keyring
    row = ConnectedSource(
        id=new_id(),
        key=name if name not in keys else next(k for n in range(2, len(keys) + 2) if (k := f"{name}-{n}") not in keys),
        name=name,
        account_ref=storable(identity.ref),
        hook_digest=keyring.digest(token, purpose=HOOK),
        hook=keyring.seal({"token": token, "secret": new_token(32)}, store_id=store_id, purpose=HOOK),
    )
    session.add(row)
    return row


def _open(session: Session, row: ConnectedSource, *, now: datetime) -> None:
    """Open a source and let what waits for it go on: its poll, the readings that had begun, and its replies."""
    row.state, row.state_reason = "open", ""
    session.flush()
    begun = [read_feed(feed.name, feed.since) for feed in _feeds(session, row) if feed.state == "reading"]
    mine = sa.select(Review.id).where(Review.source == row.key)
    replies = sa.select(Reply.id).where(Reply.state == "waiting", Reply.review_id.in_(mine))
    waiting = [tell_reply(reply, row.key) for reply in session.scalars(replies)]
    poll = read_feed(feed_of(row.key), now.isoformat())
    prepare = NewJob("reviews.prepare_source", f"prepare_source:{row.id}", {"id": row.id}, is_news=True)
    queue.enqueue(session, row.store_id, [poll, *begun, *waiting, prepare], now=now)


def _return_reviews(session: Session, row: ConnectedSource) -> None:
    """Let the reviews be seen again that left with the source; what its provider has deleted since is looked for."""
    left = sa.update(Review).where(Review.source == row.key, Review.gone_at == row.closed_at)
    session.execute(left.values(gone_at=None), execution_options={"synchronize_session": False})


def _feeds(session: Session, row: ConnectedSource) -> list[Feed]:
    named = session.scalars(sa.select(Feed).where(Feed.name.startswith("reviews@")).order_by(Feed.id))
    return [feed for feed in named if source_of(feed.name) == row.key]


JOBS = {"reviews.check_source": Kind(check_source), "reviews.prepare_source": Kind(prepare_source)}
