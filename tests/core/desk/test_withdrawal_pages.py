"""Legal withdrawals at the desk: their clock, their receipt, and the moves staff may make."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.model import Withdrawal
from core.returns.withdrawal import declare
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.desk.returns_scene import has_form, path, said, seat
from tests.core.returns.seed import at, letters, place, the_money
from tests.core.shipping.seed import on_sqlite, statements
from tests.core.two_stores import Outbox


@pytest.fixture
def services(services: Services) -> Services:
    """With a mail server, so that receipts leave."""
    return replace(services, mail=Outbox())


@pytest.fixture
def declared(services: Services, store: Store, world: World, worker: Worker) -> int:
    """Ann withdrew from all of her order, and has her receipt."""
    order_id = place(services, store, world, worker)
    with at(services, store) as session:
        row = declare.start(session, store, order_id, {}, now=services.clock())
        declare.confirm(session, store, row.id, now=services.clock())
    worker.run_until_idle()
    return row.id


@pytest.fixture
def max_(services: Services, store: Store) -> FlaskClient:
    return seat(services, store, "owner", "max")


def read(services: Services, store: Store, id_: int) -> Withdrawal:
    with services.db.transaction(store.id, write=False) as session:
        return session.get_one(Withdrawal, (store.id, id_))


def press(client: FlaskClient, store: Store, id_: int, verb: str, note: str = "") -> tuple[int, str]:
    answer = client.post(path(store, f"withdrawals/{id_}/{verb}"), data={"note": note})
    return answer.status_code, said(answer)


def test_a_withdrawal_shows_its_receipt_word_for_word_with_its_hash_and_its_last_day(
    services: Services, store: Store, declared: int, max_: FlaskClient
) -> None:
    text = said(max_.get(path(store, f"withdrawals/{declared}")))
    row = read(services, store, declared)
    assert " ".join(row.receipt.split()) in text
    assert hashlib.sha256(row.receipt.encode()).hexdigest() in text
    for fact in ("WD-1001", "The refund is due by law on Wed 2 Dec.", "Refund €64.90 now", "This is not legal advice."):
        assert fact in text, fact


def test_the_legal_clock_turns_amber_and_then_red(
    services: Services, store: Store, declared: int, max_: FlaskClient, clock: Clock
) -> None:
    def shown() -> tuple[str, str]:
        max_ = seat(services, store, "owner", "max")  # a session lasts twelve hours
        return max_.get(path(store)).text, max_.get(path(store, "withdrawals")).text

    assert press(max_, store, declared, "sent", "RR1LT")[0] == 302, "else the money may wait for the goods"
    today, listed = shown()
    assert "due soon" not in today + listed
    clock.forward(days=11)
    today, listed = shown()
    assert '<span class="amber">1 due soon</span>' in today
    assert '<span class="soon">Wed 2 Dec · due soon' in listed
    clock.forward(days=3)
    assert "overdue" not in "".join(shown()), "the last day is still in time"
    clock.forward(days=1)
    today, listed = shown()
    assert '<span class="late">1 overdue</span>' in today
    assert '<span class="late">Wed 2 Dec · overdue' in listed


def test_paying_twice_pays_once_and_ends_the_clock(
    services: Services, store: Store, worker: Worker, declared: int, max_: FlaskClient
) -> None:
    assert press(max_, store, declared, "pay")[0] == 302
    press(max_, store, declared, "pay")
    worker.run_until_idle()
    assert [(money.state, money.amount) for money in the_money(services, store)] == [("issued", 6490)]
    assert read(services, store, declared).state == "reimbursed"
    status, text = press(max_, store, declared, "contest", "Too late.")
    assert (status, "This is not possible as it stands now." in text) == (409, True)
    assert "Clock running" in said(max_.get(path(store, "withdrawals")))
    assert "WD-1001" not in said(max_.get(path(store, "withdrawals")))
    assert "WD-1001" in said(max_.get(path(store, "withdrawals?show=all")))


def test_goods_that_are_back_bring_the_money(
    services: Services, store: Store, worker: Worker, declared: int, max_: FlaskClient
) -> None:
    assert "This refunds €64.90 at once." in said(max_.get(path(store, f"withdrawals/{declared}")))
    assert press(max_, store, declared, "back")[0] == 302
    assert [money.amount for money in the_money(services, store)] == [6490]
    text = said(max_.get(path(store, f"withdrawals/{declared}")))
    assert "The goods came back Wed 18 Nov, 14:00." in text
    assert "Note that the goods are back" not in text


def test_contesting_needs_a_reason_and_can_be_taken_back(
    services: Services, store: Store, worker: Worker, declared: int, max_: FlaskClient
) -> None:
    assert press(max_, store, declared, "contest", " ")[0] == 422
    assert read(services, store, declared).state == "acknowledged"
    assert press(max_, store, declared, "contest", "The lamp was made to order.")[0] == 302
    worker.run_until_idle()
    assert ("withdrawal_contested", "sent") in letters(services, store)
    assert "The lamp was made to order." in said(max_.get(path(store, f"withdrawals/{declared}")))
    assert press(max_, store, declared, "pay")[0] == 409
    assert press(max_, store, declared, "uphold")[0] == 302
    assert press(max_, store, declared, "pay")[0] == 302


@on_sqlite
def test_a_receipt_that_cannot_be_mailed_is_handed_over_by_a_person(
    services: Services, store: Store, declared: int, max_: FlaskClient
) -> None:
    assert press(max_, store, declared, "receipt")[0] == 409, "it was mailed"
    with at(services, store) as session:
        row = session.get_one(Withdrawal, (store.id, declared))
        row.state, row.acknowledged_at = "declared", None
    assert "Note that the shopper has the receipt" in said(max_.get(path(store, f"withdrawals/{declared}")))
    assert press(max_, store, declared, "pay")[0] == 409
    assert press(max_, store, declared, "receipt")[0] == 302
    assert press(max_, store, declared, "pay")[0] == 302


@on_sqlite
def test_a_viewer_looks_and_what_is_not_there_is_404(
    services: Services, store: Store, declared: int, max_: FlaskClient
) -> None:
    viewer = seat(services, store, "viewer", "eve")
    page = viewer.get(path(store, f"withdrawals/{declared}"))
    assert (page.status_code, has_form(page)) == (200, False)
    for verb in ("pay", "back", "contest", "uphold", "refuse"):
        assert press(viewer, store, declared, verb, "x")[0] == 403, verb
    assert press(max_, store, declared, "retract")[0] == 404
    assert press(max_, store, 7, "pay")[0] == 404
    assert max_.get(path(store, "withdrawals/7")).status_code == 404


@on_sqlite
def test_its_pages_ask_the_database_a_few_times(
    services: Services, store: Store, declared: int, max_: FlaskClient
) -> None:
    for page in ("withdrawals", "withdrawals?show=all", f"withdrawals/{declared}"):
        with statements(services.db) as sent:
            assert max_.get(path(store, page)).status_code == 200
        assert len([text for text in sent if text.lstrip().upper().startswith("SELECT")]) <= 15, page
