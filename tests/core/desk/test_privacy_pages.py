"""Staff with the right to may hand out and erase what is kept of a shopper; the others may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.conversations import cases
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.sample import World
from core.privacy import retention
from core.services import Services
from core.stores.model import AuditEntry, Staff, Store
from core.stores.platform_access import store_by_key
from tests.core.private import TRACES, dump, her_order, leave_traces, seen_in
from tests.core.shipping.seed import on_sqlite, rows, sign_in

pytestmark = on_sqlite


@pytest.fixture
def order_id(services: Services, store: Store, world: World, worker: Worker) -> int:
    world.put(her_order("2"))
    return leave_traces(services, store, world, worker)


@pytest.fixture
def desk(client: FlaskClient, services: Services, store: Store, order_id: int) -> FlaskClient:
    sign_in(services, store, client)
    return client


def lower_role(services: Services, store: Store, role: str) -> None:
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Staff).values(role=role))


def audited(services: Services, store: Store) -> list[tuple[str, str]]:
    return [
        (entry.staff_ref, entry.what) for entry in rows(services, store, AuditEntry) if entry.what.startswith("privacy")
    ]


def test_the_page_says_how_far_an_erasure_reaches(desk: FlaskClient, store: Store, order_id: int) -> None:
    page = desk.get(f"/admin/{store.key}/orders/{order_id}/privacy")
    assert page.status_code == 200
    assert "This reaches 2 orders" in page.text


def test_a_shopper_is_erased_once_the_order_s_number_was_typed(
    desk: FlaskClient, services: Services, store: Store, order_id: int
) -> None:
    path = f"/admin/{store.key}/orders/{order_id}/erase"
    for typed in ({}, {"number": ""}, {"number": "1042"}, {"number": "104"}):
        page = desk.post(path, data=typed)
        assert page.status_code == 422
        assert "Nothing was erased" in page.text
    assert audited(services, store) == []
    assert {order.erased_at for order in rows(services, store, Order)} == {None}
    assert desk.post(path, data={"number": " 1041 "}).status_code == 302
    assert seen_in(dump(services.db, store.id), TRACES) == set()
    assert audited(services, store) == [("max", "privacy_erase")]
    assert desk.get(f"/admin/{store.key}/orders/{order_id}").status_code == 200
    assert "Erased" in desk.get(f"/admin/{store.key}/orders/{order_id}/privacy").text
    assert desk.post(path, data={"number": "1041"}).status_code == 302, "asked twice is no error"


def test_a_shopper_s_file_holds_all_of_theirs(
    desk: FlaskClient, services: Services, store: Store, order_id: int
) -> None:
    file = desk.get(f"/admin/{store.key}/orders/{order_id}/export")
    assert file.headers["Content-Disposition"] == f'attachment; filename="order-{order_id}.json"'
    assert "no-store" in file.headers["Cache-Control"]
    assert [trace for trace in TRACES if trace not in file.text] == []
    assert [order["number"] for order in file.get_json()["orders"]] == ["1041", "1042"]
    assert audited(services, store) == [("max", "privacy_export")]


def test_the_file_of_a_platform_s_request_is_in_its_case_and_in_no_other(
    desk: FlaskClient, services: Services, store: Store
) -> None:
    now = services.clock()
    with services.db.transaction(store.id) as session:
        asked = cases.open_case(session, kind=retention.EXPORT, order=None, now=now)
        for place, piece in enumerate(['{"orders"', ": []}"]):
            cases.add_message(session, asked, side="staff", text=piece, origin=str(place), now=now)
        other = cases.open_case(session, kind="reply", order=None, now=now)
    assert desk.get(f"/admin/{store.key}/cases/{asked.id}/export").get_json() == {"orders": []}
    assert desk.get(f"/admin/{store.key}/cases/{other.id}/export").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "agent"])
def test_who_may_only_look_or_answer_neither_exports_nor_erases(
    desk: FlaskClient, services: Services, store: Store, order_id: int, role: str
) -> None:
    lower_role(services, store, role)
    before = dump(services.db, store.id)
    page = f"/admin/{store.key}/orders/{order_id}"
    answers: list[Callable[[], int]] = [
        lambda: desk.get(f"{page}/privacy").status_code,
        lambda: desk.get(f"{page}/export").status_code,
        lambda: desk.post(f"{page}/erase", data={"number": "1041"}).status_code,
        lambda: desk.get(f"/admin/{store.key}/cases/1/export").status_code,
        lambda: desk.post(f"/admin/{store.key}/privacy", data={"keep_days": "30"}).status_code,
    ]
    assert [answer() for answer in answers] == [403] * 5
    assert dump(services.db, store.id) == before


def test_another_site_cannot_post_the_erasure(
    desk: FlaskClient, services: Services, store: Store, order_id: int
) -> None:
    path = f"/admin/{store.key}/orders/{order_id}/erase"
    headers = {"Origin": "https://evil.example"}
    assert desk.post(path, data={"number": "1041"}, headers=headers).status_code == 403
    assert {order.erased_at for order in rows(services, store, Order)} == {None}


def test_how_long_shoppers_are_kept_is_saved_and_taken_back(
    desk: FlaskClient, services: Services, store: Store
) -> None:
    def kept() -> int | None:
        return retention.keep_days(store_by_key(services, store.key))

    path = f"/admin/{store.key}/privacy"
    assert desk.post(path, data={"keep_days": "730"}).status_code == 302
    assert kept() == 730
    assert 'value="730"' in desk.get(path).text
    assert desk.post(path, data={"keep_days": "365", "version": "1"}).status_code == 409, "somebody was first"
    for wrong in ("29", "-5", "soon", "36501", "1e3", "٣٦٥"):
        assert desk.post(path, data={"keep_days": wrong}).status_code == 422, wrong
    assert kept() == 730
    assert desk.post(path, data={"keep_days": ""}).status_code == 302
    assert kept() is None
