"""A parcel as the rules read it, with the notices its shopper was sent before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from core.platform.snapshots import OrderState, TrackingStatus

Source = Literal["platform", "table", "learned"]
"""Who made a promise: the platform, the merchant's table of delivery times, or what was learned from history."""


@dataclass(frozen=True, slots=True)
class PastNotice:
    """What was told already, or would have been (`sent` False: watched, drafted or suppressed)."""

    rule: str
    occasion: str
    kind: str
    at: datetime
    expected_by: date | None = None
    sent: bool = True


# Not frozen: with so many fields that costs three times as much to make (Python 3.11, 2026-11).
@dataclass(slots=True, kw_only=True)
class Parcel:
    """One parcel as a plain row, with what its order says. Times are aware UTC.

    A part of an order that was not shipped yet is a parcel too: status PENDING, no `shipped_at`.
    """

    order_id: int
    shipment_id: int
    placed_at: datetime
    seen_at: datetime
    """When we first saw it."""
    order_state: OrderState = OrderState.OPEN
    order_status: str = ""
    """The platform's own word, which the merchant may have mapped."""
    status_at: datetime | None = None
    """Since when the order has that status."""
    paid_at: datetime | None = None
    country: str = ""
    shipping_method: str = ""
    pickup: bool = False
    shipped_mailed: bool = False
    """The platform itself mailed the shopper that the order has left."""
    digital: bool = False
    on_hold: bool = False
    """It has not left, and the store holds every unit in it."""
    status: TrackingStatus = TrackingStatus.PENDING
    raw_status: str = ""
    status_seen_at: datetime | None = None
    """When the parcel was seen to take its status, for platforms whose status has no date."""
    carrier: str = ""
    service: str = ""
    tracked: bool = False
    """It has a tracking number."""
    # Not set yet: read with the first CarrierAdapter (issue L, the forecast).
    adapter: bool = False
    """A carrier adapter of ours follows it: waits for the carriers' adapters."""
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    delivered_by: Literal["carrier", "platform", "adapter", ""] = ""
    estimated_by: date | None = None
    """The carrier's or platform's estimate now."""
    platform_promised_from: date | None = None
    platform_promised_by: date | None = None
    # Not set yet: the forecast learns it from past parcels (issue L, the forecast).
    learned_by: date | None = None
    """The day a model learned from the store's history: waits for issue L, the forecast."""
    promised_from: date | None = None
    promised_by: date | None = None
    """The first promise, as stored; `promised_from` is the first of several days."""
    promise_source: Source | None = None
    first_scan_at: datetime | None = None
    """The carrier's first scan; a label being made is none."""
    last_scan_at: datetime | None = None
    last_scan_status: TrackingStatus | None = None
    answer: Literal["", "arrived", "not_yet", "wait", "cancel", "person"] = ""
    answered_at: datetime | None = None
    stopped: bool = False
    gone: bool = False
    parcels_in_order: int = 1
    undelivered_in_order: int = 1
    past_notices: tuple[PastNotice, ...] = ()
