"""Every verb from every state a return can be in: done and legal, or refused and nothing changed; and always an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs.worker import Worker
from core.platform.native_returns import ReturnSnapshot, ReturnState
from core.platform.sample import World
from core.returns.model import Reimbursement, Return
from core.returns.money import payout, reimburse
from core.returns.native.follow_rules import follow
from core.returns.native.steps import take_steps
from core.returns.requests import lifecycle
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER, ReasonNeeded
from core.returns.requests.opening import ReturnRequest, open_return
from core.returns.states import IllegalMove, Standing, legal_moves, move_return
from core.services import Services
from core.stores.model import Store
from tests.core.returns.seed import MAX, at, place, set_policy
from tests.core.returns.test_moves import RETURNS

Verb = Callable[[Session, Store, Return, datetime], None]


def money_of(session: Session, rma: Return) -> Reimbursement:
    return session.scalars(sa.select(Reimbursement).where(Reimbursement.return_id == rma.id)).one()


def end_money(state: str) -> Verb:
    """What the platform's answer does."""

    def end(session: Session, store: Store, rma: Return, now: datetime) -> None:
        if rma.reimbursement != "pending":
            raise IllegalMove("reimbursement", rma.reimbursement, state)
        reimburse.end(session, money_of(session, rma), state, paid=100 if state == "issued" else None, now=now)

    return end


def close_there(session: Session, store: Store, rma: Return, now: datetime) -> None:
    """What follows when the platform closes its own return."""
    native = ReturnSnapshot("1/R1", "1", ReturnState.CLOSED, closed_at=now)
    followed = follow(rma.standing, "approved", native.state)
    order = lifecycle._order_of(session, rma)
    take_steps(session, store, order, rma, native, followed.steps, tells=True, now=now)


VERBS: dict[str, Verb] = {
    "approve": lambda s, store, rma, now: lifecycle.decide(s, store, rma, MAX, "approve", note="Yes.", now=now),
    "decline": lambda s, store, rma, now: lifecycle.decide(s, store, rma, MAX, "decline", note="No.", now=now),
    "cancel": lambda s, store, rma, now: lifecycle.cancel(s, rma, MAX, now=now),
    "reopen": lambda s, store, rma, now: lifecycle.reopen(s, rma, MAX, note="Look again.", now=now),
    "sent": lambda s, store, rma, now: lifecycle.note_sent(s, store, rma, MAX, now=now),
    "receive": lambda s, store, rma, now: lifecycle.receive(s, store, rma, MAX, now=now),
    "inspect": lambda s, store, rma, now: lifecycle.inspect(s, store, rma, [], MAX, now=now),
    "keep": lambda s, store, rma, now: lifecycle.let_keep(s, store, rma, MAX, now=now),
    "pay": lambda s, store, rma, now: payout.pay_now(s, store, rma, by="Max", now=now),
    "retry": lambda s, store, rma, now: reimburse.retry(s, money_of(s, rma), now=now),
    "drop": lambda s, store, rma, now: reimburse.drop(s, money_of(s, rma), reason="No.", now=now),
    "platform paid": end_money("issued"),
    "platform refused": end_money("failed"),
    "platform closed": lambda s, store, rma, now: close_there(s, store, rma, now),
}
REFUSED = (IllegalMove, ReasonNeeded, reimburse.NotOpen)


@pytest.fixture
def asked(services: Services, store: Store, world: World, worker: Worker) -> Return:
    set_policy(services, store, otherwise="review", refund_when="inspection")
    order_id = place(services, store, world, worker)
    with at(services, store) as session:
        request = ReturnRequest((RequestedLine("l1", 1, "too_small"),))
        return open_return(session, store, order_id, request, SHOPPER, now=services.clock())


class _Undo(Exception):
    """Leave the block as if nothing had happened."""


def put(session: Session, store: Store, asked: Return, standing: Standing) -> Return:
    """Bring the return to a standing, its money with it, as some history would have."""
    rma = lifecycle.find_return(session, store.id, asked.id)
    rma.acceptance, rma.reception, rma.reimbursement = astuple(standing)
    rma.status = rma.standing.status
    states = {"pending": "pending", "issued": "issued", "failed": "failed"}
    if standing.reimbursement in states:
        shares = payout.shares_of(session, rma)
        order = lifecycle._order_of(session, rma)
        entitlement = reimburse.Entitlement(f"return:{rma.id}:refund", rma, shares[0].quote)
        [row] = reimburse.promise(session, order, entitlement, by="Max", now=asked.opened_at)
        row.state = states[standing.reimbursement]
    session.flush()
    return rma


def step(services: Services, store: Store, asked: Return, standing: Standing, verb: str) -> Standing | None:
    """Try a verb from a standing; give where it led, None where it was refused and nothing changed."""
    led: Standing | None = None
    try:
        with at(services, store) as session:
            rma = put(session, store, asked, standing)
            try:
                VERBS[verb](session, store, rma, services.clock())
                session.flush()
                led = rma.standing
                assert rma.status == led.status
            except REFUSED:
                session.flush()
                assert rma.standing == standing
            except sa.exc.NoResultFound:  # there is no money to speak of
                assert standing.reimbursement in ("none", "waived")
            raise _Undo
    except _Undo:
        return led


def reachable(standing: Standing) -> set[Standing]:
    """Everywhere legal moves lead in at most three steps: a verb may make its own and what follows from it."""
    found, edge = {standing}, {standing}
    for _ in range(3):
        edge = {move_return(one, *move) for one in edge for move in legal_moves(one)} - found
        found |= edge
    return found


def test_every_verb_from_every_state_is_done_by_the_tables_or_refused(
    services: Services, store: Store, asked: Return
) -> None:
    graph: dict[Standing, set[Standing]] = {}
    for standing in RETURNS:
        graph[standing] = set()
        for verb in VERBS:
            led = step(services, store, asked, standing, verb)
            if led is not None:
                assert led in reachable(standing), (standing, verb, led)
                graph[standing].add(led)
    good = {standing for standing in graph if standing.is_over}
    while grown := {one for one, after in graph.items() if one not in good and after & good}:
        good |= grown
    assert set(graph) - good == set(), "from here no verb leads to an end"
