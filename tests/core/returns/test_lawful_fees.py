"""A fee that the law forbids is never kept, and a withdrawal that costs less is offered first, by name."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.sample import World
from core.returns.model import Withdrawal
from core.returns.withdrawal import refund_terms
from core.services import Services
from core.stores.model import Store
from tests.core.returns.seed import at, bought, place, set_policy
from tests.core.returns.visit import Visit

TERMS: dict[str, Any] = {"fee_percent": "10", "label_paid_by": "shopper", "label_fee": 450}
POLICY: dict[str, Any] = {
    "otherwise": "accept",
    "wishes": ("refund", "exchange", "store_credit"),
    "reasons": dict.fromkeys(("changed_mind", "damaged", "defective", "wrong_item", "not_as_described"), TERMS),
    "window": {"days": 60},
}


def quoted(visit: Visit, reason: str = "changed_mind", wish: str = "refund", **more: Any) -> Any:
    return visit.see(
        "returns/quote", visit.asking({"ref": "l2", "quantity": 1, "reason": reason, "wish": wish}, **more)
    )


@pytest.fixture
def sold(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Any:
    def sell(days_ago: float = 3, country: str = "LT", exempt: bool = False, **terms: Any) -> Visit:
        goods = [{"products": ["p2"], "exemption": "e"}] if exempt else []
        set_policy(services, store, **POLICY | {"goods": goods} | terms)
        order = bought(days_ago=days_ago, country=country)
        return Visit(client, services, store, place(services, store, world, worker, order))

    return sell


def test_while_the_right_lasts_a_return_with_a_fee_names_the_withdrawal_that_bears_none(sold: Any) -> None:
    visit = sold()
    quote = quoted(visit)
    assert (quote["fees"], quote["amount"]) == (950, 4050)
    assert quote["withdrawal_sentence"] == "You may also withdraw: no fee until Mon 30 Nov."
    declared = visit.see("withdrawals", {"order": str(visit.order_id), "lines": [{"ref": "l2", "quantity": 1}]})
    with at(visit.services, visit.store) as session:
        row = session.get_one(Withdrawal, (visit.store.id, int(declared["id"])))
        order = session.get_one(Order, (visit.store.id, visit.order_id))
        due = refund_terms.quote_of(session, visit.store, row, order)
    assert (due.total, due.fees) == (5000, 0)


@pytest.mark.parametrize(
    ("days_ago", "country", "exempt"),
    [(20, "LT", False), (3, "US", False), (3, "LT", True)],
)
def test_without_an_open_right_the_policy_s_fees_stand_and_none_is_named(
    sold: Any, days_ago: float, country: str, exempt: bool
) -> None:
    visit = sold(days_ago=days_ago, country=country, exempt=exempt)
    quote = quoted(visit)
    assert (quote["fees"], quote["withdrawal_sentence"]) == (950, "")


@pytest.mark.parametrize("reason", ["damaged", "defective", "wrong_item", "not_as_described"])
@pytest.mark.parametrize("days_ago", [3, 40])
def test_what_is_not_as_agreed_goes_back_free_of_charge_whenever(sold: Any, reason: str, days_ago: float) -> None:
    assert quoted(sold(days_ago=days_ago), reason)["fees"] == 0


def test_where_no_such_law_is_known_the_policy_s_fees_stand(sold: Any) -> None:
    assert quoted(sold(country="US"), "damaged")["fees"] == 950


def test_an_exchange_is_no_withdrawal_and_bears_what_the_policy_says(sold: Any) -> None:
    assert quoted(sold(), wish="exchange")["fees"] == 950


def test_who_was_given_a_present_has_no_contract_to_withdraw_from(sold: Any) -> None:
    assert quoted(sold(), wish="store_credit", gift=True)["withdrawal_sentence"] == ""


def test_what_costs_less_is_offered_first_and_only_then(sold: Any) -> None:
    visit = sold()
    told = visit.see(f"returns/options?order={visit.order_id}")["withdrawal"]
    assert told["cheaper"] == "You may also withdraw: no fee until Mon 30 Nov."
    free = visit.see(f"returns/options?order={visit.order_id}&gift=true")["withdrawal"]
    assert free["cheaper"] == ""


@pytest.mark.parametrize(("days_ago", "reasons"), [(20, POLICY["reasons"]), (3, {"changed_mind": {}})])
def test_where_no_return_costs_more_the_withdrawal_stands_where_it_stood(
    sold: Any, days_ago: float, reasons: Any
) -> None:
    visit = sold(days_ago=days_ago, reasons=reasons)
    assert visit.see(f"returns/options?order={visit.order_id}")["withdrawal"]["cheaper"] == ""
