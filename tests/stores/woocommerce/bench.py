"""What the tests of this store share: a client for it, an order in it, and ways to compare JSON."""

from datetime import UTC, datetime
from typing import Any

from woocommerce import API

from tests.stores.woocommerce import Line, Store, make_order
from tests.stores.woocommerce.auth import Key, sign_oauth

NOON = datetime(2026, 11, 21, 18, 9, 15, tzinfo=UTC)
TOTES_AND_SWEATER = (
    Line(quantity=2),
    Line("Merino Sweater - M", "89.00", product_id=12, sku="MER-M", variation_id=14),
)


class Clock:
    """A clock that moves when told to."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def connect(store: Store, permissions: str = "read_write", **options: Any) -> API:
    """The real client with a fresh key."""
    key = store.add_key(permissions)
    return API(store.url, key.key, key.secret, timeout=30, **options)


def place(store: Store, **changes: Any) -> dict[str, Any]:
    """An order placed at noon."""
    return store.place(make_order(**{"placed": NOON, **changes}))


def keys_of(value: Any) -> Any:
    """The shape of JSON: names all the way down, one element standing for a list; a meta value may be anything."""
    if isinstance(value, dict):
        return {name: "leaf" if name == "value" else keys_of(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [keys_of(value[0])] if value else []
    return "leaf"


def without_ids(value: Any) -> Any:
    """JSON without what differs from store to store: ids, addresses and moments."""
    skipped = {"id", "_links", "date_created", "date_created_gmt", "display_value", "value", "image"}
    if isinstance(value, dict):
        return {name: without_ids(inner) for name, inner in value.items() if name not in skipped}
    return [without_ids(inner) for inner in value] if isinstance(value, list) else value


def sign(key: Key, method: str, url: str, at: float | None = None, **changes: str) -> dict[str, str]:
    """A request's OAuth query, signed for real, with a nonce that is always the same."""
    moment = datetime.now(UTC).timestamp() if at is None else at
    query = {"oauth_consumer_key": key.key, "oauth_timestamp": str(int(moment)), "oauth_nonce": "n1"}
    query = {**query, "oauth_signature_method": "HMAC-SHA256", **changes}
    return {**query, "oauth_signature": sign_oauth(method, url, query, key.secret)}
