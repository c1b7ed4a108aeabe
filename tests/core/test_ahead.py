"""What is answered ahead of Flask reads as Flask would have answered it; what is not usual goes on to Flask."""

from __future__ import annotations

import json
import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.app import create_app
from core.jobs.worker import Worker
from core.orders import lookup
from core.platform.sample import SIGNATURE, World, sign
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import link_of
from tests.core.samples import ANN, anns_order, hook_path

NEWS = json.dumps({"resource": "order", "ref": "1"}).encode()
AHEAD, FLASK = "application/json", "application/json; charset=utf-8"
PAIRS = [("1042", ANN), ("1042", "LT-01103"), ("9999", ANN), ("1042", "eve@elsewhere.example")]


@pytest.fixture
def _ann(world: World, store: Store, worker: Worker) -> None:
    """Ann's order is here."""
    world.put(anns_order())
    worker.run_until_idle()


def told(answer: TestResponse) -> tuple[int, list[tuple[str, str]], str]:
    """An answer as its reader may compare it: headers in no order, without the token, which tells the time."""
    return answer.status_code, sorted(answer.headers), re.sub(r'"token": ?"[^"]*"', "", answer.text)


def seen_by_flask(services: Services) -> tuple[FlaskClient, list[str]]:
    """Give a browser of an application of its own, which writes down what comes to Flask."""
    seen: list[str] = []
    application = create_app(services.config, services=services)
    application.before_request(lambda: seen.append("request"))
    return application.test_client(), seen


@pytest.mark.usefixtures("_ann")
@pytest.mark.parametrize("pair", PAIRS)
def test_a_look_up_is_answered_alike_on_both_ways(client: FlaskClient, store: Store, pair: tuple[str, str]) -> None:
    body = json.dumps({"number": pair[0], "proof": pair[1]})
    ahead, flask = (client.post(f"/shop/{store.key}/find", data=body, content_type=kind) for kind in (AHEAD, FLASK))
    assert told(ahead) == told(flask)


@pytest.mark.usefixtures("_ann")
def test_only_a_usual_look_up_and_a_usual_delivery_pass_flask_by(services: Services, store: Store) -> None:
    client, seen = seen_by_flask(services)
    find, pair = f"/shop/{store.key}/find", json.dumps({"number": "1042", "proof": ANN})
    signed = {SIGNATURE: sign(link_of(services, store).secret, NEWS)}
    assert client.post(find, data=pair, content_type=AHEAD).status_code == 200
    assert client.post(hook_path(services, store), data=NEWS, headers=signed).status_code == 200
    assert seen == []
    assert client.post(find, data=pair, content_type=FLASK).status_code == 200
    assert client.post(f"{find}?lang=lt", data=pair, content_type=AHEAD).get_json()["page"]["cards"]
    assert client.post(find, data="{", content_type=AHEAD).status_code == 400
    assert client.post(find, data=pair + " " * 10_000, content_type=AHEAD).status_code == 200
    assert client.put(hook_path(services, store)).status_code == 405
    assert len(seen) == 5
    assert client.post("/shop/nobody/find", data=pair, content_type=AHEAD).get_json()["error"]["code"]


@pytest.mark.usefixtures("_ann")
def test_a_delivery_in_pieces_is_taken_in_like_a_whole_one(services: Services, store: Store) -> None:
    headers = {SIGNATURE: sign(link_of(services, store).secret, NEWS)}
    (client, seen), path = seen_by_flask(services), hook_path(services, store)
    whole = client.post(path, data=NEWS, headers=headers)
    chunked = {"wsgi.input_terminated": True, "CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    pieces = client.post(path, data=NEWS, headers=headers, environ_overrides=chunked)
    assert told(whole) == told(pieces)
    assert (whole.status_code, len(seen)) == (200, 1)


def test_a_body_that_broke_off_is_a_bad_request(client: FlaskClient, services: Services, store: Store) -> None:
    headers = {SIGNATURE: sign(link_of(services, store).secret, NEWS)}
    longer = {"CONTENT_LENGTH": str(len(NEWS) + 5)}
    answer = client.post(hook_path(services, store), data=NEWS, headers=headers, environ_overrides=longer)
    assert answer.status_code == 400


def test_what_cannot_be_written_is_answered_as_an_error_of_ours(
    client: FlaskClient, services: Services, store: Store
) -> None:
    headers, path = {SIGNATURE: sign(link_of(services, store).secret, NEWS)}, hook_path(services, store)
    assert client.post(path, data=NEWS, headers=headers).status_code == 200  # the store is remembered
    with services.db.engine.begin() as connection:
        connection.exec_driver_sql("alter table jobs rename to hidden")
    answer = client.post(path, data=NEWS, headers=headers)
    assert answer.status_code in (500, 503)
    assert answer.get_json()["error"]["code"] in ("internal", "away")


@pytest.mark.usefixtures("_ann")
def test_an_order_found_by_postcode_reads_like_one_found_by_e_mail(services: Services, store: Store) -> None:
    by_email, by_postcode = (
        lookup.look_up(services, store.id, "1042", proof, "198.51.100.1") for proof in (ANN, "LT-01103")
    )
    assert by_email[1] == by_postcode[1]
    assert by_email[1].parcels
