"""The one place where orders are stored and what follows from them is done, wherever they were read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from core.orders import find
from core.orders.sync import order_sync as orders_sync
from core.orders.sync.order_sync import Fetched
from core.platform.snapshots import OrderSnapshot
from core.returns.money import cancel_order, detect_external_refund
from core.returns.native import mirror
from core.returns.requests.ask_collections import unasked
from core.returns.withdrawal import declared_there
from core.services import Services
from core.shipping import evaluate
from core.stores.model import Store


def apply_orders(
    session: Session,
    services: Services,
    store: Store,
    snapshots: Sequence[OrderSnapshot],
    *,
    asked_at: datetime,
    now: datetime,
    as_of: datetime | None = None,
) -> list[int]:
    """Store orders, then look at the changed ones: for notices, for the platform's own returns and withdrawals, and for
    refunds and cancellations made elsewhere.

    `as_of` is the moment that the snapshots are from, where that was before we asked. Gives the changed ids.
    """
    changed = orders_sync.apply(
        session,
        store.id,
        [Fetched(snapshot, asked_at, as_of) for snapshot in snapshots],
        statuses=evaluate.terms_of(store).statuses,
        email_key=partial(find.email_key, keyring=services.keyring),
        now=now,
    )
    evaluate.evaluate_orders(session, store, changed, now=now)
    collections = unasked(services, store)
    mirror.mirror_orders(session, store, snapshots, changed, collections=collections, now=now)
    declared_there.take_over(session, store, snapshots, changed, now=now)
    detect_external_refund.detect(session, changed, now=now)
    cancel_order.look_at_canceled(session, changed, now=now)
    return changed
