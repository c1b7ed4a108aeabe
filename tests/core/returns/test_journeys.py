"""A return from the first word to the money, through the verbs that pages call, with letters to a real mail server."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from core.conversations.model import Case
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.mail.compose import open_transport
from core.orders.model import Order, OrderEvent
from core.platform.contract import Feature, Outcome, Reimbursement
from core.platform.errors import AccessLost, Refused, Unavailable
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.platform.snapshots import OrderState, RefundSnapshot
from core.returns.model import Reimbursement as ReimbursementRow
from core.returns.model import Return
from core.returns.money import reimburse
from core.returns.requests import lifecycle
from core.returns.requests.canceling import CannotCancel, request_cancellation
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER, ItemInspection, ReasonNeeded
from core.returns.requests.opening import ReturnNotAllowed, ReturnRequest, open_return
from core.returns.return_settings import AboveLimit
from core.returns.states import IllegalMove
from core.returns.withdrawal import declare
from core.services import Services
from core.stores.connection import features
from core.stores.model import AuditEntry, Store
from tests.conftest import Clock
from tests.core.returns.seed import (
    ACCEPTS,
    AGNES,
    MAX,
    at,
    bought,
    letters,
    place,
    set_policy,
    set_return_settings,
    the_money,
    the_return,
)
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post, text_of

ONE_MUG = ReturnRequest((RequestedLine("l1", 1, "too_small"),))
LAMP = ReturnRequest((RequestedLine("l2", 1, "too_small"),))


class Forgetful(Demo):
    """A sample store whose answer gets lost once, after it has done what it was asked."""

    answers_lost = 0

    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Pay, and say nothing the first time."""
        done = super().reimburse(reimbursement)
        if Forgetful.answers_lost:
            Forgetful.answers_lost -= 1
            raise Unavailable("no answer within 30 seconds")
        return done


class Overtaken(Demo):
    """A sample store where somebody does something while it is being opened."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        Overtaken.meanwhile()


class Stubborn(Demo):
    """A sample store that refuses refunds."""

    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Refuse."""
        raise Refused("This card was closed.")


class Locked(Demo):
    """A sample store whose keys opened everything until a refund was asked for."""

    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Find the door locked, as everybody does from now on."""
        self.world.door = "locked"
        raise AccessLost("These keys do not open the shop.")


class Picky(Demo):
    """A sample store that refuses its keys for refunds alone."""

    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Refuse."""
        raise AccessLost("This key may not refund.")


class Rounding(Demo):
    """A sample store that pays back a cent more than it was asked for (woocommerce #63046: 50.00 became 50.01)."""

    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Pay another amount and say so."""
        return super().reimburse(replace(reimbursement, amount=reimbursement.amount + 1, lines=()))


class ByHand(Demo):
    """A sample store whose platform moves no money."""

    features = Demo.features - {Feature.REFUND}


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office.serving() as post:
        yield post


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> type[Demo]:
    return getattr(request, "param", Demo)


@pytest.fixture
def services(services: Services, post: Post, platform: type[Demo]) -> Services:
    return replace(services, mail=open_transport(post.url), platforms=Registry({"demo": platform}))


def opened(services: Services, store: Store, order_id: int, request: ReturnRequest) -> Return:
    with at(services, store) as session:
        return open_return(session, store, order_id, request, SHOPPER, now=services.clock())


def take_in(services: Services, store: Store, *found: ItemInspection) -> None:
    """Let Agnes receive and inspect the one return there is."""
    with at(services, store) as session:
        rma = lifecycle.find_return(session, store.id, the_return(services, store).id)
        lifecycle.receive(session, store, rma, AGNES, now=services.clock())
        lifecycle.inspect(session, store, rma, found, AGNES, now=services.clock())


def items(services: Services, store: Store) -> list[int]:
    with at(services, store) as session:
        return [item.id for item in lifecycle.items_of(session, the_return(services, store))]


def happened(services: Services, store: Store) -> list[str]:
    with at(services, store) as session:
        return list(session.scalars(sa.select(OrderEvent.kind).order_by(OrderEvent.id)))


def test_a_plain_refund_goes_from_the_request_to_the_money(
    services: Services, store: Store, world: World, worker: Worker, post: Post
) -> None:
    set_policy(services, store, **ACCEPTS)
    rma = opened(services, store, place(services, store, world, worker), ONE_MUG)
    assert (rma.rma, rma.status, rma.quoted) == ("RMA-1001", "approved", 334)
    worker.run_until_idle()
    take_in(services, store)
    assert the_return(services, store).status == "received"
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, money.amount, money.paid, money.platform_ref) == ("issued", 334, 334, "refund-1")
    assert the_return(services, store).status == "closed"
    order = world.order("1")
    assert order is not None
    assert [(refund.amount, refund.key) for refund in order.refunds] == [(334, money.key)]
    assert letters(services, store) == [
        ("return_approved", "sent"),
        ("return_received", "sent"),
        ("refund_issued", "sent"),
    ]
    assert "3.34" in text_of(post.received[-1])
    assert [note for note in happened(services, store) if not note.startswith("told_")] == [
        "return_requested",
        "return_approved",
        "return_received",
        "return_inspected",
        "issued_refund",
    ]


def test_what_does_not_pass_the_inspection_is_not_paid_and_said(
    services: Services, store: Store, world: World, worker: Worker, post: Post
) -> None:
    set_policy(services, store, **ACCEPTS)
    opened(
        services, store, place(services, store, world, worker), ReturnRequest((RequestedLine("l1", 3, "too_small"),))
    )
    with pytest.raises(ReasonNeeded):
        take_in(services, store, ItemInspection(items(services, store)[0], accepted=2))
    take_in(services, store, ItemInspection(items(services, store)[0], 2, "used", note="One has a crack."))
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.amount, money.state) == (667, "issued")
    said = text_of(post.received[-1])
    assert "One has a crack." in said
    assert "6.67" in said
    with at(services, store) as session:  # the one that stayed may be asked for again
        again = open_return(session, store, money.order_id, ONE_MUG, SHOPPER, now=services.clock())
        assert again.quoted == 333


def test_nothing_that_passes_is_a_refusal_in_writing(
    services: Services, store: Store, world: World, worker: Worker, post: Post
) -> None:
    set_policy(services, store, **ACCEPTS)
    opened(services, store, place(services, store, world, worker), LAMP)
    take_in(services, store, ItemInspection(items(services, store)[0], 0, "damaged", note="The shade is broken."))
    worker.run_until_idle()
    assert the_return(services, store).status == "declined"
    assert the_money(services, store) == []
    (refusal,) = [mail for mail in post.received if mail["X-Aftercare-Kind"] == "return_declined"]
    assert "The shade is broken." in text_of(refusal)


def test_an_exchange_sends_the_other_thing_and_moves_no_money(
    services: Services, store: Store, world: World, worker: Worker, post: Post
) -> None:
    set_policy(services, store, **ACCEPTS)
    world.shelve("p2-large", 5000, product="p2", title="large")
    request = ReturnRequest((RequestedLine("l2", 1, "too_small", "exchange", exchange_for="p2-large"),))
    opened(services, store, place(services, store, world, worker), request)
    take_in(services, store)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.kind, money.state, money.amount) == ("exchange", "issued", 5000)
    assert money.exchange == [{"line": "l2", "variant": "p2-large", "quantity": 1, "title": "p2-large", "price": None}]
    sent = world.order(money.platform_ref)
    assert sent is not None
    assert [(line.variant, line.quantity) for line in sent.lines] == [("large", 1)]
    assert letters(services, store)[-1] == ("exchange_ready", "sent")
    approved, ready = (
        next(text_of(mail) for mail in post.received if mail["X-Aftercare-Kind"] == kind)
        for kind in ("return_approved", "exchange_ready")
    )
    assert "We write to you when your exchange is ready." in approved
    assert "50.00" not in approved + ready
    assert "Lamp" not in ready
    assert the_return(services, store).status == "closed"


def test_one_return_may_bring_money_and_store_credit_that_add_up(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS)
    both = ReturnRequest((RequestedLine("l1", 2, "too_small"), RequestedLine("l1", 1, "too_small", "store_credit")))
    rma = opened(services, store, place(services, store, world, worker), both)
    assert rma.quoted == 1000
    take_in(services, store)
    worker.run_until_idle()
    assert [(one.kind, one.amount, one.state) for one in the_money(services, store)] == [
        ("refund", 667, "issued"),
        ("store_credit", 333, "issued"),
    ]
    assert the_return(services, store).status == "closed"


def test_who_may_keep_it_sends_nothing_back(
    services: Services, store: Store, world: World, worker: Worker, post: Post
) -> None:
    set_policy(services, store, **ACCEPTS, refund_when="arrival")
    request = ReturnRequest((RequestedLine("l1", 1, "too_small", "keep"),))
    rma = opened(services, store, place(services, store, world, worker), request)
    assert (rma.reception, rma.return_by) == ("kept", None)
    worker.run_until_idle()
    assert [(one.amount, one.state, one.restock) for one in the_money(services, store)] == [(334, "issued", [])]
    assert the_return(services, store).status == "closed"


def test_a_guest_withdraws_in_two_steps_and_has_a_receipt_at_once(
    services: Services, store: Store, world: World, worker: Worker, post: Post, clock: Clock
) -> None:
    order_id = place(services, store, world, worker)
    with at(services, store) as session:
        row = declare.start(session, store, order_id, {}, now=clock())
    worker.run_until_idle()
    assert (row.state, row.number, row.whole, post.received) == ("started", "WD-1001", True, [])
    clock.forward(minutes=2)
    with at(services, store) as session:
        row = declare.confirm(session, store, row.id, now=clock())
        assert declare.confirm(session, store, row.id, now=clock()).declared_at == row.declared_at
    worker.run_until_idle()
    said = text_of(post.only())
    assert hashlib.sha256(row.receipt.encode()).hexdigest() == row.receipt_hash
    assert row.receipt_hash in said.replace("\n", "").replace(" ", "")
    assert all(line in said for line in ("3 × Mug", "1 × Lamp", "Declared: 2026-11-18 14:02:00 +0200"))
    with at(services, store) as session:
        mine, _ = declare.find_withdrawal(session, store.id, row.id)
        assert (mine.state, mine.refund_due, mine.send_back_by) == (
            "acknowledged",
            date(2026, 12, 2),
            date(2026, 12, 2),
        )
        assert declare.is_known_receipt(session, row.receipt_hash) == row.declared_at
        clock.forward(days=4)
        declare.record_goods_back(session, store, mine, AGNES, now=clock())
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.amount, money.state, money.due) == (6490, "issued", date(2026, 12, 2))  # the shipping with it
    with at(services, store) as session:
        assert declare.find_withdrawal(session, store.id, row.id)[0].state == "reimbursed"


def test_an_order_that_has_not_left_is_canceled_at_the_store_and_paid_back_whole(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS)
    order_id = place(services, store, world, worker, bought(shipped=False))
    with at(services, store) as session:
        rma = request_cancellation(session, store, order_id, SHOPPER, now=services.clock())
        assert request_cancellation(session, store, order_id, SHOPPER, now=services.clock()) is rma
        assert (rma.status, rma.quoted) == ("requested", 6490)  # a person looks first, as the policy's `cancel` says
    with at(services, store) as session:
        mine = lifecycle.find_return(session, store.id, rma.id)
        lifecycle.decide(session, store, mine, AGNES, "approve", now=services.clock())
    worker.run_until_idle()
    order = world.order("1")
    assert order is not None
    assert order.state is OrderState.CANCELED
    assert [refund.amount for refund in order.refunds] == [6490]
    assert [kind for kind, _ in letters(services, store)] == ["cancel_requested", "order_canceled", "refund_issued"]
    assert the_return(services, store).status == "closed"


def test_what_has_left_is_not_canceled_but_can_come_back(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS, cancel="accept")
    order_id = place(services, store, world, worker, bought(delivered=False))
    with at(services, store) as session, pytest.raises(CannotCancel) as refused:
        request_cancellation(session, store, order_id, SHOPPER, now=services.clock())
    assert refused.value.code == "shipped"


def test_an_agent_above_the_limit_asks_and_the_owner_approves(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, otherwise="review")
    store = set_return_settings(services, store, agent_limit=2000)
    rma = opened(
        services, store, place(services, store, world, worker), ReturnRequest((RequestedLine("l2", 1, "too_small"),))
    )
    now = services.clock()
    with at(services, store) as session:
        mine = lifecycle.find_return(session, store.id, rma.id)
        with pytest.raises(AboveLimit) as refused:
            lifecycle.decide(session, store, mine, AGNES, "approve", now=now)
        assert (refused.value.limit, refused.value.amount) == (2000, 5000)
        lifecycle.ask_approval(session, mine, AGNES, now=now)
    assert (the_return(services, store).status, the_return(services, store).approval_asked_by) == ("requested", "Agnes")
    with at(services, store) as session:
        mine = lifecycle.find_return(session, store.id, rma.id)
        lifecycle.decide(session, store, mine, MAX, "approve", now=now)
        noted = session.execute(sa.select(AuditEntry.subject, AuditEntry.what).order_by(AuditEntry.id)).all()
    assert ("return:RMA-1001", "ask_approval") in noted
    assert ("return:RMA-1001", "approve") in noted


@pytest.mark.parametrize("platform", [Forgetful], indirect=True)
def test_a_refund_whose_answer_got_lost_is_found_and_not_paid_again(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    Forgetful.answers_lost = 1
    set_policy(services, store, **ACCEPTS, refund_when="approval")
    opened(services, store, place(services, store, world, worker), LAMP)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, money.asked_at) == ("pending", clock())
    clock.forward(hours=1)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, money.paid) == ("issued", 5000)
    order = world.order("1")
    assert order is not None
    assert [refund.amount for refund in order.refunds] == [5000]
    assert [kind for kind, _ in letters(services, store)].count("refund_issued") == 1


@pytest.mark.parametrize("platform", [Forgetful], indirect=True)
def test_a_refund_whose_answer_got_lost_is_found_although_the_store_may_refund_no_more(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    Forgetful.answers_lost = 1
    set_policy(services, store, **ACCEPTS, refund_when="approval")
    opened(services, store, place(services, store, world, worker), LAMP)
    worker.run_until_idle()
    world.play(missing={"refund": {"why": "scope"}})
    with at(services, store) as session:
        features.keep_missing(session, store.id, world.missing)
    clock.forward(hours=1)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, money.paid, money.obstacle) == ("issued", 5000, "")


@pytest.mark.parametrize("platform", [Overtaken], indirect=True)
def test_a_refund_that_was_paid_by_hand_while_its_job_began_is_not_asked_for(
    services: Services, store: Store, world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pay_by_hand() -> None:
        with at(services, store) as session:
            jobs = session.scalars(sa.select(Job.kind).where(Job.state != "done")).all()
            if "returns.tell_platform" not in jobs:
                row = session.scalars(sa.select(ReimbursementRow)).one()
                reimburse.end(session, row, "issued", paid=row.amount, now=services.clock())

    set_policy(services, store, **ACCEPTS, refund_when="approval")
    order_id = place(services, store, world, worker)
    monkeypatch.setattr(Overtaken, "meanwhile", staticmethod(pay_by_hand))
    opened(services, store, order_id, LAMP)
    worker.run_until_idle()
    order = world.order("1")
    assert order is not None
    assert ([one.state for one in the_money(services, store)], order.refunds) == (["issued"], ())


@pytest.mark.parametrize("platform", [Forgetful], indirect=True)
def test_a_refund_whose_answer_got_lost_is_seen_in_what_the_store_says_next(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    Forgetful.answers_lost = 1
    set_policy(services, store, **ACCEPTS, refund_when="approval")
    order_id = place(services, store, world, worker)
    opened(services, store, order_id, LAMP)
    worker.run_until_idle()
    with at(services, store) as session:
        order = session.get(Order, (store.id, order_id))
        assert order is not None
        lifecycle.events.request_order_refresh(session, order, now=services.clock())
    worker.run_until_idle()
    assert [(one.state, one.paid, one.platform_ref) for one in the_money(services, store)] == [
        ("issued", 5000, "refund-1")
    ]


@pytest.mark.parametrize("platform", [Stubborn], indirect=True)
def test_a_refusal_is_shown_in_the_store_s_words_and_can_be_tried_again(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS, refund_when="approval")
    opened(services, store, place(services, store, world, worker), LAMP)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, money.sentence) == ("failed", "This card was closed.")
    assert the_return(services, store).reimbursement == "failed"
    with at(services, store) as session:
        assert session.scalars(sa.select(Case.kind)).all() == ["refund_failed"]
        row = session.merge(money)
        reimburse.retry(session, row, now=services.clock())
    worker.run_until_idle()
    assert the_money(services, store)[0].state == "failed"
    with at(services, store) as session:
        row = session.merge(the_money(services, store)[0])
        reimburse.mark_paid(session, row, reason="Sent by bank transfer.", now=services.clock())
    assert the_return(services, store).reimbursement == "issued"
    worker.run_until_idle()
    with at(services, store) as session:
        assert session.execute(sa.select(Case.kind, Case.state)).all() == [("refund_failed", "closed")]


@pytest.mark.parametrize("platform", [Locked], indirect=True)
def test_a_refund_that_meets_a_locked_door_waits_until_the_store_is_connected_again(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    set_policy(services, store, **ACCEPTS, refund_when="approval")
    opened(services, store, place(services, store, world, worker), LAMP)
    for _ in range(10):
        worker.run_until_idle()
        clock.forward(minutes=1)
    (money,) = the_money(services, store)
    assert (money.state, money.sentence) == ("pending", "")
    with at(services, store) as session:
        assert session.scalars(sa.select(Case.kind)).all() == []
        job = session.scalars(sa.select(Job).where(Job.kind == "returns.reimburse")).one()
        assert (job.state, session.get_one(Store, store.id).state) == ("paused", "closed")


@pytest.mark.parametrize("platform", [Picky], indirect=True)
def test_a_store_that_refuses_its_keys_for_refunds_alone_stays_open_and_the_refund_has_failed(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    set_policy(services, store, **ACCEPTS, refund_when="approval")
    opened(services, store, place(services, store, world, worker), LAMP)
    for _ in range(30):
        worker.run_until_idle()
        clock.forward(minutes=1)
    (money,) = the_money(services, store)
    assert (money.state, money.sentence) == ("failed", "This key may not refund.")
    with at(services, store) as session:
        assert session.get_one(Store, store.id).state == "open"


@pytest.mark.parametrize("platform", [Rounding], indirect=True)
def test_an_amount_that_reads_back_otherwise_calls_a_person(
    services: Services, store: Store, world: World, worker: Worker, post: Post
) -> None:
    set_policy(services, store, **ACCEPTS, refund_when="approval")
    opened(services, store, place(services, store, world, worker), LAMP)
    worker.run_until_idle()
    assert [(one.amount, one.paid, one.state) for one in the_money(services, store)] == [(5000, 5001, "issued")]
    with at(services, store) as session:
        assert session.scalars(sa.select(Case.kind)).all() == ["paid_otherwise"]
    assert "paid_otherwise" in happened(services, store)
    assert "50.01" in text_of(post.received[-1])  # what was really paid


@pytest.mark.parametrize("platform", [ByHand], indirect=True)
def test_where_no_platform_pays_staff_do_and_the_money_is_recognized(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    set_policy(services, store, **ACCEPTS, refund_when="approval")
    order = bought(admin_url="https://shop.example/admin/1")
    order_id = place(services, store, world, worker, order)
    opened(services, store, order_id, LAMP)
    worker.run_until_idle()
    (money,) = the_money(services, store)
    assert (money.state, money.link) == ("needs_staff", "https://shop.example/admin/1")
    later = clock.forward(hours=2)
    small, right = RefundSnapshot("h1", 100, later), RefundSnapshot("h2", 5000, later)
    for refunds in ((small,), (small, right)):
        world.put(replace(order, refunds=refunds, updated_at=clock.forward(minutes=1)))
        with at(services, store) as session:
            row = session.get(Order, (store.id, order_id))
            assert row is not None
            lifecycle.events.request_order_refresh(session, row, now=clock())
        worker.run_until_idle()
    assert [(one.state, one.platform_ref) for one in the_money(services, store)] == [("issued", "h2")]
    assert the_return(services, store).reimbursement == "issued"


def test_of_two_who_approve_at_once_the_second_sees_who_was_first(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, otherwise="review", refund_when="approval")
    rma = opened(services, store, place(services, store, world, worker), ONE_MUG)
    outcomes: list[str] = []

    def approve(by: lifecycle.Actor) -> None:
        try:
            with services.db.transaction(store.id) as session:
                mine = lifecycle.find_return(session, store.id, rma.id)
                lifecycle.decide(session, store, mine, by, "approve", now=services.clock())
            outcomes.append("done")
        except IllegalMove:
            with services.db.transaction(store.id, write=False) as session:
                outcomes.append(session.scalars(sa.select(Return.decided_by)).one())

    both = [threading.Thread(target=approve, args=(by,)) for by in (AGNES, MAX)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(outcomes) in (["Agnes", "done"], ["Max", "done"])
    worker.run_until_idle()
    assert [(one.amount, one.state) for one in the_money(services, store)] == [(334, "issued")]


def test_sixteen_who_ask_for_one_line_at_once_never_get_more_than_was_bought(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS)
    order_id = place(services, store, world, worker)
    given: list[int] = []

    def ask(which: int) -> None:
        request = ReturnRequest((RequestedLine("l1", 1, "too_small"),), comment=f"Try {which}")
        try:
            with services.db.transaction(store.id) as session:
                given.append(open_return(session, store, order_id, request, SHOPPER, now=services.clock()).quoted)
        except ReturnNotAllowed:
            given.append(0)

    tries = [threading.Thread(target=ask, args=(which,)) for which in range(16)]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    assert sorted(given) == [0] * 13 + [333, 333, 334]


def test_the_same_request_twice_within_a_moment_is_one(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    set_policy(services, store, **ACCEPTS)
    order_id = place(services, store, world, worker)
    first, second = opened(services, store, order_id, ONE_MUG), opened(services, store, order_id, ONE_MUG)
    clock.forward(minutes=5)
    third = opened(services, store, order_id, ONE_MUG)
    assert first.id == second.id != third.id
