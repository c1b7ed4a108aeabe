"""Everything the page of one return shows, read in a few queries: things, reasons, amount, money, earlier returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.desk.history import Step, steps_of
from core.i18n.words import Words
from core.mail.layout import safe_url
from core.orders.model import LineItem, Order
from core.returns.facts import Objection, Offer
from core.returns.model import Reimbursement, Return, ReturnItem, ReturnPhoto
from core.returns.money.exchange import Settlement
from core.returns.money.part_payments import is_part
from core.returns.money.payout import shares_of
from core.returns.money.quotes import Entry
from core.returns.policy import policy_versions
from core.returns.presenter import display_names, exchange_view, sentences
from core.returns.requests.lifecycle import items_of
from core.stores.model import Store


@dataclass(frozen=True, slots=True)
class ReturnedItem:
    """One item of a return, with what the shopper said of it in words."""

    item: ReturnItem
    title: str
    reason: str
    wish: str
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PayoutView:
    """One thing of worth the shopper gets: its kind, its amount, and the lines that add up to it."""

    kind: str
    amount: int
    entries: tuple[tuple[str, str, int], ...]
    """(label, why, minor units)"""
    exchange: str = ""
    """What goes out instead and who pays the difference; the entries then add up to that difference."""


@dataclass(frozen=True, slots=True)
class Money:
    """A reimbursement and where a person pays it, "" where nobody has to."""

    row: Reimbursement
    link: str
    exchange: str = ""
    """What goes out in an exchange and who pays the difference."""


@dataclass(frozen=True, slots=True)
class ReturnView:
    """What the page shows of one return. `given` is what it brings as it stands, or what was promised."""

    rma: Return
    order: Order
    things: Sequence[ReturnedItem]
    photos: Sequence[int]
    objections: Sequence[str]
    given: Sequence[PayoutView]
    money: Sequence[Money]
    earlier: Sequence[Return]
    history: Sequence[Step]
    conflict: str = ""
    """What went apart between this return and the platform's own, and what to do; "" where nothing did."""

    @property
    def exchange(self) -> str:
        """What goes out in an exchange and who pays the difference; "" where nothing is exchanged."""
        return " ".join(one.exchange for one in self.given if one.exchange)

    @property
    def amount(self) -> int:
        """What it brings in all, in minor units."""
        return sum(one.amount for one in self.given)


def view_return(session: Session, store: Store, rma: Return, words: Words) -> ReturnView:
    """Read one return with all that belongs to it."""
    order = session.get_one(Order, (store.id, rma.order_id))
    titles = titles_of(session, order)
    items = items_of(session, rma)
    money = list(session.scalars(sa.select(Reimbursement).where(Reimbursement.return_id == rma.id)))
    photos = sa.select(ReturnPhoto.id).where(ReturnPhoto.return_id == rma.id).order_by(ReturnPhoto.id)
    return ReturnView(
        rma=rma,
        order=order,
        things=_things(session, store, rma, items, titles, words),
        photos=session.scalars(photos).all(),
        objections=tuple(dict.fromkeys(_objection(words, kept) for kept in rma.objections)),
        given=_given(session, rma, money, titles, words),
        money=[Money(row, pay_link(row, order), _told(row, words)) for row in money],
        earlier=_earlier(session, order, rma),
        history=steps_of(
            session,
            rma,
            money=money,
            causes={
                "return_requested": rma.opened_by,
                "return_approved": rma.decided_by,
                "return_sent": "shopper",
                "return_canceled": "shopper",
            },
        ),
        conflict=conflict_sentence(rma, words),
    )


def conflict_sentence(rma: Return, words: Words) -> str:
    """Say what went apart between a return and the platform's own, and what staff can do about it."""
    say, name = words.pgettext, rma.native_name or rma.native_ref
    if not rma.native_conflict:
        return ""
    return {
        "approved": say(
            "desk",
            "%(name)s was approved in your store after it was ended here. Take it up again, or cancel it there.",
            name=name,
        ),
        "declined": say(
            "desk",
            "%(name)s was declined in your store, but its goods or money have moved here. Settle it here.",
            name=name,
        ),
        "canceled": say(
            "desk",
            "%(name)s was canceled in your store, but its goods or money have moved here. Settle it here.",
            name=name,
        ),
        "reopened": say(
            "desk", "%(name)s was opened again in your store; here it is settled. Close it there once it is.", name=name
        ),
        "refused": say("desk", "Your store would not take this over: %(sentence)s", sentence=rma.native_sentence),
        "not_followed": say(
            "desk",
            "What was done with %(name)s in your store could not be taken over here. Compare the two and settle it "
            "here.",
            name=name,
        ),
    }.get(rma.native_conflict, rma.native_sentence)


def titles_of(session: Session, order: Order) -> dict[str, str]:
    """Name an order's lines by ref."""
    lines = sa.select(LineItem).where(LineItem.order_id == order.id).order_by(LineItem.place)
    return titles_in(session.scalars(lines))


def titles_in(lines: Iterable[Any]) -> dict[str, str]:
    """Name these lines by ref."""
    return {line.ref: f"{line.title}, {line.variant}" if line.variant else line.title for line in lines}


def payout_view_of(row: Reimbursement, titles: Mapping[str, str], words: Words) -> PayoutView:
    """Explain a reimbursement as it was promised."""
    if row.kind == "exchange":
        return _exchange(row.amount, exchange_view.of_row(row), row.currency, titles, words)
    return PayoutView(row.kind, row.amount, entries_of([Entry(**kept) for kept in row.explanation], titles, words))


def entries_of(entries: Sequence[Entry], titles: Mapping[str, str], words: Words) -> tuple[tuple[str, str, int], ...]:
    """Put an amount's explanation into words."""
    return tuple(
        (display_names.entry_label(words, entry, titles), display_names.note(words, entry.note), entry.amount)
        for entry in entries
    )


def _told(row: Reimbursement, words: Words) -> str:
    settlement = exchange_view.of_row(row) if row.kind == "exchange" else None
    return exchange_view.sentence_for_staff(words, settlement, row.currency) if settlement else ""


def pay_link(row: Reimbursement, order: Order) -> str:
    """Say where in the store's admin a person pays; "" where the payment needs nobody."""
    return safe_url(row.link or order.admin_url) if row.state in ("failed", "needs_staff", "awaiting_payment") else ""


def _things(
    session: Session, store: Store, rma: Return, items: Sequence[ReturnItem], titles: Mapping[str, str], words: Words
) -> list[ReturnedItem]:
    questions: dict[tuple[str, str], str] = {}
    if any(item.answers for item in items):
        policy = policy_versions.policy_at(session, store, rma.policy_version)
        for reason, terms in policy.reasons.items():
            for question in terms.questions:
                asked = question.words.get(words.language) or question.words.get("en") or ""
                questions[reason, question.key] = asked
    return [
        ReturnedItem(
            item=item,
            title=titles.get(item.line_ref, item.title),
            reason=display_names.reason_label(words, item.reason),
            wish=display_names.wish_label(words, item.wish),
            answers=tuple(
                (questions.get((item.reason, key)) or key.replace("_", " "), str(said))
                for key, said in item.answers.items()
            ),
        )
        for item in items
    ]


def _objection(words: Words, kept: Mapping[str, Any]) -> str:
    """Say what the policy objected to; staff read of a block list what no shopper is told."""
    if kept["code"] == "blocked":
        return words.pgettext("desk", "The shopper is on your block list.")
    return sentences.objection(words, Objection(kept["code"], kept["values"], Offer(kept["offer"], kept["offered"])))


def _given(
    session: Session, rma: Return, money: Sequence[Reimbursement], titles: Mapping[str, str], words: Words
) -> list[PayoutView]:
    promised = [payout_view_of(row, titles, words) for row in money]
    if not all(is_part(row.intent) for row in money) or rma.acceptance in ("declined", "canceled"):
        return promised
    shares = shares_of(session, rma)
    return promised + [
        _exchange(one.quote.total, one.settlement, rma.currency, titles, words)
        if one.settlement
        else PayoutView(one.kind, one.quote.total, entries_of(one.quote.explanation, titles, words))
        for one in shares
    ]


def _exchange(
    amount: int, settlement: Settlement, currency: str, titles: Mapping[str, str], words: Words
) -> PayoutView:
    told = exchange_view.sentence_for_staff(words, settlement, currency)
    return PayoutView("exchange", amount, entries_of(settlement.entries, titles, words), told)


def _earlier(session: Session, order: Order, rma: Return) -> Sequence[Return]:
    """Give this shopper's other returns, newest first."""
    if not order.email_key:
        return ()
    same = sa.select(Order.id).where(Order.email_key == order.email_key)
    query = sa.select(Return).where(Return.order_id.in_(same), Return.id != rma.id)
    return session.scalars(query.order_by(Return.opened_at.desc()).limit(20)).all()
