"""The policy as a document: faults told in sentences, and what may be written in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from core.returns.policy.policy_document import Policy, PolicyRule, When, explain


def test_countries_and_currencies_are_read_in_any_case() -> None:
    document = Policy.model_validate_json('{"currency": "eur", "rules": [{"name": "a", "answer": "accept"}]}')
    assert (document.currency, When(countries=("de",)).countries) == ("EUR", ("DE",))


def test_a_policy_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        setattr(Policy(), "version", 2)  # noqa: B010 - the type checker would refuse it too


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"colour": "red"}, "colour: there is no such setting."),
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not a time zone; use a name such as Europe/Vilnius."),
        ({"currency": "euro"}, "currency: give three letters such as EUR."),
        (
            {"window": {"days": -1}},
            "window.days: Input should be greater than or equal to 0.",
        ),
        (
            {"rules": [{"name": "a", "answer": "accept"}, {"name": "a", "answer": "decline"}]},
            "policy: two rules are called 'a'; give each its own name.",
        ),
        (
            {"rules": [{"name": "a", "answer": "accept", "when": {"value_from": 5}}]},
            "policy: currency is needed, since amounts are given.",
        ),
        (
            {"rules": [{"name": "a", "answer": "accept", "objection": "final_sale"}]},
            "rules.1: a rule that accepts has no objection; take final_sale away or change the answer.",
        ),
        (
            {"rules": [{"name": "a", "answer": "decline", "objection": "value_too_low"}]},
            "rules.1: the objection value_too_low speaks of a bound: give when.value_below.",
        ),
        (
            {"rules": [{"name": "a", "answer": "accept", "when": {"value_from": 5, "value_below": 5}}]},
            "rules.1.when: value_from must be less than value_below.",
        ),
        (
            {
                "extensions": [
                    {"placed_from": "2026-12-24", "placed_until": "2026-11-01", "returns_until": "2027-01-31"}
                ]
            },
            "extensions.1: the three days must follow each other: placed_from, placed_until, returns_until.",
        ),
        ({"blocked": ["ann@example.com"]}, "blocked.1: give a digest of 64 hexadecimal digits, never an address."),
    ],
)
def test_a_fault_in_a_policy_is_told_in_a_sentence_with_its_field(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as fault:
        Policy.model_validate_json(json.dumps(document))
    assert explain(fault.value) == [sentence]
    assert "ann@example.com" not in " ".join(explain(fault.value))


@pytest.mark.parametrize("answer", ["maybe", "", None])
def test_there_are_three_answers(answer: Any) -> None:
    with pytest.raises(ValidationError):
        PolicyRule(name="a", answer=answer)
