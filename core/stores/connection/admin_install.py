"""Connect a store when its admin opens our page: some platforms hand over keys at that moment.

They do so for every page, and a second exchange may end what the first one gave. So the platform is asked only where
the store is unknown, has removed us or has no keys that work, and by one process at a time; whoever comes second
waits and finds the store connected.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa
import structlog

from core.db.base import SYSTEM
from core.jobs.queue import PauseStore
from core.platform.contract import Opening, Request, StoreKey
from core.platform.errors import AccessLost, BadSignature, NotSupported, PlatformError, Unavailable
from core.platform.http import open_session
from core.secrets import Unsealable
from core.services import Services
from core.stores.connection import access, moves
from core.stores.model import Nonce, Store, StoreClaim
from core.stores.platform_access import (
    StoreNotFound,
    app_settings_of,
    open_platform,
    store_named,
    use_nonce,
    use_nonce_of_stranger,
    use_once,
)

log = structlog.get_logger()

LEASE = timedelta(seconds=90)
"""How long one process may take to connect a store: an exchange of keys, and a look at a store that may have moved."""
PAUSE = 0.1
"""Seconds between looks at whether another process has connected it."""


def store_of_opening(services: Services, platform: str, opening: Opening, request: Request) -> Store | StoreClaim:
    """Give the store whose admin opened our page, connected with the page's keys where it has none that work.

    Uses up the request's one-time text. Calls the platform, so it must not run inside a transaction. A closed store
    is given as it is where the platform hands over nothing, or fails: its desk says what is wrong. Raises
    StoreNotFound for an unknown store where it hands over nothing, and what the platform says where it fails.
    """
    store = store_named(services, platform, opening.ref)
    may_be_new = services.platforms[platform].installs_on_opening and not isinstance(opening.ref, StoreKey)
    if store is None and not may_be_new:
        raise StoreNotFound
    if store is None:
        use_nonce_of_stranger(services, platform, request)
    else:
        use_nonce(services, store, request)
    if store is not None and not _needs_keys(services, store):
        return store
    with _turn(services, f"{platform}:{opening.ref}"):
        found = store_named(services, platform, opening.ref)  # another process may have connected it meanwhile
        if found is None or _needs_keys(services, found):
            connected = _connect(services, platform, opening, request, found)
        else:
            connected = found
    if store is None and isinstance(connected, Store):
        use_nonce(services, connected, request)  # from now on it is asked for there
    return connected


def _needs_keys(services: Services, store: Store) -> bool:
    """Say whether the store has no keys that work: asked, since a store that left and came back has others, and news
    of that may still be on its way."""
    if not services.platforms[store.platform].installs_on_opening:
        return False
    if store.state != "open" or not store.credentials:
        return True
    with services.db.transaction(store.id, write=False) as session:
        if access.is_in_doubt(session):
            return True
    try:
        open_platform(services, store, timeout=(2, 5)).check_access()
    except (AccessLost, Unsealable, PauseStore):
        return True
    except PlatformError:  # away for a moment: the keys are no worse than before
        return False
    return False


def _connect(
    services: Services, platform: str, opening: Opening, request: Request, known: Store | None
) -> Store | StoreClaim:
    http = open_session(allow=services.config.outbound_allow)
    try:
        made = services.platforms[platform].install_from(request, app_settings_of(services, platform), http)
        if made.ref != (known.ref if known else opening.ref):
            raise BadSignature("the keys are another store's than the page")
        return moves.admit(services, platform, made)
    except NotSupported:
        if known is None:
            raise StoreNotFound from None
        return known
    except BadSignature:
        raise
    except PlatformError as error:
        if known is None or known.state == "uninstalled":
            raise
        log.info("not_connected_on_opening", store=known.id, error=type(error).__name__)
        return known
    finally:
        http.close()


@contextmanager
def _turn(services: Services, name: str) -> Iterator[None]:
    """Wait until nobody else connects this store, and keep others waiting meanwhile; a turn nobody ends ends itself.

    Raises Unavailable where another process takes longer than its turn.
    """
    text, ends = f"connecting:{name}", time.monotonic() + LEASE.total_seconds()
    digests = services.keyring.digests(text, purpose="nonce")
    while True:
        with services.db.transaction(SYSTEM) as session:
            now = services.lease_time(session)
            session.execute(sa.delete(Nonce).where(Nonce.digest.in_(digests), Nonce.expires_at <= now))
            until = now + LEASE
            if use_once(session, services.keyring, SYSTEM, text, until=until):
                break
        if time.monotonic() > ends:
            raise Unavailable("another process is connecting this store", retry_after=PAUSE)
        time.sleep(PAUSE)
    try:
        yield
    finally:
        with services.db.transaction(SYSTEM) as session:
            mine = sa.and_(Nonce.digest.in_(digests), Nonce.expires_at == until)
            session.execute(sa.delete(Nonce).where(mine))
