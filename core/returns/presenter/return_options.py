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
from core.returns.money.order_balance import OrderBalance, read_balance
from core.returns.money.purchased import GOODS
from core.returns.policy import policy_versions
from core.returns.policy.evaluate_policy import ask
from core.returns.policy.policy_document import Policy
from core.returns.policy.policy_variants import policy_for
from core.returns.presenter import display_names, exchange_view, sentences, withdrawal_view
from core.returns.presenter.reader_context import ReaderContext
from core.returns.presenter.return_view import answers_of, explain, objections_of, view_return
from core.returns.requests import canceling
from core.returns.requests.ask_collections import Collections
from core.returns.requests.evaluate_request import EvaluatedRequest, RequestedLine, facts_of
from core.returns.requests.opening import photos_wanted
from core.stores.model import Store


def view_options(
    session: Session,
    store: Store,
    order: Order,
    reader: ReaderContext,
    *,
    kind: str = "return",
    gift: bool = False,
    has_variants: bool = False,
    collections: Collections = None,
) -> OptionsOut:
    """Say what can be done with an order; in one read, so that all of it fits together. A gift shows no price.

    `has_variants` says whether the store's platform can be asked for a product's variants, `collections` is what
    `ask_collections` gave.
    """
    balance = read_balance(session, order)
    policy = policy_for(policy_versions.policy_of(session, store), kind, gift=gift)
    right = _right_of(session, store, order, balance, reader.now)
    returns = session.scalars(sa.select(Return).where(Return.order_id == order.id).order_by(Return.id.desc())).all()
    declared = sa.select(Withdrawal).where(Withdrawal.order_id == order.id, Withdrawal.declared_at.is_not(None))
    withdrawals = session.scalars(declared.order_by(Withdrawal.id.desc())).all()
    return OptionsOut(
        order_id=str(order.id),
        number=order.number,
        currency=order.currency,
        lines=_lines(
            session,
            store,
            balance,
            policy,
            right,
            reader,
            gift=gift,
            has_variants=has_variants,
            collections=collections,
        ),
        reasons=_reasons(policy, reader),
        wishes=[ChoiceOut(key=wish, label=display_names.wish_label(reader.words, wish)) for wish in policy.wishes],
        gift_label=reader.words.pgettext("widget", "It was a gift"),
        warranty_label=reader.words.pgettext("widget", "It broke later: use the warranty"),
        not_offered=reader.words.pgettext("widget", "The store does not offer this for this order."),
        cancel=_cancel(session, store, order, policy, reader),
        withdrawal=withdrawal_view.view_right(right, order, store, reader, may_cost=not gift and policy.may_cost),
        returns=[view_return(session, store, rma, reader) for rma in returns],
        withdrawals=[withdrawal_view.view_withdrawal(row, order, store, reader) for row in withdrawals],
    )


def view_quote(evaluated: EvaluatedRequest, reader: ReaderContext, *, gift: bool = False) -> QuoteOut:
    """Say what a request would bring; the explanation adds up to the amount. A gift shows neither."""
    words, answer = reader.words, evaluated.answer
    lines = {line.ref: line for line in evaluated.balance.lines}
    shown = evaluated.quote if not gift else None
    goes = answer.answer != "decline"
    refunds = evaluated.settlement is None or evaluated.rest is not None or bool(evaluated.settlement.back)
    settlement, rest = evaluated.settlement, evaluated.rest
    amount: int | None = shown.total if shown else 0
    told = shown.explanation if shown else ()
    if settlement and shown:
        parts = [part for part in (settlement.back, rest.total if rest else None) if part is not None]
        amount, told = sum(parts) if parts else None, (*(rest.explanation if rest else ()), *settlement.entries)
    currency = evaluated.balance.bought.currency
    return QuoteOut(
        answer=answer.answer,
        exchange=exchange_view.sentence(words, settlement, currency, gift=gift) if settlement else "",
        to_pay=None if gift else settlement.to_pay if settlement else 0,
        amount=None if gift else amount,
        currency=currency,
        fees=None if gift else evaluated.quote.fees if evaluated.quote else 0,
        explanation=explain(reader, told, lines),
        lines=answers_of(reader, answer.lines),
        photos_required=photos_wanted(answer),
        refund_sentence=sentences.refund_when(words, answer.refund_when) if goes and refunds and not gift else "",
        way_back_sentence=_way_back(evaluated, reader, gift=gift) if goes else "",
        withdrawal_sentence=sentences.cheaper_withdrawal(words, cheaper.values["until"], today=reader.today)  # type: ignore[arg-type]
        if (cheaper := answer.withdrawal)
        else "",
    )


def _way_back(evaluated: EvaluatedRequest, reader: ReaderContext, *, gift: bool) -> str:
    if all(line.wish == "keep" for line in evaluated.facts.lines):
        return ""
    fees = evaluated.answer.fees
    label_fee = 0 if gift else fees.label
    currency, exchange = evaluated.balance.bought.currency, evaluated.settlement is not None and evaluated.rest is None
    return sentences.way_back(reader.words, fees.label_paid_by, label_fee, currency, exchange=exchange)


def best_answers(policy: Policy, facts: ReturnFacts, now: datetime) -> tuple[Answer, ...]:
    """Give for each line the best that the policy answers for any of its reasons; of equals, the first."""
    asked = [
        ask(policy, replace(facts, lines=tuple(replace(line, reason=reason) for line in facts.lines)), now).lines
        for reason in list(policy.reasons) or ["other"]
    ]
    return tuple(min(same, key=lambda one: SEVERITY[one.answer]) for same in zip(*asked, strict=True))


def _lines(
    session: Session,
    store: Store,
    balance: OrderBalance,
    policy: Policy,
    right: Right | None,
    reader: ReaderContext,
    *,
    gift: bool,
    has_variants: bool,
    collections: Collections,
) -> list[LineOut]:
    goods = [line for line in balance.lines if line.kind in GOODS]
    wish = policy.wishes[0] if policy.wishes else "refund"
    asked = [RequestedLine(line.ref, max(balance.left[line.ref], 1), wish=wish) for line in goods]
    facts = facts_of(session, store, balance, policy, asked, gift=gift, collections=collections, now=reader.now)
    answers = best_answers(policy, facts, reader.now)
    return [
        LineOut(
            ref=line.ref,
            title=line.title,
            variant=line.variant,
            image_url=line.image_url,
            bought=line.quantity,
            left=balance.left[line.ref],
            value=None if gift else fact.value // fact.quantity,
            answer=answer.answer,
            window_ends=answer.window_ends,
            has_variants=has_variants and bool(line.product_ref),
            window_sentence=sentences.window(reader.words, answer, today=reader.today),
            objections=objections_of(reader, answer),
            withdrawal=_line_right(right, line, reader),
        )
        for line, fact, answer in zip(goods, facts.lines, answers, strict=True)
    ]


def _line_right(right: Right | None, line: LineItem, reader: ReaderContext) -> LineRightOut | None:
    if right is None:
        return None
    letter = right.exemptions.get(line.ref, "")
    ground = sentences.exemption(reader.words, letter)
    exempt = reader.words.pgettext(
        "widget", "The store says that this is exempt: %(ground)s. You can declare it all the same.", ground=ground
    )
    return LineRightOut(
        open=right.left.get(line.ref, 0) > 0,
        until=right.period.ends,
        exempt=bool(letter),
        sentence=exempt if letter else sentences.exemption_if(reader.words, right.conditions.get(line.ref, "")),
    )


def _right_of(session: Session, store: Store, order: Order, balance: OrderBalance, now: datetime) -> Right | None:
    try:
        return withdrawal_rights.right_of(session, store, order, now=now, books=balance)
    except NoSuchRight:
        return None


def _reasons(policy: Policy, reader: ReaderContext) -> list[ReasonOut]:
    return [
        ReasonOut(
            key=key,
            label=display_names.reason_label(reader.words, key),
            photos=terms.photos,
            questions=[
                QuestionOut(
                    key=question.key,
                    label=display_names.question_label(reader.words, question.key, question.words),
                    choices=[
                        ChoiceOut(key=one, label=display_names.reason_label(reader.words, one))
                        for one in question.choices
                    ],
                    required=question.required,
                )
                for question in terms.questions
            ],
        )
        for key, terms in policy.reasons.items()
    ]


def _cancel(session: Session, store: Store, order: Order, policy: Policy, reader: ReaderContext) -> CancelOut:
    """Say whether the order can be stopped. Long after it left nobody needs to read that it cannot."""
    say, against = reader.words.pgettext, canceling.cancel_obstacle(session, store, order)
    sentences_by_obstacle = {
        None: say("widget", "This order has not left the store. You can ask to cancel it.")
        if policy.cancel == "review"
        else say("widget", "This order has not left the store. You can cancel it."),
        "asked": say("widget", "You have asked to cancel this order."),
    }
    return CancelOut(
        possible=against is None,
        sentence=sentences_by_obstacle.get(against, ""),
        label=say("widget", "Cancel the order"),
        warning=say("widget", "This stops the whole order."),
        sure=say("widget", "Yes, cancel the order"),
    )
