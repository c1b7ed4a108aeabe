"""What the audit log says of staff's acts about withdrawals: who, what and about which, in codes alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.model import Withdrawal
from core.returns.withdrawal.model import Declaration
from core.services import Services
from core.stores.audit import verify_chain
from core.stores.model import AuditEntry, Store
from tests.conftest import Clock
from tests.core.desk.returns_scene import path, seat
from tests.core.returns.seed import ACCEPTS, at, place, set_policy
from tests.core.returns.test_declarations import ELSEWHERE, declare, rows
from tests.core.returns.visit import Visit
from tests.core.two_stores import Outbox


@pytest.fixture
def services(services: Services) -> Services:
    return replace(services, mail=Outbox())


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    set_policy(services, store, **ACCEPTS)
    return Visit(client, services, store, place(services, store, world, worker))


@pytest.fixture
def agnes(services: Services, store: Store) -> FlaskClient:
    seat(services, store, "owner", "max")
    return seat(services, store, "agent", "agnes")


def entries(services: Services, store: Store, verb: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(actor, the person's ref, subject, codes) of every entry of this verb; the chain holds."""
    with at(services, store) as session:
        assert verify_chain(session) is None
        found = session.scalars(sa.select(AuditEntry).where(AuditEntry.what == verb).order_by(AuditEntry.seq))
        return [(one.who, one.staff_ref, one.subject, one.facts) for one in found]


def withdrawn(visit: Visit, worker: Worker) -> Withdrawal:
    started = visit.see("withdrawals", {"order": str(visit.order_id), "name": "Ann"})
    visit.see(f"withdrawals/{started['id']}/confirm", {})
    worker.run_until_idle()
    return rows(visit, Withdrawal)[0]  # type: ignore[no-any-return]


def test_naming_a_declaration_s_order_is_written_down_with_the_order(
    visit: Visit, worker: Worker, services: Services, store: Store, agnes: FlaskClient
) -> None:
    declare(visit, worker, proof=ELSEWHERE)
    mine = path(store, f"declarations/{rows(visit, Declaration)[0].id}/match")
    assert agnes.post(mine, data={"note": "#77"}).status_code == 422
    assert entries(services, store, "match") == [], "nothing was done"
    agnes.post(mine, data={"note": "#1042"})
    assert entries(services, store, "match") == [("staff", "agnes", "declaration:WD-1001", {"order": visit.order_id})]
    agnes.post(mine, data={"note": "#1042"})
    assert len(entries(services, store, "match")) == 1


def test_closing_a_declaration_is_written_down_without_the_reason(
    visit: Visit, worker: Worker, services: Services, store: Store, agnes: FlaskClient
) -> None:
    declare(visit, worker, number="#9999")
    mine = path(store, f"declarations/{rows(visit, Declaration)[0].id}/close")
    agnes.post(mine, data={"note": " "})
    assert entries(services, store, "close") == []
    agnes.post(mine, data={"note": "Ann Bell bought elsewhere"})
    assert entries(services, store, "close") == [("staff", "agnes", "declaration:WD-1001", {})]
    assert rows(visit, Declaration)[0].note == "Ann Bell bought elsewhere"


def test_staff_s_proof_of_sending_is_written_down_and_the_shopper_s_is_an_event_alone(
    visit: Visit, worker: Worker, services: Services, store: Store, agnes: FlaskClient
) -> None:
    row = withdrawn(visit, worker)
    visit.see(f"withdrawals/{row.id}/sent", {"tracking_number": "RR1LT"})
    assert entries(services, store, "prove_sent") == []
    agnes.post(path(store, f"withdrawals/{row.id}/sent"), data={"note": "Post receipt 7"})
    assert entries(services, store, "prove_sent") == [("staff", "agnes", "withdrawal:WD-1001", {})]


def test_taking_a_late_withdrawal_as_in_time_is_written_down_once(
    visit: Visit, worker: Worker, services: Services, store: Store, agnes: FlaskClient, clock: Clock
) -> None:
    clock.forward(days=40)
    row = withdrawn(visit, worker)
    mine = path(store, f"withdrawals/{row.id}/in_time")
    assert [agnes.post(mine).status_code for _ in range(2)] == [302, 409]
    assert entries(services, store, "take_as_in_time") == [("staff", "agnes", "withdrawal:WD-1001", {})]
