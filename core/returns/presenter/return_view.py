"""A return as its shopper reads it: rows in, the shapes of `outputs` out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import LineItem
from core.returns.api.outputs import (
    EntryOut,
    LineAnswerOut,
    ObjectionOut,
    OfferOut,
    PhotoLinkOut,
    ReimbursementOut,
    ReturnLineOut,
    ReturnOut,
)
from core.returns.facts import Answer
from core.returns.model import Reimbursement, Return, ReturnItem, ReturnPhoto
from core.returns.money import payout
from core.returns.money.quotes import Entry
from core.returns.presenter import display_names, progress
from core.returns.presenter.reader_context import ReaderContext
from core.returns.presenter.sentences import objection, offer
from core.returns.requests.lifecycle import items_of
from core.returns.return_settings import return_settings_of
from core.stores.model import Store


def view_return(session: Session, store: Store, rma: Return, reader: ReaderContext) -> ReturnOut:
    """Put a return into its shopper's words. A gift's recipient reads no amount, who may only look no address."""
    items, money, lines = items_of(session, rma), money_of(session, rma), lines_of(session, rma.order_id)
    amount, entries = amount_of(session, rma, money)
    return ReturnOut(
        id=str(rma.id),
        rma=rma.rma,
        kind=rma.kind,  # type: ignore[arg-type]
        status=rma.status,  # type: ignore[arg-type]
        headline=display_names.headline(reader.words, rma.kind, rma.status),
        sentence=progress.next_sentence(reader, rma, money),
        steps=progress.steps_of(reader, rma, items, money),
        lines=[_line(reader, item, lines.get(item.line_ref)) for item in items],
        amount=amount,
        currency=rma.currency,
        explanation=explain(reader, entries, lines),
        reimbursements=[_money(reader, rma, row) for row in money],
        instructions=progress.instructions(reader, rma, return_settings_of(store), items),
        label_url=rma.label_url if reader.may_act else "",
        return_by=rma.return_by,
        due=progress.due_of(reader, rma),
        can_cancel=progress.may_cancel(rma),
        can_tell_sent=progress.may_tell_sent(rma),
        photos=_photos(session, rma, reader),
    )


def amount_of(session: Session, rma: Return, money: Sequence[Reimbursement]) -> tuple[int | None, list[Entry]]:
    """Say what a return brings, in minor units, with the entries that add up to it: as promised, else as it stands.

    None where nothing comes of it, and for a gift.
    """
    if rma.gift or rma.status in ("declined", "canceled"):
        return None, []
    if money:
        entries = [Entry(**entry) for row in money for entry in row.explanation]
        if sum(entry.amount for entry in entries if entry.what == "balance") == 0:  # told apart in each row alone
            entries = [entry for entry in entries if entry.what != "balance"]
        return sum(row.amount for row in money), entries
    quotes = [share.quote for share in payout.shares_of(session, rma)]
    return sum(quote.total for quote in quotes), [entry for quote in quotes for entry in quote.explanation]


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
        note=item.note,
    )


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
