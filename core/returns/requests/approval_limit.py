"""How much an agent may still give back without approval: over the store's day, and over an order."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.money import OrderRate
from core.orders.model import Order
from core.returns.model import Return
from core.returns.return_settings import UNLIMITED, AboveLimit, return_settings_of
from core.stores.model import Staff, Store
from core.stores.platform_access import store_by_id


def check_limit(
    session: Session, store: Store, rma: Return, amount: int, *, ref: str = "", name: str, role: str, now: datetime
) -> None:
    """Raise AboveLimit where this role may not give so much back alone, after what it gave back before.

    Locks the store where there is a limit: of two approvals at once the second counts the first.
    """
    if role in UNLIMITED or return_settings_of(store).agent_limit is None:
        return
    store_by_id(session, store.id, lock=True)
    left = left_of_limit(session, store, rma, ref=ref, name=name, role=role, now=now)
    counted = _rate_of(session, rma).convert(amount, store.currency)
    if left is not None and (counted is None or counted > left):
        raise AboveLimit(left, amount, rma.currency, store.currency)


def left_of_limit(
    session: Session, store: Store, rma: Return, *, ref: str = "", name: str, role: str, now: datetime
) -> int | None:
    """Say how much somebody may give back for this return alone, in minor units of the store's currency.

    None for no limit. The limit less what they approved since the store's midnight, or what agents approved of this
    order ever, whichever is more. An order in another currency counts as what it says it was in the store's, each
    return rounded by itself; nothing may be given back of one that does not say. A person is known by `ref`, the
    platform's id; what was decided before that was kept (2026-12) counts by `name`.
    """
    limit = return_settings_of(store).agent_limit
    if role in UNLIMITED or limit is None:
        return None
    if _rate_of(session, rma).convert(0, store.currency) is None:
        return 0
    is_old = Return.decided_ref == ""
    mine = (
        sa.or_(Return.decided_ref == ref, sa.and_(is_old, Return.decided_by == name))
        if ref
        else (Return.decided_by == name)
    )
    unlimited = sa.select(Staff.ref).where(Staff.role.in_(UNLIMITED))
    names = sa.select(Staff.name).where(Staff.role.in_(UNLIMITED))
    by_agents = sa.or_(
        sa.and_(~is_old, Return.decided_ref.not_in(unlimited)),
        sa.and_(is_old, Return.decided_by.not_in(UNLIMITED), Return.decided_by.not_in(names)),
    )
    approved = sa.and_(Return.acceptance == "approved", Return.id != rma.id)
    today = sa.and_(approved, mine, Return.decided_at >= _midnight(store, now))
    ever = sa.and_(approved, Return.order_id == rma.order_id, sa.or_(mine, by_agents))
    given = max(_given_back(session, store, which) for which in (today, ever))
    return max(0, limit - given)


def _given_back(session: Session, store: Store, which: sa.ColumnElement[bool]) -> int:
    """Add up some returns in the store's currency: what was quoted, or what its order says that was."""
    total = sa.select(sa.func.coalesce(sa.func.sum(Return.quoted), 0)).where(which, Return.currency == store.currency)
    foreign = (
        sa.select(Return.quoted, Order)
        .join(Order, sa.and_(Order.store_id == Return.store_id, Order.id == Return.order_id))
        .where(which, Return.currency != store.currency, Order.store_currency == store.currency)
    )
    converted = (order.rate.convert(quoted, store.currency) or 0 for quoted, order in session.execute(foreign))
    return int(session.scalar(total) or 0) + sum(converted)


def _rate_of(session: Session, rma: Return) -> OrderRate:
    """Give the rate of a return's order, whose currency is the return's."""
    return session.get_one(Order, (rma.store_id, rma.order_id)).rate


def _midnight(store: Store, now: datetime) -> datetime:
    zone = ZoneInfo(store.timezone)
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
