"""The rehearsal: today's rules over past orders, without a look into their future."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.parcel import Parcel
from core.shipping.rules.simulate import Event, History, Simulation, simulate
from core.shipping.rules.terms import Rule, Terms, TransitRow

S = TrackingStatus
MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
TERMS = Terms(transit=(TransitRow(min_days=2, max_days=4),))
"""Monday's order is promised for Saturday 7; it is foreseen late when it has not left by Wednesday."""


def day(n: int, hour: int = 9) -> datetime:
    return datetime(2026, 11, n, hour, tzinfo=UTC)


def history(left: int | None, came: int | None, order_id: int = 1, scans: bool = True, **facts: Any) -> History:
    """An order of Monday 2 that left and came on those days of November."""
    events = [Event(day(left), S.IN_TRANSIT)] if left and scans else []
    events += [Event(day(came), S.DELIVERED)] if came and scans else []
    base: dict[str, Any] = {
        "order_id": order_id,
        "shipment_id": order_id * 10,
        "placed_at": MONDAY,
        "seen_at": NOW,
        "paid_at": MONDAY,
        "order_state": OrderState.DONE if came else OrderState.OPEN,
        "status": S.DELIVERED if came and scans else S.IN_TRANSIT if left else S.PENDING,
        "shipped_at": day(left) if left else None,
        "delivered_at": day(came) if came and scans else None,
        "delivered_by": "carrier" if came and scans else "",
        "status_at": day(came) if came else None,
    }
    return History(Parcel(**base | facts), tuple(events))


def counts(found: Simulation) -> tuple[int, int, int, int, int]:
    return found.late, found.warned, found.needless, found.asked, found.no_evidence


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (history(3, 6), (0, 0, 0, 0, 0)),
        (history(6, 11), (1, 1, 0, 0, 0)),  # foreseen while it lay in the store
        (history(3, 9), (1, 1, 0, 0, 0)),  # the last call on the promised morning
        (history(5, 7), (0, 0, 1, 0, 0)),  # it left late, and came in time
        (history(None, None), (1, 1, 0, 0, 0)),  # still in the store
        (history(3, None), (1, 1, 0, 0, 0)),  # lost, with scans
        (history(3, None, scans=False), (0, 0, 0, 1, 1)),
        (history(6, None, scans=False), (0, 0, 0, 1, 1)),  # warned, and nobody knows whether needlessly
        (history(3, None, scans=False, answer="arrived", answered_at=day(12)), (0, 0, 0, 1, 1)),
        (history(3, None, scans=False, answer="arrived", answered_at=day(6)), (0, 0, 0, 0, 0)),
        (history(3, 9, order_state=OrderState.CANCELED, status_at=day(4)), (0, 0, 0, 0, 0)),
    ],
)
def test_what_would_have_been_said_is_held_against_what_came(past: History, expected: tuple[int, ...]) -> None:
    assert counts(simulate([past], TERMS, NOW)) == expected


def test_how_early_is_measured_to_the_end_of_the_promised_day() -> None:
    found = simulate([history(6, 11), history(3, 9, order_id=2)], TERMS, NOW)
    assert found.days_early == pytest.approx((3.0 + 16 / 24) / 2, abs=0.05)  # Thursday 0:00, Saturday 8:00
    assert (found.orders, found.promised, found.late, found.warned) == (2, 2, 2, 2)


def test_the_last_estimate_is_not_known_before_it_was_given() -> None:
    early = history(3, 12, estimated_by=date(2026, 11, 12))
    quiet = TERMS.model_copy(update={"rules": {"promise_will_be_missed": Rule(mode="off")}})
    assert counts(simulate([early], quiet, NOW))[:2] == (1, 0)
    given = History(early.parcel, (*early.events, Event(day(5), S.IN_TRANSIT, estimated_by=date(2026, 11, 12))))
    found = simulate([given], quiet, NOW)
    assert counts(found)[:2] == (1, 1)
    assert [(one.at, one.expected_by) for one in found.examples["delay"]] == [(day(5), date(2026, 11, 12))]


def test_two_late_parcels_are_one_late_order_and_one_message() -> None:
    parts = [history(6, 9, shipment_id=n, parcels_in_order=2) for n in (10, 11)]
    found = simulate(parts, TERMS, NOW)
    assert (found.orders, found.late, found.warned) == (1, 1, 1)
    assert found.per_rule["promise_will_be_missed"] == 1
    assert found.per_rule["all_arrived"] == 1
    assert "delivered" not in found.per_rule


def test_a_rule_that_is_off_says_nothing_and_examples_stay_few() -> None:
    many = [history(6, 9, order_id=n) for n in range(1, 8)]
    found = simulate(many, TERMS.model_copy(update={"rules": {"shipped": Rule(mode="off")}}), NOW)
    assert "shipped" not in found.per_rule
    assert found.per_rule["promise_will_be_missed"] == 7
    assert {len(examples) for examples in found.examples.values()} == {3}


def test_orders_before_the_window_or_canceled_at_an_unknown_time_are_left_out() -> None:
    old = history(6, 11, placed_at=NOW - timedelta(days=91))
    undated = history(6, 11, order_id=2, order_state=OrderState.CANCELED, status_at=None)
    assert simulate([old, undated], TERMS, NOW).orders == 0


def test_nothing_that_happened_later_changes_what_was_said_before() -> None:
    fates = [history(6, came, order_id=1) for came in (9, 12, 20)]
    stories = [simulate([fate], TERMS, NOW).examples["delay"] for fate in fates]
    assert len({story[-1] for story in stories}) == 1
