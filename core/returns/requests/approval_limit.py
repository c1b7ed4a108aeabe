"""How much an agent may still give back without approval: over the store's day, and over an order."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

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
    if left is not None and amount > left:
        raise AboveLimit(left, amount, rma.currency, store.currency)


def left_of_limit(
    session: Session, store: Store, rma: Return, *, ref: str = "", name: str, role: str, now: datetime
) -> int | None:
    """Say how much somebody may give back for this return alone, in minor units of the store's currency.

    None for no limit. The limit less what they approved since the store's midnight, or what agents approved of this
    order ever, whichever is more. Nothing of an order in another currency: there the limit says nothing. A person is
    known by `ref`, the platform's id; what was decided before that was kept (2026-12) counts by `name`.
    """
    limit = return_settings_of(store).agent_limit
    if role in UNLIMITED or limit is None:
        return None
    if rma.currency != store.currency:
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
    counted = sa.select(sa.func.coalesce(sa.func.sum(Return.quoted), 0)).where(
        Return.acceptance == "approved", Return.currency == store.currency, Return.id != rma.id
    )
    today = counted.where(mine, Return.decided_at >= _midnight(store, now))
    ever = counted.where(Return.order_id == rma.order_id, sa.or_(mine, by_agents))
    given = max(int(session.scalar(query) or 0) for query in (today, ever))
    return max(0, limit - given)


def _midnight(store: Store, now: datetime) -> datetime:
    zone = ZoneInfo(store.timezone)
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
