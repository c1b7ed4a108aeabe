"""The fatigue governor: few messages, at decent hours, and a reason for each that does not go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.shipping.rules.facts import Due
from core.shipping.rules.parcel import PastNotice
from core.shipping.rules.send_policy import apply_send_policy
from core.shipping.rules.terms import Terms

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 25, 8, tzinfo=UTC)


def news(rule: str = "shipped", kind: str = "shipped", occasion: str = "7:left", **facts: Any) -> Due:
    base: dict[str, Any] = {"order_id": 1, "shipment_id": 7, "mode": "send", "reason": "test"}
    return Due(rule=rule, kind=kind, occasion=occasion, **base | facts)


def delay(**facts: Any) -> Due:
    base: dict[str, Any] = {"urgency": 2, "promised_by": date(2026, 11, 25), "expected_by": date(2026, 11, 27)}
    return news("promise_will_be_missed", "delay", "7:2026-11-27", **base | facts)


def sent(hours_ago: float, kind: str = "shipped", **facts: Any) -> PastNotice:
    base: dict[str, Any] = {"rule": kind, "occasion": f"7:{hours_ago}", "kind": kind}
    return PastNotice(at=NOON - timedelta(hours=hours_ago), **base | facts)


@pytest.mark.parametrize(
    ("due", "past_notices", "terms", "stopped", "reason"),
    [
        (news(), [], Terms(), False, None),
        (news(mode="off"), [], Terms(), False, "off"),
        (news(), [], Terms(), True, "stopped"),
        (news(platform_mailed=True), [], Terms(native_mails={"shipped": True}), False, "native"),
        (news(platform_mailed=False), [], Terms(native_mails={"shipped": True}), False, None),
        (news(platform_mailed=True), [], Terms(native_mails={"shipped": False}), False, None),
        (news(), [sent(30, rule="shipped", occasion="7:left")], Terms(), False, "nothing_new"),
        (delay(), [sent(30, "delay", expected_by=date(2026, 11, 27))], Terms(), False, "nothing_new"),
        (delay(), [sent(30, "delay", expected_by=date(2026, 11, 26))], Terms(), False, None),
        (delay(), [sent(30, "delay", occasion="8:x", expected_by=date(2026, 11, 28))], Terms(), False, None),
        (news(until=NOON), [], Terms(), False, "stale"),
        (news(), [sent(hours) for hours in range(30, 36)], Terms(), False, "budget"),
        (news(), [sent(hours) for hours in range(30, 35)], Terms(), False, None),
        (news(), [sent(hours, sent=False) for hours in range(30, 36)], Terms(), False, None),
        (news(), [], Terms(budget=0), False, "budget"),
        (news(mode="watch"), [], Terms(budget=0), False, None),
    ],
)
def test_what_is_not_sent_says_why(
    due: Due, past_notices: list[PastNotice], terms: Terms, stopped: bool, reason: str | None
) -> None:
    (verdict,) = apply_send_policy([due], past_notices, terms, NOON, "UTC", stopped)
    assert verdict.suppressed == reason
    assert verdict.send_at == (None if reason else NOON)


def test_news_of_split_parcels_is_one_message_and_one_from_the_budget() -> None:
    split = [delay(shipment_id=9), delay(shipment_id=7), news(shipment_id=8)]
    first, second = apply_send_policy(split, [], Terms(budget=2), NOON, "UTC")
    assert [due.shipment_id for due in first.due] == [7, 9]
    assert (first.kind, first.send_at) == ("delay", NOON)
    assert (second.kind, second.send_at) == ("shipped", NOON + timedelta(hours=4))


def test_the_more_urgent_message_takes_what_is_left_of_the_budget() -> None:
    verdicts = apply_send_policy([news(), delay()], [], Terms(budget=1), NOON, "UTC")
    assert [(verdict.kind, verdict.suppressed) for verdict in verdicts] == [("delay", None), ("shipped", "budget")]


def test_watching_and_sending_are_not_merged() -> None:
    verdicts = apply_send_policy([delay(mode="watch"), delay(shipment_id=8)], [], Terms(budget=1), NOON, "UTC")
    assert sorted(verdict.mode for verdict in verdicts) == ["send", "watch"]
    assert all(verdict.suppressed is None for verdict in verdicts)


@pytest.mark.parametrize(
    ("due", "now", "zone", "send_at"),
    [
        (news(), NIGHT, "UTC", MORNING),
        (news(), NIGHT, "America/New_York", NIGHT),
        (news(), NOON, "Asia/Tokyo", NOON),  # 21:00
        (news(), NOON + timedelta(hours=1), "Asia/Tokyo", datetime(2026, 11, 24, 23, tzinfo=UTC)),
        (delay(before=datetime(2026, 11, 26, tzinfo=UTC)), NIGHT, "UTC", MORNING),
        (delay(before=datetime(2026, 11, 25, tzinfo=UTC)), NIGHT, "UTC", NIGHT),  # the promised day is ending
        (news(until=MORNING), NIGHT, "UTC", None),
        (news(until=MORNING + timedelta(seconds=1)), NIGHT, "UTC", MORNING),
    ],
)
def test_quiet_hours_are_the_shoppers_and_yield_only_to_a_promise_about_to_break(
    due: Due, now: datetime, zone: str, send_at: datetime | None
) -> None:
    (verdict,) = apply_send_policy([due], [], Terms(), now, zone)
    assert (verdict.send_at, verdict.suppressed) == (send_at, None if send_at else "stale")


def test_messages_keep_their_distance_unless_the_promised_day_would_be_over() -> None:
    soon = delay(before=NOON + timedelta(hours=3))
    assert apply_send_policy([news()], [sent(1)], Terms(), NOON, "UTC")[0].send_at == NOON + timedelta(hours=3)
    assert apply_send_policy([news()], [sent(5)], Terms(), NOON, "UTC")[0].send_at == NOON
    assert apply_send_policy([soon], [sent(1)], Terms(), NOON, "UTC")[0].send_at == NOON
    assert apply_send_policy([news()], [replace(sent(1), sent=False)], Terms(), NOON, "UTC")[0].send_at == NOON


def test_every_due_is_in_exactly_one_verdict() -> None:
    due = [news(), news(mode="off"), delay(), delay(shipment_id=8), news(until=NOON, shipment_id=8)]
    verdicts = apply_send_policy(due, [], Terms(), NOON, "UTC")
    judged = [one for verdict in verdicts for one in verdict.due]
    assert len(judged) == len(due)
    assert set(judged) == set(due)
