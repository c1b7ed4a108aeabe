"""Decide what is due for parcels, and when to look at each again: pure, over plain rows, for one or ten thousand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.facts import Due, Facts
from core.shipping.rules.forecast import Expectation, Forecaster, expect
from core.shipping.rules.notice_rules import (
    Answer,
    ask_if_arrived,
    report_coming_delay,
    report_missed_promise,
    report_never_scanned,
    report_no_scan,
    report_not_shipped,
    report_revised_promise,
    report_status,
)
from core.shipping.rules.parcel import Parcel, PastNotice
from core.shipping.rules.promise import Delivery, Lane, Lanes, Promise, delivery_of, is_shipped, promise_of
from core.shipping.rules.terms import Terms

LATENESS_RULES: tuple[tuple[str, Callable[[Facts], Answer]], ...] = (
    ("promise_revised", report_revised_promise),
    ("promise_will_be_missed", report_coming_delay),
    ("promise_missed", report_missed_promise),
    ("ask_if_arrived", ask_if_arrived),
    ("no_scan", report_no_scan),
    ("never_scanned", report_never_scanned),
    ("not_shipped", report_not_shipped),
)
"""In order of precedence: once a delay is due, no later rule about a delay is."""
RULES_READING_PAST_NOTICES = frozenset(
    {"promise_revised", "promise_will_be_missed", "promise_missed", "ask_if_arrived", "not_shipped"}
)
"""The rules that read the day last told, or whether a delay was told; the others are not asked again."""
CARRIER_HAS_FINISHED = (TrackingStatus.RETURNED_TO_SENDER, TrackingStatus.READY_FOR_PICKUP)
"""Not delivered, but the carrier moves it no further."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is known of a parcel now, what is due, and the next moment at which time alone could change that."""

    order_id: int
    shipment_id: int
    promise: Promise | None
    delivery: Delivery | None
    expectation: Expectation | None
    late: bool
    due: tuple[Due, ...]
    check_after: datetime | None


def decide(
    parcels: Sequence[Parcel],
    terms: Terms,
    now: datetime,
    forecaster: Forecaster = expect,
    lanes: Lanes | None = None,
) -> list[Decision]:
    """Decide for each parcel of one store, in the order given.

    Nothing learned, checked again before `check_after`: nothing new is due and `check_after` is the same. What
    `parcel.past_notices` has is not due again. Any combination of fields is answered. `lanes` may be kept between calls
    with the same terms.
    """
    lanes = lanes or Lanes(terms)
    return [_decide_one(parcel, terms, lanes.of(parcel), now, forecaster) for parcel in parcels]


def _decide_one(parcel: Parcel, terms: Terms, lane: Lane, now: datetime, forecaster: Forecaster) -> Decision:
    promise, delivery = promise_of(parcel, terms, lane), delivery_of(parcel, terms)
    if _needs_no_notice(parcel, terms):
        return Decision(parcel.order_id, parcel.shipment_id, promise, delivery, None, False, (), None)
    is_open = delivery is None and parcel.status not in CARRIER_HAS_FINISHED
    expectation = forecaster(parcel, terms, now, lane) if is_open else None
    shipped = is_shipped(parcel, terms)
    facts = Facts(parcel, terms, lane, now, promise, delivery, expectation, shipped, parcel.past_notices)
    rules = LATENESS_RULES if is_open and not facts.is_held else ()
    asked = [(name, rule) for name, rule in rules if lane.modes[name] != "off"]
    answers = [rule(facts) for _, rule in asked]
    due = _due_now([report_status(facts), *answers], parcel.past_notices)
    if any(news.kind == "delay" for news in due):
        # Once told, the date that counts is another one: so are the moments.
        now_told = tuple(news.as_past_notice(now) for news in due)
        facts = Facts(parcel, terms, lane, now, promise, delivery, expectation, shipped, parcel.past_notices + now_told)
        answers = [
            rule(facts) if name in RULES_READING_PAST_NOTICES else answer
            for (name, rule), answer in zip(asked, answers, strict=True)
        ]
    moments = [answer for answer in answers if isinstance(answer, datetime)] + _dates_that_pass(facts, is_open)
    return Decision(
        order_id=parcel.order_id,
        shipment_id=parcel.shipment_id,
        promise=promise,
        delivery=delivery,
        expectation=expectation,
        late=_is_late(facts, is_open),
        due=tuple(due),
        check_after=min((moment for moment in moments if moment > now), default=None),
    )


def _needs_no_notice(parcel: Parcel, terms: Terms) -> bool:
    """Say whether no notice may be sent: it is canceled, gone, digital or on hold, or the merchant set it aside."""
    if parcel.gone or parcel.digital or parcel.order_state in (OrderState.CANCELED, OrderState.REFUNDED):
        return True
    if terms.statuses.get(parcel.order_status) == "ignore":
        return True
    asleep = parcel.on_hold or parcel.order_state in (OrderState.UNPAID, OrderState.ON_HOLD)
    return asleep and delivery_of(parcel, terms) is None and not is_shipped(parcel, terms)


def _due_now(answers: Sequence[Answer], past_notices: Sequence[PastNotice]) -> list[Due]:
    due: list[Due] = []
    known = {(one.rule, one.occasion) for one in past_notices} if past_notices else ()
    for news in answers:
        if not isinstance(news, Due) or news.mode == "off" or (news.rule, news.occasion) in known:
            continue
        if news.kind in ("delay", "not_shipped") and any(earlier.kind == "delay" for earlier in due):
            continue
        due.append(news)
    return due


def _dates_that_pass(facts: Facts, is_open: bool) -> list[datetime]:
    """List when the parcel becomes late, and when the carrier's or the learned date has passed."""
    if not is_open:
        return []
    days = [facts.promise.by] if facts.promise else []
    if facts.expectation is not None and facts.expectation.source != "table":
        days.append(facts.expectation.latest)
    return [moment for day in days if (moment := facts.lane.end(day)) > facts.now]


def _is_late(facts: Facts, is_open: bool) -> bool:
    if facts.promise is None:
        return False
    over = facts.lane.end(facts.promise.by)
    if facts.delivery is not None:
        return facts.delivery.is_timed and facts.delivery.at >= over
    return is_open and facts.now >= over and (facts.is_open or facts.parcel.answer == "not_yet")
