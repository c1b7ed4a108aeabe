"""What is kept and for how long: ended jobs, used nonces, counted tries; and under which key it is sealed.

A new key is put in front of AFTERCARE_SECRET_KEYS while the old one stays behind it. From then on every store is
walked over in batches: what an older key sealed or digested is sealed and digested with the first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import Base
from core.db.purpose import Purpose
from core.jobs import ended_jobs, queue
from core.jobs.queue import Kind, NewJob, Work
from core.secrets import Keyring, Unsealable
from core.services import Services
from core.stores import audit
from core.stores.model import Nonce, Store, Throttle

PRUNED = 5000
JOBS_KEPT = timedelta(days=14)
BATCH = 500
"""Rows of one transaction of a walk: some tens of milliseconds, in which their orders cannot change."""
RESEALED = "sealed with the new key"
"""What the audit log says when a walk changed something."""
_PURPOSES = {
    "credentials": "credentials",
    "secret": "secret",
    "forwarding_secret": "forwarding",
    "hook_token": "hook",
}


def prune(work: Work) -> None:
    """Forget what has ended or expired; a `system()` transaction, for it clears every store's."""
    forgotten = PRUNED
    while forgotten == PRUNED:  # a batch a transaction: news need not wait behind a large one
        with work.services.db.system(Purpose.DELETE_EXPIRED) as session:
            forgotten = ended_jobs.prune(session, before=work.now - JOBS_KEPT, limit=PRUNED)
    with work.services.db.system(Purpose.DELETE_EXPIRED) as session:
        session.execute(sa.delete(Nonce).where(Nonce.expires_at < work.now))
        session.execute(sa.delete(Throttle).where(Throttle.expires_at < work.now))


def reseal(work: Work) -> None:
    """Promise a walk over every store, closed ones too, for as long as there is an older key."""
    services: Services = work.services
    if len(services.config.keys) < 2:
        return
    with services.db.system(Purpose.LIST_STORES, write=False) as session:
        store_ids = session.scalars(sa.select(Store.id)).all()
    for store_id in store_ids:
        with services.db.transaction(store_id) as session:
            queue.enqueue(session, store_id, NewJob("stores.reseal", "reseal"), now=work.now)


def reseal_store(work: Work) -> None:
    """Renew one batch of a store and promise the next; the last notes in the audit log how many rows changed.

    The payload says after which order the batch begins, and what the walk has changed so far. Run twice, the second
    finds nothing to do.
    """
    keyring: Keyring = work.services.keyring
    after, changed = work.payload.get("after", 0), work.payload.get("changed", 0)
    with work.done() as session:
        if not after:
            changed += _renew_seals(session, work.store_id, keyring)
        rows, last = read_digests(session, work.store_id, after)
        changed += renew_digests(session, work.store_id, keyring, rows)
        if last:
            rest = NewJob("stores.reseal", "reseal", {"after": last, "changed": changed})
            queue.enqueue(session, work.store_id, rest, now=work.now)
        elif changed:
            audit.note(session, work.now, "aftercare", RESEALED, {"rows": changed})


def _renew_seals(session: Session, store_id: int, keyring: Keyring) -> int:
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
    return int(session.is_modified(store))


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


def renew_digests(session: Session, store_id: int, keyring: Keyring, rows: Sequence[Any]) -> int:
    """Digest the addresses of what `read_digests` gave with the first key; give how many were stale."""
    fresh = [(id_, was, digest_address(email, keyring)) for id_, email, was in rows]
    stale = [{"its_id": id_, "was": was, "now": now} for id_, was, now in fresh if was != now]
    if stale:
        orders = _orders()
        # Only where it still says what was read: a snapshot applied meanwhile brought its own digest.
        mine = sa.and_(orders.c.store_id == store_id, orders.c.id == sa.bindparam("its_id"))
        renewed = sa.update(orders).where(mine, orders.c.email_key == sa.bindparam("was"))
        session.connection().execute(renewed.values(email_key=sa.bindparam("now")), stale)
    return len(stale)


def count_stale_digests(session: Session, store_id: int, keyring: Keyring) -> int:
    """Count the orders whose address was digested with another key than the first. Reads every order of the store."""
    stale, after = 0, 0
    while True:
        rows, after = read_digests(session, store_id, after)
        stale += sum(key != digest_address(email, keyring) for _, email, key in rows)
        if not after:
            return stale


def read_digests(session: Session, store_id: int, after: int) -> tuple[list[Any], int]:
    """Read the next batch of (id, address, digest) of a store's orders, and the id it ends with: 0 for the last."""
    orders = _orders()
    wanted = sa.select(orders.c.id, orders.c.email, orders.c.email_key)
    wanted = wanted.where(orders.c.store_id == store_id, orders.c.id > after).order_by(orders.c.id).limit(BATCH)
    rows = list(session.execute(wanted))
    return rows, rows[-1].id if len(rows) == BATCH else 0


def _orders() -> sa.Table:
    # By its name: stores are below orders on the map and cannot import them.
    return Base.metadata.tables["orders"]


def digest_address(email: str, keyring: Keyring) -> str:
    """Digest an address as `orders.find.email_key` does; a test holds the two together."""
    plain = unicodedata.normalize("NFKC", email).strip().casefold()
    return keyring.digest(plain[:320], purpose="email") if plain else ""


JOBS = {
    "clock.prune": Kind(prune, attempts=1),
    "clock.reseal": Kind(reseal, attempts=1),
    "stores.reseal": Kind(reseal_store),
}
