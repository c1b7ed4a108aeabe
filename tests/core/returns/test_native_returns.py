"""Returns that the platform keeps itself, in step with ours both ways: moves told, moves made there, money, mail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.changes.apply import apply_orders
from core.conversations.model import Case
from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.native_returns import Disposition, ExchangeLine, ReturnLine, ReturnSnapshot, ReturnState
from core.platform.registry import Registry
from core.platform.sample import World
from core.platform.samples.returns_book import NativeReturns, ReturnsBook
from core.platform.snapshots import OrderSnapshot, RefundLine
from core.privacy import personal_data
from core.returns.model import Reimbursement, Return, ReturnItem
from core.returns.money import payout
from core.returns.native.platform_moves import move_of
from core.returns.requests import lifecycle, return_terms
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER, ItemInspection
from core.returns.requests.opening import ReturnRequest, open_return
from core.services import Services
from core.stores.model import Store
from tests.conftest import NOON, Clock
from tests.core.returns.seed import (
    MAX,
    at,
    letters,
    place,
    set_policy,
    set_return_settings,
    the_money,
    the_return,
)
from tests.core.returns.visit import Visit
from tests.core.samples import deliver
from tests.core.shipping.seed import sign_in

MUG = ReturnLine("l1", 1, "too_small", raw_reason="SIZE_TOO_SMALL", note="Too small for tea.")


class Shop:
    """Ann's order at a store that keeps returns itself, Max at the desk, and what its staff do over there."""

    def __init__(self, services: Services, store: Store, world: World, worker: Worker, clock: Clock) -> None:
        self.services, self.store, self.world, self.worker, self.clock = services, store, world, worker, clock
        self.book = ReturnsBook(world)
        set_policy(services, store, otherwise="review", refund_when="inspection")
        self.order_id = place(services, store, world, worker)

    def ask(self, *lines: RequestedLine) -> int:
        """Let Ann ask for a return here; nothing is told to the platform yet."""
        with at(self.services, self.store) as session:
            request = ReturnRequest(lines or (RequestedLine("l1", 1, "too_small"),))
            return open_return(session, self.store, self.order_id, request, SHOPPER, now=self.clock()).id

    def act(self, verb: Callable[..., Any], *args: Any, of_store: bool = True, **more: Any) -> None:
        """Let Max do something with the one return; nothing is told to the platform yet."""
        with at(self.services, self.store) as session:
            rma = lifecycle.find_return(session, self.store.id, self.rma.id)
            verb(session, *((self.store,) if of_store else ()), rma, *args, now=self.clock.forward(minutes=1), **more)

    def approve(self) -> None:
        self.act(lifecycle.decide, MAX, "approve", note="Yes.")

    def receive(self) -> None:
        self.act(lifecycle.receive, MAX)

    def inspect(self, *found: ItemInspection) -> None:
        self.act(lifecycle.inspect, found, MAX)

    def work(self) -> None:
        """Let the workers do what is promised."""
        self.worker.run_until_idle()

    def tell(self) -> None:
        """Let the platform be told how the return stands, whether or not anything changed."""
        id_ = self.rma.id
        with at(self.services, self.store) as session:
            again = NewJob("returns.tell_platform", f"return:{id_}", {"id": id_})
            queue.enqueue(session, self.store.id, again, now=self.clock())
        self.work()

    def read(self) -> None:
        """Let us read the order again, as by a webhook."""
        with at(self.services, self.store) as session:
            news = NewJob("changes.refresh_order", "order:1", {"ref": "1"})
            queue.enqueue(session, self.store.id, news, now=self.clock.forward(minutes=1))
        self.work()

    def begin(self, *lines: ReturnLine, state: ReturnState = ReturnState.REQUESTED, **facts: Any) -> str:
        """Let a return begin at the platform; give its ref."""
        return self.book.begin("1", lines or (MUG,), state=state, now=self.clock.forward(minutes=1), **facts).ref

    def move(self, ref: str, state: ReturnState, **facts: Any) -> None:
        """Let staff move a return at the platform."""
        self.book.move(ref, state, now=self.clock.forward(minutes=1), **facts)

    @property
    def rma(self) -> Return:
        return the_return(self.services, self.store)

    @property
    def native(self) -> ReturnSnapshot:
        """The one return that the platform has."""
        (native,) = self.said().returns or ()
        return native

    @property
    def standing(self) -> tuple[str, str, str]:
        rma = self.rma
        return rma.acceptance, rma.reception, rma.reimbursement

    def plugin(self) -> NativeReturns:
        """The platform's object, as the core opens it."""
        return NativeReturns("linden", {"world": self.world.path}, {}, requests.Session())

    def apply(self, *snapshots: OrderSnapshot, works: bool = True) -> None:
        """Let what the store said at some time reach us, in this order."""
        for one in snapshots:
            with at(self.services, self.store) as session:
                now = self.clock.forward(minutes=1)
                apply_orders(session, self.services, self.store, [one], asked_at=now, now=now)
            if works:
                self.work()

    def said(self) -> OrderSnapshot:
        """What the store says of the order now."""
        order = self.world.order("1")
        assert order is not None
        return order

    def returns(self) -> list[Return]:
        with self.services.db.transaction(self.store.id, write=False) as session:
            return list(session.scalars(sa.select(Return).order_by(Return.id)))

    def letters(self) -> list[str]:
        return [kind for kind, _ in letters(self.services, self.store)]

    def cases(self, *, state: str = "open") -> list[str]:
        with self.services.db.transaction(self.store.id, write=False) as session:
            return list(session.scalars(sa.select(Case.kind).where(Case.state == state).order_by(Case.id)))

    def stuck(self) -> list[str]:
        with self.services.db.transaction(self.store.id, write=False) as session:
            return list(session.scalars(sa.select(Job.kind).where(Job.state == "stuck")))


@pytest.fixture
def services(services: Services) -> Services:
    return replace(services, platforms=Registry({"demo": NativeReturns}))


@pytest.fixture
def shop(services: Services, store: Store, world: World, worker: Worker, clock: Clock) -> Shop:
    return Shop(services, store, world, worker, clock)


def test_a_return_asked_for_here_is_opened_there_and_followed_to_its_end(shop: Shop) -> None:
    shop.ask()
    shop.work()
    native, rma = shop.native, shop.rma
    assert (native.state, native.raw_status, rma.native_ref) == ("requested", "REQUESTED", native.ref)
    assert [(line.line, line.quantity, line.reason) for line in native.lines] == [("l1", 1, "too_small")]
    shop.approve()
    shop.work()
    assert shop.native.state == "approved"
    shop.receive()
    shop.inspect()
    shop.work()
    assert (shop.native.state, shop.rma.status, shop.stuck()) == ("closed", "closed", [])


def test_steps_that_were_skipped_are_made_up_for_by_the_last_one(shop: Shop) -> None:
    shop.ask()
    shop.approve()
    shop.receive()
    shop.work()
    native = shop.native
    assert (native.state, native.name, shop.rma.native_ref) == ("approved", "#1042-R1", native.ref)


def test_what_was_declined_before_the_platform_heard_of_it_is_never_opened_there(shop: Shop) -> None:
    shop.ask()
    shop.act(lifecycle.decide, MAX, "decline", note="Worn.")
    shop.work()
    assert (shop.said().returns, shop.rma.native_ref, shop.stuck()) == (None, "", [])


def test_goods_that_come_before_anybody_said_yes_approve_nothing_there(shop: Shop) -> None:
    shop.ask()
    shop.receive()
    shop.work()
    assert (shop.rma.status, shop.native.state) == ("received", "requested")


def test_a_move_told_twice_is_made_once(shop: Shop) -> None:
    shop.ask()
    shop.work()
    before = shop.said()
    shop.tell()
    assert shop.said() == before


def test_a_platform_that_lost_our_answer_is_not_made_to_open_a_second_one(shop: Shop) -> None:
    shop.ask()
    with at(shop.services, shop.store) as session:
        rma = session.scalars(sa.select(Return)).one()
        move = move_of(session, rma, session.get_one(Order, (shop.store.id, shop.order_id)))
    opened = shop.plugin().move_return(move)  # and we died before we kept the answer
    shop.apply(shop.said(), works=False)
    assert shop.rma.native_ref == opened
    shop.work()
    assert [one.ref for one in shop.said().returns or ()] == [opened]


def test_one_that_keeps_no_key_of_ours_is_known_by_its_lines(shop: Shop) -> None:
    shop.ask()
    ref = shop.begin()
    shop.apply(shop.said(), works=False)
    assert [(one.native_ref, one.source) for one in shop.returns()] == [(ref, "")]


def test_other_lines_are_another_return(shop: Shop) -> None:
    shop.ask()
    shop.begin(ReturnLine("l2", 1))
    shop.apply(shop.said())
    assert sorted(one.source for one in shop.returns()) == ["", "platform"]
    assert len(shop.said().returns or ()) == 2


def test_a_return_begun_there_goes_all_the_way_to_its_refund(shop: Shop) -> None:
    ref = shop.begin()
    shop.read()
    rma = shop.rma
    assert (rma.source, rma.native_ref, rma.native_name, rma.status) == ("platform", ref, "#1042-R1", "requested")
    assert (rma.opened_by, rma.comment) == ("platform", "Too small for tea.")
    assert shop.letters() == ["return_requested"]
    shop.move(ref, ReturnState.APPROVED)
    shop.read()
    assert shop.standing == ("approved", "awaited", "none")
    shop.receive()
    shop.inspect()
    shop.work()
    assert shop.standing == ("approved", "inspected", "issued")
    (money,) = the_money(shop.services, shop.store)
    assert [(one.key, one.return_ref) for one in shop.said().refunds] == [(money.key, ref)]
    assert (shop.native.state, shop.stuck()) == ("closed", [])
    assert shop.letters() == ["return_requested", "return_approved", "return_received", "refund_issued"]


def test_a_request_there_that_the_policy_accepts_is_approved_in_both_places(shop: Shop) -> None:
    set_policy(shop.services, shop.store, otherwise="accept")
    shop.begin()
    shop.read()
    assert (shop.rma.acceptance, shop.rma.decided_by, shop.native.state) == ("approved", "policy", "approved")


def test_a_request_there_lacking_photos_that_the_policy_wants_waits_for_a_person(shop: Shop) -> None:
    set_policy(shop.services, shop.store, otherwise="accept", reasons={"too_small": {"photos": 1}})
    shop.begin()
    shop.read()
    assert (shop.rma.acceptance, shop.native.state) == ("requested", "requested")


@pytest.mark.parametrize(
    ("state", "facts", "letter"),
    [
        (ReturnState.APPROVED, {}, "return_approved"),
        (ReturnState.DECLINED, {"decline_code": "final_sale", "decline_note": "Sold as final."}, "return_declined"),
        (ReturnState.CANCELED, {}, "return_canceled"),
    ],
)
def test_a_move_made_there_is_made_here_and_not_told_back(
    shop: Shop, state: ReturnState, facts: dict[str, Any], letter: str
) -> None:
    shop.ask()
    shop.work()
    shop.move(shop.native.ref, state, **facts)
    before = shop.said()
    shop.read()
    assert (shop.rma.acceptance, shop.rma.note) == (state, facts.get("decline_note", ""))
    assert shop.letters() == ["return_requested", letter]
    shop.read()
    assert (shop.said(), shop.cases(), shop.letters()) == (before, [], ["return_requested", letter])


def test_what_the_platform_mailed_itself_is_not_mailed_again(shop: Shop) -> None:
    ref = shop.begin(mailed=("requested",))
    shop.read()
    shop.move(ref, ReturnState.APPROVED, mailed=("requested", "approved"))
    shop.read()
    assert (shop.rma.acceptance, shop.letters()) == ("approved", [])


def test_what_ended_before_we_knew_of_it_is_written_down_and_told_to_nobody(shop: Shop) -> None:
    ref = shop.begin(state=ReturnState.APPROVED)
    shop.move(ref, ReturnState.CLOSED)
    shop.read()
    assert (shop.rma.status, shop.letters(), shop.cases()) == ("closed", [], [])


def test_a_request_older_than_the_connection_waits_in_silence(shop: Shop) -> None:
    set_policy(shop.services, shop.store, otherwise="accept")
    shop.begin()
    (old,) = shop.said().returns or ()
    shop.apply(replace(shop.said(), returns=(replace(old, requested_at=NOON - timedelta(days=30)),)))
    assert (shop.rma.acceptance, shop.letters()) == ("requested", [])


def stories(shop: Shop) -> list[OrderSnapshot]:
    """What a store says of a return from its request to its end, paid there."""
    said = []
    ref = shop.begin()
    said.append(shop.said())
    shop.move(ref, ReturnState.APPROVED)
    said.append(shop.said())
    shop.book.refund(ref, 1000, now=shop.clock.forward(minutes=1), lines=(RefundLine("l1", 1, 1000),))
    said.append(shop.said())
    shop.move(ref, ReturnState.CLOSED)
    return [*said, shop.said()]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1), (3, 3, 0, 3)])
def test_news_in_any_order_and_twice_ends_alike(shop: Shop, order: tuple[int, ...]) -> None:
    said = stories(shop)
    shop.apply(*(said[one] for one in order))
    assert (*shop.standing, shop.rma.status) == ("approved", "ended", "issued", "closed")
    assert [(one.amount, one.state, one.paid) for one in the_money(shop.services, shop.store)] == [
        (1000, "issued", 1000)
    ]
    assert (len(shop.said().refunds), shop.cases(), shop.stuck()) == (1, [], [])


def test_money_paid_there_is_not_paid_here_a_second_time(shop: Shop) -> None:
    shop.ask()
    shop.work()
    shop.approve()
    shop.work()
    shop.book.refund(shop.native.ref, 1000, now=shop.clock(), lines=(RefundLine("l1", 1, 1000),))
    shop.read()
    shop.receive()
    shop.inspect()
    shop.work()
    assert (len(shop.said().refunds), shop.rma.status, shop.native.state) == (1, "closed", "closed")
    assert shop.letters().count("refund_issued") == 1


def test_part_of_the_money_paid_there_does_not_settle_the_whole(shop: Shop) -> None:
    ref = shop.begin(ReturnLine("l1", 2), state=ReturnState.APPROVED)
    shop.book.refund(ref, 1000, now=shop.clock(), lines=(RefundLine("l1", 1, 1000),))
    shop.read()
    assert shop.standing == ("approved", "awaited", "none")


def test_what_waits_for_a_person_is_paid_once_they_paid_it_there(shop: Shop) -> None:
    set_return_settings(shop.services, shop.store, through_gateway=False)
    ref = shop.begin(state=ReturnState.APPROVED)
    shop.read()
    shop.receive()
    shop.inspect()
    with at(shop.services, shop.store) as session:
        session.scalars(sa.select(Reimbursement)).one().state = "needs_staff"
    shop.book.refund(ref, 900, now=shop.clock(), lines=(RefundLine("l1", 1, 900),))
    shop.read()
    (money,) = the_money(shop.services, shop.store)
    assert (money.state, money.paid, shop.cases()) == ("issued", 900, ["paid_otherwise"])


def test_a_part_paid_there_does_not_end_what_is_promised_here(shop: Shop) -> None:
    ref = shop.begin(ReturnLine("l1", 3), state=ReturnState.APPROVED)
    shop.read()
    shop.receive()
    shop.inspect()
    shop.book.refund(ref, 334, now=shop.clock(), lines=(RefundLine("l1", 1, 334),))
    shop.apply(shop.said(), works=False)
    assert [(one.state, one.amount) for one in the_money(shop.services, shop.store)] == [("pending", 1000)]


def test_closed_there_where_the_shopper_may_keep_it_goes_on(shop: Shop) -> None:
    set_policy(shop.services, shop.store, otherwise="review", wishes=("refund", "keep"))
    shop.ask(RequestedLine("l1", 1, "too_small", "keep"))
    shop.work()
    shop.move(shop.native.ref, ReturnState.APPROVED)
    shop.move(shop.native.ref, ReturnState.CLOSED)
    shop.apply(shop.said(), works=False)
    assert (shop.rma.acceptance, shop.rma.reception) == ("approved", "kept")


def test_closed_there_without_a_refund_is_closed_here_and_staff_are_told(shop: Shop) -> None:
    ref = shop.begin(state=ReturnState.APPROVED)
    shop.read()
    shop.move(ref, ReturnState.CLOSED)
    shop.read()
    assert (*shop.standing, shop.rma.status) == ("approved", "ended", "waived", "closed")
    assert (the_money(shop.services, shop.store), shop.cases()) == ([], ["closed_unpaid"])
    with at(shop.services, shop.store) as session:
        rma = lifecycle.find_return(session, shop.store.id, shop.rma.id)
        payout.pay_now(session, shop.store, rma, by="Max", now=shop.clock())
    shop.work()
    assert [one.state for one in the_money(shop.services, shop.store)] == ["issued"]


def test_what_was_closed_there_with_nothing_to_show_may_still_come_back(shop: Shop, client: FlaskClient) -> None:
    ref = shop.begin(ReturnLine("l1", 3), state=ReturnState.APPROVED)
    shop.move(ref, ReturnState.CLOSED)
    shop.read()
    visit = Visit(client, shop.services, shop.store, shop.order_id)
    assert visit.see(f"returns/{shop.rma.id}")["sentence"] == "The store has closed this return."
    again = shop.ask(RequestedLine("l1", 3, "too_small"))
    assert {one.id: one.status for one in shop.returns()}[again] == "requested"


def test_goods_that_arrived_there_are_here(shop: Shop) -> None:
    ref = shop.begin(state=ReturnState.APPROVED)
    shop.read()
    gone = RefundLine("l1", 0, 0, dispositions=(Disposition("restocked", 1, "shelf"),))
    shop.book.dispose(ref, [gone], now=shop.clock.forward(minutes=1))
    shop.read()
    assert (shop.rma.reception, shop.letters()) == ("received", ["return_approved", "return_received"])


def test_canceled_there_after_its_goods_came_here_is_for_staff_to_settle(shop: Shop) -> None:
    shop.ask()
    shop.approve()
    shop.work()
    shop.receive()
    shop.work()
    ref = shop.native.ref
    shop.move(ref, ReturnState.CANCELED)
    shop.read()
    assert (*shop.standing, shop.rma.native_conflict) == ("approved", "received", "none", "canceled")
    assert (shop.cases(), shop.letters()[-1]) == (["return_conflict"], "return_received")
    shop.read()
    shop.tell()
    assert (shop.cases(), shop.rma.native_conflict) == (["return_conflict"], "canceled")
    shop.inspect()
    shop.work()
    assert [one.return_ref for one in shop.said().refunds] == [""], "what is canceled there takes no refund"
    assert (shop.native.state, shop.rma.status, shop.stuck()) == ("canceled", "closed", [])


def test_approved_there_after_it_was_declined_here_is_for_staff_until_both_agree(shop: Shop) -> None:
    shop.ask()
    shop.work()
    ref = shop.native.ref
    shop.move(ref, ReturnState.APPROVED)
    shop.act(lifecycle.decide, MAX, "decline", note="Worn.")
    shop.apply(shop.said())
    assert shop.rma.native_conflict == "approved"
    shop.move(ref, ReturnState.CANCELED)
    shop.read()
    assert (shop.rma.status, shop.rma.native_conflict, shop.cases()) == ("declined", "", [])
    assert shop.cases(state="closed") == ["return_conflict"]


def test_opened_again_there_after_it_was_settled_here_is_told_to_staff(shop: Shop) -> None:
    ref = shop.begin(state=ReturnState.APPROVED)
    shop.read()
    shop.receive()
    shop.inspect()
    shop.work()
    shop.read()
    shop.move(ref, ReturnState.APPROVED)
    shop.read()
    assert (shop.rma.native_conflict, shop.rma.status, shop.native.state) == ("reopened", "closed", "approved")


def test_what_the_platform_refuses_is_shown_in_its_own_words_until_its_news_explain_it(shop: Shop) -> None:
    shop.ask()
    shop.work()
    shop.move(shop.native.ref, ReturnState.CANCELED)
    shop.approve()
    shop.work()
    assert (shop.rma.native_conflict, shop.rma.native_sentence) == ("refused", "This return was canceled in the store.")
    assert (shop.cases(), shop.stuck()) == (["return_conflict"], [])
    shop.read()
    assert (shop.rma.status, shop.rma.native_conflict, shop.cases()) == ("canceled", "", [])


def test_a_return_taken_up_again_after_it_was_canceled_there_is_opened_there_anew(shop: Shop) -> None:
    shop.ask()
    shop.work()
    first = shop.native.ref
    shop.move(first, ReturnState.CANCELED)
    shop.read()
    shop.act(lifecycle.reopen, MAX, note="She called.", of_store=False)
    shop.approve()
    shop.work()
    shop.read()
    assert [(one.ref, str(one.state)) for one in shop.said().returns or ()] == [
        (first, "canceled"),
        ("1/R2", "approved"),
    ]
    assert [(one.native_ref, one.native_past, one.status) for one in shop.returns()] == [("1/R2", [first], "approved")]


def test_lines_and_fees_changed_there_are_changed_here(shop: Shop) -> None:
    ref = shop.begin(ReturnLine("l1", 2, restocking_fee=150), ReturnLine("l2", 1), shipping_fee=490)
    shop.read()
    assert shop.rma.fees == [{"what": "handling", "amount": 150}, {"what": "label", "amount": 490}]
    (mugs, _) = shop.native.lines
    shop.book.change(ref, now=shop.clock.forward(minutes=1), lines=(replace(mugs, quantity=1),), shipping_fee=0)
    shop.read()
    with at(shop.services, shop.store) as session:
        assert [(item.line_ref, item.quantity) for item in session.scalars(sa.select(ReturnItem))] == [("l1", 1)]
    assert shop.rma.fees == [{"what": "handling", "amount": 150}]


def test_what_goes_out_instead_is_the_shopper_s_wish_here(shop: Shop) -> None:
    shop.begin(exchange=(ExchangeLine("", "v2", 1, "Mug, blue", 1200),))
    shop.read()
    with at(shop.services, shop.store) as session:
        (item,) = session.scalars(sa.select(ReturnItem))
    assert (item.wish, item.exchange_for, item.exchange_title, item.exchange_price) == (
        "exchange",
        "v2",
        "Mug, blue",
        1200,
    )


def test_label_tracking_and_fees_set_here_reach_the_platform(shop: Shop) -> None:
    shop.ask(RequestedLine("l1", 2, "too_small"), RequestedLine("l2", 1, "too_large"))
    shop.approve()
    shop.act(return_terms.set_terms, MAX, fees={"handling": 700, "label": 490}, reason="Worn.")
    shop.act(return_terms.set_label, url="https://labels.example/1.pdf", of_store=False)
    shop.work()
    native = shop.native
    assert [line.restocking_fee for line in native.lines] == [82, 618]
    assert (native.shipping_fee, native.label_url) == (490, "https://labels.example/1.pdf")
    shop.act(lifecycle.note_sent, MAX, number="LX123456789LT", carrier="LP Express")
    shop.work()
    assert (shop.native.tracking_number, shop.native.carrier) == ("LX123456789LT", "LP Express")


def test_a_label_made_there_reaches_the_shopper_here(shop: Shop) -> None:
    facts = {"label_url": "https://labels.example/2.pdf", "tracking_number": "LX2", "carrier": "LP Express"}
    shop.begin(**facts)
    shop.read()
    assert {name: getattr(shop.rma, name) for name in facts} == facts


def test_what_became_of_each_unit_is_told_with_the_refund(shop: Shop) -> None:
    set_return_settings(shop.services, shop.store, restock_location="shelf-7")
    ref = shop.begin(ReturnLine("l1", 3), ReturnLine("l2", 1), state=ReturnState.APPROVED)
    shop.read()
    shop.receive()
    with at(shop.services, shop.store) as session:
        mugs, lamp = session.scalars(sa.select(ReturnItem).order_by(ReturnItem.id))
    shop.inspect(
        ItemInspection(mugs.id, 1, "new", note="One is broken, one was not in it.", missing=1),
        ItemInspection(lamp.id, 1, "damaged"),
    )
    shop.work()
    (refund,) = shop.said().refunds
    assert refund.return_ref == ref
    assert {line.ref: line.dispositions for line in refund.lines} == {
        "l1": (
            Disposition("restocked", 1, "shelf-7"),
            Disposition("not_restocked", 1, "shelf-7"),
            Disposition("missing", 1),
        ),
        "l2": (Disposition("damaged", 1, "shelf-7"),),
    }
    assert [line.dispositions for line in shop.native.lines] == [line.dispositions for line in refund.lines]


def test_more_missing_and_accepted_than_were_sent_is_refused(shop: Shop) -> None:
    shop.ask()
    shop.approve()
    shop.receive()
    with at(shop.services, shop.store) as session:
        (item,) = session.scalars(sa.select(ReturnItem))
    with pytest.raises(ValueError, match="more pass than were sent back"):
        shop.inspect(ItemInspection(item.id, 1, missing=1))


def test_news_of_a_return_fetches_its_order(shop: Shop, client: FlaskClient) -> None:
    ref = shop.begin()
    assert deliver(client, shop.services, shop.store, "return", ref) == 200
    shop.work()
    assert shop.rma.native_ref == ref
    shop.move(ref, ReturnState.APPROVED)
    assert deliver(client, shop.services, shop.store, "return", ref) == 200
    assert deliver(client, shop.services, shop.store, "return", "1/R9") == 200
    shop.work()
    assert (shop.rma.acceptance, shop.stuck()) == ("approved", [])


def test_news_of_a_return_that_was_promised_before_it_was_fetched_is_not_stuck(shop: Shop) -> None:
    ref = shop.begin()
    with at(shop.services, shop.store) as session:
        old = NewJob("changes.act", "return:abc", {"resource": "return", "ref": ref, "facts": {}}, once=True)
        queue.enqueue(session, shop.store.id, old, now=shop.clock())
    shop.work()
    assert (shop.rma.native_ref, shop.stuck()) == (ref, [])


def test_lines_that_the_order_does_not_have_open_nothing(shop: Shop) -> None:
    shop.begin(ReturnLine("l9", 1))
    shop.read()
    assert (shop.returns(), shop.stuck()) == ([], [])


def test_an_erased_shopper_s_words_do_not_come_back_with_a_return(shop: Shop) -> None:
    ref = shop.begin()
    shop.read()
    with at(shop.services, shop.store) as session:
        order = session.get_one(Order, (shop.store.id, shop.order_id))
        personal_data.erase_person(session, shop.services.keyring, order_refs=[order.ref], now=shop.clock())
    shop.move(ref, ReturnState.DECLINED, decline_note="Ann, no.", tracking_number="LX3")
    shop.begin(ReturnLine("l2", 1, note="Ann here."))
    shop.read()
    assert [(one.status, one.note, one.comment, one.tracking_number) for one in shop.returns()] == [
        ("declined", "", "", "")
    ]


def test_the_desk_shows_where_a_return_stands_in_the_store_and_what_went_apart(shop: Shop, client: FlaskClient) -> None:
    ref = shop.begin(state=ReturnState.APPROVED, admin_url="https://store.example/returns/1")
    shop.read()
    sign_in(shop.services, shop.store, client)

    def desk(path: str) -> str:
        return client.get(f"/admin/{shop.store.key}/{path}").text

    rows, page = desk("returns?show=approved"), desk(f"returns/{shop.rma.id}")
    assert "Begun in your store" in rows
    assert "#1042-R1" in page
    assert 'href="https://store.example/returns/1"' in page
    shop.receive()
    shop.work()
    shop.move(ref, ReturnState.CANCELED)
    shop.read()
    rows, page = desk("returns"), desk(f"returns/{shop.rma.id}")
    assert "but its goods or money have moved here. Settle it here." in page
    assert 'name="missing.' in page
    assert "waits for inspection" in rows
    assert 'name="restock_location"' in desk("returns/settings")
