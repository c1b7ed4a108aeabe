"""What the poor sample platform does not say, and what is unsigned there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.platform.contract import Feature, Opening, Request
from core.platform.errors import BadSignature
from core.platform.samples.poor import Poor
from core.platform.samples.poor_store import FREE, seal_payload, write_delivery
from core.platform.snapshots import OrderSnapshot, OrderState, ShipmentSnapshot, TrackingStatus
from tests.plugins.poor.harness import ANOTHERS, APP, Merchant, open_platform


@pytest.fixture
def max_(tmp_path: Path) -> Iterator[Merchant]:
    with open_platform(tmp_path) as (_, merchant):
        yield merchant


def fetch(max_: Merchant, ref: str) -> OrderSnapshot:
    order = max_.connect().fetch_order(ref)
    assert isinstance(order, OrderSnapshot)
    return order


@pytest.mark.parametrize(("currency", "total"), [("EUR", 3509), ("JPY", 3509), ("KWD", 3509)])
def test_an_order_is_in_the_stores_currency_which_only_its_profile_names(
    max_: Merchant, currency: str, total: int
) -> None:
    ref = max_.place()
    max_.world.keep("currency", currency)
    max_.world.put(replace(max_.order(ref), currency=currency))
    assert "currency" not in (max_.world.order_document(ref) or {})
    assert (fetch(max_, ref).currency, fetch(max_, ref).total) == (currency, total)


def test_what_nobody_signed_can_be_changed_on_the_way(max_: Merchant) -> None:
    """Why the core has to confirm what such a delivery claims."""
    news = write_delivery(APP["client_secret"], "linden", "order.updated", "1", at=max_.now)
    made_up = json.dumps({**json.loads(news.body), "eventType": "application.uninstalled"}).encode()
    (change,) = max_.listen(replace(news, body=made_up))
    assert (change.resource, change.facts) == ("store", {"event": "uninstalled"})


def test_a_parcel_has_one_number_and_no_contents_and_no_dates(max_: Merchant) -> None:
    ref = max_.place()
    parcel = ShipmentSnapshot("p1", TrackingStatus.IN_TRANSIT, tracking_number="0150", shipped_at=max_.now)
    max_.world.put(replace(max_.order(ref), shipments=(parcel,)))
    (told,) = fetch(max_, ref).shipments
    assert (told.status, told.raw_status, told.tracking_number) == (TrackingStatus.IN_TRANSIT, "SHIPPED", "0150")
    assert (told.shipped_at, told.items) == (None, {})


@pytest.mark.parametrize(
    ("state", "word"),
    [(OrderState.OPEN, "PAID"), (OrderState.UNPAID, "AWAITING_PAYMENT"), (OrderState.CANCELED, "CANCELLED")],
)
def test_their_payment_words_are_our_states(max_: Merchant, state: OrderState, word: str) -> None:
    ref = max_.place()
    max_.world.put(replace(max_.order(ref), state=state))
    assert (max_.world.order_document(ref) or {})["paymentStatus"] == word
    assert fetch(max_, ref).state is state


def test_the_page_is_opened_by_a_sealed_payload_that_names_nobody() -> None:
    payload = seal_payload(APP["client_secret"], {"store_id": "linden", "lang": "lt"})
    opened = Request("GET", "/admin/open/poor", query=f"payload={payload}")
    opening = Poor.open_admin(opened, APP, secret_of=lambda key: "")
    assert isinstance(opening, Opening)
    assert (opening.ref, opening.staff) == ("linden", None)
    assert Poor.nonce_of(opened), "an address that opens our page works once"
    with pytest.raises(BadSignature):
        Poor.open_admin(opened, ANOTHERS, secret_of=lambda key: "")


def test_a_store_on_the_free_plan_lacks_reviews(max_: Merchant) -> None:
    assert max_.connect().missing() == {}
    max_.world.keep("plan", FREE)
    assert {feature: one.why for feature, one in max_.connect().missing().items()} == {Feature.REVIEWS: "plan"}
