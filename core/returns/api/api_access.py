"""Access of a shopper's request: its store and order, what its token allows, and how often it may write."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from core.http.context import set_shopper_language
from core.orders.model import Order
from core.orders.shopper_auth import NotHere, authenticate, check_order_access, parse_id
from core.returns.photos import photo_storage
from core.returns.presenter.reader_context import ReaderContext
from core.services import Services
from core.stores import throttle
from core.stores.model import Store
from core.stores.tokens import ShopperToken

LIMITS = {"return": 20, "cancel": 10, "photo": 40, "sent": 20, "take back": 20, "withdrawal": 30, "variants": 60}
"""Most tries of each deed for one order in a quarter of an hour."""


def check_access(app: Services, key: str, order: str, *, act: bool = False) -> tuple[Store, ShopperToken, int]:
    """Give store, token and order id of a request that names its order. Raises the errors of `shopper_auth`."""
    store, token = authenticate(app, key)
    order_id = parse_id(order)
    check_order_access(token, order_id, act=act)
    return store, token, order_id


def order_of(session: Session, store: Store, order_id: int) -> Order:
    """Load an order that is there and still has its shopper. Raises NotHere."""
    order = session.get(Order, (store.id, order_id))
    if order is None or order.gone_at is not None or order.erased_at is not None:
        raise NotHere
    return order


def reader_context_of(app: Services, store: Store, order: Order, token: ShopperToken) -> ReaderContext:
    """Give the reader's language, zone and rights; photos and label need the level `act`."""
    words, now, zone = set_shopper_language(store.language, order.language), app.clock(), ZoneInfo(store.timezone)
    if token.level != "act":
        return ReaderContext(words, now, zone)
    return ReaderContext(words, now, zone, may_act=True, photo_url=lambda photo_id: photo_url(app, store, photo_id))


def photo_url(app: Services, store: Store, photo_id: int) -> str:
    """Give the address at which a photo may be seen for half an hour."""
    return f"{app.config.public_url}/shop/{store.key}/photos/{photo_storage.token_of(app.keyring, store.id, photo_id)}"


def count(app: Services, store: Store, deed: str, order_id: int) -> None:
    """Count one write to an order. Raises TooManyTries."""
    limits = {f"{deed}:{order_id}": LIMITS[deed]}
    throttle.count_try(app.db, app.keyring, store.id, limits, now=app.clock())
