"""The rules of notices: one function decides for one parcel whether one kind of message is due now.

A rule answers with a `Due` (send this now), a moment (look again then: time alone may make it due) or None. A parcel is
called late only when there is evidence that it has not arrived; without evidence the shopper is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from core.platform.snapshots import TrackingStatus
from core.shipping.rules.business_days import at_time, end_of_day, local_day, nth_day_after, ready_by
from core.shipping.rules.facts import Due, Facts
from core.shipping.rules.forecast import Expectation, last_ship_day, likely_days
from core.shipping.rules.notice_kinds import KIND_OF, RULES, STATUS_RULES
from core.shipping.rules.parcel import Parcel
from core.shipping.rules.promise import MORNING, Delivery, Lane, taken_in_at
from core.shipping.rules.terms import TransitRow

MAX_NEWS_AGE = timedelta(days=3)
"""What happened longer ago is not told: a first import sends no messages about the past."""
LATENESS_WINDOW = timedelta(days=7)
"""How long after its moment a notice about lateness is still sent, for the same reason."""
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

Answer = Due | datetime | None


def report_status(facts: Facts) -> Answer:
    """Report the newest status of the parcel, while it is recent."""
    parcel = facts.parcel
    if facts.delivery is not None:
        return _tell_arrival(facts, facts.delivery)
    rule = STATUS_RULES.get(parcel.status)
    if rule is None:
        return _tell_shipped(facts)
    at = parcel.last_scan_at or parcel.status_seen_at
    if at is None or not _is_recent(at, facts.now):
        return None
    day = local_day(at, facts.lane.store)
    shopper = facts.lane.shopper
    until = end_of_day(local_day(at, shopper), shopper) if rule.ends_with_day else _add(at, MAX_NEWS_AGE)
    return _due(facts, rule.name, f"{day}", parcel.status.value, until=until)


def _tell_shipped(facts: Facts) -> Answer:
    parcel = facts.parcel
    mapped = facts.terms.statuses.get(parcel.order_status) == "shipped"
    at = parcel.shipped_at or parcel.first_scan_at or (parcel.status_at if mapped else None)
    if at is None or not _is_recent(at, facts.now):
        return None
    return _due(facts, "shipped", "left", "shipped", until=_add(at, MAX_NEWS_AGE))


def _tell_arrival(facts: Facts, delivery: Delivery) -> Answer:
    if delivery.source == "shopper" or not _is_recent(delivery.at, facts.now):
        return None
    parcel = facts.parcel
    last_of_many = parcel.parcels_in_order > 1 and parcel.undelivered_in_order == 0
    if last_of_many and facts.lane.modes["all_arrived"] != "off":
        return _due(facts, "all_arrived", "", delivery.source, until=_add(delivery.at, MAX_NEWS_AGE))
    return _due(facts, "delivered", "arrived", delivery.source, until=_add(delivery.at, MAX_NEWS_AGE))


def report_revised_promise(facts: Facts) -> Answer:
    """Report that the carrier or the platform named a later date, while the promised day is not over."""
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


def report_coming_delay(facts: Facts) -> Answer:
    """Report, before the promised day is over, that the parcel will not arrive by then; at the latest on its morning.

    An original promise is given up as soon as the likely day is past it. A date we told ourselves is looked at
    again on its morning, so that a parcel that does not move is not a message a day.
    """
    standing, lane, now, forecast = facts.standing, facts.lane, facts.now, facts.expectation
    if standing is None or now >= lane.end(standing) or not (facts.shipped or facts.is_waiting):
        return None
    on_its_round = facts.parcel.status is TrackingStatus.OUT_FOR_DELIVERY
    if facts.original and forecast is not None and forecast.likely > standing and not on_its_round:
        return _delay(facts, "promise_will_be_missed", standing, forecast.latest, "forecast")
    if facts.original and facts.is_open and facts.parcel.status is TrackingStatus.DELAYED:
        return _delay(facts, "promise_will_be_missed", standing, _new_date(forecast, standing, lane), "carrier_delay")
    last_call = _last_check_at(facts, standing)
    if now < last_call:
        sooner = _latest_departure(facts, standing, likely_days) if facts.original else None
        return min(last_call, sooner or last_call)
    scanned_at = facts.parcel.last_scan_at
    coming = on_its_round and (scanned_at is None or scanned_at >= last_call - timedelta(days=1))
    if facts.is_open and not coming and (facts.original or (forecast is not None and forecast.latest > standing)):
        reason = "still_on_its_way" if facts.shipped else "not_shipped"
        return _delay(facts, "promise_will_be_missed", standing, _new_date(forecast, standing, lane), reason)
    return _latest_departure(facts, standing, lambda row: row.max_days)


def _last_check_at(facts: Facts, standing: date) -> datetime:
    lane, forecast = facts.lane, facts.expectation
    if not facts.shipped:
        return lane.morning(standing)
    if forecast is not None and forecast.source == "carrier" and forecast.likely <= standing:
        return at_time(standing, MIDDAY, lane.last)  # the carrier still says it comes: give the morning round a chance
    return at_time(standing, MORNING, lane.shopper)


def _latest_departure(facts: Facts, standing: date, days: Callable[[TransitRow], int]) -> datetime | None:
    """Give the moment after which a parcel still in the store arrives too late, taking so many days on its way."""
    row = facts.lane.transit
    if facts.shipped or row is None:
        return None
    moment = end_of_day(last_ship_day(standing, days(row), facts.lane), facts.lane.store)
    return moment if moment > facts.now else None


def _new_date(forecast: Expectation | None, standing: date, lane: Lane) -> date:
    """Give the expected day where it is past the promise, else the second delivery day after, the earliest there is."""
    if forecast is not None and forecast.latest > standing:
        return forecast.latest
    return nth_day_after(standing, 2, lane.delivery)


def report_missed_promise(facts: Facts) -> Answer:
    """Report that the promised day is over, where no delay was reported and the parcel surely has not arrived."""
    standing = facts.standing
    if standing is None:
        return None
    at = facts.lane.end(standing)
    return _due_from(facts, at, facts.is_open, lambda: _missed(facts, standing))


def _missed(facts: Facts, standing: date) -> Due:
    forecast, revised = facts.expectation, _revised_to(facts.parcel)
    dates = [forecast.latest] if forecast is not None else []
    if revised is not None and facts.now < facts.lane.end(revised):
        dates.append(revised)
    expected = max((day for day in dates if day > standing), default=None)
    reason = "still_on_its_way" if facts.shipped else "not_shipped"
    occasion = f"{standing}:{expected or 'unknown'}"
    return _due(facts, "promise_missed", occasion, reason, expected_by=expected)


def ask_if_arrived(facts: Facts) -> Answer:
    """Ask whether the parcel arrived: the promised day is over, and no source can tell us."""
    parcel, lane, standing = facts.parcel, facts.lane, facts.standing
    if standing is None or parcel.pickup or parcel.answer == "not_yet" or facts.is_open:
        return None
    day = nth_day_after(standing, facts.terms.ask_after_days, lane.delivery)
    at = max(lane.morning(day), lane.end(standing))
    return _due_from(facts, at, True, lambda: _due(facts, "ask_if_arrived", f"{standing}", "no_evidence"))


def report_no_scan(facts: Facts) -> Answer:
    """Report that the carrier has not scanned a moving parcel for some business days."""
    parcel, lane = facts.parcel, facts.lane
    if parcel.last_scan_at is None or parcel.status not in MOVING:
        return None
    day = local_day(parcel.last_scan_at, lane.store)
    at = lane.end(nth_day_after(day, lane.patience["no_scan"], lane.delivery))
    return _due_from(facts, at, True, lambda: _due(facts, "no_scan", f"{day}", "no_scan"))


def report_never_scanned(facts: Facts) -> Answer:
    """Report that a label was made some business days ago and the carrier never scanned it."""
    parcel, lane = facts.parcel, facts.lane
    if parcel.status is not TrackingStatus.INFO_RECEIVED or parcel.first_scan_at is not None or not parcel.tracked:
        return None
    day = local_day(parcel.shipped_at or parcel.seen_at, lane.store)
    at = lane.end(nth_day_after(day, lane.patience["never_scanned"], lane.delivery))
    return _due_from(facts, at, True, lambda: _due(facts, "never_scanned", "label", "never_scanned"))


def report_not_shipped(facts: Facts) -> Answer:
    """Report that an order was paid hours ago and has not left, though the store's own handling time is over."""
    taken_in = taken_in_at(facts.parcel)
    if taken_in is None or not facts.is_waiting or facts.warned_at is not None:
        return None
    ready = ready_by(taken_in, facts.terms, facts.lane.ship)
    hours = timedelta(hours=facts.lane.patience["not_shipped"])
    at = max(_add(taken_in, hours), end_of_day(ready, facts.lane.store))
    forecast = facts.expectation.likely if facts.expectation else None
    return _due_from(facts, at, True, lambda: _due(facts, "not_shipped", "paid", "not_shipped", expected_by=forecast))


def _due_from(facts: Facts, at: datetime, holds: bool, due: Callable[[], Due]) -> Answer:
    """Answer `at` before that moment; from then on the message, for `LATENESS_WINDOW`; None where it does not hold."""
    if not holds:
        return None
    if facts.now < at:
        return at
    return due() if facts.now < _add(at, LATENESS_WINDOW) else None


def _delay(facts: Facts, rule: str, standing: date, expected: date, reason: str) -> Due:
    before = facts.lane.end(standing)
    return _due(facts, rule, f"{expected}", reason, expected_by=expected, before=before)


def _due(
    facts: Facts,
    rule: str,
    learned: str,
    reason: str,
    *,
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
        kind=KIND_OF[rule].name,
        occasion=f"{stage}:{learned}" if learned else "all",
        mode=facts.lane.modes[rule],
        reason=reason,
        urgency=RULES[rule].urgency,
        promised_by=facts.promise.by if facts.promise else None,
        expected_by=expected_by,
        before=before,
        until=until,
        platform_mailed=parcel.shipped_mailed and rule == "shipped",
    )


def _is_recent(at: datetime, now: datetime) -> bool:
    return at > now - MAX_NEWS_AGE


def _add(at: datetime, span: timedelta) -> datetime:
    try:
        return at + span
    except OverflowError:
        return at
