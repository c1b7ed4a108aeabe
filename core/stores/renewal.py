"""Renew credentials that expire: one process at a time, outside any transaction, kept in one short one.

A platform's tokens may live an hour. Whoever needs a store's platform and finds them over takes a short lease on the
store's row, asks the platform and keeps all new credentials at once; whoever comes second waits for the first one's.
A process that dies in between leaves the old credentials and a lease that ends by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from core.db.base import table_of
from core.jobs.queue import PauseStore
from core.platform.contract import Platform
from core.platform.errors import AccessLost, Unavailable
from core.secrets import new_token
from core.services import Services
from core.stores.model import Store

Make = Callable[[Services, Store], Platform]
"""Makes a store's platform with the credentials kept for it."""
LEASE = timedelta(seconds=45)
"""Longer than a platform's call for tokens may take: 5 s to connect and 30 s to answer."""
PAUSE = 0.1
"""Seconds between looks at whether another process has renewed them."""
YOUNG = timedelta(minutes=10)
"""Credentials renewed so lately and refused all the same are not renewed once more: only the merchant can help."""
_stores = table_of(Store)


def renew(services: Services, store_id: int, make: Make, *, seen: bytes) -> Store:
    """Give the store with credentials other than `seen` (sealed): renewed by us, or by whoever was first.

    Raises AccessLost where the platform does not renew them, Unavailable where it cannot now or another process takes
    longer than its lease, PauseStore where the store removed us. Needs to be outside any transaction.
    """
    ends = time.monotonic() + 2 * LEASE.total_seconds()
    while True:
        store, lease = _take_lease(services, store_id, seen)
        if store.state == "uninstalled":
            raise PauseStore(store.state_reason or f"the store is {store.state}")
        if store.credentials != seen:
            return store
        if lease:
            return _renew_under(services, store, make, lease)
        if time.monotonic() > ends:
            raise Unavailable("another process is renewing the store's credentials", retry_after=LEASE.total_seconds())
        time.sleep(PAUSE)


def renew_refused(services: Services, store: Store, make: Make) -> bool:
    """Renew credentials that the platform refuses though they are not over; say whether there are others now.

    Once: where they were renewed within the last ten minutes, another renewal would bring the same refusal.
    """
    is_young = store.renewed_at is not None and services.clock() - store.renewed_at < YOUNG
    if not make(services, store).renews or is_young:
        return False
    try:
        return renew(services, store.id, make, seen=store.credentials).credentials != store.credentials
    except AccessLost:
        return False


def _take_lease(services: Services, store_id: int, seen: bytes) -> tuple[Store, str]:
    """Take the right to renew, if nobody has it and nobody was quicker; give the store, and the lease or ""."""
    with services.db.transaction(store_id) as session:
        now, lease = services.lease_time(session), new_token(12)
        free = sa.or_(_stores.c.renewal_until.is_(None), _stores.c.renewal_until <= now)
        taken = session.execute(
            sa.update(_stores)
            .where(_stores.c.id == store_id, _stores.c.state != "uninstalled", _stores.c.credentials == seen, free)
            .values(renewal_lease=lease, renewal_until=now + LEASE)
            .returning(_stores.c.id)
        ).first()
        return session.get_one(Store, store_id), lease if taken else ""


def _renew_under(services: Services, store: Store, make: Make, lease: str) -> Store:
    """Ask the platform and keep what it gives; the lease ends either way."""
    try:
        fresh = dict(make(services, store).renew())
    except BaseException:
        _keep(services, store.id, lease)
        raise
    sealed = services.keyring.seal(fresh, store_id=store.id, purpose="credentials")
    if not _keep(services, store.id, lease, credentials=sealed):
        raise Unavailable("the lease on the store's credentials ended before they were renewed", retry_after=1.0)
    with services.db.transaction(store.id, write=False) as session:
        return session.get_one(Store, store.id)


def _keep(services: Services, store_id: int, lease: str, *, credentials: bytes | None = None) -> bool:
    """End a lease, and keep the new credentials with it; False where the lease was no longer ours."""
    with services.db.transaction(store_id) as session:
        now = services.lease_time(session)
        new = {"credentials": credentials, "renewed_at": now} if credentials is not None else {}
        return (
            session.execute(
                sa.update(_stores)
                .where(_stores.c.id == store_id, _stores.c.renewal_lease == lease)
                .values(renewal_lease="", renewal_until=None, **new)
                .returning(_stores.c.id)
            ).first()
            is not None
        )
