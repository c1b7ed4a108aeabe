"""An order paid in part with a gift card: its money goes back as money, the card's part to the card, by a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.jobs.worker import Worker
from core.mail.compose import open_transport
from core.platform.sample import World
from core.platform.snapshots import PaymentSnapshot
from core.returns.model import Reimbursement
from core.returns.money import reimburse
from core.returns.presenter.return_view import amount_of, money_of
from core.returns.requests import lifecycle
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest, open_return
from core.returns.withdrawal import declare
from core.services import Services
from core.stores.model import Store
from tests.core.returns.seed import ACCEPTS, AGNES, at, bought, place, set_policy, the_money, the_return
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post, text_of

ALL = ReturnRequest((RequestedLine("l1", 3, "too_small"), RequestedLine("l2", 1, "too_small")))
ONE_MUG = ReturnRequest((RequestedLine("l1", 1, "too_small"),))


def payments(kind: Any, money: int = 4000) -> dict[str, Any]:
    """64.90, of which `money` by card and the rest with a balance of the shopper's."""
    card = PaymentSnapshot("pay1", "card", money, refundable=True, methods=("refund",))
    balance = PaymentSnapshot("b1", kind, 6490 - money, kind=kind)
    return {"payments": (card, balance) if money else (balance,)}


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office.serving() as post:
        yield post


@pytest.fixture
def services(services: Services, post: Post) -> Services:
    return replace(services, mail=open_transport(post.url))


def returned(services: Services, store: Store, order_id: int, request: ReturnRequest) -> None:
    """Ask, have it approved by the policy, and take it in."""
    with at(services, store) as session:
        rma = open_return(session, store, order_id, request, SHOPPER, now=services.clock())
        lifecycle.receive(session, store, rma, AGNES, now=services.clock())
        lifecycle.inspect(session, store, rma, (), AGNES, now=services.clock())


def mark_paid(services: Services, store: Store, row: Reimbursement) -> None:
    with at(services, store) as session:
        mine = session.get(Reimbursement, (store.id, row.id))
        assert mine is not None
        reimburse.mark_paid(session, mine, reason="Put it back on the card.", now=services.clock())


@pytest.mark.parametrize(
    ("kind", "words"),
    [("gift_card", "back on your gift card"), ("store_credit", "back on your store credit"), ("points", "back points")],
)
def test_money_is_paid_at_once_and_the_balance_waits_for_a_person(
    services: Services, store: Store, world: World, worker: Worker, post: Post, kind: str, words: str
) -> None:
    set_policy(services, store, **ACCEPTS)
    returned(services, store, place(services, store, world, worker, bought(**payments(kind))), ALL)
    worker.run_until_idle()
    money, balance = the_money(services, store)
    assert (money.balance, money.amount, money.paid, money.state) == ("", 4000, 4000, "issued")
    assert (balance.balance, balance.amount, balance.paid, balance.state) == (kind, 2000, None, "needs_staff")
    assert balance.sentence
    assert the_return(services, store).reimbursement == "pending"
    assert "Banks" in text_of(post.received[-1])

    mark_paid(services, store, balance)
    worker.run_until_idle()
    assert the_return(services, store).status == "closed"
    told = text_of(post.received[-1])
    assert "20.00" in told
    assert words in " ".join(told.split())
    assert "Banks" not in told


def test_the_parts_are_explained_apart_at_the_desk_and_as_one_amount_to_the_shopper(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS)
    returned(services, store, place(services, store, world, worker, bought(**payments("gift_card"))), ALL)
    worker.run_until_idle()
    for row in the_money(services, store):
        assert sum(entry["amount"] for entry in row.explanation) == row.amount
        assert sum(part["net"] + sum(part["taxes"].values()) for part in row.payout) in (0, row.amount)
    with at(services, store) as session:
        rma = the_return(services, store)
        brings = amount_of(session, rma, money_of(session, rma))
    assert [(entry.what, entry.amount) for entry in brings.entries] == [("line", 1000), ("line", 5000)]
    assert (brings.amount, brings.to_pay) == (6000, 0)


def test_what_the_money_covers_touches_no_gift_card(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS)
    returned(services, store, place(services, store, world, worker, bought(**payments("gift_card"))), ONE_MUG)
    worker.run_until_idle()
    assert [(row.balance, row.amount, row.state) for row in the_money(services, store)] == [("", 334, "issued")]


def test_an_order_that_a_gift_card_paid_alone_gives_back_to_it_alone(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS)
    order_id = place(services, store, world, worker, bought(**payments("gift_card", money=0)))
    returned(services, store, order_id, ONE_MUG)
    worker.run_until_idle()
    (row,) = the_money(services, store)
    assert (row.balance, row.amount, row.state) == ("gift_card", 334, "needs_staff")


def test_two_returns_in_turn_bring_what_one_would(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    set_policy(services, store, **ACCEPTS)
    order_id = place(services, store, world, worker, bought(**payments("gift_card")))
    returned(services, store, order_id, ReturnRequest((RequestedLine("l2", 1, "too_small"),)))
    worker.run_until_idle()
    mark_paid(services, store, the_money(services, store)[1])
    worker.run_until_idle()
    returned(services, store, order_id, ReturnRequest((RequestedLine("l1", 3, "too_small"),)))
    worker.run_until_idle()
    parts = [(row.balance, row.amount) for row in the_money(services, store)]
    assert parts == [("", 4000), ("gift_card", 1000), ("gift_card", 1000)]


def test_a_withdrawal_ends_only_when_the_gift_card_has_its_part_too(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    order_id = place(services, store, world, worker, bought(**payments("gift_card")))
    with at(services, store) as session:
        row = declare.start(session, store, order_id, {}, now=services.clock())
        declare.confirm(session, store, row.id, now=services.clock())
    worker.run_until_idle()
    with at(services, store) as session:
        mine, _ = declare.find_withdrawal(session, store.id, row.id)
        declare.record_goods_back(session, store, mine, AGNES, now=services.clock())
    worker.run_until_idle()
    money, card = the_money(services, store)
    assert [(one.balance, one.amount, one.state) for one in (money, card)] == [
        ("", 4000, "issued"),
        ("gift_card", 2490, "needs_staff"),
    ]
    with at(services, store) as session:
        assert declare.find_withdrawal(session, store.id, row.id)[0].state == "acknowledged"
    mark_paid(services, store, card)
    with at(services, store) as session:
        assert declare.find_withdrawal(session, store.id, row.id)[0].state == "reimbursed"
