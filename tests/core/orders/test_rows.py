"""What a store said, as rows: nothing a database refuses, and a digest that tells two orders apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.orders.sync.order_rows import line_row, order_row, parcel_row, prepare_snapshot, scan_row
from core.orders.sync.parcels import parcels_of
from core.platform.snapshots import (
    PaymentSnapshot,
    RefundLine,
    RefundSnapshot,
    ShipmentSnapshot,
    TaxPart,
    TrackingEventSnapshot,
    TrackingStatus,
)
from tests.conftest import NOON
from tests.core.samples import MUG, anns_order

REFUSED = "a\0b\ud83d"
ODD = anns_order(
    name=REFUSED,
    lines=(replace(MUG, title=REFUSED, taxes=(TaxPart(REFUSED, 1),)),),
    payments=(PaymentSnapshot(REFUSED, "card", 1, methods=(REFUSED,)),),
    refunds=(RefundSnapshot("r", 1, NOON, reason=REFUSED, lines=(RefundLine("l1", 1, 1, {REFUSED: 1}),)),),
    shipments=(
        ShipmentSnapshot(
            "s1",
            TrackingStatus.DELIVERED,
            carrier=REFUSED,
            items={REFUSED: 1},
            events=(TrackingEventSnapshot(NOON, TrackingStatus.DELIVERED, text=REFUSED),),
        ),
    ),
)


def test_no_text_of_an_order_reaches_the_database_with_what_it_refuses() -> None:
    order, digest = prepare_snapshot(ODD, {})
    parcel = parcels_of(order, {})[0]
    rows: list[Any] = [
        order_row(1, order, at=NOON, digest=digest, email_key="", now=NOON),
        line_row(1, 2, 0, order.lines[0]),
        parcel_row(1, 2, parcel, NOON),
        scan_row(1, 2, 3, parcel.shipment.events[0]),
    ]
    assert "\\x00" not in repr(rows)
    assert "\\ud83d" not in repr(rows)
    assert repr(rows).count("ab?") == 10
    assert parcel.delivered_source == "carrier"  # the words of ours are still ours


def test_an_order_the_database_takes_is_not_copied() -> None:
    order = anns_order(name="Añn 😀")
    assert prepare_snapshot(order, {})[0] is order


@pytest.mark.parametrize(
    "other",
    [
        {"name": "Eve"},
        {"lines": (replace(MUG, quantity=3),)},
        {"lines": (replace(MUG, taxes=(TaxPart("1", 5),)),)},
        {"payments": (PaymentSnapshot("p", "card", 1),)},
        {"refunds": (RefundSnapshot("r", 1, NOON),)},
        {"shipments": (ShipmentSnapshot("s1", TrackingStatus.IN_TRANSIT),)},
    ],
)
def test_orders_that_differ_in_anything_have_two_digests(other: dict[str, Any]) -> None:
    assert prepare_snapshot(anns_order(), {})[1] != prepare_snapshot(anns_order(**other), {})[1]


def test_the_merchant_s_word_for_the_status_is_part_of_the_digest() -> None:
    order = anns_order()
    assert prepare_snapshot(order, {})[1] != prepare_snapshot(order, {order.status: "shipped"})[1]
    assert prepare_snapshot(order, {})[1] == prepare_snapshot(order, {"another": "shipped"})[1]
