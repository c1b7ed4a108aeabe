"""Takes over withdrawals that shoppers declared at the platform itself, as the snapshots of their orders say them.

Each is declared here once, by the same verbs as in our own two steps, with the platform's time: the legal clock runs
from then. What cannot be taken over is left to a person: the platform does not say what it covers, or we know no law
that grants the right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order, OrderEvent
from core.orders.sanitize import storable
from core.platform.native_returns import WithdrawalSnapshot
from core.platform.snapshots import OrderSnapshot
from core.returns import events
from core.returns.law.withdrawal_rights import NoSuchRight
from core.returns.model import Withdrawal
from core.returns.money.order_balance import lock_order, read_balance
from core.returns.withdrawal import declare
from core.stores.model import Store

PLATFORM = "platform"
"""The source of a withdrawal that was declared in the store itself."""
CASE = "withdrawal_there"
"""The case, and the order's event, of one that a person has to look at."""


def take_over(
    session: Session, store: Store, snapshots: Iterable[OrderSnapshot], changed: Sequence[int], *, now: datetime
) -> None:
    """Declare what changed orders say was declared at the platform; costs nothing where they say nothing."""
    said = {storable(one.ref): one.withdrawal_requested for one in snapshots if one.withdrawal_requested}
    if not said or not changed:
        return
    mine = sa.select(Order.id, Order.ref).where(Order.ref.in_(list(said)), Order.id.in_(changed)).order_by(Order.id)
    for order_id, ref in session.execute(mine).all():
        order = lock_order(session, store.id, order_id)
        native = said[ref]
        if order is None or native is None or order.gone_at is not None or order.erased_at is not None:
            continue
        if not _is_known(session, order):
            _declare(session, store, order, native, now)


def _is_known(session: Session, order: Order) -> bool:
    """Say whether it was taken over, or a person was asked to look, before; what ended since stays ended."""
    taken = sa.select(Withdrawal.id).where(Withdrawal.order_id == order.id, Withdrawal.source == PLATFORM)
    asked = sa.select(OrderEvent.id).where(OrderEvent.order_id == order.id, OrderEvent.kind == CASE)
    return any(session.scalar(query.limit(1)) is not None for query in (taken, asked))


def _declare(session: Session, store: Store, order: Order, native: WithdrawalSnapshot, now: datetime) -> None:
    if native.items is None:
        _ask_staff(session, order, now)
        return
    units = _units_left(session, order, native.items)
    if not units:
        return  # it went back already, or its withdrawal was declared here
    at = min(max(native.declared_at or order.updated_at, order.placed_at), now)
    # Who declared before we came has had what mails the platform sends; ours would come out of the blue.
    is_mailed = native.mailed or (store.connected_at is not None and at < store.connected_at)
    try:
        row = declare.start(session, store, order.id, units, now=at)
    except NoSuchRight:
        _ask_staff(session, order, now)
        return
    row.source = PLATFORM
    declare.confirm(session, store, row.id, is_mailed=is_mailed, now=at)


def _units_left(session: Session, order: Order, items: Mapping[str, int]) -> dict[str, int]:
    """Give what of it has not gone back and is in no return or withdrawal yet."""
    left = read_balance(session, order).left
    units = {storable(ref): min(count, left.get(storable(ref), 0)) for ref, count in items.items()}
    return {ref: count for ref, count in units.items() if count > 0}


def _ask_staff(session: Session, order: Order, now: datetime) -> None:
    events.record_event(session, order.id, CASE, {}, now=now)
    events.request_case(session, order.store_id, order.id, CASE, now=now)
