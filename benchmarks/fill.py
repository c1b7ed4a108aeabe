"""Fills a database with orders and parcels by the million, inside PostgreSQL: what look-ups and sweeps search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.stage import NOW
from core.db.base import table_of
from core.orders.find import email_key
from core.orders.model import LineItem, Order, Shipment, TrackingEvent
from core.secrets import Keyring
from core.services import Services

ADDRESSES = 1000
"""Shoppers; their orders are spread evenly."""
SCANS = 5
_CHUNK = 200_000


def address(number: int) -> str:
    """The e-mail address order `number` was placed with."""
    return f"ann{number % ADDRESSES}@shopper.example"


def digests(keyring: Keyring) -> list[str]:
    """The addresses' digests, as look-ups compare them."""
    return [email_key(address(number), keyring) for number in range(ADDRESSES)]


def fill(services: Services, store_id: int, first: int, number: int, *, due: str, scans: int = SCANS) -> None:
    """Write orders numbered from `first`, each with a line, a parcel on its way, and scans.

    `due` is SQL for the parcel's check_after; `g` is the order's number, which is its id too.
    """
    for start in range(first, first + number, _CHUNK):
        span = {"a": start, "b": min(start + _CHUNK, first + number) - 1}
        with services.db.transaction(store_id) as session:
            _select(session, Order, store_id, _orders(), {**span, "digests": digests(services.keyring)})
            _select(session, LineItem, store_id, _LINES, span)
            _select(session, Shipment, store_id, _SHIPMENTS | {"check_after": due}, span)
            if scans:
                _select(session, TrackingEvent, store_id, _SCANS, span, f", generate_series(1, {scans}) n")
    tidy(services)


def tidy(services: Services) -> None:
    """Take away what was deleted, and let the planner count."""
    with services.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum analyze")


def _select(
    session: Session, model: Any, store_id: int, values: Mapping[str, str], span: Mapping[str, Any], more: str = ""
) -> None:
    """INSERT … SELECT over a series; columns that must not be null and are not named are empty."""
    row = {"store_id": str(store_id)} | dict(values)
    for column in table_of(model).columns:
        if column.name not in row and not column.nullable:
            row[column.name] = _EMPTY[type(column.type)]
    names = ", ".join(f'"{name}"' for name in row)
    statement = f"insert into {model.__tablename__} ({names}) select {', '.join(row.values())}"
    session.execute(sa.text(f"{statement} from generate_series(cast(:a as bigint), cast(:b as bigint)) g{more}"), span)


_EMPTY: Mapping[type, str] = {
    sa.String: "''",
    sa.Boolean: "false",
    sa.Integer: "0",
    sa.BigInteger: "0",
    sa.JSON: "'[]'",
}
AT = f"timestamptz '{NOW.isoformat()}'"


def _orders() -> dict[str, str]:
    return {
        "id": "g",
        "ref": "g::text",
        "number": "'#' || g",
        "number_key": "g::text",
        "state": "'open'",
        "status": "'processing'",
        "currency": "'EUR'",
        "total": "5200",
        "email": "'ann@shopper.example'",
        "email_key": f"(cast(:digests as text[]))[g % {ADDRESSES} + 1]",
        "name": "'Ann Shopper'",
        "country": "'LT'",
        "postcode": "'LT-01103'",
        "placed_at": f"{AT} - interval '9 days'",
        "paid_at": f"{AT} - interval '9 days'",
        "updated_at": f"{AT} - interval '8 days'",
        "status_seen_at": f"{AT} - interval '8 days'",
        "fetched_at": f"{AT} - interval '8 days'",
        "seen_at": f"{AT} - interval '9 days'",
        "digest": "md5(g::text)",
        "link_version": "1",
    }


_LINES = {
    "id": "g",
    "order_id": "g",
    "ref": "'1'",
    "kind": "'physical'",
    "title": "'Mug'",
    "quantity": "2",
    "total": "4800",
}
_SHIPMENTS = {
    "id": "g",
    "order_id": "g",
    "ref": "'p1'",
    "status": "'in_transit'",
    "carrier": "'DPD'",
    "carrier_name": "'DPD'",
    "tracking_number": "'0590' || g",
    "items": """'{"1": 2}'""",
    "shipped_at": f"{AT} - interval '8 days'",
    "first_scan_at": f"{AT} - interval '7 days'",
    "last_scan_at": f"{AT} - interval '1 day'",
    "last_scan_status": "'in_transit'",
    "status_seen_at": f"{AT} - interval '7 days'",
    "seen_at": f"{AT} - interval '9 days'",
    "promised_by": f"({AT} - interval '1 day')::date",
    "promise_source": "'platform'",
}
_SCANS = {
    "id": "g * 16 + n",
    "order_id": "g",
    "shipment_id": "g",
    "at": f"{AT} - interval '8 days' + n * interval '1 day'",
    "status": "'in_transit'",
    "raw": "'OK'",
    "text": "'Sorted in the hub'",
    "place": "'Kaunas'",
}


def numbers(count: int, among: int) -> Sequence[int]:
    """Choose order numbers spread over all of them, in an order that no cache foresees."""
    return [1 + (place * 7_919_999) % among for place in range(count)]
