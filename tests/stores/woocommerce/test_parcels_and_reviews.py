"""Parcels in their three flavors, reviews, and our own plugin's routes."""

import requests
from woocommerce import API

from tests.stores.woocommerce import Store
from tests.stores.woocommerce.bench import TOTES_AND_SWEATER, connect, keys_of, place
from tests.stores.woocommerce.php import load_recorded
from tests.stores.woocommerce.scenario import FLAVORS


def test_each_flavor_writes_its_parcel_where_that_plugin_does(store: Store, api: API) -> None:
    recorded = load_recorded("rest.orders__get_after_refund")["meta_data"][-1]["value"][0]
    for flavor in FLAVORS:
        order = place(store)
        store.ship(order["id"], "1Z999AA10123456784", flavor=flavor)
    meta = {number: {row["key"]: row["value"] for row in store.orders[number]["meta_data"]} for number in (17, 18, 19)}
    assert meta[17] == {"_fulfillment_status": "fulfilled"}
    assert meta[18]["_wc_shipment_tracking_items"][0].keys() == recorded.keys()
    assert meta[19]["_wc_shipment_tracking_items"][0].keys() > recorded.keys()
    assert keys_of(api.get("orders/17/fulfillments").json()) == keys_of(load_recorded("rest.fulfillments__list"))


def test_a_partial_parcel_leaves_the_order_partially_fulfilled(store: Store) -> None:
    order = place(store, lines=TOTES_AND_SWEATER)
    store.ship(17, "1Z1", items={order["line_items"][0]["id"]: 2})
    assert order["meta_data"][-1]["value"] == "partially_fulfilled"
    store.ship(17, "1Z2", items={order["line_items"][1]["id"]: 1})
    assert order["meta_data"][-1]["value"] == "fulfilled"


def test_recorded_fulfillments_replayed_give_the_recorded_answers(store: Store, api: API) -> None:
    for _ in range(2):
        place(store)
    for name, ref in (("create_unfulfilled", ""), ("update_to_fulfilled", "/1"), ("create_meta_without_id", "")):
        asked = load_recorded(f"rest.fulfillments__{name}.request")
        send = api.put if ref else api.post
        answer, recorded = (
            send(f"orders/18/fulfillments{ref}", asked["body"]).json(),
            load_recorded(f"rest.fulfillments__{name}"),
        )
        assert keys_of(answer) == keys_of(recorded), name
    assert answer == recorded


def test_without_the_feature_there_are_no_fulfillment_routes(store: Store, api: API) -> None:
    place(store)
    store.has_fulfillments = False
    answer = api.get("orders/17/fulfillments")
    assert (answer.status_code, answer.json()) == (404, load_recorded("rest.errors__route_missing"))


def test_reviews_are_listed_as_recorded_and_held_ones_only_on_request(store: Store, api: API) -> None:
    store.post_review("Strap broke after a week.", 2)
    store.post_review("Lovely and warm", 5, product_id=12, status="hold")
    shown = api.get("products/reviews", params={"status": "all"}).json()
    assert keys_of(shown) == keys_of(load_recorded("rest.reviews__list"))
    assert [row["review"] for row in api.get("products/reviews").json()] == ["<p>Strap broke after a week.</p>\n"]
    assert api.put("products/reviews/1", {"rating": 3}).json()["rating"] == 3
    assert api.delete("products/reviews/1", params={"force": "true"}).json()["deleted"] is True
    assert api.get("products/reviews/1").status_code == 404


def test_a_reply_asked_twice_is_published_once(store: Store) -> None:
    plugin = connect(store, version="wc-aftercare/v1")
    review = store.post_review("Strap broke after a week.", 2)
    asked = {"content": "We are sorry.", "external_id": "reply-77"}
    first, second = (plugin.post(f"reviews/{review['id']}/replies", asked) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert keys_of(first.json()) == keys_of(load_recorded("rest.replies__create"))
    assert [row["content"] for row in store.replies_to(review["id"])] == ["We are sorry."]
    ref = first.json()["id"]
    assert plugin.put(f"replies/{ref}", {"content": "On its way."}).json()["content"] == "On its way."
    assert plugin.delete(f"replies/{ref}").json()["deleted"] is True
    assert not store.replies_to(review["id"])
    missing = plugin.post("reviews/999999/replies", asked)
    assert (missing.status_code, missing.json()) == (404, load_recorded("rest.replies__review_missing"))


def test_a_store_without_our_plugin_knows_none_of_its_routes_or_topics(store: Store, api: API) -> None:
    asked = {"store_key": "k", "core_url": "https://app.example", "secret": "s"}
    plugin = connect(store, version="wc-aftercare/v1")
    assert plugin.post("connection", asked).json() == {"connected": True, "store_key": "k"}
    assert store.connection == asked
    hook = {"topic": "review.created", "delivery_url": "https://app.example/hooks"}
    assert api.post("webhooks", hook).status_code == 201
    store.has_plugin = False
    assert plugin.post("connection", asked).json() == load_recorded("rest.errors__route_missing")
    assert api.post("webhooks", hook).json() == load_recorded("rest.webhooks__bad_topic")
    assert "wc-aftercare/v1" not in requests.get(f"{store.url}/wp-json/", timeout=30).json()["namespaces"]
