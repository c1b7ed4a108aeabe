"""How far a return is: its steps, what happens next, by whom and by when, as sentences in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.returns.api.outputs import DueOut, StepOut
from core.returns.facts import Objection, Offer
from core.returns.model import Reimbursement, Return, ReturnItem
from core.returns.presenter import exchange_view, sentences
from core.returns.presenter.reader_context import ReaderContext
from core.returns.return_settings import ReturnSettings
from core.returns.states import legal_moves

_THERE = ("received", "inspected")
_MONEY = ("refund", "keep")


def may_cancel(rma: Return) -> bool:
    """Say whether the shopper may still take the request back: no money moved, and the goods are not at the store."""
    return ("acceptance", "cancel") in legal_moves(rma.standing) and rma.reception not in _THERE


def may_tell_sent(rma: Return) -> bool:
    """Say whether the shopper has something to send and has not told us."""
    return rma.kind != "cancel" and rma.acceptance == "approved" and rma.reception == "awaited"


def next_sentence(reader: ReaderContext, rma: Return, money: Sequence[Reimbursement]) -> str:
    """Say what happens next, by whom and by when."""
    say = reader.words.pgettext
    if rma.status == "canceled":
        return say("widget", "This was taken back. Nothing more happens.")
    if rma.status == "declined":
        return rma.note or _why_not(reader, rma)
    waiting = [row for row in money if row.state != "issued"]
    if rma.reimbursement == "waived" and not waiting:
        return say("widget", "The store has closed this return.")
    if waiting or rma.status == "closed":
        return " ".join(dict.fromkeys(money_sentence(reader, row, gift=rma.gift) for row in waiting or money))
    if rma.acceptance == "requested" and rma.answer_by:
        return say(
            "widget", "A person at the store decides by %(day)s and writes to you.", day=reader.day(rma.answer_by)
        )
    if rma.acceptance == "requested":
        return say("widget", "A person at the store decides and writes to you.")
    if rma.kind == "cancel":
        return say("widget", "The store stops the order, then your money goes back.")
    return _where_it_is(reader, rma)


def _where_it_is(reader: ReaderContext, rma: Return) -> str:
    say = reader.words.pgettext
    if rma.reception == "awaited" and rma.return_by:
        return say("widget", "Send it back by %(day)s.", day=reader.day(rma.return_by))
    if rma.reception == "received" and rma.refund_by:
        day = reader.day(rma.refund_by)
        return say("widget", "It has arrived. The store looks at it and settles your return by %(day)s.", day=day)
    return {
        "awaited": say("widget", "Send it back to the store."),
        "on_its_way": say("widget", "Your parcel is on its way back. We tell you when it has arrived."),
        "kept": say("widget", "You keep it. Nothing has to be sent back."),
        "received": say("widget", "It has arrived. The store looks at it next."),
        "inspected": say("widget", "The store has looked at it and settles your return."),
        "ended": say("widget", "The store has closed this return."),
    }[rma.reception]


def _why_not(reader: ReaderContext, rma: Return) -> str:
    kept = [Objection(one["code"], one["values"], Offer(one["offer"], one["offered"])) for one in rma.objections]
    if kept:
        return sentences.objections_text(reader.words, kept, today=reader.today)
    return reader.words.pgettext("widget", "The store has declined this. You can talk to a person there.")


def money_sentence(reader: ReaderContext, row: Reimbursement, *, gift: bool) -> str:
    """Say where something of worth is. The platform's own words and links are for staff, a credit's code is mailed."""
    say = reader.words.pgettext
    by_hand = row.state in ("failed", "needs_staff")
    day = reader.day(row.issued_at) if row.issued_at else ""
    if row.kind == "store_credit":
        if by_hand:
            return say("widget", "A person at the store makes your store credit by hand.")
        if day and row.credit == "account":
            return say("widget", "Your store credit was added to your account at the store on %(day)s.", day=day)
        if day:
            return say("widget", "Your store credit was mailed to you on %(day)s.", day=day)
        return say("widget", "Your store credit is being made.")
    if row.kind == "exchange":
        told = exchange_view.sentence(
            reader.words, exchange_view.of_row(row), row.currency, gift=gift, is_paid=row.state == "issued"
        )
        if by_hand:
            return f"{say('widget', 'A person at the store arranges your exchange.')} {told}"
        if row.state == "awaiting_payment":
            return f"{say('widget', 'Your exchange goes out once you have paid the difference.')} {told}"
        if day:
            return f"{say('widget', 'Your exchange was ordered on %(day)s.', day=day)} {told}"
        return f"{say('widget', 'The store prepares your exchange.')} {told}"
    if row.kind == "repair":
        return (
            say("widget", "The repair was finished on %(day)s.", day=day)
            if day
            else say("widget", "A person at the store arranges the repair.")
        )
    if gift:
        return say("widget", "The store settles this with whoever paid.")
    return _refund(reader, row, day, by_hand=by_hand)


def _refund(reader: ReaderContext, row: Reimbursement, day: str, *, by_hand: bool) -> str:
    say = reader.words.pgettext
    amount = reader.words.money(row.amount if row.paid is None else row.paid, row.currency)
    if row.balance:
        return _given_back(reader, row.balance, amount, day)
    if by_hand:
        return say("widget", "A person at the store makes your refund of %(amount)s by hand.", amount=amount)
    if day:
        refunded = say("widget", "Your refund of %(amount)s was made on %(day)s.", amount=amount, day=day)
        patience = say("widget", "Banks take a few days to show it.")
        return f"{refunded} {patience}"
    return say("widget", "Your refund of %(amount)s is being made.", amount=amount)


def _given_back(reader: ReaderContext, balance: str, amount: str, day: str) -> str:
    """Say where what a gift card, store credit or points paid is; no platform gives it back by itself."""
    say = reader.words.pgettext
    if balance == "gift_card":
        if day:
            return say("widget", "%(amount)s went back to your gift card on %(day)s.", amount=amount, day=day)
        return say("widget", "A person at the store puts %(amount)s back on your gift card by hand.", amount=amount)
    if balance == "points":
        if day:
            return say("widget", "You got back points worth %(amount)s on %(day)s.", amount=amount, day=day)
        return say("widget", "A person at the store gives you back points worth %(amount)s by hand.", amount=amount)
    if day:
        return say("widget", "%(amount)s went back to your store credit on %(day)s.", amount=amount, day=day)
    return say("widget", "A person at the store puts %(amount)s back on your store credit by hand.", amount=amount)


def due_of(reader: ReaderContext, rma: Return) -> DueOut | None:
    """Say what was promised next, and until when; None where nothing is open."""
    say = reader.words.pgettext
    if rma.status == "requested" and rma.answer_by:
        sentence = say("widget", "The store answers by %(day)s.", day=reader.day(rma.answer_by))
        return DueOut(what="answer", by=rma.answer_by, sentence=sentence)
    if rma.refund_by and rma.acceptance == "approved" and rma.reimbursement not in ("issued", "waived"):
        day = reader.day(rma.refund_by)
        sentence = (
            say("widget", "Your money goes back by %(day)s.", day=day)
            if rma.kind == "cancel"
            else say("widget", "Your return is settled by %(day)s.", day=day)
        )
        return DueOut(what="refund", by=reader.end_of(rma.refund_by), sentence=sentence)
    return None


def instructions(
    reader: ReaderContext, rma: Return, settings: ReturnSettings, items: Sequence[ReturnItem]
) -> list[str]:
    """Say what the shopper has to do with the goods, step by step; nothing where they have nothing to do."""
    if not may_tell_sent(rma):
        return []
    say = reader.words.pgettext
    fee = next((one["amount"] for one in rma.fees if one["what"] == "label"), 0)
    todo = [
        say("widget", "Print the label and stick it on the parcel.") if rma.label_url and reader.may_act else "",
        say("widget", "Write %(rma)s on the parcel, or put a note with it inside.", rma=rma.rma),
        say("widget", "Send it to: %(address)s", address=", ".join(settings.send_to)) if settings.send_to else "",
        sentences.way_back(
            reader.words,
            rma.label_paid_by,
            0 if rma.gift else fee,
            rma.currency,
            exchange=all(item.wish == "exchange" for item in items),
        ),
        sentences.refund_when(reader.words, rma.refund_when) if all(item.wish in _MONEY for item in items) else "",
    ]
    return [one for one in todo if one]


def steps_of(
    reader: ReaderContext, rma: Return, items: Sequence[ReturnItem], money: Sequence[Reimbursement]
) -> list[StepOut]:
    """List a return's way from the request to the money: what is done, what is now, what is next or left out."""
    say = reader.words.pgettext
    decided = {
        "requested": say("widget", "Approval"),
        "declined": say("widget", "Declined"),
        "canceled": say("widget", "Taken back"),
    }.get(rma.acceptance) or say("widget", "Approved")
    settled = all(item.wish in _MONEY for item in items) and not rma.gift
    sent = rma.sent_at is not None or rma.reception in ("on_its_way", *_THERE)
    paid = max((row.issued_at for row in money if row.issued_at), default=None)
    way = [
        ("requested", say("widget", "Requested"), True, rma.opened_at),
        ("decided", decided, rma.acceptance != "requested", rma.decided_at or _ended(rma)),
        ("sent", say("widget", "Sent back"), sent, rma.sent_at),
        ("received", say("widget", "At the store"), rma.reception in _THERE, rma.received_at),
        ("inspected", say("widget", "Looked at"), rma.reception == "inspected", rma.inspected_at),
        ("settled", say("widget", "Refunded") if settled else say("widget", "Settled"), rma.reimbursement == "issued",
         paid),
    ]  # fmt: skip
    stays = ("sent", "received", "inspected") if rma.kind == "cancel" or rma.reception in ("kept", "ended") else ()
    steps, is_open = [], not rma.standing.is_over
    for key, label, is_done, at in way:
        if is_done:
            state = "done"
        elif key in stays or rma.standing.is_over:
            state = "skipped"
        else:
            state, is_open = ("now" if is_open else "next"), False
        steps.append(StepOut(key=key, label=label, at=at, state=state))  # type: ignore[arg-type]
    return steps


def _ended(rma: Return) -> datetime | None:
    return rma.ended_at if rma.acceptance == "canceled" else None
