"""What an order's page offers and says: actions without a login, parcels by number, pictures, the carrier's words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.conversations.model import Case
from core.i18n.words import Words, languages
from core.jobs.worker import Worker
from core.orders.model import Order, OrderEvent
from core.orders.presenter.carrier_words import scan_words
from core.orders.presenter.page import summarize
from core.orders.presenter.timeline import view_order
from core.orders.sanitize import picture_url
from core.platform.sample import World
from core.platform.snapshots import ShipmentSnapshot, TrackingEventSnapshot, TrackingStatus
from core.services import Services
from core.shipping.notice_actions import has_asked_to_cancel
from core.stores.model import Store
from core.stores.tokens import tracking_token
from tests.conftest import NOON, connect
from tests.core.samples import anns_order
from tests.core.shipping.seed import on_sqlite

MUG = "https://cdn.example/mug.jpg"
HELD = TrackingEventSnapshot(NOON, TrackingStatus.DELAYED, "x", "Im Paketzentrum liegen geblieben", "Leipzig")
LEFT = NOON - timedelta(days=1)
ON_ITS_WAY = ShipmentSnapshot("p1", TrackingStatus.DELAYED, shipped_at=LEFT, items={"l1": 1}, events=(HELD,))
HERE = ShipmentSnapshot("p2", TrackingStatus.DELIVERED, shipped_at=LEFT, delivered_at=NOON, items={"l1": 1})


@pytest.fixture
def order(services: Services, world: World, store: Store, worker: Worker) -> Order:
    """Ann's two mugs in two parcels: one is there, it is said, one is held."""
    snapshot = anns_order(shipments=(ON_ITS_WAY, HERE))
    world.put(replace(snapshot, lines=tuple(replace(line, image_url=MUG) for line in snapshot.lines)))
    connect(services, world)
    worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        return session.scalars(sa.select(Order)).one()


def address(services: Services, order: Order) -> str:
    return f"/t/{tracking_token(services.keyring, order.store_id, order.id, order.link_version)}"


@on_sqlite
def test_parcels_of_a_split_order_are_numbered(client: FlaskClient, services: Services, order: Order) -> None:
    page = client.get(address(services, order)).text
    assert re.findall(r"Parcel \d of \d", page) == ["Parcel 1 of 2", "Parcel 2 of 2"]
    assert "ที่ 1 จาก 2" in client.get(f"{address(services, order)}?lang=th").text


@on_sqlite
def test_the_page_leads_to_a_return_a_message_and_a_parcel_that_did_not_come(
    client: FlaskClient, services: Services, order: Order
) -> None:
    token = re.compile(r"eyJ[\w.-]+")  # the second of its signing is in it
    page = token.sub("T", client.get(address(services, order)).text)
    for link, label in (
        ("/t/T/return#aftercare=T", "Start a return"),
        ("/t/T/message?about=not_received", "I don&#39;t have it"),
        ("/t/T/message", "Write to the store"),
    ):
        assert f'href="{link}" rel="nofollow">{label}<' in page
    arabic = token.sub("T", client.get(f"{address(services, order)}?lang=ar").text)
    assert 'href="/t/T/return?lang=ar#aftercare=T"' in arabic
    assert 'href="/t/T/message?about=not_received&amp;lang=ar"' in arabic
    assert "lang=ar&amp;lang=ar" not in arabic


@on_sqlite
def test_a_return_begins_in_the_widget_and_without_script_in_a_message(
    client: FlaskClient, services: Services, store: Store, order: Order
) -> None:
    here = address(services, order)
    page = client.get(f"{here}/return").text
    assert f'<after-care store="{store.key}" view="return"' in page
    assert f'href="{here}/message"' in page.split("<noscript>")[1]


@on_sqlite
@pytest.mark.parametrize(
    ("form", "kind"), [({"text": "Where is it?"}, "talk"), ({"about": "not_received", "text": ""}, "not_received")]
)
def test_a_message_without_script_becomes_a_case_with_a_time(
    client: FlaskClient, services: Services, order: Order, form: dict[str, str], kind: str
) -> None:
    answer = client.post(f"{address(services, order)}/message", data=form)
    assert (answer.status_code, "We answer by" in answer.text) == (200, True)
    with services.db.transaction(order.store_id, write=False) as session:
        assert [case.kind for case in session.scalars(sa.select(Case))] == [kind]


@on_sqlite
def test_an_empty_message_says_what_is_missing_and_another_site_posts_none(
    client: FlaskClient, services: Services, order: Order
) -> None:
    path = f"{address(services, order)}/message"
    empty = client.post(path, data={"text": "  "})
    assert (empty.status_code, "Write a few words" in empty.text) == (400, True)
    assert client.post(path, data={"text": "x"}, headers={"Origin": "https://eve.example"}).status_code == 403


@on_sqlite
def test_what_we_told_is_apart_from_what_the_shopper_did(client: FlaskClient, services: Services, order: Order) -> None:
    with services.db.transaction(order.store_id) as session:
        for kind in ("told_delay", "answered_wait", "issued_refund", "replied"):
            session.add(OrderEvent(order_id=order.id, at=NOON, kind=kind))
    page = client.get(address(services, order)).text
    ours, theirs = page.split("What we told you")[1].split("What you told us")
    assert ("We told you it is running late" in ours, "Your refund was made" in ours) == (True, True)
    assert ("You chose to wait" in theirs, "You wrote to the store" in theirs) == (True, True)
    assert "You chose to wait" not in ours


@on_sqlite
def test_a_picture_is_shown_where_the_store_has_one(client: FlaskClient, services: Services, order: Order) -> None:
    answer = client.get(address(services, order))
    assert f'<img src="{MUG}" alt=""' in answer.text
    assert "img-src 'self' https:;" in answer.headers["Content-Security-Policy"]


@on_sqlite
def test_a_store_without_pictures_has_a_page_of_words(
    client: FlaskClient, services: Services, world: World, store: Store, worker: Worker
) -> None:
    world.put(anns_order(shipments=(ON_ITS_WAY, HERE)))
    connect(services, world)
    worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        page = client.get(address(services, session.scalars(sa.select(Order)).one()))
    assert (page.status_code, "<img" in page.text, "Mug" in page.text) == (200, False, True)


@on_sqlite
def test_a_list_of_orders_says_of_each_when_it_was_placed_and_how_its_open_parcel_stands(
    services: Services, order: Order
) -> None:
    with services.db.transaction(order.store_id, write=False) as session:
        view = view_order(session, session.scalars(sa.select(Order)).one())
    told = {language: summarize(view, Words(language), NOON, "Europe/Vilnius") for language in languages()}
    placed, standing = told["en"].split(" · ")
    assert placed.startswith("Placed ")
    assert standing == "Delayed"
    turned = view.model_copy(update={"parcels": view.parcels[::-1]})
    assert summarize(turned, Words("en"), NOON, "Europe/Vilnius") == told["en"], "whichever parcel comes first"
    assert len(set(told.values())) == len(told), "each language in its own words"
    for state, said in (("canceled", "Canceled"), ("refunded", "Refunded"), ("unpaid", "Waiting for payment")):
        assert summarize(view.model_copy(update={"state": state}), Words("en"), NOON, "UTC").endswith(f" · {said}")
    assert summarize(view.model_copy(update={"state": "open", "parcels": ()}), Words("en"), NOON, "UTC").endswith(
        " · Ordered"
    )


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (MUG, True),
        ("http://127.0.0.1:8321/demo/examples/mug.svg", True),
        ("http://cdn.example/mug.jpg", False),
        ("javascript:alert(1)", False),
        ("data:image/png;base64,AA", False),
        ("", False),
    ],
)
def test_a_picture_comes_by_https_or_from_this_machine(url: str, kept: bool) -> None:
    assert picture_url(url) == (url if kept else "")


@pytest.mark.parametrize("language", languages())
def test_a_carriers_phrase_we_know_is_said_in_the_shoppers_language(language: str) -> None:
    words = Words(language)
    what, own = scan_words(words, "in_transit", "Accepted at the depot.", "Kaunas")
    assert (what, own) == (f"{words.pgettext('widget', 'Accepted at the depot')}, Kaunas", "")


@on_sqlite
def test_a_carriers_phrase_nobody_knows_is_marked_as_its_own(
    client: FlaskClient, services: Services, order: Order
) -> None:
    page = client.get(f"{address(services, order)}?lang=lt").text
    assert "Vežėjo žodžiais: \u2068Im Paketzentrum liegen geblieben\u2069" in page
    assert "Vėluoja, Leipzig" in page or "Leipzig" in page.split("Vežėjo žodžiais")[0][-200:]
    assert scan_words(Words("en"), "unknown", "Hub 7", "") == ("", "In the carrier's words: \u2068Hub 7\u2069")
    assert scan_words(Words("en"), "in_transit", "", "Kaunas") == ("On its way, Kaunas", "")


@on_sqlite
def test_what_was_asked_to_be_canceled_is_not_offered_again(
    client: FlaskClient, services: Services, store: Store, order: Order
) -> None:
    with services.db.transaction(store.id) as session:
        assert not has_asked_to_cancel(session, order.id)
        session.add(OrderEvent(order_id=order.id, at=NOON, kind="answered_cancel"))
        session.flush()
        assert has_asked_to_cancel(session, order.id)
