"""The tracking page behind a mailed link, and the code that lets a shopper act."""

from __future__ import annotations

import gzip
import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.orders.model import Order
from core.orders.shop import read_code, send_code
from core.platform.sample import World
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderState,
    RefundSnapshot,
    ShipmentSnapshot,
    TrackingEventSnapshot,
    TrackingStatus,
)
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import LINK_LIFE, SHOPPER_TOKEN_LIFE, read_shopper_token, shopper_token, tracking_token
from tests.conftest import NOON, Clock, connect
from tests.core.samples import ANN, anns_order

SCANS = tuple(
    TrackingEventSnapshot(NOON - timedelta(hours=9 * place), TrackingStatus.IN_TRANSIT, f"c{place}", text, where)
    for place, (text, where) in enumerate([("Sorted", "Kaunas"), ("Departed", "Vilnius"), ("Accepted", "Vilnius")])
)
PARCEL = ShipmentSnapshot(
    "s1",
    TrackingStatus.IN_TRANSIT,
    carrier="DHL",
    tracking_number="RR123456785DE",
    tracking_url="https://carrier.example/RR123456785DE",
    shipped_at=NOON - timedelta(days=1),
    items={"l1": 2},
    events=SCANS,
)


@pytest.fixture
def order(services: Services, world: World, store: Store, worker: Worker) -> Order:
    """Ann's order 1042, one parcel on its way with three scans."""
    return keep(services, world, worker, anns_order(shipments=(PARCEL,)))


def keep(services: Services, world: World, worker: Worker, snapshot: Any) -> Order:
    """Put an order into the store, read it, and give its row."""
    world.put(snapshot)
    store = connect(services, world)
    with services.db.transaction(store.id) as session:
        news = NewJob("changes.refresh_order", f"order:{snapshot.ref}", {"ref": snapshot.ref}, is_news=True)
        queue.enqueue(session, store.id, news, now=services.clock())
    worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        return session.scalars(sa.select(Order).where(Order.ref == snapshot.ref)).one()


def link(services: Services, order: Order, **changes: int) -> str:
    named = {"store_id": order.store_id, "order_id": order.id, "version": order.link_version} | changes
    return f"/t/{tracking_token(services.keyring, **named)}"


def test_an_order_refunded_in_full_says_so(
    client: FlaskClient, services: Services, world: World, worker: Worker
) -> None:
    order = keep(services, world, worker, anns_order(state=OrderState.REFUNDED))
    page = client.get(link(services, order)).text
    assert "This order was refunded in full." in page
    assert "nothing to ship" not in page


# The link.


def test_a_link_shows_the_order_without_script_or_address(
    client: FlaskClient, services: Services, order: Order
) -> None:
    page = client.get(link(services, order))
    assert page.status_code == 200
    for text in ("1042", "RR123456785DE", "Kaunas", "2 × Mug", 'href="https://carrier.example/RR123456785DE"'):
        assert text in page.text
    for secret in (ANN, "LT-01103", "<script"):
        assert secret not in page.text


def test_a_page_is_for_its_reader_alone(client: FlaskClient, services: Services, order: Order) -> None:
    headers = client.get(link(services, order)).headers
    assert headers["Cache-Control"] == "private, max-age=60"
    assert (headers["Referrer-Policy"], headers["X-Robots-Tag"]) == ("no-referrer", "noindex")
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


def test_a_page_and_its_style_are_six_kilobytes_at_most(client: FlaskClient, services: Services, order: Order) -> None:
    page = client.get(link(services, order))
    style = client.get("/static/page.css")
    assert style.status_code == 200
    assert sum(len(gzip.compress(part.data, 9)) for part in (page, style)) <= 6 * 1024


def test_a_page_names_its_icon_so_that_no_browser_asks_for_one(
    client: FlaskClient, services: Services, order: Order
) -> None:
    named = re.search(r'<link rel="icon" href="([^"]+)"', client.get(link(services, order)).text)
    assert named
    icon = client.get(named[1])
    assert (icon.status_code, icon.mimetype) == (200, "image/svg+xml")


def test_every_link_that_does_not_open_gets_one_answer(
    client: FlaskClient, services: Services, store: Store, order: Order, world: World
) -> None:
    other = connect(services, world, "other")
    expired = services.keyring.sign(
        {"s": order.store_id, "o": order.id, "v": 1}, purpose="track", now=datetime.now(UTC) - LINK_LIFE * 1.01
    )
    fresh = services.keyring.sign(
        {"s": order.store_id, "o": order.id, "v": 1}, purpose="track", now=datetime.now(UTC) - LINK_LIFE * 0.99
    )
    closed = {
        "expired": f"/t/{expired}",
        "forged": "/t/forged",
        "half an emoji": "/t/%ED%A0%BD",
        "NUL": "/t/%00",
        "other store's": link(services, order, store_id=other.id),
        "no store's": link(services, order, store_id=1),
        "no order's": link(services, order, order_id=1),
        "revoked": link(services, order, version=2),
        "a shopper's token": f"/t/{shopper_token(services.keyring, store.id, [order.id])}",
    }
    answers = {name: client.get(path) for name, path in closed.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(closed, 404)
    signed = {name for name in closed if answers[name].data == answers["expired"].data}
    assert signed == {"expired", "no order's", "revoked"}
    assert len({answer.data for name, answer in answers.items() if name not in {*signed, "other store's"}}) == 1
    assert client.get(f"/t/{fresh}").status_code == 200


def test_an_old_link_leads_to_the_stores_search_with_a_way_to_new_ones(
    client: FlaskClient, services: Services, order: Order, store: Store
) -> None:
    old = services.keyring.sign(
        {"s": order.store_id, "o": order.id, "v": 1}, purpose="track", now=datetime.now(UTC) - LINK_LIFE * 1.01
    )
    for path in (f"/t/{old}", f"/t/{old}/withdraw", f"/t/{old}/message", f"/t/{old}/return"):
        page = client.get(path)
        assert page.status_code == 404
        for told in (
            f'<p class="store"><a href="{store.url}">{store.name}</a>' if store.url else store.name,
            "This link no longer works.",
            f'action="/find/{store.key}"',
            "<details open>",
            f'action="/find/{store.key}/links"',
        ):
            assert told in page.text, (path, told)


def test_an_old_answer_link_leads_there_too(client: FlaskClient, services: Services, store: Store) -> None:
    old = services.keyring.sign(
        {"s": store.id, "n": 1, "v": 1}, purpose="answer", now=datetime.now(UTC) - LINK_LIFE * 2
    )
    page = client.get(f"/a/{old}/wait")
    assert (page.status_code, f'action="/find/{store.key}/links"' in page.text) == (404, True)


def test_raising_the_version_revokes_every_link_mailed_before(
    client: FlaskClient, services: Services, order: Order
) -> None:
    old = link(services, order)
    with services.db.transaction(order.store_id) as session:
        session.execute(sa.update(Order).where(Order.id == order.id).values(link_version=2))
    assert client.get(old).status_code == 404
    assert client.get(link(services, order, version=2)).status_code == 200


def test_a_link_outlives_later_news_and_ends_with_the_order(
    client: FlaskClient, services: Services, order: Order, world: World, worker: Worker
) -> None:
    keep(services, world, worker, anns_order(updated_at=NOON + timedelta(minutes=1), number="1042-B"))
    page = client.get(link(services, order))
    assert (page.status_code, "1042-B" in page.text) == (200, True)
    with services.db.transaction(order.store_id) as session:
        session.execute(sa.update(Order).where(Order.id == order.id).values(gone_at=NOON))
    assert client.get(link(services, order)).status_code == 404


# What stores and shoppers write.


HOSTILE = '</p><script>alert("1")</script><img src=x onerror=alert(1)>'
BIDI = "\u202egnp.exe\u2066"
WORD = "W" * 200


def test_hostile_text_is_shown_as_text(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    nasty = f"{HOSTILE}{BIDI}{WORD}"
    scan = TrackingEventSnapshot(NOON, TrackingStatus.IN_TRANSIT, text=nasty, place=nasty)
    order = keep(
        services,
        world,
        worker,
        anns_order(
            number=nasty,
            name=nasty,
            lines=(
                LineItemSnapshot("l1", nasty, 2, variant=f"{nasty}!", image_url="javascript:alert(1)"),
                LineItemSnapshot("l2", nasty, 1, removed=1),
            ),
            refunds=(RefundSnapshot("f1", 1, NOON),),
            shipments=(
                replace(
                    PARCEL, carrier=nasty, tracking_number=nasty, tracking_url="javascript:alert(1)", events=(scan,)
                ),
            ),
        ),
    )
    page = client.get(link(services, order)).text
    assert html.escape(HOSTILE, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
    for raw in ("<script", "<img", "javascript:"):
        assert raw not in page
    for place in ("<li><bdi>2 × ", "<time>"):
        assert place in page
    assert page.count(WORD) >= 5


def test_marks_that_turn_the_line_around_stay_inside_their_own_words(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    lines = (LineItemSnapshot("l1", BIDI, 2),)
    order = keep(services, world, worker, anns_order(lines=lines, shipments=(replace(PARCEL, carrier=BIDI),)))
    page = client.get(link(services, order)).text
    assert f"<bdi>2 × {BIDI}</bdi>" in page
    assert page.count(BIDI) == page.count(f"{BIDI}</bdi>")


def test_long_words_may_break(client: FlaskClient) -> None:
    assert "overflow-wrap: anywhere" in client.get("/static/page.css").text


# The code by mail.


def post(client: FlaskClient, path: str, token: str, **body: str) -> TestResponse:
    return client.post(path, headers={"Authorization": f"Bearer {token}"}, json=body or None)


def mailed_code(services: Services, order: Order) -> str:
    """Read the code out of the newest promised mail, as only the mail job can."""
    with services.db.transaction(order.store_id, write=False) as session:
        mails = sa.select(Job).where(Job.kind == "shipping.send_code").order_by(Job.id.desc())
        sealed = session.scalars(mails).first()
        assert sealed is not None
        text = bytes.fromhex(sealed.payload["code"])
    return services.keyring.open_text(text, store_id=order.store_id, purpose="code")


def test_a_mailed_code_becomes_a_token_that_may_act_once(
    client: FlaskClient, services: Services, store: Store, order: Order
) -> None:
    see = shopper_token(services.keyring, store.id, [order.id])
    assert post(client, f"/shop/{store.key}/code", see).status_code == 202
    code = mailed_code(services, order)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    check = f"/shop/{store.key}/code/check"
    assert post(client, check, see, code=wrong).status_code == 401
    answer = post(client, check, see, code=f" {code} ")
    assert answer.status_code == 200
    token = read_shopper_token(services.keyring, answer.get_json()["token"])
    assert (token.level, token.order_ids, token.store_id) == ("act", (order.id,), store.id)
    assert post(client, check, see, code=code).status_code == 401


@pytest.mark.parametrize(
    ("pasted", "code"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("1 2 3 4 5 6", "123456"),
        ("123\u00a0456", "123456"),
        ("123-456", "123456"),
        ("\u202a123456\u202c\u200b", "123456"),
        ("Your code: 012345. It works for 10 minutes.", "012345"),
        ("Order FO-1042\n\n987654\n", "987654"),
        ("١٢٣٤٥٦", "123456"),
        ("๑๒๓ ๔๕๖", "123456"),
        ("1234567", ""),
        ("12345", ""),
        ("code", ""),
    ],
)
def test_a_code_is_read_however_it_was_typed_or_pasted(pasted: str, code: str) -> None:
    assert read_code(pasted) == code


def test_a_pasted_code_opens_the_order(client: FlaskClient, services: Services, store: Store, order: Order) -> None:
    see = shopper_token(services.keyring, store.id, [order.id])
    post(client, f"/shop/{store.key}/code", see)
    code = mailed_code(services, order)
    pasted = f"Your code for Linden:\n\n {code[:3]} {code[3:]} \n\nIt works for ten minutes."
    assert post(client, f"/shop/{store.key}/code/check", see, code=pasted).status_code == 200


def test_a_code_is_checked_five_times_and_lives_ten_minutes(
    client: FlaskClient, services: Services, store: Store, order: Order, clock: Clock
) -> None:
    see, check = shopper_token(services.keyring, store.id, [order.id]), f"/shop/{store.key}/code/check"
    post(client, f"/shop/{store.key}/code", see)
    code = mailed_code(services, order)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert [post(client, check, see, code=wrong).status_code for _ in range(5)] == [401] * 5
    assert post(client, check, see, code=code).status_code == 429
    clock.forward(minutes=15)
    assert post(client, check, see, code=code).status_code == 401  # too old by now


def test_a_code_drawn_a_second_time_for_an_order_opens_it_again(
    client: FlaskClient, services: Services, store: Store, order: Order, clock: Clock
) -> None:
    see, check = shopper_token(services.keyring, store.id, [order.id]), f"/shop/{store.key}/code/check"
    send_code(services, store.id, order.id, "123456")
    clock.forward(minutes=16)
    assert post(client, check, see, code="123456").status_code == 401
    clock.forward(minutes=16)
    send_code(services, store.id, order.id, "123456")
    assert post(client, check, see, code="123456").status_code == 200


def test_a_code_opens_no_other_order(
    client: FlaskClient, services: Services, store: Store, order: Order, world: World, worker: Worker
) -> None:
    second = keep(services, world, worker, anns_order(ref="2", number="1043"))
    post(client, f"/shop/{store.key}/code", shopper_token(services.keyring, store.id, [order.id]))
    code = mailed_code(services, order)
    other = shopper_token(services.keyring, store.id, [second.id])
    assert post(client, f"/shop/{store.key}/code/check", other, code=code).status_code == 401


def test_three_codes_are_mailed_in_a_quarter_of_an_hour(
    client: FlaskClient, services: Services, store: Store, order: Order, clock: Clock
) -> None:
    see = shopper_token(services.keyring, store.id, [order.id])
    answers = []
    for _ in range(4):
        answers.append(post(client, f"/shop/{store.key}/code", see).status_code)
        clock.forward(seconds=10)
    assert answers == [202, 202, 202, 429]


def test_a_code_is_never_readable_in_the_database(
    client: FlaskClient, services: Services, store: Store, order: Order
) -> None:
    post(client, f"/shop/{store.key}/code", shopper_token(services.keyring, store.id, [order.id]))
    code = mailed_code(services, order)
    with services.db.transaction(store.id, write=False) as session:
        payload = session.scalars(sa.select(Job.payload).where(Job.kind == "shipping.send_code")).one()
    assert payload.keys() == {"order_id", "code", "until"}
    assert code.encode() not in bytes.fromhex(payload["code"])


def test_a_shopper_s_token_opens_its_store_for_half_an_hour(
    client: FlaskClient, services: Services, store: Store, order: Order, world: World
) -> None:
    other = connect(services, world, "other")
    old = services.keyring.sign(
        {"s": store.id, "o": [order.id], "l": "act"},
        purpose="shopper",
        now=datetime.now(UTC) - SHOPPER_TOKEN_LIFE - timedelta(seconds=5),
    )
    mine = shopper_token(services.keyring, store.id, [order.id])
    theirs = shopper_token(services.keyring, other.id, [order.id])
    for token in (old, theirs, "forged", "", link(services, order)[3:]):
        answer = client.get(f"/shop/{store.key}/orders", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "not_allowed")
    assert client.get(f"/shop/{other.key}/orders", headers={"Authorization": f"Bearer {mine}"}).status_code == 401
    found = client.get(f"/shop/{store.key}/orders", headers={"Authorization": f"Bearer {mine}"})
    assert [one["order"]["number"] for one in found.get_json()["orders"]] == ["1042"]
