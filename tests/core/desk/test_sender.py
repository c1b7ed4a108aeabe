"""A From address is used only after somebody who reads its mail confirmed it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from core.app import create_app, make_worker
from core.mail.smtp import open_transport
from core.orders.messages.envelope import sender_of
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import store_by_key
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post, text_of
from tests.core.shipping.seed import sign_in

FORM = {
    "name": "Linden",
    "from": "care@linden.example",
    "support": "help@linden.example",
    "address": "1 Lime Street, Vilnius",
    "legal": "Linden UAB\nVAT LT100",
}


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


def now_sending_as(services: Services, store: Store) -> str:
    return sender_of(services, store_by_key(services, store.key)).address


def test_an_address_is_used_once_its_reader_confirmed_it(
    desk: FlaskClient, mailing: Services, store: Store, post: Post
) -> None:
    assert desk.post(f"/admin/{store.key}/sender", data=FORM).status_code == 302
    make_worker(mailing).run_until_idle()
    message = post.only()
    assert message["To"] == "care@linden.example"
    assert now_sending_as(mailing, store) == mailing.config.mail_from
    link = re.search(r"https://care\.example(/admin/confirm-sender/\S+)", text_of(message))
    assert link
    assert desk.get(link[1]).status_code == 200
    assert now_sending_as(mailing, store) == mailing.config.mail_from, "a scanner's GET must not confirm"
    assert desk.post(link[1]).status_code == 200
    assert now_sending_as(mailing, store) == "care@linden.example"
    sender = sender_of(mailing, store_by_key(mailing, store.key))
    assert (sender.name, sender.support, sender.legal) == ("Linden", "help@linden.example", ("Linden UAB", "VAT LT100"))


def test_a_link_for_an_address_that_is_no_longer_wanted_confirms_nothing(
    desk: FlaskClient, mailing: Services, store: Store, post: Post
) -> None:
    desk.post(f"/admin/{store.key}/sender", data=FORM)
    make_worker(mailing).run_until_idle()
    link = re.search(r"/admin/confirm-sender/\S+", text_of(post.only()))
    assert link
    desk.post(f"/admin/{store.key}/sender", data=FORM | {"from": ""})
    assert desk.post(link[0]).status_code == 404
    assert now_sending_as(mailing, store) == mailing.config.mail_from


@pytest.mark.parametrize("address", ["not an address", "a@b@c", "müller@linden.example\r\nBcc: eve@shopper.example"])
def test_a_bad_address_is_named_and_nothing_typed_is_lost(
    desk: FlaskClient, mailing: Services, store: Store, address: str
) -> None:
    page = desk.post(f"/admin/{store.key}/sender", data=FORM | {"from": address})
    assert page.status_code == 422
    assert "is not an e-mail address we can use" in page.text
    assert "1 Lime Street, Vilnius" in page.text


def test_the_page_says_what_the_domain_should_publish(desk: FlaskClient, store: Store) -> None:
    page = desk.get(f"/admin/{store.key}/sender")
    assert "v=spf1" in page.text
    assert "DMARC" in page.text
