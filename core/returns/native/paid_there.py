"""Money that was paid at the platform for a return of ours: taken over, so that it is not paid here a second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.orders.model import Order
from core.platform.native_returns import ReturnSnapshot, ReturnState
from core.returns import events
from core.returns.model import Reimbursement, Return
from core.returns.money import payout, reimburse
from core.returns.money.part_payments import intent_of, is_part, units_of
from core.returns.states import move_return

_BY = "platform"


def take_over(
    session: Session, order: Order, rma: Return, native: ReturnSnapshot, *, tells: bool, now: datetime
) -> None:
    """Take over refunds that the platform counts to its return and we did not ask for.

    What waits for a person, or was not asked for yet, counts as paid by them. Where nothing is promised here each is
    written down as a part, and only the rest is paid here; they settle the return once they cover the whole of it, or
    it is closed there.
    """
    rows = list(session.scalars(sa.select(Reimbursement).where(Reimbursement.return_id == rma.id)))
    found, parts = _not_ours(order, rma, rows), [row for row in rows if is_part(row.intent)]
    if not (found or parts) or rma.acceptance != "approved":
        return
    is_closed, sum_found = native.state is ReturnState.CLOSED, sum(refund["amount"] for refund in found)
    waiting = [
        row
        for row in rows
        if row.kind == "refund" and not row.balance and _waits(row)
        if row.state != "pending" or is_closed or sum_found >= row.amount  # a part of it leaves the promise standing
    ]
    for row, refund in zip(waiting, found, strict=False):
        row.platform_ref = refund["ref"]
        reimburse.end(session, row, "issued", paid=refund["amount"], tells=tells, now=now)
    if waiting or rma.reimbursement not in ("none", "waived"):
        return
    recorded = [_record(session, order, rma, refund, intent=intent_of(rma, refund["ref"]), now=now) for refund in found]
    if is_closed or rma.reimbursement == "waived" or _covers([*parts, *recorded], native):
        payout.settle_by_parts(session, rma, [*parts, *recorded], now=now)
    for row in recorded:
        reimburse.end(session, row, "issued", paid=row.amount, tells=tells, now=now)


def waive(session: Session, rma: Return, *, tells: bool, now: datetime) -> None:
    """Close a return for which nothing was paid at the platform; staff are told where money was due by our words."""
    rma.reimbursement = move_return(rma.standing, "reimbursement", "waive").reimbursement
    if tells and rma.quoted:
        events.request_case(session, rma.store_id, rma.order_id, "closed_unpaid", now=now)


def _record(
    session: Session, order: Order, rma: Return, refund: Mapping[str, Any], *, intent: str, now: datetime
) -> Reimbursement:
    """Write down a refund that was made at the platform for a return of ours; `end` it, and nothing is asked for it.

    `refund` is one of the order's as it is kept. Recorded again with the same intent, give the first.
    """
    known = session.scalar(sa.select(Reimbursement).where(Reimbursement.intent == intent))
    if known is not None:
        return known
    id_ = new_id()
    lines = [
        {"ref": one["ref"], "quantity": one["quantity"], "net": one["amount"], "taxes": dict(one.get("taxes") or {})}
        for one in refund.get("lines") or ()
    ]
    row = Reimbursement(
        id=id_,
        order_id=order.id,
        return_id=rma.id,
        intent=intent,
        key=f"aftercare-{id_:x}",
        kind="refund",
        amount=refund["amount"],
        currency=order.currency,
        lines=lines,
        payout=lines,
        explanation=[
            {"what": "line", "amount": one["net"] + sum(one["taxes"].values()), "ref": one["ref"], "note": ""}
            for one in lines
        ],
        platform_ref=refund["ref"],
        reason=rma.rma,
        created_by=_BY,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _not_ours(order: Order, rma: Return, rows: Sequence[Reimbursement]) -> list[Mapping[str, Any]]:
    """Give the refunds of the platform's return that no reimbursement here stands for."""
    if not rma.native_ref:
        return []
    keys, refs = {row.key for row in rows}, {row.platform_ref for row in rows} - {""}
    return [
        one
        for one in order.refunds
        if one.get("return_ref") == rma.native_ref and one.get("key") not in keys and one["ref"] not in refs
        if one.get("paid_out", True)  # what is only written down moved no money
    ]


def _waits(row: Reimbursement) -> bool:
    """Say whether a person may have paid this there: whoever asked the platform for it looks for its own answer."""
    return row.state in ("needs_staff", "failed") or (row.state == "pending" and row.asked_at is None)


def _covers(parts: Sequence[Reimbursement], native: ReturnSnapshot) -> bool:
    """Say whether these give back every unit of the platform's return."""
    given = units_of(parts)
    wanted: Counter[str] = Counter()
    for one in native.lines:
        wanted[one.line] += one.quantity
    return bool(wanted) and all(given[ref] >= quantity for ref, quantity in wanted.items())
