"""Proof that a withdrawal's goods were sent: given by the shopper or by staff, it ends the store's right to wait."""

from __future__ import annotations

from datetime import date

import pytest
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.model import Withdrawal
from core.returns.withdrawal import declare
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import tracking_token
from tests.conftest import Clock
from tests.core.desk.returns_scene import path, said, seat
from tests.core.returns.seed import ACCEPTS, at, bought, place, set_policy
from tests.core.returns.visit import Visit, error_of

WAIT = "The store may wait until the goods, or proof that you sent them, are there."


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    set_policy(services, store, **ACCEPTS)
    return Visit(client, services, store, place(services, store, world, worker))


def declared(visit: Visit) -> str:
    started = visit.see("withdrawals", {"order": str(visit.order_id), "name": "Ann"})
    return str(visit.see(f"withdrawals/{started['id']}/confirm", {})["id"])


def row_of(visit: Visit, id_: str) -> Withdrawal:
    with at(visit.services, visit.store) as session:
        return session.get_one(Withdrawal, (visit.store.id, int(id_)))


def test_a_shopper_s_proof_ends_the_withholding(visit: Visit) -> None:
    id_ = declared(visit)
    before = visit.see(f"withdrawals/{id_}")
    assert (before["can_prove_sent"], WAIT in before["refund_sentence"]) == (True, True)
    after = visit.see(f"withdrawals/{id_}/sent", {"tracking_number": "RR1LT", "carrier": "Post"})
    assert (after["can_prove_sent"], WAIT in after["refund_sentence"]) == (False, False)
    row = row_of(visit, id_)
    assert (row.sent_proof, row.may_withhold, row.refund_due) == ("Post RR1LT", False, date(2026, 12, 2))
    page = said(seat(visit.services, visit.store, "owner").get(path(visit.store, f"withdrawals/{id_}")))
    assert "Post RR1LT" in page


def test_without_script_it_is_a_form_on_the_receipt(visit: Visit) -> None:
    id_ = declared(visit)
    link = f"/t/{tracking_token(visit.services.keyring, visit.store.id, visit.order_id, 1)}/withdraw/{id_}"
    assert f'action="{link}/sent"' in visit.client.get(link).text
    assert visit.client.post(f"{link}/sent", data={"proof": "RR1LT"}).status_code == 303
    assert row_of(visit, id_).sent_proof == "RR1LT"
    assert f'action="{link}/sent"' not in visit.client.get(link).text


def test_staff_note_it_with_what_proves_it(visit: Visit) -> None:
    id_ = declared(visit)
    agnes, mine = seat(visit.services, visit.store, "agent"), path(visit.store, f"withdrawals/{id_}")
    assert agnes.post(f"{mine}/sent", data={"note": " "}).status_code == 422
    assert agnes.post(f"{mine}/sent", data={"note": "Post receipt 7"}).status_code == 302
    assert row_of(visit, id_).sent_proof == "Post receipt 7"


def test_nothing_is_overdue_that_may_wait_for_the_goods(visit: Visit, clock: Clock) -> None:
    id_ = declared(visit)
    max_ = seat(visit.services, visit.store, "owner")
    clock.forward(days=20)
    assert "overdue" not in said(max_.get(path(visit.store, "withdrawals")))
    assert "was due by law" not in said(max_.get(path(visit.store, f"withdrawals/{id_}")))
    visit.see(f"withdrawals/{id_}/sent", {"tracking_number": "RR1LT"})
    assert row_of(visit, id_).refund_due == date(2026, 12, 8), "due once the proof is there"
    clock.forward(days=1)
    assert "overdue" in said(max_.get(path(visit.store, "withdrawals")))


def test_what_never_left_needs_no_proof(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit = Visit(client, services, store, place(services, store, world, worker, bought(shipped=False)))
    id_ = declared(visit)
    assert not visit.see(f"withdrawals/{id_}")["can_prove_sent"]
    assert error_of(visit.ask(f"withdrawals/{id_}/sent", {"tracking_number": "1"})) == (409, "moved_on")


def test_in_the_united_kingdom_the_proof_starts_the_clock(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit = Visit(client, services, store, place(services, store, world, worker, bought(country="GB")))
    id_ = declared(visit)
    told = visit.see(f"withdrawals/{id_}")["refund_sentence"]
    assert told == "Your money is due within 14 days after the goods, or proof that you sent them, are there."
    visit.see(f"withdrawals/{id_}/sent", {"tracking_number": "RR1"})
    assert row_of(visit, id_).refund_due == date(2026, 12, 2)
    with at(visit.services, visit.store) as session:
        assert declare.find_withdrawal(session, visit.store.id, int(id_))[0].sent_at is not None
