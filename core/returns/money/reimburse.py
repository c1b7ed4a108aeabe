"""Giving the shopper what is due: the row first, then its job (pay_reimbursement.py), then what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from core.db.base import new_id, table_of
from core.db.postgres import run
from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders.model import Order
from core.platform.contract import ExchangeLine
from core.platform.snapshots import RefundLine
from core.returns import events
from core.returns.audit_entries import note_act
from core.returns.model import Reimbursement, Return, Withdrawal
from core.returns.money.quotes import Quote
from core.returns.money.split_payout import split_by_balance
from core.returns.states import move_return, move_withdrawal

OPEN = ("pending", "needs_staff", "awaiting_payment")
_orders = table_of(Order)
_SET_FLAG = (
    sa.update(_orders)
    .where(_orders.c.store_id == sa.bindparam("of_store"), _orders.c.id == sa.bindparam("of_id"))
    .values(return_open=sa.bindparam("is_open"))
)
_LETTERS = {"refund": "refund_issued", "store_credit": "store_credit_issued", "exchange": "exchange_ready"}


class NotOpen(Exception):
    """This reimbursement is not in a state that allows this; look at it again."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a shopper is to get for a return or a withdrawal. `intent` is unique for ever, `due` the last day for it."""

    intent: str
    of: Return | Withdrawal
    quote: Quote
    kind: str = "refund"
    goods: Sequence[ExchangeLine] = ()
    """What goes out in an exchange."""
    restock: Sequence[str] = ()
    """Line refs that go back on sale."""
    due: date | None = None
    balance: str = ""
    """Which balance it goes back to: gift_card, store_credit or points; "" for money."""


def promise(session: Session, order: Order, what: Entitlement, *, by: str, now: datetime) -> list[Reimbursement]:
    """Write down what the shopper gets and promise to do it; asked again with the same intent, give the first.

    A refund of what was paid in part with a gift card, store credit or points is a row for each: what a balance gets
    back is no money, and another hand gives it.
    """
    if what.kind != "refund":
        return [_promise(session, order, what, by, now)]
    kinds = {payment["ref"]: payment.get("kind", "gateway") for payment in order.payments}
    rows: list[Reimbursement] = []
    for kind, part in split_by_balance(what.quote, kinds):
        balance = "" if kind == "gateway" else kind
        intent = f"{what.intent}:{balance}" if rows else what.intent
        rows.append(_promise(session, order, replace(what, intent=intent, quote=part, balance=balance), by, now))
    return rows


def _promise(session: Session, order: Order, what: Entitlement, by: str, now: datetime) -> Reimbursement:
    known = session.scalar(sa.select(Reimbursement).where(Reimbursement.intent == what.intent))
    if known is not None:
        return known
    id_, of, quote = new_id(), what.of, what.quote
    row = Reimbursement(
        id=id_,
        order_id=order.id,
        return_id=of.id if isinstance(of, Return) else None,
        withdrawal_id=of.id if isinstance(of, Withdrawal) else None,
        intent=what.intent,
        key=f"aftercare-{id_:x}",
        kind=what.kind,
        balance=what.balance,
        amount=quote.total,
        currency=order.currency,
        lines=[_plain(part) for part in quote.lines],
        payout=[_plain(part) for part in quote.payout],
        payments=[list(payment) for payment in quote.payments],
        explanation=[asdict(entry) for entry in quote.explanation],
        exchange=[asdict(line) for line in what.goods],
        restock=list(what.restock),
        reason=of.rma if isinstance(of, Return) else of.number,
        due=what.due,
        created_by=by,
        created_at=now,
    )
    session.add(row)
    session.flush()
    if quote.total == 0 and what.kind == "refund":  # fees or earlier refunds took all of it: there is nothing to send
        end(session, row, "issued", paid=0, now=now)
    elif what.kind == "repair":
        row.state = "needs_staff"
    else:
        _enqueue(session, row, now)
    return row


def retry(session: Session, row: Reimbursement, *, now: datetime) -> None:
    """Let a failed one be tried again. Raises NotOpen."""
    if row.state != "failed":
        raise NotOpen
    row.state, row.sentence = "pending", ""
    _move_owner(session, row, "retry", now)
    note_act(session, row, "retry", now=now)
    _enqueue(session, row, now)


def mark_paid(session: Session, row: Reimbursement, *, reason: str, now: datetime) -> None:
    """Note that staff paid by hand what the platform could not. Raises NotOpen; a reason is needed."""
    if row.state not in ("failed", "needs_staff", "awaiting_payment") or not reason.strip():
        raise NotOpen
    note_act(session, row, "mark_paid", reason=reason, now=now)
    end(session, row, "issued", paid=row.amount, now=now)


def drop(session: Session, row: Reimbursement, *, reason: str, now: datetime) -> None:
    """Give up a failed one, so that the return can be decided anew. Raises NotOpen; a reason is needed."""
    if row.state != "failed" or not reason.strip():
        raise NotOpen
    row.state, row.intent = "dropped", f"{row.intent}:dropped:{row.id}"
    note_act(session, row, "drop", reason=reason, now=now)
    _move_owner(session, row, "drop", now)


def _enqueue(session: Session, row: Reimbursement, now: datetime) -> None:
    row.tries += 1
    job = NewJob("returns.reimburse", f"reimburse:{row.id}:{row.tries}", {"id": row.id}, once=True)
    queue.enqueue(session, row.store_id, job, now=now)


def end(
    session: Session,
    row: Reimbursement,
    state: str,
    *,
    paid: int | None = None,
    sentence: str = "",
    tells: bool = True,
    now: datetime,
) -> None:
    """Write what became of it, move what it belongs to, tell whoever waits; `tells` False mails no letter."""
    row.state, row.sentence = state, sentence or row.sentence
    if paid is not None:
        row.paid = paid
    order = session.get(Order, (row.store_id, row.order_id))
    assert order is not None
    facts = {"reimbursement": str(row.id), "kind": row.kind, "amount": row.amount, "currency": row.currency}
    if state == "issued":
        row.issued_at = now
        events.record_event(session, order.id, f"issued_{row.kind}", facts, now=now)
        if row.paid is not None and row.paid != row.amount:
            events.record_event(session, order.id, "paid_otherwise", facts | {"paid": row.paid}, now=now)
            events.request_case(session, row.store_id, order.id, "paid_otherwise", now=now)
        if not _others_failed(session, row):
            events.request_case_closing(session, row.store_id, order.id, "refund_failed", now=now)
    if state == "failed":
        events.request_case(session, row.store_id, order.id, "refund_failed", now=now)
    if tells and state in ("issued", "awaiting_payment") and row.kind in _LETTERS:
        about = {"reimbursement": row.id}
        events.request_letter(session, order, _LETTERS[row.kind], f"{row.id}:{state}", about, now=now)
    if state in ("issued", "failed"):
        _move_owner(session, row, "issue" if state == "issued" else "fail", now)


def note_booked(session: Session, row: Reimbursement, lines: Sequence[RefundLine], *, now: datetime) -> None:
    """Keep what the platform took from which line where it reckoned that itself, and tell staff if it is not as asked.

    From then on the order's balance goes by it.
    """
    asked = {part["ref"]: part["net"] + sum(part["taxes"].values()) for part in row.payout}
    booked = {part.ref: part.gross for part in lines}
    if row.kind != "refund" or not booked or {ref: n for ref, n in asked.items() if n} == booked:
        return
    row.booked = [
        {"ref": part.ref, "quantity": part.quantity, "net": part.amount, "taxes": dict(part.taxes)} for part in lines
    ]
    facts = {"reimbursement": str(row.id), "asked": asked, "booked": booked, "currency": row.currency}
    events.record_event(session, row.order_id, "booked_otherwise", facts, now=now)


def _others_failed(session: Session, row: Reimbursement) -> bool:
    failed = sa.select(Reimbursement.id).where(Reimbursement.order_id == row.order_id, Reimbursement.state == "failed")
    return session.scalar(failed.where(Reimbursement.id != row.id).limit(1)) is not None


def _move_owner(session: Session, row: Reimbursement, move: str, now: datetime) -> None:
    """Move the return or withdrawal this money belongs to; it is issued once all of its money is."""
    session.flush()
    if row.withdrawal_id is not None:
        withdrawal = session.get(Withdrawal, (row.store_id, row.withdrawal_id), with_for_update=True)
        is_due = withdrawal is not None and move == "issue" and withdrawal.state == "acknowledged"
        if withdrawal is not None and is_due and not _waits(session, row):
            withdrawal.state = move_withdrawal(withdrawal.state, "reimburse")
            withdrawal.ended_at = now
        return
    rma = session.get(Return, (row.store_id, row.return_id), with_for_update=True)
    if rma is None or (move == "issue" and _waits(session, row)) or (move == "fail" and rma.reimbursement == "failed"):
        return
    if move == "issue" and rma.reimbursement == "none":
        return  # a promise for nothing, issued before its return says so
    rma.reimbursement = move_return(rma.standing, "reimbursement", move).reimbursement
    refresh(session, rma, now=now)


def _waits(session: Session, row: Reimbursement) -> bool:
    """Say whether other money of the same return or withdrawal has not been given yet."""
    same = (
        Reimbursement.return_id == row.return_id if row.return_id else Reimbursement.withdrawal_id == row.withdrawal_id
    )
    mates = sa.select(Reimbursement.state).where(same, Reimbursement.id != row.id)
    return bool(set(session.scalars(mates)) - {"issued", "dropped"})


def refresh(session: Session, rma: Return, *, now: datetime) -> None:
    """Work out a return's one word and its order's flag from where it stands; tells the platform of a new word."""
    before, standing = rma.status, rma.standing
    if before != standing.status:
        rma.status = standing.status
    if standing.is_over is (rma.ended_at is None):
        rma.ended_at = now if standing.is_over else None
    order = session.get(Order, (rma.store_id, rma.order_id))
    if order is not None:
        _flag(session, order, not standing.is_over or _others_wait(session, rma))
    if rma.status != before:
        events.request_platform_update(session, rma, now=now)


def _others_wait(session: Session, rma: Return) -> bool:
    waiting = sa.select(Return.id).where(Return.order_id == rma.order_id, Return.ended_at.is_(None)).limit(1)
    return session.scalar(waiting) is not None  # flushes first


def _flag(session: Session, order: Order, is_open: bool) -> None:
    """Write the order's flag, and nothing where it is so: one column needs no unit of work."""
    if order.return_open is not is_open:
        run(session.connection(), _SET_FLAG, {"of_store": order.store_id, "of_id": order.id, "is_open": is_open})
        set_committed_value(order, "return_open", is_open)


def _plain(part: Any) -> dict[str, Any]:
    return {"ref": part.ref, "quantity": part.quantity, "net": part.net, "taxes": dict(part.taxes)}
