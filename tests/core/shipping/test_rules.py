"""Each rule alone: when it speaks, what it says, and when it must not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.decide import decide
from core.shipping.rules.facts import Due
from core.shipping.rules.parcel import Parcel, PastNotice
from core.shipping.rules.terms import Exemption, Rule, Terms, TransitRow

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)  # a Wednesday
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
TABLE = Terms(transit=(TransitRow(min_days=2, max_days=4),))


def nov(day: int) -> date:
    return date(2026, 11, day)


def parcel(**facts: Any) -> Parcel:
    base: dict[str, Any] = {"order_id": 1, "shipment_id": 7, "placed_at": MONDAY, "seen_at": MONDAY, "paid_at": MONDAY}
    return Parcel(**base | facts)


def moving(status: TrackingStatus = TrackingStatus.IN_TRANSIT, at: datetime = NOW, **facts: Any) -> Parcel:
    left: dict[str, Any] = {"shipped_at": NOW - timedelta(days=9), "tracked": True, "first_scan_at": at}
    return parcel(**left | {"status": status, "last_scan_at": at, "last_scan_status": status} | facts)


def due(subject: Parcel, terms: Terms | None = None, now: datetime = NOW) -> list[Due]:
    return list(decide([subject], terms or Terms(), now)[0].due)


def told_delay(expected: date, occasion: str = "7:x") -> tuple[PastNotice, ...]:
    return (PastNotice("promise_will_be_missed", occasion, "delay", NOW - timedelta(hours=9), expected),)


S = TrackingStatus


@pytest.mark.parametrize(
    ("status", "kind", "occasion"),
    [
        (S.OUT_FOR_DELIVERY, "out_for_delivery", "7:2026-11-25"),
        (S.EXCEPTION, "exception", "7:2026-11-25"),
        (S.FAILED_ATTEMPT, "failed_attempt", "7:2026-11-25"),
        (S.READY_FOR_PICKUP, "ready_for_pickup", "7:2026-11-25"),
        (S.RETURNED_TO_SENDER, "returned_to_sender", "7:2026-11-25"),
        (S.DELIVERED, "delivered", "7:arrived"),
        (S.IN_TRANSIT, None, None),
        (S.UNKNOWN, None, None),
    ],
)
def test_each_scan_worth_telling_has_its_notice(status: S, kind: str | None, occasion: str | None) -> None:
    assert [(one.kind, one.occasion) for one in due(moving(status))] == ([(kind, occasion)] if kind else [])


@pytest.mark.parametrize("status", [S.EXCEPTION, S.DELIVERED, S.READY_FOR_PICKUP, S.RETURNED_TO_SENDER])
def test_a_first_import_tells_nobody_about_the_past(status: S) -> None:
    assert due(moving(status, NOW - timedelta(days=3)), Terms(rules={"no_scan": Rule(mode="off")})) == []
    assert len(due(moving(status, NOW - timedelta(days=3) + timedelta(seconds=1)))) == 1


def test_a_status_without_a_date_is_news_only_when_we_saw_it_change() -> None:
    undated: dict[str, Any] = {"last_scan_at": None, "last_scan_status": None}
    assert due(moving(S.EXCEPTION, **undated)) == []
    assert [one.kind for one in due(moving(S.EXCEPTION, **undated, status_seen_at=NOW))] == ["exception"]


def test_the_last_of_several_parcels_says_that_all_are_there() -> None:
    last = moving(S.DELIVERED, parcels_in_order=2, undelivered_in_order=0)
    assert [(one.kind, one.occasion) for one in due(last)] == [("all_arrived", "all")]
    assert [one.kind for one in due(last, Terms(rules={"all_arrived": Rule(mode="off")}))] == ["delivered"]
    assert [one.kind for one in due(moving(S.DELIVERED, parcels_in_order=2))] == ["delivered"]


def test_a_shopper_who_said_it_came_is_not_told_so() -> None:
    assert due(moving(answer="arrived", answered_at=NOW)) == []


@pytest.mark.parametrize(
    ("facts", "expected_by"),
    [
        ({"estimated_by": nov(28)}, nov(28)),
        ({"platform_promised_by": nov(29)}, nov(29)),
        ({"estimated_by": nov(26), "platform_promised_by": nov(29)}, None),  # the carrier says it comes sooner
        ({"estimated_by": nov(27)}, None),
        ({"estimated_by": nov(26)}, None),
        ({"estimated_by": nov(28), "past_notices": told_delay(nov(28))}, None),
        ({"estimated_by": nov(28), "past_notices": told_delay(nov(30))}, None),
        ({"estimated_by": nov(29), "past_notices": told_delay(nov(28))}, nov(29)),
        ({"estimated_by": nov(28), "past_notices": told_delay(nov(30), "8:x")}, nov(28)),  # told of another parcel
        (
            {"estimated_by": nov(28), "past_notices": told_delay(nov(30), "0:unshipped:x")},
            None,
        ),  # told while it was there
        ({"estimated_by": nov(28), "status": S.OUT_FOR_DELIVERY, "last_scan_at": MONDAY}, None),
    ],
)
def test_only_a_date_later_than_what_was_said_is_a_delay(facts: dict[str, Any], expected_by: date | None) -> None:
    found = [one for one in due(moving(promised_by=nov(27), **facts)) if one.kind == "delay"]
    assert [one.expected_by for one in found] == ([expected_by] if expected_by else [])
    for one in found:
        assert (one.rule, one.promised_by, one.occasion) == ("promise_revised", nov(27), f"7:{expected_by}")


def test_leaving_late_is_foreseen_though_nothing_was_scanned() -> None:
    (shipped, delay) = due(parcel(status=S.IN_TRANSIT, shipped_at=NOW, promised_by=nov(26)), TABLE)
    assert (delay.rule, delay.reason) == ("promise_will_be_missed", "forecast")
    assert (delay.promised_by, delay.expected_by) == (nov(26), nov(30))
    assert delay.before == datetime(2026, 11, 27, tzinfo=UTC)
    assert shipped.kind == "shipped"


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (moving(promised_by=nov(25)), "still_on_its_way"),
        (parcel(promised_by=nov(25)), "not_shipped"),
        (moving(S.OUT_FOR_DELIVERY, promised_by=nov(25)), None),
        (moving(S.OUT_FOR_DELIVERY, MONDAY, promised_by=nov(25)), "still_on_its_way"),  # two days ago
        (moving(S.READY_FOR_PICKUP, promised_by=nov(25)), None),
        (moving(S.UNKNOWN, promised_by=nov(25)), None),  # the unknown word may mean delivered
        (parcel(status=S.IN_TRANSIT, promised_by=nov(25), tracked=True), None),  # no scans: no evidence
        (parcel(order_state=OrderState.DONE, promised_by=nov(25)), None),  # done: it was sent somehow
        (parcel(order_state=OrderState.UNKNOWN, promised_by=nov(25)), None),
        (parcel(pickup=True, promised_by=nov(25)), None),
    ],
)
def test_the_last_call_on_the_promised_morning_needs_evidence(subject: Parcel, reason: str | None) -> None:
    found = [one for one in due(subject) if one.kind == "delay"]
    assert [one.reason for one in found] == ([reason] if reason else [])
    assert all(one.expected_by and one.expected_by > nov(25) for one in found)
    before = [one for one in due(subject, now=datetime(2026, 11, 25, 7, 59, tzinfo=UTC)) if one.kind == "delay"]
    assert before == []


def test_a_carrier_that_says_delayed_is_believed_before_the_last_call() -> None:
    (delay,) = (one for one in due(moving(S.DELAYED, promised_by=nov(27))) if one.kind == "delay")
    assert (delay.reason, delay.expected_by) == ("carrier_delay", nov(30))


@pytest.mark.parametrize(
    ("subject", "rule"),
    [
        (moving(promised_by=nov(24)), "promise_missed"),
        (parcel(promised_by=nov(24)), "promise_missed"),
        (moving(S.UNKNOWN, promised_by=nov(20)), "ask_if_arrived"),
        (parcel(status=S.IN_TRANSIT, promised_by=nov(20), tracked=True), "ask_if_arrived"),
        (parcel(order_state=OrderState.DONE, promised_by=nov(20)), "ask_if_arrived"),
        (parcel(status=S.IN_TRANSIT, promised_by=nov(24)), None),  # two business days are not over
        (parcel(status=S.IN_TRANSIT, promised_by=nov(20), answer="not_yet"), None),
        (parcel(status=S.IN_TRANSIT, promised_by=nov(20), answer="person"), None),
        (parcel(status=S.IN_TRANSIT, promised_by=nov(10)), None),  # too long ago to ask
        (moving(promised_by=nov(10)), None),
        (
            moving(
                S.DELIVERED, promised_by=nov(24), past_notices=(PastNotice("delivered", "7:arrived", "delivered", NOW),)
            ),
            None,
        ),
    ],
)
def test_after_the_promise_we_tell_with_evidence_and_ask_without(subject: Parcel, rule: str | None) -> None:
    found = [one.rule for one in due(subject)]
    assert found == ([rule] if rule else [])


def test_a_miss_without_a_new_date_says_none_and_the_date_is_told_when_there_is_one() -> None:
    late = moving(promised_by=nov(24))
    (miss,) = due(late)
    assert (miss.expected_by, miss.occasion) == (None, "7:2026-11-24:unknown")
    past_notices = (PastNotice(miss.rule, miss.occasion, miss.kind, NOW),)
    assert due(moving(promised_by=nov(24), past_notices=past_notices)) == []
    (again,) = due(moving(promised_by=nov(24), past_notices=past_notices, estimated_by=nov(28)))
    assert (again.rule, again.expected_by) == ("promise_missed", nov(28))


def test_a_miss_takes_the_platforms_later_date_so_that_it_is_not_told_twice() -> None:
    late = moving(promised_by=nov(24), platform_promised_by=nov(30), shipped_at=MONDAY)
    (_shipped, miss) = due(late, TABLE)  # the table alone would say Friday
    assert miss.expected_by == nov(30)


FRIDAY = datetime(2026, 11, 20, 9, tzinfo=UTC)
BRAZIL = Rule(exemptions=(Exemption(carriers=("DHL",), countries=("BR",), after=9),))


@pytest.mark.parametrize(
    ("subject", "terms", "now", "kinds"),
    [
        (moving(at=FRIDAY), Terms(), datetime(2026, 11, 24, 23, 59, tzinfo=UTC), []),
        (moving(at=FRIDAY), Terms(), datetime(2026, 11, 25, 0, 0, tzinfo=UTC), ["stalled"]),  # Sat, Mon, Tue
        (moving(at=FRIDAY), Terms(delivery_days="1111100"), datetime(2026, 11, 25, 9, tzinfo=UTC), []),
        (moving(at=FRIDAY, carrier="dhl", country="BR"), Terms(rules={"no_scan": BRAZIL}), NOW, []),
        (moving(at=FRIDAY, carrier="ups", country="BR"), Terms(rules={"no_scan": BRAZIL}), NOW, ["stalled"]),
        (moving(S.READY_FOR_PICKUP, at=FRIDAY), Terms(), NOW, []),
        (moving(S.UNKNOWN, at=FRIDAY), Terms(), NOW, []),
        (moving(at=FRIDAY), Terms(rules={"no_scan": Rule(mode="off")}), NOW, []),
    ],
)
def test_silence_is_counted_in_delivery_days_per_carrier_and_country(
    subject: Parcel, terms: Terms, now: datetime, kinds: list[str]
) -> None:
    assert [one.kind for one in due(subject, terms, now)] == kinds


def test_a_label_nobody_scanned_is_told_after_two_delivery_days() -> None:
    label = parcel(status=S.INFO_RECEIVED, shipped_at=None, seen_at=MONDAY, tracked=True)
    assert due(label, now=datetime(2026, 11, 25, 23, 59, tzinfo=UTC)) == []
    (stalled,) = due(label, now=datetime(2026, 11, 26, tzinfo=UTC))
    assert (stalled.kind, stalled.rule) == ("stalled", "never_scanned")


@pytest.mark.parametrize(
    ("facts", "after", "now", "is_due"),
    [
        ({}, 48, datetime(2026, 11, 25, 8, 59, tzinfo=UTC), False),
        ({}, 48, datetime(2026, 11, 25, 9, tzinfo=UTC), True),
        ({}, 1, datetime(2026, 11, 24, 23, 59, tzinfo=UTC), False),  # the store's own handling time is not over
        ({}, 1, datetime(2026, 11, 25, tzinfo=UTC), True),
        ({"paid_at": None, "order_state": OrderState.UNPAID}, 1, NOW, False),
        ({"order_state": OrderState.DONE}, 1, NOW, False),
        ({"pickup": True}, 1, NOW, False),
        ({"past_notices": told_delay(nov(30))}, 1, NOW, False),  # the delay notice said so
    ],
)
def test_paid_but_not_shipped_is_told_after_the_hours_and_the_handling(
    facts: dict[str, Any], after: int, now: datetime, is_due: bool
) -> None:
    terms = Terms(rules={"not_shipped": Rule(mode="send", after=after)})
    assert [(one.kind, one.mode) for one in due(parcel(**facts), terms, now)] == [("not_shipped", "send")] * is_due


def test_an_order_status_mapped_to_shipped_is_told_as_shipped() -> None:
    terms = Terms(statuses={"sent": "shipped", "hidden": "ignore"})
    assert [one.kind for one in due(parcel(order_status="sent", status_at=NOW), terms)] == ["shipped"]
    assert due(moving(S.EXCEPTION, order_status="hidden"), terms) == []
