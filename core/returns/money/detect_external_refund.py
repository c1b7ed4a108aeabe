"""Recognizing money we wait for in what a store says of its orders, whoever sent it, and money that moved twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order, OrderEvent
from core.returns import events
from core.returns.model import Reimbursement
from core.returns.money import reimburse

_CLOCKS_DIFFER = timedelta(hours=1)
"""How far a store's clock may be behind ours when a refund made by hand is recognized."""
Refund = Mapping[str, Any]
"""A refund as an order keeps it: RefundSnapshot as JSON."""


def detect(session: Session, order_ids: Sequence[int], *, now: datetime) -> None:
    """Find in what a store says of its orders the money we wait for: by our key, or by hand for what staff had to pay.

    A refund under our key counts once the store says that it was paid out. One by hand counts for a row that waits for
    staff if it has the same amount, came later, and is nobody else's: who wrote it down says that it was paid. Where
    more was refunded than was asked for, whoever did it, a case is opened at once.
    """
    for start in range(0, len(order_ids), 500):
        some = order_ids[start : start + 500]
        query = sa.select(Reimbursement).where(Reimbursement.order_id.in_(some)).order_by(Reimbursement.id)
        of_order: dict[int, list[Reimbursement]] = {}
        for row in session.scalars(query).all():
            of_order.setdefault(row.order_id, []).append(row)
        for order_id, rows in of_order.items():
            order = session.get(Order, (rows[0].store_id, order_id), populate_existing=True)
            if order is not None and order.refunds:
                _recognize(session, order, rows, now)
                _raise_alarm(session, order, rows, now)


def surplus(rows: Sequence[Reimbursement], refunds: Sequence[Refund]) -> dict[int, list[str]]:
    """Give the refunds of each reimbursement that got more than was asked for, by its id: their refs, sorted.

    Two under one key are too many, whatever they come to. A refund without a key belongs to the row whose reason or
    amount it has, first to one that has none yet: a person paid that by hand. It does not if it names other lines of
    the order only; and one of ours that was only written down is no second payment beside it.
    """
    own = {row.id: [one for one in refunds if _is_named(row, one)] for row in rows}
    taken = {one["ref"] for mine in own.values() for one in mine}
    loose = [one for one in refunds if not one.get("key") and one["ref"] not in taken]
    for row in sorted(rows, key=lambda row: len(own[row.id])):
        alike = [one for one in loose if _looks_like(row, one)]
        own[row.id] += alike if own[row.id] else alike[:1]
        loose = [one for one in loose if one not in own[row.id]]
    return {row.id: sorted(one["ref"] for one in own[row.id]) for row in rows if _is_too_much(row, own[row.id])}


def _recognize(session: Session, order: Order, rows: Sequence[Reimbursement], now: datetime) -> None:
    for row in rows:
        if row.state not in reimburse.OPEN:
            continue
        taken = {other.platform_ref for other in rows if other is not row}
        found = next((one for one in order.refunds if _is_it(row, one, taken)), None)
        if found is not None:
            row.platform_ref = found["ref"]
            reimburse.end(session, row, "issued", paid=found["amount"], now=now)


def _is_it(row: Reimbursement, refund: Refund, taken: set[str]) -> bool:
    # Stored before refunds said whether they were paid out (2026-11): the next fetch replaces it.
    is_paid = bool(refund.get("paid_out", True))
    if refund.get("key"):
        return refund["key"] == row.key and is_paid
    if row.kind != "refund" or refund["ref"] in taken or refund["amount"] != row.amount:
        return False
    if row.asked_at and row.reason and refund.get("reason") == row.reason:
        return is_paid  # ours, and the store lost the key: without its word that money moved it proves no payment
    return row.state == "needs_staff" and _came_later(row, refund)


def _came_later(row: Reimbursement, refund: Refund) -> bool:
    return datetime.fromisoformat(refund["at"]) >= row.created_at - _CLOCKS_DIFFER


def _is_named(row: Reimbursement, refund: Refund) -> bool:
    return refund.get("key") == row.key or bool(row.platform_ref and refund["ref"] == row.platform_ref)


def _looks_like(row: Reimbursement, refund: Refund) -> bool:
    if row.kind != "refund" or row.state == "dropped" or not _came_later(row, refund):
        return False
    if row.reason and refund.get("reason") == row.reason:
        return True
    return bool(refund["amount"] == row.amount) and not _names_other_lines(row, refund)


def _names_other_lines(row: Reimbursement, refund: Refund) -> bool:
    """Say whether a refund tells which lines it is for, and none of them is one of the row's."""
    told = refund.get("lines") or ()
    refs = set(told) if isinstance(told, Mapping) else {line["ref"] for line in told}
    mine = {part["ref"] for part in row.lines or ()}
    return bool(refs and mine) and not refs & mine


def _is_too_much(row: Reimbursement, refunds: Sequence[Refund]) -> bool:
    keyed = [one for one in refunds if one.get("key") == row.key]
    if len(keyed) > 1 or (keyed and row.state == "dropped"):
        return True
    # One of another amount is told when it is issued.
    moved = [one for one in refunds if one not in keyed or one.get("paid_out", True)]
    return len(moved) > 1 and sum(one["amount"] for one in moved) > row.amount


def _raise_alarm(session: Session, order: Order, rows: Sequence[Reimbursement], now: datetime) -> None:
    """Open a case for each surplus, once for the refunds it is made of."""
    for id_, refs in surplus(rows, order.refunds).items():
        facts = {"reimbursement": str(id_), "refunds": refs}
        earlier = sa.select(OrderEvent).where(OrderEvent.order_id == order.id, OrderEvent.kind == "refunded_twice")
        if any(event.facts == facts for event in session.scalars(earlier)):
            continue
        events.record_event(session, order.id, "refunded_twice", facts, now=now)
        events.request_case(session, order.store_id, order.id, "refunded_twice", now=now)
