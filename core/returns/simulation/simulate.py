"""Simulates a candidate policy over past orders and returns, and counts what would change.

Everything counts lines, since each is decided by itself; money is what was paid for them, in minor units of the
store's currency where the order says what it was in that, else by currency and never added across currencies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from core.returns.facts import Decision, LineFacts, ReturnFacts
from core.returns.policy.evaluate_policy import open_withdrawal
from core.returns.policy.line_decision import LineDecision, PolicyEvaluator
from core.returns.policy.policy_document import Policy

EXAMPLES = 3
Certainty = Literal["certain", "possible"]
LegalConflict = Literal["declined", "fee_kept"]


@dataclass(frozen=True, slots=True)
class PastCase:
    """One past order or return. `asked_at` None: nobody asked, so it is judged as if somebody did at `now`."""

    number: str
    """The order's number or the return's, for people."""
    request: ReturnFacts
    asked_at: datetime | None = None
    as_candidate: ReturnFacts | None = None
    """The same lines as the candidate sees them, where it calls goods otherwise or counts days in another zone."""


class _DecidedLine(NamedTuple):
    """A line as one policy sees it, and what that policy says."""

    request: ReturnFacts
    line: LineFacts
    decision: LineDecision


@dataclass(frozen=True, slots=True)
class Example:
    """One line that would have been decided otherwise, with the first reason each policy gives ("" for none)."""

    number: str
    line: str
    value: int
    currency: str
    now_says: str
    candidate_says: str


@dataclass(slots=True)
class Tally:
    """How many lines, in how many cases, how many of those really asked for, and what was paid for them."""

    lines: int = 0
    cases: int = 0
    asked: int = 0
    """Of the lines, those that a shopper really wanted to return."""
    money: dict[str, int] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)
    """The first few, at most three."""
    _last: int = 0

    def add(self, place: int, case: PastCase, line: LineFacts, before: LineDecision, after: LineDecision) -> None:
        """Count one line of a case; `place` numbers the cases from 1."""
        self.lines += 1
        self.cases += place != self._last
        self._last = place
        self.asked += case.asked_at is not None
        currency, value = case.request.figure(line.value)
        self.money[currency] = self.money.get(currency, 0) + value
        if len(self.examples) < EXAMPLES:
            words = (_first_reason(before), _first_reason(after))
            self.examples.append(Example(case.number, line.ref, line.value, case.request.currency, *words))


@dataclass(slots=True)
class SimulationResult:
    """What a candidate policy would change."""

    cases: int = 0
    lines: int = 0
    asked: int = 0
    """Lines really asked for, among `lines`."""
    changes: dict[tuple[Decision, Decision], Tally] = field(default_factory=dict)
    """By today's answer and the candidate's, where they differ."""
    fees_now: dict[str, int] = field(default_factory=dict)
    fees_candidate: dict[str, int] = field(default_factory=dict)
    """What each keeps back on the lines really asked for, by currency."""
    conflicts: dict[tuple[LegalConflict, Certainty], Tally] = field(default_factory=dict)
    """Lines of a candidate that the shopper could still have withdrawn from by law when asking: `declined`, or
    `fee_kept` from a refund (Art. 13(1), 14(1) leave only the way back to the shopper). `possible`: delivery is
    unknown, so the period cannot be proved over."""
    new_conflicts: int = 0
    """Of all those, lines on which today's policy has no such conflict."""


def simulate(policy_now: Policy, candidate: Policy, cases: Iterable[PastCase], now: datetime) -> SimulationResult:
    """Judge every line of every case by both policies. `now` is aware; `cases` may be a generator, read once."""
    current, proposed = PolicyEvaluator(policy_now), PolicyEvaluator(candidate)
    result = SimulationResult()
    for case in cases:
        result.cases += 1
        at = case.asked_at or now
        today, then = current.day(at), proposed.day(at)
        mine, other = case.request, case.as_candidate or case.request
        for line, again in zip(mine.lines, other.lines, strict=True):
            before = _DecidedLine(mine, line, current.decide(mine, line, line.wish, today))
            after = _DecidedLine(other, again, proposed.decide(other, again, again.wish, then))
            _count_line(result, case, before, after, at)
    return result


def _count_line(
    result: SimulationResult, case: PastCase, before: _DecidedLine, after: _DecidedLine, at: datetime
) -> None:
    result.lines += 1
    decisions = before.decision, after.decision
    if case.asked_at is not None:
        result.asked += 1
        _add_fees(result.fees_now, case, before.decision)
        _add_fees(result.fees_candidate, case, after.decision)
    if before.decision.answer != after.decision.answer:
        tally = result.changes.setdefault((before.decision.answer, after.decision.answer), Tally())
        tally.add(result.cases, case, before.line, *decisions)
    conflict = _conflict(after.decision, after.line)
    certainty = _certainty(after.request, after.line, at) if conflict else None
    if conflict and certainty:
        result.conflicts.setdefault((conflict, certainty), Tally()).add(result.cases, case, before.line, *decisions)
        result.new_conflicts += _conflict(before.decision, before.line) != conflict


def _add_fees(fees: dict[str, int], case: PastCase, decision: LineDecision) -> None:
    currency, kept = case.request.figure(decision.fees.handling + decision.fees.label)
    fees[currency] = fees.get(currency, 0) + kept


def _conflict(decision: LineDecision, line: LineFacts) -> LegalConflict | None:
    """What the law might say against a verdict, if the shopper still has the right: it concerns money back only."""
    # What has not left yet is canceled, whatever the policy says; a false quantity is nobody's right.
    if line.wish != "refund" or line.whereabouts == "unshipped" or not 0 < line.quantity <= line.left:
        return None
    if decision.answer == "decline":
        return "declined"
    return "fee_kept" if decision.fees.handling else None


def _certainty(request: ReturnFacts, line: LineFacts, at: datetime) -> Certainty | None:
    right = open_withdrawal(request, line, at)
    if right is None:
        return None
    return "possible" if right.worst_case else "certain"


def _first_reason(decision: LineDecision) -> str:
    return decision.objections[0][0] if decision.objections else ""
