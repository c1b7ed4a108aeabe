"""Find a store, unseal its secrets, open its platform, and use up one-time texts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import SYSTEM, new_id, table_of
from core.db.database import Database, insert
from core.db.purpose import Purpose
from core.jobs.queue import PauseStore
from core.platform.contract import NO_FACTS, Link, Platform, Request, StoreFacts, StoreKey
from core.platform.errors import BadSignature
from core.platform.http import open_session
from core.secrets import Keyring
from core.services import Services
from core.stores import renewal
from core.stores.call_buckets import StoreBuckets
from core.stores.model import Nonce, Store, StoreClaim

LONGEST_REF = 400
"""Characters of a name that a store is looked up by; refs are hosts and numbers."""
REMEMBERED = 60.0
"""Seconds a process remembers which store a key names."""
_MOST_REMEMBERED = 10_000
_ids: WeakKeyDictionary[Database, dict[str, tuple[float, int]]] = WeakKeyDictionary()
"""By database and key: until when it is remembered, and the store's id."""


class StoreNotFound(Exception):
    """No store here has this name."""


def store_by_id(session: Session, store_id: int, *, lock: bool = False) -> Store:
    """Load a store, locked until the caller commits where asked. Raises StoreNotFound."""
    store = session.get(Store, store_id, with_for_update=lock or None)
    if store is None:
        raise StoreNotFound
    return store


def store_by_key(services: Services, key: str) -> Store:
    """Find the store a shopper's address names. Raises StoreNotFound."""
    if not key.isalnum():  # also keeps out NUL, which PostgreSQL refuses
        raise StoreNotFound
    with services.db.system(Purpose.FIND_STORE, write=False) as session:
        store = session.scalar(sa.select(Store).where(Store.key == key[:64]))
    if store is None:
        raise StoreNotFound
    return store


def store_and_claim(session: Session, which: sa.ColumnElement[bool]) -> tuple[Store, str | None]:
    """Load a store, and in the same query the first address that says it is that store, until its owner has decided;
    None for none. Raises StoreNotFound."""
    claims = sa.select(StoreClaim.ref).where(StoreClaim.store_id == Store.id)
    first = claims.order_by(StoreClaim.found_at).limit(1).correlate(Store).scalar_subquery()
    found = session.execute(sa.select(Store, first).where(which)).first()
    if found is None:
        raise StoreNotFound
    return found[0], found[1]


def store_id_of(services: Services, key: str) -> int:
    """Give the id of the store a shopper's address names, remembered for a minute. Raises StoreNotFound.

    An id is all that may be remembered: settings and state are read where they count.
    """
    known = _ids.setdefault(services.db, {})
    until, store_id = known.get(key, (0.0, 0))
    if until > time.monotonic():
        return store_id
    store_id = store_by_key(services, key).id
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[key] = (time.monotonic() + REMEMBERED, store_id)
    return store_id


def may_name_store(name: str) -> bool:
    """Say whether a text that a stranger sent can be a store's ref or key; no database takes NUL or half a letter."""
    return 0 < len(name) <= LONGEST_REF and name.isprintable()


def is_named(name: str) -> sa.ColumnElement[bool]:
    """Give the condition for the store that has this name."""
    return Store.key == name if isinstance(name, StoreKey) else Store.ref == name


def store_named(services: Services, platform: str, name: str) -> Store | None:
    """Find the store that a platform's request names, by its key where the name is a `StoreKey`, else by its ref; None
    for one we do not know."""
    if not may_name_store(name):
        return None
    named = sa.select(Store).where(Store.platform == platform, is_named(name))
    with services.db.system(Purpose.FIND_STORE, write=False) as session:
        return session.scalar(named)


def open_platform(
    services: Services, store: Store, *, although_closed: bool = False, timeout: tuple[float, float] = (5, 30)
) -> Platform:
    """Give the store's platform, ready to be asked, its credentials renewed where they are over or soon will be.

    Raises PauseStore when the store is closed, unless asked for `although_closed`; always for one that removed us.
    Renewing asks the platform, so this must not run inside a transaction; it raises what the platform then says.
    `timeout` is (connect, read) in seconds; with less than the usual nothing is sent again, for somebody is waiting.
    """
    if store.state != "open" and not (although_closed and store.state == "closed"):
        raise PauseStore(store.state_reason or f"the store is {store.state}")
    platform = make_platform(services, store, timeout=timeout)
    if platform.renews and platform.renew_due(services.clock()):
        renewed = renewal.renew(services, store.id, make_platform, seen=store.credentials)
        platform = make_platform(services, renewed, timeout=timeout)
    return platform


def make_platform(services: Services, store: Store, *, timeout: tuple[float, float] = (5, 30)) -> Platform:
    """Give the store's platform with the credentials kept for it, whatever the store's state and their age."""
    credentials = services.keyring.open_dict(store.credentials, store_id=store.id, purpose="credentials")
    settings, facts = store.settings, facts_of(store)
    platform = platform_at(services, store.platform, store.ref, credentials, settings, facts=facts, timeout=timeout)
    platform.buckets = StoreBuckets(services, store.id)
    return platform


def platform_at(
    services: Services,
    name: str,
    ref: str,
    credentials: Mapping[str, str],
    settings: Mapping[str, Any],
    *,
    facts: StoreFacts = NO_FACTS,
    timeout: tuple[float, float] = (5, 30),
) -> Platform:
    """Give a platform's object for a ref and credentials that are not, or no longer, a store's own."""
    retries = 2 if timeout >= (5, 30) else 0
    session = open_session(allow=services.config.outbound_allow, timeout=timeout, retries=retries)
    app = app_settings_of(services, name)
    platform = services.platforms[name](ref, credentials, settings, session, app, facts)
    platform.paying_seconds = services.config.paying_seconds
    return platform


def facts_of(store: Store) -> StoreFacts:
    """Give what is known of a store, as its platform object is handed it."""
    return StoreFacts(**{fact.name: getattr(store, fact.name) or "" for fact in fields(StoreFacts)})


def app_settings_of(services: Services, platform: str) -> Mapping[str, str]:
    """Give what the environment sets for our app at a platform; "" for what it does not set."""
    return services.config.app_settings.get(platform, {})


def secret_of(services: Services, store: Store) -> str:
    """Unseal what the store signs its webhooks with."""
    return services.keyring.open_text(store.secret, store_id=store.id, purpose="secret")


def forwarding_secret_of(services: Services, store: Store) -> str:
    """Unseal what the store signs staff, shoppers and forwarded requests with.

    A store connected before there were two secrets signs with the first until the next check of its connection.
    """
    if not store.forwarding_secret:
        return secret_of(services, store)
    return services.keyring.open_text(store.forwarding_secret, store_id=store.id, purpose="forwarding")


def link_of(services: Services, store: Store) -> Link:
    """Say what the store has to know of us."""
    token = services.keyring.open_text(store.hook_token, store_id=store.id, purpose="hook")
    base = services.config.public_url
    return Link(
        core_url=base,
        store_key=store.key,
        hook_url=f"{base}/hooks/{store.platform}/{token}",
        secret=secret_of(services, store),
        forwarding_secret=forwarding_secret_of(services, store),
    )


def reconnect_url(services: Services, store: Store) -> str:
    """Give the address where the merchant connects this store again."""
    return f"{services.config.public_url}/install/{store.platform}?{urlencode({'store': store.ref})}"


def use_once(session: Session, keyring: Keyring, store_id: int, text: str, *, until: datetime) -> bool:
    """Use a one-time text; False when it was used before."""
    row = {
        "store_id": store_id,
        "id": new_id(),
        "digest": keyring.digest(text, purpose="nonce"),
        "expires_at": until,
    }
    table = table_of(Nonce)
    used = insert(session, table).values(row).on_conflict_do_nothing().returning(table.c.id)
    # Not rowcount: psycopg leaves it at -1 here (SQLAlchemy 2.1, 2026-11).
    return session.execute(used).first() is not None


def use_nonce(services: Services, store: Store, request: Request) -> None:
    """Use up the one-time text of a request whose signature was verified. Raises BadSignature when it was used before.

    Verified first, since strangers must not fill the table; a platform without nonces has nothing to use up.
    """
    _use_nonce(services, store.platform, store.id, request, prefix="request")


def use_nonce_of_stranger(services: Services, platform: str, request: Request) -> None:
    """Do the same for a request that was verified but names no store we know."""
    _use_nonce(services, platform, SYSTEM, request, prefix=f"request:{platform}")


def _use_nonce(services: Services, platform: str, store_id: int, request: Request, *, prefix: str) -> None:
    plugin = services.platforms[platform]
    nonce = plugin.nonce_of(request)
    if not nonce:
        return
    until = services.clock() + plugin.nonce_life
    with services.db.transaction(store_id) as session:
        if not use_once(session, services.keyring, store_id, f"{prefix}:{nonce}", until=until):
            raise BadSignature("this request was used before")
