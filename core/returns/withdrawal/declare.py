"""The legal withdrawal: started, confirmed, receipted at once, paid within the law's days. Not legal advice.

It asks for no reason, no photo and no login beyond finding the order, and the policy has no say in it. What the store
believes to be exempt is said with its legal ground; it can still be declared, and the store can then contest it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.i18n.words import Words, negotiate
from core.mail.layout import clean
from core.orders.model import Order, Shipment
from core.returns import events
from core.returns.audit_entries import note_act
from core.returns.goods_location import is_unshipped
from core.returns.law.button_labels import title
from core.returns.law.withdrawal_law import LETTERS_SCHEMA, day_there, refund_clock, says_cancel
from core.returns.law.withdrawal_rights import Right, right_of
from core.returns.model import Reimbursement, Withdrawal
from core.returns.money import reimburse
from core.returns.money.order_balance import OrderBalance, lock_order, read_balance
from core.returns.requests.lifecycle import Actor, ReasonNeeded
from core.returns.requests.opening import next_number
from core.returns.states import IllegalMove, move_withdrawal
from core.returns.withdrawal import receipts
from core.returns.withdrawal.model import Declaration
from core.returns.withdrawal.refund_terms import quote_of
from core.stores.model import Store

_RECEIPTED: tuple[type[Withdrawal | Declaration], ...] = (Withdrawal, Declaration)


class WithdrawalNotFound(Exception):
    """There is no such withdrawal at this store."""


class NothingToWithdraw(Exception):
    """Everything named has gone back already, or was never bought."""


def start(
    session: Session,
    store: Store,
    order_id: int,
    lines: Mapping[str, int],
    *,
    name: str = "",
    email: str = "",
    email_key: str = "",
    now: datetime,
) -> Withdrawal:
    """First step: write down what would be declared; nothing is yet. No lines means everything that is left.

    `email` is another address for the receipt, `email_key` its keyed digest. After the period it is marked late, by
    our reckoning; it is never refused for that. Started again, the first one is changed. Raises WithdrawalNotFound
    without such an order, NoSuchRight where the country grants none, NothingToWithdraw.
    """
    order = _lock(session, store.id, order_id)
    books = read_balance(session, order)
    right = right_of(session, store, order, now=now, books=books)
    scope = _scope(books, right, lines)
    if not scope:
        raise NothingToWithdraw
    known = sa.select(Withdrawal).where(Withdrawal.order_id == order.id, Withdrawal.state == "started")
    row = session.scalar(known)
    if row is None:
        number = f"WD-{next_number(session, store.id, 'withdrawal')}"
        row = Withdrawal(id=new_id(), order_id=order.id, number=number, currency=order.currency, state="started")
        session.add(row)
    row.country, row.period_ends, row.started_at = right.country, right.period.ends, now
    row.late = not right.is_open
    row.receipt_to, row.receipt_key = email.strip()[:320], email_key
    row.name = name.strip()[:200]  # never the order's: who may only look must not read it here
    row.lines = scope
    row.whole = all(one["quantity"] == right.left[one["ref"]] for one in scope) and len(scope) == sum(
        1 for left in right.left.values() if left
    )
    session.flush()
    return row


def confirm(
    session: Session, store: Store, withdrawal_id: int, *, receipt: str = "", is_mailed: bool = False, now: datetime
) -> Withdrawal:
    """Second step: declare it. The receipt is written at once and mailed; confirmed again, nothing more happens.

    `receipt` is the text of a declaration made without the order (`declarations`); with `is_mailed` the shopper has one
    from the platform (`declared_there`), and none is mailed. One that is late is receipted like
    any other, and a person decides. Raises WithdrawalNotFound, NothingToWithdraw where the goods have gone back
    meanwhile, NoSuchRight, IllegalMove if dropped.
    """
    row, order = find_withdrawal(session, store.id, withdrawal_id)
    if row.declared_at is not None:
        return row
    books = read_balance(session, order, apart_from=row)
    if any(one["quantity"] > books.left.get(one["ref"], 0) for one in row.lines):
        raise NothingToWithdraw
    right = right_of(session, store, order, now=now, books=books)
    row.late = not right.is_open  # in time is what is submitted before the end (Art. 11a(5)), not what was begun
    row.state = move_withdrawal(row.state, "confirm")
    row.declared_at = now
    row.receipt = receipt or receipt_of(row, order, store)
    row.receipt_hash = hashlib.sha256(row.receipt.encode()).hexdigest()
    parcels = session.scalars(sa.select(Shipment).where(Shipment.order_id == order.id)).all()
    digital = all(line.kind == "digital" for line in books.lines if line.ref in {one["ref"] for one in row.lines})
    row.nothing_to_send = digital or is_unshipped(parcels)
    _set_clock(row, store)
    events.record_event(session, order.id, "withdrawn", {"number": row.number}, now=now)
    row.mailed = not is_mailed
    if is_mailed:
        row.state = move_withdrawal(row.state, "acknowledge")  # nothing leaves from here
    else:
        events.request_letter(session, order, "withdrawal_receipt", f"{row.id}", {"withdrawal": row.id}, now=now)
    if row.late:
        events.request_case(session, store.id, order.id, "withdrawal_late", now=now)
    if row.receipt_to and row.receipt_to.casefold() != order.email.casefold():
        receipts.mail_copy(session, row, now=now)
    session.flush()
    events.note_searchable(session, row)
    return row


def acknowledge(session: Session, row: Withdrawal, *, now: datetime) -> None:
    """Note that the receipt has left."""
    if row.state == "declared":
        row.state, row.acknowledged_at = move_withdrawal(row.state, "acknowledge"), now


def find_withdrawal(session: Session, store_id: int, withdrawal_id: int) -> tuple[Withdrawal, Order]:
    """Load a withdrawal with its order, locked. Raises WithdrawalNotFound."""
    known = session.get(Withdrawal, (store_id, withdrawal_id))
    if known is None:
        raise WithdrawalNotFound
    order = _lock(session, store_id, known.order_id)
    session.refresh(known, with_for_update=True)
    return known, order


def is_known_receipt(session: Session, digest: str) -> datetime | None:
    """Say when the withdrawal with this receipt was declared; None for a receipt that is not ours."""
    if len(digest) != 64:
        return None
    known = (sa.select(model.declared_at).where(model.receipt_hash == digest.lower()) for model in _RECEIPTED)
    return next((at for query in known if (at := session.scalar(query)) is not None), None)


def record_goods_back(session: Session, store: Store, row: Withdrawal, by: Actor, *, now: datetime) -> None:
    """Note that the goods (or the proof that they were sent) are here: the money is due now, and is promised."""
    if row.state not in ("acknowledged", "declared", "contested"):
        raise IllegalMove("withdrawal", row.state, "note_back")
    note_goods_here(session, store, row, by, now=now)
    if row.state == "acknowledged" and not row.late:
        pay(session, store, row, by, now=now)


def note_goods_here(session: Session, store: Store, row: Withdrawal, by: Actor, *, now: datetime) -> None:
    """Note that the goods are here and set the clock of the refund; promise nothing yet."""
    row.goods_back_at = row.goods_back_at or now
    _set_clock(row, store)
    note_act(session, row, "goods_back", actor=by.actor, now=now)


def note_sent(session: Session, store: Store, row: Withdrawal, by: Actor, *, proof: str, now: datetime) -> None:
    """Note proof that the goods were sent: from now on the money may not be withheld. Said again, the first day holds.

    Raises IllegalMove where nothing is to be sent or it is over, ReasonNeeded without a proof.
    """
    if row.state not in ("acknowledged", "declared", "contested") or row.nothing_to_send or row.goods_back_at:
        raise IllegalMove("withdrawal", row.state, "note_sent")
    if not proof.strip():
        raise ReasonNeeded
    row.sent_at, row.sent_proof = row.sent_at or now, clean(proof, 200)
    _set_clock(row, store)
    entry = note_act(session, row, "prove_sent", now=now) if by.is_staff else None
    events.record_event(session, row.order_id, "withdrawal_sent", {"number": row.number}, entry=entry, now=now)


def pay(session: Session, store: Store, row: Withdrawal, by: Actor, *, now: datetime) -> list[Reimbursement]:
    """Promise the money of a withdrawal, as `refund_terms.quote_of` says it.

    Asked again, give the first. Raises IllegalMove unless it was acknowledged, NothingLeft where all was paid back.
    """
    if row.state != "acknowledged":
        raise IllegalMove("withdrawal", row.state, "reimburse")
    order = _lock(session, store.id, row.order_id)
    due = quote_of(session, store, row, order)
    note_act(session, row, "refund", actor=by.actor, codes={"amount": due.total}, now=now)
    entitlement = reimburse.Entitlement(
        intent=f"withdrawal:{row.id}",
        of=row,
        quote=due,
        restock=[one["ref"] for one in row.lines] if row.goods_back_at else [],
        due=row.refund_due,
    )
    return reimburse.promise(session, order, entitlement, by=by.name, now=now)


def take_as_in_time(session: Session, row: Withdrawal, by: Actor, *, now: datetime) -> None:
    """Let staff say that a withdrawal marked late holds; from then on it is one like any other. Raises IllegalMove."""
    if not row.late or row.state not in ("declared", "acknowledged", "contested"):
        raise IllegalMove("withdrawal", row.state, "in_time")
    row.late = False
    note_act(session, row, "take_as_in_time", actor=by.actor, now=now)


def move(session: Session, row: Withdrawal, verb: str, by: Actor, *, note: str = "", now: datetime) -> None:
    """Contest, uphold, refuse (staff, with a reason) or retract (the shopper). Raises IllegalMove, ReasonNeeded."""
    if verb in ("contest", "refuse") and not note.strip():
        raise ReasonNeeded
    if verb not in ("contest", "uphold", "refuse", "retract"):
        raise IllegalMove("withdrawal", row.state, verb)
    promised = sa.select(Reimbursement.id).where(Reimbursement.withdrawal_id == row.id)
    if verb != "uphold" and session.scalar(promised.where(Reimbursement.state != "dropped").limit(1)) is not None:
        raise IllegalMove("withdrawal", row.state, verb)  # its money is on its way
    row.state, row.note = move_withdrawal(row.state, verb), note[:2000]
    row.ended_at = now if row.state in ("refused", "retracted") else None
    entry = note_act(session, row, verb, reason=note, now=now) if by.is_staff else None
    events.record_event(session, row.order_id, f"withdrawal_{row.state}", {"number": row.number}, entry=entry, now=now)
    if verb == "contest":
        order = session.get(Order, (row.store_id, row.order_id))
        assert order is not None
        events.request_letter(session, order, "withdrawal_contested", f"{row.id}", {"withdrawal": row.id}, now=now)


def receipt_of(row: Withdrawal, order: Order, store: Store) -> str:
    """Write the statement as declared and kept: who, to whom, what, when. The same bytes are hashed and mailed."""
    assert row.declared_at is not None
    at = f"{row.declared_at.astimezone(ZoneInfo(store.timezone)):%Y-%m-%d %H:%M:%S %z} ({store.timezone})"
    declared = _language_of(order, store).pgettext("widget", "Declared: %(moment)s", moment=at)
    return f"{statement_of(row, order, store)}{declared}\n"


def statement_of(row: Withdrawal, order: Order, store: Store) -> str:
    """Write what would be declared, in the words of the receipt."""
    words, number = _language_of(order, store), clean(order.number, 40)
    say = words.pgettext
    if says_cancel(row.country):
        declared = say("widget", "I cancel my contract for these things of order %(order)s:", order=number)
    else:
        declared = say("widget", "I withdraw from my contract for these things of order %(order)s:", order=number)
    lines = [
        title(row.number, words, row.country),
        say("widget", "To: %(store)s", store=clean(store.name)),
        declared,
        *(f"{one['quantity']} × {clean(one['title'])}" for one in row.lines),
        *([say("widget", "Name: %(name)s", name=clean(row.name))] if clean(row.name) else []),
    ]
    return "\n".join(lines) + "\n"


def _language_of(order: Order, store: Store) -> Words:
    return Words(negotiate(order.language, store.language))


def _lock(session: Session, store_id: int, order_id: int) -> Order:
    order = lock_order(session, store_id, order_id)
    if order is None or order.gone_at is not None or order.erased_at is not None:
        raise WithdrawalNotFound
    return order


def _scope(books: OrderBalance, right: Right, lines: Mapping[str, int]) -> list[dict[str, Any]]:
    """Give what is withdrawn from: the lines named, or all that are left and not exempt."""
    wanted = lines or {ref: left for ref, left in right.left.items() if left and not right.exemptions.get(ref)}
    if any(not 0 < count <= right.left.get(ref, 0) for ref, count in wanted.items()):
        raise NothingToWithdraw
    return [
        {"ref": line.ref, "title": _title(line.title, line.variant), "quantity": wanted[line.ref],
         "exemption": right.exemptions.get(line.ref, ""), "schema_number": LETTERS_SCHEMA}
        for line in books.lines
        if line.ref in wanted
    ]  # fmt: skip


def _title(title: str, variant: str) -> str:
    return f"{title}, {variant}" if variant else title


def _set_clock(row: Withdrawal, store: Store) -> None:
    assert row.declared_at is not None
    there = row.country
    clock = refund_clock(
        there,
        day_there(there, row.declared_at),
        goods_back_on=day_there(there, row.goods_back_at) if row.goods_back_at else None,
        proof_of_sending_on=day_there(there, row.sent_at) if row.sent_at else None,
        nothing_to_send=row.nothing_to_send,
        store_country=store.country,
    )
    if clock is not None:
        row.refund_due, row.send_back_by = clock.due_on, clock.send_back_by
