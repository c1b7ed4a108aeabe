"""Extensions of a platform ask by a token; pages of that store and the platform's extensions may read the answer."""

from __future__ import annotations

import time
from typing import Any

import pytest
from werkzeug.test import TestResponse

from core.app import wire_kinds
from core.jobs.worker import Worker
from core.platform.sample import Demo, World
from core.platform.samples import shells as sample_shells
from core.platform.samples.shells import EXTENSIONS, SignsShoppersIn
from core.services import Services
from core.stores.model import Store
from core.stores.worker_access import WorkerAccess
from tests.core.desk import shells
from tests.core.desk.shells import APP, browser
from tests.core.samples import EVE, anns_order
from tests.core.shipping.seed import on_sqlite, rows

PATH = "/proxy/bearer/orders"
HOME = "https://linden.example"
pytestmark = on_sqlite


class Accounts(SignsShoppersIn, Demo):
    """Has extensions with tokens."""

    name = "bearer"


@pytest.fixture
def app(services: Services) -> Services:
    return shells.with_shells(services, bearer=Accounts)


@pytest.fixture
def store(app: Services, world: World) -> Store:
    made = shells.connect(app, world, "bearer", url=f"{HOME}/shop/")
    shells.connect(app, world, "bearer", "maple", url="https://maple.example")
    world.put(anns_order(ref="1", number="1041", shopper_ref="ann"))
    world.put(anns_order(ref="2", number="1042", shopper_ref="eve", email=EVE))
    Worker(app, wire_kinds(), stores=WorkerAccess()).run_until_idle()
    return made


def ask(app: Services, sub: str = "ann", *, origin: str = "", query: str = "", **claims: Any) -> TestResponse:
    token = sample_shells.token(claims.pop("by", APP), "linden", sub, now=time.time(), **claims)
    headers = {"Authorization": f"Bearer {token}", **({"Origin": origin} if origin else {})}
    return browser(app).get(f"{PATH}{query}", headers=headers)


def test_a_token_opens_the_orders_of_whom_it_names(app: Services, store: Store) -> None:
    for sub, number in (("ann", "1041"), ("eve", "1042")):
        answer = ask(app, sub)
        assert [one["order"]["number"] for one in answer.get_json()["orders"]] == [number]
        assert ask(app, sub).status_code == 200  # good for its minute, for an extension asks more than once


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1}, {"exp": None}, {"aud": "another-app"}, {"aud": ""}, {"aud": None}, {"sub": ""},
        {"dest": "nowhere"}, {"by": APP | {"client_secret": "a guess"}},
    ],
    ids=str,
)  # fmt: skip
def test_no_other_token_opens_anything(app: Services, store: Store, claims: dict[str, Any]) -> None:
    answer = ask(app, **claims)
    assert (answer.status_code, "orders" in answer.get_json()) == (401, False)
    assert rows(app, store, Store)[0].signature_failures == 0


def test_a_token_of_another_store_opens_only_its_own(app: Services, store: Store) -> None:
    theirs = ask(app, dest="maple", query=f"?store={store.key}").get_json()["orders"]
    tokens = [app.keyring.verify(one["token"], purpose="shopper", max_age=60) for one in theirs]
    assert [token["s"] == store.id for token in tokens] == [False]  # both sample stores read the same books


def preflight(app: Services, origin: str, query: str = "") -> dict[str, str]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = browser(app).options(f"{PATH}{query}", headers=asked)
    assert answer.status_code in (200, 204)
    return dict(answer.headers)


@pytest.mark.parametrize("query", ["", "?store=linden"])
def test_extensions_may_read_and_no_cookie_is_ever_allowed(app: Services, store: Store, query: str) -> None:
    for headers in (preflight(app, EXTENSIONS, query), dict(ask(app, origin=EXTENSIONS, query=query).headers)):
        assert headers["Access-Control-Allow-Origin"] == EXTENSIONS
        assert headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
        assert "Origin" in headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in headers
    refused = ask(app, origin=EXTENSIONS, exp=1)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, EXTENSIONS)


def test_the_store_s_own_pages_may_read_and_no_other_s(app: Services, store: Store) -> None:
    named = f"?store={store.key}"
    assert preflight(app, HOME, named)["Access-Control-Allow-Origin"] == HOME
    assert ask(app, origin=HOME).headers["Access-Control-Allow-Origin"] == HOME
    foreign = ["https://eve.example", "https://maple.example", "null", "http://linden.example", f"{HOME}:8443", "*"]
    for origin in [*foreign, f"{HOME}.eve.example", "https://sub.linden.example"]:
        assert "Access-Control-Allow-Origin" not in preflight(app, origin, named), origin
        assert "Access-Control-Allow-Origin" not in ask(app, origin=origin).headers, origin
    assert "Access-Control-Allow-Origin" not in preflight(app, HOME)  # whose store's, nobody said


def test_a_platform_without_extensions_refuses_tokens(app: Services, world: World) -> None:
    shells.connect(app, world, "demo", "plain")
    headers = {"Authorization": "Bearer x.y.z", "x-demo-store": "plain", "Origin": EXTENSIONS}
    answer = browser(app).get("/proxy/demo/orders", headers=headers)
    assert answer.status_code == 404
    assert "Access-Control-Allow-Origin" not in answer.headers
