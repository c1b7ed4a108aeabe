"""What is kept for how long (ended jobs, used nonces, counted tries), and what a store's row holds sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.purpose import Purpose
from core.jobs.prune import prune as prune_jobs
from core.jobs.queue import Kind, Work
from core.secrets import Keyring, Unsealable
from core.stores.exports.model import ListExport, ListExportPart
from core.stores.model import ConnectedSource, Nonce, Store, StoreClaim, Throttle

PRUNED = 5000
JOBS_KEPT = timedelta(days=14)
CLAIMS_KEPT = timedelta(days=30)
_PURPOSES = {
    "credentials": "credentials",
    "secret": "secret",
    "forwarding_secret": "forwarding",
    "hook_token": "hook",
}
SOURCE_PURPOSES = {"credentials": "review_source", "hook": "review_hook"}
"""What of a connected source's row is sealed, and for which purpose."""


def prune(work: Work) -> None:
    """Forget what has ended or expired; a `system()` transaction, for it clears every store's."""
    forgotten = PRUNED
    while forgotten == PRUNED:  # a batch a transaction: news need not wait behind a large one
        with work.services.db.system(Purpose.DELETE_EXPIRED) as session:
            forgotten = prune_jobs(session, before=work.now - JOBS_KEPT, limit=PRUNED)
    with work.services.db.system(Purpose.DELETE_EXPIRED) as session:
        session.execute(sa.delete(Nonce).where(Nonce.expires_at < work.now))
        session.execute(sa.delete(StoreClaim).where(StoreClaim.found_at < work.now - CLAIMS_KEPT))
        for export in (ListExportPart, ListExport):
            session.execute(sa.delete(export).where(export.expires_at <= work.now))
        session.execute(sa.delete(Throttle).where(Throttle.expires_at < work.now))


def renew_seals(session: Session, store_id: int, keyring: Keyring) -> int:
    """Seal what the store's row holds with the first key; 1 when something changed."""
    # Locked: credentials a plugin renews meanwhile must not be overwritten with the ones read here.
    store = session.get(Store, store_id, with_for_update=True)
    if store is None:
        return 0
    opened = _open_all(store, keyring)  # without what a key that left has sealed: a reconnect mends that
    for name, plain in opened.items():
        if keyring.needs_resealing(getattr(store, name)):
            setattr(store, name, keyring.seal(plain, store_id=store_id, purpose=_PURPOSES[name]))
    if "hook_token" in opened:
        store.hook_digest = keyring.digest(opened["hook_token"].decode(), purpose="hook")
    changed = int(session.is_modified(store))  # looked at first: the queries below write it
    return changed + _renew_claims(session, store_id, keyring) + _renew_sources(session, store_id, keyring)


def _renew_claims(session: Session, store_id: int, keyring: Keyring) -> int:
    renewed = 0
    for claim in session.scalars(sa.select(StoreClaim).with_for_update()):
        with suppress(Unsealable):
            if keyring.needs_resealing(claim.credentials):
                plain = keyring.open(claim.credentials, store_id=store_id, purpose="credentials")
                claim.credentials = keyring.seal(plain, store_id=store_id, purpose="credentials")
                renewed += 1
    return renewed


def _renew_sources(session: Session, store_id: int, keyring: Keyring) -> int:
    renewed = 0
    for source in session.scalars(sa.select(ConnectedSource).with_for_update()):
        for name, purpose in SOURCE_PURPOSES.items():
            blob = getattr(source, name)
            if not blob or not keyring.needs_resealing(blob):
                continue
            with suppress(Unsealable):
                plain = keyring.open(blob, store_id=store_id, purpose=purpose)
                setattr(source, name, keyring.seal(plain, store_id=store_id, purpose=purpose))
                if name == "hook":
                    source.hook_digest = keyring.digest(json.loads(plain)["token"], purpose=purpose)
        renewed += int(session.is_modified(source))
    return renewed


def sealed_in(store: Store) -> Mapping[str, bytes]:
    """Give a store's sealed values by column, without the empty ones of a store that left."""
    return {name: blob for name in _PURPOSES if (blob := getattr(store, name))}


def is_unreadable(store: Store, keyring: Keyring) -> bool:
    """Say whether a key that is not in the ring sealed something of the store's."""
    return _open_all(store, keyring).keys() != sealed_in(store).keys()


def _open_all(store: Store, keyring: Keyring) -> dict[str, bytes]:
    opened = {}
    for name, blob in sealed_in(store).items():
        with suppress(Unsealable):
            opened[name] = keyring.open(blob, store_id=store.id, purpose=_PURPOSES[name])
    return opened


JOBS = {"clock.prune": Kind(prune, attempts=1)}
