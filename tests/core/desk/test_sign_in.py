"""Coming in without a platform: one-time links, roles that can be raised and lowered, sessions that end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from core.app import create_app
from core.platform.contract import StaffIdentity
from core.platform.errors import BadSignature
from core.platform.sample import World, forward
from core.secrets import BadToken
from core.services import Services
from core.stores import install, invitation, staff
from core.stores.invitation import InvitationOver, LastOwner, NoSuchPerson
from core.stores.model import AuditEntry, Staff, Store
from core.stores.platform_access import forwarding_secret_of
from tests.conftest import KEY, Clock, connect
from tests.core.shipping.post import serving, text_of
from tests.core.shipping.seed import rows, sign_in
from tests.operate.running import ROOT

AGNES = "agnes@shop.example"


def browser(services: Services) -> FlaskClient:
    return create_app(services.config, services=services).test_client()


def role_of(services: Services, store: Store, ref: str) -> str:
    return next(person.role for person in rows(services, store, Staff) if person.ref == ref)


def run(database_url: str, *arguments: str, smtp_url: str = "") -> subprocess.CompletedProcess[str]:
    env = {"AFTERCARE_DATABASE_URL": database_url, "AFTERCARE_SECRET_KEYS": KEY}
    env |= {"AFTERCARE_PUBLIC_URL": "https://care.example", "PATH": os.environ["PATH"]}
    env |= {"AFTERCARE_SMTP_URL": smtp_url, "AFTERCARE_MAIL_FROM": "care@care.example"}
    command = [sys.executable, "-m", "core", *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_s_link_lets_somebody_in_once(
    services: Services, store: Store, database_url: str, clock: Clock
) -> None:
    done = run(database_url, "invite", store.key, AGNES, "owner")
    assert (done.returncode, done.stderr) == (0, "")
    link = re.findall(r"https://care\.example(/admin/enter/[\w.-]+)", done.stdout)[0]
    clock.now = rows(services, store, Staff)[0].created_at
    agnes = browser(services)
    assert "Sign in" in agnes.get(link).text  # a scanner that looks uses nothing up
    entered = agnes.post(link)
    assert (entered.status_code, entered.location) == (302, f"/admin/{store.key}/")
    assert agnes.get(f"/admin/{store.key}/settings").status_code == 200
    cookie = entered.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/admin"))
    assert browser(services).post(link).status_code == 404
    people = run(database_url, "staff", store.ref)
    assert f"owner    mail:{AGNES}" in people.stdout


def test_a_wrong_word_at_the_command_is_one_sentence(services: Services, store: Store, database_url: str) -> None:
    unknown = run(database_url, "invite", "nobody", AGNES, "owner")
    assert (unknown.returncode, unknown.stderr) == (2, "No store here has this key or address.\n")
    mistyped = run(database_url, "invite", store.key, "agnes", "owner")
    assert (mistyped.returncode, "Traceback" in mistyped.stderr) == (1, False)
    nobody = run(database_url, "role", store.key, "eve@elsewhere.example", "owner")
    assert nobody.returncode == 1
    assert "Nobody of this store" in nobody.stderr


def test_a_link_ends_after_a_day_with_a_newer_one_and_with_its_role(
    services: Services, store: Store, clock: Clock
) -> None:
    first = invitation.invite(services, store, AGNES, "manager")
    second = invitation.invite(services, store, f" {AGNES}", "manager")
    eve = browser(services)
    assert eve.post(f"/admin/enter/{first}").status_code == 404
    assert eve.post("/admin/enter/forged").status_code == 404
    clock.forward(hours=24, seconds=1)
    assert eve.post(f"/admin/enter/{second}").status_code == 404
    third = invitation.invite(services, store, AGNES, "manager")
    invitation.set_role(services, store, AGNES, "viewer")
    assert eve.get(f"/admin/enter/{third}").status_code == 404
    assert eve.post(f"/admin/enter/{third}").status_code == 404
    assert [person.ref for person in rows(services, store, Staff)] == [f"mail:{AGNES}"]


def test_another_site_cannot_sign_a_browser_in(services: Services, store: Store) -> None:
    token = invitation.invite(services, store, AGNES, "agent")
    other = browser(services).post(f"/admin/enter/{token}", headers={"Origin": "https://eve.example"})
    assert other.status_code == 403


def test_signing_out_ends_every_session_and_a_copy_of_the_cookie(
    services: Services, store: Store, client: FlaskClient
) -> None:
    sign_in(services, store, client)
    cookie = client.get_cookie(f"aftercare_desk_{store.key}", path="/admin")
    assert cookie is not None
    assert "Sign out" in client.get(f"/admin/{store.key}/").text
    out = client.post(f"/admin/{store.key}/sign-out")
    assert (out.status_code, "signed out" in out.text) == (200, True)
    assert client.get_cookie(f"aftercare_desk_{store.key}", path="/admin") is None
    copy = browser(services)
    copy.set_cookie(f"aftercare_desk_{store.key}", cookie.value, path="/admin")
    assert copy.get(f"/admin/{store.key}/").status_code == 401
    sign_in(services, store, client)
    assert client.get(f"/admin/{store.key}/").status_code == 200


def test_a_session_ends_with_its_role(services: Services, store: Store, client: FlaskClient) -> None:
    sign_in(services, store, browser(services), "max")
    sign_in(services, store, client, "eve")
    assert client.get(f"/admin/{store.key}/").status_code == 200
    invitation.set_role(services, store, "eve", "manager")
    assert client.get(f"/admin/{store.key}/").status_code == 401
    sign_in(services, store, client, "eve")
    assert client.get(f"/admin/{store.key}/").status_code == 200
    invitation.set_role(services, store, "eve", "none")
    assert client.get(f"/admin/{store.key}/").status_code == 401
    with pytest.raises(staff.AccessTaken):
        staff.enter(services, store, StaffIdentity(ref="eve"))
    assert role_of(services, store, "eve") == "none"
    changes = [entry.facts for entry in rows(services, store, AuditEntry) if entry.what == "change_role"]
    assert changes[-1] == {"role": "none", "before": "manager"}


def test_a_store_keeps_an_owner(services: Services, store: Store) -> None:
    staff.enter(services, store, StaffIdentity(ref="max"))
    with pytest.raises(LastOwner):
        invitation.set_role(services, store, "max", "viewer")
    with pytest.raises(NoSuchPerson):
        invitation.set_role(services, store, "nobody", "owner")
    invitation.invite(services, store, AGNES, "owner")
    assert invitation.set_role(services, store, "max", "viewer").role == "viewer"
    with pytest.raises(LastOwner):
        invitation.invite(services, store, AGNES, "viewer")


def test_an_uninstalled_store_s_desk_closes(services: Services, store: Store, client: FlaskClient) -> None:
    sign_in(services, store, client)
    token = invitation.invite(services, store, AGNES, "owner")
    with services.db.transaction(store.id) as session:
        install.uninstall(session, store.id, now=services.clock())
    closed = client.get(f"/admin/{store.key}/")
    assert (closed.status_code, "has removed Aftercare" in closed.text) == (403, True)
    signed = forward(forwarding_secret_of(services, store), store.key, nonce="n1")
    assert client.get("/admin/open/demo", headers=signed).status_code == 403
    assert client.post(f"/admin/enter/{token}").status_code == 403
    with pytest.raises(staff.DeskClosed):
        invitation.invite(services, store, AGNES, "owner")


def test_a_platform_cannot_name_somebody_who_was_invited(services: Services, store: Store) -> None:
    invitation.invite(services, store, AGNES, "owner")
    with pytest.raises(BadSignature):
        staff.enter(services, store, StaffIdentity(ref=f"mail:{AGNES}"))


def test_a_link_of_one_store_opens_no_other_and_is_no_other_token(
    services: Services, store: Store, world: World
) -> None:
    other = connect(services, world, "kettle")
    token = invitation.invite(services, store, AGNES, "owner")
    agnes = browser(services)
    agnes.post(f"/admin/enter/{token}")
    assert agnes.get(f"/admin/{store.key}/").status_code == 200
    assert agnes.get(f"/admin/{other.key}/").status_code == 401
    with pytest.raises(BadToken):
        staff.read_session(services.keyring, token)
    with pytest.raises(InvitationOver):
        invitation.accept(services, staff.open_session(services.keyring, rows(services, store, Staff)[0]))


@pytest.mark.parametrize(("public", "secure"), [("https://care.example", True), ("http://127.0.0.1:8321", False)])
def test_the_cookie_is_secure_whenever_people_come_encrypted(
    services: Services, store: Store, public: str, secure: bool
) -> None:
    services = replace(services, config=services.config.model_copy(update={"public_url": public}))
    signed = forward(forwarding_secret_of(services, store), store.key, nonce="n1")
    cookie = browser(services).get("/admin/open/demo", headers=signed).headers["Set-Cookie"]
    assert ("Secure" in cookie) is secure


def test_the_link_is_mailed_where_a_mail_server_is_set_up(
    services: Services, store: Store, database_url: str, clock: Clock
) -> None:
    with serving() as post:
        done = run(database_url, "invite", store.key, AGNES, "manager", smtp_url=post.url)
        assert (done.returncode, done.stdout) == (0, f"A link was mailed to {AGNES}. It works once, for 24 hours.\n")
        letter = post.only()
        assert letter["To"] == AGNES
        text = text_of(letter)
        post.on_recipient = "550 5.1.1 nobody"
        refused = run(database_url, "invite", store.key, "gone@shop.example", "agent", smtp_url=post.url)
        assert (refused.returncode, refused.stderr.startswith("No link was sent: ")) == (1, True)
    clock.now = rows(services, store, Staff)[0].created_at
    link = re.findall(r"https://care\.example(/admin/enter/[\w.-]+)", text)[0]
    assert browser(services).post(link).status_code == 302
