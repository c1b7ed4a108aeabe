"""Where a mailed link leads: to the store's own page with the widget on it, else to ours, which needs no script."""

from __future__ import annotations

from urllib.parse import urlsplit

from core.mail.layout import safe_url
from core.orders.model import Order
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import signed_in_token, tracking_token

SECTION = "widget"
_LONGEST = 300


class BadPage(ValueError):
    """Not the address of a public page: https, a host with a dot, no name or password, nothing after a #."""


def read_page(text: str) -> str:
    """Read the address of a store's page as typed; "" for none. Raises BadPage."""
    text = text.strip()
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        is_public = "." in (parts.hostname or "") and (parts.port is None or parts.port > 0)
    except ValueError:
        raise BadPage from None
    # The token goes behind the #, where neither the store's server nor its analytics read it.
    is_bare = "@" not in parts.netloc and "#" not in text
    if parts.scheme != "https" or not is_public or not is_bare or len(text) > _LONGEST or not safe_url(text):
        raise BadPage
    return text


def store_page(store: Store) -> str:
    """Give the address of the store's page with the widget; "" where the merchant named none."""
    try:
        return read_page(str(store.settings.get(SECTION, {}).get("page", "")))
    except BadPage:
        return ""


def order_url(services: Services, store: Store, order: Order) -> str:
    """Give the address that opens this order for whoever reads it in their mail: read-only, revocable, 180 days."""
    token = tracking_token(services.keyring, store.id, order.id, order.link_version)
    page = store_page(store)
    return f"{page}#aftercare={token}" if page else f"{services.config.public_url}/t/{token}"


def signed_in_url(services: Services, store: Store, order: Order) -> str:
    """Give the address that opens this order in the widget for whoever has just signed in: to act on, ten minutes."""
    token = signed_in_token(services.keyring, store.id, order.id, order.link_version, now=services.clock())
    return f"{store_page(store)}#aftercare={token}"
