"""The rest of the store over REST: reviews, products, webhooks, gateways, system status and our own plugin."""

from .answers import Answer, json_answer
from .errors import RestError, no_route
from .php import Json, is_true, load_recorded
from .rest import Call, choose, many, one, require
from .shapes import make_links
from .store import Store
from .webhooks import Webhook, show_webhook

REVIEW_STATUSES = ["all", "hold", "approved", "spam", "trash"]
WEBHOOK_STATUSES = ["all", "active", "paused", "disabled"]


def list_reviews(store: Store, call: Call) -> Answer:
    """Product reviews, newest first; the approved ones unless `status` says otherwise."""
    status = choose("status", call.query.get("status", "approved"), REVIEW_STATUSES)
    rows = [row for row in store.reviews.values() if status in {"all", row["status"]}]
    rows.sort(key=lambda row: (row["date_created_gmt"], row["id"]), reverse=True)
    return many(store, call, (store.show("review", row["id"]) for row in rows))


def read_review(store: Store, call: Call) -> Answer:
    """One review, or 404."""
    return one(call, store.show("review", call.ref))


def edit_review(store: Store, call: Call) -> Answer:
    """Change a review; there is no reply here, WooCommerce's API cannot make one."""
    names = ("review", "rating", "status", "reviewer", "reviewer_email", "verified")
    store.edit_review(call.ref, **{name: call.body[name] for name in names if name in call.body})
    return read_review(store, call)


def delete_review(store: Store, call: Call) -> Answer:
    """Trash a review, or delete it with `force`."""
    shown = store.show("review", call.ref)
    if not is_true(call.query.get("force", "")):
        store.edit_review(call.ref, status="trash")
        return read_review(store, call)
    store.delete_review(call.ref)
    return json_answer(200, {"deleted": True, "previous": shown})


def list_products(store: Store, call: Call) -> Answer:
    """The store's products."""
    return many(store, call, (_show_product(store, row) for row in store.products.values()))


def read_product(store: Store, call: Call) -> Answer:
    """One product, or 404."""
    if call.ref not in store.products:
        raise RestError(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
    return one(call, _show_product(store, store.products[call.ref]))


def list_variations(store: Store, call: Call) -> Answer:
    """The variations of a product; a simple one has none, an unknown one is a 404."""
    if call.ref not in store.products:
        raise RestError(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
    return many(store, call, (row for row in store.variations.values() if row["parent_id"] == call.ref))


def read_setting(store: Store, call: Call) -> Answer:
    """One setting of a group, as far as the store has been asked for it; else 404 with WooCommerce's own words."""
    group, name = call.refs
    known = {
        ("general", "woocommerce_currency"): store.currency,
        ("general", "woocommerce_default_country"): store.country,
        ("general", "woocommerce_calc_taxes"): "yes" if store.has_taxes else "no",
        ("tax", "woocommerce_prices_include_tax"): "yes" if store.prices_have_tax else "no",
    }
    if (group, name) not in known:
        raise RestError(404, "rest_setting_setting_invalid", "Invalid setting.")
    return one(call, {"id": name, "value": known[group, name], "group_id": group})


def _show_product(store: Store, product: Json) -> Json:
    links = make_links(f"{store.url}/wp-json/wc/v3/products", product["id"])
    return {**product, "permalink": f"{store.url}/product/{product['slug']}/", "_links": links}


def list_gateways(store: Store, call: Call) -> Answer:
    """The payment gateways; `method_supports` says which can refund."""
    return many(store, call, store.gateways.values())


def read_gateway(store: Store, call: Call) -> Answer:
    """One payment gateway, or 404."""
    if call.refs[0] not in store.gateways:
        raise RestError(404, "woocommerce_rest_payment_gateway_invalid", "Resource does not exist.")
    return one(call, store.gateways[call.refs[0]])


def read_system_status(store: Store, call: Call) -> Answer:
    """The system status. Its `default_timezone` is PHP's, not the store's."""
    status: Json = load_recorded("rest.system_status__get")
    status["environment"] |= {"home_url": store.url, "site_url": store.url, "language": store.language}
    status["environment"] |= {"store_id": store.store_id, "wp_environment_type": store.environment_type}
    status["settings"]["currency"] = store.currency
    if not store.has_fulfillments:
        status["settings"]["enabled_features"].remove("fulfillments")
    if not store.has_plugin:
        status["active_plugins"] = status["active_plugins"][1:]
    return one(call, status)


def read_index(store: Store, call: Call) -> Answer:
    """WordPress's own front page of the API, open to all: the only place that names the time zone.

    Key names from the WordPress REST API handbook, not recorded.
    """
    namespaces = ["oembed/1.0", "wc/v3", *(["wc-aftercare/v1"] if store.has_plugin else []), "wp/v2"]
    about = {"name": store.name, "description": "", "url": store.url, "home": store.url}
    offset = store.now().astimezone(store.zone).utcoffset()
    hours = offset.total_seconds() / 3600 if offset else 0
    zone = {"gmt_offset": f"{hours:g}", "timezone_string": store.zone.key}
    return json_answer(200, {**about, **zone, "namespaces": namespaces, "authentication": {}, "routes": {}})


def list_webhooks(store: Store, call: Call) -> Answer:
    """Webhooks, newest first."""
    status = choose("status", call.query.get("status", "all"), WEBHOOK_STATUSES)
    rows = sorted(store.webhooks.rows.values(), key=lambda row: row.id, reverse=True)
    return many(store, call, (show_webhook(row, store) for row in rows if status in {"all", row.status}))


def create_webhook(store: Store, call: Call) -> Answer:
    """Create a webhook. Without a `secret` a random one is used that nobody is ever told."""
    require(call, "delivery_url")
    asked = call.asked
    secret = asked.get("secret") or "a secret that the API never shows"
    row = store.webhooks.create(asked.get("topic", ""), asked["delivery_url"], secret, asked.get("name", ""))
    shown = show_webhook(row, store)
    return one(call, shown, 201, shown["_links"]["self"][0]["href"])


def read_webhook(store: Store, call: Call) -> Answer:
    """One webhook, or 404."""
    return one(call, show_webhook(_find_webhook(store, call), store))


def edit_webhook(store: Store, call: Call) -> Answer:
    """Change a webhook. Making one active again keeps its failure count."""
    row = _find_webhook(store, call)
    if "status" in call.body:
        row.status = choose("status", call.body["status"], WEBHOOK_STATUSES[1:])
    row.url = call.body.get("delivery_url", row.url)
    row.secret = call.body.get("secret", row.secret)
    row.name = call.body.get("name", row.name)
    store.webhooks.save(row)
    return one(call, show_webhook(row, store))


def delete_webhook(store: Store, call: Call) -> Answer:
    """Delete a webhook; only with `force`."""
    row = _find_webhook(store, call)
    if not is_true(call.query.get("force", "")):
        sentence = "Webhooks do not support trashing."
        raise RestError(501, "woocommerce_rest_trash_not_supported", sentence)
    del store.webhooks.rows[row.id]
    return one(call, show_webhook(row, store))


def _find_webhook(store: Store, call: Call) -> Webhook:
    if call.ref not in store.webhooks.rows:
        raise RestError(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
    return store.webhooks.rows[call.ref]


def create_reply(store: Store, call: Call) -> Answer:
    """Our plugin's reply below a review: 201; asked again with the same `external_id`, 200 and the first one."""
    _require_plugin(store)
    require(call, "content")
    external_id = call.asked.get("external_id", "")
    for row in store.replies_to(call.ref):
        if external_id and row["external_id"] == external_id:
            return json_answer(200, _show_reply(row))
    return json_answer(201, store.reply(call.ref, call.asked["content"], external_id))


def edit_reply(store: Store, call: Call) -> Answer:
    """Change what a reply says."""
    row = _find_reply(store, call)
    require(call, "content")
    row["content"] = call.asked["content"]
    return json_answer(200, _show_reply(row))


def delete_reply(store: Store, call: Call) -> Answer:
    """Take a reply away."""
    row = _find_reply(store, call)
    del store.replies[row["id"]]
    return json_answer(200, {"deleted": True, "previous": _show_reply(row)})


def _find_reply(store: Store, call: Call) -> Json:
    _require_plugin(store)
    if call.ref not in store.replies:
        raise RestError(404, "aftercare_reply_invalid_id", "Invalid reply ID.")
    return store.replies[call.ref]


def _show_reply(row: Json) -> Json:
    return {name: value for name, value in row.items() if name != "external_id"}


def save_connection(store: Store, call: Call) -> Answer:
    """Our plugin learns where the core is and the secret they share."""
    _require_plugin(store)
    require(call, "store_key", "core_url", "secret")
    store.connection = {name: call.asked[name] for name in ("store_key", "core_url", "secret")}
    return json_answer(200, {"connected": True, "store_key": store.connection["store_key"]})


def _require_plugin(store: Store) -> None:
    if not store.has_plugin:
        raise no_route()
