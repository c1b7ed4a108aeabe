"""What is tried is counted however it is spelled, wherever it comes from; and an innocent right pair is answered."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.db.purpose import Purpose
from core.jobs.worker import Worker
from core.orders import lookup
from core.orders.model import Order
from core.platform.sample import World
from core.services import Services
from core.stores import throttle
from core.stores.model import Store, Throttle
from core.stores.tokens import shopper_token
from tests.core.samples import ANN, anns_order, jobs_of
from tests.core.shipping.seed import rows

SPELLINGS = [" " * n + ANN for n in range(8)] + [ANN.upper(), ANN.title(), ANN + "\t", "\uff41nn@shopper.example"]


@pytest.fixture(autouse=True)
def order(services: Services, world: World, store: Store, worker: Worker) -> Order:
    """Ann's order 1042, with her postcode LT-01103."""
    world.put(anns_order())
    worker.run_until_idle()
    return rows(services, store, Order)[0]


def find(client: FlaskClient, store: Store, number: str, proof: str, address: str = "198.51.100.1") -> int:
    body = {"number": number, "proof": proof}
    caller = {"REMOTE_ADDR": address}
    return client.post(f"/shop/{store.key}/find", json=body, environ_base=caller).status_code


def addresses(times: int) -> list[str]:
    return [f"203.0.113.{n}" if n < 250 else f"198.18.{n // 250}.{n % 250}" for n in range(times)]


def test_links_are_mailed_three_times_however_the_address_is_spelled(
    client: FlaskClient, services: Services, store: Store
) -> None:
    asked = [
        client.post(f"/shop/{store.key}/links", json={"email": email}, environ_base={"REMOTE_ADDR": address})
        for email, address in zip(SPELLINGS, addresses(12), strict=True)
    ]
    assert [answer.status_code for answer in asked] == [202] * 3 + [429] * 9


def test_a_look_up_counts_the_e_mail_however_it_is_spelled(client: FlaskClient, store: Store) -> None:
    tried = [find(client, store, "77", email, where) for email, where in zip(SPELLINGS, addresses(12), strict=True)]
    assert tried == [404] * 10 + [429] * 2


@pytest.mark.parametrize("mark", [" ", "-", ".", "_", "\u2003"])
def test_a_look_up_counts_the_postcode_however_it_is_spelled(client: FlaskClient, store: Store, mark: str) -> None:
    spelled = ["LT" + mark * n + "99999" for n in range(12)]
    tried = [find(client, store, "77", one, where) for one, where in zip(spelled, addresses(12), strict=True)]
    assert tried == [404] * 10 + [429] * 2


def test_no_postcode_is_hidden_in_an_e_mail_address(client: FlaskClient, store: Store) -> None:
    assert find(client, store, "1042", "LT 01103") == 200
    assert [find(client, store, "1042", proof) for proof in ("LT@01103", "LT01103@", "LT\uff2001103")] == [404] * 3


def test_one_ipv6_line_is_one_caller(client: FlaskClient, store: Store) -> None:
    tried = [find(client, store, "77", f"eve{n}@x.example", f"2001:db8:0:7::{n:x}") for n in range(1, 36)]
    assert tried == [404] * 30 + [429] * 5
    assert find(client, store, "1042", ANN, "2001:db8:0:8::1") == 200


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_callers_are_told_apart_by_what_a_line_is_given(address: str, caller: str) -> None:
    assert throttle.caller_of(address) == caller


def test_a_store_under_attack_answers_innocent_right_pairs(
    client: FlaskClient, services: Services, store: Store
) -> None:
    for _ in range(lookup.MOST_OF_A_STORE):
        throttle.count_frequent(
            services.db, services.keyring, store.id, {}, watched=("find:store",), now=services.clock()
        )
    crowd = [find(client, store, str(n), f"eve{n}@x.example", where) for n, where in enumerate(addresses(40))]
    assert crowd == [404] * 40
    assert find(client, store, "1042", ANN, "198.51.100.2") == 200
    assert find(client, store, "1042", "LT-01103", "198.51.100.3") == 200
    guesses = [find(client, store, "1042", f"LT-0110{n}", "198.51.100.4") for n in range(6)]
    assert guesses == [404, 404, 404, 429, 429, 429]  # the fourth of them is the right one


def test_a_number_many_guess_at_opens_to_its_e_mail_alone(client: FlaskClient, store: Store) -> None:
    crowd = [find(client, store, "#1042", f"LT-1{n:04}", where) for n, where in enumerate(addresses(40))]
    assert crowd == [404] * 30 + [429] * 10
    assert find(client, store, "1042", "LT-01103", "198.51.100.3") == 429
    assert find(client, store, "1042", ANN, "198.51.100.3") == 200
    assert find(client, store, "1043", "LT-01103", "198.51.100.3") == 404


def test_whoever_is_refused_uses_up_nobody_else_s_tries(client: FlaskClient, store: Store) -> None:
    for n in range(30):
        find(client, store, "77", f"eve{n}@x.example", "198.51.100.9")
    assert [find(client, store, "77", ANN, "198.51.100.9") for _ in range(20)] == [429] * 20
    assert find(client, store, "1042", ANN, "198.51.100.1") == 200


def test_refused_tries_write_nothing(client: FlaskClient, services: Services, store: Store) -> None:
    for n in range(31):
        find(client, store, "77", f"eve{n}@x.example", "198.51.100.9")
    for _ in range(4):
        client.post(f"/shop/{store.key}/links", json={"email": ANN})
    throttle.counter_of(services.db).write(services.db)

    def all_rows() -> list[tuple[str, int]]:
        with services.db.system(Purpose.INSPECT, write=False) as session:
            return [
                (row.digest, row.tries) for row in session.execute(sa.select(Throttle).order_by(Throttle.id)).scalars()
            ]

    before, waiting = all_rows(), jobs_of(services, store)
    for n in range(50):
        assert find(client, store, "78", f"eve{100 + n}@x.example", "198.51.100.9") == 429
        assert client.post(f"/shop/{store.key}/links", json={"email": ANN}).status_code == 429
    throttle.counter_of(services.db).write(services.db)
    assert (all_rows(), jobs_of(services, store)) == (before, waiting)


def test_codes_are_counted_per_address_and_store_too(
    client: FlaskClient, services: Services, store: Store, order: Order
) -> None:
    def guess(order_id: int, address: str) -> int:
        headers = {"Authorization": f"Bearer {shopper_token(services.keyring, store.id, [order_id])}"}
        path = f"/shop/{store.key}/code/check"
        return client.post(
            path, json={"code": "000000"}, headers=headers, environ_base={"REMOTE_ADDR": address}
        ).status_code

    assert [guess(order.id + n, "2001:db8::1") for n in range(21)] == [401] * 20 + [429]
    assert guess(order.id, "198.51.100.2") == 401
    many = [guess(order.id + 100 + n, where) for n, where in enumerate(addresses(490))]
    assert many.index(429) == 500 - 21
