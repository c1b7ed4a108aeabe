"""Which ways a store leaves open to an order. The form for number and e-mail can be switched off where shoppers can
sign in; mailed links, and a legal withdrawal, are always open.
"""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from core.db.database import Database
from core.platform.contract import Feature
from core.services import Services
from core.stores.connection.features import features_of
from core.stores.model import Store
from core.stores.platform_access import REMEMBERED, store_by_key

SECTION = "lookup"
_MOST_REMEMBERED = 10_000
_known: WeakKeyDictionary[Database, dict[str, tuple[float, int, bool]]] = WeakKeyDictionary()
"""By database and store key: until when it is remembered, the store's id, whether its form is on."""


class SignInNeeded(Exception):
    """The store shows orders by number and e-mail to nobody: shoppers sign in."""


def offers_sign_in(services: Services, store: Store) -> bool:
    """Say whether the store's platform signs its shoppers in."""
    return Feature.SHOPPER_SIGN_IN in features_of(services, store)


def has_form(services: Services, store: Store) -> bool:
    """Say whether shoppers may find an order by its number; always so where there is no other way."""
    return store.settings.get(SECTION, {}).get("form", True) is not False or not offers_sign_in(services, store)


def lookup_store_id(services: Services, key: str) -> int:
    """Give the id of the store whose order is asked for by number. Raises SignInNeeded, StoreNotFound.

    Remembered for a minute, as `platform_access.store_id_of` does; a switch is seen at once by the process that turned
    it, and by the others within that minute.
    """
    known = _known.setdefault(services.db, {})
    until, store_id, is_on = known.get(key, (0.0, 0, False))
    if until <= time.monotonic():
        store = store_by_key(services, key)
        store_id, is_on = store.id, has_form(services, store)
        if len(known) >= _MOST_REMEMBERED:
            known.clear()
        known[key] = (time.monotonic() + REMEMBERED, store_id, is_on)
    if not is_on:
        raise SignInNeeded
    return store_id


def forget(services: Services, store: Store) -> None:
    """Read the store's switch anew the next time."""
    _known.setdefault(services.db, {}).pop(store.key, None)
