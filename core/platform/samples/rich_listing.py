"""How the rich sample platform lists orders: what is old by an operation that takes its time, the rest page by page.

The operation's file names the orders and not what happened to them (no parcels, no refunds): each is asked for, as
behind Shopify's bulk operations.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from core.platform.sample_store import ORDERS
from core.platform.samples.rich_store import LOOK_AGAIN_AFTER, RichStore
from core.platform.snapshots import OrderSnapshot, Page

PER_PAGE = 50
LONG_AGO = timedelta(days=30)
"""What changed before that is listed by an operation."""
_OVERLAP = timedelta(minutes=5)
"""How far the next poll looks back: what was written late is read by it, never skipped."""


def list_orders(store: RichStore, cursor: str, read: Callable[[OrderSnapshot], OrderSnapshot]) -> Page[OrderSnapshot]:
    """Give the next page of orders by change. A cursor is an ISO time, "time|ref", or JSON while an operation runs."""
    if cursor.startswith("{"):
        return _from_operation(store, json.loads(cursor), read)
    moment, _, after = cursor.partition("|")
    since = datetime.fromisoformat(moment).astimezone(UTC)
    if not after and store.now - since >= LONG_AGO:
        return _begin_anew(since.isoformat())
    rows = store.changed_since("order", since.isoformat(), after, PER_PAGE)
    orders = tuple(read(ORDERS.validate_json(body)) for _, _, body in rows)
    if len(rows) == PER_PAGE:
        return Page(orders, f"{rows[-1][0]}|{rows[-1][1]}", last=False)
    return Page(orders, _next_poll(since.isoformat(), rows[-1][0] if rows else ""), last=True)


def _begin_anew(since: str) -> Page[OrderSnapshot]:
    """Give the page that only names the key of the operation to come; it is kept before anything is begun."""
    return Page((), json.dumps({"key": secrets.token_hex(8), "since": since}), last=False)


def _from_operation(
    store: RichStore, at: dict[str, str], read: Callable[[OrderSnapshot], OrderSnapshot]
) -> Page[OrderSnapshot]:
    ref = at.get("operation") or store.find_listing(at["key"]) or store.begin_listing(at["key"], at["since"])
    listing = store.look_at_listing(ref)
    if listing is None:
        return _begin_anew(at["since"])
    here = {**at, "operation": ref}
    if not listing.is_done:
        return Page((), json.dumps(here), last=False, again_after=LOOK_AGAIN_AFTER, operation=ref)
    start = int(at.get("offset", 0))
    found = [store.order(one) for one in listing.refs[start : start + PER_PAGE]]
    orders = tuple(read(order) for order in found if order)
    if start + PER_PAGE < len(listing.refs):
        behind = json.dumps({**here, "offset": str(start + PER_PAGE)})
        return Page(orders, behind, last=False, total=len(listing.refs))
    # What changed after the operation began may or may not be in its file.
    return Page(orders, _next_poll(at["since"], listing.begun), last=True, total=len(listing.refs))


def _next_poll(since: str, newest: str) -> str:
    return max(since, (datetime.fromisoformat(newest) - _OVERLAP).isoformat()) if newest else since
