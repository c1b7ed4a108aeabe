"""Find my order: forgiving about how it is typed, silent about which half was wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.db.purpose import Purpose
from core.jobs.worker import Worker
from core.orders.find import OrderNotFound, email_key, email_keys
from core.orders.sync.order_sync import apply_gone
from core.orders.typed_text import address_in, is_same_postcode, number_key, postcode_forms, postcode_key
from core.platform.sample import World
from core.secrets import Keyring
from core.services import Services
from core.stores.model import Store, Throttle
from core.stores.throttle import counter_of
from tests.conftest import KEY, NOON, Clock, connect, read_orders
from tests.core.samples import ANN, EVE, anns_order, find_mine, jobs_of, statements

WRONG = {
    "right number, wrong e-mail": ("1042", EVE),
    "wrong number, right e-mail": ("9999", ANN),
    "both wrong": ("9999", EVE),
    "another store's pair": ("2042", EVE),
    "right number, wrong postcode": ("1042", "99999"),
    "right number, the empty postcode": ("1042", "-"),
    "an order that was deleted": ("7000", "gone@shopper.example"),
    "what no keyboard types": ("\0", "\0"),
}


@pytest.fixture
def orders(services: Services, world: World, store: Store, worker: Worker) -> None:
    """Ann's order 1042 and one that was deleted are here; Eve's 2042 is another store's."""
    world.put(anns_order())
    world.put(anns_order(ref="7", number="7000", email="gone@shopper.example"))
    worker.run_until_idle()
    elsewhere = World(world.path + ".other")
    elsewhere.put(anns_order(ref="2", number="2042", email=EVE))
    connect(services, elsewhere, "other")
    world.remove("order", "7")
    with services.db.transaction(store.id) as session:
        apply_gone(session, ["7"], asked_at=NOON, now=NOON)
    worker.run_until_idle()


def ask(client: FlaskClient, store: Store, number: str, proof: str) -> TestResponse:
    return client.post(f"/shop/{store.key}/find", json={"number": number, "proof": proof})


def ask_page(client: FlaskClient, store: Store, number: str, proof: str) -> TestResponse:
    return client.post(f"/find/{store.key}", data={"number": number, "proof": proof})


def seen(answer: TestResponse, *typed: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """An answer as Eve may compare it, without the echo of her own typing and what it adds to the length."""
    body = answer.data
    for text in typed:
        body = body.replace(f'value="{text}"'.encode(), b'value=""')
    headers = [(name, value) for name, value in answer.headers if name != "Content-Length" or body == answer.data]
    return answer.status_code, headers, body


# How people type.


NUMBERS = [
    *("1042", "#1042", " 1042 ", "# 1042", "No. 1042", "LIN-1042", "1042-B", "lin-1042-b", "001042", "2026-1042"),
    *("٠١٠٤٢", "١٠٤٢", "๑๐๔๒", "１０４２"),
]
PROOFS = [ANN, "ANN@SHOPPER.EXAMPLE", "  ann@shopper.example ", "LT-01103", "lt 01103", "LT٠١١٠٣"]


@pytest.mark.usefixtures("orders")
def test_an_order_is_found_however_its_number_and_its_proof_are_typed(
    client: FlaskClient, store: Store, clock: Clock
) -> None:
    for number, proof in [*((number, ANN) for number in NUMBERS), *(("1042", proof) for proof in PROOFS)]:
        clock.forward(minutes=15)  # the throttle starts anew
        answer = ask(client, store, number, proof)
        assert (number, proof, answer.status_code) == (number, proof, 200)
        assert answer.get_json()["order"]["number"] == "1042"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("#1042", "LIN-1042-B"),
        ("２０４２", "2042"),
        ("0042", "42"),
        ("2026-1042", "1042"),
        ("A-X", "a x"),
        ("R2-1042", "1042"),
        ("1042-2026", "1042"),
        ("1042/2026", "#1042"),
        ("2026-042", "42"),
        ("INV/2026/11/00042", "42"),
        ("20261118-42", "42"),
        ("2026-11-18-7", "7"),
        ("18.11.2026/1042", "1042"),
        ("20261118/1042", "1042"),
        ("202611181042", "1042"),
        ("LIN-1042-26", "1042"),
        ("12,345", "12345"),
        ("12.345", "12345"),
        ("12 345", "12345"),
        ("12'345", "12345"),
        ("1\u202f012\u202f345", "1012345"),
        ("Order #1042 of 18.11.2026", "1042"),
        ("1042 \u200b", "1042"),
        ("https://shop.example/my-account/view-order/1042/?key=wc_99887766", "1042"),
    ],
)
def test_numbers_people_take_for_the_same_share_a_key(one: str, other: str) -> None:
    assert number_key(one) == number_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1042", "1043"), ("1042", "10420"), ("ABC", "ABD"), ("0", ""), ("2026", "2025")]
)
def test_numbers_people_tell_apart_do_not(one: str, other: str) -> None:
    assert number_key(one) != number_key(other)


def test_a_postcode_is_its_letters_and_digits() -> None:
    assert {postcode_key(typed) for typed in ("SW1A 1AA", "sw1a1aa", "SW1A-1AA", "ＳＷ１Ａ １ＡＡ")} == {"sw1a1aa"}


@pytest.mark.parametrize(
    ("stored", "typed", "country"),
    [
        ("LT-10309", "10309", "LT"),
        ("10309", "LT-10309", "LT"),
        ("10309", "lt 10309 Vilnius", "LT"),
        ("LV-1010", "1010", "LV"),
        ("114 55", "SE-11455", "SE"),
        ("1234 AB", "1234ab", "NL"),
        ("1234AB", "1234 AB Amsterdam", "NL"),
        ("SW1A 1AA", "SW1A1AA, London", "GB"),
        ("100-0001", "〒100-0001", "JP"),
        ("07030", "7030", "US"),
        ("07030", "07030-1234", "US"),
        ("07030-1234", "07030", "US"),
        ("10309", "١٠٣٠٩", "LT"),
        ("101", "101", "IS"),
        ("FO-100", "100", "FO"),
        ("D02 X285", "d02x285", "IE"),
        ("VLT 1117", "VLT1117", "MT"),
    ],
)
def test_a_postcode_is_the_same_in_every_form(stored: str, typed: str, country: str) -> None:
    assert is_same_postcode(stored, postcode_forms(typed), country)


@pytest.mark.parametrize(
    ("stored", "typed", "country"),
    [
        ("10309", "10308", "LT"),
        ("101", "101", "LT"),
        ("101", "102", "IS"),
        ("1234 AB", "1234 AC", "NL"),
        ("SW1A 1AA", "SW1A", "GB"),
        ("10309", "10308 10309", "LT"),
        ("", "", "LT"),
        ("-", "-", "LT"),
        ("0000", "", "LT"),
        ("123456789", "12345", "LT"),
    ],
)
def test_another_postcode_proves_nothing(stored: str, typed: str, country: str) -> None:
    assert not is_same_postcode(stored, postcode_forms(typed), country)


@pytest.mark.parametrize(
    "typed",
    [
        "Ann Berg <ann@shopper.example>",
        "mailto:ann@shopper.example",
        "ann@shopper.example.",
        "(ann@shopper.example),",
        "ann @ shopper.example",
        "ann＠shopper.example",
        "ann@\u200bshopper.example",
        "E-Mail: ANN@shopper.example",
    ],
)
def test_an_address_is_found_in_what_was_pasted(typed: str) -> None:
    assert address_in(typed).lower() == ANN


@pytest.mark.usefixtures("orders")
def test_a_pasted_address_proves_as_much_as_a_typed_one(client: FlaskClient, store: Store) -> None:
    assert ask(client, store, "Order #1042", "Ann Berg <ann@shopper.example>").status_code == 200
    assert ask(client, store, "#1,042", "mailto:ANN@shopper.example").status_code == 200
    assert ask(client, store, "1042", "01103").status_code == 200
    assert ask(client, store, "1042", "Ann Berg <eve@shopper.example>").status_code == 404


@pytest.mark.usefixtures("orders")
def test_a_name_around_an_address_gives_no_further_tries(client: FlaskClient, store: Store) -> None:
    answers = [ask(client, store, "9999", f"{place} <{ANN}>").status_code for place in range(12)]
    assert answers == [404] * 10 + [429] * 2


def test_an_international_address_is_one_in_either_spelling() -> None:
    keyring = Keyring([KEY])
    stored = {email_key(address, keyring) for address in ("ann@xn--mller-kva.example", "ann@müller.example")}
    for typed in ("ann@müller.example", "ann@MÜLLER.example", "ann@xn--mller-kva.example"):
        assert stored <= set(email_keys(typed, keyring)) | {email_key(typed, keyring)}
    sharp, double = email_keys("ann@straße.example", keyring), email_keys("ann@strasse.example", keyring)
    assert email_key("ann@xn--strae-oqa.example", keyring) in sharp
    assert len(double) == 1


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize("proof", ["e-mail", "postcode"])
def test_the_oldest_of_many_orders_numbered_by_year_is_found_whatever_proves_it(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, proof: str
) -> None:
    for place in range(30):
        number, later = f"{1001 + place}-2026", NOON + timedelta(minutes=place)
        whose = {"email": f"{place}@shopper.example", "postcode": f"LT-{20100 + place}"}
        world.put(anns_order(ref=f"y{place}", number=number, placed_at=later, **whose))
        world.put(anns_order(ref=f"z{place}", number=f"X{place}-7777777", placed_at=later, **whose))
    read_orders(services, store)
    worker.run_until_idle()
    given = "0@shopper.example" if proof == "e-mail" else "20100"
    for typed in ("1001-2026", "1001", "#1001"):
        assert ask(client, store, typed, given).get_json()["order"]["number"] == "1001-2026"
    assert ask(client, store, "X0-7777777", given).get_json()["order"]["number"] == "X0-7777777"


@pytest.mark.usefixtures("orders")
def test_a_short_postcode_proves_nothing(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.put(anns_order(ref="3", number="3000", postcode="101"))
    read_orders(services, store)
    worker.run_until_idle()
    assert ask(client, store, "3000", "101").status_code == 404
    assert ask(client, store, "3000", ANN).status_code == 200


@pytest.mark.usefixtures("orders")
def test_the_exact_number_wins_among_those_that_look_alike(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.put(anns_order(ref="5", number="1042-B", placed_at=NOON + timedelta(minutes=1)))
    read_orders(services, store)
    worker.run_until_idle()
    assert ask(client, store, "1042", ANN).get_json()["order"]["number"] == "1042"
    assert ask(client, store, "1042-b", ANN).get_json()["order"]["number"] == "1042-B"
    assert ask(client, store, "X1042", ANN).get_json()["order"]["number"] == "1042-B"  # neither: the newest


@pytest.mark.usefixtures("orders")
def test_an_order_is_found_among_many_that_share_its_key(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    for place in range(30):
        later = NOON + timedelta(minutes=place)
        world.put(
            anns_order(ref=f"m{place}", number=f"{place}/2026", email=f"{place}@shopper.example", placed_at=later)
        )
    read_orders(services, store)
    worker.run_until_idle()
    assert ask(client, store, "3/2026", "3@shopper.example").get_json()["order"]["number"] == "3/2026"


@pytest.mark.usefixtures("orders")
def test_a_digest_made_with_an_older_key_is_still_found(services: Services, store: Store) -> None:
    newer = Keyring(["another-long-and-random-text-0123456789", KEY])
    with services.db.transaction(store.id, write=False) as session:
        assert find_mine(session, newer, "1042", ANN).ref == "1"
        with pytest.raises(OrderNotFound):
            find_mine(session, Keyring(["another-long-and-random-text-0123456789"]), "1042", ANN)


@pytest.mark.usefixtures("orders")
def test_a_store_s_orders_are_found_in_that_store_only(services: Services, world: World) -> None:
    other = connect(services, world, "another")
    with services.db.transaction(other.id, write=False) as session, pytest.raises(OrderNotFound):
        find_mine(session, services.keyring, "1042", ANN)


# What Eve may learn.


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize("way", [ask, ask_page])
def test_every_wrong_pair_gets_the_same_bytes_headers_and_statements(
    client: FlaskClient, services: Services, store: Store, way: Callable[..., TestResponse]
) -> None:
    counter_of(services.db).rest = math.inf  # whoever comes when it is over also writes what was counted
    way(client, store, "444", "somebody@nowhere.example")  # the store is remembered, the first tries are written
    with statements(services.db) as usual:
        nobody = way(client, store, "555", "nobody@nowhere.example")
    assert (nobody.status_code, len([one for one in usual if "FROM orders" in one or one == "look up"])) == (404, 1)
    for case, (number, proof) in WRONG.items():
        with statements(services.db) as this:
            answer = way(client, store, number, proof)
        assert (case, seen(answer, number, proof)) == (case, seen(nobody, "555", "nobody@nowhere.example"))
        assert (case, this) == (case, usual)


@pytest.mark.usefixtures("orders")
def test_half_an_emoji_is_bad_input_and_no_more(client: FlaskClient, store: Store) -> None:
    answer = ask(client, store, "\ud83d", "\ud83d")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "invalid")


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize("way", [ask, ask_page])
def test_a_right_pair_is_told_from_wrong_ones_only_by_the_answer(
    client: FlaskClient, store: Store, way: Callable[..., TestResponse]
) -> None:
    assert way(client, store, "1042", ANN).status_code == 200


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize("way", [ask, ask_page])
def test_too_many_tries_are_stopped_alike_for_right_and_wrong_pairs(
    client: FlaskClient, store: Store, way: Callable[..., TestResponse]
) -> None:
    for _ in range(30):
        way(client, store, "9999", "")  # an empty proof is counted or refused, never let through
        way(client, store, "9999", f"{_}@elsewhere.example")
    right, wrong = way(client, store, "1042", ANN), way(client, store, "9999", EVE)
    assert right.status_code == 429
    assert int(right.headers["Retry-After"]) <= 900
    assert seen(right, "1042", ANN) == seen(wrong, "9999", EVE)


@pytest.mark.usefixtures("orders")
def test_one_address_may_be_tried_ten_times_from_anywhere(client: FlaskClient, store: Store) -> None:
    answers = [
        client.post(
            f"/shop/{store.key}/find",
            json={"number": "9999", "proof": ANN},
            headers={"X-Forwarded-For": f"198.51.100.{place}"},
        ).status_code
        for place in range(12)
    ]
    assert answers == [404] * 10 + [429] * 2


@pytest.mark.usefixtures("orders")
def test_nothing_typed_is_stored_readably(client: FlaskClient, services: Services, store: Store) -> None:
    ask(client, store, "1042", "eve.secret@elsewhere.example")
    with services.db.system(Purpose.INSPECT, write=False) as session:
        rows = session.scalars(sa.select(Throttle)).all()
    assert rows
    assert all(len(row.digest) == 64 and "eve" not in row.digest for row in rows)


# Links by mail.


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize("way", ["json", "page"])
def test_the_answer_to_lost_numbers_is_the_same_whoever_asks(
    client: FlaskClient, services: Services, store: Store, way: str
) -> None:
    def send(email: str) -> tuple[TestResponse, list[str]]:
        with statements(services.db) as seen_:
            if way == "json":
                return client.post(f"/shop/{store.key}/links", json={"email": email}), seen_
            return client.post(f"/find/{store.key}/links", data={"email": email}), seen_

    (anns, first), (strangers, second) = send(ANN), send("nobody@nowhere.example")
    assert anns.status_code == (202 if way == "json" else 200)
    assert (anns.data, list(anns.headers), first) == (strangers.data, list(strangers.headers), second)
    assert len([key for key in jobs_of(services, store) if key.startswith("links:")]) == 2


@pytest.mark.usefixtures("orders")
def test_the_fourth_mail_in_a_quarter_of_an_hour_is_not_promised(
    client: FlaskClient, services: Services, store: Store, clock: Clock
) -> None:
    for _ in range(4):
        last = client.post(f"/find/{store.key}/links", data={"email": ANN})
        clock.forward(minutes=1)
    assert last.status_code == 200
    assert len([key for key in jobs_of(services, store) if key.startswith("links:")]) == 3
    assert client.post(f"/shop/{store.key}/links", json={"email": ANN}).status_code == 429
