"""An order's parcels, gathered from the places where WooCommerce and its tracking plugins keep them.

Core's fulfillments know the items; the tracking plugins know numbers and sometimes carriers' words. The same
tracking number in two places is one parcel, with the ref of the first place in the order of `shipments` below.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from core.platform.snapshots import ShipmentSnapshot, TrackingEventSnapshot, TrackingStatus

log = logging.getLogger(__name__)

# TrackShip's words, and AST's titles for them ("failure" is Failed Attempt), from their public code (2026-11).
TRACKSHIP = {
    "pre_transit": TrackingStatus.INFO_RECEIVED,
    "label_created": TrackingStatus.INFO_RECEIVED,
    "in_transit": TrackingStatus.IN_TRANSIT,
    "on_hold": TrackingStatus.DELAYED,
    "out_for_delivery": TrackingStatus.OUT_FOR_DELIVERY,
    "available_for_pickup": TrackingStatus.READY_FOR_PICKUP,
    "failure": TrackingStatus.FAILED_ATTEMPT,
    "exception": TrackingStatus.EXCEPTION,
    "return_to_sender": TrackingStatus.RETURNED_TO_SENDER,
    "delivered": TrackingStatus.DELIVERED,
}
# Words about TrackShip's account or the number, not about the parcel: what the store said still holds.
TRACKSHIP_SILENT = frozenset(
    """unknown pending pending_trackship carrier_unsupported insufficient_balance invalid_tracking invalid_carrier
    invalid_user_key unauthorized_store unauthorized_api_key missing_carrier missing_tracking missing_order_id
    ssl_error label_cancelled deleted""".split()
)


def shipments(
    order: Mapping[str, Any], meta: Mapping[str, Any], fulfillments: Iterable[Mapping[str, Any]]
) -> tuple[ShipmentSnapshot, ...]:
    """Give the order's parcels, each once, whatever number of plugins recorded it; `meta` is its `meta_of`."""
    offset = local_offset(order)
    found = [
        *_fulfilled(fulfillments, offset),
        *_tracking_items(meta, offset),
        *_aftership_items(meta),
        *_yith_item(meta, order),
    ]
    parcels: dict[str, ShipmentSnapshot] = {}
    for parcel in found:
        key = "".join(filter(str.isalnum, parcel.tracking_number)).upper() or parcel.ref
        parcels[key] = _merge(parcels[key], parcel) if key in parcels else parcel
    return tuple(parcels.values())


def meta_of(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Give meta_data as a mapping; of a key that is there twice the last one counts, as in WordPress."""
    rows = thing.get("meta_data")
    return {str(row.get("key")): row.get("value") for row in rows_of(rows)}


def rows_of(value: Any) -> list[dict[str, Any]]:
    """Give the rows of a list; PHP writes a list with gaps as an object, and an empty one as either."""
    rows = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [row for row in rows if isinstance(row, dict)]


def local_offset(order: Mapping[str, Any]) -> timedelta:
    """Give how far the store's clock is ahead of UTC, read off the order's own two creation times.

    Fulfillments carry store-local times without a zone (10.5). For a parcel shipped in the other half of the year
    this is an hour off, which no promise depends on.
    """
    local, utc = order.get("date_created"), order.get("date_created_gmt")
    if not local or not utc:
        return timedelta()
    return datetime.fromisoformat(local) - datetime.fromisoformat(utc)


def utc_time(text: Any, offset: timedelta = timedelta()) -> datetime | None:
    """Read "2026-11-21T18:09:15" (or with a space) as UTC after taking `offset` off; None for no or odd text."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else (moment - offset).replace(tzinfo=UTC)


def unix_time(value: Any) -> datetime | None:
    """Read a Unix time that PHP wrote as text or number."""
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _fulfilled(fulfillments: Iterable[Mapping[str, Any]], offset: timedelta) -> Iterator[ShipmentSnapshot]:
    for one in fulfillments:
        if not one.get("is_fulfilled"):
            continue  # being packed: nothing has left yet
        meta = meta_of(one)
        yield ShipmentSnapshot(
            ref=f"fulfillment:{one['id']}",
            status=TrackingStatus.IN_TRANSIT,
            raw_status=str(one.get("status") or "fulfilled"),
            carrier=_text(meta.get("_shipment_provider")),
            tracking_number=_text(meta.get("_tracking_number")),
            tracking_url=_web_url(meta.get("_tracking_url")),
            shipped_at=utc_time(meta.get("_date_fulfilled") or one.get("date_updated"), offset),
            items=_items(meta.get("_items"), "item_id", "qty"),
        )


def _tracking_items(meta: Mapping[str, Any], offset: timedelta) -> Iterator[ShipmentSnapshot]:
    """Woo's Shipment Tracking and AST share one list; TrackShip keeps its findings by position in that list."""
    findings = meta.get("shipment_status")
    listed = enumerate(findings) if isinstance(findings, list) else ()
    by_position: Mapping[Any, Any] = findings if isinstance(findings, dict) else dict(listed)
    for position, row in enumerate(rows_of(meta.get("_wc_shipment_tracking_items"))):
        number = _text(row.get("tracking_number"))
        parcel = ShipmentSnapshot(
            ref=f"tracking:{row.get('tracking_id') or number}",
            status=TrackingStatus.IN_TRANSIT,
            raw_status="shipped",
            carrier=_text(row.get("tracking_provider") or row.get("custom_tracking_provider")),
            tracking_number=number,
            tracking_url=_web_url(row.get("custom_tracking_link")),
            shipped_at=unix_time(row.get("date_shipped")),
            items=_items(row.get("products_list"), "item_id", "qty"),
        )
        finding = by_position.get(str(position), by_position.get(position))
        yield _as_found(parcel, finding, offset) if isinstance(finding, dict) else parcel


def _as_found(parcel: ShipmentSnapshot, finding: Mapping[str, Any], offset: timedelta) -> ShipmentSnapshot:
    """Add what TrackShip heard from the carrier: {status, status_date, est_delivery_date}."""
    estimated = iso_date(finding.get("est_delivery_date"))
    word = _text(finding.get("status"))
    if not word or word in TRACKSHIP_SILENT:
        return replace(parcel, estimated_by=estimated)
    status = TRACKSHIP.get(word, TrackingStatus.UNKNOWN)
    if status is TrackingStatus.UNKNOWN:
        log.warning("woocommerce: unknown shipment status %.40r", word)
    at = utc_time(finding.get("status_date"), offset)
    return replace(
        parcel,
        status=status,
        raw_status=word,
        delivered_at=at if status is TrackingStatus.DELIVERED else None,
        estimated_by=estimated,
        events=(TrackingEventSnapshot(at=at, status=status, raw=word),) if at else (),
    )


def _aftership_items(meta: Mapping[str, Any]) -> Iterator[ShipmentSnapshot]:
    # Its created_at is store-local time with a "Z" behind (current_time in 1.17), and says when the number was
    # typed in, not when the parcel left: so neither is a shipping date.
    for row in rows_of(meta.get("_aftership_tracking_items")):
        number = _text(row.get("tracking_number"))
        yield ShipmentSnapshot(
            ref=f"tracking:{row.get('tracking_id') or number}",
            status=TrackingStatus.INFO_RECEIVED,
            carrier=_text(row.get("slug")),
            tracking_number=number,
            items=_items(row.get("line_items"), "id", "quantity"),
        )


def _yith_item(meta: Mapping[str, Any], order: Mapping[str, Any]) -> Iterator[ShipmentSnapshot]:
    """YITH Order Tracking keeps one number an order, and a box to tick once the carrier has it."""
    number = _text(meta.get("ywot_tracking_code"))
    if not number:
        return
    picked_up = meta.get("ywot_picked_up") in ("on", "1", 1, True)
    yield ShipmentSnapshot(
        ref=f"ywot:{order['id']}",
        status=TrackingStatus.IN_TRANSIT if picked_up else TrackingStatus.INFO_RECEIVED,
        raw_status="picked_up" if picked_up else "",
        carrier=_text(meta.get("ywot_carrier_name") or meta.get("ywot_carrier_id")),
        tracking_number=number,
        tracking_url=_web_url(meta.get("ywot_carrier_url")),
        shipped_at=utc_time(meta.get("ywot_pick_up_date"), local_offset(order)) if picked_up else None,
        estimated_by=iso_date(meta.get("ywot_estimated_delivery_date")),
    )


def _merge(first: ShipmentSnapshot, second: ShipmentSnapshot) -> ShipmentSnapshot:
    """One parcel told twice: the first's identity, the gaps filled, and a carrier's word before a store's."""
    heard = second if second.events and not first.events else first
    if heard is first and first.status is TrackingStatus.INFO_RECEIVED and not first.events:
        heard = second
    return replace(
        first,
        status=heard.status,
        raw_status=heard.raw_status,
        carrier=first.carrier or second.carrier,
        tracking_url=first.tracking_url or second.tracking_url,
        shipped_at=first.shipped_at or second.shipped_at,
        delivered_at=first.delivered_at or second.delivered_at,
        estimated_by=first.estimated_by or second.estimated_by,
        items=first.items or second.items,
        events=first.events or second.events,
    )


def iso_date(value: Any) -> date | None:
    """Read "2026-11-21" or "20261121", and nothing that could be another order of day and month."""
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        return None


def _items(value: Any, ref: str, quantity: str) -> Mapping[str, int]:
    items: dict[str, int] = {}
    for row in rows_of(value):
        units = _units(row.get(quantity))
        if units and row.get(ref):
            items[str(row[ref])] = items.get(str(row[ref]), 0) + units
    return items


def _units(value: Any) -> int:
    """Read how many pieces of a line are in a parcel; part of one (1.5 m) is one, as in the order."""
    try:
        read = Decimal(str(value or 0).strip().replace(",", "."))
    except InvalidOperation:
        return 0
    if not read.is_finite() or not 0 < read <= 1_000_000:
        return 0
    return 1 if read % 1 else int(read)


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) else ""


def _web_url(value: Any) -> str:
    """Only http(s) addresses become links; a plugin's field may hold anything."""
    text = _text(value)
    return text if text.startswith(("https://", "http://")) else ""
