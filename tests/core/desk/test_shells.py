"""The desk inside platforms' admins: who asks is verified on each request, and only that store's admin frames us."""

from __future__ import annotations

import re
import time

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.app import wire_kinds
from core.db.base import SYSTEM, new_id
from core.desk.shells.frame import head_tag
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.platform.contract import AdminShell, HeadTag, StaffIdentity
from core.platform.errors import BadSignature
from core.platform.sample import World
from core.platform.samples import shells as sample_shells
from core.services import Services
from core.stores import install, invitation, staff
from core.stores.model import AuditEntry, Nonce, Staff, Store, StoreClaim
from core.stores.worker_access import WorkerAccess
from tests.conftest import Clock
from tests.core.desk.shells import APP, NAVIGATION, bearer, browser, connect, launch, with_shells
from tests.core.samples import statements
from tests.core.shipping.seed import on_sqlite, rows

TOKEN = "X-Aftercare-Token"
FORGED = sample_shells.token(APP | {"client_secret": "a guess"}, "linden", "max", now=time.time())
KINDS = "none, empty, nonsense, basic, expired, no exp, not yet, audience, other store, no store, forged, alg none"
pytestmark = on_sqlite


@pytest.fixture
def app(services: Services) -> Services:
    return with_shells(services)


@pytest.fixture
def framed(app: Services, world: World) -> Store:
    return connect(app, world, "bearer")


@pytest.fixture
def signed(app: Services, world: World) -> Store:
    return connect(app, world, "signed")


def said(page: TestResponse, name: str) -> str:
    found = re.search(rf'<meta name="aftercare-{name}" content="([^"]*)">', page.text)
    return found[1] if found else ""


def policy(page: TestResponse) -> dict[str, str]:
    parts = page.headers["Content-Security-Policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


# Bearer.


def test_each_request_s_own_token_opens_a_page_and_no_cookie_is_set(app: Services, framed: Store) -> None:
    page = browser(app).get(f"/admin/{framed.key}/", headers=bearer("linden"))
    assert page.status_code == 200
    assert "<bdi>Max</bdi> · owner" in page.text
    assert "Set-Cookie" not in page.headers
    assert TOKEN not in page.headers
    assert [(one.ref, one.role) for one in rows(app, framed, Staff)] == [("max", "owner")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Basic bWF4Om1heA=="},
        bearer("linden", exp=int(time.time()) - 11),
        bearer("linden", exp=None),
        bearer("linden", nbf=int(time.time()) + 60),
        bearer("linden", aud="another-app"),
        bearer("maple"),
        bearer(""),
        {"Authorization": f"Bearer {FORGED}"},
        {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJhdWQiOiJvdXItYXBwIiwiZGVzdCI6ImxpbmRlbiIsInN1YiI6Im1heCJ9."},
    ],
    ids=KINDS.split(", "),
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_other_token_opens_or_changes_anything(
    app: Services, framed: Store, headers: dict[str, str], method: str
) -> None:
    answer = browser(app).open(f"/admin/{framed.key}/privacy", method=method, headers=headers, data={"keep_days": "30"})
    assert answer.status_code == 401
    assert policy(answer)["frame-ancestors"] == "'none'"
    assert rows(app, framed, Staff) == []
    assert "Linden" not in answer.text


def test_the_platform_s_retry_header_travels_with_the_401(app: Services, framed: Store) -> None:
    late = browser(app).get(f"/admin/{framed.key}/", headers=bearer("linden", exp=1))
    assert (late.status_code, late.headers["X-Sample-Retry"]) == (401, "1")
    at_the_door = browser(app).get("/admin/open/bearer?id_token=x")
    assert (at_the_door.status_code, at_the_door.headers["X-Sample-Retry"]) == (401, "1")


def test_a_bad_token_is_not_passed_over_for_a_good_cookie(app: Services, framed: Store) -> None:
    client, person = browser(app), staff.enter(app, framed, StaffIdentity("max"))
    client.set_cookie(f"aftercare_desk_{framed.key}", staff.open_session(app.keyring, person), path="/admin")
    assert client.get(f"/admin/{framed.key}/").status_code == 200
    assert client.get(f"/admin/{framed.key}/", headers=bearer("maple")).status_code == 401


def test_a_frame_that_navigates_gets_a_page_that_fetches_the_real_one(app: Services, framed: Store) -> None:
    path = f"/admin/{framed.key}/orders?q=ann"
    page = browser(app).get(path, headers=NAVIGATION)
    assert page.status_code == 200
    assert said(page, "target") == path
    assert said(page, "token-call") == "sample.token"
    assert '<script src="https://admin.sample.example/bridge.js" data-app="our-app"></script>' in page.text
    assert "Linden" not in page.text
    assert said(page, "token") == ""
    assert (policy(page)["script-src"], page.headers["Cache-Control"]) == (
        "'self' https://admin.sample.example", "private, no-store",
    )  # fmt: skip
    assert re.findall(r"<script(?![^>]* src=)|\son\w+=|style=", page.text) == []
    assert (
        browser(app).post(f"/admin/{framed.key}/settings", headers=NAVIGATION).status_code == 401
    )  # a form that was posted changed nothing


def test_two_stores_pages_are_framed_by_their_own_admins_only(app: Services, framed: Store, world: World) -> None:
    maple = connect(app, world, "bearer", "maple")
    for store, ref in ((framed, "linden"), (maple, "maple")):
        mine = f"https://{ref}.sample.example https://admin.sample.example"
        for headers in (bearer(ref), NAVIGATION):
            page = browser(app).get(f"/admin/{store.key}/", headers=headers)
            assert policy(page)["frame-ancestors"] == mine
            assert "X-Frame-Options" not in page.headers
    nowhere = browser(app).get("/admin/0123456789abcdef/", headers=NAVIGATION)
    assert (nowhere.status_code, policy(nowhere)["frame-ancestors"]) == (401, "'none'")


def test_our_own_door_is_framed_by_nobody_whatever_the_platform(app: Services, framed: Store) -> None:
    client = browser(app)
    entered = client.post(f"/admin/enter/{invitation.invite(app, framed, 'agnes@shop.example', 'agent')}")
    page = client.get(entered.location)
    assert (page.status_code, policy(page)["frame-ancestors"]) == (200, "'none'")
    other_site = {"Origin": "https://eve.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post(f"/admin/{framed.key}/sign-out", headers=other_site).status_code == 403


def test_opening_shows_the_way_and_a_stale_launch_too(app: Services, framed: Store) -> None:
    fresh = bearer("linden")["Authorization"].removeprefix("Bearer ")
    opened = browser(app).get(f"/admin/open/bearer?store=linden&id_token={fresh}", headers=NAVIGATION)
    assert (opened.status_code, said(opened, "target")) == (200, f"/admin/{framed.key}/")
    assert "Set-Cookie" not in opened.headers
    stale = browser(app).get("/admin/open/bearer?store=linden&id_token=old", headers=NAVIGATION)
    assert said(stale, "target") == "/admin/open/bearer?store=linden&amp;id_token=old"
    assert policy(stale)["frame-ancestors"].startswith("https://linden.sample.example ")
    again = browser(app).get("/admin/open/bearer?store=linden&id_token=old", headers=bearer("linden"))
    assert (again.status_code, again.location) == (302, f"/admin/{framed.key}/")
    stranger = browser(app).get("/admin/open/bearer?store=elsewhere&id_token=old", headers=NAVIGATION)
    assert (stranger.status_code, policy(stranger)["frame-ancestors"]) == (401, "'none'")


def test_a_removed_store_s_desk_is_closed_to_its_admin(app: Services, framed: Store) -> None:
    with app.db.transaction(framed.id) as session:
        install.uninstall(session, framed.id, now=app.clock())
    for headers in (bearer("linden"), NAVIGATION):
        page = browser(app).get(f"/admin/{framed.key}/", headers=headers)
        assert page.status_code == 403
        assert policy(page)["frame-ancestors"].startswith("https://linden.sample.example ")
    fresh = bearer("linden")["Authorization"].removeprefix("Bearer ")
    opened = browser(app).get(f"/admin/open/bearer?store=linden&id_token={fresh}", headers=NAVIGATION)
    assert opened.status_code == 403
    assert policy(opened)["frame-ancestors"].startswith("https://linden.sample.example ")


def test_a_platform_names_nobody_as_whoever_was_invited(app: Services, framed: Store) -> None:
    browser(app).post(f"/admin/enter/{invitation.invite(app, framed, 'agnes@shop.example', 'agent')}")
    with pytest.raises(BadSignature):
        staff.recognize(app, framed, StaffIdentity("mail:agnes@shop.example", email="agnes@shop.example"))


def test_the_way_to_connect_again_leaves_the_frame(app: Services, framed: Store) -> None:
    with app.db.transaction(framed.id) as session:
        session.execute(sa.update(Store).where(Store.id == framed.id).values(state="closed"))
    page = browser(app).get(f"/admin/{framed.key}/", headers=bearer("linden"))
    assert re.findall(r'<a [^>]*target="_top"[^>]*>Connect the store again', page.text)


def test_who_lost_access_is_kept_out_at_the_next_request(app: Services, framed: Store) -> None:
    client = browser(app)
    client.get(f"/admin/{framed.key}/", headers=bearer("linden"))
    assert client.get(f"/admin/{framed.key}/", headers=bearer("linden", "eve")).status_code == 200
    invitation.set_role(app, framed, "eve", "none")
    assert client.get(f"/admin/{framed.key}/", headers=bearer("linden", "eve")).status_code == 403


def test_a_person_named_with_each_request_is_written_down_once_an_hour(
    app: Services, framed: Store, clock: Clock
) -> None:
    client = browser(app)
    client.get(f"/admin/{framed.key}/", headers=bearer("linden"))
    first = rows(app, framed, Staff)[0].seen_at
    clock.forward(minutes=59)
    client.get(f"/admin/{framed.key}/", headers=bearer("linden"))
    assert rows(app, framed, Staff)[0].seen_at == first
    clock.forward(minutes=2)
    client.get(f"/admin/{framed.key}/", headers=bearer("linden"))
    assert rows(app, framed, Staff)[0].seen_at == clock.now


def test_a_person_told_apart_from_a_namesake_is_written_down_no_oftener(
    app: Services, framed: Store, clock: Clock
) -> None:
    for ref in ("max", "max2", "max2"):
        staff.recognize(app, framed, StaffIdentity(ref, "Max"))
    assert [one.name for one in rows(app, framed, Staff)] == ["Max", "Max (max2)"]
    clock.forward(minutes=1)
    with statements(app.db) as seen:
        staff.recognize(app, framed, StaffIdentity("max2", "Max"))
    assert [one for one in seen if one.startswith(("UPDATE", "INSERT"))] == []


def test_whether_another_address_claims_the_store_comes_with_the_store_itself(
    app: Services, framed: Store, signed: Store, world: World
) -> None:
    client, plain = browser(app), connect(app, world, "demo", "plain")
    person = staff.enter(app, plain, StaffIdentity("max"))
    client.set_cookie(f"aftercare_desk_{plain.key}", staff.open_session(app.keyring, person), path="/admin")
    asked = {plain: {}, framed: bearer("linden"), signed: {TOKEN: open_signed(client)}}
    for store, headers in asked.items():
        claim = StoreClaim(store_id=store.id, id=new_id(), ref="copy.example", found_at=app.clock())
        claim.is_live, claim.credentials = False, b""
        with app.db.transaction(store.id) as session:
            session.add(claim)
        with statements(app.db) as seen:
            page = client.get(f"/admin/{store.key}/settings", headers=headers)
        assert (page.status_code, "copy.example" in page.text) == (200, True), store.platform
        reading = [one for one in seen if "store_claims" in one]
        assert len(reading) == 1
        assert "FROM stores" in reading[0]


def test_a_source_that_is_no_origin_never_enters_the_policy(app: Services, world: World) -> None:
    hostile = connect(app, world, "bearer", "x.example/; script-src *; https://eve")
    page = browser(app).get(f"/admin/{hostile.key}/", headers=NAVIGATION)
    assert policy(page)["frame-ancestors"] == "https://admin.sample.example"
    assert policy(page)["script-src"] == "'self' https://admin.sample.example"


@pytest.mark.usefixtures("database_url")
def test_a_head_tag_is_escaped_and_holds_no_script() -> None:
    assert head_tag(HeadTag("meta", {"name": "x", "content": '"><script>'})) == (
        '<meta name="x" content="&#34;&gt;&lt;script&gt;">'
    )
    for name in ("onload", "src=x onload", 'x"'):
        with pytest.raises(ValueError, match="no attribute"):
            head_tag(HeadTag("script", {name: "alert(1)"}))
    assert AdminShell().identity == "session"


# Signed.


def open_signed(client: FlaskClient, platform: str = "signed", sub: str = "max", nonce: str = "n1") -> str:
    opened = client.get(f"/admin/open/{platform}?{launch('linden', sub, nonce=nonce)}", headers=NAVIGATION)
    assert opened.status_code == 200, opened.text
    assert "Set-Cookie" not in opened.headers
    return said(opened, "token")


def test_a_signed_launch_goes_on_with_a_token_of_ours_in_a_header(app: Services, signed: Store) -> None:
    client = browser(app)
    token = open_signed(client)
    page = client.get(f"/admin/{signed.key}/", headers={TOKEN: token})
    assert (page.status_code, "<bdi>Max</bdi> · owner" in page.text) == (200, True)
    assert token not in page.text
    assert policy(page)["frame-ancestors"] == "https://linden.sample.example"
    saved = client.post(
        f"/admin/{signed.key}/privacy", headers={TOKEN: token}, data={"keep_days": "400", "version": "1"}
    )
    assert saved.status_code in (200, 302)


def test_a_launch_works_once(app: Services, signed: Store) -> None:
    client = browser(app)
    open_signed(client)
    again = client.get(f"/admin/open/signed?{launch('linden')}")
    assert again.status_code == 401
    reloaded = client.get(f"/admin/open/signed?{launch('linden')}", headers=NAVIGATION)
    assert (said(reloaded, "target"), said(reloaded, "token")) == (f"/admin/{signed.key}/", "")
    forged = launch("linden", nonce="n2")[:-1] + "x"
    assert client.get(f"/admin/open/signed?{forged}").status_code == 401


def test_a_launch_is_old_before_it_is_forgotten_that_it_was_used(
    app: Services, signed: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, address = browser(app), f"/admin/open/signed?{launch('linden')}"
    assert said(client.get(address, headers=NAVIGATION), "token")
    clock.forward(hours=7)
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: began + 7 * 3600)
    with app.db.transaction(SYSTEM) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.prune", "clock.prune:1"), now=clock.now)
    Worker(app, wire_kinds(), stores=WorkerAccess()).run_until_idle()
    assert rows(app, signed, Nonce) == []
    again = client.get(address, headers=NAVIGATION)
    assert (said(again, "target"), said(again, "token")) == (f"/admin/{signed.key}/", "")


def test_the_token_ends_and_is_renewed_only_while_it_is_used(app: Services, signed: Store, clock: Clock) -> None:
    client = browser(app)
    first = token = open_signed(client)
    for _ in range(71):
        clock.forward(minutes=10)
        page = client.get(f"/admin/{signed.key}/", headers={TOKEN: token})
        assert page.status_code == 200
        token = page.headers[TOKEN]
    assert client.get(f"/admin/{signed.key}/", headers={TOKEN: first}).status_code == 401
    clock.forward(minutes=11)  # twelve hours and a minute after the launch
    assert client.get(f"/admin/{signed.key}/", headers={TOKEN: token}).status_code == 401
    token = open_signed(client, nonce="n2")
    clock.forward(minutes=15, seconds=1)
    assert client.get(f"/admin/{signed.key}/", headers={TOKEN: token}).status_code == 401


def test_the_token_is_of_one_store_one_person_and_one_use(app: Services, signed: Store, world: World) -> None:
    client, maple = browser(app), connect(app, world, "signed", "maple")
    token = open_signed(client)
    person = rows(app, signed, Staff)[0]
    session = staff.open_session(app.keyring, person)
    assert client.get(f"/admin/{maple.key}/", headers={TOKEN: token}).status_code == 401
    assert client.get(f"/admin/{signed.key}/", headers={TOKEN: session}).status_code == 401
    assert client.get(f"/admin/{signed.key}/?token={token}").status_code == 401
    assert client.get(f"/admin/{signed.key}/", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    thief = browser(app)
    thief.set_cookie(f"aftercare_desk_{signed.key}", token, path="/admin")
    assert thief.get(f"/admin/{signed.key}/").status_code == 401
    invitation.set_role(app, signed, "max", "owner")  # a role given anew ends sessions
    assert client.get(f"/admin/{signed.key}/", headers={TOKEN: token}).status_code == 401


def test_a_request_may_be_signed_itself_and_each_works_once(app: Services, signed: Store) -> None:
    client, path = browser(app), f"/admin/{signed.key}/orders?{launch('linden')}"
    page = client.get(path)
    assert (page.status_code, TOKEN in page.headers) == (200, True)
    assert client.get(path).status_code == 401
    other = client.get(f"/admin/{signed.key}/orders?{launch('maple', nonce='n2')}")
    assert other.status_code == 401


def test_a_cookie_or_header_of_another_identity_opens_nothing_at_a_session_store(app: Services, world: World) -> None:
    plain = connect(app, world, "demo", "plain")
    person = staff.enter(app, plain, StaffIdentity("max"))
    token = staff.sign_token(app.keyring, plain.id, person, now=app.clock())
    client = browser(app)
    assert client.get(f"/admin/{plain.key}/", headers={TOKEN: token}).status_code == 401
    assert client.get(f"/admin/{plain.key}/", headers=bearer("plain")).status_code == 401
    assert client.get(f"/admin/{plain.key}/", headers=NAVIGATION).status_code == 401


def test_what_is_done_in_a_frame_is_noted_under_the_person(app: Services, framed: Store) -> None:
    client = browser(app)
    client.get(f"/admin/{framed.key}/", headers=bearer("linden"))
    client.post(f"/admin/{framed.key}/sign-out", headers=bearer("linden"))
    assert {entry.staff_ref for entry in rows(app, framed, AuditEntry) if entry.who == "staff"} <= {"max"}
    changed = {"page": "https://linden.example/help", "version": str(rows_version(app, framed))}
    assert client.post(f"/admin/{framed.key}/settings/page", headers=bearer("linden"), data=changed).status_code == 302
    noted = [entry for entry in rows(app, framed, AuditEntry) if entry.what == "change_settings"]
    assert [entry.staff_ref for entry in noted] == ["max"]


def rows_version(app: Services, store: Store) -> int:
    return rows(app, store, Store)[0].settings_version
