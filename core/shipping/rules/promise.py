"""By when a parcel was promised, and whether it arrived: the best source that knows, named in the answer.

Where no source knows, the answer is None: the shopper is asked then, and nothing is asserted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.business_days import (
    Calendar,
    add_business_days,
    at_time,
    delivery_calendar,
    end_of_day,
    ready_by,
    ship_calendar,
    shopper_zone,
    zones_of,
)
from core.shipping.rules.notice_kinds import PATIENCE, RULES
from core.shipping.rules.parcel import Parcel, Source
from core.shipping.rules.terms import Mode, Terms, TransitRow

DeliverySource = Literal["carrier", "platform", "status", "adapter", "shopper"]
MORNING = time(8, 0)


@dataclass(frozen=True, slots=True)
class Promise:
    """The day by whose end the parcel was promised, and who says so.

    `earliest` is the first day of a promised range. It is only told: whether a parcel is late is judged by `by`.
    """

    by: date
    source: Source
    earliest: date | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """When the parcel arrived. From a status or the shopper's tap, `at` is when we were told, not when it came."""

    at: datetime
    source: DeliverySource

    @property
    def is_timed(self) -> bool:
        """Say whether `at` is the arrival itself, so that lateness may be judged by it."""
        return self.source in ("carrier", "platform", "adapter")


@dataclass(frozen=True, slots=True)
class Lane:
    """The settings that hold for one parcel: its calendars, time zones, transit times and switches."""

    store: str
    """The store's zone."""
    shopper: str
    """The shopper's zone, which quiet hours follow."""
    first: str
    """Where in the shopper's country a day begins first …"""
    last: str
    """… and where it ends last. In a country of several zones nobody is called late before that."""
    ship: Calendar
    delivery: Calendar
    transit: TransitRow | None
    modes: Mapping[str, Mode]
    patience: Mapping[str, int]

    def end(self, day: date) -> datetime:
        """The moment at which the day is over for the shopper, wherever in the country they are."""
        return end_of_day(day, self.last)

    def morning(self, day: date) -> datetime:
        """Eight o'clock of the day at the store, or at the shopper's where that is sooner."""
        return min(at_time(day, MORNING, self.store), at_time(day, MORNING, self.first))


class Lanes:
    """A cache of lanes for one store's terms: a sweep asks for a few of them thousands of times."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._known: dict[tuple[str, str, str, str], Lane] = {}

    def of(self, parcel: Parcel) -> Lane:
        """Give the lane this parcel travels."""
        key = (parcel.shipping_method, parcel.country, parcel.carrier, parcel.service)
        lane = self._known.get(key)
        if lane is None:
            lane = self._known[key] = lane_of(parcel, self.terms)
        return lane


def lane_of(parcel: Parcel, terms: Terms) -> Lane:
    """Work out what the terms mean for one parcel."""
    country = parcel.country
    rows = (row for row in terms.transit if row.covers(parcel.shipping_method, country))
    settled = {name: terms.rule(name).resolve(parcel.carrier, parcel.service, country) for name in RULES}
    shopper = shopper_zone(country, terms.timezone)
    # A store outside a country of several zones cannot know which is the shopper's: reckon with all of them.
    zones = zones_of(country) if len(zones_of(country)) > 1 and shopper != terms.timezone else (shopper,)
    return Lane(
        store=terms.timezone,
        shopper=shopper,
        first=zones[0],
        last=zones[-1],
        ship=ship_calendar(terms),
        delivery=delivery_calendar(terms, country),
        transit=next(rows, None),
        modes={name: mode for name, (mode, _) in settled.items()},
        patience={name: PATIENCE.get(name, 0) if after is None else after for name, (_, after) in settled.items()},
    )


def promise_of(parcel: Parcel, terms: Terms, lane: Lane | None = None) -> Promise | None:
    """Give the promise that stands: the first one made, else platform, merchant's table, learned, None.

    A later date from the platform is a revision (a rule's business), not a new promise.
    """
    if parcel.promised_by is not None:
        return Promise(parcel.promised_by, parcel.promise_source or "platform", parcel.promised_from)
    if parcel.platform_promised_by is not None:
        return Promise(parcel.platform_promised_by, "platform", parcel.platform_promised_from)
    if parcel.pickup or parcel.digital:
        return None
    lane = lane or lane_of(parcel, terms)
    taken_in = taken_in_at(parcel)
    if lane.transit is not None and taken_in is not None:
        ready = ready_by(taken_in, terms, lane.ship)
        return Promise(add_business_days(ready, lane.transit.max_days, lane.delivery), "table")
    return Promise(parcel.learned_by, "learned") if parcel.learned_by is not None else None


def taken_in_at(parcel: Parcel) -> datetime | None:
    """When the store's handling began: payment, or the order itself where it is worked on unpaid."""
    if parcel.paid_at is not None:
        return parcel.paid_at
    # Cash on delivery: WooCommerce sets no payment date, yet the order is "processing" (10.5, 2026-11).
    return parcel.placed_at if parcel.order_state in (OrderState.OPEN, OrderState.DONE) else None


def shipped_at(parcel: Parcel, terms: Terms) -> datetime | None:
    """When it left the store, as far as we know; None while it has not, or nobody said when."""
    if parcel.shipped_at is not None or parcel.status is not TrackingStatus.PENDING:
        return parcel.shipped_at or parcel.first_scan_at
    return parcel.status_at if is_shipped(parcel, terms) else None


def is_shipped(parcel: Parcel, terms: Terms) -> bool:
    """Say whether it left the store: a parcel says so, or the order's status does, mapped by the merchant."""
    if parcel.shipped_at is not None or parcel.status is not TrackingStatus.PENDING:
        return True
    # An order the store calls done has been sent somehow: "not shipped yet" would be an assertion.
    return terms.statuses.get(parcel.order_status) in ("shipped", "delivered") or parcel.order_state is OrderState.DONE


def delivery_of(parcel: Parcel, terms: Terms) -> Delivery | None:
    """Give the arrival from the best source that knows of it: carrier or platform, mapped status, adapter, shopper."""
    seen_at = parcel.delivered_at
    if seen_at is None and parcel.status is TrackingStatus.DELIVERED:
        seen_at = parcel.last_scan_at or parcel.status_at or parcel.seen_at
    if seen_at is not None and parcel.delivered_by != "adapter":
        return Delivery(seen_at, "carrier" if parcel.delivered_by == "carrier" else "platform")
    if terms.statuses.get(parcel.order_status) == "delivered":
        return Delivery(parcel.status_at or parcel.seen_at, "status")
    if seen_at is not None:
        return Delivery(seen_at, "adapter")
    if parcel.answer == "arrived":
        return Delivery(parcel.answered_at or parcel.seen_at, "shopper")
    return None


def can_know_delivery(parcel: Parcel, terms: Terms) -> bool:
    """Say whether any source but the shopper would have told us of its arrival (the desk's coverage)."""
    return has_feed(parcel) or parcel.delivered_at is not None or "delivered" in terms.statuses.values()


def has_feed(parcel: Parcel) -> bool:
    """Say whether a carrier's scans of this very parcel reach us; a label alone is none."""
    return parcel.adapter or parcel.first_scan_at is not None
