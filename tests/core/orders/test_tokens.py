"""A shopper's token ends: half an hour after it was given, a day after the proof, and with the order's links."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.orders.model import Order
from core.orders.shop import send_code
from core.platform.sample import World, forward
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import forwarding_secret_of
from core.stores.tokens import tracking_token
from tests.core.samples import ANN, anns_order
from tests.core.shipping.seed import rows


@pytest.fixture(autouse=True)
def order(services: Services, world: World, store: Store, worker: Worker) -> Order:
    world.put(anns_order(shopper_ref="ann"))
    worker.run_until_idle()
    return rows(services, store, Order)[0]


def aged(services: Services, store: Store, order: Order, *, proved: timedelta, level: str = "act") -> str:
    """A token given just now, by renewing, for a proof that is so old."""
    then = int((datetime.now(UTC) - proved).timestamp())
    facts = {"s": store.id, "o": [order.id], "l": level, "p": then}
    return services.keyring.sign(facts, purpose="shopper")


def my_orders(client: FlaskClient, store: Store, token: str) -> tuple[int, str]:
    """The answer's status, and the token that comes with it."""
    answer = client.get(f"/shop/{store.key}/orders", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.get_json()["orders"][0]["token"] if answer.status_code == 200 else ""


def proved_at(services: Services, token: str) -> int:
    return int(services.keyring.verify(token, purpose="shopper", max_age=60)["p"])


def with_a_code(client: FlaskClient, services: Services, store: Store, order: Order) -> str:
    """Ann's token that may act, by number, e-mail and code."""
    found = client.post(f"/shop/{store.key}/find", json={"number": "1042", "proof": ANN}).get_json()["token"]
    send_code(services, store.id, order.id, "123456")
    headers = {"Authorization": f"Bearer {found}"}
    checked = client.post(f"/shop/{store.key}/code/check", json={"code": "123456"}, headers=headers)
    return str(checked.get_json()["token"])


def vouched_for(client: FlaskClient, services: Services, store: Store, order: Order) -> str:
    """Ann's token that may act, by the store's word."""
    headers = forward(forwarding_secret_of(services, store), store.ref, nonce="n1", shopper={"ref": "ann"})
    return str(client.get("/proxy/demo/orders", headers=headers).get_json()["orders"][0]["token"])


def by_number(client: FlaskClient, services: Services, store: Store, order: Order) -> str:
    """Ann's token that may see."""
    return str(client.post(f"/shop/{store.key}/find", json={"number": "1042", "proof": ANN}).get_json()["token"])


def by_link(client: FlaskClient, services: Services, store: Store, order: Order) -> str:
    """Ann's token that may see, by the link she was mailed."""
    with services.db.transaction(store.id, write=False) as session:
        version = session.get_one(Order, (store.id, order.id)).link_version
    link = tracking_token(services.keyring, store.id, order.id, version)
    return str(client.post(f"/shop/{store.key}/open", json={"link": link}).get_json()["token"])


WAYS = pytest.mark.parametrize("way", [with_a_code, vouched_for, by_number, by_link])


def revoke(services: Services, store: Store, order: Order) -> None:
    with services.db.transaction(store.id) as session:
        session.get_one(Order, (store.id, order.id)).link_version += 1


@pytest.mark.parametrize("level", ["see", "act"])
def test_a_renewed_token_remembers_when_the_proof_was_given(
    client: FlaskClient, services: Services, store: Store, order: Order, level: str
) -> None:
    token = aged(services, store, order, proved=timedelta(hours=23, minutes=58), level=level)
    for _ in range(3):
        status, renewed = my_orders(client, store, token)
        assert status == 200
        assert proved_at(services, renewed) == proved_at(services, token)
        assert services.keyring.verify(renewed, purpose="shopper", max_age=60)["l"] == level
        token = renewed


@pytest.mark.parametrize("level", ["see", "act"])
def test_no_renewing_outlives_a_day(
    client: FlaskClient, services: Services, store: Store, order: Order, level: str
) -> None:
    old = aged(services, store, order, proved=timedelta(hours=24, seconds=2), level=level)
    assert my_orders(client, store, old) == (401, "")
    headers = {"Authorization": f"Bearer {old}"}
    for path, body in (("messages", {"order": str(order.id), "text": "Hello"}), ("code", None)):
        assert client.post(f"/shop/{store.key}/{path}", json=body, headers=headers).status_code == 401


@WAYS
def test_a_token_dies_with_the_order_s_links_and_a_new_proof_gives_a_new_one(
    client: FlaskClient, services: Services, store: Store, order: Order, way: object
) -> None:
    assert callable(way)
    token = way(client, services, store, order)
    status, renewed = my_orders(client, store, token)
    assert status == 200
    revoke(services, store, order)
    assert my_orders(client, store, token) == (401, "")
    assert my_orders(client, store, renewed) == (401, "")
    if way is not vouched_for:  # its nonce is used up
        again = way(client, services, store, order)
        status, renewed = my_orders(client, store, again)
        assert (status, my_orders(client, store, renewed)[0]) == (200, 200)


def test_of_two_orders_only_the_revoked_one_is_lost(
    client: FlaskClient, services: Services, store: Store, order: Order, world: World, worker: Worker
) -> None:
    world.put(anns_order(ref="2", number="1043", shopper_ref="ann"))
    with services.db.transaction(store.id) as session:
        again = NewJob("changes.refresh_order", "order:2", {"ref": "2"})
        queue.enqueue(session, store.id, again, now=services.clock())
    worker.run_until_idle()
    token = vouched_for(client, services, store, order)
    revoke(services, store, order)
    answer = client.get(f"/shop/{store.key}/orders", headers={"Authorization": f"Bearer {token}"})
    assert [one["order"]["number"] for one in answer.get_json()["orders"]] == ["1043"]
    message = {"order": str(order.id), "text": "Hello"}
    headers = {"Authorization": f"Bearer {token}"}
    assert client.post(f"/shop/{store.key}/messages", json=message, headers=headers).status_code == 404
