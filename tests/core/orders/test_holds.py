"""Holds: why a store does not send an order, told to staff in full and to shoppers where it helps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.i18n.words import Words, languages
from core.orders.presenter.page import page_of
from core.orders.presenter.timeline import view_order
from core.orders.sync.parcels import parcels_of
from core.platform.snapshots import HoldReason, HoldSnapshot, ShipmentSnapshot, TrackingStatus
from core.privacy import personal_data
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.shipping.seed import apply, on_sqlite, order, sign_in, the_order, the_parcel

PAYMENT = HoldSnapshot("h1", HoldReason.AWAITING_PAYMENT, "AWAITING_PAYMENT")
FRAUD = HoldSnapshot("h2", HoldReason.SUSPECTED_FRAUD, "HIGH_RISK_OF_FRAUD", "Two cards declined")
ADDRESS = HoldSnapshot("h3", HoldReason.INCORRECT_ADDRESS, items={"1": 2})
OVER = datetime(2026, 11, 27, 12, tzinfo=UTC)


def notes(services: Services, store: Store, language: str = "en") -> str:
    with services.db.transaction(store.id, write=False) as session:
        view = view_order(session, the_order(services, store))
    return " ".join(page_of(view, Words(language), services.clock(), "UTC").notes)


def test_staff_read_every_reason_and_the_shopper_those_that_help(
    services: Services, store: Store, client: FlaskClient
) -> None:
    apply(services, store, order("42", holds=(PAYMENT, FRAUD, ADDRESS)))
    assert [one["reason"] for one in the_order(services, store).holds] == [
        "awaiting_payment",
        "suspected_fraud",
        "incorrect_address",
    ]
    found = client.post(f"/shop/{store.key}/find?lang=en", json={"number": "LIN-42", "proof": "ann@shopper.example"})
    said = found.get_json()
    assert said["order"]["holds"] == ["awaiting_payment", "incorrect_address"]
    assert "waiting for its payment" in said["page"]["notes"][0]
    assert "to the address it has" in said["page"]["notes"][1]
    assert "fraud" not in found.text.lower()
    assert "declined" not in found.text
    sign_in(services, store, client)
    page = client.get(f"/admin/{store.key}/orders/{the_order(services, store).id}").text
    for words in ("fraud is suspected", "Two cards declined", "payment is awaited", "the address is not correct"):
        assert words in page


@on_sqlite
@pytest.mark.parametrize("reason", HoldReason)
def test_every_reason_has_words_for_staff_in_every_language(
    services: Services, store: Store, client: FlaskClient, reason: HoldReason
) -> None:
    apply(services, store, order("42", holds=(HoldSnapshot("h", reason),)))
    sign_in(services, store, client)
    address = f"/admin/{store.key}/orders/{the_order(services, store).id}"
    pages = {language: client.get(f"{address}?lang={language}").text for language in languages()}
    said = {language: page.split('class="holds"><li>')[1].split("<")[0] for language, page in pages.items()}
    assert len(set(said.values())) == len(languages())
    assert str(reason).replace("_", " ") not in said.values()


@on_sqlite
def test_an_order_on_hold_is_not_late_and_one_that_was_let_go_is(
    services: Services, store: Store, clock: Clock
) -> None:
    promised: dict[str, Any] = {"promised_by": date(2026, 11, 23)}
    clock.now = OVER
    apply(services, store, order("42", holds=(FRAUD,), **promised))
    assert (the_parcel(services, store).on_hold, the_parcel(services, store).late) == (True, False)
    apply(services, store, order("42", updated_at=OVER, **promised))
    assert (the_parcel(services, store).on_hold, the_parcel(services, store).late) == (False, True)


@pytest.mark.parametrize(
    ("holds", "on_hold"),
    [
        ((), False),
        ((FRAUD,), True),
        ((ADDRESS,), False),  # the pot may go
        ((ADDRESS, replace(ADDRESS, ref="h4")), False),  # the same mugs for two reasons
        ((ADDRESS, replace(ADDRESS, ref="h4", items={"2": 1})), True),
    ],
)
def test_what_has_not_left_is_on_hold_where_every_unit_of_it_is(holds: tuple[HoldSnapshot, ...], on_hold: bool) -> None:
    (rest,) = parcels_of(order("42", holds=holds), {})
    assert rest.on_hold is on_hold


def test_a_parcel_that_left_is_on_hold_for_no_reason() -> None:
    sent = ShipmentSnapshot("p1", TrackingStatus.IN_TRANSIT, items={"1": 2, "2": 1})
    (parcel,) = parcels_of(order("42", sent, holds=(FRAUD,)), {})
    assert parcel.on_hold is False


@on_sqlite
def test_what_staff_wrote_about_a_hold_goes_with_the_shopper(services: Services, store: Store) -> None:
    held = order("42", holds=(FRAUD,))
    apply(services, store, held)
    with services.db.transaction(store.id) as session:
        personal_data.erase_person(session, services.keyring, email="ann@shopper.example", now=services.clock())
    assert [one["note"] for one in the_order(services, store).holds] == [""]
    apply(services, store, replace(held, updated_at=OVER))
    assert [(one["reason"], one["note"]) for one in the_order(services, store).holds] == [("suspected_fraud", "")]
