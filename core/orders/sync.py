"""Applies what stores say about orders. Webhook, poll, first import and repair all end in `apply`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db import insert, new_id
from core.orders import find
from core.orders.erased import without_person
from core.orders.model import LineItem, Order, Shipment, TrackingEvent
from core.orders.parcels import Parcel, parcels_of
from core.orders.text import storable, web_url
from core.platform.snapshots import OrderSnapshot, RefundSnapshot, TrackingStatus

_FORM = "2"
"""Part of every digest: raise it when this module stores the same snapshot differently."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A snapshot and the moment we asked for it."""

    snapshot: OrderSnapshot
    at: datetime


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
    newest: dict[str, Fetched] = {}
    for item in fetched:
        ref = storable(item.snapshot.ref)
        if ref not in newest or _age(item) >= _age(newest[ref]):
            newest[ref] = item
    row_of = partial(_order_row, store_id, statuses=statuses, email_key=email_key, now=now)
    changed = _upsert_orders(session, newest, row_of)
    if changed:
        _write_lines(session, store_id, newest, changed)
        _write_parcels(session, store_id, newest, changed, statuses, now)
    return list(changed.values())


def apply_gone(session: Session, refs: Iterable[str], *, asked_at: datetime, now: datetime) -> list[int]:
    """Mark orders their store no longer has; give the ids of those that were still here.

    What was fetched after we asked stays: then the store has it again.
    """
    here = sa.select(Order.id).where(Order.ref.in_(list(refs)), Order.gone_at.is_(None), Order.fetched_at <= asked_at)
    ids = list(session.scalars(here.with_for_update()))
    if ids:
        session.execute(sa.update(Order).where(Order.id.in_(ids)).values(gone_at=now, fetched_at=asked_at))
        session.execute(sa.update(Shipment).where(Shipment.order_id.in_(ids)).values(check_after=None))
    return ids


def touch(session: Session, refs: Iterable[str], *, asked_at: datetime) -> None:
    """Note that the store listed these orders when we asked; what a full listing leaves untouched may be gone."""
    session.execute(
        sa.update(Order).where(Order.ref.in_(list(refs)), Order.fetched_at < asked_at).values(fetched_at=asked_at)
    )


def _age(item: Fetched) -> tuple[datetime, datetime]:
    return item.snapshot.updated_at, item.at


def _digest(snapshot: OrderSnapshot, statuses: Mapping[str, str]) -> str:
    meaning = statuses.get(snapshot.status, "")
    return hashlib.blake2b(repr((_FORM, meaning, snapshot)).encode(), digest_size=16).hexdigest()


def _order_row(
    store_id: int, item: Fetched, *, statuses: Mapping[str, str], email_key: Callable[[str], str], now: datetime
) -> dict[str, Any]:
    order = item.snapshot
    same = (
        "ref number status status_at currency total tax_included email phone name shopper_ref language country "
        "postcode shipping_method pickup placed_at paid_at canceled_at updated_at"
    )
    row = {name: getattr(order, name) for name in same.split()} | {
        "store_id": store_id,
        "id": new_id(),
        "number_key": find.number_key(order.number),
        "email_key": email_key(order.email),
        "state": str(order.state),
        "platform_promised_by": order.promised_by,
        "payments": [dataclasses.asdict(payment) for payment in order.payments],
        "refunds": [_plain(refund) for refund in order.refunds],
        "refunded": bool(order.refunds),
        "gone_at": None,
        "fetched_at": item.at,
        "digest": _digest(order, statuses),
        "late": False,
        "return_open": False,
        "link_version": 1,
        "status_seen_at": order.updated_at,
        "seen_at": now,
        "admin_url": web_url(order.admin_url),
    }
    return {name: storable(value) for name, value in row.items()}


def _plain(refund: RefundSnapshot) -> dict[str, Any]:
    # Rows written before 2026-11-22 have "lines" as {ref: quantity}; whoever reads them has to take both.
    return {**dataclasses.asdict(refund), "at": refund.at.isoformat()}


def _upsert_orders(
    session: Session, newest: dict[str, Fetched], row_of: Callable[[Fetched], dict[str, Any]]
) -> dict[str, int]:
    """Insert the new, update what is older; give the ids of both by ref.

    Whose shopper was erased loses it in `newest` too: known only here, under the row's lock.
    """
    table: Any = Order.__table__
    rows = {ref: row_of(item) for ref, item in newest.items()}
    written: dict[str, int] = {}
    if rows:
        # The rows beside the statement, here and below, not in it: its text is then made once for all pages.
        fresh = insert(session, table).on_conflict_do_nothing(index_elements=["store_id", "ref"])
        new = session.execute(fresh.returning(table.c.ref, table.c.id), list(rows.values()))
        written = {row.ref: row.id for row in new}
    times = (Order.updated_at, Order.fetched_at, Order.gone_at, Order.erased_at)
    known = sa.select(Order.ref, Order.id, Order.status, Order.digest, *times)
    known = known.where(Order.ref.in_([ref for ref in rows if ref not in written]))
    for old in session.execute(known.with_for_update()).all():
        row = rows[old.ref]
        if old.erased_at is not None:
            newest[old.ref] = Fetched(without_person(newest[old.ref].snapshot), newest[old.ref].at)
            row = row_of(newest[old.ref])
        if (row["updated_at"], row["fetched_at"]) < (old.updated_at, old.fetched_at):
            continue
        if old.gone_at is not None and row["fetched_at"] < old.fetched_at:
            continue  # listed before it was deleted
        if row["digest"] == old.digest and old.gone_at is None:
            continue
        kept = {"store_id", "id", "late", "return_open", "link_version", "seen_at"}
        if row["status"] == old.status:
            kept.add("status_seen_at")
        values = {name: value for name, value in row.items() if name not in kept}
        session.execute(sa.update(Order).where(Order.id == old.id).values(**values))
        written[old.ref] = old.id
    return written


def _write_lines(session: Session, store_id: int, newest: Mapping[str, Fetched], changed: Mapping[str, int]) -> None:
    rows = []
    for ref, order_id in changed.items():
        for place, line in enumerate(newest[ref].snapshot.lines):
            row = storable(dataclasses.asdict(line)) | {"image_url": web_url(line.image_url)}
            rows.append({"store_id": store_id, "id": new_id(), "order_id": order_id, "place": place, **row})
    _replace_children(session, LineItem, changed.values(), rows, keep=())


def _write_parcels(
    session: Session,
    store_id: int,
    newest: Mapping[str, Fetched],
    changed: Mapping[str, int],
    statuses: Mapping[str, str],
    now: datetime,
) -> None:
    rows, events = [], []
    for ref, order_id in changed.items():
        for parcel in parcels_of(newest[ref].snapshot, statuses):
            rows.append(_parcel_row(store_id, order_id, parcel, now))
            events += [(order_id, storable(parcel.shipment.ref), event) for event in parcel.shipment.events]
    _recognize_parcels(session, changed.values(), rows)
    _replace_children(session, Shipment, changed.values(), rows, keep=("seen_at", "status_seen_at"))
    ids = session.execute(
        sa.select(Shipment.order_id, Shipment.ref, Shipment.id).where(Shipment.order_id.in_(changed.values()))
    )
    by_ref = {(row.order_id, row.ref): row.id for row in ids}
    session.execute(sa.delete(TrackingEvent).where(TrackingEvent.order_id.in_(changed.values())))
    scans = [
        {
            "store_id": store_id,
            "id": new_id(),
            "order_id": order_id,
            "shipment_id": by_ref[order_id, ref],
            "at": event.at,
            "status": str(event.status),
            "raw": storable(event.raw),
            "text": storable(event.text),
            "place": storable(event.place),
        }
        for order_id, ref, event in events
    ]
    if scans:
        _write(session, insert(session, TrackingEvent.__table__).on_conflict_do_nothing(), TrackingEvent, scans)


def _write(session: Session, statement: Any, model: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows in few statements of many; SQLAlchemy does so for what returns something, else row by row."""
    session.execute(statement.returning(model.__table__.c.id), rows).close()


def _recognize_parcels(session: Session, order_ids: Iterable[int], rows: Sequence[dict[str, Any]]) -> None:
    """Keep the row of a parcel whose ref changed but not its tracking number: it is the parcel we told of.

    A WooCommerce parcel moves from an order's tracking meta to a fulfillment, which has an id of its own.
    """
    named = {(row["order_id"], row["ref"]) for row in rows}
    columns = (Shipment.id, Shipment.order_id, Shipment.ref, Shipment.tracking_number)
    here = session.execute(sa.select(*columns).where(Shipment.order_id.in_(list(order_ids)))).all()
    known = {(row.order_id, row.ref) for row in here}
    orphans = {
        (row.order_id, row.tracking_number): row.id
        for row in here
        if row.tracking_number and (row.order_id, row.ref) not in named
    }
    for row in rows:
        same = orphans.pop((row["order_id"], row["tracking_number"]), None)
        if same is not None and (row["order_id"], row["ref"]) not in known:
            session.execute(sa.update(Shipment).where(Shipment.id == same).values(ref=row["ref"]))


def _parcel_row(store_id: int, order_id: int, parcel: Parcel, now: datetime) -> dict[str, Any]:
    shipment = parcel.shipment
    scans = sorted((event for event in shipment.events if event.status not in _NO_SCANS), key=lambda event: event.at)
    same = "ref raw_status carrier service tracking_number shipped_at delivered_at estimated_by"
    row = {name: getattr(shipment, name) for name in same.split()} | {
        "tracking_url": web_url(shipment.tracking_url),
        "store_id": store_id,
        "id": new_id(),
        "order_id": order_id,
        "status": str(shipment.status),
        "items": dict(shipment.items),
        "digital": parcel.digital,
        "delivered_source": parcel.delivered_source,
        "status_seen_at": now,
        "first_scan_at": scans[0].at if scans else None,
        "last_scan_at": scans[-1].at if scans else None,
        "last_scan_status": str(scans[-1].status) if scans else "",
        "carrier_name": "",
        "promise_source": "",
        "expected_source": "",
        "late": False,
        "answer": "",
        "seen_at": now,
    }
    return {name: storable(value) for name, value in row.items()}


_NO_SCANS = (TrackingStatus.PENDING, TrackingStatus.INFO_RECEIVED)
"""A label is made by the store: no carrier has seen the parcel then."""

_OWNED_ELSEWHERE = ("promise_source", "expected_source", "late", "answer")
"""Columns the shipping slice fills; a new row starts empty, an old one keeps them."""


def _replace_children(
    session: Session, model: Any, order_ids: Iterable[int], rows: Sequence[dict[str, Any]], keep: tuple[str, ...]
) -> None:
    """Make the children of these orders equal to `rows`: same ref keeps its id, vanished ones go.

    Of two with one ref the last counts: a plugin that names two alike must not stop the page they are on.
    """
    table = model.__table__
    rows = list({(row["order_id"], row["ref"]): row for row in rows}.values())
    stay: dict[int, list[str]] = {order_id: [] for order_id in order_ids}
    for row in rows:
        stay[row["order_id"]].append(row["ref"])
    here = sa.select(model.id, model.order_id, model.ref).where(model.order_id.in_(list(stay)))
    gone = [row.id for row in session.execute(here) if row.ref not in stay[row.order_id]]
    if gone:
        session.execute(sa.delete(model).where(model.id.in_(gone)))
    kept = {"store_id", "id", "order_id", "ref", *keep, *_OWNED_ELSEWHERE}
    if not rows:
        return
    statement = insert(session, table)
    values = {name: statement.excluded[name] for name in rows[0] if name not in kept}
    if "status_seen_at" in keep:
        same = table.c.status == statement.excluded.status
        values["status_seen_at"] = sa.case((same, table.c.status_seen_at), else_=statement.excluded.status_seen_at)
    merged = statement.on_conflict_do_update(index_elements=["store_id", "order_id", "ref"], set_=values)
    _write(session, merged, model, rows)
