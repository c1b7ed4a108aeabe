"""What can be done with an order, as its shopper reads it: what may go back, what it would bring, what is under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import LineItem, Order
from core.returns.api.outputs import (
    CancelOut,
    ChoiceOut,
    LineOut,
    LineRightOut,
    OptionsOut,
    QuestionOut,
    QuoteOut,
    ReasonOut,
)
from core.returns.facts import SEVERITY, Answer, ReturnFacts
from core.returns.law import withdrawal_rights
from core.returns.law.withdrawal_rights import NoSuchRight, Right
from core.returns.model import Return, Withdrawal
from core.returns.money.order_balance import Books, read_books
from core.returns.money.purchased import GOODS
from core.returns.policy import policy_versions
from core.returns.policy.evaluate_policy import ask
from core.returns.policy.policy_document import Policy
from core.returns.policy.policy_variants import policy_for
from core.returns.presenter import display_names, sentences, withdrawal_view
from core.returns.presenter.reader_context import Speech
from core.returns.presenter.return_view import answers_of, explain, objections_of, view_return
from core.returns.requests import canceling
from core.returns.requests.evaluate_request import Asked, Considered, facts_of
from core.returns.requests.opening import photos_wanted
from core.stores.model import Store


def view_options(
    session: Session, store: Store, order: Order, speech: Speech, *, kind: str = "return", gift: bool = False
) -> OptionsOut:
    """Say what can be done with an order; in one read, so that all of it fits together. A gift shows no price."""
    books = read_books(session, order)
    policy = policy_for(policy_versions.policy_of(session, store), kind, gift=gift)
    right = _right_of(session, store, order, books, speech.now)
    returns = session.scalars(sa.select(Return).where(Return.order_id == order.id).order_by(Return.id.desc())).all()
    declared = sa.select(Withdrawal).where(Withdrawal.order_id == order.id, Withdrawal.declared_at.is_not(None))
    withdrawals = session.scalars(declared.order_by(Withdrawal.id.desc())).all()
    return OptionsOut(
        order_id=str(order.id),
        number=order.number,
        currency=order.currency,
        lines=_lines(session, store, books, policy, right, speech, gift=gift),
        reasons=_reasons(policy, speech),
        wishes=[ChoiceOut(key=wish, label=display_names.wish_label(speech.words, wish)) for wish in policy.wishes],
        cancel=_cancel(session, store, order, policy, speech),
        withdrawal=withdrawal_view.view_right(right, order, store, speech),
        returns=[view_return(session, store, rma, speech) for rma in returns],
        withdrawals=[withdrawal_view.view_withdrawal(row, order, store, speech) for row in withdrawals],
    )


def view_quote(seen: Considered, speech: Speech, *, gift: bool = False) -> QuoteOut:
    """Say what a request would bring; the explanation adds up to the amount. A gift shows neither."""
    words, answer = speech.words, seen.answer
    lines = {line.ref: line for line in seen.books.lines}
    shown = seen.quote if not gift else None
    goes = answer.answer != "decline"
    return QuoteOut(
        answer=answer.answer,
        amount=None if gift else seen.quote.total if seen.quote else 0,
        currency=seen.books.bought.currency,
        fees=None if gift else seen.quote.fees if seen.quote else 0,
        explanation=explain(speech, shown.explanation, lines) if shown else [],
        lines=answers_of(speech, answer.lines),
        photos_required=photos_wanted(answer),
        refund_sentence=sentences.refund_when(words, answer.refund_when) if goes and not gift else "",
        way_back_sentence=_way_back(seen, speech, gift=gift) if goes else "",
    )


def _way_back(seen: Considered, speech: Speech, *, gift: bool) -> str:
    if all(line.wish == "keep" for line in seen.facts.lines):
        return ""
    fees = seen.answer.fees
    label_fee = 0 if gift else fees.label
    return sentences.way_back(speech.words, fees.label_paid_by, label_fee, seen.books.bought.currency)


def best_answers(policy: Policy, facts: ReturnFacts, now: datetime) -> tuple[Answer, ...]:
    """Give for each line the best that the policy answers for any of its reasons; of equals, the first."""
    asked = [
        ask(policy, replace(facts, lines=tuple(replace(line, reason=reason) for line in facts.lines)), now).lines
        for reason in list(policy.reasons) or ["other"]
    ]
    return tuple(min(same, key=lambda one: SEVERITY[one.answer]) for same in zip(*asked, strict=True))


def _lines(
    session: Session, store: Store, books: Books, policy: Policy, right: Right | None, speech: Speech, *, gift: bool
) -> list[LineOut]:
    goods = [line for line in books.lines if line.kind in GOODS]
    wish = policy.wishes[0] if policy.wishes else "refund"
    asked = [Asked(line.ref, max(books.left[line.ref], 1), wish=wish) for line in goods]
    facts = facts_of(session, store, books, policy, asked, gift=gift, now=speech.now)
    answers = best_answers(policy, facts, speech.now)
    return [
        LineOut(
            ref=line.ref,
            title=line.title,
            variant=line.variant,
            image_url=line.image_url,
            bought=line.quantity,
            left=books.left[line.ref],
            value=None if gift else fact.value // fact.quantity,
            answer=answer.answer,
            window_ends=answer.window_ends,
            window_sentence=sentences.window(speech.words, answer, today=speech.today),
            objections=objections_of(speech, answer),
            withdrawal=_line_right(right, line, speech),
        )
        for line, fact, answer in zip(goods, facts.lines, answers, strict=True)
    ]


def _line_right(right: Right | None, line: LineItem, speech: Speech) -> LineRightOut | None:
    if right is None:
        return None
    letter = right.exemptions.get(line.ref, "")
    ground = sentences.exemption(speech.words, letter)
    told = speech.words.pgettext(
        "widget", "The store says that this is exempt: %(ground)s. You can declare it all the same.", ground=ground
    )
    return LineRightOut(
        open=right.left.get(line.ref, 0) > 0,
        until=right.period.ends,
        exempt=bool(letter),
        sentence=told if letter else "",
    )


def _right_of(session: Session, store: Store, order: Order, books: Books, now: datetime) -> Right | None:
    try:
        return withdrawal_rights.right_of(session, store, order, now=now, books=books)
    except NoSuchRight:
        return None


def _reasons(policy: Policy, speech: Speech) -> list[ReasonOut]:
    return [
        ReasonOut(
            key=key,
            label=display_names.reason_label(speech.words, key),
            photos=terms.photos,
            questions=[
                QuestionOut(
                    key=question.key,
                    label=display_names.question_label(speech.words, question.key, question.words),
                    choices=[
                        ChoiceOut(key=one, label=display_names.reason_label(speech.words, one))
                        for one in question.choices
                    ],
                    required=question.required,
                )
                for question in terms.questions
            ],
        )
        for key, terms in policy.reasons.items()
    ]


def _cancel(session: Session, store: Store, order: Order, policy: Policy, speech: Speech) -> CancelOut:
    """Say whether the order can be stopped. Long after it left nobody needs to read that it cannot."""
    say, against = speech.words.pgettext, canceling.hindrance(session, store, order)
    told = {
        None: say("widget", "This order has not left the store. You can ask to cancel it.")
        if policy.cancel == "review"
        else say("widget", "This order has not left the store. You can cancel it."),
        "asked": say("widget", "You have asked to cancel this order."),
    }
    return CancelOut(possible=against is None, sentence=told.get(against, ""))
