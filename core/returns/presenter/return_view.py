"""A return as its shopper reads it: rows in, the shapes of `outputs` out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import LineItem
from core.returns.api.outputs import (
    EntryOut,
    LineAnswerOut,
    ObjectionOut,
    OfferOut,
    ReimbursementOut,
    ReturnLineOut,
    ReturnOut,
)
from core.returns.api.withdrawal_outputs import PhotoLinkOut
from core.returns.facts import Answer
from core.returns.model import Reimbursement, Return, ReturnItem, ReturnPhoto
from core.returns.money import payout
from core.returns.money.exchange import Settlement
from core.returns.money.part_payments import is_part
from core.returns.money.quotes import Entry
from core.returns.presenter import display_names, exchange_view, progress
from core.returns.presenter.reader_context import ReaderContext
from core.returns.presenter.sentences import objection, offer
from core.returns.requests.lifecycle import items_of
from core.returns.return_settings import return_settings_of
from core.stores.model import Store


def view_return(session: Session, store: Store, rma: Return, reader: ReaderContext) -> ReturnOut:
    """Put a return into its shopper's words. A gift's recipient reads no amount, who may only look no address."""
    items, money, lines = items_of(session, rma), money_of(session, rma), lines_of(session, rma.order_id)
    brings = amount_of(session, rma, money)
    return ReturnOut(
        id=str(rma.id),
        rma=rma.rma,
        kind=rma.kind,  # type: ignore[arg-type]
        status=rma.status,  # type: ignore[arg-type]
        headline=display_names.headline(reader.words, rma.kind, rma.status),
        sentence=progress.next_sentence(reader, rma, money),
        steps=progress.steps_of(reader, rma, items, money),
        lines=[_line(reader, item, lines.get(item.line_ref)) for item in items],
        exchange=_exchange(reader, rma, brings.settlement, money),
        to_pay=brings.to_pay,
        amount=brings.amount,
        currency=rma.currency,
        explanation=explain(reader, brings.entries, lines),
        reimbursements=[_money(reader, rma, row) for row in money],
        instructions=progress.instructions(reader, rma, return_settings_of(store), items),
        label_url=rma.label_url if reader.may_act else "",
        return_by=rma.return_by,
        due=progress.due_of(reader, rma),
        can_cancel=progress.may_cancel(rma),
        labels=_labels(reader, rma),
        can_tell_sent=progress.may_tell_sent(rma),
        photos=_photos(session, rma, reader),
    )


@dataclass(frozen=True, slots=True)
class Brought:
    """What a return brings, in minor units; the entries add up to `amount` less `to_pay`.

    `amount` is None where nothing comes of it, for a gift, and where an exchange has no price yet and nothing else is
    given. `settlement` is the exchange, where there is one.
    """

    amount: int | None = None
    to_pay: int | None = None
    entries: tuple[Entry, ...] = ()
    settlement: Settlement | None = None


def amount_of(session: Session, rma: Return, money: Sequence[Reimbursement]) -> Brought:
    """Say what a return brings: as promised, else as it stands, after what was paid of it at the platform."""
    if rma.status in ("declined", "canceled"):
        return Brought()
    parts = [_promised(row) for row in money]
    if all(is_part(row.intent) for row in money):
        shares = payout.shares_of(session, rma)
        parts += [(share.settlement, share.quote.total, share.quote.explanation) for share in shares]
    settlement = next((one for one, _, _ in parts if one), None)
    if rma.gift:
        return Brought(settlement=settlement)
    entries = [entry for one, _, told in parts for entry in (one.entries if one else told)]
    if sum(entry.amount for entry in entries if entry.what == "balance") == 0:  # told apart in each row alone
        entries = [entry for entry in entries if entry.what != "balance"]
    given = [one.back if one else total for one, total, _ in parts]
    known = [amount for amount in given if amount is not None]
    to_pay = settlement.to_pay if settlement else 0
    return Brought(sum(known) if known or not given else None, to_pay, tuple(entries), settlement)


def _promised(row: Reimbursement) -> tuple[Settlement | None, int, tuple[Entry, ...]]:
    settlement = exchange_view.of_row(row) if row.kind == "exchange" else None
    return settlement, row.amount, tuple(Entry(**entry) for entry in row.explanation)


def money_of(session: Session, rma: Return) -> list[Reimbursement]:
    """Give what was promised for a return, oldest first; what staff gave up counts as never promised."""
    mine = sa.select(Reimbursement).where(Reimbursement.return_id == rma.id, Reimbursement.state != "dropped")
    return list(session.scalars(mine.order_by(Reimbursement.id)))


def lines_of(session: Session, order_id: int) -> dict[str, LineItem]:
    """Give an order's lines by their refs."""
    mine = sa.select(LineItem).where(LineItem.order_id == order_id).order_by(LineItem.place)
    return {line.ref: line for line in session.scalars(mine)}


def explain(reader: ReaderContext, entries: Iterable[Entry], lines: Mapping[str, LineItem]) -> list[EntryOut]:
    """Put an amount's explanation into words."""
    titles = {ref: name_of(line) for ref, line in lines.items()}
    return [
        EntryOut(
            label=display_names.entry_label(reader.words, entry, titles),
            amount=entry.amount,
            note=display_names.note(reader.words, entry.note),
        )
        for entry in entries
    ]


def name_of(line: LineItem) -> str:
    """Name a line with its variant."""
    return f"{line.title}, {line.variant}" if line.variant else line.title


def answers_of(reader: ReaderContext, answers: Iterable[Answer]) -> list[LineAnswerOut]:
    """Put what the policy says of each line into words."""
    return [LineAnswerOut(ref=one.line, answer=one.answer, objections=objections_of(reader, one)) for one in answers]


def objections_of(reader: ReaderContext, answer: Answer) -> list[ObjectionOut]:
    """Say each reason against, with the next best thing."""
    words, today = reader.words, reader.today
    return [
        ObjectionOut(
            code=one.code,
            sentence=objection(words, one, today=today),
            offer=OfferOut(code=one.next_best.code, sentence=offer(words, one.next_best, today=today)),
        )
        for one in answer.objections
    ]


def _exchange(reader: ReaderContext, rma: Return, settlement: Settlement | None, money: Sequence[Reimbursement]) -> str:
    if settlement is None:
        return ""
    is_paid = any(row.kind == "exchange" and row.state == "issued" for row in money)
    return exchange_view.sentence(reader.words, settlement, rma.currency, gift=rma.gift, is_paid=is_paid)


def _line(reader: ReaderContext, item: ReturnItem, line: LineItem | None) -> ReturnLineOut:
    return ReturnLineOut(
        ref=item.line_ref,
        title=item.title,
        variant=line.variant if line else "",
        image_url=line.image_url if line else "",
        quantity=item.quantity,
        accepted=item.accepted,
        reason_label=display_names.reason_label(reader.words, item.reason),
        wish=item.wish,  # type: ignore[arg-type]
        exchange_for=(item.exchange_title or item.exchange_for) if item.wish == "exchange" else "",
        note=item.note,
    )


def _labels(reader: ReaderContext, rma: Return) -> dict[Literal["see", "cancel", "sure"], str]:
    """Give what the buttons say that look at a return, take it back, and are sure of that."""
    say = reader.words.pgettext
    if rma.kind == "cancel":
        return {
            "see": say("widget", "See how it stands"),
            "cancel": say("widget", "I no longer want to cancel"),
            "sure": say("widget", "Yes, keep the order"),
        }
    return {
        "see": say("widget", "See this return"),
        "cancel": say("widget", "Cancel this return"),
        "sure": say("widget", "Yes, cancel this return"),
    }


def _money(reader: ReaderContext, rma: Return, row: Reimbursement) -> ReimbursementOut:
    return ReimbursementOut(
        kind=row.kind,
        state=row.state,
        amount=None if rma.gift else row.amount if row.paid is None else row.paid,
        currency=row.currency,
        sentence=progress.money_sentence(reader, row, gift=rma.gift),
        # Elsewhere a link leads into the store's admin.
        link=row.link if row.kind == "exchange" and row.state == "awaiting_payment" else "",
    )


def _photos(session: Session, rma: Return, reader: ReaderContext) -> list[PhotoLinkOut]:
    if reader.photo_url is None:
        return []
    mine = sa.select(ReturnPhoto.id).where(ReturnPhoto.return_id == rma.id).order_by(ReturnPhoto.id)
    return [PhotoLinkOut(id=str(id_), url=reader.photo_url(id_)) for id_ in session.scalars(mine)]
