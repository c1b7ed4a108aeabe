"""What is known of a parcel, and each rule that may tell its shopper something.

A rule answers with a `Due` (tell this now), a moment (time alone could change my mind then) or None. The law of
evidence: a parcel is called late only when something shows that it has not arrived; otherwise we ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.business_days import at_time, end_of_day, local_day, nth_day_after, ready_by
from core.shipping.rules.forecast import Expectation, last_ship_day, likely_days
from core.shipping.rules.promise import MORNING, Delivery, Lane, Promise, Source, has_feed, taken_in_at
from core.shipping.rules.terms import Kind, Mode, RuleName, Terms, TransitRow

FRESH = timedelta(days=3)
"""Older news is not news: a first import tells nobody about the past."""
WINDOW = timedelta(days=7)
"""How long after its moment a rule about lateness still speaks, for the same reason."""
MIDDAY = MORNING.replace(hour=12)

MOVING = frozenset(
    {
        TrackingStatus.IN_TRANSIT,
        TrackingStatus.OUT_FOR_DELIVERY,
        TrackingStatus.DELAYED,
        TrackingStatus.FAILED_ATTEMPT,
        TrackingStatus.EXCEPTION,
    }
)
NEWS: dict[TrackingStatus, RuleName] = {
    TrackingStatus.OUT_FOR_DELIVERY: "out_for_delivery",
    TrackingStatus.EXCEPTION: "exception",
    TrackingStatus.FAILED_ATTEMPT: "failed_attempt",
    TrackingStatus.READY_FOR_PICKUP: "ready_for_pickup",
    TrackingStatus.RETURNED_TO_SENDER: "returned_to_sender",
}
KINDS: dict[RuleName, Kind] = {
    "promise_revised": "delay",
    "promise_will_be_missed": "delay",
    "promise_missed": "delay",
    "no_scan": "stalled",
    "never_scanned": "stalled",
    "ask_if_arrived": "asked_if_arrived",
}
"""Where a rule's message is not called like the rule."""


@dataclass(frozen=True, slots=True)
class Told:
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
    digital: bool = False
    status: TrackingStatus = TrackingStatus.PENDING
    raw_status: str = ""
    status_seen_at: datetime | None = None
    """When the parcel was seen to take its status, for platforms whose status has no date."""
    carrier: str = ""
    service: str = ""
    tracked: bool = False
    """It has a tracking number."""
    adapter: bool = False
    """A carrier adapter of ours follows it."""
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    delivered_by: Literal["carrier", "platform", "adapter", ""] = ""
    estimated_by: date | None = None
    """The carrier's or platform's estimate now."""
    platform_promised_by: date | None = None
    learned_by: date | None = None
    promised_by: date | None = None
    """The first promise, as stored."""
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
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One message that is due. `(order_id, rule, occasion)` is its identity: the same news is told once."""

    order_id: int
    shipment_id: int
    rule: RuleName
    kind: Kind
    occasion: str
    mode: Mode
    reason: str
    urgency: int = 0
    """2: a date changes · 1: the shopper may have to act · 0: good to know."""
    promised_by: date | None = None
    expected_by: date | None = None
    before: datetime | None = None
    """It must go before this: the promised day is over then."""
    until: datetime | None = None
    """Nobody needs it after this."""


@dataclass(slots=True)
class Facts:
    """One parcel at one moment, with what the ladders and the forecast say of it."""

    parcel: Parcel
    terms: Terms
    lane: Lane
    now: datetime
    promise: Promise | None
    delivery: Delivery | None
    expectation: Expectation | None
    shipped: bool
    told: tuple[Told, ...] = ()
    standing: date | None = field(init=False)
    """The day that counts now: the promise, or the latest date the shopper was told since."""
    warned_at: datetime | None = field(init=False, default=None)
    is_waiting: bool = field(init=False)
    """The store still has it, and is working on the order."""
    is_open: bool = field(init=False)
    """There is evidence that it has not arrived."""

    def __post_init__(self) -> None:
        parcel = self.parcel
        self.is_waiting = not self.shipped and parcel.order_state is OrderState.OPEN and not parcel.pickup
        # An unknown word of the carrier's may mean "delivered".
        unread = TrackingStatus.UNKNOWN in (parcel.status, parcel.last_scan_status)
        self.is_open = self.is_waiting or (self.shipped and not unread and has_feed(parcel))
        self.standing = self.promise.by if self.promise else None
        mine = f"{parcel.shipment_id}:"
        for told in self.told:
            if told.kind == "delay" and (told.occasion.startswith(mine) or ":unshipped:" in told.occasion):
                self.warned_at = max(told.at, self.warned_at or told.at)
                if self.standing and told.expected_by and told.expected_by > self.standing:
                    self.standing = told.expected_by

    @property
    def is_held(self) -> bool:
        """The shopper asked for a person: notices about lateness would talk over them."""
        return self.parcel.answer in ("cancel", "person")

    @property
    def original(self) -> bool:
        """The shopper knows no date but the promised one."""
        return self.promise is not None and self.standing == self.promise.by


Answer = Due | datetime | None


def tell_news(facts: Facts) -> Answer:
    """Tell the newest thing that happened to the parcel, while it is news."""
    parcel = facts.parcel
    if facts.delivery is not None:
        return _tell_arrival(facts, facts.delivery)
    rule = NEWS.get(parcel.status)
    if rule is None:
        return _tell_shipped(facts)
    at = parcel.last_scan_at or parcel.status_seen_at
    if at is None or not _fresh(at, facts.now):
        return None
    day = local_day(at, facts.lane.store)
    until = end_of_day(local_day(at, facts.lane.shopper), facts.lane.shopper) if rule == "out_for_delivery" else None
    return _due(facts, rule, f"{day}", parcel.status.value, urgency=int(until is None), until=until or _plus(at, FRESH))


def _tell_shipped(facts: Facts) -> Answer:
    parcel = facts.parcel
    mapped = facts.terms.statuses.get(parcel.order_status) == "shipped"
    at = parcel.shipped_at or parcel.first_scan_at or (parcel.status_at if mapped else None)
    if at is None or not _fresh(at, facts.now):
        return None
    return _due(facts, "shipped", "left", "shipped", until=_plus(at, FRESH))


def _tell_arrival(facts: Facts, delivery: Delivery) -> Answer:
    if delivery.source == "shopper" or not _fresh(delivery.at, facts.now):
        return None
    parcel = facts.parcel
    last_of_many = parcel.parcels_in_order > 1 and parcel.undelivered_in_order == 0
    if last_of_many and facts.lane.modes["all_arrived"] != "off":
        return _due(facts, "all_arrived", "", delivery.source, until=_plus(delivery.at, FRESH))
    return _due(facts, "delivered", "arrived", delivery.source, until=_plus(delivery.at, FRESH))


def revise_promise(facts: Facts) -> Answer:
    """Tell a later date of the carrier's or the platform's while the promised day is not over."""
    parcel, standing = facts.parcel, facts.standing
    new = _revised_to(parcel)
    if standing is None or new is None or new <= standing or facts.now >= facts.lane.end(standing):
        return None
    if parcel.status is TrackingStatus.OUT_FOR_DELIVERY:
        return None
    reason = "carrier_estimate" if parcel.estimated_by else "platform_date"
    return _delay(facts, "promise_revised", standing, new, reason)


def _revised_to(parcel: Parcel) -> date | None:
    return parcel.estimated_by or parcel.platform_promised_by


def foresee_delay(facts: Facts) -> Answer:
    """Tell before the promised day is over that it will not hold; the last call is on its morning.

    An original promise is given up as soon as the likely day is past it. A date we told ourselves is looked at
    again on its morning, so that a parcel that does not move is not a message a day.
    """
    standing, lane, now, hope = facts.standing, facts.lane, facts.now, facts.expectation
    if standing is None or now >= lane.end(standing) or not (facts.shipped or facts.is_waiting):
        return None
    on_its_round = facts.parcel.status is TrackingStatus.OUT_FOR_DELIVERY
    if facts.original and hope is not None and hope.likely > standing and not on_its_round:
        return _delay(facts, "promise_will_be_missed", standing, hope.latest, "forecast")
    if facts.original and facts.is_open and facts.parcel.status is TrackingStatus.DELAYED:
        return _delay(facts, "promise_will_be_missed", standing, _later(hope, standing, lane), "carrier_delay")
    last_call = _last_call(facts, standing)
    if now < last_call:
        sooner = _tip(facts, standing, likely_days) if facts.original else None
        return min(last_call, sooner or last_call)
    scanned_at = facts.parcel.last_scan_at
    coming = on_its_round and (scanned_at is None or scanned_at >= last_call - timedelta(days=1))
    if facts.is_open and not coming and (facts.original or (hope is not None and hope.latest > standing)):
        reason = "still_on_its_way" if facts.shipped else "not_shipped"
        return _delay(facts, "promise_will_be_missed", standing, _later(hope, standing, lane), reason)
    return _tip(facts, standing, lambda row: row.max_days)


def _last_call(facts: Facts, standing: date) -> datetime:
    lane, hope = facts.lane, facts.expectation
    if not facts.shipped:
        return lane.morning(standing)
    if hope is not None and hope.source == "carrier" and hope.likely <= standing:
        return at_time(standing, MIDDAY, lane.last)  # the carrier still says it comes: give the morning round a chance
    return at_time(standing, MORNING, lane.shopper)


def _tip(facts: Facts, standing: date, days: Callable[[TransitRow], int]) -> datetime | None:
    """The moment from which a parcel still in the store can no longer make it, taking so many days on its way."""
    row = facts.lane.transit
    if facts.shipped or row is None:
        return None
    moment = end_of_day(last_ship_day(standing, days(row), facts.lane), facts.lane.store)
    return moment if moment > facts.now else None


def _later(hope: Expectation | None, standing: date, lane: Lane) -> date:
    """The expected day where it is past the promise, else the second delivery day after: the least it can be."""
    if hope is not None and hope.latest > standing:
        return hope.latest
    return nth_day_after(standing, 2, lane.delivery)


def admit_miss(facts: Facts) -> Answer:
    """Once the promised day is over, tell the shopper who was not told, if it surely has not arrived."""
    standing = facts.standing
    if standing is None:
        return None
    at = facts.lane.end(standing)
    return _when(facts, at, facts.is_open, lambda: _missed(facts, standing))


def _missed(facts: Facts, standing: date) -> Due:
    hope, revised = facts.expectation, _revised_to(facts.parcel)
    dates = [hope.latest] if hope is not None else []
    if revised is not None and facts.now < facts.lane.end(revised):
        dates.append(revised)
    expected = max((day for day in dates if day > standing), default=None)
    reason = "still_on_its_way" if facts.shipped else "not_shipped"
    occasion = f"{standing}:{expected or 'unknown'}"
    return _due(facts, "promise_missed", occasion, reason, urgency=2, expected_by=expected)


def ask_arrival(facts: Facts) -> Answer:
    """Ask whether it came: the promise is over, and nothing can tell us."""
    parcel, lane, standing = facts.parcel, facts.lane, facts.standing
    if standing is None or parcel.pickup or parcel.answer == "not_yet" or facts.is_open:
        return None
    day = nth_day_after(standing, facts.terms.ask_after_days, lane.delivery)
    at = max(lane.morning(day), lane.end(standing))
    return _when(facts, at, True, lambda: _due(facts, "ask_if_arrived", f"{standing}", "no_evidence", urgency=1))


def notice_silence(facts: Facts) -> Answer:
    """Tell that the carrier has not scanned a moving parcel for some business days."""
    parcel, lane = facts.parcel, facts.lane
    if parcel.last_scan_at is None or parcel.status not in MOVING:
        return None
    day = local_day(parcel.last_scan_at, lane.store)
    at = lane.end(nth_day_after(day, lane.patience["no_scan"], lane.delivery))
    return _when(facts, at, True, lambda: _due(facts, "no_scan", f"{day}", "no_scan", urgency=1))


def notice_dead_label(facts: Facts) -> Answer:
    """Tell that a label was made some business days ago and the carrier never scanned it."""
    parcel, lane = facts.parcel, facts.lane
    if parcel.status is not TrackingStatus.INFO_RECEIVED or parcel.first_scan_at is not None or not parcel.tracked:
        return None
    day = local_day(parcel.shipped_at or parcel.seen_at, lane.store)
    at = lane.end(nth_day_after(day, lane.patience["never_scanned"], lane.delivery))
    return _when(facts, at, True, lambda: _due(facts, "never_scanned", "label", "never_scanned", urgency=1))


def notice_unshipped(facts: Facts) -> Answer:
    """Tell that an order was paid hours ago and has not left, though the store's own handling time is over."""
    taken_in = taken_in_at(facts.parcel)
    if taken_in is None or not facts.is_waiting or facts.warned_at is not None:
        return None
    ready = ready_by(taken_in, facts.terms, facts.lane.ship)
    hours = timedelta(hours=facts.lane.patience["not_shipped"])
    at = max(_plus(taken_in, hours), end_of_day(ready, facts.lane.store))
    hope = facts.expectation.likely if facts.expectation else None
    return _when(
        facts, at, True, lambda: _due(facts, "not_shipped", "paid", "not_shipped", urgency=1, expected_by=hope)
    )


def _when(facts: Facts, at: datetime, holds: bool, due: Callable[[], Due]) -> Answer:
    """Wait until `at`; then it is due, if it holds, for as long as it is worth telling."""
    if not holds:
        return None
    if facts.now < at:
        return at
    return due() if facts.now < _plus(at, WINDOW) else None


def _delay(facts: Facts, rule: RuleName, standing: date, expected: date, reason: str) -> Due:
    before = facts.lane.end(standing)
    return _due(facts, rule, f"{expected}", reason, urgency=2, expected_by=expected, before=before)


def _due(
    facts: Facts,
    rule: RuleName,
    learned: str,
    reason: str,
    *,
    urgency: int = 0,
    expected_by: date | None = None,
    before: datetime | None = None,
    until: datetime | None = None,
) -> Due:
    parcel = facts.parcel
    stage = f"{parcel.shipment_id}" if facts.shipped else f"{parcel.shipment_id}:unshipped"
    return Due(
        order_id=parcel.order_id,
        shipment_id=parcel.shipment_id,
        rule=rule,
        kind=KINDS.get(rule, rule),  # type: ignore[arg-type]
        occasion=f"{stage}:{learned}" if learned else "all",
        mode=facts.lane.modes[rule],
        reason=reason,
        urgency=urgency,
        promised_by=facts.promise.by if facts.promise else None,
        expected_by=expected_by,
        before=before,
        until=until,
    )


def _fresh(at: datetime, now: datetime) -> bool:
    return at > now - FRESH


def _plus(at: datetime, span: timedelta) -> datetime:
    try:
        return at + span
    except OverflowError:
        return at
