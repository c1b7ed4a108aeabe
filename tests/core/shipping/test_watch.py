"""The watch as a whole: its laws over any parcel, and the stories it exists for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.decide import Decision, decide
from core.shipping.rules.parcel import Parcel, PastNotice
from core.shipping.rules.terms import Rule, Terms, TransitRow

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
TABLE = (TransitRow(min_days=2, max_days=4),)

moments = st.datetimes(datetime(2026, 10, 25), datetime(2026, 12, 5)).map(lambda at: at.replace(tzinfo=UTC))
days = st.dates(date(2026, 10, 28), date(2026, 12, 8))
tolds = st.builds(
    PastNotice,
    rule=st.sampled_from(["promise_will_be_missed", "promise_missed", "shipped", "no_scan"]),
    occasion=st.sampled_from(["7:2026-11-27", "7:unshipped:2026-11-26", "7:left", "8:2026-11-30", "", "junk"]),
    kind=st.sampled_from(["delay", "shipped", "stalled"]),
    at=moments,
    expected_by=st.none() | days,
)
parcels = st.builds(
    Parcel,
    order_id=st.just(1),
    shipment_id=st.just(7),
    placed_at=moments,
    seen_at=moments,
    order_state=st.sampled_from(OrderState) | st.just(OrderState.OPEN),
    order_status=st.sampled_from(["", "sent", "came", "other"]),
    status_at=st.none() | moments,
    paid_at=st.none() | moments,
    country=st.sampled_from(["", "US", "VN", "DE", "NZ", "KI", "xx", "Nowhere"]),
    shipping_method=st.sampled_from(["", "Express", "Standard [EU]"]),
    pickup=st.sampled_from([False, False, True]),
    digital=st.sampled_from([False, False, False, True]),
    status=st.sampled_from(TrackingStatus) | st.sampled_from([TrackingStatus.PENDING, TrackingStatus.IN_TRANSIT]),
    status_seen_at=st.none() | moments,
    carrier=st.sampled_from(["", "dhl"]),
    tracked=st.booleans(),
    adapter=st.booleans(),
    shipped_at=st.none() | moments,
    delivered_at=st.sampled_from([None, None, None]) | moments,
    delivered_by=st.sampled_from(["", "carrier", "platform", "adapter"]),
    estimated_by=st.none() | days,
    platform_promised_by=st.none() | days,
    learned_by=st.none() | days,
    promised_by=st.none() | days,
    promise_source=st.sampled_from([None, "platform", "table", "learned"]),
    first_scan_at=st.none() | moments,
    last_scan_at=st.none() | moments,
    last_scan_status=st.none() | st.sampled_from(TrackingStatus),
    answer=st.sampled_from(["", "", "", "arrived", "not_yet", "wait", "cancel", "person"]),
    answered_at=st.none() | moments,
    gone=st.sampled_from([False, False, False, True]),
    parcels_in_order=st.integers(0, 3),
    undelivered_in_order=st.integers(0, 3),
    past_notices=st.lists(tolds, max_size=3).map(tuple),
)
modes = st.sampled_from(["off", "watch", "send"])
stores = st.builds(
    Terms,
    timezone=st.sampled_from(["UTC", "Asia/Ho_Chi_Minh", "America/Los_Angeles", "Pacific/Auckland", "Asia/Riyadh"]),
    cutoff=st.sampled_from([time(0), time(14), time(23, 59)]),
    handling_days=st.integers(0, 4),
    ship_days=st.sampled_from(["1111100", "1111001", "0000001"]),
    delivery_days=st.sampled_from(["1111110", "1111001"]),
    holidays_country=st.sampled_from(["", "CN", "VN", "US"]),
    closed=st.lists(days, max_size=3).map(tuple),
    transit=st.sampled_from(
        [(), TABLE, (TransitRow(min_days=0, max_days=0),), (TransitRow(country="US", min_days=1, max_days=9),)]
    ),
    statuses=st.sampled_from([{}, {"sent": "shipped", "came": "delivered", "other": "ignore"}]),
    rules=st.dictionaries(
        st.sampled_from(["promise_revised", "promise_will_be_missed", "promise_missed", "no_scan", "all_arrived"]),
        st.builds(Rule, mode=modes),
    ),
    ask_after_days=st.integers(0, 3),
)


def look(parcel: Parcel, terms: Terms, now: datetime) -> Decision:
    (decision,) = decide([parcel], terms, now)
    return decision


def tell(parcel: Parcel, decision: Decision, now: datetime) -> Parcel:
    past_notices = tuple(PastNotice(due.rule, due.occasion, due.kind, now, due.expected_by) for due in decision.due)
    return replace(parcel, past_notices=parcel.past_notices + past_notices)


@settings(max_examples=400)
@given(parcels, stores, moments, st.floats(0, 1, exclude_max=True))
def test_until_check_after_time_alone_changes_nothing(parcel: Parcel, terms: Terms, now: datetime, way: float) -> None:
    first = look(parcel, terms, now)
    parcel = tell(parcel, first, now)
    end = first.check_after or now + timedelta(days=60)
    sooner = min(now + (end - now) * way, end - timedelta(microseconds=1))
    second = look(parcel, terms, sooner)
    assert (second.due, second.check_after, second.late) == ((), first.check_after, first.late)


@settings(max_examples=60)
@given(parcels, stores, moments)
def test_jumping_from_check_to_check_misses_nothing(parcel: Parcel, terms: Terms, start: datetime) -> None:
    end = start + timedelta(days=21)
    jumped: list[tuple[str, str]] = []
    walked: list[tuple[str, str]] = []
    jumper, walker, at = parcel, parcel, start
    while at <= end:
        decision = look(jumper, terms, at)
        jumped += [(due.rule, due.occasion) for due in decision.due]
        jumper, at = tell(jumper, decision, at), decision.check_after or end + timedelta(days=1)
    for hours in range(21 * 24):
        at = start + timedelta(hours=hours)
        decision = look(walker, terms, at)
        walked += [(due.rule, due.occasion) for due in decision.due]
        walker = tell(walker, decision, at)
    assert set(walked) <= set(jumped)
    assert len(jumped) == len(set(jumped))


def parcel(**facts: Any) -> Parcel:
    base: dict[str, Any] = {"order_id": 1, "shipment_id": 7, "placed_at": MONDAY, "seen_at": MONDAY, "paid_at": MONDAY}
    return Parcel(**base | facts)


def scanned(at: datetime, status: TrackingStatus = TrackingStatus.IN_TRANSIT, **facts: Any) -> Parcel:
    scans: dict[str, Any] = {"status": status, "last_scan_status": status, "last_scan_at": at, "first_scan_at": at}
    return parcel(**{"shipped_at": MONDAY, "tracked": True, "carrier": "dhl"} | scans | facts)


def follow(parcel: Parcel, terms: Terms, until: datetime, at: datetime | None = MONDAY) -> list[tuple[str, str]]:
    """Everything due from `at` on, with its moment, when nothing more is learned."""
    story: list[tuple[str, str]] = []
    while at is not None and at <= until:
        decision = look(parcel, terms, at)
        story += [(f"{at:%d %H:%M}", due.rule) for due in decision.due]
        parcel, at = tell(parcel, decision, at), decision.check_after
    return story


def test_a_parcel_swept_twice_is_told_once() -> None:
    late = scanned(MONDAY, promised_by=date(2026, 11, 24), estimated_by=date(2026, 11, 26))
    first = look(late, Terms(), MONDAY)
    assert [due.rule for due in first.due] == ["shipped", "promise_revised"]
    assert look(tell(late, first, MONDAY), Terms(), MONDAY).due == ()


SHIPPED_TERMS = Terms(transit=TABLE)
"""Monday's order is ready on Tuesday and promised for Saturday 28; three days on the way is likely."""


@pytest.mark.parametrize(
    ("subject", "terms", "story"),
    [
        (
            parcel(),
            SHIPPED_TERMS,
            [
                ("25 09:00", "not_shipped"),
                ("26 00:00", "promise_will_be_missed"),  # leaving on Thursday, it would come on Monday
                ("01 08:00", "promise_will_be_missed"),
                ("05 08:00", "promise_will_be_missed"),
            ],
        ),
        (
            scanned(MONDAY),
            SHIPPED_TERMS,
            [
                ("23 09:00", "shipped"),
                ("27 00:00", "no_scan"),
                ("28 08:00", "promise_will_be_missed"),
                ("02 00:00", "promise_missed"),  # the new date was not kept either
            ],
        ),
        (
            parcel(status=TrackingStatus.IN_TRANSIT, shipped_at=MONDAY, tracked=True),
            SHIPPED_TERMS,
            [("23 09:00", "shipped"), ("01 08:00", "ask_if_arrived")],
        ),
        (
            parcel(status=TrackingStatus.INFO_RECEIVED, shipped_at=MONDAY, tracked=True),
            SHIPPED_TERMS,
            [("23 09:00", "shipped"), ("26 00:00", "never_scanned"), ("01 08:00", "ask_if_arrived")],
        ),
        (
            scanned(MONDAY, country="US"),
            Terms(timezone="Asia/Ho_Chi_Minh", transit=TABLE),
            [
                ("23 09:00", "shipped"),
                ("27 10:00", "no_scan"),
                ("30 16:00", "promise_will_be_missed"),  # the promised morning in the middle of the US
                ("03 10:00", "promise_missed"),  # the new day is over in Hawaii too
            ],
        ),
        (
            scanned(MONDAY, promised_by=date(2026, 11, 25), estimated_by=date(2026, 11, 25)),
            Terms(rules={"no_scan": Rule(mode="off")}),
            [
                ("23 09:00", "shipped"),
                ("25 12:00", "promise_will_be_missed"),  # the carrier still said today: it had the morning
                ("28 00:00", "promise_missed"),
            ],
        ),
        (parcel(order_state=OrderState.ON_HOLD, promised_by=date(2026, 11, 24)), SHIPPED_TERMS, []),
        (parcel(order_state=OrderState.CANCELED, promised_by=date(2026, 11, 24)), SHIPPED_TERMS, []),
        (scanned(MONDAY, gone=True), SHIPPED_TERMS, []),
        (scanned(MONDAY, answer="person"), SHIPPED_TERMS, [("23 09:00", "shipped")]),
    ],
    ids=["unshipped", "scanned", "unscanned", "label", "abroad", "estimate", "held", "canceled", "gone", "person"],
)
def test_a_parcel_of_which_nothing_more_is_learned(subject: Parcel, terms: Terms, story: list[tuple[str, str]]) -> None:
    assert follow(subject, terms, datetime(2026, 12, 7, tzinfo=UTC)) == story


def test_a_delivered_parcel_is_never_looked_at_again() -> None:
    done = scanned(MONDAY, TrackingStatus.DELIVERED, delivered_at=MONDAY, promised_by=date(2026, 11, 22))
    decision = look(done, Terms(), MONDAY)
    assert (decision.late, decision.check_after) == (True, None)
    assert [due.kind for due in decision.due] == ["delivered"]


@pytest.mark.parametrize(
    ("facts", "late"),
    [
        ({}, False),  # sent, and nothing can tell: nobody is called late
        ({"answer": "not_yet", "answered_at": MONDAY}, True),
        ({"first_scan_at": MONDAY}, True),
        ({"answer": "arrived", "answered_at": MONDAY}, False),  # the tap says that it came, not when
    ],
)
def test_a_parcel_is_late_only_with_evidence(facts: dict[str, Any], late: bool) -> None:
    sent = parcel(status=TrackingStatus.IN_TRANSIT, shipped_at=MONDAY, promised_by=date(2026, 11, 22), **facts)
    assert look(sent, Terms(), MONDAY).late is late


def test_once_told_of_a_delay_only_the_new_date_is_a_reason_to_look_again() -> None:
    late = look(parcel(promised_by=date(2026, 11, 20)), SHIPPED_TERMS, MONDAY)
    assert [(due.rule, due.expected_by) for due in late.due] == [("promise_missed", date(2026, 11, 28))]
    # Not Wednesday at nine, 48 hours after payment: that it has not left was said with the delay.
    assert late.check_after == datetime(2026, 11, 28, 8, tzinfo=UTC)


def test_a_carriers_date_is_looked_at_again_when_it_is_over() -> None:
    hopeful = parcel(promised_by=date(2026, 11, 28), estimated_by=date(2026, 11, 23))
    assert look(hopeful, SHIPPED_TERMS, MONDAY).check_after == datetime(2026, 11, 24, tzinfo=UTC)


def test_decisions_come_in_the_order_of_the_parcels() -> None:
    several = [replace(parcel(), order_id=order) for order in (3, 1, 2)]
    assert [decision.order_id for decision in decide(several, Terms(), MONDAY)] == [3, 1, 2]
