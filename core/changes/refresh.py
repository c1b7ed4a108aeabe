"""The jobs that news asks for: fetch one order or review and apply it, or act on a verified fact."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.changes import facts, feed_waits
from core.changes.apply import apply_orders
from core.jobs import claims, queue
from core.jobs.queue import Job, NewJob, Work
from core.orders import find
from core.orders.sync import order_sync as orders_sync
from core.platform.contract import Platform
from core.platform.errors import Refused, Unavailable
from core.platform.snapshots import Change, Gone, ReviewSnapshot
from core.privacy import retention
from core.returns.native import mirror
from core.reviews import sync as reviews_sync
from core.reviews.sources.open_source import SourceNotOpen, open_keeper, require_open
from core.services import Services
from core.stores import audit, install
from core.stores.connection import access
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
    """Fetch one review and apply what the store, or the source that keeps it, says. A source that is not open is read
    on once it opens."""
    source = work.payload.get("source", "")
    try:
        keeper = open_keeper(work.services, _store(work), source)
        asked_at = work.services.clock()
        found = keeper.fetch_review(work.payload["ref"])
        with work.done() as session:
            require_open(session, source)
            _apply_review(session, work, found, source, asked_at)
    except SourceNotOpen:
        return


def _apply_review(session: Session, work: Work, found: ReviewSnapshot | Gone, source: str, asked_at: datetime) -> None:
    if isinstance(found, Gone):
        reviews_sync.apply_gone(session, [found.ref], asked_at=asked_at, now=work.now)
        return
    key = partial(find.email_key, keyring=work.services.keyring)
    reviews_sync.apply(session, work.store_id, [found], asked_at=asked_at, email_key=key, source=source)


def act(work: Work) -> None:
    """Carry out verified facts that still hold: the app was removed, somebody's data must go, an operation ended."""
    services: Services = work.services
    change = facts.read(work.payload)
    if change.resource == "operation":
        with work.done() as session:
            feed_waits.wake_feeds(session, work.store_id, change.ref, now=work.now)
        return
    if change.resource == "return":  # promised before such news was fetched (2026-11)
        refresh_return(work)
        return
    with services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
    looks = work.payload.get("looks", 0)
    ruling = "holds" if work.payload.get("confirmed") else facts.judge(services, store, change, looks=looks)
    if ruling == "look_again":
        key, at = f"{work.job.key.partition(':look:')[0]}:look:{looks + 1}", work.now + access.LOOKS[looks + 1]
        again = NewJob("changes.act", key, {**work.payload, "looks": looks + 1}, at, once=True)
        with work.done() as session:
            queue.enqueue(session, work.store_id, again, now=work.now)
        return
    if ruling == "over":
        with work.done() as session:
            audit.note(session, work.now, store.platform, "ignore_fact", codes={"resource": change.resource})
            _forget_payload(session, work, change)
    elif ruling == "person":
        with work.done() as session:
            facts.open_case(session, services.keyring, change, origin=f"fact:{work.job.id}", now=work.now)
            _forget_payload(session, work, change)
    else:
        _carry_out(work, store, change)


def _forget_payload(session: Session, work: Work, change: Change) -> None:
    """Empty the payload of a request about a person, since it names them."""
    if change.resource == "privacy":
        session.execute(sa.update(Job).where(Job.id == work.job.id).values(payload={}))


def _carry_out(work: Work, store: Store, change: Change) -> None:
    if facts.is_uninstall(change):
        with work.done() as session:
            _uninstall(session, work, store)
    elif change.resource == "store" and change.facts.get("event") == "scopes_changed":
        with work.done() as session:  # what the store lacks now is asked there, and new webhooks are made
            queue.enqueue(session, work.store_id, NewJob("stores.prepare", "prepare", is_news=True), now=work.now)
    elif change.resource == "privacy" and change.facts.get("request") in retention.REQUESTS:
        if facts.is_store_erasure(change) and store.state != "uninstalled":
            with claims.step(work) as session:
                _uninstall(session, work, store)
        retention.carry_out(work)
    else:
        raise Refused(f"This needs a person: the platform sent a {change.resource} request that is not automated yet.")


def _uninstall(session: Session, work: Work, store: Store) -> None:
    """Note that the store has left, unless it was connected again since the fact was judged: then judge anew."""
    if store_by_id(session, work.store_id, lock=True).connected_at != store.connected_at:
        raise Unavailable("the store was connected again meanwhile", retry_after=1.0)
    install.uninstall(session, work.store_id, now=work.now)


def _open(work: Work) -> tuple[Store, Platform]:
    store = _store(work)
    return store, open_platform(work.services, store)


def _store(work: Work) -> Store:
    with work.services.db.transaction(work.store_id, write=False) as session:
        return store_by_id(session, work.store_id)
