"""Writes what hangs on orders: lines, parcels and their scans, for a page of orders in a few statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.bulk import id_in, insert_new, insert_rows
from core.orders.model import LineItem, Shipment, TrackingEvent
from core.orders.sync.order_rows import Row, line_row, parcel_row, scan_row
from core.orders.sync.parcels import parcels_of
from core.platform.snapshots import OrderSnapshot

Orders = Mapping[int, OrderSnapshot]
"""Snapshots by the id of their order."""

_IDENTITY_COLUMNS = {"store_id", "id", "order_id", "ref"}
_SHIPPING_COLUMNS = set(
    "promised_from promised_by promise_source expected_earliest expected_likely expected_latest expected_source late"
    " answer answered_at check_after".split()
)
"""Columns the shipping slice fills; a new row starts empty, an old one keeps them."""
_FIRST_SEEN_COLUMNS = {"seen_at", "status_seen_at"}
_parcels = table_of(Shipment)


def write_children(
    session: Session, store_id: int, orders: Orders, *, old: Iterable[int], statuses: Mapping[str, str], now: datetime
) -> None:
    """Make the lines, parcels and scans of these orders what their snapshots say; `old` may have some already."""
    before = list(old)
    _write_lines(session, store_id, orders, before)
    _write_parcels(session, store_id, orders, before, statuses, now)


def _write_lines(session: Session, store_id: int, orders: Orders, old: Sequence[int]) -> None:
    rows = [
        line_row(store_id, order_id, place, line)
        for order_id, order in orders.items()
        for place, line in enumerate(order.lines)
    ]
    _replace(session, store_id, table_of(LineItem), rows, old, _MERGE_LINES)


def _write_parcels(
    session: Session, store_id: int, orders: Orders, old: Sequence[int], statuses: Mapping[str, str], now: datetime
) -> None:
    rows, events = [], []
    for order_id, order in orders.items():
        for parcel in parcels_of(order, statuses):
            row = parcel_row(store_id, order_id, parcel, now)
            rows.append(row)
            events += [(order_id, row["ref"], event) for event in parcel.shipment.events]
    if old:
        _keep_renamed_parcels(session, store_id, rows, old)
        scans = table_of(TrackingEvent)
        mine = sa.and_(scans.c.store_id == store_id, id_in(session, scans.c.order_id, old))
        session.connection().execute(sa.delete(scans).where(mine))
    written = _replace(session, store_id, _parcels, rows, old, _MERGE_PARCELS)
    ids = {(row.order_id, row.ref): row.id for row in written}
    found = [scan_row(store_id, order_id, ids[order_id, ref], event) for order_id, ref, event in events]
    if found:
        insert_new(session, table_of(TrackingEvent), found)


def _keep_renamed_parcels(session: Session, store_id: int, rows: Sequence[Row], old: Sequence[int]) -> None:
    """Keep the row of a parcel whose ref changed but not its tracking number: it is the parcel we told of.

    A WooCommerce parcel moves from an order's tracking meta to a fulfillment, which has an id of its own.
    """
    here = _existing_children(session, store_id, _parcels, old, _parcels.c.tracking_number)
    named = {(row["order_id"], row["ref"]) for row in rows}
    known = {(row.order_id, row.ref) for row in here}
    orphans = {
        (row.order_id, row.tracking_number): row.id
        for row in here
        if row.tracking_number and (row.order_id, row.ref) not in named
    }
    for row in rows:
        same = orphans.pop((row["order_id"], row["tracking_number"]), None)
        if same is not None and (row["order_id"], row["ref"]) not in known:
            this = sa.and_(_parcels.c.store_id == store_id, _parcels.c.id == same)
            session.connection().execute(sa.update(_parcels).where(this).values(ref=row["ref"]))


def _replace(
    session: Session, store_id: int, table: sa.Table, rows: Iterable[Row], old: Sequence[int], merge: Any
) -> Sequence[Any]:
    """Make the children of these orders equal to `rows`: same ref keeps its id, vanished ones go. Give what is there.

    Of two with one ref the last counts: a plugin that names two alike must not stop the page they are on.
    """
    stay = {(row["order_id"], row["ref"]): row for row in rows}
    here = _existing_children(session, store_id, table, old) if old else ()
    gone = [row.id for row in here if (row.order_id, row.ref) not in stay]
    if gone:
        session.connection().execute(
            sa.delete(table).where(table.c.store_id == store_id, id_in(session, table.c.id, gone))
        )
    return insert_rows(session, table, list(stay.values()), merge) if stay else ()


def _existing_children(
    session: Session, store_id: int, table: sa.Table, order_ids: Sequence[int], *more: Any
) -> Sequence[Any]:
    """Read id, order and ref of the children of some orders."""
    chosen = sa.select(table.c.id, table.c.order_id, table.c.ref, *more)
    mine = sa.and_(table.c.store_id == store_id, id_in(session, table.c.order_id, order_ids))
    return session.connection().execute(chosen.where(mine)).all()


def _merge(kept: set[str], new: Any) -> Any:
    """Complete an INSERT of children: one that is there is overwritten, but for `kept`."""
    table, new_values = new.table, new.excluded
    values = {column.name: new_values[column.name] for column in table.c if column.name not in kept}
    if "status_seen_at" in kept:
        values["status_seen_at"] = sa.case(
            (table.c.status == new_values.status, table.c.status_seen_at), else_=new_values.status_seen_at
        )
    merged = new.on_conflict_do_update(index_elements=["store_id", "order_id", "ref"], set_=values)
    return merged.returning(table.c.id, table.c.order_id, table.c.ref)


_MERGE_LINES = partial(_merge, _IDENTITY_COLUMNS)
_MERGE_PARCELS = partial(_merge, _IDENTITY_COLUMNS | _SHIPPING_COLUMNS | _FIRST_SEEN_COLUMNS)
