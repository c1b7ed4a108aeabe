"""What a candidate policy would change, held against past orders and returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.returns.facts import LineFacts, ReturnFacts
from core.returns.policy.evaluate_policy import Policy, ask
from core.returns.policy.policy_document import PolicyRule, ReasonTerms, When, Window
from core.returns.simulation.simulate import PastCase, simulate

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DELIVERED = date(2026, 9, 1)
YES = PolicyRule(name="everything", answer="accept")


def window(days: int, *rules: PolicyRule, **settings: Any) -> Policy:
    return Policy(rules=(*rules, YES), currency="EUR", window=Window(days=days), **settings)


def case(number: int, after: int | None, *, lines: int = 1, **facts: Any) -> PastCase:
    """An order of lines worth 50 euros, asked for so many days after delivery, or by nobody."""
    of_request = {key: facts.pop(key) for key in list(facts) if key in ReturnFacts.__dataclass_fields__}
    base: dict[str, Any] = {"placed_on": DELIVERED - timedelta(3), "country": "US", "currency": "EUR"}
    line: dict[str, Any] = {"value": 5000, "delivered_on": DELIVERED, "reason": "too_small"}
    asked = tuple(LineFacts(str(place), **line | facts) for place in range(lines))
    at = None if after is None else datetime(2026, 9, 1, 12, tzinfo=UTC) + timedelta(after)
    return PastCase(f"#{number}", ReturnFacts(lines=asked, **base | of_request), at)


def test_a_policy_beside_itself_changes_nothing() -> None:
    seen = simulate(window(30), window(30), [case(1, 5), case(2, 40), case(3, None)], NOW)
    assert (seen.cases, seen.lines, seen.asked) == (3, 3, 2)
    assert (seen.changes, seen.conflicts, seen.new_conflicts) == ({}, {}, 0)


def test_a_shorter_window_shows_whom_it_turns_away_and_what_that_is_worth() -> None:
    cases = [case(1, 5), case(2, 20, lines=2), case(3, 25), case(4, 40), case(5, None)]
    seen = simulate(window(30), window(14), cases, NOW)
    (change,) = seen.changes.items()
    assert change[0] == ("accept", "decline")
    tally = change[1]
    assert (tally.lines, tally.cases, tally.asked, dict(tally.money)) == (3, 2, 3, {"EUR": 15_000})
    assert [(one.number, one.line, one.now_says, one.candidate_says) for one in tally.examples] == [
        ("#2", "0", "", "window_over"),
        ("#2", "1", "", "window_over"),
        ("#3", "0", "", "window_over"),
    ]


def test_orders_nobody_returned_are_judged_as_of_now() -> None:
    seen = simulate(window(30), window(90), [case(1, None)], NOW)  # 81 days after delivery
    assert {key: (tally.lines, tally.asked) for key, tally in seen.changes.items()} == {("decline", "accept"): (1, 0)}


def test_currencies_are_never_added() -> None:
    cases = [case(1, 20), case(2, 20, currency="USD"), case(3, 20, currency="USD")]
    seen = simulate(window(30), window(14), cases, NOW)
    assert dict(seen.changes["accept", "decline"].money) == {"EUR": 5000, "USD": 10_000}


def test_three_examples_are_enough() -> None:
    seen = simulate(window(30), window(14), [case(number, 20) for number in range(50)], NOW)
    assert len(seen.changes["accept", "decline"].examples) == 3
    assert seen.changes["accept", "decline"].cases == 50


def test_fees_are_held_against_each_other_over_what_was_asked_for() -> None:
    dear = window(
        30, reasons={"too_small": ReasonTerms(fee_percent=Decimal(10), label_paid_by="shopper", label_fee=300)}
    )
    seen = simulate(window(30), dear, [case(1, 5), case(2, 6), case(3, None), case(4, 50)], NOW)
    assert (dict(seen.fees_now), dict(seen.fees_candidate)) == ({"EUR": 0}, {"EUR": 1600})


def test_a_refusal_within_the_legal_period_is_a_conflict() -> None:
    # Delivered Tuesday 1 September: until Tuesday 15 September by law.
    cases = [case(1, 10, country="DE"), case(2, 14, country="FR"), case(3, 15, country="DE"), case(4, 10)]
    seen = simulate(window(30), window(7), cases, NOW)
    assert list(seen.conflicts) == [("declined", "certain")]
    tally = seen.conflicts["declined", "certain"]
    assert (tally.lines, dict(tally.money), [one.number for one in tally.examples]) == (
        2,
        {"EUR": 10_000},
        ["#1", "#2"],
    )
    assert seen.new_conflicts == 2
    assert simulate(window(7), window(7), cases, NOW).new_conflicts == 0
    assert simulate(window(7), window(7), cases, NOW).conflicts["declined", "certain"].lines == 2


def test_where_delivery_is_unknown_a_conflict_is_only_possible() -> None:
    final = PolicyRule(name="final", answer="decline", objection="final_sale")
    seen = simulate(window(30), window(30, final), [case(1, 10, country="DE", delivered_on=None)], NOW)
    assert list(seen.conflicts) == [("declined", "possible")]


def test_a_fee_kept_from_a_refund_within_the_legal_period_is_a_conflict_and_the_way_back_is_not() -> None:
    kept = window(30, reasons={"too_small": ReasonTerms(fee_fixed=500)})
    label = window(30, reasons={"too_small": ReasonTerms(label_paid_by="shopper", label_fee=500)})
    cases = [case(1, 5, country="DE"), case(2, 20, country="DE"), case(3, 5, country="DE", wish="exchange")]
    seen = simulate(window(30), kept, cases, NOW)
    assert {key: tally.lines for key, tally in seen.conflicts.items()} == {("fee_kept", "certain"): 1}
    assert simulate(window(30), label, cases, NOW).conflicts == {}


def test_a_refusal_where_only_a_fee_was_kept_is_a_new_conflict() -> None:
    kept = window(30, reasons={"too_small": ReasonTerms(fee_fixed=500)})
    cases = [case(1, 10, country="DE")]
    assert simulate(kept, kept, cases, NOW).new_conflicts == 0
    assert simulate(kept, window(7), cases, NOW).new_conflicts == 1


def test_what_is_no_mans_right_is_no_conflict() -> None:
    none = Policy(otherwise="decline")
    cases = [
        case(1, 5, country="DE", exemption="c"),
        case(2, 5, country="DE", wish="exchange"),
        case(3, 5, country="DE", wish="keep"),
        case(4, 5, country="DE", left=0),
        case(5, 5, country="DE", quantity=2),
        case(6, 5, country="DE", delivered_on=None, whereabouts="unshipped"),
        case(7, 5, country="US"),
    ]
    assert simulate(none, none, cases, NOW).conflicts == {}


def test_a_stream_of_cases_is_read_once() -> None:
    def stream() -> Iterator[PastCase]:
        yield from (case(number, number) for number in range(60))

    seen = simulate(window(30), window(14), stream(), NOW)
    assert (seen.cases, seen.changes["accept", "decline"].lines) == (60, 16)


AFTER = st.none() | st.integers(0, 80)
CASES = st.lists(
    st.builds(
        case,
        st.integers(1, 99),
        AFTER,
        lines=st.integers(1, 2),
        country=st.sampled_from(["DE", "GB", "US"]),
        value=st.integers(0, 9000),
        wish=st.sampled_from(["refund", "exchange"]),
        delivered_on=st.sampled_from([None, DELIVERED]),
    ),
    max_size=8,
)
SALE = PolicyRule(name="dear", answer="review", when=When(value_from=4000))
POLICIES = st.builds(window, st.integers(0, 60), st.sampled_from([SALE, YES.model_copy(update={"name": "first"})]))


@given(POLICIES, POLICIES, CASES)
def test_a_rehearsal_counts_what_asking_one_by_one_would(now: Policy, then: Policy, cases: list[PastCase]) -> None:
    seen = simulate(now, then, cases, NOW)
    counted: dict[tuple[str, str], int] = {}
    for one in cases:
        at = one.asked_at or NOW
        before, after = ask(now, one.request, at), ask(then, one.request, at)
        for was, becomes in zip(before.lines, after.lines, strict=True):
            if was.answer != becomes.answer:
                key = (was.answer, becomes.answer)
                counted[key] = counted.get(key, 0) + 1
    assert {key: tally.lines for key, tally in seen.changes.items()} == counted


@given(POLICIES, POLICIES, CASES)
def test_what_one_way_turns_away_the_other_way_lets_in(now: Policy, then: Policy, cases: list[PastCase]) -> None:
    there, back = simulate(now, then, cases, NOW), simulate(then, now, cases, NOW)
    assert {key: replace(tally, examples=[]) for key, tally in there.changes.items()} == {
        (key[1], key[0]): replace(tally, examples=[]) for key, tally in back.changes.items()
    }
