"""Applies what stores say about orders. Webhook, poll, first import and repair all end in `apply`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.bulk import insert_rows, update_rows
from core.jobs.freshness import is_known_later
from core.orders.model import Order, Shipment
from core.orders.presenter.search_source import ORDER
from core.orders.sanitize import storable
from core.orders.sync.anonymize import anonymize
from core.orders.sync.child_rows import write_children
from core.orders.sync.order_rows import Row, order_row, prepare_snapshot
from core.platform.snapshots import OrderSnapshot
from core.search.changes import note_change

_orders = table_of(Order)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A snapshot, when we asked for it, and which earlier moment it is from, where the store had made it before."""

    snapshot: OrderSnapshot
    at: datetime
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class _RowContext:
    """What a row is made with besides its snapshot."""

    store_id: int
    statuses: Mapping[str, str]
    email_key: Callable[[str], str]
    now: datetime


@dataclass(frozen=True, slots=True)
class _ChangedOrder:
    """A snapshot that is not what is stored, with its digest."""

    snapshot: OrderSnapshot
    asked_at: datetime
    as_of: datetime | None
    digest: str

    def row(self, context: _RowContext) -> Row:
        key = context.email_key(self.snapshot.email)
        order, at, digest = self.snapshot, self.as_of or self.asked_at, self.digest
        return order_row(context.store_id, order, at=at, digest=digest, email_key=key, now=context.now)

    def anonymized(self, context: _RowContext) -> _ChangedOrder:
        order, digest = prepare_snapshot(anonymize(self.snapshot), context.statuses)
        return replace(self, snapshot=order, digest=digest)


def apply(
    session: Session,
    store_id: int,
    fetched: Sequence[Fetched],
    *,
    statuses: Mapping[str, str],
    email_key: Callable[[str], str],
    now: datetime,
) -> list[int]:
    """Store snapshots; give the ids of the orders that changed.

    A snapshot older than the row is ignored, one that says nothing new costs one look. Of two snapshots of one order
    in `fetched` the newer counts. An order whose shopper was erased is stored without its shopper.
    """
    session.flush()  # what follows goes past the session
    context = _RowContext(store_id, statuses, email_key, now)
    news, known = _find_changed(session, _newest_of(fetched), context)
    new = _insert_new(session, {ref: one for ref, one in news.items() if ref not in known}, context)
    changed = _update_older(session, {ref: one for ref, one in news.items() if ref not in new}, context)
    orders = {id_: news[ref].snapshot for ref, id_ in new.items()} | {id_: one.snapshot for id_, one in changed.items()}
    if orders:
        write_children(session, store_id, orders, old=changed, statuses=statuses, now=now)
        note_change(session, ORDER, orders)
    return list(orders)


def apply_gone(
    session: Session, refs: Iterable[str], *, asked_at: datetime, now: datetime, as_of: datetime | None = None
) -> list[int]:
    """Mark orders their store no longer has; give the ids of those that were still here.

    What was fetched after we asked, or after `as_of` where this was known earlier, stays: the store has it again.
    """
    named = list(refs)
    if not named:
        return []
    here = sa.select(Order.id).where(Order.ref.in_(named), Order.gone_at.is_(None))
    older = here.where(~is_known_later(Order.fetched_at, asked_at, as_of))
    ids = list(session.scalars(older.with_for_update()))
    if ids:
        session.execute(sa.update(Order).where(Order.id.in_(ids)).values(gone_at=now, fetched_at=as_of or asked_at))
        session.execute(sa.update(Shipment).where(Shipment.order_id.in_(ids)).values(check_after=None))
        note_change(session, ORDER, ids)
    return ids


def touch(session: Session, refs: Iterable[str], *, asked_at: datetime, as_of: datetime | None = None) -> None:
    """Note that the store listed these orders when we asked, or earlier (`as_of`); what a full listing leaves untouched
    may be gone."""
    session.execute(
        sa.update(Order)
        .where(Order.ref.in_(list(refs)), ~is_known_later(Order.fetched_at, asked_at, as_of))
        .values(fetched_at=as_of or asked_at)
    )


def _newest_of(fetched: Iterable[Fetched]) -> dict[str, Fetched]:
    newest: dict[str, Fetched] = {}
    for item in fetched:
        ref = storable(item.snapshot.ref)
        if ref not in newest or _age(item) >= _age(newest[ref]):
            newest[ref] = item
    return newest


def _age(item: Fetched) -> tuple[datetime, datetime]:
    return item.snapshot.updated_at, item.as_of or item.at


def _find_changed(
    session: Session, newest: Mapping[str, Fetched], context: _RowContext
) -> tuple[dict[str, _ChangedOrder], frozenset[str]]:
    """Leave out what is stored just so; give the rest, and the refs of the orders that are here.

    Looked at without a lock: whoever is changing such an order at this moment has newer news than this.
    """
    chosen = sa.select(_orders.c.ref, _orders.c.digest, _orders.c.gone_at)
    mine = _orders_with_refs(session, context.store_id, newest)
    known = {row.ref: row for row in session.connection().execute(chosen.where(mine))} if newest else {}
    news = {}
    for ref, item in newest.items():
        (order, digest), old = prepare_snapshot(item.snapshot, context.statuses), known.get(ref)
        if old is None or old.digest != digest or old.gone_at is not None:
            news[ref] = _ChangedOrder(order, item.at, item.as_of, digest)
    return news, frozenset(known)


def _orders_with_refs(session: Session, store_id: int, refs: Iterable[str]) -> sa.ColumnElement[bool]:
    """Give the condition that an order is one of these; one parameter where the engine has lists."""
    one_of: sa.ColumnElement[bool] = _orders.c.ref.in_(list(refs))
    if session.get_bind().dialect.name == "postgresql":
        one_of = _orders.c.ref == sa.func.any(sa.bindparam(None, list(refs), ARRAY(sa.Text), unique=True))
    return sa.and_(_orders.c.store_id == store_id, one_of)


def _insert_new(session: Session, news: Mapping[str, _ChangedOrder], context: _RowContext) -> dict[str, int]:
    """Insert orders; give the ids by ref of those that nobody else inserted meanwhile."""
    rows = [one.row(context) for one in news.values()]
    return {row.ref: row.id for row in insert_rows(session, _orders, rows, _skip_existing)} if rows else {}


def _skip_existing(new: Any) -> Any:
    fresh = new.on_conflict_do_nothing(index_elements=["store_id", "ref"])
    return fresh.returning(_orders.c.ref, _orders.c.id)


def _update_older(
    session: Session, news: Mapping[str, _ChangedOrder], context: _RowContext
) -> dict[int, _ChangedOrder]:
    """Update the rows that are older than what is said of them; give what was stored by id.

    Whose shopper was erased loses it here: only under the row's lock is that known.
    """
    if not news:
        return {}
    times = "updated_at fetched_at gone_at erased_at status_seen_at".split()
    known = sa.select(*(_orders.c[name] for name in ["id", "ref", "status", "digest", *times])).with_for_update()
    mine = _orders_with_refs(session, context.store_id, news)
    rows, stored = [], {}
    for old in session.connection().execute(known.where(mine)).all():
        one = news[old.ref] if old.erased_at is None else news[old.ref].anonymized(context)
        if not _is_newer(one, old):
            continue
        row = {name: value for name, value in one.row(context).items() if name not in _KEPT_COLUMNS} | {"id": old.id}
        if row["status"] == old.status:
            row["status_seen_at"] = old.status_seen_at
        rows.append(row)
        stored[old.id] = one
    update_rows(session, _orders, context.store_id, rows)
    return stored


_KEPT_COLUMNS = frozenset({"store_id", "late", "return_open", "link_version", "seen_at"})


def _is_newer(one: _ChangedOrder, old: Any) -> bool:
    if one.snapshot.updated_at < old.updated_at:
        return False
    is_known = is_known_later(old.fetched_at, one.asked_at, one.as_of)
    if is_known and (one.snapshot.updated_at == old.updated_at or old.gone_at):
        return False  # the row says what was asked for later, or: listed before it was deleted
    return one.digest != old.digest or old.gone_at is not None
