"""Ann's orders as returns need them: paid, in parcels, here; Max's people; a policy; and what is on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs.worker import Worker
from core.orders.messages.notice import Notice
from core.orders.model import Order
from core.platform.sample import World
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    PaymentSnapshot,
    ShipmentSnapshot,
    TrackingStatus,
)
from core.returns.model import Reimbursement, Return
from core.returns.policy import policy_versions
from core.returns.policy.policy_document import Policy
from core.returns.requests.lifecycle import Actor
from core.services import Services
from core.stores import settings
from core.stores.model import Store
from tests.conftest import NOON
from tests.core.samples import anns_order

MUGS = LineItemSnapshot("l1", "Mug", 3, total=1000, product_ref="p1", sku="MUG")
LAMP = LineItemSnapshot("l2", "Lamp", 1, total=5000, product_ref="p2", sku="LAMP")
POST = LineItemSnapshot("s1", "Shipping", 1, total=490, kind="shipping")
LINE_OF_65: dict[str, Any] = {
    "lines": (LineItemSnapshot("l2", "Lamp", 1, total=6500),),
    "total": 6500,
    "payments": (PaymentSnapshot("pay1", "card", 6500, refundable=True),),
}
"""One lamp for 65.00 and nothing else."""
AGNES, MAX = Actor("Agnes", "agent"), Actor("Max", "owner")
"""Agnes answers shoppers; Max owns the store."""


def bought(*, delivered: bool = True, shipped: bool = True, days_ago: float = 3, **changes: Any) -> OrderSnapshot:
    """Three mugs for 10.00 and a lamp for 50.00, shipping 4.90: 64.90 paid by card; here since `days_ago`."""
    at = NOON - timedelta(days=days_ago)
    parcel = ShipmentSnapshot(
        "f1",
        TrackingStatus.DELIVERED if delivered else TrackingStatus.IN_TRANSIT,
        shipped_at=at - timedelta(days=2),
        delivered_at=at if delivered else None,
        items={"l1": 3, "l2": 1},
    )
    facts: dict[str, Any] = {
        "state": OrderState.OPEN,
        "placed_at": at - timedelta(days=4),
        "paid_at": at - timedelta(days=4),
        "total": 6490,
        "tax_included": True,
        "lines": (MUGS, LAMP, POST),
        "shipments": (parcel,) if shipped else (),
        "payments": (PaymentSnapshot("pay1", "card", 6490, refundable=True, methods=("refund",)),),
    }
    return anns_order(**(facts | changes))


def place(services: Services, store: Store, world: World, worker: Worker, order: OrderSnapshot | None = None) -> int:
    """Let the store have an order and us know of it; give its id."""
    world.put(order or bought())
    worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        return session.scalars(sa.select(Order.id).where(Order.ref == (order.ref if order else "1"))).one()


def set_policy(services: Services, store: Store, **terms: Any) -> Policy:
    """Save a policy as Max would."""
    with services.db.transaction(store.id) as session:
        here = policy_versions.policy_of(session, store)
        wanted = Policy(**{"timezone": store.timezone, "currency": store.currency, **terms})
        return policy_versions.save_policy(session, store, wanted, seen=here.version, who="Max", now=services.clock())


def set_return_settings(services: Services, store: Store, **said: Any) -> Store:
    """Set how the store handles returns; give the store as it is now."""
    with services.db.transaction(store.id) as session:
        row = session.get(Store, store.id)
        assert row is not None
        settings.change(session, row, "returns", said, version=row.settings_version, now=services.clock())
    return row


ACCEPTS: dict[str, Any] = {
    "otherwise": "accept",
    "wishes": ("refund", "exchange", "store_credit", "repair", "keep"),
    "reasons": {"other": {}, "too_small": {}, "damaged": {"photos": 1}},
}
"""A generous policy: everything is accepted, damage needs a photo."""


@contextmanager
def at(services: Services, store: Store) -> Iterator[Session]:
    """A transaction of the store."""
    with services.db.transaction(store.id) as session:
        yield session


def the_return(services: Services, store: Store) -> Return:
    with services.db.transaction(store.id, write=False) as session:
        return session.scalars(sa.select(Return)).one()


def the_money(services: Services, store: Store) -> list[Reimbursement]:
    """All reimbursements, oldest first."""
    with services.db.transaction(store.id, write=False) as session:
        return list(session.scalars(sa.select(Reimbursement).order_by(Reimbursement.id)))


def letters(services: Services, store: Store) -> list[tuple[str, str]]:
    """(kind, state) of every letter about returns, oldest first."""
    with services.db.transaction(store.id, write=False) as session:
        mine = sa.select(Notice.kind, Notice.state).where(Notice.rule == "returns").order_by(Notice.id)
        return [(kind, state) for kind, state in session.execute(mine)]
