"""Laws that hold for every policy and every request."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.returns.facts import OBJECTIONS, OFFERS, SEVERITY, LineFacts, ReturnFacts
from core.returns.policy.evaluate_policy import Policy, ask
from core.returns.policy.policy_document import PolicyRule, ReasonTerms, When, Window

ANN, EVE = "a" * 64, "e" * 64
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
WORDS = st.sampled_from(["sale", "Sale", "shoes", "damaged", "too_small", "other"])
WISHES: Any = st.sampled_from(["refund", "exchange", "store_credit", "repair", "keep"])
WINDOWS = st.builds(
    Window,
    days=st.none() | st.integers(0, 400),
    counted_from=st.sampled_from(["order", "shipping", "delivery"]),
    grace_days=st.integers(0, 30),
)
TERMS = st.builds(
    ReasonTerms,
    fee_fixed=st.integers(0, 2000),
    fee_percent=st.decimals(0, 100, places=2),
    label_paid_by=st.sampled_from(["store", "shopper"]),
    label_fee=st.integers(0, 2000),
    photos=st.integers(0, 3),
)
WHENS = st.builds(
    When,
    countries=st.lists(st.sampled_from(["DE", "US", "GB"]), max_size=2).map(tuple),
    tags=st.lists(WORDS, max_size=2).map(tuple),
    reasons=st.lists(WORDS.map(str.lower), max_size=2).map(tuple),
    wishes=st.lists(WISHES, max_size=2).map(tuple),
    value_from=st.none() | st.integers(0, 3000),
    value_below=st.none() | st.integers(3001, 9000),
    shopper=st.sampled_from([None, "blocked", "allowed", "other"]),
    final_sale=st.sampled_from([None, True, False]),
    gift=st.sampled_from([None, True, False]),
    earlier_returns_from=st.none() | st.integers(1, 3),
)
RULES = st.builds(
    PolicyRule,
    name=st.uuids().map(str),
    when=WHENS,
    answer=st.sampled_from(["accept", "review", "decline"]),
    window=st.none() | WINDOWS,
    wishes=st.none() | st.lists(WISHES, max_size=3).map(tuple),
    reasons=st.none() | st.dictionaries(WORDS.map(str.lower), TERMS, max_size=2),
    refund_when=st.sampled_from([None, "approval", "first_scan", "arrival", "inspection"]),
)
POLICIES = st.builds(
    Policy,
    currency=st.just("EUR"),
    timezone=st.sampled_from(["UTC", "Asia/Ho_Chi_Minh", "America/Los_Angeles"]),
    rules=st.lists(RULES, max_size=5).map(tuple),
    otherwise=st.sampled_from(["accept", "review", "decline"]),
    before_delivery=st.sampled_from(["accept", "review", "decline"]),
    window=WINDOWS,
    reasons=st.dictionaries(WORDS.map(str.lower), TERMS, max_size=3),
    blocked=st.just((EVE,)),
    allowed=st.just((ANN,)),
)
LINES = st.builds(
    LineFacts,
    ref=st.sampled_from(["1", "2"]),
    quantity=st.integers(-1, 4),
    left=st.integers(-1, 4),
    value=st.integers(0, 10_000),
    reason=WORDS,
    wish=WISHES,
    tags=st.lists(WORDS, max_size=2).map(tuple),
    final_sale=st.booleans(),
    kind=st.sampled_from(["goods", "service", "digital"]),
    exemption=st.sampled_from(["", "c", "e", "?"]),
    shipped_on=st.none() | DAYS,
    delivered_on=st.none() | DAYS,
    whereabouts=st.sampled_from(["unshipped", "on_its_way", "delivered", "unknown"]),
)
REQUESTS = st.builds(
    ReturnFacts,
    placed_on=DAYS | st.sampled_from([date.min, date.max]),
    lines=st.lists(LINES, max_size=3).map(tuple),
    country=st.sampled_from(["DE", "US", "GB", "", "??"]),
    currency=st.sampled_from(["EUR", "USD", ""]),
    shopper=st.sampled_from(["", ANN, EVE]),
    earlier_returns=st.integers(0, 4),
    gift=st.booleans(),
    parcels=st.lists(st.none() | DAYS, max_size=2).map(tuple),
    informed=st.booleans(),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))


@given(POLICIES)
def test_a_policy_is_one_file_that_reads_back_the_same(document: Policy) -> None:
    assert Policy.model_validate_json(document.model_dump_json()) == document


@given(POLICIES, REQUESTS, MOMENTS)
def test_every_policy_answers_every_request(document: Policy, asked: ReturnFacts, now: datetime) -> None:
    said = ask(document, asked, now)
    assert len(said.lines) == len(asked.lines)
    for one, about in zip(said.lines, asked.lines, strict=True):
        assert one.line == about.ref
        assert (one.answer == "accept") == (not one.objections)
        assert 0 <= one.fees.handling + one.fees.label <= about.value
    for objection in said.objections:
        assert set(objection.values) == set(OBJECTIONS[objection.code])
        assert None not in objection.values.values()
        assert set(objection.next_best.values) == set(OFFERS[objection.next_best.code])


@given(POLICIES, REQUESTS, MOMENTS, st.integers(0, 400))
def test_a_longer_window_never_makes_an_answer_stricter(
    document: Policy, asked: ReturnFacts, now: datetime, more: int
) -> None:
    longer = document.model_copy(
        update={
            "window": _longer(document.window, more),
            "rules": tuple(
                one.model_copy(update={"window": one.window and _longer(one.window, more)}) for one in document.rules
            ),
        }
    )
    before, after = ask(document, asked, now), ask(longer, asked, now)
    assert SEVERITY[after.answer] <= SEVERITY[before.answer]
    for one, other in zip(before.lines, after.lines, strict=True):
        assert SEVERITY[other.answer] <= SEVERITY[one.answer]


def _longer(window: Window, more: int) -> Window:
    return window if window.days is None else window.model_copy(update={"days": window.days + more})


@given(POLICIES, REQUESTS, MOMENTS)
def test_rules_behind_the_one_that_decides_change_nothing(document: Policy, asked: ReturnFacts, now: datetime) -> None:
    for place, about in enumerate(asked.lines):
        said = ask(document, asked, now).lines[place]
        deciding = next((one for one in document.rules if one.name == said.rules[0][0]), None)
        rules = (deciding,) if deciding else ()
        alone = ask(document.model_copy(update={"rules": rules}), asked, now).lines[place]
        assert (alone.answer, alone.fees, alone.window_ends) == (said.answer, said.fees, said.window_ends), about
