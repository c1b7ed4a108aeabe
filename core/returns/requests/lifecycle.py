"""What may be done with a return, one verb each: open, decide, receive, inspect, pay. Verbs write and promise, no more.

Every verb locks the order first, then the return, so that of two who act at once the second meets what the first did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order
from core.returns import events
from core.returns.audit_entries import note_act
from core.returns.model import Return, ReturnItem
from core.returns.money import payout
from core.returns.money.order_balance import lock_order
from core.returns.money.reimburse import refresh
from core.returns.requests.approval_limit import check_limit
from core.returns.return_settings import return_settings_of
from core.returns.states import Axis, IllegalMove, move_return
from core.stores import audit
from core.stores.model import AuditEntry, Store


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the name to show, the role that decides what they may do, and a person's id at the platform."""

    name: str
    role: str
    ref: str = ""

    @property
    def is_staff(self) -> bool:
        return self.role not in ("shopper", "policy", "law", "platform")

    @property
    def actor(self) -> str:
        """What the audit log calls them."""
        return audit.STAFF if self.is_staff else self.role


SHOPPER = Actor("shopper", "shopper")
POLICY = Actor("policy", "policy")
PLATFORM = Actor("platform", "platform")


@dataclass(frozen=True, slots=True)
class ItemInspection:
    """What was found of one item: how many pass, in which state, whether they go back on sale, and why not all."""

    item_id: int
    accepted: int
    grade: str = ""
    restock: bool | None = None
    note: str = ""
    missing: int = 0
    """How many did not come; they are not among the accepted."""


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


def decide(session: Session, store: Store, rma: Return, by: Actor, move: str, *, note: str = "", now: datetime) -> None:
    """Approve or decline. Raises IllegalMove (somebody was first), AboveLimit, and ReasonNeeded for an override."""
    after = move_return(rma.standing, "acceptance", move)
    if by.is_staff and not note.strip() and _overrides(rma, move):
        raise ReasonNeeded
    if move == "approve":
        amount = payout.amount_of(session, store, rma, now=now)
        check_limit(session, store, rma, amount, ref=by.ref, name=by.name, role=by.role, now=now)
        rma.quoted = amount
    rma.acceptance, rma.decided_by, rma.decided_at, rma.note = after.acceptance, by.name, now, note[:2000]
    rma.decided_ref = by.ref
    rma.approval_asked_by = ""
    entry = _note_staff(session, rma, by, move, note, now, {"policy": rma.answer})
    order = _order_of(session, rma)
    facts = {"rma": rma.rma, "kind": rma.kind}
    events.record_event(session, order.id, f"return_{after.acceptance}", facts, entry=entry, now=now)
    if move == "approve":
        start_way_back(session, store, rma, now)
    refresh(session, rma, now=now)
    if letter := _LETTERS.get((rma.kind == "cancel", after.acceptance)):
        events.request_letter(session, order, letter, f"{rma.id}:{int(now.timestamp())}", {"return": rma.id}, now=now)
    payout.pay_if_due(session, store, rma, by=by.name, now=now)


def ask_approval(session: Session, rma: Return, by: Actor, *, now: datetime) -> None:
    """Note that somebody would approve this but may not; whoever may sees it on top of the list."""
    if rma.acceptance != "requested":
        raise IllegalMove("acceptance", rma.acceptance, "approve")
    rma.approval_asked_by = by.name
    note_act(session, rma, "ask_approval", now=now)


def cancel(session: Session, rma: Return, by: Actor, *, note: str = "", now: datetime) -> None:
    """Take a request back: the shopper's change of mind, or staff for them. Raises IllegalMove once money moves."""
    _move(rma, "acceptance", "cancel")
    entry = _note_staff(session, rma, by, "cancel", note, now)
    order = _order_of(session, rma)
    facts = {"rma": rma.rma, "kind": rma.kind}
    events.record_event(session, order.id, "return_canceled", facts, entry=entry, now=now)
    refresh(session, rma, now=now)
    events.request_letter(session, order, "return_canceled", f"{rma.id}", {"return": rma.id}, now=now)


def reopen(session: Session, rma: Return, by: Actor, *, note: str, now: datetime) -> None:
    """Take up a declined or canceled return again; a reason is needed. Raises IllegalMove, ReasonNeeded."""
    if not note.strip():
        raise ReasonNeeded
    _move(rma, "acceptance", "reopen")
    _note_staff(session, rma, by, "reopen", note, now)
    rma.decided_by, rma.decided_ref, rma.decided_at = "", "", None
    rma.leave_native()
    events.note_searchable(session, rma)
    refresh(session, rma, now=now)


def note_sent(
    session: Session, store: Store, rma: Return, by: Actor, *, number: str = "", carrier: str = "", now: datetime
) -> None:
    """Note that the parcel is on its way back, by the shopper's word or a carrier's scan. Raises IllegalMove."""
    _move(rma, "reception", "scan")
    rma.sent_at, rma.tracking_number, rma.carrier = now, number[:100], carrier[:100]
    events.note_searchable(session, rma)
    events.request_platform_update(session, rma, now=now)
    entry = _note_staff(session, rma, by, "note_sent", "", now)
    events.record_event(session, rma.order_id, "return_sent", {"rma": rma.rma}, entry=entry, now=now)
    refresh(session, rma, now=now)
    if by.is_staff:  # a shopper's word moves no money: only what a carrier or staff have seen does
        payout.pay_if_due(session, store, rma, by=by.name, now=now)


def receive(session: Session, store: Store, rma: Return, by: Actor, *, now: datetime) -> None:
    """Note that the goods are here, asked for or not. Raises IllegalMove."""
    _move(rma, "reception", "receive")
    rma.received_at = now
    rma.refund_by = _today(store, now) + timedelta(days=return_settings_of(store).refund_days)
    entry = _note_staff(session, rma, by, "receive", "", now)
    order = _order_of(session, rma)
    events.record_event(session, order.id, "return_received", {"rma": rma.rma}, entry=entry, now=now)
    refresh(session, rma, now=now)
    events.request_letter(session, order, "return_received", f"{rma.id}", {"return": rma.id}, now=now)
    payout.pay_if_due(session, store, rma, by=by.name, now=now)


def inspect(
    session: Session, store: Store, rma: Return, found: Sequence[ItemInspection], by: Actor, *, now: datetime
) -> None:
    """Write down what was found, item by item; what is not named passes whole. What does not pass needs a note.

    Raises IllegalMove, ReasonNeeded, ValueError for a count that cannot be. No limit is asked: it pays at most what was
    approved.
    """
    items, by_id = items_of(session, rma), {one.item_id: one for one in found}
    if unknown := by_id.keys() - {item.id for item in items}:
        raise ValueError(f"no such item: {len(unknown)}")
    for item in items:
        one = by_id.get(item.id) or ItemInspection(item.id, item.quantity, "new")
        if min(one.accepted, one.missing) < 0 or one.accepted + one.missing > item.quantity:
            raise ValueError("more pass than were sent back")
        if one.accepted < item.quantity and not one.note.strip():
            raise ReasonNeeded
        item.accepted, item.missing, item.grade, item.restock = one.accepted, one.missing, one.grade, one.restock
        item.note = one.note[:1000]
    _move(rma, "reception", "inspect")
    rma.inspected_at = now
    passed = {str(item.id): f"{item.accepted}/{item.quantity}" for item in items}
    entry = _note_staff(session, rma, by, "inspect", "", now, {"passed": passed})
    events.record_event(session, rma.order_id, "return_inspected", {"rma": rma.rma}, entry=entry, now=now)
    refresh(session, rma, now=now)
    if all(item.accepted == 0 for item in items):
        decide(session, store, rma, by, "decline", note="; ".join(item.note for item in items), now=now)
        return
    payout.pay_if_due(session, store, rma, by=by.name, now=now)


def let_keep(session: Session, store: Store, rma: Return, by: Actor, *, note: str = "", now: datetime) -> None:
    """Let the shopper keep the goods; nothing is awaited any more. Raises IllegalMove."""
    _move(rma, "reception", "let_keep")
    _note_staff(session, rma, by, "let_keep", note, now)
    refresh(session, rma, now=now)
    payout.pay_if_due(session, store, rma, by=by.name, now=now)


_LETTERS = {
    (False, "approved"): "return_approved",
    (False, "declined"): "return_declined",
    (True, "declined"): "cancel_declined",
}


def start_way_back(session: Session, store: Store, rma: Return, now: datetime) -> None:
    """Say until when the goods are awaited; those that stay are not."""
    rma.return_by = _today(store, now) + timedelta(days=return_settings_of(store).send_back_days)
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
    session: Session,
    rma: Return,
    by: Actor,
    verb: str,
    reason: str,
    now: datetime,
    codes: Mapping[str, Any] | None = None,
) -> AuditEntry | None:
    """Put what staff did into the audit log; what the shopper or the policy did is an event alone."""
    return note_act(session, rma, verb, codes=codes, reason=reason, now=now) if by.is_staff else None


def _order_of(session: Session, rma: Return) -> Order:
    order = session.get(Order, (rma.store_id, rma.order_id))
    assert order is not None
    return order


def _today(store: Store, now: datetime) -> date:
    return now.astimezone(ZoneInfo(store.timezone)).date()
