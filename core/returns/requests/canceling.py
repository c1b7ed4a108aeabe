"""Canceling an order that has not left: a return of kind "cancel" whose goods nobody awaits.

The store's platform stops the order first; then the money goes back, all of it, since nothing was used.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.orders.model import Order, Shipment
from core.platform.snapshots import OrderState
from core.returns import events
from core.returns.goods_location import is_unshipped
from core.returns.model import Return, ReturnItem
from core.returns.money.order_balance import OrderBalance, lock_order, read_balance
from core.returns.money.quotes import QuoteRequest
from core.returns.money.refund_amount import NothingLeft, quote
from core.returns.money.reimburse import refresh
from core.returns.policy import policy_versions
from core.returns.requests.evaluate_request import request_everything
from core.returns.requests.lifecycle import POLICY, Actor, ReturnNotFound, decide
from core.returns.requests.opening import next_number
from core.returns.return_settings import return_settings_of
from core.stores.model import Store

CancelObstacle = Literal["shipped", "over", "not_offered", "asked"]
_OVER = (OrderState.CANCELED, OrderState.REFUNDED)


class CannotCancel(Exception):
    """This order cannot be canceled: it has left ("shipped"), was canceled or refunded ("over"), the store does not
    offer it ("not_offered"), or it was asked for already ("asked")."""

    def __init__(self, code: CancelObstacle) -> None:
        super().__init__(code)
        self.code = code


def cancel_obstacle(session: Session, store: Store, order: Order) -> CancelObstacle | None:
    """Say what stands against canceling an order; None where nothing does."""
    if order.state in _OVER or order.canceled_at is not None:
        return "over"
    asked = sa.select(Return.id).where(Return.order_id == order.id, Return.kind == "cancel", Return.ended_at.is_(None))
    if session.scalar(asked.limit(1)) is not None:
        return "asked"
    parcels = session.scalars(sa.select(Shipment).where(Shipment.order_id == order.id)).all()
    if not is_unshipped(parcels):
        return "shipped"
    return "not_offered" if policy_versions.policy_of(session, store).cancel == "decline" else None


def request_cancellation(
    session: Session, store: Store, order_id: int, by: Actor, *, reason: str = "", now: datetime
) -> Return:
    """Ask to cancel an order, and approve it where the policy's `cancel` accepts it; asked twice, give the first.

    Raises CannotCancel, and ReturnNotFound where there is no such order.
    """
    order = lock_order(session, store.id, order_id)
    if order is None or order.gone_at is not None or order.erased_at is not None:
        raise ReturnNotFound
    obstacle = cancel_obstacle(session, store, order)
    if obstacle == "asked":
        return _asked(session, order)
    if obstacle is not None:
        raise CannotCancel(obstacle)
    balance, policy = read_balance(session, order), policy_versions.policy_of(session, store)
    lines = request_everything(balance)
    if not lines:
        raise CannotCancel("over")
    rma = Return(
        id=new_id(),
        order_id=order.id,
        rma=f"RMA-{next_number(session, store.id, 'rma')}",
        kind="cancel",
        answer=policy.cancel,
        policy_version=policy.version,
        refund_when="approval",
        quoted=_worth(balance, {one.ref: one.quantity for one in lines}),
        currency=order.currency,
        comment=reason[:4000],
        opened_by=by.name,
        opened_at=now,
        answer_by=now + timedelta(days=return_settings_of(store).answer_days),
    )
    session.add(rma)
    titles = {line.ref: line.title for line in balance.lines}
    session.add_all(
        ReturnItem(
            return_id=rma.id,
            order_id=order.id,
            line_ref=one.ref,
            title=titles[one.ref],
            quantity=one.quantity,
            reason="canceled",
            wish="refund",
        )
        for one in lines
    )
    session.flush()
    events.note_searchable(session, rma)
    events.record_event(session, order.id, "cancel_requested", {"rma": rma.rma}, now=now)
    refresh(session, rma, now=now)
    if policy.cancel == "accept":
        decide(session, store, rma, POLICY, "approve", now=now)
    else:
        events.request_letter(session, order, "cancel_requested", f"{rma.id}", {"return": rma.id}, now=now)
    return rma


def _asked(session: Session, order: Order) -> Return:
    asked = sa.select(Return).where(Return.order_id == order.id, Return.kind == "cancel", Return.ended_at.is_(None))
    return session.scalars(asked.limit(1)).one()


def _worth(balance: OrderBalance, units: dict[str, int]) -> int:
    try:
        return quote(balance.bought, QuoteRequest(units, shipping=True, withdrawal=True)).total
    except NothingLeft:
        return 0
