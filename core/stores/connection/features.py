"""What one store can do: what its platform can ever do, less what its plan, scopes or settings leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy.orm import Session

from core.platform.contract import Feature, Missing
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import store_by_id

MOST_WORDS = 300
"""So much of what a platform says is kept: of its sentence, a plan's or a scope's name."""


def features_of(services: Services, store: Store) -> frozenset[Feature]:
    """Give the features that this store has: the one answer to what may be asked of it."""
    return services.platforms[store.platform].features - missing_of(store).keys()


def missing_of(store: Store) -> Mapping[Feature, Missing]:
    """Give what this store lacks of what its platform can do, as the platform said last; unknown names are left out."""
    known = {feature.value: feature for feature in Feature}
    said = {name: one for name, one in (store.missing or {}).items() if name in known}
    return {known[name]: Missing(**{**one, "scopes": tuple(one.get("scopes", ()))}) for name, one in said.items()}


def keep_missing(session: Session, store_id: int, said: Mapping[Feature, Missing]) -> None:
    """Keep what a store lacks, as its platform says now; nothing is written where it is known."""
    plain = {feature.value: _plain(one) for feature, one in said.items()}
    if store_by_id(session, store_id).missing != plain:
        store_by_id(session, store_id, lock=True).missing = plain


def _plain(one: Missing) -> dict[str, object]:
    texts = {name: value[:MOST_WORDS] if isinstance(value, str) else value for name, value in asdict(one).items()}
    return texts | {"scopes": list(one.scopes), "ask_url": one.ask_url if _is_web(one.ask_url) else ""}


def _is_web(url: str) -> bool:
    return url.startswith("https://") and len(url) <= 2000 and not any(char.isspace() for char in url)
