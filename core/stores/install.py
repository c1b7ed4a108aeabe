"""Connect, reconnect and uninstall stores."""

from __future__ import annotations

import secrets
import string
import zoneinfo
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.platform.contract import Installation
from core.secrets import new_token
from core.services import Services
from core.stores import audit
from core.stores.model import ConnectedSource, Feed, Store, StoreClaim
from core.stores.platform_access import store_by_id

IMPORTS = ("orders.import", "reviews.import")
"""The feeds of a store's first reading."""
_UNFINISHED = ("stuck", "waiting", "running", "paused")
_KEY_LETTERS = string.ascii_lowercase + string.digits


def connect(services: Services, platform: str, installation: Installation, *, moved: int | None = None) -> Store:
    """Create a store, or reconnect one with new credentials: its paused jobs resume.

    The first import begins where the store is new or had removed us; a closed one is read on from where it stopped. An
    import that had stopped with an error is tried again.
    `moved` is the id of a store that is at the installation's ref now: history, policy and settings stay, and its
    webhooks at the old ref are removed.
    """
    now = services.clock()
    with services.db.system(Purpose.FIND_STORE, write=False) as session:
        same = sa.select(Store.id).where(Store.platform == platform, Store.ref == installation.ref)
        known = moved or session.scalar(same)
    store_id = known or new_id()
    with services.db.transaction(store_id) as session:
        if known is None:
            store = _new_store(services, store_id, platform, installation, now)
            session.add(store)
            before = "uninstalled"
        else:
            # Locked: a job that lost the old keys must not close the store between our look and our commit.
            store = store_by_id(session, store_id, lock=True)
            before = store.state
        if store.ref != installation.ref:
            _leave(session, store, installation, now=now)
        _learn(services, store, installation)
        _give_forwarding_secret(services, store)
        store.state, store.state_reason, store.closed_at, store.connected_at = "open", "", None, now
        queue.resume(session, store_id, now=now)
        _retry_imports(session, store_id, now=now)
        queue.enqueue(session, store_id, [NewJob("stores.prepare", "prepare"), *_readings(before, now)], now=now)
        audit.note(session, now, platform, "connected" if known is None else "reconnected")
    return store


def _leave(session: Session, store: Store, installation: Installation, *, now: datetime) -> None:
    """Give a store its new ref, and promise to remove its webhooks at the old one."""
    before, sealed = store.ref, store.credentials.hex()
    store.ref = installation.ref
    codes = {"before": before[:200], "after": store.ref[:200]}
    audit.note(session, now, "aftercare", "move_store", codes=codes if " " not in before + store.ref else {})
    if sealed:
        new = NewJob("stores.leave_address", f"leave_address:{before}", {"ref": before, "credentials": sealed})
        queue.enqueue(session, store.id, new, now=now)


def _readings(before: str, now: datetime) -> list[NewJob]:
    """Give what has to be read of a store that was in this state before, "uninstalled" for a new one.

    A poll goes on where the last one ended, so a store that was closed loses nothing by it.
    """
    if before == "open":
        return []
    feeds = {"orders": now, "reviews": now}
    if before == "uninstalled":
        feeds |= dict.fromkeys(IMPORTS, now - timedelta(days=90))
    return [
        NewJob("changes.read", f"read:{name}", {"feed": name, "since": since.isoformat()})
        for name, since in feeds.items()
    ]


def _retry_imports(session: Session, store_id: int, *, now: datetime) -> None:
    """Let the imports that are stuck go on, save those that a later job has done or is doing."""
    done = session.scalars(sa.select(Feed.name).where(Feed.name.in_(IMPORTS), Feed.state == "idle")).all()
    keys = [f"read:{name}" for name in IMPORTS if name not in done]
    jobs = session.scalars(sa.select(Job).where(Job.key.in_(keys), Job.state.in_(_UNFINISHED)).order_by(Job.id)).all()
    under_way = {job.key for job in jobs if job.state != "stuck"}
    for job in jobs:
        if job.key not in under_way:
            queue.retry(session, store_id, job.id, now=now)


def _new_store(services: Services, store_id: int, platform: str, installation: Installation, now: datetime) -> Store:
    token, keyring = new_token(), services.keyring
    return Store(
        id=store_id,
        key="".join(secrets.choice(_KEY_LETTERS) for _ in range(16)),
        platform=platform,
        ref=installation.ref,
        name=installation.name,
        credentials=b"",
        secret=keyring.seal(new_token(32), store_id=store_id, purpose="secret"),
        hook_digest=keyring.digest(token, purpose="hook"),
        hook_token=keyring.seal(token, store_id=store_id, purpose="hook"),
        settings={"shipping": {"native_mails": dict.fromkeys(services.platforms[platform].native_mails, True)}},
        created_at=now,
    )


def _give_forwarding_secret(services: Services, store: Store) -> None:
    """Draw the store's second secret, once. The platform learns it with the next `Link` it is given."""
    if not store.forwarding_secret:
        sealed = services.keyring.seal(new_token(32), store_id=store.id, purpose="forwarding")
        store.forwarding_secret = sealed


def with_both_secrets(services: Services, store_id: int) -> Store:
    """Load a store that is about to be told of us; one connected before there were two secrets gets its second."""
    with services.db.transaction(store_id, write=False) as session:
        store = store_by_id(session, store_id)
    if store.forwarding_secret or store.state != "open":
        return store
    with services.db.transaction(store_id) as session:
        store = store_by_id(session, store_id, lock=True)
        _give_forwarding_secret(services, store)
    return store


def _learn(services: Services, store: Store, installation: Installation) -> None:
    sealed = services.keyring.seal(dict(installation.credentials), store_id=store.id, purpose="credentials")
    store.credentials = sealed
    store.renewal_lease, store.renewal_until = "", None  # a renewal of the old ones that is under way keeps nothing
    for name in ("name", "url", "email", "currency", "timezone", "language", "country"):
        setattr(store, name, getattr(installation, name) or getattr(store, name) or "")
    store.platform_id = installation.store_id or store.platform_id or ""
    if store.timezone not in zoneinfo.available_timezones():
        store.timezone = "UTC"


def uninstall(session: Session, store_id: int, *, now: datetime) -> None:
    """Note, once, that the merchant removed us: nothing is sent any more, privacy requests still act."""
    store = store_by_id(session, store_id, lock=True)
    if store.state == "uninstalled":
        return
    store.state, store.state_reason, store.closed_at = "uninstalled", "the merchant removed the app", None
    store.credentials = b""
    session.execute(sa.delete(StoreClaim))
    closed = {"state": "closed", "state_reason": "", "credentials": b"", "closed_at": now}
    session.execute(sa.update(ConnectedSource).where(ConnectedSource.state != "closed").values(closed))
    audit.note(session, now, store.platform, "uninstalled")
