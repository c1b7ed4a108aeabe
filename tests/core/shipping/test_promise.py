"""The two ladders: each rung with its source, and no rung at all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.parcel import Parcel
from core.shipping.rules.promise import (
    Delivery,
    Promise,
    can_know_delivery,
    delivery_of,
    is_shipped,
    lane_of,
    promise_of,
    shipped_at,
)
from core.shipping.rules.terms import Rule, Terms, TransitRow, explain

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
TABLE = Terms(
    transit=(
        TransitRow(method="*express*", country="US", min_days=1, max_days=2),
        TransitRow(method="Standard [EU]", country="*", min_days=2, max_days=3),
        TransitRow(method="*", country="VN", min_days=1, max_days=4),
    ),
    statuses={"sent": "shipped", "came": "delivered"},
)


def parcel(**facts: Any) -> Parcel:
    base: dict[str, Any] = {"order_id": 1, "shipment_id": 7, "placed_at": MONDAY, "seen_at": MONDAY, "paid_at": MONDAY}
    return Parcel(**base | facts)


@pytest.mark.parametrize(
    ("facts", "promise"),
    [
        ({"country": "VN"}, Promise(date(2026, 11, 28), "table")),  # handed over Tuesday, four delivery days
        ({"country": "US", "shipping_method": "DHL Express"}, Promise(date(2026, 11, 26), "table")),
        ({"country": "DE", "shipping_method": "standard [eu]"}, Promise(date(2026, 11, 27), "table")),
        ({"country": "DE", "shipping_method": "Standard E"}, None),
        ({"country": "VN", "platform_promised_by": date(2026, 12, 1)}, Promise(date(2026, 12, 1), "platform")),
        ({"country": "VN", "learned_by": date(2026, 12, 1)}, Promise(date(2026, 11, 28), "table")),
        ({"country": "DE", "learned_by": date(2026, 12, 1)}, Promise(date(2026, 12, 1), "learned")),
        ({"country": "VN", "pickup": True}, None),
        ({"country": "VN", "digital": True}, None),
        ({"country": "VN", "paid_at": None}, Promise(date(2026, 11, 28), "table")),  # cash on delivery
        ({"country": "VN", "paid_at": None, "order_state": OrderState.UNPAID}, None),
        (
            {"country": "VN", "promised_by": date(2026, 11, 25), "promise_source": "table"}
            | {"platform_promised_by": date(2026, 12, 9)},
            Promise(date(2026, 11, 25), "table"),
        ),
        (
            {"country": "VN", "platform_promised_from": date(2026, 11, 28), "platform_promised_by": date(2026, 12, 1)},
            Promise(date(2026, 12, 1), "platform", date(2026, 11, 28)),
        ),
        (
            {"promised_from": date(2026, 11, 24), "promised_by": date(2026, 11, 25), "promise_source": "platform"}
            | {"platform_promised_from": date(2026, 12, 7), "platform_promised_by": date(2026, 12, 9)},
            Promise(date(2026, 11, 25), "platform", date(2026, 11, 24)),
        ),
    ],
)
def test_the_first_promise_made_stands_then_platform_table_learned(
    facts: dict[str, Any], promise: Promise | None
) -> None:
    assert promise_of(parcel(**facts), TABLE) == promise


@pytest.mark.parametrize(
    ("facts", "left_at"),
    [
        ({}, None),
        ({"shipped_at": MONDAY}, MONDAY),
        ({"status": TrackingStatus.IN_TRANSIT, "first_scan_at": MONDAY}, MONDAY),
        ({"order_status": "sent", "status_at": MONDAY}, MONDAY),
        ({"order_state": OrderState.DONE, "status_at": MONDAY}, MONDAY),  # done: it was sent somehow
    ],
)
def test_a_parcel_has_left_when_it_or_its_order_says_so(facts: dict[str, Any], left_at: datetime | None) -> None:
    assert is_shipped(parcel(**facts), TABLE) is (left_at is not None)
    assert shipped_at(parcel(**facts), TABLE) == left_at


EARLIER = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("facts", "delivery"),
    [
        ({}, None),
        ({"answer": "arrived", "answered_at": EARLIER}, Delivery(EARLIER, "shopper")),
        ({"answer": "not_yet", "answered_at": EARLIER}, None),
        ({"order_status": "came", "status_at": EARLIER, "answer": "arrived"}, Delivery(EARLIER, "status")),
        ({"order_status": "sent", "status_at": EARLIER}, None),
        ({"delivered_at": EARLIER, "delivered_by": "carrier", "order_status": "came"}, Delivery(EARLIER, "carrier")),
        ({"delivered_at": EARLIER, "delivered_by": "platform"}, Delivery(EARLIER, "platform")),
        ({"delivered_at": EARLIER, "delivered_by": "adapter"}, Delivery(EARLIER, "adapter")),
        (
            {"delivered_at": EARLIER, "delivered_by": "adapter", "order_status": "came", "status_at": MONDAY},
            Delivery(MONDAY, "status"),
        ),
        ({"status": TrackingStatus.DELIVERED, "last_scan_at": EARLIER}, Delivery(EARLIER, "platform")),
        ({"status": TrackingStatus.UNKNOWN, "last_scan_at": EARLIER}, None),
    ],
)
def test_the_best_source_says_when_it_arrived(facts: dict[str, Any], delivery: Delivery | None) -> None:
    assert delivery_of(parcel(**facts), TABLE) == delivery


@pytest.mark.parametrize(("typed", "kept"), [("lt", "LT"), ("Vn", "VN"), ("US", "US"), ("*", "*")])
def test_a_country_of_the_table_may_be_typed_in_either_case(typed: str, kept: str) -> None:
    (row,) = Terms.model_validate({"transit": [{"country": typed, "min_days": 1, "max_days": 2}]}).transit
    assert row.country == kept


@pytest.mark.parametrize("typed", ["", "L", "LTU", "l*", "**", "ßß", "ﬁ"])
def test_what_is_no_country_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        Terms.model_validate({"transit": [{"country": typed, "min_days": 1, "max_days": 2}]})


@pytest.mark.parametrize(
    ("facts", "terms", "known"),
    [
        ({"status": TrackingStatus.INFO_RECEIVED, "last_scan_at": EARLIER, "tracked": True}, Terms(), False),
        ({"first_scan_at": EARLIER}, Terms(), True),
        ({"adapter": True}, Terms(), True),
        ({}, TABLE, True),
        ({}, Terms(statuses={"sent": "shipped"}), False),
    ],
)
def test_a_label_is_no_source_of_arrivals(facts: dict[str, Any], terms: Terms, known: bool) -> None:
    assert can_know_delivery(parcel(**facts), terms) is known


def test_a_foreign_store_lets_the_promised_day_end_in_the_last_zone_of_a_wide_country() -> None:
    day = date(2026, 11, 24)
    saigon = lane_of(parcel(country="US"), Terms(timezone="Asia/Ho_Chi_Minh"))
    assert saigon.end(day) == datetime(2026, 11, 25, 10, tzinfo=UTC)  # midnight in Honolulu
    assert saigon.morning(day) == datetime(2026, 11, 24, 1, tzinfo=UTC)  # eight o'clock in Saigon
    new_york = lane_of(parcel(country="US"), Terms(timezone="America/New_York"))
    assert new_york.end(day) == datetime(2026, 11, 25, 5, tzinfo=UTC)
    angeles = lane_of(parcel(country="VN"), Terms(timezone="America/Los_Angeles"))
    assert angeles.end(day) == datetime(2026, 11, 24, 17, tzinfo=UTC)
    assert angeles.morning(day) == datetime(2026, 11, 24, 1, tzinfo=UTC)  # not when the day is all but over there


def test_a_rule_may_wait_longer_for_one_carrier_abroad() -> None:
    slow = {"carriers": ["DHL"], "countries": ["BR"], "after": 9}
    never = {"services": ["slow"], "mode": "off"}
    rule = Rule.model_validate({"mode": "send", "after": 3, "exemptions": [slow, never]})
    assert rule.resolve("dhl", "", "BR") == ("send", 9)
    assert rule.resolve("dhl", "", "VN") == ("send", 3)
    assert rule.resolve("ups", "Slow", "BR") == ("off", 3)


def test_terms_survive_json_and_keep_their_defaults() -> None:
    assert Terms.model_validate_json(TABLE.model_dump_json()) == TABLE
    assert Terms().rule("no_scan") == Rule()


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            {"timezone": "Mars/X"},
            "timezone: 'Mars/X' is not a time zone; use a name such as Europe/Vilnius.",
        ),
        ({"timezone": "../../etc/passwd"}, "timezone: '../../etc/passwd' is not a time zone; use a name such as"),
        ({"ship_days": "0000000"}, "ship_days: give seven digits, Monday to Sunday"),
        ({"ship_days": "11111001"}, "ship_days: give seven digits, Monday to Sunday"),
        ({"color": "red"}, "color: there is no such setting."),
        ({"rules": {"no_scan": {"mode": "shout"}}}, "rules.no_scan.mode: "),
        ({"transit": [{"min_days": 3, "max_days": 1}]}, "transit.0: min_days (3) must not be more than max_days (1)."),
        ({"holidays_country": "XX"}, "holidays_country: no holidays are known for 'XX'"),
    ],
)
def test_a_wrong_setting_is_named_in_a_sentence(setting: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Terms.model_validate(setting)
    assert explain(caught.value)[0].startswith(sentence)
