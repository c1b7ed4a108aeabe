"""Evaluates orders: reads their parcels and past notices, asks the rules (`decide`), writes the decisions.

One parcel after a webhook or thousands in a sweep pass through the same functions, in batches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
import structlog
from pydantic import ValidationError
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.bulk import read_rows
from core.orders.messages.notice import Notice
from core.orders.model import Order, Shipment
from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.business_days import shopper_zone
from core.shipping.rules.decide import Decision, decide
from core.shipping.rules.facts import Due
from core.shipping.rules.parcel import Parcel, PastNotice
from core.shipping.rules.send_policy import SendDecision, apply_send_policy
from core.shipping.rules.terms import Terms
from core.shipping.store_decisions import (
    DECIDED_COLUMNS,
    OrderRow,
    ShipmentRow,
    write_notices,
    write_orders,
    write_parcels,
)
from core.stores.model import Store

log = structlog.get_logger()

SECTION = "shipping"
LOOK_BACK = timedelta(days=90)
"""Older orders are not looked at again when a merchant changes the terms."""
_SENT = ("queued", "sent", "bounced")
# Columns by name, since the others (items, payments, addresses) cost more to read than all that is asked for.
_OF_ORDER = (
    "id", "state", "status", "status_at", "status_seen_at", "placed_at", "paid_at", "country", "shipping_method",
    "pickup", "platform_promised_from", "platform_promised_by", "shipped_mailed", "stopped_at", "gone_at", "late",
)  # fmt: skip
_OF_SHIPMENT = (
    "id", "order_id", "status", "raw_status", "status_seen_at", "seen_at", "carrier", "service", "tracking_number",
    "digital", "on_hold", "shipped_at", "delivered_at", "delivered_source", "estimated_by", "first_scan_at",
    "last_scan_at", "last_scan_status", "answer", "answered_at", *DECIDED_COLUMNS,
)  # fmt: skip
_OF_NOTICE = ("id", "order_id", "rule", "occasion", "kind", "state", "created_at", "sent_at", "expected_by")
_STATUS = {status.value: status for status in TrackingStatus}
_STATE = {state.value: state for state in OrderState}


def terms_of(store: Store) -> Terms:
    """Give a store's shipping terms; a zone the merchant did not set is the store's own."""
    return _terms(store.timezone, str(store.settings_version), _Frozen(store.settings.get(SECTION, {})))


class _Frozen(dict[str, Any]):
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(sorted(self.items())))


@lru_cache(maxsize=1024)
def _terms(timezone: str, version: str, settings: _Frozen) -> Terms:
    try:
        return Terms(**{"timezone": timezone, **settings})
    except ValidationError:
        log.error("terms_unreadable", version=version)
        return Terms()


def evaluate_orders(session: Session, store: Store, order_ids: Sequence[int], *, now: datetime) -> list[Decision]:
    """Decide for all parcels of these orders and write the decisions, in the caller's transaction; give them."""
    decisions: list[Decision] = []
    for start in range(0, len(order_ids), 500):
        decisions += _evaluate(session, store, order_ids[start : start + 500], now)
    return decisions


def recheck_parcels(session: Session, *, now: datetime) -> None:
    """Let the next sweep look at every parcel of a store that has not arrived: its terms have changed."""
    open_ = sa.update(Shipment).where(Shipment.delivered_at.is_(None), Shipment.digital.is_(False))
    recent = sa.select(Order.id).where(Order.placed_at >= now - LOOK_BACK, Order.gone_at.is_(None))
    session.execute(open_.where(Shipment.order_id.in_(recent)).values(check_after=now))


def _evaluate(session: Session, store: Store, order_ids: Sequence[int], now: datetime) -> list[Decision]:
    # Plain rows, not objects: with writes in batches, 5,600 µs a late parcel became 700 (benchmarks.p4_sweep).
    session.flush()
    terms = terms_of(store)
    orders = {row.id: row for row in read_rows(session, table_of(Order), _OF_ORDER, store.id, "id", order_ids)}
    found = read_rows(session, table_of(Shipment), _OF_SHIPMENT, store.id, "order_id", order_ids)
    shipments = sorted((row for row in found if row.order_id in orders), key=lambda row: (row.order_id, row.id))
    past_notices = _read_past_notices(session, store, order_ids)
    parcels_in = Counter(shipment.order_id for shipment in shipments)
    undelivered = Counter(shipment.order_id for shipment in shipments if is_undelivered(shipment))
    parcels = [
        parcel_of(
            shipment,
            orders[shipment.order_id],
            past_notices.get(shipment.order_id, ()),
            parcels_in[shipment.order_id],
            undelivered[shipment.order_id],
        )
        for shipment in shipments
    ]
    decisions = decide(parcels, terms, now)
    verdicts = _judge(decisions, orders, past_notices, terms, now)
    write_parcels(session, store.id, shipments, decisions, _dates_told(past_notices, verdicts))
    write_orders(session, store.id, orders, decisions)
    write_notices(session, store.id, verdicts, now)
    _refresh(session)
    return decisions


def _refresh(session: Session) -> None:
    """Let objects the caller has loaded show what was written past them."""
    for row in [row for row in session if isinstance(row, Order | Shipment | Notice)]:
        session.refresh(row)


def _judge(
    decisions: Sequence[Decision],
    orders: Mapping[int, OrderRow],
    past_notices: Mapping[int, Sequence[PastNotice]],
    terms: Terms,
    now: datetime,
) -> list[SendDecision]:
    due: dict[int, list[Due]] = defaultdict(list)
    for decision in decisions:
        due[decision.order_id] += decision.due
    verdicts: list[SendDecision] = []
    for order_id, news in due.items():
        if news:
            order = orders[order_id]
            zone = shopper_zone(order.country, terms.timezone)
            sent = past_notices.get(order_id, ())
            verdicts += apply_send_policy(news, sent, terms, now, zone, order.stopped_at is not None)
    return verdicts


def _dates_told(past_notices: Mapping[int, Sequence[PastNotice]], verdicts: Iterable[SendDecision]) -> dict[str, date]:
    """Give, by parcel, the latest date its shopper was told in place of the promised one, or is being told now."""
    past = [one for notices in past_notices.values() for one in notices]
    given = [(one.occasion, one.expected_by) for one in past if one.sent and one.kind == "delay"]
    for verdict in verdicts:
        if verdict.mode == "send" and not verdict.suppressed:
            given += [(news.occasion, news.expected_by) for news in verdict.due if news.kind == "delay"]
    latest: dict[str, date] = {}
    for occasion, day in given:
        parcel = occasion.partition(":")[0]
        if day is not None:
            latest[parcel] = max(day, latest.get(parcel, day))
    return latest


def is_undelivered(shipment: ShipmentRow) -> bool:
    """Say whether neither a source nor the shopper told us that it arrived."""
    return shipment.delivered_at is None and shipment.answer != "arrived"


def parcel_of(
    shipment: ShipmentRow, order: OrderRow, past_notices: Sequence[PastNotice], parcels: int, undelivered: int
) -> Parcel:
    """Turn rows into what the rules read."""
    by_status = shipment.delivered_source == "status"
    status = TrackingStatus.UNKNOWN if by_status else _STATUS[shipment.status]
    return Parcel(
        order_id=order.id,
        shipment_id=shipment.id,
        placed_at=order.placed_at,
        seen_at=shipment.seen_at,
        order_state=_STATE[order.state],
        order_status=order.status,
        status_at=order.status_at or order.status_seen_at,
        paid_at=order.paid_at,
        country=order.country,
        shipping_method=order.shipping_method,
        pickup=order.pickup,
        shipped_mailed=order.shipped_mailed,
        digital=shipment.digital,
        on_hold=shipment.on_hold,
        status=status,
        raw_status=shipment.raw_status,
        status_seen_at=shipment.status_seen_at,
        carrier=shipment.carrier,
        service=shipment.service,
        tracked=bool(shipment.tracking_number),
        shipped_at=shipment.shipped_at,
        delivered_at=None if by_status else shipment.delivered_at,
        delivered_by="" if by_status or not shipment.delivered_source else shipment.delivered_source,  # type: ignore[arg-type]
        estimated_by=shipment.estimated_by,
        platform_promised_from=order.platform_promised_from,
        platform_promised_by=order.platform_promised_by,
        promised_from=shipment.promised_from,
        promised_by=shipment.promised_by,
        promise_source=shipment.promise_source or None,  # type: ignore[arg-type]
        first_scan_at=shipment.first_scan_at,
        last_scan_at=shipment.last_scan_at,
        last_scan_status=_STATUS[shipment.last_scan_status] if shipment.last_scan_status else None,
        answer=shipment.answer,  # type: ignore[arg-type]
        answered_at=shipment.answered_at,
        stopped=order.stopped_at is not None,
        gone=order.gone_at is not None,
        parcels_in_order=parcels,
        undelivered_in_order=undelivered,
        past_notices=tuple(past_notices),
    )


def _read_past_notices(session: Session, store: Store, order_ids: Sequence[int]) -> Mapping[int, list[PastNotice]]:
    past_notices: dict[int, list[PastNotice]] = defaultdict(list)
    notices = read_rows(session, table_of(Notice), _OF_NOTICE, store.id, "order_id", order_ids)
    for notice in sorted(notices, key=lambda row: row.id):
        at = notice.sent_at or notice.created_at
        sent = notice.state in _SENT
        past = PastNotice(notice.rule, notice.occasion, notice.kind, at, notice.expected_by, sent=sent)
        past_notices[notice.order_id].append(past)
    return past_notices
