"""Rehearse a policy: hold a candidate beside today's over all past orders and returns, and show what would change.

Everything counts lines, since each is decided by itself; money is what was paid for them, in minor units by currency,
and never added across currencies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from core.returns.facts import Decision, LineFacts, ReturnFacts
from core.returns.policy.evaluate_policy import open_withdrawal
from core.returns.policy.line_decision import Judge, Verdict
from core.returns.policy.policy_document import Policy

EXAMPLES = 3
Certainty = Literal["certain", "possible"]
Clash = Literal["declined", "fee_kept"]


@dataclass(frozen=True, slots=True)
class PastCase:
    """One past order or return. `asked_at` None: nobody asked, so it is judged as if somebody did at `now`."""

    number: str
    """The order's number or the return's, for people."""
    request: ReturnFacts
    asked_at: datetime | None = None
    as_candidate: ReturnFacts | None = None
    """The same lines as the candidate sees them, where it calls goods otherwise or counts days in another zone."""


class _Judged(NamedTuple):
    """A line as one policy sees it, and what that policy says."""

    request: ReturnFacts
    line: LineFacts
    verdict: Verdict


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

    def add(self, place: int, case: PastCase, line: LineFacts, before: Verdict, after: Verdict) -> None:
        """Count one line of a case; `place` numbers the cases from 1."""
        self.lines += 1
        self.cases += place != self._last
        self._last = place
        self.asked += case.asked_at is not None
        currency = case.request.currency
        self.money[currency] = self.money.get(currency, 0) + line.value
        if len(self.examples) < EXAMPLES:
            words = (_first_reason(before), _first_reason(after))
            self.examples.append(Example(case.number, line.ref, line.value, currency, *words))


@dataclass(slots=True)
class Rehearsal:
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
    conflicts: dict[tuple[Clash, Certainty], Tally] = field(default_factory=dict)
    """Lines of a candidate that the shopper could still have withdrawn from by law when asking: `declined`, or
    `fee_kept` from a refund (Art. 13(1), 14(1) leave only the way back to the shopper). `possible`: delivery is
    unknown, so the period cannot be proved over."""
    new_conflicts: int = 0
    """Of all those, lines on which today's policy has no such conflict."""


def compare(policy_now: Policy, candidate: Policy, cases: Iterable[PastCase], now: datetime) -> Rehearsal:
    """Judge every line of every case by both policies. `now` is aware; `cases` may be a generator, read once."""
    ours, theirs = Judge(policy_now), Judge(candidate)
    seen = Rehearsal()
    for case in cases:
        seen.cases += 1
        at = case.asked_at or now
        today, then = ours.day(at), theirs.day(at)
        mine, other = case.request, case.as_candidate or case.request
        for line, again in zip(mine.lines, other.lines, strict=True):
            before = _Judged(mine, line, ours.decide(mine, line, line.wish, today))
            after = _Judged(other, again, theirs.decide(other, again, again.wish, then))
            _count_line(seen, case, before, after, at)
    return seen


def _count_line(seen: Rehearsal, case: PastCase, before: _Judged, after: _Judged, at: datetime) -> None:
    seen.lines += 1
    verdicts = before.verdict, after.verdict
    if case.asked_at is not None:
        seen.asked += 1
        _add_fees(seen.fees_now, case, before.verdict)
        _add_fees(seen.fees_candidate, case, after.verdict)
    if before.verdict.answer != after.verdict.answer:
        tally = seen.changes.setdefault((before.verdict.answer, after.verdict.answer), Tally())
        tally.add(seen.cases, case, before.line, *verdicts)
    clash = _clash(after.verdict, after.line)
    certainty = _certainty(after.request, after.line, at) if clash else None
    if clash and certainty:
        seen.conflicts.setdefault((clash, certainty), Tally()).add(seen.cases, case, before.line, *verdicts)
        seen.new_conflicts += _clash(before.verdict, before.line) != clash


def _add_fees(fees: dict[str, int], case: PastCase, verdict: Verdict) -> None:
    currency = case.request.currency
    fees[currency] = fees.get(currency, 0) + verdict.fees.handling + verdict.fees.label


def _clash(verdict: Verdict, line: LineFacts) -> Clash | None:
    """What the law might say against a verdict, if the shopper still has the right: it concerns money back only."""
    # What has not left yet is canceled, whatever the policy says; a false quantity is nobody's right.
    if line.wish != "refund" or line.whereabouts == "unshipped" or not 0 < line.quantity <= line.left:
        return None
    if verdict.answer == "decline":
        return "declined"
    return "fee_kept" if verdict.fees.handling else None


def _certainty(request: ReturnFacts, line: LineFacts, at: datetime) -> Certainty | None:
    right = open_withdrawal(request, line, at)
    if right is None:
        return None
    return "possible" if right.worst_case else "certain"


def _first_reason(verdict: Verdict) -> str:
    return verdict.objections[0][0] if verdict.objections else ""
