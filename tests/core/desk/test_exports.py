"""Exports of a list: what is in the file, whose it is, and that a worker that dies leaves no row twice or out."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.desk.lists.exports import export_job
from core.desk.lists.exports.csv_cells import safe_text
from core.jobs.worker import Worker
from core.orders.model import Order
from core.privacy import personal_data
from core.services import Services
from core.stores import housekeeping
from core.stores.exports.model import ListExport, ListExportPart
from core.stores.model import AuditEntry, Store
from tests.conftest import NOON, Clock
from tests.core.desk.returns_scene import path, said, seat
from tests.core.desk.test_lists import put, put_orders
from tests.core.shipping.seed import on_sqlite, rows


@pytest.fixture
def max_(services: Services, store: Store) -> FlaskClient:
    return seat(services, store, "owner", "max")


def ask(client: FlaskClient, store: Store, query: str = "", style: str = "people", **more: Any) -> str:
    """Ask for an export of the orders; give the address of its page."""
    answer = client.post(path(store, "lists/orders/exports"), data={"query": query, "style": style, **more})
    assert answer.status_code == 302
    return answer.location


def fetch(client: FlaskClient, page: str) -> list[list[str]]:
    """The rows of the file."""
    answer = client.get(f"{page}/file")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True))))


def test_a_file_for_people_is_in_their_words_and_one_for_machines_in_codes(
    services: Services, store: Store, worker: Worker, max_: FlaskClient
) -> None:
    put_orders(services, store, 1, name="Ann Berg", total=2390, status="paid", refunded=True)
    put(services, store, Order, [{"ref": "vn", "number": "=1+1", "country": "VN", "currency": "VND", "total": 5000}])
    columns = ["number", "placed", "shopper", "flags", "total"]
    pages = [ask(max_, store, "country=LT", style, column=columns) for style in ("people", "machines")]
    worker.run_until_idle()
    people, machines = (fetch(max_, page) for page in pages)
    assert people == [
        ["\ufeffOrder", "Placed", "Shopper", "Marks", "Total"],
        ["#0", "Wed 18 Nov 2026, 14:00", "Ann Berg", "refunded", "€23.90"],
    ]
    assert machines == [
        ["number", "placed", "shopper", "flags", "total", "total_currency"],
        ["#0", "2026-11-18T12:00:00+00:00", "Ann Berg", "refunded", "23.90", "EUR"],
    ]
    assert "1 row is in the file." in said(max_.get(pages[0]))
    done = [entry.what for entry in rows(services, store, AuditEntry)]
    assert (done.count("export_list"), done.count("fetch_export")) == (2, 2)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "\n+1", "＝1"])
def test_no_text_is_a_formula(text: str) -> None:
    assert safe_text(text) == f"'{text}"
    assert safe_text(f"a{text}") == f"a{text}"


def test_a_worker_that_dies_leaves_no_row_twice_or_out(
    services: Services, store: Store, worker: Worker, max_: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_orders(services, store, 23)
    monkeypatch.setattr(export_job, "ROWS_A_PART", 5)
    page = ask(max_, store, "sort=oldest", "machines")
    assert (max_.get(page).headers["Refresh"], "Waiting to begin." in said(max_.get(page))) == ("4", True)
    (export,) = rows(services, store, ListExport)
    for _ in range(2):  # what a worker wrote before it died
        with services.db.transaction(store.id) as session:
            assert not export_job.write_part(session, services, store.id, export.id, now=NOON)
    assert "10 of 23 rows" in said(max_.get(page))
    assert max_.get(f"{page}/file").status_code == 404
    worker.run_until_idle()
    numbers = [row[0] for row in fetch(max_, page)[1:]]
    assert numbers == [f"#{number}" for number in range(22, -1, -1)]
    assert "Refresh" not in max_.get(page).headers


@on_sqlite
def test_an_export_is_its_asker_s_alone_and_asked_by_owners_and_managers(
    services: Services, store: Store, worker: Worker, max_: FlaskClient
) -> None:
    put_orders(services, store, 1)
    page = ask(max_, store)
    worker.run_until_idle()
    mona = seat(services, store, "manager", "mona")
    assert {mona.get(page).status_code, mona.get(f"{page}/file").status_code} == {404}
    assert "Export as CSV" in said(mona.get(path(store, "orders")))
    for role in ("agent", "viewer"):
        client = seat(services, store, role, role)
        assert client.post(path(store, "lists/orders/exports")).status_code == 403
        assert "Export as CSV" not in said(client.get(path(store, "orders")))


def test_a_file_is_sealed_and_gone_after_a_day_or_with_any_shopper(
    services: Services, store: Store, worker: Worker, max_: FlaskClient, clock: Clock
) -> None:
    put_orders(services, store, 1, name="Ann Berg")
    pages = [ask(max_, store) for _ in range(2)]
    worker.run_until_idle()
    assert [b"Ann" in part.sealed for part in rows(services, store, ListExportPart)] == [False, False]
    with services.db.transaction(store.id) as session:
        assert personal_data.erase_person(session, services.keyring, order_refs=["no such"], now=NOON) == {}
    assert len(fetch(max_, pages[0])) == 2
    with services.db.transaction(store.id) as session:
        personal_data.erase_person(session, services.keyring, order_refs=["o0"], now=NOON)
    assert max_.get(f"{pages[0]}/file").status_code == 404
    page = ask(max_, store)
    worker.run_until_idle()
    clock.now += timedelta(days=1)
    assert seat(services, store, "owner", "max").get(f"{page}/file").status_code == 404
    housekeeping.prune(_work(services, clock))
    assert rows(services, store, ListExport) + rows(services, store, ListExportPart) == []


def _work(services: Services, clock: Clock) -> Any:
    from core.jobs.queue import Claimed, Work

    return Work(Claimed(0, 1, "clock.prune", "x", {}, 1, "t", clock.now), clock.now, services)
