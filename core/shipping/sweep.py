"""The sweep: finds parcels whose `check_after` has come, through one index, and has their orders evaluated."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from core.db.bulk import id_in
from core.db.postgres import run, use_custom_plans
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.orders.model import Order, Shipment
from core.services import Services
from core.shipping import evaluate
from core.stores.platform_access import store_by_id

BATCH = 2000
PAUSES = {"closed": timedelta(hours=6), "uninstalled": timedelta(days=1)}
"""How long a store's parcels are left alone while its door is not open; it may come back at any time."""

# Written once: most ticks find nothing, and to write it cost more than to ask it.
_STORES_DUE = sa.select(Shipment.store_id).where(Shipment.check_after <= sa.bindparam("now")).distinct()


def sweep(work: Work) -> None:
    """Enqueue a job for each store that has due parcels; one store's failure does not touch another's."""
    services: Services = work.services
    with services.db.system(Purpose.FIND_DUE_PARCELS, write=False) as session:
        store_ids = run(session.connection(), _STORES_DUE, {"now": work.now}).scalars().all()
    for store_id in store_ids:
        with services.db.transaction(store_id) as session:
            queue.enqueue(session, store_id, NewJob("shipping.settle_due", "settle_due"), now=work.now)


def settle_due(work: Work) -> None:
    """Evaluate a store's due parcels, the longest due first, one batch a job."""
    with work.done() as session:
        store = store_by_id(session, work.store_id)
        if store.state != "open":
            later = work.now + PAUSES[store.state]
            session.execute(sa.update(Shipment).where(Shipment.check_after <= work.now).values(check_after=later))
            return
        use_custom_plans(session.connection())
        due = sa.select(Shipment.order_id).where(Shipment.check_after <= work.now)
        found = session.scalars(due.order_by(Shipment.check_after).limit(BATCH)).all()
        # Orders, not parcels: two who each held one parcel of an order would wait for each other. Who is being
        # settled elsewhere is left to whoever holds them.
        here = (
            sa.select(Order.id)
            .where(id_in(session, Order.id, found))
            .order_by(Order.id)
            .with_for_update(skip_locked=True)
        )
        evaluate.evaluate_orders(session, store, session.scalars(here).all(), now=work.now)
        if len(found) == BATCH:
            queue.enqueue(session, store.id, NewJob("shipping.settle_due", "settle_due"), now=work.now)


JOBS = {"clock.sweep": Kind(sweep, attempts=2), "shipping.settle_due": Kind(settle_due)}
