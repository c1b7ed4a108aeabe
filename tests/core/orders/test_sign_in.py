"""Signing in at the platform: one round trip, once, in one browser; and the form for number and e-mail switched off."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.app import wire_kinds
from core.jobs.worker import Worker
from core.orders.links import signed_in_url
from core.orders.model import Order
from core.platform.contract import Feature, StaffIdentity
from core.platform.sample import Demo, World
from core.platform.samples import shells as sample_shells
from core.platform.samples.shells import SignsShoppersIn
from core.services import Services
from core.stores import staff
from core.stores.model import Store
from core.stores.worker_access import WorkerAccess
from tests.conftest import Clock
from tests.core.desk import shells
from tests.core.desk.shells import APP, browser
from tests.core.samples import ANN, EVE, anns_order
from tests.core.shipping.seed import on_sqlite, rows

pytestmark = on_sqlite


class Accounts(SignsShoppersIn, Demo):
    """Has accounts that shoppers sign in to."""

    name = "bearer"  # a name whose app settings the fixture knows
    features = Demo.features | {Feature.SHOPPER_SIGN_IN}


@pytest.fixture
def app(services: Services) -> Services:
    return shells.with_shells(services, bearer=Accounts)


@pytest.fixture
def store(app: Services, world: World) -> Store:
    made = shells.connect(app, world, "bearer", language="en")
    world.put(anns_order(ref="1", number="1041", shopper_ref="ann", email=ANN))
    world.put(anns_order(ref="2", number="1042", shopper_ref="eve", email=EVE))
    world.put(anns_order(ref="3", number="1043", shopper_ref="", email=ANN))
    Worker(app, wire_kinds(), stores=WorkerAccess()).run_until_idle()
    return made


def begin(client: FlaskClient, store: Store, who: str = "ann") -> str:
    """Begin to sign in; give where the platform leads back to."""
    reply = client.get(f"/find/{store.key}/sign-in?as={who}")
    assert reply.status_code == 302
    parts = urlsplit(reply.location)
    assert (parts.netloc, parts.path) == ("care.example", f"/find/{store.key}/signed-in")
    return f"{parts.path}?{parts.query}"


def numbers(page: TestResponse) -> list[str]:
    assert page.status_code == 200, page.text
    return re.findall(r"10\d\d", " ".join(re.findall("<h2>.*?</h2>", page.text)))


def switch(app: Services, client: FlaskClient, store: Store, form: str) -> int:
    """Have the owner switch the form; "1" is on."""
    person = staff.enter(app, store, StaffIdentity("max"))
    client.set_cookie(f"aftercare_desk_{store.key}", staff.open_session(app.keyring, person), path="/admin")
    data = {"form": form} if form else {}
    return client.post(f"/admin/{store.key}/settings/lookup", data=data).status_code


def test_who_signs_in_sees_the_orders_of_their_account(app: Services, store: Store) -> None:
    client = browser(app)
    assert numbers(client.get(begin(client, store))) == ["1041"]
    assert numbers(client.get(begin(client, store, "eve"))) == ["1042"]
    nobody = client.get(begin(client, store, "stranger"))
    assert "There are no orders in this account" in nobody.text


def test_a_sign_in_is_finished_once_in_its_browser_within_ten_minutes(
    app: Services, store: Store, clock: Clock
) -> None:
    client = browser(app)
    back = begin(client, store)
    assert browser(app).get(back).status_code == 401  # a link that somebody else was sent
    assert client.get(back).status_code == 200
    cookie = begin(client, store)
    assert client.get(back).status_code == 401  # used
    clock.forward(minutes=10, seconds=1)
    late = client.get(cookie)
    assert (late.status_code, "You were not signed in" in late.text) == (401, True)


def test_a_used_state_opens_nothing_even_with_its_browser_s_cookie(app: Services, store: Store) -> None:
    client = browser(app)
    back = begin(client, store)
    path = f"/find/{store.key}/signed-in"
    cookie = client.get_cookie("aftercare_sign_in", path=path)
    assert cookie is not None
    assert client.get(back).status_code == 200
    client.set_cookie("aftercare_sign_in", cookie.value, path=path)
    assert client.get(back).status_code == 401


def test_a_state_that_was_tampered_with_or_is_of_another_store_is_refused(
    app: Services, store: Store, world: World
) -> None:
    other = shells.connect(app, world, "bearer", "maple")
    client = browser(app)
    for change in ("flip", "drop", "other store", "other code"):
        asked = {name: values[0] for name, values in parse_qs(urlsplit(begin(client, store)).query).items()}
        key = store.key
        if change == "flip":
            middle = asked["state"][40]
            asked["state"] = asked["state"][:40] + ("A" if middle != "A" else "B") + asked["state"][41:]
        elif change == "drop":
            del asked["state"]
        elif change == "other store":
            key = other.key
            cookie = client.get_cookie("aftercare_sign_in", path=f"/find/{store.key}/signed-in")
            assert cookie is not None
            client.set_cookie("aftercare_sign_in", cookie.value, path=f"/find/{other.key}/signed-in")
        else:  # Eve's own code, put into Ann's round trip
            asked["code"] = sample_shells.authorize(APP, "linden", "eve", challenge="hers")
        answer = client.get(f"/find/{key}/signed-in", query_string=asked)
        assert (answer.status_code, numbers_in(answer)) == (401, []), change


@pytest.mark.parametrize("harm", [{"state": "closed"}, {"state": "uninstalled"}, {"credentials": b"sealed elsewhere"}])
def test_a_store_that_cannot_be_asked_says_so_at_both_ends_of_a_sign_in(
    app: Services, store: Store, harm: dict[str, Any]
) -> None:
    client = browser(app)
    back = begin(client, store)
    with app.db.transaction(store.id) as session:
        session.execute(sa.update(Store).where(Store.id == store.id).values(harm))
    for address in (f"/find/{store.key}/sign-in?as=ann", back):
        page = client.get(address)
        assert (page.status_code, "We cannot look this up right now" in page.text) == (503, True)


def numbers_in(page: TestResponse) -> list[str]:
    return re.findall(r"10\d\d", page.text)


def test_turning_back_shows_the_search(app: Services, store: Store) -> None:
    client = browser(app)
    begin(client, store)
    page = client.get(f"/find/{store.key}/signed-in?error=access_denied")
    assert (page.status_code, "Find your order" in page.text) == (401, True)


def test_a_store_without_sign_in_has_no_such_page(services: Services, client: FlaskClient, store: Store) -> None:
    app = shells.with_shells(services)
    plain = browser(app)
    for path in ("sign-in", "signed-in"):
        assert plain.get(f"/find/{store.key}/{path}").status_code == 404
    assert plain.get(f"/shop/{store.key}/ways").get_json() == {"form": True, "sign_in": ""}
    assert "Sign in at the store" not in plain.get(f"/find/{store.key}").text


def test_the_list_leads_into_the_store_s_page_where_the_shopper_may_act(
    app: Services, store: Store, clock: Clock
) -> None:
    with app.db.transaction(store.id) as session:
        row = session.get(Store, store.id)
        assert row is not None
        row.settings = {**row.settings, "widget": {"page": "https://linden.example/help"}}
    client = browser(app)
    page = client.get(begin(client, store)).text
    token = re.findall(r"https://linden\.example/help#aftercare=([\w.~-]+)", page)[0]
    found = client.post(f"/shop/{store.key}/open", json={"link": token}).get_json()
    assert found["order"]["number"] == "1041"
    assert app.keyring.verify(found["token"], purpose="shopper", max_age=60)["l"] == "act"
    clock.forward(minutes=10, seconds=1)
    assert client.post(f"/shop/{store.key}/open", json={"link": token}).status_code == 404
    order = next(order for order in rows(app, store, Order) if order.number == "1041")
    row = rows(app, store, Store)[0]
    fresh = signed_in_url(app, row, order).partition("#aftercare=")[2]
    assert client.get(f"/t/{fresh}").status_code == 404  # it is no mailed link


# The switch.


def test_the_form_can_be_switched_off_and_its_addresses_refuse_then(app: Services, store: Store) -> None:
    client, pair = browser(app), {"number": "1041", "proof": ANN}
    shop, page = f"/shop/{store.key}/find", f"/find/{store.key}"
    assert client.post(shop, json=pair).status_code == 200
    assert switch(app, client, store, "") == 302
    for address in (shop, f"{shop}?lang=en"):
        refused = client.post(address, json=pair)
        assert (refused.status_code, refused.get_json()["error"]["code"]) == (403, "sign_in_needed")
        wrong = client.post(address, json=pair | {"proof": EVE})
        assert wrong.get_json() == refused.get_json()  # nor does it say whether there is such an order
    typed = client.post(page, data=pair)
    assert (typed.status_code, "1041" in typed.text) == (403, False)
    form = client.get(page).text
    assert ('name="number"' in form, 'name="email"' in form, f"/find/{store.key}/sign-in" in form) == (
        False, True, True,
    )  # fmt: skip
    ways = client.get(f"/shop/{store.key}/ways").get_json()
    assert ways == {"form": False, "sign_in": f"https://care.example/find/{store.key}/sign-in"}
    assert client.get(f"/find/{store.key}/withdraw").status_code == 200  # the law asks for no login
    assert client.post(f"/shop/{store.key}/links", json={"email": ANN}).status_code == 202
    assert switch(app, client, store, "1") == 302
    assert client.post(shop, json=pair).status_code == 200


def test_a_switched_off_form_of_one_store_is_on_at_another(app: Services, store: Store, world: World) -> None:
    other, client = shells.connect(app, world, "bearer", "maple"), browser(app)
    Worker(app, wire_kinds(), stores=WorkerAccess()).run_until_idle()
    switch(app, client, store, "")
    assert client.post(f"/shop/{other.key}/find", json={"number": "1041", "proof": ANN}).status_code == 200


def test_only_who_may_set_switches_it_and_a_store_without_sign_in_cannot(
    services: Services, app: Services, store: Store
) -> None:
    staff.enter(app, store, StaffIdentity("max"))
    client, eve = browser(app), staff.enter(app, store, StaffIdentity("eve"))
    client.set_cookie(f"aftercare_desk_{store.key}", staff.open_session(app.keyring, eve), path="/admin")
    assert client.post(f"/admin/{store.key}/settings/lookup", data={"version": "1"}).status_code == 403
    plain = shells.with_shells(services)
    assert switch(plain, browser(plain), store, "") in (404, 401)
    assert browser(app).post(f"/shop/{store.key}/find", json={"number": "1041", "proof": ANN}).status_code == 200
