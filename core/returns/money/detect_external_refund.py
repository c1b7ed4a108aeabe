"""Recognizing money we wait for in what a store says of its orders, whoever sent it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order
from core.returns.model import Reimbursement
from core.returns.money import reimburse

_CLOCKS_DIFFER = timedelta(hours=1)
"""How far a store's clock may be behind ours when a refund made by hand is recognized."""


def detect(session: Session, order_ids: Sequence[int], *, now: datetime) -> None:
    """Find in what a store says of its orders the money we wait for: by our key, or by hand for what staff had to pay.

    A refund by hand counts for a row that waits for staff if it has the same amount, came later, and is nobody else's.
    """
    for start in range(0, len(order_ids), 500):
        some = order_ids[start : start + 500]
        waiting = sa.select(Reimbursement).where(
            Reimbursement.order_id.in_(some), Reimbursement.state.in_(reimburse.OPEN)
        )
        for row in session.scalars(waiting.order_by(Reimbursement.id)).all():
            order = session.get(Order, (row.store_id, row.order_id), populate_existing=True)
            if order is None or row.state not in reimburse.OPEN:
                continue
            taken = _refs_taken(session, order)
            found = next((one for one in order.refunds if _is_it(row, one, taken)), None)
            if found is not None:
                row.platform_ref = found["ref"]
                reimburse.end(session, row, "issued", paid=found["amount"], now=now)


def _is_it(row: Reimbursement, refund: dict[str, Any], taken: set[str]) -> bool:
    if refund.get("key"):
        return bool(refund["key"] == row.key)
    by_hand = row.state == "needs_staff" and row.kind == "refund" and refund["ref"] not in taken
    came_later = datetime.fromisoformat(refund["at"]) >= row.created_at - _CLOCKS_DIFFER
    return by_hand and refund["amount"] == row.amount and came_later


def _refs_taken(session: Session, order: Order) -> set[str]:
    mine = sa.select(Reimbursement.platform_ref).where(Reimbursement.order_id == order.id)
    return set(session.scalars(mine.where(Reimbursement.platform_ref != "")))
