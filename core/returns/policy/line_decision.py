"""Decides one line for one wish: the first matching rule, then the checks that hold whatever the rule says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.returns.facts import OBJECTIONS, SEVERITY, Decision, Fees, LineFacts, ReturnFacts, Wish
from core.returns.policy.policy_document import Policy, PolicyRule, ReasonTerms, Shopper, Window
from core.returns.policy.return_windows import WindowEnd, window_end, window_state
from core.returns.policy.rule_matching import compile_filters, is_in_collection

_NO_FEES = Fees()
_WORDLESS: dict[Decision, str] = {"review": "person_decides", "decline": "not_covered"}


@dataclass(slots=True)
class LineDecision:
    """What is decided about one line, before anything is offered instead."""

    answer: Decision
    objections: list[tuple[str, dict[str, Any]]]
    rule: PolicyRule | None
    closing: WindowEnd
    terms: ReasonTerms
    fees: Fees

    def object(self, answer: Decision, code: str, **values: Any) -> None:
        """Add a reason against; the strictest answer wins."""
        self.objections.append((code, values))
        if SEVERITY[answer] > SEVERITY[self.answer]:
            self.answer = answer


class PolicyEvaluator:
    """A policy made ready to decide many lines."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._zone = ZoneInfo(policy.timezone)
        self._blocked, self._allowed = frozenset(policy.blocked), frozenset(policy.allowed)
        self._rules = [(rule, compile_filters(rule.when), rule.when.has_bounds) for rule in policy.rules]

    def day(self, now: datetime) -> date:
        """The day it is where the store is; `now` is aware."""
        return now.astimezone(self._zone).date()

    def decide(self, request: ReturnFacts, line: LineFacts, wish: Wish, today: date) -> LineDecision:
        """Decide one line for one wish: the first rule that fits, then the facts that no rule can overlook."""
        policy = self.policy
        rule = next(self.fitting_rules(request, line, wish), None)
        own = None if rule and _fits_unknown_collections(rule, line) else rule  # such a rule only asks for a person
        window = own.window if own and own.window else policy.window
        closing = window_end(window, policy.extensions, request.placed_on, line)
        decision = LineDecision("accept", [], rule, closing, _reason_terms(policy, own, line.reason), _NO_FEES)
        self._apply_rule(decision, request, line)
        _check_quantity(decision, request, line)
        _check_whereabouts(decision, policy, line)
        _check_window(decision, window, line, today)
        offered = self.offered_wishes(own)
        if wish not in offered:
            decision.object("decline", "wish_not_offered", wish=wish, offered=offered)
        if decision.answer != "decline" and wish != "keep":  # what stays costs no way back
            decision.fees = _fees(decision.terms, request, line, policy.currency)
        return decision

    def fitting_rules(self, request: ReturnFacts, line: LineFacts, wish: Wish) -> Iterator[PolicyRule]:
        """Give the rules that fit, in order. Bounds count as held where nobody knows the value in their currency."""
        value = request.value_in(self.policy.currency)
        shopper: Shopper = "allowed" if request.shopper in self._allowed else "other"
        if shopper == "other" and request.shopper in self._blocked:
            shopper = "blocked"
        for rule, checks, has_bounds in self._rules:
            for check in checks:
                if not check(request, line, wish, shopper):
                    break
            else:
                if not has_bounds or value is None or rule.when.holds_value(value):
                    yield rule

    def offered_wishes(self, rule: PolicyRule | None) -> tuple[Wish, ...]:
        """What may be wished for under a rule, or where none fits."""
        return self.policy.wishes if rule is None or rule.wishes is None else rule.wishes

    def _apply_rule(self, decision: LineDecision, request: ReturnFacts, line: LineFacts) -> None:
        """Say what the rule says; one that weighs money of another currency leaves it to a person, whatever it says.

        Unless the order itself says what it was in the policy's currency.
        """
        rule, terms, currency = decision.rule, decision.terms, self.policy.currency
        answer = rule.answer if rule else self.policy.otherwise
        unweighed = rule is not None and rule.when.has_bounds and request.value_in(currency) is None
        if unweighed or None in (
            request.fee_from(terms.fee_fixed, currency),
            request.fee_from(terms.label_fee, currency),
        ):
            decision.object("review", "other_currency", currency=request.currency)
        if rule is not None and _fits_unknown_collections(rule, line):
            decision.object("review", "person_decides")
            return
        if answer == "accept" or unweighed:
            return
        code = rule.objection if rule and rule.objection else _WORDLESS[answer]
        values = _values_of(code, rule, self.policy.currency, request, line) if rule else {}
        decision.object(answer, code, **values)


def _fits_unknown_collections(rule: PolicyRule, line: LineFacts) -> bool:
    """Say whether a rule that fits does so only because nobody knows the line's collections."""
    return bool(rule.when.collections) and not is_in_collection(rule.when, line)


def _reason_terms(policy: Policy, rule: PolicyRule | None, reason: str) -> ReasonTerms:
    own = rule.reasons if rule and rule.reasons else {}
    return own.get(reason) or policy.reasons.get(reason) or policy.reasons.get("other") or ReasonTerms()


def _values_of(code: str, rule: PolicyRule, currency: str, request: ReturnFacts, line: LineFacts) -> dict[str, Any]:
    """Gather what a rule's own sentence needs."""
    names = OBJECTIONS[code]
    if not names:
        return {}
    known = {
        "minimum": rule.when.value_below,
        "maximum": rule.when.value_from,
        "currency": currency,
        "count": request.earlier_returns,
        "country": request.country,
        "reason": line.reason,
    }
    return {name: known[name] for name in names}


def _check_quantity(decision: LineDecision, request: ReturnFacts, line: LineFacts) -> None:
    asked = 0
    for one in request.lines:  # one line may be asked for twice, a part to refund and a part to exchange
        if one.ref == line.ref:
            asked += max(one.quantity, 0)
    if line.quantity < 1:
        decision.object("decline", "nothing_asked")
    elif line.left < 1:
        decision.object("decline", "already_returned")
    elif asked > line.left:
        decision.object("decline", "quantity_too_high", left=line.left)


def _check_whereabouts(decision: LineDecision, policy: Policy, line: LineFacts) -> None:
    if line.delivered_on is not None:
        return
    if line.whereabouts == "unshipped":
        decision.object("decline", "not_shipped_yet")
    if line.whereabouts == "on_its_way" and policy.before_delivery != "accept":
        decision.object(policy.before_delivery, "not_delivered_yet")


def _check_window(decision: LineDecision, window: Window, line: LineFacts, today: date) -> None:
    state = window_state(decision.closing, window, today)
    if state == "open":
        return
    if state == "unknown":
        if line.whereabouts in ("delivered", "unknown"):  # elsewhere the whereabouts have said it already
            decision.object("review", "delivery_unknown", open_at_least_until=decision.closing.ends, days=window.days)
        return
    counted_from = "extension" if decision.closing.extended else window.counted_from
    values = {"closed_on": decision.closing.ends, "days": window.days, "counted_from": counted_from}
    if state == "grace":
        decision.object("review", "window_just_over", **values)
    else:
        decision.object("decline", "window_over", **values)


def _fees(terms: ReasonTerms, request: ReturnFacts, line: LineFacts, currency: str) -> Fees:
    """Work out what is kept back, in the order's currency and never more than was paid.

    Fixed amounts are converted by the order's own rate, and left out where it has none.
    """
    fixed = request.fee_from(terms.fee_fixed, currency) or 0
    share = (line.value * int(terms.fee_percent * 100) + 5_000) // 10_000 if terms.fee_percent else 0
    handling = max(min(line.value, share + fixed), 0)
    if terms.label_paid_by == "shopper":
        label = max(min(request.fee_from(terms.label_fee, currency) or 0, line.value - handling), 0)
        return Fees(handling, label, "shopper")
    return Fees(handling) if handling else _NO_FEES
