"""An admin that names nobody: the person types an address, gets a code by mail, and is known from then on."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.app import wire_kinds
from core.jobs.worker import Worker
from core.platform.contract import StaffIdentity
from core.platform.sample import World
from core.services import Services
from core.stores import invitation, staff
from core.stores.model import AuditEntry, Staff, Store
from core.stores.people import person_check
from core.stores.worker_access import WorkerAccess
from tests.conftest import Clock
from tests.core.desk.shells import NAVIGATION, bearer, browser, connect, launch, with_shells
from tests.core.desk.test_shells import TOKEN, policy, said
from tests.core.shipping.seed import on_sqlite, rows
from tests.core.two_stores import Outbox

OWNER, AGNES, EVE = "Boss@linden.example", "agnes@shop.example", "eve@elsewhere.example"
pytestmark = on_sqlite


@pytest.fixture
def app(services: Services) -> Services:
    return with_shells(services)


@pytest.fixture
def store(app: Services, world: World) -> Store:
    return connect(app, world, "nobody", email=OWNER)


def come(client: FlaskClient, nonce: str = "n1") -> str:
    """Open the desk from the admin that names nobody; give the token the page begins with."""
    return said(client.get(f"/admin/open/nobody?{launch('linden', nonce=nonce)}", headers=NAVIGATION), "token")


def mailed(app: Services) -> list[str]:
    """Let the mails go out; give the addresses they went to."""
    Worker(app, wire_kinds(), stores=WorkerAccess()).run_until_idle()
    assert isinstance(app.mail, Outbox)
    return [mail.partition("\n")[0] for mail in app.mail.sent]


def code_of(app: Services) -> str:
    assert isinstance(app.mail, Outbox)
    return re.findall(r"^(\d{6})$", app.mail.sent[-1], re.MULTILINE)[0]


def ask(client: FlaskClient, store: Store, token: str, email: str) -> TestResponse:
    return client.post(f"/admin/{store.key}/person", headers={TOKEN: token}, data={"email": email})


def answer(client: FlaskClient, store: Store, token: str, email: str, code: str) -> TestResponse:
    data = {"email": email, "code": code}
    return client.post(f"/admin/{store.key}/person/code", headers={TOKEN: token}, data=data)


def confirm(app: Services, client: FlaskClient, store: Store, email: str, nonce: str = "n1") -> str:
    """Come, ask and answer; give the token that names the person."""
    token = come(client, nonce)
    assert ask(client, store, token, email).status_code == 200
    assert mailed(app)[-1] == email.lower()
    page = answer(client, store, token, email, code_of(app))
    assert (page.status_code, said(page, "target")) == (200, f"/admin/{store.key}/")
    return said(page, "token")


def test_until_somebody_says_who_they_are_nothing_is_shown_or_done(app: Services, store: Store) -> None:
    client = browser(app)
    token = come(client)
    for path in ("", "orders", "settings", "privacy"):
        page = client.get(f"/admin/{store.key}/{path}", headers={TOKEN: token})
        assert ("Who are you?" in page.text, "Linden" in page.text) == (True, False)
        assert policy(page)["frame-ancestors"] == "https://linden.sample.example"
    done = client.post(f"/admin/{store.key}/privacy", headers={TOKEN: token}, data={"keep_days": "30", "version": "1"})
    assert done.status_code == 403
    assert rows(app, store, Staff) == []


def test_the_store_s_own_address_makes_its_first_owner_and_the_log_knows_them(app: Services, store: Store) -> None:
    client = browser(app)
    token = confirm(app, client, store, OWNER)
    page = client.get(f"/admin/{store.key}/", headers={TOKEN: token})
    assert f"<bdi>{OWNER.lower()}</bdi> · owner" in page.text
    changed = {"page": "https://linden.example/help", "version": "1"}
    client.post(f"/admin/{store.key}/settings/page", headers={TOKEN: token}, data=changed)
    noted = {entry.what: entry.staff_ref for entry in rows(app, store, AuditEntry)}
    assert noted["open_desk"] == noted["change_settings"] == f"mail:{OWNER.lower()}"


def test_somebody_invited_keeps_their_role_and_the_store_s_address_is_no_second_owner(
    app: Services, store: Store
) -> None:
    invitation.invite(app, store, AGNES, "owner")
    token = confirm(app, browser(app), store, AGNES.upper().replace("@SHOP.EXAMPLE", "@shop.example"))
    assert (
        "<bdi>agnes@shop.example</bdi> · owner" in browser(app).get(f"/admin/{store.key}/", headers={TOKEN: token}).text
    )
    client = browser(app)
    token = come(client, "n2")
    before = mailed(app)
    assert ask(client, store, token, OWNER).status_code == 200
    assert mailed(app) == before


def test_the_answer_is_the_same_for_every_address_and_mail_goes_to_the_store_s_people_only(
    app: Services, store: Store
) -> None:
    client = browser(app)
    token = come(client)
    pages = [ask(client, store, token, email).text.replace(email, "") for email in (OWNER, EVE, "no address", "")]
    assert len(set(pages)) == 1
    assert mailed(app) == [OWNER.lower()]
    assert answer(client, store, token, EVE, code_of(app)).status_code == 422
    assert rows(app, store, Staff) == []


def test_a_code_works_once_for_its_address_for_ten_minutes(app: Services, store: Store, clock: Clock) -> None:
    client = browser(app)
    token = come(client)
    ask(client, store, token, OWNER)
    mailed(app)
    code = code_of(app)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert answer(client, store, token, OWNER, wrong).status_code == 422
    assert answer(client, store, token, OWNER, code).status_code == 200
    assert answer(client, store, token, OWNER, code).status_code == 422
    ask(client, store, token, OWNER)
    mailed(app)
    clock.forward(minutes=10, seconds=1)
    assert answer(client, store, token, OWNER, code_of(app)).status_code == 422


def test_guesses_and_mails_are_counted(app: Services, store: Store) -> None:
    client = browser(app)
    token = come(client)
    assert [ask(client, store, token, OWNER).status_code for _ in range(4)] == [200, 200, 200, 429]
    mailed(app)
    guesses = [answer(client, store, token, OWNER, "000000").status_code for _ in range(6)]
    assert (guesses[:5], guesses[5]) == ([422] * 5, 429)
    assert answer(client, store, token, OWNER, code_of(app)).status_code == 429


def test_the_code_of_one_store_is_nothing_at_another(app: Services, store: Store, world: World) -> None:
    client, maple = browser(app), connect(app, world, "nobody", "maple", email=OWNER)
    token = come(client)
    ask(client, store, token, OWNER)
    mailed(app)
    assert answer(client, maple, token, OWNER, code_of(app)).status_code == 401
    theirs = client.get(f"/admin/open/nobody?{launch('maple', nonce='m1')}", headers=NAVIGATION)
    assert answer(client, maple, said(theirs, "token"), OWNER, code_of(app)).status_code == 422


def test_a_browser_that_was_confirmed_is_remembered_where_the_admin_opens_the_desk_again(
    app: Services, store: Store, clock: Clock, world: World
) -> None:
    client = browser(app)
    token = come(client)
    ask(client, store, token, OWNER)
    mailed(app)
    kept = answer(client, store, token, OWNER, code_of(app)).headers["Set-Cookie"]
    cookie = client.get_cookie(f"aftercare_person_{store.key}", path="/admin")
    assert cookie is not None
    assert client.get(f"/admin/{store.key}/").status_code == 401  # the cookie alone opens nothing
    clock.forward(days=29)
    page = client.get(f"/admin/{store.key}/", headers={TOKEN: come(client, "n2")})
    assert "owner" in page.text
    assert tuple(re.findall("Secure|Partitioned", kept)) == ("Secure", "Partitioned")
    connect(app, world, "nobody", "maple", email=OWNER)
    client.set_cookie("aftercare_person_" + rows_key(app, "maple"), cookie.value, path="/admin")
    theirs = client.get(f"/admin/open/nobody?{launch('maple', nonce='m1')}", headers=NAVIGATION)
    page = client.get(f"/admin/{rows_key(app, 'maple')}/", headers={TOKEN: said(theirs, "token")})
    assert "Who are you?" in page.text
    clock.forward(days=1, seconds=1)
    assert "Who are you?" in client.get(f"/admin/{store.key}/", headers={TOKEN: come(client, "n4")}).text


def rows_key(app: Services, ref: str) -> str:
    answered = browser(app).get(f"/shop/find-store?platform=nobody&ref={ref}")
    return str(answered.get_json()["key"])


def test_a_bearer_that_names_nobody_asks_too_and_both_headers_are_needed(app: Services, world: World) -> None:
    store = connect(app, world, "bearernobody", email=OWNER)
    client, both = browser(app), bearer("linden")
    assert "Who are you?" in client.get(f"/admin/{store.key}/", headers=both).text
    client.post(f"/admin/{store.key}/person", headers=both, data={"email": OWNER})
    mailed(app)
    data = {"email": OWNER, "code": code_of(app)}
    token = said(client.post(f"/admin/{store.key}/person/code", headers=both, data=data), "token")
    page = client.get(f"/admin/{store.key}/", headers={**both, TOKEN: token})
    assert f"<bdi>{OWNER.lower()}</bdi> · owner" in page.text
    assert client.get(f"/admin/{store.key}/", headers={TOKEN: token}).status_code == 401
    assert client.get(f"/admin/{store.key}/", headers={**bearer("maple"), TOKEN: token}).status_code == 401


def test_who_was_confirmed_is_still_known_where_a_reloaded_frame_fetches_the_opening_again(
    app: Services, world: World
) -> None:
    store = connect(app, world, "bearernobody", email=OWNER)
    client, both = browser(app), bearer("linden")
    client.post(f"/admin/{store.key}/person", headers=both, data={"email": OWNER})
    mailed(app)
    client.post(f"/admin/{store.key}/person/code", headers=both, data={"email": OWNER, "code": code_of(app)})
    stale = "/admin/open/bearernobody?store=linden&id_token=old"
    assert said(client.get(stale, headers=NAVIGATION), "target") == stale.replace("&", "&amp;")
    again = client.get(stale, headers=both)
    token = said(again, "token")
    assert said(again, "target") == f"/admin/{store.key}/"
    assert "owner" in client.get(said(again, "target"), headers={**both, TOKEN: token}).text
    stranger = browser(app).get(stale, headers=both)
    assert (stranger.status_code, stranger.location) == (302, f"/admin/{store.key}/")


def test_who_was_named_is_not_asked(app: Services, world: World) -> None:
    store = connect(app, world, "bearer", email=OWNER)
    client = browser(app)
    for path in ("person", "person/code"):
        posted = client.post(f"/admin/{store.key}/{path}", headers=bearer("linden"), data={"email": OWNER})
        assert posted.status_code == 404


def test_a_dead_token_of_ours_beside_the_platform_s_own_asks_who_is_here(
    app: Services, world: World, clock: Clock
) -> None:
    framed, maple = connect(app, world, "bearernobody", email=OWNER), connect(app, world, "bearernobody", "maple")
    dead = staff.sign_token(app.keyring, framed.id, None, now=clock.now - timedelta(hours=1))
    foreign = staff.sign_token(app.keyring, maple.id, None, now=clock.now)
    for token in (dead, foreign, "nonsense"):
        page = browser(app).get(f"/admin/{framed.key}/", headers=bearer("linden") | {TOKEN: token})
        assert (page.status_code, "Who are you?" in page.text, TOKEN in page.headers) == (200, True, False)


def test_no_address_is_nobody_s(app: Services, store: Store) -> None:
    staff.enter(app, store, StaffIdentity("max", email="not an address"))
    with app.db.transaction(store.id, write=False) as session:
        assert person_check.find_person(session, "") is None
