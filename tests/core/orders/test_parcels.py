"""What parcels an order has: tables of what the store said and what follows, without a database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.orders.sync.parcels import BY_STATUS, REST, parcels_of
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderState,
    ShipmentSnapshot,
    TrackingEventSnapshot,
    TrackingStatus,
)
from tests.conftest import NOON
from tests.core.samples import anns_order

LATER = NOON + timedelta(days=2)
MUGS = LineItemSnapshot("l1", "Mug", 2)
LAMP = LineItemSnapshot("l2", "Lamp", 1)
SONG = LineItemSnapshot("l3", "Song", 1, kind="digital")
POSTAGE = LineItemSnapshot("l4", "Post", 1, kind="shipping")
ALL = (MUGS, LAMP, SONG, POSTAGE)
TRANSIT, DELIVERED = TrackingStatus.IN_TRANSIT, TrackingStatus.DELIVERED


def parcel(ref: str = "s1", status: TrackingStatus = TRANSIT, **more: Any) -> ShipmentSnapshot:
    return ShipmentSnapshot(ref, status, **more)


def parcels(statuses: dict[str, str] | None = None, **order: Any) -> list[tuple[str, str, dict[str, int]]]:
    """Each parcel as (ref, status, items)."""
    found = parcels_of(anns_order(**{"lines": ALL} | order), statuses or {})
    return [(one.shipment.ref, str(one.shipment.status), dict(one.shipment.items)) for one in found]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param(
            {}, [(REST, "pending", {"l1": 2, "l2": 1})], id="nothing shipped yet: all that ships is one parcel"
        ),
        pytest.param(
            {"shipments": (parcel(items={"l1": 1}),)},
            [("s1", "in_transit", {"l1": 1}), (REST, "pending", {"l1": 1, "l2": 1})],
            id="a part is on its way: the rest is another parcel",
        ),
        pytest.param(
            {"shipments": (parcel(items={"l1": 2}), parcel("s2", items={"l2": 1}))},
            [("s1", "in_transit", {"l1": 2}), ("s2", "in_transit", {"l2": 1})],
            id="two parcels hold everything",
        ),
        pytest.param(
            {"shipments": (parcel(),)},
            [("s1", "in_transit", {})],
            id="a parcel of unknown content may hold everything",
        ),
        pytest.param(
            {"shipments": (parcel(items={"l1": 1}), parcel("s2"))},
            [("s1", "in_transit", {"l1": 1}), ("s2", "in_transit", {})],
            id="one of two parcels of unknown content may hold the rest",
        ),
        pytest.param(
            {"shipments": (parcel(items={"l1": 5, "l9": 1}),)},
            [("s1", "in_transit", {"l1": 5, "l9": 1}), (REST, "pending", {"l2": 1})],
            id="more than was ordered, and a line nobody knows, leave no debt",
        ),
        pytest.param({"lines": (SONG, POSTAGE)}, [], id="digital goods and postage are no parcel"),
        pytest.param({"lines": ()}, [], id="an order without lines has no parcel"),
        pytest.param(
            {"lines": (LineItemSnapshot("l1", "Mug", 2, removed=1), LAMP)},
            [(REST, "pending", {"l1": 1, "l2": 1})],
            id="what was canceled is not waited for",
        ),
        pytest.param(
            {"lines": (LineItemSnapshot("l1", "Mug", 2, removed=2),)}, [], id="everything canceled leaves no parcel"
        ),
        pytest.param(
            {"lines": (LineItemSnapshot("l1", "Mug", 2, removed=1),), "shipments": (parcel(items={"l1": 2}),)},
            [("s1", "in_transit", {"l1": 2})],
            id="refunded after it was shipped leaves no debt",
        ),
        pytest.param({"pickup": True}, [(REST, "pending", {"l1": 2, "l2": 1})], id="a pickup is one parcel to collect"),
        pytest.param(
            {"pickup": True, "shipments": (parcel(status=TrackingStatus.READY_FOR_PICKUP),)},
            [("s1", "ready_for_pickup", {})],
            id="a pickup that waits at the counter",
        ),
        pytest.param({"state": OrderState.CANCELED}, [], id="a canceled order ships nothing more"),
        pytest.param({"state": OrderState.REFUNDED}, [], id="a refunded order ships nothing more"),
        pytest.param(
            {"state": OrderState.CANCELED, "shipments": (parcel(items={"l1": 1}),)},
            [("s1", "in_transit", {"l1": 1})],
            id="canceled after a part was shipped: that parcel is still on its way",
        ),
        pytest.param({"state": OrderState.UNPAID, "paid_at": None}, [], id="an unpaid order is not waited for"),
        pytest.param({"state": OrderState.ON_HOLD, "paid_at": None}, [], id="nor is one on hold"),
        pytest.param(
            {"state": OrderState.OPEN, "paid_at": None},
            [(REST, "pending", {"l1": 2, "l2": 1})],
            id="cash on delivery: open without a payment",
        ),
    ],
)
def test_parcels_follow_from_what_the_store_said(order: dict[str, Any], expected: list[Any]) -> None:
    assert parcels(**order) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"status": "sent"}, [(BY_STATUS, "unknown", {"l1": 2, "l2": 1})]),
        ({"status": "arrived"}, [(BY_STATUS, "delivered", {"l1": 2, "l2": 1})]),
        ({"status": "open"}, [(REST, "pending", {"l1": 2, "l2": 1})]),
        ({"status": "done", "state": OrderState.DONE}, [(BY_STATUS, "unknown", {"l1": 2, "l2": 1})]),
        ({"status": "packed", "state": OrderState.DONE}, [(REST, "pending", {"l1": 2, "l2": 1})]),
        (
            {"status": "sent", "shipments": (parcel(items={"l1": 2}),)},
            [("s1", "in_transit", {"l1": 2}), (BY_STATUS, "unknown", {"l2": 1})],
        ),
        (
            {"status": "arrived", "shipments": (parcel(items={"l1": 2}),)},
            [("s1", "delivered", {"l1": 2}), (BY_STATUS, "delivered", {"l2": 1})],
        ),
        ({"status": "arrived", "state": OrderState.CANCELED}, []),
    ],
)
def test_a_status_means_what_the_merchant_said(order: dict[str, Any], expected: list[Any]) -> None:
    meanings = {"sent": "shipped", "arrived": "delivered", "packed": "ignore"}
    assert parcels(meanings, **order) == expected


@pytest.mark.parametrize(
    ("shipment", "status", "source", "at"),
    [
        (parcel(), "arrived", "status", LATER),
        (parcel(status=DELIVERED), "open", "platform", NOON),
        (parcel(delivered_at=LATER), "open", "platform", LATER),
        (parcel(status=DELIVERED, events=(TrackingEventSnapshot(LATER, DELIVERED),)), "open", "carrier", LATER),
        (parcel(status=DELIVERED, delivered_at=NOON), "arrived", "platform", NOON),
        (parcel(events=(TrackingEventSnapshot(LATER, TRANSIT),)), "open", "", None),
    ],
)
def test_an_arrival_carries_its_source_and_its_moment(
    shipment: ShipmentSnapshot, status: str, source: str, at: Any
) -> None:
    order = anns_order(lines=ALL, status=status, status_at=LATER, shipments=(shipment,))
    found = parcels_of(order, {"arrived": "delivered"})[0]
    assert (found.delivered_source, found.shipment.delivered_at) == (source, at)


def test_an_order_the_platform_calls_done_never_counts_as_arrived() -> None:
    (found,) = parcels_of(anns_order(lines=ALL, state=OrderState.DONE, status="completed", status_at=LATER), {})
    assert (found.shipment.status, found.delivered_source, found.shipment.shipped_at) == (
        TrackingStatus.UNKNOWN,
        "",
        LATER,
    )


@pytest.mark.parametrize(
    ("order", "hiding"),
    [
        pytest.param({"shipments": (parcel(),)}, [True], id="one parcel of unknown content, three units"),
        pytest.param({"lines": (LAMP,), "shipments": (parcel(),)}, [False], id="a single unit is in the single parcel"),
        pytest.param(
            {"shipments": (parcel(items={"l1": 2}), parcel("s2"))}, [False, False], id="only the lamp is left for it"
        ),
        pytest.param({"shipments": (parcel(items={"l1": 1}), parcel("s2"))}, [False, True], id="a part of the rest"),
        pytest.param({"shipments": (parcel(), parcel("s2"), parcel("s3"))}, [False] * 3, id="a unit in each of three"),
        pytest.param({"shipments": (parcel(),), "state": OrderState.DONE}, [False], id="the store says all has left"),
        pytest.param({"shipments": (parcel(),), "status": "sent"}, [False], id="the merchant's word for it says so"),
        pytest.param({"shipments": (parcel(),), "state": OrderState.CANCELED}, [False], id="nothing more is to come"),
        pytest.param({"shipments": (parcel(items={"l1": 1}),)}, [False, False], id="the rest is its own parcel"),
    ],
)
def test_a_parcel_of_unnamed_content_may_hide_a_part_that_has_not_left(
    order: dict[str, Any], hiding: list[bool]
) -> None:
    found = parcels_of(anns_order(**{"lines": ALL} | order), {"sent": "shipped"})
    assert [one.may_hide_rest for one in found] == hiding
