"""Writes what the rules decided: parcels, orders, notices and promises to send them, many rows in few statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.bulk import insert_new, update_rows
from core.jobs import queue
from core.jobs.queue import NewJob
from core.metrics import NOTICES
from core.orders.messages.notice import Notice
from core.orders.model import Order, Shipment
from core.shipping.rules import carriers
from core.shipping.rules.decide import Decision
from core.shipping.rules.facts import Due
from core.shipping.rules.send_policy import SendDecision

ShipmentRow = Shipment | Any
OrderRow = Order | Any
"""A model's object, or a plain row with its columns."""
_STATES = {"watch": "watched", "draft": "draft", "send": "queued"}
DECIDED_COLUMNS = (
    "promised_from", "promised_by", "promise_source", "expected_earliest", "expected_likely", "expected_latest",
    "expected_source", "late", "check_after", "carrier_name", "tracking_url",
)  # fmt: skip
"""A parcel's columns that say what is known of it now."""
_stored_values = attrgetter(*DECIDED_COLUMNS)


def shown_window(
    window: tuple[date, date, date] | None, promised: date | None, announced: date | None
) -> tuple[date, date, date] | None:
    """Give the window (earliest, likely, latest) a shopper may be shown beside the date they were told.

    What still could arrive on the promised day is not called likely any more once a delay was told.
    """
    if window is None or promised is None or announced is None or announced <= promised or window[1] > promised:
        return window
    return window[0], announced, max(window[2], announced)


def write_parcels(
    session: Session,
    store_id: int,
    shipments: Sequence[ShipmentRow],
    decisions: Sequence[Decision],
    given: Mapping[str, date],
) -> None:
    """Write what is known of each parcel now; an unchanged parcel is not written."""
    moved = []
    for shipment, decision in zip(shipments, decisions, strict=True):
        values = _decided_values(shipment, decision, given)
        if values != _stored_values(shipment):
            moved.append({"id": shipment.id, **dict(zip(DECIDED_COLUMNS, values, strict=True))})
    update_rows(session, table_of(Shipment), store_id, moved)


def _decided_values(shipment: ShipmentRow, decision: Decision, given: Mapping[str, date]) -> tuple[Any, ...]:
    """Give the values of the columns `DECIDED_COLUMNS`."""
    promised_by, promise = shipment.promised_by, (shipment.promised_from, shipment.promised_by, shipment.promise_source)
    if promised_by is None and decision.promise is not None:
        promised_by = decision.promise.by
        promise = (decision.promise.earliest, promised_by, decision.promise.source)
    forecast = decision.expectation
    window = (forecast.earliest, forecast.likely, forecast.latest) if forecast else None
    if forecast is not None and forecast.source != "carrier":
        window = shown_window(window, promised_by, given.get(str(shipment.id)))
    source = forecast.source if forecast else ""
    expected = window or (None, None, None)
    return (*promise, *expected, source, decision.late, decision.check_after, *_named(shipment))


def _named(shipment: ShipmentRow) -> tuple[str, str]:
    """Give the carrier's name for people, and where it tells of the parcel."""
    if not shipment.tracking_number or shipment.carrier_name:
        return shipment.carrier_name, shipment.tracking_url
    known = carriers.recognize(shipment.tracking_number, shipment.carrier or None)
    if known is None:
        return shipment.carrier_name, shipment.tracking_url
    return known.name, shipment.tracking_url or known.url or ""


def write_orders(
    session: Session, store_id: int, orders: Mapping[int, OrderRow], decisions: Sequence[Decision]
) -> None:
    late = {decision.order_id for decision in decisions if decision.late}
    moved = [{"id": id_, "late": id_ in late} for id_, order in orders.items() if order.late != (id_ in late)]
    update_rows(session, table_of(Order), store_id, moved)


def write_notices(session: Session, store_id: int, verdicts: Sequence[SendDecision], now: datetime) -> None:
    """Write each verdict's news as rows, unique for ever; the first carries the message, the rest point to it."""
    messages = [_message(verdict, now) for verdict in verdicts if verdict.suppressed != "off"]
    rows = [row for message in messages for row in message]
    if not rows:
        return
    shared = {"store_id": store_id, "created_at": now, "language": "", "subject": "", "message_id": "", "facts": {}}
    written = insert_new(session, table_of(Notice), rows, shared)
    for (kind, state), number in Counter((row["kind"], row["state"]) for row in rows if row["id"] in written).items():
        NOTICES.labels(kind, state).inc(number)
    promised = []
    for message in messages:
        fresh = [row for row in message if row["id"] in written]
        if not fresh:
            continue
        carrier = fresh[0]
        if carrier is not message[0]:  # another worker told the first of them meanwhile
            _point_to(session, store_id, carrier["id"], fresh[1:])
        if carrier["state"] == "queued":
            key = f"notice:{carrier['id']}"
            promised.append(NewJob("shipping.send_notice", key, {"id": carrier["id"]}, carrier["send_at"], once=True))
    if promised:
        queue.enqueue(session, store_id, promised, now=now)


def _message(verdict: SendDecision, now: datetime) -> list[dict[str, Any]]:
    """Make the rows of one message: the rest point to the first."""
    state = "suppressed" if verdict.suppressed else _STATES[verdict.mode]
    rows = [_notice_row(news, state, verdict, now) for news in verdict.due]
    for row in rows[1:]:
        row["merged_into"] = rows[0]["id"]
    return rows


def _point_to(session: Session, store_id: int, carrier: int, rest: Sequence[Mapping[str, Any]]) -> None:
    table = table_of(Notice)
    for id_, into in [(carrier, None), *((row["id"], carrier) for row in rest)]:
        this = sa.and_(table.c.store_id == store_id, table.c.id == id_)
        session.execute(sa.update(table).where(this).values(merged_into=into))


def _notice_row(news: Due, state: str, verdict: SendDecision, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "order_id": news.order_id,
        "shipment_id": news.shipment_id,
        "rule": news.rule,
        "kind": news.kind,
        "occasion": news.occasion,
        "state": state,
        "reason": verdict.suppressed or "",
        "cause": news.reason,
        "promised_by": news.promised_by,
        "expected_by": news.expected_by,
        "send_at": verdict.send_at or now,
        "merged_into": None,
    }
