"""An agent's limit holds over a day and an order, in the store's currency."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.contract import StaffIdentity
from core.platform.sample import World
from core.returns.requests import lifecycle, return_terms
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER, Actor
from core.returns.requests.opening import ReturnRequest, open_return
from core.returns.return_settings import AboveLimit, return_settings_of, usual_limit
from core.services import Services
from core.stores import staff
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.returns.seed import AGNES, LINE_OF_65, MAX, at, bought, set_policy, set_return_settings

OTTO = Actor("Otto", "agent")


@pytest.fixture
def store(services: Services, store: Store) -> Store:
    set_policy(services, store, otherwise="review")
    staff.enter(services, store, StaffIdentity(ref="max", name="Max"))
    return set_return_settings(services, store, agent_limit=10_000)


def ask(services: Services, store: Store, order_id: int, line: str = "l2") -> int:
    services.clock.forward(minutes=5)  # type: ignore[attr-defined]
    with at(services, store) as session:
        wanted = ReturnRequest((RequestedLine(line, 1, "other"),))
        return open_return(session, store, order_id, wanted, SHOPPER, now=services.clock()).id


def approve(services: Services, store: Store, return_id: int, by: Actor = AGNES) -> None:
    with at(services, store) as session:
        rma = lifecycle.find_return(session, store.id, return_id)
        lifecycle.decide(session, store, rma, by, "approve", now=services.clock())


def orders(services: Services, store: Store, world: World, worker: Worker, count: int, **changes: Any) -> list[int]:
    """Orders with a lamp for 65.00 each."""
    made = [bought(ref=str(ref), number=f"N{ref}", **(LINE_OF_65 | changes)) for ref in range(1, count + 1)]
    for order in made:
        world.put(order)
        with at(services, store) as session:
            lifecycle.events.request_order_refresh(
                session, Order(store_id=store.id, ref=order.ref), now=services.clock()
            )
    worker.run_until_idle()
    with at(services, store) as session:
        return list(session.scalars(sa.select(Order.id).order_by(Order.ref)))


def test_six_returns_of_65_do_not_pass_a_limit_of_100_in_one_day(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    first, *others = [ask(services, store, one) for one in orders(services, store, world, worker, 6)]
    approve(services, store, first)
    for one in others:
        with pytest.raises(AboveLimit) as refused:
            approve(services, store, one)
        assert (refused.value.limit, refused.value.limit_currency, refused.value.amount) == (3500, "EUR", 6500)
    approve(services, store, others[0], OTTO)  # the day is each agent's own
    approve(services, store, others[1], MAX)
    clock.forward(hours=24)
    approve(services, store, others[2])


def test_the_limit_of_an_order_is_not_renewed_by_another_day_or_agent(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    two = (replace(LINE_OF_65["lines"][0], quantity=2, total=13000),)
    paid = {"lines": two, "total": 13000, "payments": (replace(LINE_OF_65["payments"][0], captured=13000),)}
    (order,) = orders(services, store, world, worker, 1, **paid)
    approve(services, store, ask(services, store, order))
    clock.forward(hours=48)
    second = ask(services, store, order)
    for agent in (AGNES, OTTO):
        with pytest.raises(AboveLimit):
            approve(services, store, second, agent)
    approve(services, store, second, MAX)


def test_an_agent_who_is_called_otherwise_has_the_same_limit(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    first, second, third = (ask(services, store, one) for one in orders(services, store, world, worker, 3))
    approve(services, store, first, Actor("Agnes", "agent", "agnes-7"))
    with pytest.raises(AboveLimit):
        approve(services, store, second, Actor("Agnes Berg", "agent", "agnes-7"))
    approve(services, store, third, Actor("Agnes", "agent", "agnes-8"))  # another person of that name


def test_what_was_decided_before_refs_were_kept_counts_by_name(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    first, second = (ask(services, store, one) for one in orders(services, store, world, worker, 2))
    approve(services, store, first, Actor("Agnes", "agent"))
    with pytest.raises(AboveLimit):
        approve(services, store, second, Actor("Agnes", "agent", "agnes-7"))


def test_an_order_s_limit_knows_agents_and_owners_by_their_refs(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    three = (replace(LINE_OF_65["lines"][0], quantity=3, total=19500),)
    paid = {"lines": three, "total": 19500, "payments": (replace(LINE_OF_65["payments"][0], captured=19500),)}
    (order,) = orders(services, store, world, worker, 1, **paid)
    approve(services, store, ask(services, store, order), Actor("Maxim", "owner", "max"))
    approve(services, store, ask(services, store, order), Actor("Max", "agent", "agnes-7"))
    clock.forward(hours=48)
    with pytest.raises(AboveLimit):
        approve(services, store, ask(services, store, order), Actor("Otto", "agent", "otto-1"))


def test_what_the_owner_approved_of_an_order_is_not_the_agent_s(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    two = (replace(LINE_OF_65["lines"][0], quantity=2, total=13000),)
    paid = {"lines": two, "total": 13000, "payments": (replace(LINE_OF_65["payments"][0], captured=13000),)}
    (order,) = orders(services, store, world, worker, 1, **paid)
    approve(services, store, ask(services, store, order), MAX)
    approve(services, store, ask(services, store, order))


def test_terms_cannot_raise_an_approved_return_above_what_is_left(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    first, second = (ask(services, store, one) for one in orders(services, store, world, worker, 2))
    approve(services, store, first)
    with at(services, store) as session:
        rma = lifecycle.find_return(session, store.id, second)
        now = services.clock()
        return_terms.set_terms(session, store, rma, AGNES, fees={"handling": 3000}, reason="Worn.", now=now)
    approve(services, store, second)
    with at(services, store) as session:
        rma = lifecycle.find_return(session, store.id, second)
        with pytest.raises(AboveLimit):
            return_terms.set_terms(session, store, rma, AGNES, fees={}, reason="Not worn.", now=services.clock())


def test_an_order_in_another_currency_is_not_measured_with_the_store_s(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    (order,) = orders(services, store, world, worker, 1, currency="JPY")  # 6,500 yen, and the limit is 100.00 euros
    with pytest.raises(AboveLimit) as refused:
        approve(services, store, ask(services, store, order))
    assert (refused.value.currency, refused.value.limit_currency) == ("JPY", "EUR")


@pytest.mark.parametrize(("currency", "limit"), [("EUR", 10_000), ("JPY", 10_000), ("KWD", 100_000)])
def test_a_store_that_set_no_limit_has_one_in_its_own_decimals(currency: str, limit: int) -> None:
    assert usual_limit(currency) == limit
    assert return_settings_of(Store(currency=currency, settings={}, settings_version=1)).agent_limit == limit
    assert return_settings_of(Store(currency=currency, settings={"returns": {"agent_limit": None}})).agent_limit is None


def test_amounts_set_in_a_currency_the_store_no_longer_has_say_nothing() -> None:
    said = {"currency": "EUR", "agent_limit": 5000, "standard_delivery": {"*": 400}, "answer_days": 4}
    euros = return_settings_of(Store(currency="EUR", settings={"returns": said}))
    yen = return_settings_of(Store(currency="JPY", settings={"returns": said}))
    assert (euros.agent_limit, euros.standard_delivery, euros.answer_days) == (5000, {"*": 400}, 4)
    assert (yen.agent_limit, yen.standard_delivery, yen.answer_days) == (usual_limit("JPY"), {}, 4)


def test_two_approvals_of_one_agent_at_once_do_not_pass_the_limit_together(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    asked = [ask(services, store, one) for one in orders(services, store, world, worker, 4)]
    begin, ended = threading.Barrier(4), []

    def press(return_id: int) -> None:
        begin.wait(10)
        try:
            approve(services, store, return_id)
            ended.append("approved")
        except AboveLimit:
            ended.append("refused")

    threads = [threading.Thread(target=press, args=(one,)) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ended) == ["approved", "refused", "refused", "refused"]
