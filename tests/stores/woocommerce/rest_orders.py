"""`wc/v3/orders` and what hangs below one: refunds, notes, fulfillments."""

from .answers import Answer, json_answer
from .errors import RestError, no_route, order_missing_for_fulfillments
from .fulfillments import find, remove, save
from .php import Json, is_true, split_list
from .refunds import show_refund
from .rest import Call, choose, many, one, pick_fields, require, within_dates
from .shapes import make_links, set_meta, show_order
from .store import Store

ORDER_BY = {"date": "date_created_gmt", "modified": "date_modified_gmt", "id": "id", "include": "id"}
EDITABLE = ("customer_note", "transaction_id", "customer_id", "payment_method", "payment_method_title")


def list_orders(store: Store, call: Call) -> Answer:
    """List orders, newest first unless asked otherwise; the trash only when asked for."""
    wanted = split_list(call.query.get("status") or "any")
    allowed = ["any", "trash", "auto-draft", *store.statuses]
    for at, status in enumerate(wanted):
        choose(f"status[{at}]", status, allowed)
    order_by = choose("orderby", call.query.get("orderby", "date"), list(ORDER_BY))
    rows = [
        row
        for row in within_dates(store, call, store.orders.values())
        if row["status"] in wanted or ("any" in wanted and row["status"] != "trash")
    ]
    if call.query.get("include"):
        rows = [row for row in rows if str(row["id"]) in split_list(call.query["include"])]
    if call.query.get("customer"):
        rows = [row for row in rows if str(row["customer_id"]) == str(call.query["customer"])]
    if call.query.get("search"):
        rows = [row for row in rows if _matches(row, str(call.query["search"]))]
    rows.sort(key=lambda row: (row[ORDER_BY[order_by]], row["id"]))
    if call.query.get("order", "desc") == "desc":
        rows.reverse()
    return many(store, call, (show_order(row, store.url, store.decimals) for row in rows))


def _matches(order: Json, text: str) -> bool:
    billing = order["billing"]
    places = [str(order["id"]), order["number"], billing["email"], billing["first_name"], billing["last_name"]]
    return any(text.lower() in place.lower() for place in places)


def read_order(store: Store, call: Call) -> Answer:
    """One order, or 404."""
    return one(call, show_order(store.find_order(call.order_id), store.url, store.decimals))


def edit_order(store: Store, call: Call) -> Answer:
    """Change an order: status, notes, addresses, meta (by key)."""
    order = store.find_order(call.order_id)
    status = call.body.get("status")
    if status:
        choose("status", status, ["auto-draft", *store.statuses])
        store.set_status(order["id"], status)
    order |= {name: call.body[name] for name in EDITABLE if name in call.body}
    for name in ("billing", "shipping"):
        order[name] = {**order[name], **call.body.get(name, {})}
    for row in call.body.get("meta_data", []):
        set_meta(order, store.next_id("meta"), row["key"], row["value"])
    store.touch(order)
    return one(call, show_order(order, store.url, store.decimals))


def delete_order(store: Store, call: Call) -> Answer:
    """Trash an order, or delete it for good with `force`."""
    shown = show_order(store.find_order(call.order_id), store.url, store.decimals)
    if is_true(call.query.get("force", "")):
        store.delete_forever(call.order_id)
        return one(call, shown)
    store.trash(call.order_id)
    return one(call, {**shown, "status": "trash"})


def list_statuses(store: Store, call: Call) -> Answer:
    """The store's order statuses, its own ones too."""
    return json_answer(200, [{"slug": slug, "name": name} for slug, name in store.statuses.items()])


def list_refunds(store: Store, call: Call) -> Answer:
    """An order's refunds, newest first."""
    store.find_order(call.order_id)
    rows = store.refunds.get(call.order_id, [])
    return many(store, call, (show_refund(row, call.order_id, store.url, store.decimals) for row in rows))


def create_refund(store: Store, call: Call) -> Answer:
    """Refund, with WooCommerce's checks and no others."""
    refund = store.refund(call.order_id, call.asked)
    # The Location header keeps the route's pattern (10.5.0, 2026-11).
    location = f"{store.url}/wp-json/wc/v3/orders/(?P<order_id>[\\d]+)/refunds/{refund['id']}"
    return one(call, show_refund(refund, call.order_id, store.url, store.decimals), 201, location)


def list_notes(store: Store, call: Call) -> Answer:
    """An order's notes, newest first; without paging."""
    store.find_order(call.order_id)
    kind = choose("type", call.query.get("type", "any"), ["any", "customer", "internal"])
    notes = [
        _show_note(store, call, note)
        for note in store.notes.get(call.order_id, [])
        if kind == "any" or note["customer_note"] == (kind == "customer")
    ]
    wanted = call.query.get("_fields")
    return json_answer(200, [pick_fields(note, split_list(wanted)) for note in notes] if wanted else notes)


def create_note(store: Store, call: Call) -> Answer:
    """Add a note; with `customer_note` a real store mails it to the shopper."""
    require(call, "note")
    store.find_order(call.order_id)
    for_shopper = is_true(call.asked.get("customer_note", ""))
    note = _show_note(store, call, store.add_note(call.order_id, call.asked["note"], for_shopper=for_shopper))
    return one(call, note, 201, note["_links"]["self"][0]["href"])


def delete_note(store: Store, call: Call) -> Answer:
    """Delete a note; only with `force`, for notes have no trash."""
    notes = store.notes.get(call.order_id, [])
    note = next((note for note in notes if note["id"] == call.ref), None)
    if note is None:
        raise RestError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
    if not is_true(call.query.get("force", "")):
        sentence = "Webhooks do not support trashing."
        raise RestError(501, "woocommerce_rest_trash_not_supported", sentence)
    notes.remove(note)
    return one(call, _show_note(store, call, note))


def _show_note(store: Store, call: Call, note: Json) -> Json:
    order = f"{store.url}/wp-json/wc/v3/orders/{call.order_id}"
    links = make_links(f"{order}/notes", note["id"], ["GET", "DELETE"])
    return {**note, "_links": {**links, "up": [{"href": order}]}}


def list_fulfillments(store: Store, call: Call) -> Answer:
    """An order's fulfillments, without paging; no such route while the feature is off."""
    order = _order_with_fulfillments(store, call)
    return json_answer(200, store.fulfillments.get(order["id"], []))


def create_fulfillment(store: Store, call: Call) -> Answer:
    """Record a parcel; every meta row needs `"id": 0`."""
    order = _order_with_fulfillments(store, call)
    return json_answer(201, save(store, order, None, call.body, store.now()))


def read_fulfillment(store: Store, call: Call) -> Answer:
    """One fulfillment."""
    order = _order_with_fulfillments(store, call)
    return json_answer(200, find(store, order["id"], call.ref))


def edit_fulfillment(store: Store, call: Call) -> Answer:
    """Replace a fulfillment's status and its whole meta set."""
    order = _order_with_fulfillments(store, call)
    row = find(store, order["id"], call.ref)
    return json_answer(200, save(store, order, row, call.body, store.now()))


def delete_fulfillment(store: Store, call: Call) -> Answer:
    """Delete a fulfillment."""
    order = _order_with_fulfillments(store, call)
    remove(store, order, call.ref, store.now())
    return json_answer(200, {"message": "Fulfillment deleted successfully."})


def _order_with_fulfillments(store: Store, call: Call) -> Json:
    if not store.has_fulfillments:
        raise no_route()
    if call.order_id not in store.orders:
        raise order_missing_for_fulfillments()
    return store.orders[call.order_id]
