"""What the widget asks beyond the look-up: an order in words, the link of a mail, a choice made without a page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.orders.model import Order, OrderEvent
from core.platform.sample import World
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import tracking_token
from tests.conftest import connect
from tests.core.shipping.seed import apply, on_sqlite, order, revised, rows, sending, set_terms
from tests.core.two_stores import Outbox

PAIR = {"number": "LIN-42", "proof": "ann@shopper.example"}
pytestmark = on_sqlite


@pytest.fixture
def services(services: Services) -> Services:
    """The usual services, with a mail server that takes everything."""
    return replace(services, mail=Outbox())


@pytest.fixture
def late(services: Services, store: Store, worker: Worker) -> Order:
    """Ann's parcel is late, and she was told."""
    set_terms(services, store, sending())
    apply(services, store, order("42", revised(items={"1": 2})))
    worker.run_until_idle()
    found: Order = rows(services, store, Order)[0]
    return found


def find(client: FlaskClient, store: Store, language: str = "") -> dict[str, Any]:
    query = f"?lang={language}" if language else ""
    found: dict[str, Any] = client.post(f"/shop/{store.key}/find{query}", json=PAIR).get_json()
    return found


def link_of(services: Services, store: Store, order: Order, version: int = 1) -> dict[str, str]:
    return {"link": tracking_token(services.keyring, store.id, order.id, version)}


def test_words_come_to_who_asks_in_a_language(client: FlaskClient, store: Store, late: Order) -> None:
    assert find(client, store)["page"] is None
    assert find(client, store, "en")["page"]["cards"][0]["headline"] == "Now expected Wed 25 Nov"
    assert find(client, store, "lt")["page"]["title"] == "Užsakymas LIN-42"


def test_a_mailed_link_opens_its_order_to_be_seen_only(
    client: FlaskClient, services: Services, store: Store, late: Order
) -> None:
    opened = client.post(f"/shop/{store.key}/open?lang=en", json=link_of(services, store, late)).get_json()
    assert (opened["order_id"], opened["page"]["title"]) == (str(late.id), "Order LIN-42")
    bearer = {"Authorization": f"Bearer {opened['token']}"}
    asked = {"order": str(late.id), "lines": [{"ref": "1", "quantity": 1}]}
    assert client.post(f"/shop/{store.key}/returns", json=asked, headers=bearer).status_code == 403


def test_a_link_that_is_revoked_forged_or_another_stores_opens_nothing(
    client: FlaskClient, services: Services, world: World, store: Store, late: Order
) -> None:
    other = connect(services, world, "maple")
    good = link_of(services, store, late)
    tries = [(store, link_of(services, store, late, version=2)), (store, {"link": good["link"] + "x"}), (other, good)]
    for place, body in tries:
        answer = client.post(f"/shop/{place.key}/open", json=body)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "link_expired")


def test_a_choice_is_explained_before_it_is_made(
    client: FlaskClient, services: Services, store: Store, late: Order
) -> None:
    def events() -> list[str]:
        return [event.kind for event in rows(services, store, OrderEvent)]

    label, answer = find(client, store, "en")["page"]["choices"][0]
    told = events()
    asked = client.post(f"/shop/{store.key}/answers?lang=en", json={"answer": answer}).get_json()
    assert (asked["title"], asked["button"]) == (label, "Yes, I will wait")
    assert events() == told
    client.post(f"/shop/{store.key}/answers?lang=en", json={"answer": answer, "sure": True})
    assert events() == [*told, "answered_wait"]


def test_a_choice_is_not_taken_at_another_store(
    client: FlaskClient, services: Services, world: World, store: Store, late: Order
) -> None:
    other = connect(services, world, "maple")
    answer = find(client, store, "en")["page"]["choices"][0][1]
    for place, said in ((other, answer), (store, answer + "x"), (store, "/a/wait"), (store, "wait")):
        tried = client.post(f"/shop/{place.key}/answers", json={"answer": said, "sure": True})
        assert (tried.status_code, tried.get_json()["error"]["code"]) == (404, "link_expired")
    assert "answered_wait" not in [event.kind for event in rows(services, store, OrderEvent)]
