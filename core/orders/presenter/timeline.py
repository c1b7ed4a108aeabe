"""An order as its shopper sees it: parcels, dates, scans and what we told, as plain values for JSON and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from core.db.base import Base
from core.db.row_reader import Reader, Row, session_reader
from core.orders import kinds
from core.orders.model import Order
from core.orders.presenter.parcel_status import view_of_status


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ItemView(_View):
    """Something in a parcel."""

    title: str
    variant: str
    quantity: int
    image_url: str = ""


class ScanView(_View):
    """One scan, newest first in a parcel."""

    at: datetime
    status: str
    text: str
    place: str


class ParcelView(_View):
    """One parcel. Dates are days in the store's zone; `station` is how many of the five it has reached, from 0."""

    id: str
    status: str
    raw_status: str
    station: int
    late: bool
    promised_from: date | None
    """The first day of the promise, where a range was promised."""
    promised_by: date | None
    expected_earliest: date | None
    expected_likely: date | None
    expected_latest: date | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    delivered_source: str
    carrier: str
    tracking_number: str
    tracking_url: str
    last_scan_at: datetime | None
    answer: str
    items: tuple[ItemView, ...] = ()
    scans: tuple[ScanView, ...] = ()


class EventView(_View):
    """Something that happened to the order which no parcel shows."""

    at: datetime
    kind: str
    facts: dict[str, Any] = {}


class OrderView(_View):
    """An order without its address or e-mail: what level "see" may read."""

    number: str
    state: str
    placed_at: datetime
    paid_at: datetime | None
    canceled_at: datetime | None
    pickup: bool
    late: bool
    currency: str
    total: int
    stopped: bool
    holds: tuple[str, ...] = ()
    """Reasons for which it is not sent, of those that a shopper can do something about or wait for."""
    parcels: tuple[ParcelView, ...] = ()
    removed_items: tuple[ItemView, ...] = ()
    digital_items: tuple[ItemView, ...] = ()
    events: tuple[EventView, ...] = ()


TOLD_HOLDS = ("awaiting_payment", "incorrect_address", "out_of_stock", "awaiting_return")
"""Reasons of a hold that shoppers are told. A suspicion never is, nor what says nothing to them."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that hang on an order: where they stand, what is read of them, in which order."""

    table: str
    columns: tuple[str, ...]
    sort: str


PARTS = (
    Part("line_items", tuple("ref kind title variant image_url quantity removed".split()), "place"),
    Part(
        "shipments",
        (
            *"id status raw_status late promised_from promised_by expected_earliest expected_likely".split(),
            *"expected_latest shipped_at delivered_at delivered_source carrier carrier_name tracking_number".split(),
            *"tracking_url last_scan_at answer answered_at items".split(),
        ),
        "id",
    ),
    Part("tracking_events", tuple("shipment_id at status text place".split()), "at desc"),
    Part("order_events", tuple("at kind facts".split()), "at"),
)
"""What `build_view` makes a view of: lines, shipments, scans, and what was told."""


def _select_part(part: Part) -> sa.Select[Any]:
    """Select an order's rows of one table as plain rows: of its store too, for Core knows no criterion on SQLite."""
    table = Base.metadata.tables[part.table]
    mine = sa.and_(table.c.store_id == sa.bindparam("store_id"), table.c.order_id == sa.bindparam("order_id"))
    return sa.select(*(table.c[name] for name in part.columns)).where(mine).order_by(sa.text(part.sort))


# Written once, and plain rows: with the same done to find.py and the throttle, the CPU of a look-up fell from 22 to 12
# times the floor's (benchmarks.p3_lookup, 2026-11).
_STATEMENTS = tuple(_select_part(part) for part in PARTS)


def view_order(session: Session, order: Order | Row) -> OrderView:
    """Read one order of the caller's transaction with everything it shows, in four queries."""
    return read_view(session_reader(session), order)


def read_view(reader: Reader, order: Order | Row) -> OrderView:
    """Read one order with everything it shows, in four queries."""
    return build_view(order, *reader.rows_of_each(_STATEMENTS, order_id=order.id))


def build_view(
    order: Order | Row, lines: Sequence[Row], shipments: Sequence[Row], scans: Sequence[Row], events: Sequence[Row]
) -> OrderView:
    """Put an order and its parts together; times and days may be ISO 8601 texts."""
    return OrderView(
        number=order.number,
        state=order.state,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        canceled_at=order.canceled_at,
        pickup=order.pickup,
        late=order.late,
        currency=order.currency,
        total=order.total,
        stopped=order.stopped_at is not None,
        holds=tuple(dict.fromkeys(one["reason"] for one in order.holds if one["reason"] in TOLD_HOLDS)),
        parcels=tuple(_parcel(shipment, lines, scans) for shipment in shipments),
        removed_items=tuple(_item(line, line.removed) for line in lines if line.kind == "physical" and line.removed),
        digital_items=tuple(_item(line, line.quantity) for line in lines if line.kind == "digital"),
        events=tuple(
            EventView(at=event.at, kind=event.kind, facts=event.facts)
            for event in events
            if kinds.is_for_shoppers(event.kind)
        ),
    )


def _parcel(shipment: Any, lines: Sequence[Any], scans: Sequence[Any]) -> ParcelView:
    inside = {line.ref: line for line in lines}
    items = tuple(_item(inside[ref], quantity) for ref, quantity in shipment.items.items() if ref in inside)
    arrived = shipment.answer == "arrived" and shipment.delivered_at is None
    status = "delivered" if arrived else shipment.status
    return ParcelView(
        id=str(shipment.id),
        status=status,
        raw_status=shipment.raw_status,
        station=view_of_status(status).station,
        late=shipment.late,
        promised_from=shipment.promised_from,
        promised_by=shipment.promised_by,
        expected_earliest=shipment.expected_earliest,
        expected_likely=shipment.expected_likely,
        expected_latest=shipment.expected_latest,
        shipped_at=shipment.shipped_at,
        delivered_at=shipment.answered_at if arrived else shipment.delivered_at,
        delivered_source="shopper" if arrived else shipment.delivered_source,
        carrier=shipment.carrier_name or shipment.carrier,
        tracking_number=shipment.tracking_number,
        tracking_url=shipment.tracking_url,
        last_scan_at=shipment.last_scan_at,
        answer=shipment.answer,
        items=items,
        scans=tuple(
            ScanView(at=s.at, status=s.status, text=s.text, place=s.place)
            for s in scans
            if s.shipment_id == shipment.id
        ),
    )


def _item(line: Any, quantity: int) -> ItemView:
    return ItemView(title=line.title, variant=line.variant, quantity=quantity, image_url=line.image_url)
