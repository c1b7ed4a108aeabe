"""The shopper's JSON as strangers meet it: a valid document, every route open to browsers, and no 500 for anything."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings

from core.jobs.worker import Worker
from core.platform.sample import World
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import shopper_token
from tests.core.returns.seed import ACCEPTS, place, set_policy
from tests.core.returns.visit import Visit, picture

EXAMPLES = 300 if os.environ.get("LONG") else 8
METHODS = ("get", "post", "put", "patch", "delete")
WITHOUT_BODY = ("/code", "/returns/{return_id}/cancel", "/withdrawals/{withdrawal_id}/confirm")


@pytest.fixture
def database_url(tmp_path: Any, sqlite_template: Any) -> str:
    """SQLite only: what is asked here stops before the database, or is asked of both in orders/test_find.py."""
    path = tmp_path / "aftercare.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/shop/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def routes(client: FlaskClient) -> list[str]:
    """Every path under /shop, its variables filled with something."""
    rules = client.application.url_map.iter_rules()
    return sorted({re.sub("<[^>]*>", "k" * 16, rule.rule) for rule in rules if rule.rule.startswith("/shop/")})


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from references(item)


def test_the_document_is_whole(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"] == "Aftercare"
    schemathesis.openapi.from_dict(document).validate()
    for reference in set(references(document)):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_every_route_is_described_with_its_answers(client: FlaskClient, document: dict[str, Any]) -> None:
    described = {re.sub("{[^}]*}", "k" * 16, path) for path, _, _ in operations(document)}
    assert {path for path in routes(client) if path != "/shop/openapi.json"} <= described
    for path, method, operation in operations(document):
        if path.startswith("/shop/"):
            assert (path, method, bool(operation["summary"])) == (path, method, True)
            assert any(status.startswith("2") for status in operation["responses"])
            assert (method == "get") or "requestBody" in operation or path.endswith(WITHOUT_BODY)


def test_every_route_answers_a_browser_s_question_first(client: FlaskClient) -> None:
    assert len(routes(client)) >= 7
    for path in routes(client):
        answer = client.options(
            path, headers={"Origin": "https://store.example", "Access-Control-Request-Method": "POST"}
        )
        assert (path, answer.status_code) == (path, 200)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert {"Authorization", "Content-Type"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))


def test_every_answer_may_be_read_by_any_site_and_none_carries_credentials(
    client: FlaskClient, services: Services, store: Store
) -> None:
    shop = f"/shop/{store.key}"
    answers = [
        client.get(f"/shop/find-store?platform=demo&ref={store.ref}"),  # 200
        client.post(f"{shop}/find", json={"number": "1", "proof": "x@y.example"}),  # 404
        client.post(f"{shop}/find", json={}),  # 400
        client.get(f"{shop}/orders"),  # 401
        client.get(f"{shop}/find"),  # 405
        client.get("/shop/nothing/here/at/all"),  # 404
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 400, 401, 405, 404]
    for answer in answers:
        assert answer.is_json
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers


def test_errors_are_a_code_and_a_sentence(client: FlaskClient, store: Store) -> None:
    for body, fields in (
        (b"", None),
        (b"null", None),
        (b"[]", None),
        (b"{", None),
        (b'{"number": 7}', ["number", "proof"]),
    ):
        answer = client.post(f"/shop/{store.key}/find", data=body, content_type="application/json")
        error = answer.get_json()["error"]
        assert (body, answer.status_code) == (body, 400)
        assert error["code"]
        assert error["message"]
        assert fields is None or error["fields"] == fields


@pytest.fixture
def known(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> dict[str, str]:
    """What Ann's order is called in paths and bodies: a store whose policy accepts, a return, a withdrawal, a photo."""
    set_policy(services, store, **ACCEPTS)
    visit = Visit(client, services, store, place(services, store, world, worker))
    rma = visit.act("returns", visit.asking({"ref": "l1", "quantity": 1}))
    row = visit.see("withdrawals", {"order": str(visit.order_id), "lines": [{"ref": "l2", "quantity": 1}]})
    photo = visit.send_photo(picture()).get_json()["url"].rpartition("/")[2]
    ids = {"return_id": rma["id"], "withdrawal_id": row["id"], "token": photo}
    return {"key": store.key, "order": str(visit.order_id), **ids}


@pytest.mark.parametrize("level", ["", "see", "act"], ids=["a stranger", "Ann who sees", "Ann who acts"])
def test_nothing_anybody_sends_makes_a_500(
    client: FlaskClient, services: Services, store: Store, known: dict[str, str], level: str
) -> None:
    token = shopper_token(services.keyring, store.id, [int(known["order"])], level=level or "see")
    headers = {"Authorization": f"Bearer {token}"} if level else {}
    schema = schemathesis.openapi.from_wsgi("/shop/openapi.json", client.application)
    succeeded: set[str] = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        if not operation.path.startswith("/shop/"):
            continue
        if ask_anything(operation, known if level else {}, headers):
            succeeded.add(operation.label)
    if level:
        read = {"GET /shop/{key}/returns/options", "GET /shop/{key}/returns/{return_id}"}
        assert read <= succeeded, "the truth was never reached"


def ask_anything(operation: Any, known: dict[str, str], headers: dict[str, str]) -> bool:
    """Send an operation whatever fits its description; say whether anything of it succeeded."""
    documented = set(operation.definition.raw["responses"]) | {"400", "404"}  # what every door may say
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        derandomize=True,
        database=None,
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        put_truth(case, known)
        answer = case.call(headers=headers)
        statuses.add(answer.status_code)
        assert str(answer.status_code) in documented, operation.label
        assert answer.headers["access-control-allow-origin"] == ["*"]
        assert answer.headers["content-type"] == ["image/jpeg"] or answer.json() is not None

    ask()
    return any(status < 300 for status in statuses)


def put_truth(case: Any, known: dict[str, str]) -> None:
    """Name what there is where a case made a name up, so that it gets as far inside as it can."""
    for name in case.path_parameters.keys() & known.keys():
        case.path_parameters[name] = known[name]
    for part in (case.query, case.body):
        if known and isinstance(part, dict) and "order" in part:
            part["order"] = known["order"]


@pytest.mark.parametrize(
    "path", ["/shop/%00/orders", "/shop/find-store?platform=demo&ref=%00", "/shop/%ED%A0%BD/orders"]
)
def test_what_no_database_takes_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_token_for_many_orders_opens_all_of_them(client: FlaskClient, services: Services, store: Store) -> None:
    token = shopper_token(services.keyring, store.id, [1, 2, 3])
    answer = client.get(f"/shop/{store.key}/orders", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.get_json()) == (200, {"orders": []})
