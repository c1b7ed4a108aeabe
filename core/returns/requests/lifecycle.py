"""What may be done with a return, one verb each: open, decide, receive, inspect, pay. Verbs write and promise, no more.

Every verb locks the order first, then the return, so that of two who act at once the second meets what the first did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order
from core.orders.sanitize import web_url
from core.returns import events
from core.returns.model import Return, ReturnItem
from core.returns.money import payout
from core.returns.money.order_balance import lock_order
from core.returns.money.reimburse import refresh
from core.returns.requests.approval_limit import check_limit
from core.returns.return_settings import practice_of
from core.returns.states import Axis, IllegalMove, move_return
from core.stores import audit
from core.stores.model import Store


@dataclass(frozen=True, slots=True)
class By:
    """Who acts: a name for the books, and the role that says what they may."""

    name: str
    role: str

    @property
    def is_staff(self) -> bool:
        return self.role not in ("shopper", "policy", "law")


SHOPPER = By("shopper", "shopper")
POLICY = By("policy", "policy")


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found of one item: how many pass, in which state, whether they go back on sale, and why not all."""

    item_id: int
    accepted: int
    grade: str = ""
    restock: bool | None = None
    note: str = ""


class ReturnNotFound(Exception):
    """There is no such return at this store."""


class ReasonNeeded(Exception):
    """This goes against the policy, or takes something away: it needs a reason."""


def find_return(session: Session, store_id: int, return_id: int) -> Return:
    """Load a return with its order locked. Raises ReturnNotFound."""
    known = session.get(Return, (store_id, return_id))
    if known is None or lock_order(session, store_id, known.order_id) is None:
        raise ReturnNotFound
    session.refresh(known, with_for_update=True)
    return known


def items_of(session: Session, rma: Return) -> list[ReturnItem]:
    """Give a return's items in the order they were asked for."""
    return list(session.scalars(sa.select(ReturnItem).where(ReturnItem.return_id == rma.id).order_by(ReturnItem.id)))


def decide(session: Session, store: Store, rma: Return, by: By, move: str, *, note: str = "", now: datetime) -> None:
    """Approve or decline. Raises IllegalMove (somebody was first), AboveLimit, and ReasonNeeded for an override."""
    after = move_return(rma.standing, "acceptance", move)
    if by.is_staff and not note.strip() and _overrides(rma, move):
        raise ReasonNeeded
    if move == "approve":
        amount = payout.amount_of(session, store, rma, now=now)
        check_limit(session, store, rma, amount, name=by.name, role=by.role, now=now)
        rma.quoted = amount
    rma.acceptance, rma.decided_by, rma.decided_at, rma.note = after.acceptance, by.name, now, note[:2000]
    rma.approval_asked_by = ""
    if by.is_staff:
        audit.note(session, now, by.name, f"{move} {rma.rma}", {"policy": rma.answer, "reason": note[:500]})
    order = _order_of(session, rma)
    events.note(session, order.id, f"return_{after.acceptance}", {"rma": rma.rma, "kind": rma.kind}, now=now)
    if move == "approve":
        _start_way_back(session, store, rma, now)
    refresh(session, rma, now=now)
    if letter := _LETTERS.get((rma.kind == "cancel", after.acceptance)):
        events.tell_shopper(session, order, letter, f"{rma.id}:{int(now.timestamp())}", {"return": rma.id}, now=now)
    payout.pay_if_due(session, store, rma, by=by.name, now=now)


def ask_approval(session: Session, rma: Return, by: By, *, now: datetime) -> None:
    """Note that somebody would approve this but may not; whoever may sees it on top of the list."""
    if rma.acceptance != "requested":
        raise IllegalMove("acceptance", rma.acceptance, "approve")
    rma.approval_asked_by = by.name
    audit.note(session, now, by.name, f"asked for approval of {rma.rma}", {})


def cancel(session: Session, rma: Return, by: By, *, note: str = "", now: datetime) -> None:
    """Take a request back: the shopper's change of mind, or staff for them. Raises IllegalMove once money moves."""
    _move(rma, "acceptance", "cancel")
    _note_staff(session, rma, by, "cancel", note, now)
    order = _order_of(session, rma)
    events.note(session, order.id, "return_canceled", {"rma": rma.rma, "kind": rma.kind}, now=now)
    refresh(session, rma, now=now)
    events.tell_shopper(session, order, "return_canceled", f"{rma.id}", {"return": rma.id}, now=now)


def reopen(session: Session, rma: Return, by: By, *, note: str, now: datetime) -> None:
    """Take up a declined or canceled return again; a reason is needed. Raises IllegalMove, ReasonNeeded."""
    if not note.strip():
        raise ReasonNeeded
    _move(rma, "acceptance", "reopen")
    _note_staff(session, rma, by, "reopen", note, now)
    rma.decided_by, rma.decided_at = "", None
    refresh(session, rma, now=now)


def note_sent(
    session: Session, store: Store, rma: Return, by: By, *, number: str = "", carrier: str = "", now: datetime
) -> None:
    """Note that the parcel is on its way back, by the shopper's word or a carrier's scan. Raises IllegalMove."""
    _move(rma, "reception", "scan")
    rma.sent_at, rma.tracking_number, rma.carrier = now, number[:100], carrier[:100]
    _note_staff(session, rma, by, "sent", "", now)
    events.note(session, rma.order_id, "return_sent", {"rma": rma.rma}, now=now)
    refresh(session, rma, now=now)
    if by.is_staff:  # a shopper's word moves no money: only what a carrier or staff have seen does
        payout.pay_if_due(session, store, rma, by=by.name, now=now)


def receive(session: Session, store: Store, rma: Return, by: By, *, now: datetime) -> None:
    """Note that the goods are here, asked for or not. Raises IllegalMove."""
    _move(rma, "reception", "receive")
    rma.received_at = now
    rma.refund_by = _today(store, now) + timedelta(days=practice_of(store).refund_days)
    _note_staff(session, rma, by, "received", "", now)
    order = _order_of(session, rma)
    events.note(session, order.id, "return_received", {"rma": rma.rma}, now=now)
    refresh(session, rma, now=now)
    events.tell_shopper(session, order, "return_received", f"{rma.id}", {"return": rma.id}, now=now)
    payout.pay_if_due(session, store, rma, by=by.name, now=now)


def inspect(session: Session, store: Store, rma: Return, found: Sequence[Inspected], by: By, *, now: datetime) -> None:
    """Write down what was found, item by item; what is not named passes whole. What does not pass needs a note.

    Raises IllegalMove, ReasonNeeded, ValueError for a count that cannot be. No limit is asked: it pays at most what was
    approved.
    """
    items, by_id = items_of(session, rma), {one.item_id: one for one in found}
    if unknown := by_id.keys() - {item.id for item in items}:
        raise ValueError(f"no such item: {len(unknown)}")
    for item in items:
        one = by_id.get(item.id) or Inspected(item.id, item.quantity, "new")
        if not 0 <= one.accepted <= item.quantity:
            raise ValueError("more pass than were sent back")
        if one.accepted < item.quantity and not one.note.strip():
            raise ReasonNeeded
        item.accepted, item.grade, item.restock, item.note = one.accepted, one.grade, one.restock, one.note[:1000]
    _move(rma, "reception", "inspect")
    rma.inspected_at = now
    passed = {item.title: f"{item.accepted}/{item.quantity}" for item in items}
    _note_staff(session, rma, by, "inspected", "", now, passed)
    events.note(session, rma.order_id, "return_inspected", {"rma": rma.rma}, now=now)
    refresh(session, rma, now=now)
    if all(item.accepted == 0 for item in items):
        decide(session, store, rma, by, "decline", note="; ".join(item.note for item in items), now=now)
        return
    payout.pay_if_due(session, store, rma, by=by.name, now=now)


def let_keep(session: Session, store: Store, rma: Return, by: By, *, note: str = "", now: datetime) -> None:
    """Let the shopper keep the goods; nothing is awaited any more. Raises IllegalMove."""
    _move(rma, "reception", "let_keep")
    _note_staff(session, rma, by, "let keep", note, now)
    refresh(session, rma, now=now)
    payout.pay_if_due(session, store, rma, by=by.name, now=now)


def expect(session: Session, rma: Return, by: By, *, note: str, now: datetime) -> None:
    """Ask for the goods after all. Raises IllegalMove, ReasonNeeded."""
    if not note.strip():
        raise ReasonNeeded
    _move(rma, "reception", "expect")
    _note_staff(session, rma, by, "expect", note, now)
    refresh(session, rma, now=now)


def note_lost(session: Session, rma: Return, by: By, *, note: str = "", now: datetime) -> None:
    """Note that the parcel will not come; what to give for it is then staff's word. Raises IllegalMove."""
    _move(rma, "reception", "lose")
    _note_staff(session, rma, by, "lost", note, now)
    refresh(session, rma, now=now)


def set_label(session: Session, rma: Return, by: By, *, url: str, now: datetime) -> None:
    """Give the shopper a link to a label, with a letter where the return is approved already.

    Raises ValueError for what is no web address, IllegalMove once the goods are not awaited any more.
    """
    if rma.reception != "awaited" or rma.standing.is_over:
        raise IllegalMove("reception", rma.reception, "set_label")
    if not web_url(url):
        raise ValueError("not a web address")
    rma.label_url = web_url(url)
    _note_staff(session, rma, by, "label for", "", now)
    if rma.acceptance == "approved":
        occasion = f"{rma.id}:label:{int(now.timestamp())}"
        events.tell_shopper(session, _order_of(session, rma), "return_approved", occasion, {"return": rma.id}, now=now)


def set_terms(
    session: Session,
    store: Store,
    rma: Return,
    by: By,
    *,
    fees: Mapping[str, int],
    shipping: int = 0,
    reason: str,
    now: datetime,
) -> int:
    """Change what is kept back and how much shipping is given back; give the new amount. A reason is needed.

    Raises IllegalMove once money was promised, ReasonNeeded, AboveLimit.
    """
    if rma.reimbursement != "none":
        raise IllegalMove("reimbursement", rma.reimbursement, "set_terms")
    if not reason.strip() or min([shipping, *fees.values()], default=0) < 0:
        raise ReasonNeeded
    before = {"fees": rma.fees, "shipping": rma.shipping}
    rma.fees = [{"what": what, "amount": amount} for what, amount in fees.items() if amount]
    rma.shipping = shipping
    amount = payout.amount_of(session, store, rma, now=now)
    check_limit(session, store, rma, amount, name=by.name, role=by.role, now=now)
    rma.quoted = amount
    audit.note(session, now, by.name, f"changed the terms of {rma.rma}", {"before": before, "reason": reason[:500]})
    return amount


_LETTERS = {
    (False, "approved"): "return_approved",
    (False, "declined"): "return_declined",
    (True, "declined"): "cancel_declined",
}


def _start_way_back(session: Session, store: Store, rma: Return, now: datetime) -> None:
    """Say until when the goods are awaited; those that stay are not."""
    rma.return_by = _today(store, now) + timedelta(days=practice_of(store).send_back_days)
    keeps = rma.kind == "cancel" or all(item.wish == "keep" for item in items_of(session, rma))
    if keeps and rma.reception == "awaited":
        rma.reception = move_return(rma.standing, "reception", "let_keep").reception
        rma.return_by = None


def _overrides(rma: Return, move: str) -> bool:
    """Say whether this goes against what the policy answered, or takes something from the shopper."""
    return move == "decline" or (move == "approve" and rma.answer == "decline")


def _move(rma: Return, axis: Axis, move: str) -> None:
    setattr(rma, axis, getattr(move_return(rma.standing, axis, move), axis))


def _note_staff(
    session: Session, rma: Return, by: By, what: str, note: str, now: datetime, more: Mapping[str, str] | None = None
) -> None:
    if by.is_staff:
        audit.note(session, now, by.name, f"{what} {rma.rma}", {"reason": note[:500], **(more or {})})


def _order_of(session: Session, rma: Return) -> Order:
    order = session.get(Order, (rma.store_id, rma.order_id))
    assert order is not None
    return order


def _today(store: Store, now: datetime) -> date:
    return now.astimezone(ZoneInfo(store.timezone)).date()
