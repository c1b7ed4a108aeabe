"""Asks the store's platform which collections an order's goods are in, for a policy that names goods by collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
import structlog

from core.jobs.queue import PauseStore
from core.orders.model import LineItem
from core.platform.contract import Feature
from core.platform.errors import PlatformError
from core.returns.money.purchased import GOODS
from core.returns.policy import policy_versions
from core.services import Services
from core.stores.connection.features import features_of
from core.stores.model import Store
from core.stores.platform_access import open_platform

log = structlog.get_logger()
PATIENCE = (3.0, 8.0)
"""Seconds to connect and to read: a shopper waits, and a person can decide instead."""

Collections = Mapping[str, Sequence[str]] | None
"""Collections by the ref of the product that is in them; a product that is missing could not be asked about. None where
the store has no collections: then those in the policy's own list of goods are all there are."""


def unasked(app: Services, store: Store) -> Collections:
    """Say what is known of collections where the store's platform cannot be asked: inside a transaction."""
    return {} if Feature.COLLECTIONS in features_of(app, store) else None


def ask_collections(app: Services, store: Store, order_id: int) -> Collections:
    """Say which collections the goods of an order are in; {} where the policy names none, or nobody can say now, None
    where the store has none.

    To be called outside any transaction: it calls the platform.
    """
    if Feature.COLLECTIONS not in features_of(app, store):
        return None
    with app.db.transaction(store.id, write=False) as session:
        if not policy_versions.policy_of(session, store).names_collections:
            return {}
        chosen = sa.select(LineItem.product_ref).where(LineItem.order_id == order_id, LineItem.kind.in_(GOODS))
        products = sorted({ref for ref in session.scalars(chosen) if ref})
    if not products:
        return {}
    try:
        return open_platform(app, store, timeout=PATIENCE).collections_of(products)
    except (PlatformError, PauseStore) as error:
        log.info("collections_unknown", store=store.id, error=type(error).__name__)
        return {}
