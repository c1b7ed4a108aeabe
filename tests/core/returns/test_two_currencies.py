"""Orders paid in another currency than the store's: limits, policies and figures count what the order itself says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app
from core.jobs.worker import Worker
from core.money import OrderRate, scale
from core.orders.model import Order
from core.platform.sample import World
from core.returns import events
from core.returns.facts import LineFacts, ReturnFacts
from core.returns.policy.evaluate_policy import ask
from core.returns.policy.policy_document import Policy, PolicyRule, ReasonTerms, When
from core.returns.requests import lifecycle
from core.returns.requests.evaluate_request import RequestedLine
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import ReturnRequest, open_return
from core.returns.return_settings import AboveLimit
from core.returns.simulation.simulate import PastCase, simulate
from core.returns.withdrawal import declare, refund_terms
from core.services import Services
from core.stores.model import Staff, Store
from tests.conftest import NOON
from tests.core.returns.seed import (
    AGNES,
    LINE_OF_65,
    POST,
    at,
    bought,
    set_policy,
    set_return_settings,
)
from tests.core.shipping.seed import sign_in

YEN: dict[str, Any] = {"currency": "JPY", "store_currency": "EUR", "store_total": 4000}
"""6,500 yen that the order says were 40.00 euros."""
DOLLARS = OrderRate("USD", 11_000, "EUR", 10_000)
"""110.00 dollars that were 100.00 euros."""


@pytest.fixture
def store(services: Services, store: Store) -> Store:
    set_policy(services, store, otherwise="review")
    return set_return_settings(services, store, agent_limit=10_000)


def approve(services: Services, store: Store, order_id: int) -> None:
    """Let the shopper ask for the lamp and Agnes approve it."""
    services.clock.forward(minutes=5)  # type: ignore[attr-defined]
    with at(services, store) as session:
        asked = ReturnRequest((RequestedLine("l2", 1, "other"),))
        return_id = open_return(session, store, order_id, asked, SHOPPER, now=services.clock()).id
    with at(services, store) as session:
        rma = lifecycle.find_return(session, store.id, return_id)
        lifecycle.decide(session, store, rma, AGNES, "approve", now=services.clock())


def place(services: Services, store: Store, world: World, worker: Worker, **changes: Any) -> int:
    """A lamp for 65.00, or what the changes make of it, as the store says it now; give the order's id."""
    order = bought(**(LINE_OF_65 | changes))
    world.put(order)
    with at(services, store) as session:
        events.request_order_refresh(session, Order(store_id=store.id, ref=order.ref), now=services.clock())
    worker.run_until_idle()
    with at(services, store) as session:
        return session.scalars(sa.select(Order.id).where(Order.ref == order.ref)).one()


def test_an_order_is_kept_with_its_total_in_the_store_s_currency(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    id_ = place(services, store, world, worker, ref="7", **YEN)
    other = place(services, store, world, worker, ref="8")
    with at(services, store) as session:
        kept = session.get_one(Order, (store.id, id_))
        assert (kept.currency, kept.total, kept.store_currency, kept.store_total) == ("JPY", 6500, "EUR", 4000)
        plain = session.get_one(Order, (store.id, other))
        assert (plain.store_currency, plain.store_total) == ("", None)


def test_an_agent_s_limit_counts_what_an_order_was_in_the_store_s_currency(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    yen = [place(services, store, world, worker, ref=ref, **YEN) for ref in ("1", "2", "3")]
    euros = place(services, store, world, worker, ref="4")
    approve(services, store, yen[0])  # 40.00 of 100.00
    with pytest.raises(AboveLimit) as refused:
        approve(services, store, euros)  # 65.00
    assert (refused.value.limit, refused.value.amount, refused.value.currency) == (6000, 6500, "EUR")
    approve(services, store, yen[1])  # 80.00 by now
    with pytest.raises(AboveLimit) as refused:
        approve(services, store, yen[2])
    assert (refused.value.limit, refused.value.limit_currency, refused.value.currency) == (2000, "EUR", "JPY")


def test_a_large_amount_in_a_small_unit_is_not_below_the_limit(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    dear = place(services, store, world, worker, ref="1", **YEN | {"store_total": 12_000})  # 6,500 yen, 120.00 euros
    with pytest.raises(AboveLimit):
        approve(services, store, dear)


@pytest.mark.parametrize("said", [{}, {"store_currency": "USD", "store_total": 4000}, {"store_currency": "EUR"}])
def test_without_a_rate_into_the_store_s_currency_an_agent_asks(
    services: Services, store: Store, world: World, worker: Worker, said: dict[str, Any]
) -> None:
    unknown = place(services, store, world, worker, ref="1", currency="JPY", **said)
    with pytest.raises(AboveLimit) as refused:
        approve(services, store, unknown)
    assert refused.value.limit == 0


def test_the_desk_offers_what_the_limit_lets_an_agent_do(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    client: FlaskClient = create_app(services.config, services=services).test_client()
    sign_in(services, store, client)
    agnes = sign_in(services, store, client, ref="agnes")
    with at(services, store) as session:
        session.execute(sa.update(Staff).where(Staff.id == agnes.id).values(role="agent"))
    pages = []
    for ref, euros in (("1", 4000), ("2", 12_000)):
        id_ = place(services, store, world, worker, ref=ref, **YEN | {"store_total": euros})
        with at(services, store) as session:
            asked = ReturnRequest((RequestedLine("l2", 1, "other"),))
            rma = open_return(session, store, id_, asked, SHOPPER, now=services.clock())
        pages.append(client.get(f"/admin/{store.key}/returns/{rma.id}").text)
    assert ["Ask for approval" in page for page in pages] == [False, True]


def test_standard_delivery_is_weighed_by_the_order_s_own_rate(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    store = set_return_settings(services, store, standard_delivery={"*": 400})
    dollars = {"currency": "USD", "store_currency": "EUR", "store_total": 3745}  # two dollars an euro
    lines = (*bought().lines[:2], replace(POST, total=1490))
    id_ = place(services, store, world, worker, **dollars, lines=lines, total=7490)
    with at(services, store) as session:
        row = declare.start(session, store, id_, {}, now=services.clock())
        terms = refund_terms.refund_of(session, store, row, session.get_one(Order, (store.id, id_)))[1]
    assert (terms.due, terms.source) == (800, "standard")


def request(**facts: Any) -> ReturnFacts:
    line = LineFacts("1", value=5500, delivered_on=NOON.date(), reason="too_small")
    return ReturnFacts(placed_on=NOON.date(), lines=(line,), currency="USD", **facts)


@pytest.mark.parametrize(("bound", "codes"), [(5000, ["person_decides"]), (5001, [])])
def test_a_rule_weighs_what_the_request_was_in_the_policy_s_currency(bound: int, codes: list[str]) -> None:
    cheap = PolicyRule(name="cheap", when=When(value_below=bound), answer="accept")
    said = ask(Policy(currency="EUR", rules=(cheap,)), request(rate=DOLLARS), NOON)
    assert [one.code for one in said.objections] == codes


def test_a_fixed_fee_is_kept_back_in_the_shopper_s_currency() -> None:
    terms = {"too_small": ReasonTerms(fee_fixed=200, fee_percent=Decimal(10), label_paid_by="shopper", label_fee=300)}
    said = ask(Policy(currency="EUR", otherwise="accept", reasons=terms), request(rate=DOLLARS), NOON)
    assert (said.answer, said.fees.handling, said.fees.label) == ("accept", 220 + 550, 330)


def test_figures_count_an_order_in_the_store_s_currency_where_it_says_what_that_was() -> None:
    now, candidate = Policy(currency="EUR", otherwise="accept"), Policy(currency="EUR", otherwise="decline")
    cases = [PastCase("1", request(rate=DOLLARS), NOON), PastCase("2", request(), NOON)]
    seen = simulate(now, candidate, cases, NOON)
    assert dict(seen.changes["accept", "decline"].money) == {"EUR": 5000, "USD": 5500}


@pytest.mark.parametrize(
    ("amount", "numerator", "denominator", "scaled"),
    [(1, 1, 2, 1), (-1, 1, 2, -1), (1, 1, 3, 0), (2, 1, 3, 1), (10**15, 10**12, 3, 333333333333333333333333333)],
)
def test_half_a_unit_is_rounded_away_from_zero_at_any_size(
    amount: int, numerator: int, denominator: int, scaled: int
) -> None:
    assert scale(amount, numerator, denominator) == scaled


def test_an_order_that_came_to_nothing_has_no_rate() -> None:
    free = OrderRate("JPY", 0, "EUR", 0)
    assert (free.convert(5, "EUR"), free.convert_back(5, "EUR"), free.convert(5, "jpy")) == (None, None, 5)
