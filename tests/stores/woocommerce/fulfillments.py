"""WooCommerce's core order fulfillments (since 10.1, off by default): the parcel is stored in their meta."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .errors import RestError
from .php import Json
from .shapes import find_meta, set_meta

if TYPE_CHECKING:
    from .state import State
    from .store import Store


def add_parcel(
    store: "Store",
    order: Json,
    parcel: tuple[str, str, str],
    items: Mapping[int, int] | None,
    at: datetime,
) -> Json:
    """Record a sent parcel (tracking number, provider, tracking URL); all items when none are named."""
    tracking_number, provider, url = parcel
    chosen = items or {line["id"]: line["quantity"] for line in order["line_items"]}
    meta: dict[str, Any] = {
        "_items": [{"item_id": line_id, "qty": quantity} for line_id, quantity in chosen.items()],
        "_tracking_number": tracking_number,
        "_shipment_provider": provider,
        "_tracking_url": url,
    }
    rows = [{"id": 0, "key": key, "value": value} for key, value in meta.items()]
    return save(store, order, None, {"status": "fulfilled", "meta_data": rows}, at)


def save(store: "Store", order: Json, row: Json | None, asked: Json, at: datetime) -> Json:
    """Create or replace one fulfillment as REST does; raises `RestError` when it holds no items.

    A meta row without `"id": 0` is dropped on create, so an item list without one is "no items" (10.5.0,
    2026-11). The set given replaces the old one: keys not sent are gone.
    """
    given = asked.get("meta_data") or []
    kept = [entry for entry in given if "id" in entry or row is not None]
    if not any(entry["key"] == "_items" and entry["value"] for entry in kept):
        raise RestError(400, 0, "The fulfillment should contain at least one item.")
    is_new = row is None
    if row is None:
        row = {"id": store.next_id("fulfillment"), "entity_type": "WC_Order", "entity_id": str(order["id"])}
        store.fulfillments.setdefault(order["id"], []).append(row)
    old_ids = {entry["key"]: entry["id"] for entry in row.get("meta_data", [])}
    row["status"] = asked.get("status", row.get("status", "unfulfilled"))
    row["is_fulfilled"] = row["status"] == "fulfilled"
    # Store-local and unlike every other time in the API (10.5.0, 2026-11).
    row["date_updated"] = at.astimezone(store.zone).strftime("%Y-%m-%d %H:%M:%S")
    fulfilled_at = find_meta(row, "_date_fulfilled") if old_ids else None
    row["meta_data"] = [
        {**entry, "id": old_ids.get(entry["key"]) or store.next_id("fulfillment_meta")} for entry in kept
    ]
    if row["is_fulfilled"] and not find_meta(row, "_date_fulfilled"):
        set_meta(row, store.next_id("fulfillment_meta"), "_date_fulfilled", fulfilled_at or row["date_updated"])
    _announce(store, order, row, is_new, at)
    return row


def find(store: "State", order_id: int, fulfillment_id: int) -> Json:
    """One fulfillment of an order; raises `RestError`."""
    for row in store.fulfillments.get(order_id, []):
        if row["id"] == fulfillment_id:
            return row
    raise RestError(404, "woocommerce_rest_fulfillment_invalid_id", "Invalid fulfillment ID.")


def remove(store: "Store", order: Json, fulfillment_id: int, at: datetime) -> None:
    """Delete one fulfillment."""
    store.fulfillments[order["id"]].remove(find(store, order["id"], fulfillment_id))
    set_meta(order, store.next_id("meta"), "_fulfillment_status", status_of(store, order))
    store.webhooks.announce("fulfillment.deleted", fulfillment_id)
    store.touch(order, at)


def show_for_webhook(store: "State", fulfillment_id: int) -> Json:
    """The body of our own `fulfillment.*` topics: the fulfillment with its order's id."""
    for order_id, rows in store.fulfillments.items():
        for row in rows:
            if row["id"] == fulfillment_id:
                return {"id": row["id"], "order_id": order_id, **row}
    raise RestError(404, "woocommerce_rest_fulfillment_invalid_id", "Invalid fulfillment ID.")


def status_of(store: "State", order: Json) -> str:
    """`_fulfillment_status` of an order, from what its fulfilled parcels hold."""
    rows = store.fulfillments.get(order["id"], [])
    if not rows:
        return "no_fulfillments"
    sent = sum(item["qty"] for row in rows if row["is_fulfilled"] for item in find_meta(row, "_items") or [])
    if not sent:
        return "unfulfilled"
    ordered = sum(line["quantity"] for line in order["line_items"])
    return "fulfilled" if sent >= ordered else "partially_fulfilled"


def _announce(store: "Store", order: Json, row: Json, is_new: bool, at: datetime) -> None:
    set_meta(order, store.next_id("meta"), "_fulfillment_status", status_of(store, order))
    if is_new:
        store.webhooks.announce("fulfillment.created", row["id"])
    # Our plugin hangs on create and on update, so a new parcel is news under both topics.
    store.webhooks.announce("fulfillment.updated", row["id"])
    store.touch(order, at)
