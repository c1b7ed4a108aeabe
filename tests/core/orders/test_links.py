"""Where mailed links lead: home, where the merchant named a page of theirs, and nowhere that could do harm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from core.app import create_app, make_worker
from core.mail.smtp import open_transport
from core.orders.links import BadPage, order_url, read_page, store_page
from core.platform.sample import World
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest, open_return
from core.services import Services
from core.stores.model import AuditEntry, Staff, Store
from core.stores.platform_access import store_by_key
from core.stores.tokens import read_tracking_token
from tests.core.returns.seed import ACCEPTS, place, set_policy
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post, text_of
from tests.core.shipping.seed import (
    apply,
    on_sqlite,
    order,
    revised,
    rows,
    sending,
    set_terms,
    sign_in,
    the_order,
)

PAGE = "https://linden.example/pages/orders?lang=lt"
LINK = r"https://linden\.example/pages/orders\?lang=lt#aftercare=([\w.~-]+)"


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office.serving() as post:
        yield post


@pytest.fixture
def mailing(services: Services, post: Post) -> Services:
    return replace(services, mail=open_transport(post.url))


@pytest.fixture
def desk(mailing: Services, store: Store) -> FlaskClient:
    client = create_app(mailing.config, services=mailing).test_client()
    sign_in(mailing, store, client)
    return client


def save(desk: FlaskClient, store: Store, page: str, version: str | None = None) -> int:
    """Let Max save the page; give the answer's status."""
    form = {"page": page} | ({} if version is None else {"version": version})
    return desk.post(f"/admin/{store.key}/settings/page", data=form).status_code


@pytest.mark.parametrize("page", [PAGE, "https://linden.example", "https://linden.example:8443/%C5%BE/", f"  {PAGE} "])
def test_a_page_of_a_store_is_kept_as_typed(page: str) -> None:
    assert read_page(page) == page.strip()


@pytest.mark.parametrize(
    "page",
    [
        "http://linden.example/orders",
        "linden.example/orders",
        "javascript:alert(1)",
        "https://max:secret@linden.example/",
        "https://linden.example@eve.example/",
        "https://linden.example/#orders",
        "https://linden.example/#",
        "https://localhost/orders",
        "https://",
        "https://linden.example:99999/",
        "https://linden.example:0/",
        "https://[linden.example/",
        "https://linden.example/a b",
        "https://linden.example/\r\nBcc: eve@shopper.example",
        'https://linden.example/"><script>',
        "https://linden.example/\u202etxt",
        "https://linden.example/" + "a" * 300,
    ],
)
def test_what_is_no_public_page_is_refused(page: str) -> None:
    with pytest.raises(BadPage):
        read_page(page)


@on_sqlite
def test_without_a_page_a_link_leads_to_ours(services: Services, store: Store) -> None:
    apply(services, store, order("42"))
    for stored in ({}, {"page": ""}, {"page": "http://linden.example/"}):
        store.settings = {"widget": stored}
        assert order_url(services, store, the_order(services, store)).startswith("https://care.example/t/")


@on_sqlite
def test_every_mailed_link_leads_to_the_page_the_merchant_named(
    desk: FlaskClient, mailing: Services, store: Store, post: Post
) -> None:
    assert save(desk, store, PAGE) == 302
    set_terms(mailing, store, sending())
    apply(mailing, store, order("42", revised()))
    make_worker(mailing).run_until_idle()
    desk.post(f"/shop/{store.key}/links", json={"email": "ann@shopper.example"})
    make_worker(mailing).run_until_idle()
    assert [message["X-Aftercare-Kind"] for message in post.received] == ["delay", "links"]
    for message in post.received:
        (token,) = re.findall(LINK, text_of(message))
        assert read_tracking_token(mailing.keyring, token)[1] == the_order(mailing, store).id
        opened = desk.post(f"/shop/{store.key}/open?lang=en", json={"link": token})
        assert opened.get_json()["order"]["number"] == "LIN-42"
        html = message.get_body(("html",))
        assert html is not None
        assert re.search(LINK, html.get_content())


@on_sqlite
def test_a_letter_about_a_return_leads_there_too(
    desk: FlaskClient, mailing: Services, store: Store, world: World, post: Post
) -> None:
    assert save(desk, store, PAGE) == 302
    worker = make_worker(mailing)
    set_policy(mailing, store, **ACCEPTS)
    order_id = place(mailing, store, world, worker)
    with mailing.db.transaction(store.id) as session:
        open_return(
            session, store, order_id, ReturnRequest((RequestedLine("l1", 1, "other"),)), SHOPPER, now=mailing.clock()
        )
    worker.run_until_idle()
    message = next(one for one in post.received if one["X-Aftercare-Kind"] == "return_approved")
    assert re.search(LINK, text_of(message))


@on_sqlite
def test_a_bad_page_is_said_beside_the_field_and_kept_as_typed(
    desk: FlaskClient, services: Services, store: Store
) -> None:
    answer = desk.post(f"/admin/{store.key}/settings/page", data={"page": "http://linden.example"})
    assert answer.status_code == 422
    assert "It begins with https://" in answer.text
    assert 'value="http://linden.example"' in answer.text
    assert store_page(store_by_key(services, store.key)) == ""


@on_sqlite
def test_the_page_is_shown_can_be_emptied_and_leaves_the_other_settings(
    desk: FlaskClient, services: Services, store: Store
) -> None:
    assert save(desk, store, PAGE) == 302
    set_terms(services, store, sending())
    shown = desk.get(f"/admin/{store.key}/settings?saved=page").text
    assert f'value="{PAGE}"' in shown
    assert "Saved." in shown
    assert save(desk, store, "") == 302
    row = store_by_key(services, store.key)
    assert (store_page(row), "rules" in row.settings["shipping"]) == ("", True)
    assert [entry.what for entry in rows(services, store, AuditEntry)][-2:] == ["change_settings"] * 2


@on_sqlite
def test_two_at_once_and_a_viewer_change_nothing(desk: FlaskClient, services: Services, store: Store) -> None:
    assert save(desk, store, PAGE) == 302
    assert save(desk, store, "https://eve.example/", version="stale") == 409
    with services.db.transaction(store.id) as session:
        for person in session.query(Staff):
            person.role = "viewer"
    assert save(desk, store, "https://eve.example/") == 403
    assert store_page(store_by_key(services, store.key)) == PAGE
