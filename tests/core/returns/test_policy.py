"""What a policy answers: each rule, each reason against, and the laws that hold for every policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.returns.facts import Answer, LineFacts, ReturnFacts
from core.returns.policy.evaluate_policy import Policy, ask
from core.returns.policy.policy_document import HolidayExtension, PolicyRule, Question, ReasonTerms, When, Window

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ANN, EVE = "a" * 64, "e" * 64
YES = PolicyRule(name="everything", answer="accept")


def line(ref: str = "1", **facts: Any) -> LineFacts:
    base: dict[str, Any] = {"value": 5000, "reason": "too_small", "delivered_on": date(2026, 11, 10)}
    return LineFacts(ref, **base | {"shipped_on": date(2026, 11, 8)} | facts)


def request(*lines: LineFacts, **facts: Any) -> ReturnFacts:
    base: dict[str, Any] = {"placed_on": date(2026, 11, 6), "country": "US", "currency": "EUR"}
    return ReturnFacts(lines=lines or (line(),), **base | facts)


def policy(*rules: PolicyRule, **settings: Any) -> Policy:
    return Policy(rules=rules or (YES,), currency="EUR", **settings)


def rule(answer: Any, name: str = "rule", **settings: Any) -> PolicyRule:
    when = {key: settings.pop(key) for key in list(settings) if key in When.model_fields}
    return PolicyRule(name=name, answer=answer, when=When(**when), **settings)


def codes(answer: Answer) -> list[str]:
    return [objection.code for objection in answer.objections]


def test_a_store_that_said_nothing_lets_a_person_decide() -> None:
    answer = ask(Policy(), request(), NOW)
    assert (answer.answer, codes(answer), answer.rules) == ("review", ["person_decides"], (("otherwise", "review"),))


def test_a_rule_that_fits_accepts_and_says_until_when() -> None:
    answer = ask(policy(), request(), NOW)
    assert (answer.answer, answer.objections, answer.window_ends) == ("accept", (), date(2026, 12, 10))
    assert not answer.worst_case


@pytest.mark.parametrize(
    ("when", "facts", "fits"),
    [
        ({"countries": ["de"]}, {"country": "DE"}, True),
        ({"countries": ["DE"]}, {"country": "fr"}, False),
        ({"countries": ["DE"]}, {"country": "de"}, True),
        ({"countries": ["GR", "gb"]}, {"country": "EL"}, True),
        ({"countries": ["uk"]}, {"country": "XI"}, True),
        ({"products": ["p1"]}, {"product": "p1"}, True),
        ({"products": ["p1"]}, {"product": "p2"}, False),
        ({"tags": ["Sale"]}, {"tags": ("new", "SALE")}, True),
        ({"tags": ["Sale"]}, {"tags": ("sales",)}, False),
        ({"collections": ["shoes"]}, {"collections": ("Shoes",)}, True),
        ({"collections": ["shoes"]}, {}, False),
        ({"reasons": ["damaged"]}, {"reason": "damaged"}, True),
        ({"reasons": ["damaged"]}, {"reason": "late"}, False),
        ({"wishes": ["exchange"]}, {"wish": "exchange"}, True),
        ({"wishes": ["exchange"]}, {"wish": "refund"}, False),
        ({"value_from": 5000}, {"value": 5000}, True),
        ({"value_from": 5000}, {"value": 4999}, False),
        ({"value_below": 5000}, {"value": 4999}, True),
        ({"value_below": 5000}, {"value": 5000}, False),
        ({"final_sale": True}, {"final_sale": True}, True),
        ({"final_sale": True}, {}, False),
        ({"final_sale": False}, {"final_sale": True}, False),
        ({"gift": True}, {"gift": True}, True),
        ({"gift": True}, {}, False),
        ({"shopper": "blocked"}, {"shopper": EVE}, True),
        ({"shopper": "blocked"}, {"shopper": ANN}, False),
        ({"shopper": "allowed"}, {"shopper": ANN}, True),
        ({"shopper": "other"}, {}, True),
        ({"shopper": "other"}, {"shopper": EVE}, False),
        ({"earlier_returns_from": 3}, {"earlier_returns": 3}, True),
        ({"earlier_returns_from": 3}, {"earlier_returns": 2}, False),
        ({"tags": ["sale"], "countries": ["DE"]}, {"tags": ("sale",), "country": "US"}, False),
        ({}, {}, True),
    ],
)
def test_a_rule_fits_when_everything_it_asks_for_holds(when: dict[str, Any], facts: dict[str, Any], fits: bool) -> None:
    of_request = {key: facts.pop(key) for key in list(facts) if key in ReturnFacts.__dataclass_fields__}
    asked = policy(rule("accept", **when), otherwise="decline", blocked=(EVE,), allowed=(ANN,))
    answer = ask(asked, request(line(**facts), **of_request), NOW)
    assert answer.rules[0] == (("rule", "accept") if fits else ("otherwise", "decline"))


def test_who_is_blocked_and_allowed_is_allowed() -> None:
    asked = policy(rule("decline", shopper="blocked"), YES, blocked=(ANN,), allowed=(ANN,))
    assert ask(asked, request(shopper=ANN), NOW).answer == "accept"


def test_the_first_rule_that_fits_decides_and_the_others_are_shown() -> None:
    sale = rule("decline", "sale", tags=["sale"], objection="final_sale")
    small = rule("accept", "small", value_below=10_000)
    asked = request(line(tags=("sale",)))
    strict, kind = ask(policy(sale, small), asked, NOW), ask(policy(small, sale), asked, NOW)
    assert (strict.answer, codes(strict)) == ("decline", ["final_sale"])
    assert strict.rules == (("sale", "decline"), ("small", "accept"))
    assert (kind.answer, kind.rules) == ("accept", (("small", "accept"), ("sale", "decline")))


@pytest.mark.parametrize(
    ("facts", "answer", "code", "values", "offer"),
    [
        (
            {"delivered_on": date(2026, 10, 4)},
            "decline",
            "window_over",
            {"closed_on": date(2026, 11, 3), "days": 30, "counted_from": "delivery"},
            "talk_to_person",
        ),
        (
            {"delivered_on": date(2026, 10, 20)},
            "review",
            "window_just_over",
            {"closed_on": date(2026, 11, 19), "days": 30, "counted_from": "delivery"},
            "wait_for_answer",
        ),
        (
            {"delivered_on": None, "shipped_on": date(2026, 10, 1)},
            "review",
            "delivery_unknown",
            {"open_at_least_until": date(2026, 10, 31), "days": 30},
            "wait_for_answer",
        ),
        ({"delivered_on": None, "whereabouts": "on_its_way"}, "decline", "not_delivered_yet", {}, "wait_for_delivery"),
        ({"delivered_on": None, "whereabouts": "unshipped"}, "decline", "not_shipped_yet", {}, "cancel_order"),
        ({"left": 0}, "decline", "already_returned", {}, "talk_to_person"),
        ({"quantity": 3, "left": 2}, "decline", "quantity_too_high", {"left": 2}, "ask_for_fewer"),
        ({"quantity": 0}, "decline", "nothing_asked", {}, "talk_to_person"),
        (
            {"wish": "repair"},
            "decline",
            "wish_not_offered",
            {"wish": "repair", "offered": ("refund", "exchange", "store_credit")},
            "refund",
        ),
    ],
)
def test_facts_no_rule_can_overlook_are_said_with_what_helps(
    facts: dict[str, Any], answer: str, code: str, values: dict[str, Any], offer: str
) -> None:
    said = ask(policy(window=Window(grace_days=5)), request(line(**facts)), NOW)
    assert (said.answer, codes(said)) == (answer, [code])
    assert (said.objections[0].values, said.objections[0].next_best.code) == (values, offer)


@pytest.mark.parametrize(
    ("settings", "facts", "values"),
    [
        ({"objection": "value_too_low", "value_below": 1000}, {"value": 900}, {"minimum": 1000, "currency": "EUR"}),
        ({"objection": "value_too_high", "value_from": 1000}, {"value": 1000}, {"maximum": 1000, "currency": "EUR"}),
        ({"objection": "reason_excluded", "reasons": ["too_small"]}, {}, {"reason": "too_small"}),
        ({"objection": "country_excluded"}, {}, {"country": "US"}),
        ({"objection": "final_sale"}, {}, {}),
        ({}, {}, {}),
    ],
)
def test_a_rule_that_declines_says_why(settings: dict[str, Any], facts: dict[str, Any], values: dict[str, Any]) -> None:
    said = ask(policy(rule("decline", **settings)), request(line(**facts)), NOW)
    assert codes(said) == [settings.get("objection", "not_covered")]
    assert said.objections[0].values == values


def test_a_shopper_who_returns_often_meets_a_person() -> None:
    often = rule("review", earlier_returns_from=5, objection="frequent_returns")
    said = ask(policy(often, YES), request(earlier_returns=7), NOW)
    assert (said.answer, said.objections[0].values) == ("review", {"count": 7})


def test_every_reason_is_said_not_only_the_first() -> None:
    said = ask(
        policy(rule("decline", objection="final_sale")), request(line(delivered_on=date(2026, 9, 1), left=0)), NOW
    )
    assert codes(said) == ["final_sale", "already_returned", "window_over"]


def test_what_a_rule_leaves_open_is_the_policys_own() -> None:
    own = PolicyRule(
        name="own",
        answer="accept",
        window=Window(days=5),
        refund_when="first_scan",
        wishes=("refund",),
        reasons={"too_small": ReasonTerms(photos=3)},
    )
    said = ask(policy(own, refund_when="arrival"), request(line(wish="exchange")), NOW)
    assert (said.window_ends, said.refund_when, said.photos_required) == (date(2026, 11, 15), "first_scan", 3)
    assert codes(said) == ["window_over", "wish_not_offered"]
    assert ask(policy(refund_when="arrival"), request(), NOW).refund_when == "arrival"


def test_a_rule_whose_collections_nobody_knows_asks_for_a_person_and_sets_no_terms() -> None:
    strict = PolicyRule(
        name="strict",
        answer="accept",
        when=When(collections=("sale",)),
        window=Window(days=5),
        wishes=("store_credit",),
        reasons={"too_small": ReasonTerms(fee_fixed=500)},
    )
    said = ask(policy(strict), request(line(collections_known=False)), NOW)
    assert (said.answer, codes(said), said.fees.handling) == ("review", ["person_decides"], 0)
    assert said.window_ends == date(2026, 12, 10)


def test_the_law_is_named_where_the_shop_says_no() -> None:
    said = ask(policy(window=Window(days=7)), request(country="DE"), NOW)
    assert said.answer == "decline"
    assert said.objections[0].next_best.code == "withdraw"
    assert said.objections[0].next_best.values == {"until": date(2026, 11, 24)}


@pytest.mark.parametrize(
    ("facts", "of_request"),
    [
        ({}, {"country": "US"}),
        ({"exemption": "c"}, {"country": "DE"}),
        ({}, {"country": "DE", "parcels": (date(2026, 11, 1),)}),
        ({"left": 0}, {"country": "DE"}),
        ({"kind": "digital"}, {"country": "DE", "placed_on": date(2026, 11, 1)}),
    ],
)
def test_no_right_is_promised_that_is_not_there(facts: dict[str, Any], of_request: dict[str, Any]) -> None:
    said = ask(policy(rule("decline")), request(line(**facts), **of_request), NOW)
    assert said.objections[0].next_best.code == "talk_to_person"


def test_the_right_lasts_until_the_day_is_over_where_the_shopper_lives() -> None:
    asked = request(line(delivered_on=date(2026, 11, 6)), country="PT")  # until 20 November
    store = policy(rule("decline"), timezone="Pacific/Auckland")
    late = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)  # half past eleven the evening before, on the Azores
    assert ask(store, asked, late).objections[0].next_best.code == "withdraw"
    assert ask(store, asked, late + timedelta(hours=1)).objections[0].next_best.code == "talk_to_person"


def test_while_a_person_decides_the_shopper_is_asked_to_wait() -> None:
    said = ask(policy(rule("review")), request(country="DE"), NOW)
    assert said.objections[0].next_best.code == "wait_for_answer"


@pytest.mark.parametrize("shipped_on", [date(2026, 11, 20), date(2026, 9, 1)])
@pytest.mark.parametrize(("before", "said"), [("accept", []), ("review", ["not_delivered_yet"])])
def test_a_store_may_take_back_what_is_still_on_its_way(shipped_on: date, before: Any, said: list[str]) -> None:
    moving = line(delivered_on=None, shipped_on=shipped_on, whereabouts="on_its_way")
    answer = ask(policy(before_delivery=before), request(moving), NOW)
    assert (answer.answer, codes(answer), answer.worst_case) == (before, said, True)


@pytest.mark.parametrize(("wish", "offer"), [("refund", "withdraw"), ("exchange", "store_credit")])
def test_the_right_to_money_comes_before_what_the_shop_would_rather_give(wish: Any, offer: str) -> None:
    credit = rule("accept", "credit", wishes=["store_credit"])
    said = ask(policy(credit, otherwise="decline"), request(line(wish=wish), country="DE"), NOW)
    assert said.objections[0].next_best.code == offer


def test_an_exchange_is_offered_where_money_back_is_over() -> None:
    refunds = rule("accept", "refunds", wishes=["refund"], window=Window(days=5))
    exchanges = rule("accept", "exchanges", wishes=["exchange"], window=Window(days=60))
    said = ask(policy(refunds, exchanges), request(), NOW)
    assert (said.answer, said.objections[0].next_best.code) == ("decline", "exchange")


def test_the_window_closes_at_midnight_of_the_store() -> None:
    asked = request(line(delivered_on=date(2026, 10, 22)))  # until 21 November
    evening = datetime(2026, 11, 21, 18, tzinfo=UTC)  # 22 November in Ho Chi Minh City from 17:00 on
    assert ask(policy(timezone="Europe/Vilnius"), asked, evening).answer == "accept"
    assert ask(policy(timezone="Asia/Ho_Chi_Minh"), asked, evening).answer == "decline"


def test_a_holiday_extension_names_itself() -> None:
    winter = HolidayExtension(
        placed_from=date(2025, 11, 1), placed_until=date(2025, 12, 24), returns_until=date(2026, 1, 31)
    )
    asked = request(line(delivered_on=date(2025, 12, 20)), placed_on=date(2025, 12, 10))
    said = ask(policy(extensions=(winter,)), asked, NOW)
    assert said.objections[0].values["counted_from"] == "extension"
    assert said.objections[0].values["closed_on"] == date(2026, 1, 31)


FEES = {
    "too_small": ReasonTerms(fee_fixed=250, fee_percent=Decimal("12.5"), label_paid_by="shopper", label_fee=490),
    "damaged": ReasonTerms(photos=2, questions=(Question(key="what_broke", words={"en": "What is broken?"}),)),
}


@pytest.mark.parametrize(
    ("value", "handling", "label"), [(5000, 875, 490), (4, 4, 0), (0, 0, 0), (300, 288, 12), (1004, 376, 490)]
)
def test_fees_follow_the_reason_and_never_exceed_what_was_paid(value: int, handling: int, label: int) -> None:
    fees = ask(policy(reasons=FEES), request(line(value=value)), NOW).fees
    assert (fees.handling, fees.label, fees.label_paid_by) == (handling, label, "shopper")


def test_a_fault_of_the_store_costs_the_shopper_nothing_and_asks_for_photos() -> None:
    said = ask(policy(reasons=FEES), request(line(reason="damaged")), NOW)
    assert (said.fees.handling, said.fees.label, said.fees.label_paid_by) == (0, 0, "store")
    assert (said.photos_required, said.questions) == (2, ("what_broke",))


def test_one_parcel_has_one_label_and_the_store_pays_it_if_any_line_says_so() -> None:
    mine, theirs = line("1"), line("2", reason="damaged")
    both = ask(policy(reasons=FEES), request(mine, replace(mine, ref="3")), NOW)
    assert (both.fees.handling, both.fees.label) == (1750, 490)
    mixed = ask(policy(reasons=FEES), request(mine, theirs), NOW)
    assert (mixed.fees.handling, mixed.fees.label, mixed.fees.label_paid_by) == (875, 0, "store")


def test_what_is_declined_or_kept_bears_no_fee() -> None:
    wishes = ("refund", "keep")
    for facts in ({"left": 0}, {"wish": "keep"}):
        fees = ask(policy(reasons=FEES, wishes=wishes), request(line(**facts)), NOW).fees
        assert (fees.handling, fees.label) == (0, 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"rules": (rule("accept", value_below=10_000),)},
        {"rules": (rule("decline", value_below=10_000, objection="value_too_low"),)},
        {"rules": (YES,), "reasons": FEES},
    ],
)
def test_amounts_of_another_currency_are_weighed_by_a_person(settings: dict[str, Any]) -> None:
    said = ask(Policy(currency="EUR", **settings), request(currency="USD"), NOW)
    assert (said.answer, codes(said)) == ("review", ["other_currency"])
    assert said.objections[0].values == {"currency": "USD"}


def test_a_percentage_needs_no_currency() -> None:
    share = {"too_small": ReasonTerms(fee_percent=Decimal(10))}
    said = ask(policy(reasons=share), request(currency="USD"), NOW)
    assert (said.answer, said.fees.handling) == ("accept", 500)


def test_lines_answer_for_themselves_and_together() -> None:
    sale = rule("decline", tags=["sale"], objection="final_sale", refund_when="inspection")
    said = ask(policy(sale, YES, refund_when="approval"), request(line("1"), line("2", tags=("sale",))), NOW)
    assert [one.answer for one in said.lines] == ["accept", "decline"]
    assert (said.answer, codes(said), said.refund_when) == ("review", ["final_sale"], "approval")


def test_together_the_earliest_closing_day_counts() -> None:
    said = ask(policy(), request(line("1"), line("2", delivered_on=date(2026, 11, 12))), NOW)
    assert said.window_ends == date(2026, 12, 10)


def test_one_line_asked_for_twice_is_counted_together() -> None:
    half = line(quantity=1, left=1)
    said = ask(policy(), request(half, replace(half, wish="exchange")), NOW)
    assert (said.answer, set(codes(said))) == ("decline", {"quantity_too_high"})


def test_nothing_asked_for_is_declined() -> None:
    assert ask(policy(), replace(request(), lines=()), NOW).answer == "decline"
