"""The jobs that news asks for: fetch one order or review and apply it, or act on a verified fact."""

from __future__ import annotations

from functools import partial

from core.changes.apply import apply_orders
from core.jobs.queue import Work
from core.orders import find
from core.orders.sync import order_sync as orders_sync
from core.platform.contract import Platform
from core.platform.errors import Refused
from core.platform.snapshots import Gone
from core.privacy import retention
from core.returns.native import mirror
from core.reviews import sync as reviews_sync
from core.stores import install
from core.stores.model import Store
from core.stores.platform_access import open_platform, store_by_id


def refresh_order(work: Work) -> None:
    """Fetch one order and apply what the store says."""
    store, platform = _open(work)
    _refresh(work, store, platform, work.payload["ref"])


def refresh_return(work: Work) -> None:
    """Fetch the order of one of the platform's own returns: what it says of the return is followed here."""
    store, platform = _open(work)
    ref = work.payload["ref"]
    with work.services.db.transaction(work.store_id, write=False) as session:
        order_ref = mirror.order_of(session, ref)
    order_ref = order_ref or platform.order_of_return(ref)
    if order_ref:  # none: the return is gone again, and was never seen here
        _refresh(work, store, platform, order_ref)


def _refresh(work: Work, store: Store, platform: Platform, ref: str) -> None:
    asked_at = work.services.clock()
    found = platform.fetch_order(ref)
    with work.done() as session:
        if isinstance(found, Gone):
            orders_sync.apply_gone(session, [found.ref], asked_at=asked_at, now=work.now)
        else:
            apply_orders(session, work.services, store, [found], asked_at=asked_at, now=work.now)


def refresh_review(work: Work) -> None:
    """Fetch one review and apply what the store says."""
    store, platform = _open(work)
    asked_at = work.services.clock()
    found = platform.fetch_review(work.payload["ref"])
    with work.done() as session:
        if isinstance(found, Gone):
            reviews_sync.apply_gone(session, [found.ref], asked_at=asked_at, now=work.now)
        else:
            key = partial(find.email_key, keyring=work.services.keyring)
            reviews_sync.apply(session, store.id, [found], asked_at=asked_at, email_key=key)


def act(work: Work) -> None:
    """Carry out verified facts: the app was removed, somebody's data must go."""
    resource, facts = work.payload["resource"], work.payload["facts"]
    if resource == "store" and facts.get("event") == "uninstalled":
        with work.done() as session:
            install.uninstall(session, work.store_id, now=work.now)
        return
    if resource == "privacy" and facts.get("request") in retention.REQUESTS:
        retention.carry_out(work)
        return
    if resource == "return":  # promised before such news was fetched (2026-11)
        refresh_return(work)
        return
    raise Refused(f"This needs a person: the platform sent a {resource} request that is not automated yet.")


def _open(work: Work) -> tuple[Store, Platform]:
    with work.services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
    return store, open_platform(work.services, store)
