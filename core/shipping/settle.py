"""From rows to the pure rules and back: reads parcels with what was told, asks `watch.check`, writes what follows.

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

from core import jobs
from core.db import insert, new_id
from core.jobs import NewJob
from core.metrics import NOTICES
from core.orders.model import Order, Shipment
from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping import carriers
from core.shipping.calendar import shopper_zone
from core.shipping.governor import Verdict, govern
from core.shipping.model import Notice
from core.shipping.rules import Due, Parcel, Told
from core.shipping.terms import Terms
from core.shipping.watch import Decision, check
from core.stores.model import Store

log = structlog.get_logger()

SECTION = "shipping"
LOOK_BACK = timedelta(days=90)
"""Older orders are not looked at again when a merchant changes the terms."""
_SENT = ("queued", "sent", "bounced")
_STATES = {"watch": "watched", "draft": "draft", "send": "queued"}


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


def settle_orders(session: Session, store: Store, order_ids: Sequence[int], *, now: datetime) -> list[Decision]:
    """Look at all parcels of these orders and write what follows, in the caller's transaction; give the decisions."""
    decisions: list[Decision] = []
    for start in range(0, len(order_ids), 500):
        decisions += _settle(session, store, order_ids[start : start + 500], now)
    return decisions


def wake(session: Session, *, now: datetime) -> None:
    """Let the next sweep look at every parcel of a store that has not arrived: its terms have changed."""
    open_ = sa.update(Shipment).where(Shipment.delivered_at.is_(None), Shipment.digital.is_(False))
    recent = sa.select(Order.id).where(Order.placed_at >= now - LOOK_BACK, Order.gone_at.is_(None))
    session.execute(open_.where(Shipment.order_id.in_(recent)).values(check_after=now))


def _settle(session: Session, store: Store, order_ids: Sequence[int], now: datetime) -> list[Decision]:
    terms = terms_of(store)
    rows = session.execute(
        sa.select(Shipment, Order)
        .join(Order, sa.and_(Order.store_id == Shipment.store_id, Order.id == Shipment.order_id))
        .where(Shipment.order_id.in_(order_ids))
        .order_by(Shipment.order_id, Shipment.id)
        .execution_options(populate_existing=True)
    ).all()
    told = _told(session, order_ids)
    parcels_in = Counter(shipment.order_id for shipment, _ in rows)
    undelivered = Counter(shipment.order_id for shipment, _ in rows if is_undelivered(shipment))
    parcels = [
        parcel_of(shipment, order, told[order.id], parcels_in[order.id], undelivered[order.id])
        for shipment, order in rows
    ]
    decisions = check(parcels, terms, now)
    orders = {order.id: order for _, order in rows}
    verdicts = _judge(decisions, orders, told, terms, now)
    _write_parcels(session, [shipment for shipment, _ in rows], decisions, _dates_given(told, verdicts))
    _write_orders(session, orders, decisions)
    _write_notices(session, store.id, verdicts, now)
    return decisions


def _judge(
    decisions: Sequence[Decision],
    orders: Mapping[int, Order],
    told: Mapping[int, Sequence[Told]],
    terms: Terms,
    now: datetime,
) -> list[Verdict]:
    due: dict[int, list[Due]] = defaultdict(list)
    for decision in decisions:
        due[decision.order_id] += decision.due
    verdicts: list[Verdict] = []
    for order_id, news in due.items():
        if news:
            order = orders[order_id]
            zone = shopper_zone(order.country, terms.timezone)
            verdicts += govern(news, told.get(order_id, ()), terms, now, zone, order.stopped_at is not None)
    return verdicts


def _dates_given(told: Mapping[int, Sequence[Told]], verdicts: Iterable[Verdict]) -> dict[str, date]:
    """Give, by parcel, the latest date its shopper was told in place of the promised one, or is being told now."""
    given = [(one.occasion, one.expected_by) for of in told.values() for one in of if one.sent and one.kind == "delay"]
    for verdict in verdicts:
        if verdict.mode == "send" and not verdict.suppressed:
            given += [(news.occasion, news.expected_by) for news in verdict.due if news.kind == "delay"]
    latest: dict[str, date] = {}
    for occasion, day in given:
        parcel = occasion.partition(":")[0]
        if day is not None:
            latest[parcel] = max(day, latest.get(parcel, day))
    return latest


def outlook(
    window: tuple[date, date, date] | None, promised: date | None, told: date | None
) -> tuple[date, date, date] | None:
    """Give the window (earliest, likely, latest) a shopper may be shown beside the date they were told.

    What still could arrive on the promised day is not called likely any more once a delay was told.
    """
    if window is None or promised is None or told is None or told <= promised or window[1] > promised:
        return window
    return window[0], told, max(window[2], told)


def is_undelivered(shipment: Shipment) -> bool:
    """Say whether neither a source nor the shopper told us that it arrived."""
    return shipment.delivered_at is None and shipment.answer != "arrived"


def parcel_of(shipment: Shipment, order: Order, told: Sequence[Told], parcels: int, undelivered: int) -> Parcel:
    """Turn rows into what the rules read."""
    by_status = shipment.delivered_source == "status"
    status = TrackingStatus.UNKNOWN if by_status else TrackingStatus(shipment.status)
    return Parcel(
        order_id=order.id,
        shipment_id=shipment.id,
        placed_at=order.placed_at,
        seen_at=shipment.seen_at,
        order_state=OrderState(order.state),
        order_status=order.status,
        status_at=order.status_at,
        paid_at=order.paid_at,
        country=order.country,
        shipping_method=order.shipping_method,
        pickup=order.pickup,
        digital=shipment.digital,
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
        platform_promised_by=order.platform_promised_by,
        promised_by=shipment.promised_by,
        promise_source=shipment.promise_source or None,  # type: ignore[arg-type]
        first_scan_at=shipment.first_scan_at,
        last_scan_at=shipment.last_scan_at,
        last_scan_status=TrackingStatus(shipment.last_scan_status) if shipment.last_scan_status else None,
        answer=shipment.answer,  # type: ignore[arg-type]
        answered_at=shipment.answered_at,
        stopped=order.stopped_at is not None,
        gone=order.gone_at is not None,
        parcels_in_order=parcels,
        undelivered_in_order=undelivered,
        told=tuple(told),
    )


def _told(session: Session, order_ids: Iterable[int]) -> Mapping[int, list[Told]]:
    told: dict[int, list[Told]] = defaultdict(list)
    notices = sa.select(Notice).where(Notice.order_id.in_(list(order_ids))).order_by(Notice.id)
    for notice in session.scalars(notices):
        at = notice.sent_at or notice.created_at
        sent = notice.state in _SENT
        told[notice.order_id].append(Told(notice.rule, notice.occasion, notice.kind, at, notice.expected_by, sent=sent))
    return told


def _write_parcels(
    session: Session, shipments: Sequence[Shipment], decisions: Sequence[Decision], given: Mapping[str, date]
) -> None:
    for shipment, decision in zip(shipments, decisions, strict=True):
        if shipment.promised_by is None and decision.promise is not None:
            shipment.promised_by, shipment.promise_source = decision.promise.by, decision.promise.source
        hope = decision.expectation
        window = (hope.earliest, hope.likely, hope.latest) if hope else None
        if hope is not None and hope.source != "carrier":
            window = outlook(window, shipment.promised_by, given.get(str(shipment.id)))
        days = window or (None, None, None)
        shipment.expected_earliest, shipment.expected_likely, shipment.expected_latest = days
        shipment.expected_source = hope.source if hope else ""
        shipment.late = decision.late
        shipment.check_after = decision.check_after
        if shipment.tracking_number and not shipment.carrier_name:
            _name_carrier(shipment)
    session.flush()


def _name_carrier(shipment: Shipment) -> None:
    known = carriers.recognize(shipment.tracking_number, shipment.carrier or None)
    if known is None:
        return
    shipment.carrier_name = known.name
    shipment.tracking_url = shipment.tracking_url or known.url or ""


def _write_orders(session: Session, orders: Mapping[int, Order], decisions: Sequence[Decision]) -> None:
    late = {decision.order_id for decision in decisions if decision.late}
    for order in orders.values():
        if order.late != (order.id in late):
            order.late = order.id in late
    session.flush()


def _write_notices(session: Session, store_id: int, verdicts: Sequence[Verdict], now: datetime) -> None:
    """Write each verdict's news as rows, unique for ever; the first carries the message, the rest point to it."""
    table: Any = Notice.__table__
    for verdict in verdicts:
        if verdict.suppressed == "off":
            continue
        state = "suppressed" if verdict.suppressed else _STATES[verdict.mode]
        carrier: int | None = None
        for news in verdict.due:
            row = _notice_row(store_id, news, state, verdict, carrier, now)
            written = insert(session, table).values(row).on_conflict_do_nothing()
            if session.execute(written.returning(table.c.id)).first() is None:
                continue
            NOTICES.labels(news.kind, state).inc()
            if carrier is None:
                carrier = row["id"]
                if state == "queued":
                    send = NewJob(
                        "shipping.send_notice", f"notice:{row['id']}", {"id": row["id"]}, row["send_at"], once=True
                    )
                    jobs.enqueue(session, store_id, send, now=now)


def _notice_row(
    store_id: int, news: Due, state: str, verdict: Verdict, carrier: int | None, now: datetime
) -> dict[str, Any]:
    return {
        "store_id": store_id,
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
        "language": "",
        "subject": "",
        "message_id": "",
        "send_at": verdict.send_at or now,
        "created_at": now,
        "merged_into": carrier,
        "facts": {},
    }
