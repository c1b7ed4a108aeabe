"""A withdrawal declared at the platform itself: taken over once, receipted, and its clock runs from its own time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.conversations.model import Case
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.native_returns import WithdrawalSnapshot
from core.platform.sample import World
from core.platform.snapshots import OrderSnapshot
from core.privacy import personal_data
from core.returns.model import Withdrawal
from core.returns.requests.lifecycle import SHOPPER
from core.returns.withdrawal import declare
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import shopper_token
from tests.conftest import NOON, Clock
from tests.core.returns.seed import at, bought, letters, place
from tests.core.shipping.seed import apply, on_sqlite, rows, sign_in

DECLARED = NOON + timedelta(hours=2)
ALL = {"l1": 3, "l2": 1}
RECEIPT = ("withdrawal_receipt", "queued")


@pytest.fixture
def order_id(services: Services, store: Store, world: World, worker: Worker, clock: Clock) -> int:
    placed = place(services, store, world, worker)
    clock.forward(hours=3)
    return placed


def said(minutes: int = 0, **withdrawal: Any) -> OrderSnapshot:
    facts = {"declared_at": DECLARED, "items": ALL} | withdrawal
    return bought(updated_at=DECLARED + timedelta(minutes=minutes), withdrawal_requested=WithdrawalSnapshot(**facts))


def withdrawals(services: Services, store: Store) -> list[Withdrawal]:
    return rows(services, store, Withdrawal)


def test_a_withdrawal_declared_at_the_platform_is_taken_over_once_and_receipted(
    services: Services, store: Store, order_id: int, clock: Clock
) -> None:
    for minutes in (0, 1, 1, 2):
        apply(services, store, said(minutes, items={"l1": 2}))
        clock.forward(days=1)
    (row,) = withdrawals(services, store)
    assert (row.order_id, row.state, row.source, row.declared_at) == (order_id, "declared", "platform", DECLARED)
    assert [(one["ref"], one["quantity"]) for one in row.lines] == [("l1", 2)]
    assert (row.refund_due, row.late, row.whole) == (date(2026, 12, 2), False, False)
    assert "2 × Mug\nDeclared: 2026-11-18 16:00:00 +0200" in row.receipt
    assert letters(services, store) == [RECEIPT]


@on_sqlite
def test_no_second_receipt_is_mailed_where_the_platform_mailed_one(
    services: Services, store: Store, order_id: int, client: FlaskClient
) -> None:
    apply(services, store, said(mailed=True))
    (row,) = withdrawals(services, store)
    assert (row.state, row.acknowledged_at, row.whole) == ("acknowledged", None, True)
    assert letters(services, store) == []
    sign_in(services, store, client)
    assert "Not mailed from here" in client.get(f"/admin/{store.key}/withdrawals/{row.id}").text
    with at(services, store) as session:
        order = session.get_one(Order, (store.id, order_id))
        token = shopper_token(services.keyring, store.id, [order_id], versions=[order.link_version])
    seen = client.get(f"/shop/{store.key}/withdrawals/{row.id}", headers={"Authorization": f"Bearer {token}"})
    assert (seen.status_code, seen.get_json()["mailed_to"]) == (200, "")


@on_sqlite
def test_what_was_declared_before_the_store_was_connected_is_taken_over_and_mails_nobody(
    services: Services, store: Store, order_id: int
) -> None:
    apply(services, store, said(declared_at=NOON - timedelta(days=2)))
    (row,) = withdrawals(services, store)
    assert (row.declared_at, row.refund_due) == (NOON - timedelta(days=2), date(2026, 11, 30))
    assert letters(services, store) == []


@on_sqlite
@pytest.mark.parametrize("ends", ["stands", "retract"])
def test_one_that_was_declared_here_already_is_not_declared_again_and_one_that_ended_stays_ended(
    services: Services, store: Store, order_id: int, clock: Clock, ends: str
) -> None:
    if ends == "stands":
        with at(services, store) as session:
            row = declare.start(session, store, order_id, {}, now=clock.now)
            declare.confirm(session, store, row.id, now=clock.now)
    else:
        apply(services, store, said(mailed=True))
        with at(services, store) as session:
            row, _ = declare.find_withdrawal(session, store.id, withdrawals(services, store)[0].id)
            declare.move(session, row, ends, SHOPPER, now=clock.now)
    apply(services, store, said(5))
    assert [one.id for one in withdrawals(services, store)] == [row.id]


@on_sqlite
def test_of_what_went_back_before_only_the_rest_is_withdrawn_from(
    services: Services, store: Store, order_id: int, clock: Clock
) -> None:
    with at(services, store) as session:
        row = declare.start(session, store, order_id, {"l1": 2}, now=clock.now)
        declare.confirm(session, store, row.id, now=clock.now)
    apply(services, store, said())
    assert [(one["ref"], one["quantity"]) for one in withdrawals(services, store)[1].lines] == [("l1", 1), ("l2", 1)]


@on_sqlite
@pytest.mark.parametrize("why", ["nobody says what it covers", "no law grants it"])
def test_what_cannot_be_taken_over_is_left_to_a_person_once(
    services: Services, store: Store, worker: Worker, order_id: int, why: str
) -> None:
    facts: dict[str, Any] = {"items": None} if why.startswith("nobody") else {}
    changes = {} if why.startswith("nobody") else {"country": "US"}
    for minutes in (0, 1):
        apply(services, store, replace(said(minutes, **facts), **changes))
        worker.run_until_idle()
        with at(services, store) as session:
            session.execute(sa.update(Case).values(state="closed"))
    assert withdrawals(services, store) == []
    assert [(case.kind, case.order_id) for case in rows(services, store, Case)] == [("withdrawal_there", order_id)]


@on_sqlite
def test_a_time_that_cannot_be_is_the_nearest_that_can(
    services: Services, store: Store, order_id: int, clock: Clock
) -> None:
    apply(services, store, said(declared_at=clock.now + timedelta(days=30)))
    assert withdrawals(services, store)[0].declared_at == clock.now


@on_sqlite
def test_without_a_time_it_was_declared_when_the_store_says_the_order_changed(
    services: Services, store: Store, order_id: int
) -> None:
    apply(services, store, said(declared_at=None))
    assert withdrawals(services, store)[0].declared_at == DECLARED


@on_sqlite
def test_of_an_erased_shopper_nothing_is_declared(services: Services, store: Store, order_id: int) -> None:
    with at(services, store) as session:
        personal_data.erase_person(session, services.keyring, email="ann@shopper.example", now=services.clock())
    apply(services, store, said())
    assert withdrawals(services, store) == []


@on_sqlite
def test_the_desk_says_where_it_was_declared(
    services: Services, store: Store, order_id: int, client: FlaskClient
) -> None:
    apply(services, store, said())
    sign_in(services, store, client)
    page = client.get(f"/admin/{store.key}/withdrawals/{withdrawals(services, store)[0].id}").text
    assert "Declared in the store itself" in page
    assert "WD-1001" in client.get(f"/admin/{store.key}/withdrawals").text
