"""What a webhook says: it is verified, and a promise to look is kept. The news itself is fetched afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders.sanitize import storable
from core.platform.snapshots import Change
from core.stores.model import Store

_FACTS = {"store", "privacy", "operation"}


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
    if change.resource == "return":  # "return:<id>" are jobs about returns of ours
        return NewJob("changes.refresh_return", f"native_return:{ref}", {"ref": ref}, is_news=True)
    return NewJob(f"changes.refresh_{change.resource}", f"{change.resource}:{ref}", {"ref": ref}, is_news=True)
