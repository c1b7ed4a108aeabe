"""What a webhook says: it is verified, and a promise to look is kept. The news itself is fetched afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders.sanitize import storable
from core.platform.snapshots import Change
from core.secrets import Keyring
from core.stores.model import Store
from core.stores.platform_access import use_once

_FACTS = {"store", "privacy", "operation"}
EVENT_LIFE = timedelta(days=30)
"""How long the id of an event is remembered. Platforms send an event again for a day; a fact that is not signed and
older than this is not taken in, since nobody could say whether it was sent before."""


def record(
    session: Session, store: Store, changes: Sequence[Change], body: bytes, *, keyring: Keyring, now: datetime
) -> int:
    """Promise to look at what changed, in the delivery's transaction; give how many promises were new.

    A fact whose event was delivered before is left out, and one that is not signed without its event's id and time.
    """
    if store.state == "uninstalled" and _is_uninstalled(session, store.id):
        changes = [change for change in changes if change.resource in _FACTS]
    changes = [change for change in changes if not _is_unheld(change, now)]
    until = now + EVENT_LIFE
    events = sorted({change.event_id for change in changes if needs_record(change)} - {""})
    texts = {event: f"event:{storable(event)}" for event in events}
    used = {event for event in events if not use_once(session, keyring, store.id, texts[event], until=until)}
    new = [change for change in changes if not (needs_record(change) and change.event_id in used)]
    return queue.enqueue(session, store.id, promises(new, body), now=now)


def needs_record(change: Change) -> bool:
    """Say whether a change has to be held against what was delivered before, so that only `record` may take it in.

    What is fetched afterwards may be told any number of times.
    """
    return change.resource in _FACTS and (change.event_id != "" or not change.is_signed)


def _is_unheld(change: Change, now: datetime) -> bool:
    """Say whether a fact that is not signed cannot be held against earlier ones: without id or time, or too old."""
    if change.resource not in _FACTS or change.is_signed:
        return False
    return change.event_id == "" or change.occurred_at is None or now - change.occurred_at > EVENT_LIFE


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
        facts: dict[str, Any] = {"resource": change.resource, "ref": change.ref, "facts": dict(change.facts)}
        facts |= {"occurred_at": moment, "event_id": change.event_id, "is_signed": change.is_signed}
        return NewJob("changes.act", key, storable(facts), once=True)
    ref = storable(change.ref)  # one ref the database refuses would take every delivery of its commit along
    if change.resource == "return":  # "return:<id>" are jobs about returns of ours
        return NewJob("changes.refresh_return", f"native_return:{ref}", {"ref": ref}, is_news=True)
    return NewJob(f"changes.refresh_{change.resource}", f"{change.resource}:{ref}", {"ref": ref}, is_news=True)
