"""A shopper the store vouches for: their orders, with a token that may act; nobody else's, and each request once."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.jobs.worker import Worker
from core.platform.sample import World, forward
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import link_of
from tests.conftest import NOON, Clock, connect
from tests.core.samples import ANN, EVE, anns_order, statements

PATH = "/proxy/demo/orders"


@pytest.fixture(autouse=True)
def orders(services: Services, world: World, store: Store, worker: Worker) -> None:
    """Ann has an account and ordered with two addresses; a guest used her address; Eve ordered once."""
    world.put(anns_order(ref="1", number="1", shopper_ref="ann"))
    world.put(
        anns_order(ref="2", number="2", shopper_ref="ann", email="ann@work.example", placed_at=NOON.replace(hour=13))
    )
    world.put(anns_order(ref="3", number="3", shopper_ref="", email=ANN))
    world.put(anns_order(ref="4", number="4", shopper_ref="eve", email=EVE))
    worker.run_until_idle()


def ask(
    client: FlaskClient,
    services: Services,
    store: Store,
    shopper: dict[str, Any] | None,
    nonce: str = "n1",
    secret: str = "",
) -> TestResponse:
    headers = forward(secret or link_of(services, store).forwarding_secret, store.ref, nonce=nonce, shopper=shopper)
    return client.get(PATH, headers=headers)


def numbers(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [found["order"]["number"] for found in answer.get_json()["orders"]]


def test_a_shopper_sees_their_orders_whatever_address_each_was_placed_with(
    client: FlaskClient, services: Services, store: Store
) -> None:
    assert numbers(ask(client, services, store, {"ref": "ann", "email": ANN})) == ["2", "1"]


def test_orders_the_store_names_count_and_an_address_alone_does_not(
    client: FlaskClient, services: Services, store: Store
) -> None:
    assert numbers(ask(client, services, store, {"ref": "ann", "orders": ["3"]}, "n1")) == ["2", "3", "1"]
    assert numbers(ask(client, services, store, {"ref": "stranger", "email": ANN}, "n2")) == []
    assert numbers(ask(client, services, store, {"ref": "", "email": ANN}, "n3")) == []


def test_the_answer_is_the_shop_s_with_a_token_that_may_act(
    client: FlaskClient, services: Services, store: Store
) -> None:
    answer = ask(client, services, store, {"ref": "ann"})
    found = answer.get_json()["orders"]
    bearer = {"Authorization": f"Bearer {found[0]['token']}"}
    shop = client.get(f"/shop/{store.key}/orders", headers=bearer)
    assert shop.status_code == 200
    assert [(one["order_id"], one["order"]) for one in shop.get_json()["orders"]] == [
        (one["order_id"], one["order"]) for one in found
    ]
    payload = services.keyring.verify(found[0]["token"], purpose="shopper", max_age=60)
    assert (payload["l"], payload["s"]) == ("act", store.id)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_forwarded_request_works_once(client: FlaskClient, services: Services, store: Store, clock: Clock) -> None:
    assert ask(client, services, store, {"ref": "ann"}, "n1").status_code == 200
    clock.forward(minutes=1)
    replayed = ask(client, services, store, {"ref": "ann"}, "n1")
    assert (replayed.status_code, replayed.is_json) == (401, True)
    assert ask(client, services, store, {"ref": "ann"}, "n2").status_code == 200


def test_a_nonce_of_one_store_is_free_at_another(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    other = connect(services, world, "other")
    worker.run_until_idle()
    assert numbers(ask(client, services, store, {"ref": "eve"}, "n1")) == ["4"]
    assert numbers(ask(client, services, other, {"ref": "eve"}, "n1")) == ["4"]


def test_what_the_store_did_not_sign_is_refused_without_a_statement(
    client: FlaskClient, services: Services, store: Store
) -> None:
    headers = forward(link_of(services, store).forwarding_secret, store.ref, nonce="n1", shopper={"ref": "ann"})
    eves = forward("Eve's secret", store.ref, nonce="n1", shopper={"ref": "eve"})
    assert client.get(PATH, headers=eves).status_code == 401  # now the door remembers the store
    forged = [
        eves,
        headers | {"x-demo-shopper": eves["x-demo-shopper"]},
        headers | {"x-demo-nonce": "n2"},
        headers | {"x-demo-nonce": ""},
        headers | {"x-demo-signature": ""},
    ]
    with statements(services.db) as seen:
        assert [client.get(PATH, headers=one).status_code for one in forged] == [401] * 5
    assert seen == []
    assert client.get(PATH, headers=headers).status_code == 200  # no forgery has used the nonce up


def test_nobody_signed_in_and_no_store_named_are_401(client: FlaskClient, services: Services, store: Store) -> None:
    assert ask(client, services, store, None).status_code == 401
    assert client.get(PATH).status_code == 401
    assert client.get(PATH, headers={"x-demo-store": "nobody"}).status_code == 401
    assert client.get("/proxy/unheard-of/orders").status_code == 404


def test_another_store_s_secret_opens_nothing(
    client: FlaskClient, services: Services, store: Store, world: World
) -> None:
    other = connect(services, world, "other")
    assert (
        ask(client, services, store, {"ref": "ann"}, secret=link_of(services, other).forwarding_secret).status_code
        == 401
    )
