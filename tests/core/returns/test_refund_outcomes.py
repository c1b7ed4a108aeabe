"""What a refund, a credit, an exchange or a cancellation can turn out to be at different platforms."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app
from core.changes.apply import apply_orders
from core.conversations.model import Case
from core.i18n.words import Words
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.orders.messages.notice import Notice
from core.orders.model import Order, OrderEvent
from core.platform.sample import World
from core.platform.snapshots import OrderState, RefundLine, RefundSnapshot
from core.returns import events
from core.returns.mail import letters as letter_forms
from core.returns.mail import send_letters
from core.returns.model import Reimbursement
from core.returns.money import cancel_order, order_balance, payout, reimburse
from core.returns.presenter import progress
from core.returns.presenter.reader_context import reader_context_for
from core.returns.requests import lifecycle
from core.returns.requests.canceling import request_cancellation
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest, open_return
from core.services import Services
from core.stores.connection import features
from core.stores.model import Store
from tests.conftest import NOON, Clock
from tests.core.returns.seed import (
    ACCEPTS,
    AGNES,
    LAMP,
    MUGS,
    POST,
    at,
    bought,
    letters,
    place,
    set_policy,
    set_return_settings,
    the_money,
    the_return,
)
from tests.core.shipping.seed import sign_in

UNRECORDED = {"records_refunds": {"why": "version"}}


def returned(
    services: Services, store: Store, world: World, worker: Worker, *lines: RequestedLine, rma_wish: str = "refund"
) -> None:
    """Let Ann send back a lamp, or these lines, for money or something else; all is accepted and due at once."""
    set_policy(services, store, **ACCEPTS, refund_when="approval")
    order_id = place(services, store, world, worker)
    wanted = lines or (RequestedLine("l2", 1, "too_small", rma_wish),)  # type: ignore[arg-type]
    with at(services, store) as session:
        open_return(session, store, order_id, ReturnRequest(wanted), SHOPPER, now=services.clock())
    worker.run_until_idle()


def learn_missing(services: Services, store: Store, world: World, **missing: dict[str, str]) -> None:
    """Have the sample store lack something, and the core know it, as after a check of the connection."""
    world.play(missing=missing)
    with at(services, store) as session:
        features.keep_missing(session, store.id, world.missing)


def return_page(services: Services, store: Store) -> str:
    client: FlaskClient = create_app(services.config, services=services).test_client()
    sign_in(services, store, client)
    return client.get(f"/admin/{store.key}/returns/{the_return(services, store).id}").text


def event_kinds(services: Services, store: Store) -> list[str]:
    with at(services, store) as session:
        return list(session.scalars(sa.select(OrderEvent.kind).order_by(OrderEvent.id)))


def cases(services: Services, store: Store) -> list[tuple[str, str]]:
    with at(services, store) as session:
        return [tuple(row) for row in session.execute(sa.select(Case.kind, Case.state).order_by(Case.id))]


def credit_letter(services: Services, store: Store) -> str:
    """What the letter about the store credit says."""
    with at(services, store) as session:
        notice = session.scalars(sa.select(Notice).where(Notice.kind == "store_credit_issued")).one()
        order = session.scalars(sa.select(Order)).one()
        return send_letters.compose(session, services, store, order, notice, services.clock()).text


def shopper_sentence(services: Services, store: Store, money: Reimbursement) -> str:
    reader = reader_context_for(store, Words("en"), services.clock())
    return progress.money_sentence(reader, money, gift=False)


# A refund the platform can only note.


def test_a_refund_paid_elsewhere_is_not_asked_of_a_platform_that_cannot_note_it(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_return_settings(services, store, through_gateway=False)
    learn_missing(services, store, world, **UNRECORDED)
    returned(services, store, world, worker)
    (money,) = the_money(services, store)
    assert (money.state, money.obstacle, money.asked_at, money.tries) == ("needs_staff", "not_recorded", None, 1)
    order = world.order("1")
    assert order is not None
    assert order.refunds == ()
    assert "this store cannot note such a refund" in return_page(services, store)
    with at(services, store) as session:
        row = session.merge(money)
        reimburse.mark_paid(session, row, reason="By bank transfer.", now=services.clock())
    assert the_return(services, store).reimbursement == "issued"


def test_a_platform_that_notes_refunds_is_asked_to_note_it(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_return_settings(services, store, through_gateway=False)
    returned(services, store, world, worker)
    (money,) = the_money(services, store)
    assert (money.state, money.obstacle, money.platform_ref) == ("needs_staff", "", "refund-1")


def test_a_store_that_lacks_the_feature_leaves_the_money_to_staff_in_words(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    learn_missing(services, store, world, refund={"why": "scope"})
    returned(services, store, world, worker)
    (money,) = the_money(services, store)
    assert (money.state, money.obstacle, money.asked_at) == ("needs_staff", "no_feature", None)
    assert "This store cannot do that for us" in return_page(services, store)


# Amounts that the platform reckons itself.


def test_lines_that_the_platform_divides_otherwise_are_kept_and_told_to_staff(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(shifts=7)
    returned(services, store, world, worker, RequestedLine("l1", 1, "too_small"), RequestedLine("l2", 1, "too_small"))
    (money,) = the_money(services, store)
    assert (money.state, money.amount, money.paid) == ("issued", 5334, 5334)
    assert {part["ref"]: part["net"] for part in money.booked} == {"l1": 327, "l2": 5007}
    assert "booked_otherwise" in event_kinds(services, store)
    assert "paid_otherwise" not in event_kinds(services, store)
    assert cases(services, store) == []
    assert "divided this otherwise among the lines" in return_page(services, store)


def test_the_balance_goes_by_what_was_booked_before_the_order_is_read_again(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(shifts=7)
    returned(services, store, world, worker, RequestedLine("l1", 1, "too_small"), RequestedLine("l2", 1, "too_small"))
    with at(services, store) as session:
        order = session.scalars(sa.select(Order)).one()
        order.refunds = []
        session.flush()
        bought_now = {line.ref: line for line in order_balance.read_balance(session, order).bought.lines}
        assert (bought_now["l1"].refunded_total, bought_now["l2"].refunded_total) == (327, 5007)


def test_an_amount_that_the_platform_reckons_itself_is_issued_and_told_to_staff(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(shifts=3)
    returned(services, store, world, worker)
    (money,) = the_money(services, store)
    assert (money.state, money.amount, money.paid) == ("issued", 5000, 4997)
    assert cases(services, store) == [("paid_otherwise", "open")]


def test_lines_booked_as_asked_are_no_news(services: Services, store: Store, world: World, worker: Worker) -> None:
    returned(services, store, world, worker)
    assert the_money(services, store)[0].booked == []
    assert "booked_otherwise" not in event_kinds(services, store)


def test_units_refunded_at_the_store_meanwhile_leave_the_others_to_be_paid(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS, refund_when="inspection")
    order_id = place(services, store, world, worker)
    with at(services, store) as session:
        wanted = ReturnRequest((RequestedLine("l1", 3, "too_small"),))
        rma = open_return(session, store, order_id, wanted, SHOPPER, now=services.clock())
    mug = RefundSnapshot("r1", 334, services.clock(), lines=(RefundLine("l1", 1, 334),))
    lines = (replace(MUGS, removed=1), LAMP, POST)
    with at(services, store) as session:
        order = bought(lines=lines, refunds=(mug,), updated_at=services.clock())
        apply_orders(session, services, store, [order], asked_at=services.clock(), now=services.clock())
    with at(services, store) as session:
        mine = lifecycle.find_return(session, store.id, rma.id)
        payout.pay_now(session, store, mine, by="Max", now=services.clock())
    assert [money.amount for money in the_money(services, store)] == [666]


# Canceling takes its time.


def cancel(services: Services, store: Store, world: World, worker: Worker) -> None:
    """Ask to cancel an order that has not left, and approve it."""
    set_policy(services, store, **ACCEPTS)
    order_id = place(services, store, world, worker, bought(shipped=False))
    with at(services, store) as session:
        rma = request_cancellation(session, store, order_id, SHOPPER, now=services.clock())
    with at(services, store) as session:
        mine = lifecycle.find_return(session, store.id, rma.id)
        lifecycle.decide(session, store, mine, AGNES, "approve", now=services.clock())
    worker.run_until_idle()


def finish_canceling(services: Services, world: World) -> None:
    order = world.order("1")
    assert order is not None
    now = services.clock()
    world.put(replace(order, state=OrderState.CANCELED, status="canceled", canceled_at=now, updated_at=now))


def test_an_order_that_is_being_canceled_is_paid_back_once_the_store_says_it_is(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    world.play(cancel="pending")
    cancel(services, store, world, worker)
    assert the_money(services, store) == []
    assert [kind for kind, _ in letters(services, store)] == ["cancel_requested"]
    clock.forward(minutes=1)
    worker.run_until_idle()
    assert the_money(services, store) == []
    finish_canceling(services, world)
    clock.forward(minutes=2)
    worker.run_until_idle()
    assert [money.state for money in the_money(services, store)] == ["issued"]
    assert [kind for kind, _ in letters(services, store)] == ["cancel_requested", "order_canceled", "refund_issued"]
    assert cases(services, store) == []


def test_a_cancellation_that_never_ends_is_left_to_staff_without_paying(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    world.play(cancel="pending")
    cancel(services, store, world, worker)
    for pause in cancel_order.LOOKS:
        clock.now += pause
        worker.run_until_idle()
    assert the_money(services, store) == []
    assert cases(services, store) == [("cancel_failed", "open")]
    with at(services, store) as session:
        stuck = session.scalars(sa.select(Job).where(Job.state == "stuck")).all()
        assert [(job.kind, job.reason) for job in stuck] == [("returns.cancel_order", cancel_order.STILL_OPEN)]


def test_a_store_that_will_not_cancel_says_why_and_staff_who_cancel_there_let_it_go_on(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    world.play(cancel="needs_staff")
    cancel(services, store, world, worker)
    assert the_money(services, store) == []
    assert cases(services, store) == [("cancel_failed", "open")]
    with at(services, store) as session:
        reason = session.scalars(sa.select(Job.reason).where(Job.state == "stuck")).one()
    assert reason.startswith("This order is being packed.")
    finish_canceling(services, world)
    with at(services, store) as session:
        events.request_order_refresh(session, Order(store_id=store.id, ref="1"), now=services.clock())
    worker.run_until_idle()
    assert [money.state for money in the_money(services, store)] == ["issued"]
    assert cases(services, store) == [("cancel_failed", "closed")]


def test_a_look_at_a_canceled_order_is_promised_once(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    world.play(cancel="needs_staff")
    cancel(services, store, world, worker)
    finish_canceling(services, world)
    with at(services, store) as session:
        order = session.scalars(sa.select(Order)).one()
        order.canceled_at = services.clock()
        session.flush()
        for _ in range(2):
            cancel_order.look_at_canceled(session, [order.id], now=services.clock())
    worker.run_until_idle()
    assert [money.state for money in the_money(services, store)] == ["issued"]


def test_an_order_canceled_at_a_time_the_store_does_not_say_is_paid_back(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(cancel="needs_staff")
    cancel(services, store, world, worker)
    now = services.clock()
    order = bought(shipped=False, state=OrderState.CANCELED, status="canceled", canceled_at=None, updated_at=now)
    world.put(order)
    with at(services, store) as session:
        apply_orders(session, services, store, [order], asked_at=now, now=now)
    worker.run_until_idle()
    assert [money.state for money in the_money(services, store)] == ["issued"]


@pytest.mark.parametrize("refunded", [0, 2000])
def test_an_order_whose_store_counts_what_was_canceled_as_removed_is_paid_back_what_was_not_given_back(
    services: Services, store: Store, world: World, worker: Worker, refunded: int
) -> None:
    world.play(cancel="pending")
    cancel(services, store, world, worker)
    finish_canceling(services, world)
    order = world.order("1")
    assert order is not None
    lines = tuple(replace(line, removed=line.quantity if line.kind != "shipping" else 0) for line in order.lines)
    given = (RefundSnapshot("r1", refunded, services.clock()),) if refunded else ()
    world.put(replace(order, lines=lines, refunds=given))
    with at(services, store) as session:
        events.request_order_refresh(session, Order(store_id=store.id, ref="1"), now=services.clock())
    worker.run_until_idle()
    assert [(money.amount, money.state) for money in the_money(services, store)] == [(6490 - refunded, "issued")]


def test_a_cancellation_that_is_taken_up_again_is_asked_of_the_store_again(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    world.play(cancel="needs_staff")
    cancel(services, store, world, worker)
    world.play(cancel="done")
    for verb, more in (
        (lifecycle.decide, (AGNES, "decline")),
        (lifecycle.reopen, (AGNES,)),
        (lifecycle.decide, (AGNES, "approve")),
    ):
        with at(services, store) as session:
            mine = lifecycle.find_return(session, store.id, the_return(services, store).id)
            of = (store,) if verb is lifecycle.decide else ()
            verb(session, *of, mine, *more, note="She called.", now=clock.forward(minutes=1))  # type: ignore[operator]
    worker.run_until_idle()
    assert [(money.amount, money.state) for money in the_money(services, store)] == [(6490, "issued")]
    assert cases(services, store) == [("cancel_failed", "closed")]


# A credit is a code or a balance; an exchange is another order or the same.


def test_a_store_credit_in_an_account_is_told_without_a_code(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    world.play(credit="account")
    returned(services, store, world, worker, rma_wish="store_credit")
    (money,) = the_money(services, store)
    assert (money.state, money.credit) == ("issued", "account")
    mail = credit_letter(services, store)
    assert money.platform_ref not in mail
    assert "kept with your account" in mail
    assert "was added to your account at the store" in shopper_sentence(services, store, money)


def test_a_store_credit_that_is_a_code_is_told_with_it(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    returned(services, store, world, worker, rma_wish="store_credit")
    (money,) = the_money(services, store)
    assert (money.state, money.credit) == ("issued", "code")
    mail = credit_letter(services, store)
    assert money.platform_ref in mail
    assert "Enter this code" in mail
    assert "was mailed to you" in shopper_sentence(services, store, money)


@pytest.mark.parametrize("language", ["vi", "zh", "th", "lt", "ar"])
def test_both_sentences_about_a_credit_are_in_every_language(language: str) -> None:
    facts = letter_forms.ReturnLetter(today=NOON.date(), store_name="Linden", order_number="1042")
    english = letter_forms.write("store_credit_issued", facts, "en").text
    account = letter_forms.write("store_credit_issued", facts, language).text
    code = letter_forms.write("store_credit_issued", replace(facts, credit_code="CREDIT-7"), language).text
    assert "CREDIT-7" in code
    assert "CREDIT-7" not in account
    assert len({english, account, code}) == 3
    assert "kept with your account" not in account


@pytest.mark.parametrize("same", [True, False])
def test_an_exchange_that_goes_out_with_the_order_names_no_other(
    services: Services, store: Store, world: World, worker: Worker, same: bool
) -> None:
    if same:
        world.play(exchange="same_order")
    returned(services, store, world, worker, rma_wish="exchange")
    (money,) = the_money(services, store)
    order = world.order("1")
    assert order is not None
    assert (money.state, bool(money.platform_ref), world.count("order")) == ("issued", not same, 1 if same else 2)
    assert [line.title for line in order.lines] == ["Mug", "Lamp", "Shipping", *(["Lamp"] if same else [])]
    assert ("It goes out with the same order." in return_page(services, store)) is same
    with at(services, store) as session:
        kept = session.scalars(sa.select(Order).where(Order.ref == "1")).one()
        assert order_balance.read_balance(session, kept).bought.refunded == 5000
