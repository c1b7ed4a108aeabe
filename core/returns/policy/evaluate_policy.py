"""Ask the store's policy about a return: accept, a person decides, or decline, with reasons and the next best thing.

The document is in `rulebook`, what goes in and comes out in `facts`, the decision on one line in `decision`. A legal
withdrawal never comes through here.
"""

from __future__ import annotations

from datetime import datetime

from core.returns.facts import OBJECTIONS, OFFERS, Answer, Fees, LineFacts, Objection, Offer, RefundWhen, ReturnFacts
from core.returns.law.withdrawal_law import EXEMPTIONS, Period, is_in_time, withdrawal_period
from core.returns.policy.line_decision import LineDecision, PolicyEvaluator
from core.returns.policy.policy_document import Policy, explain

__all__ = ["OBJECTIONS", "OFFERS", "Answer", "LineFacts", "Policy", "ReturnFacts", "ask", "explain"]

_REFUND_ORDER: tuple[RefundWhen, ...] = ("approval", "first_scan", "arrival", "inspection")


def ask(policy: Policy, request: ReturnFacts, now: datetime) -> Answer:
    """Answer a request, line by line and as a whole.

    As a whole it is accepted when every line is, declined when every line is, else a person decides. `now` is aware.
    Never raises for odd facts; nothing asked for is declined.
    """
    evaluator = PolicyEvaluator(policy)
    lines = tuple(_answer_line(evaluator, request, line, now) for line in request.lines)
    return _combine(lines)


def open_withdrawal(request: ReturnFacts, line: LineFacts, now: datetime) -> Period | None:
    """The shopper's legal right over a line while it lasts; None where there is no such law, or the line is exempt."""
    if line.exemption in EXEMPTIONS or line.left < 1:
        return None
    parcels = request.parcels or tuple(one.delivered_on for one in request.lines)
    country = request.country or request.store_country
    right = withdrawal_period(
        country, parcels, request.placed_on, line.kind, request.informed, store_country=request.store_country
    )
    return right if right and is_in_time(right, country, now) else None


def _answer_line(evaluator: PolicyEvaluator, request: ReturnFacts, line: LineFacts, now: datetime) -> Answer:
    decision = evaluator.decide(request, line, line.wish, evaluator.day(now))
    rules = tuple((rule.name, rule.answer) for rule in evaluator.fitting_rules(request, line, line.wish))
    objections: tuple[Objection, ...] = ()
    if decision.objections:
        offer = _next_best(evaluator, request, line, decision, now)
        given = [one for one in decision.objections if one[0] != "person_decides" or decision.answer != "decline"]
        objections = tuple(Objection(code, values, offer) for code, values in given)
    return Answer(
        answer=decision.answer,
        line=line.ref,
        objections=objections,
        window_ends=decision.closing.ends,
        worst_case=decision.closing.worst_case,
        fees=decision.fees,
        refund_when=(decision.rule and decision.rule.refund_when) or evaluator.policy.refund_when,
        photos_required=decision.terms.photos,
        questions=tuple(question.key for question in decision.terms.questions),
        rules=rules or (("otherwise", evaluator.policy.otherwise),),
    )


def _next_best(
    evaluator: PolicyEvaluator, request: ReturnFacts, line: LineFacts, decision: LineDecision, now: datetime
) -> Offer:
    """Find what helps most: the simple way out, then the legal right to the same money, then what would be accepted."""
    codes = {code for code, _ in decision.objections}
    if "not_shipped_yet" in codes:
        return Offer("cancel_order")
    if "quantity_too_high" in codes:
        return Offer("ask_for_fewer", {"left": line.left})
    declined = decision.answer == "decline"
    right = open_withdrawal(request, line, now) if declined else None
    withdraw = Offer("withdraw", {"until": right.ends}) if right else None
    if withdraw and line.wish in ("refund", "keep"):
        return withdraw
    if "not_delivered_yet" in codes:
        return Offer("wait_for_delivery")
    for wish in dict.fromkeys((*evaluator.offered_wishes(decision.rule), *evaluator.policy.wishes)):
        if wish != line.wish and evaluator.decide(request, line, wish, evaluator.day(now)).answer == "accept":
            return Offer(wish)
    return withdraw or Offer("talk_to_person" if declined else "wait_for_answer")


def _combine(lines: tuple[Answer, ...]) -> Answer:
    answers = {line.answer for line in lines} or {"decline"}
    not_declined = [line for line in lines if line.answer != "decline"]
    ends = [line.window_ends for line in lines if line.window_ends is not None]
    stages = [_REFUND_ORDER.index(line.refund_when) for line in not_declined or lines]
    return Answer(
        answer=answers.pop() if len(answers) == 1 else "review",
        objections=tuple(objection for line in lines for objection in line.objections),
        window_ends=min(ends, default=None),
        worst_case=any(line.worst_case for line in lines),
        fees=_fees_of_parcel([line.fees for line in not_declined]),
        refund_when=_REFUND_ORDER[max(stages, default=-1)],
        photos_required=sum(line.photos_required for line in lines),
        questions=tuple(dict.fromkeys(key for line in lines for key in line.questions)),
        rules=tuple(dict.fromkeys(rule for line in lines for rule in line.rules)),
        lines=lines,
    )


def _fees_of_parcel(fees: list[Fees]) -> Fees:
    """All lines go back in one parcel: where the store pays for one of them, it pays the way back."""
    handling = sum(one.handling for one in fees)
    if all(one.label_paid_by == "shopper" for one in fees) and fees:
        return Fees(handling, max(one.label for one in fees), "shopper")
    return Fees(handling)
