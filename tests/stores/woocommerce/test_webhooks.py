"""The law of WooCommerce's webhooks, against a receiver that listens for real."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta

from woocommerce import API

from tests.stores.woocommerce import Store
from tests.stores.woocommerce.bench import Clock, keys_of, place
from tests.stores.woocommerce.php import FIXTURES, load_recorded
from tests.stores.woocommerce.receiver import Receiver, receiving
from tests.stores.woocommerce.webhooks import Delivery, sign_body

Listen = Callable[..., Receiver]


def topics_of(sent: list[Delivery]) -> list[str]:
    return [delivery.topic for delivery in sent]


def test_a_new_webhook_is_shown_as_recorded_and_pings_unsigned(store: Store, api: API) -> None:
    with receiving() as receiver:
        hook = {"topic": "order.created", "delivery_url": f"{receiver.url}/hook", "secret": "s3cret"}
        shown = api.post("webhooks", hook).json()
        assert {**shown, "_links": 0} == {
            **load_recorded("rest.webhooks__create"),
            **{name: shown[name] for name in ("delivery_url", "date_created", "date_created_gmt")},
            "_links": 0,
        }
        store.deliver()
        ((path, headers, body),) = receiver.taken
    assert (path, body) == ("/hook", b"webhook_id=1")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert not [name for name in headers if name.startswith("X-WC-")]
    assert "s3cret" not in api.get("webhooks/1").text


def test_a_delivery_has_the_recorded_headers_and_a_signature_over_raw_bytes(store: Store, listen: Listen) -> None:
    receiver = listen("order.created")
    place(store, last_name="Müller")
    store.deliver()
    ((_, headers, body),) = receiver.taken
    recorded = load_recorded("order.created__processing.headers")
    assert {name for name in headers if name.startswith("X-WC-")} == {
        name for name in recorded if name.startswith("X-WC-")
    }
    for name in ("Content-Type", "User-Agent", "X-WC-Webhook-Topic", "X-WC-Webhook-Resource", "X-WC-Webhook-Event"):
        assert headers[name] == recorded[name]
    assert headers["X-WC-Webhook-Source"] == f"{store.url}/"
    assert headers["X-WC-Webhook-Signature"] == sign_body("s3cret", body)
    assert base64.b64decode(headers["X-WC-Webhook-Signature"])
    assert rb"M\u00fcller" in body
    assert rb"http:\/\/" in body


def test_one_order_is_told_as_created_and_updated_with_the_same_body_built_at_delivery(
    store: Store, listen: Listen
) -> None:
    receiver = listen("order.created", "order.updated")
    place(store)
    store.set_status(17, "completed")
    store.ship(17, "1Z1", flavor="ast")
    assert topics_of(store.deliver()) == ["order.created", "order.updated"]
    (_, _, created), (_, _, updated) = receiver.taken
    assert created == updated
    assert json.loads(created)["status"] == "completed"
    assert store.deliver() == []


def test_deliveries_of_one_webhook_in_one_second_share_their_id(store: Store, listen: Listen, clock: Clock) -> None:
    receiver = listen("order.created")
    place(store)
    place(store)
    store.deliver()
    clock.at += timedelta(seconds=1)
    place(store)
    store.deliver()
    first, second, third = (headers["X-WC-Webhook-Delivery-ID"] for _, headers, _ in receiver.taken)
    assert first == second != third


def test_trashing_tells_only_the_id_and_deleting_for_good_tells_nothing(store: Store, listen: Listen) -> None:
    receiver = listen("order.deleted", "order.updated")
    place(store)
    place(store)
    store.deliver()
    receiver.taken.clear()
    store.trash(17)
    store.delete_forever(18)
    store.deliver()
    assert [body for _, _, body in receiver.taken] == [b'{"id":17}']


def test_an_order_gone_at_delivery_is_a_signed_error_body(store: Store, listen: Listen) -> None:
    receiver = listen("order.created")
    place(store)
    store.delete_forever(17)
    store.deliver()
    ((_, headers, body),) = receiver.taken
    assert body == (FIXTURES / "order.created__gone_at_delivery.json").read_bytes()
    assert headers["X-WC-Webhook-Signature"] == sign_body("s3cret", body)


def test_a_private_note_is_no_news_and_a_shopper_note_is_an_action(store: Store, listen: Listen) -> None:
    receiver = listen("order.updated", "action.woocommerce_new_customer_note")
    place(store)
    store.deliver()
    receiver.taken.clear()
    store.add_note(17, "Checked")
    store.add_note(17, "Your parcel is on its way", for_shopper=True)
    store.deliver()
    ((_, _, body),) = receiver.taken
    assert body == (FIXTURES / "action.woocommerce_new_customer_note__note.json").read_bytes()


def test_our_own_topics_have_the_recorded_shape(store: Store, listen: Listen) -> None:
    receiver = listen("review.created", "review.deleted", "fulfillment.updated")
    place(store)
    review = store.post_review("It held up.", 4)
    store.ship(17, "9400111899223100001234", "usps", url="https://tools.usps.com/x")
    store.deliver()
    store.delete_review(review["id"])
    store.deliver()
    bodies = [json.loads(body) for _, _, body in receiver.taken]
    assert keys_of(bodies[0]) == keys_of(load_recorded("review.created__four_stars"))
    assert keys_of(bodies[1]) == keys_of(load_recorded("fulfillment.updated__fulfilled"))
    assert bodies[2] == {"id": review["id"]}


def test_the_seventh_failure_in_a_row_disables_a_webhook_and_nothing_is_retried(
    store: Store, api: API, listen: Listen
) -> None:
    receiver = listen("order.created")
    receiver.status = 500
    for failures in range(1, 8):
        assert api.get("webhooks/1").json()["status"] == "active", failures
        place(store)
        assert len(store.deliver()) == 1
    assert api.get("webhooks/1").json()["status"] == "disabled"
    place(store)
    assert store.deliver() == []
    # Made active again, it stands at six failures: the next one disables it at once.
    api.put("webhooks/1", {"status": "active"})
    place(store)
    store.deliver()
    assert api.get("webhooks/1").json()["status"] == "disabled"


def test_one_success_forgives_all_failures(store: Store, api: API, listen: Listen) -> None:
    receiver = listen("order.created")
    for status in (500, 500, 500, 500, 500, 500, 302, 500):
        receiver.status = status
        place(store)
        store.deliver()
    assert store.webhooks.rows[1].failures == 1
    assert api.get("webhooks/1").json()["status"] == "active"


def test_until_a_ping_succeeds_every_save_pings_again(store: Store, api: API) -> None:
    with receiving(status=500) as receiver:
        api.post("webhooks", {"topic": "order.created", "delivery_url": receiver.url, "secret": "s"})
        store.deliver()
        place(store)
        store.deliver()
        receiver.status = 200
        store.deliver()
        assert [body[:11] for _, _, body in receiver.taken].count(b"webhook_id=") == 2
        assert store.deliver() == []


def test_without_loopback_a_store_never_calls_a_private_address() -> None:
    store = Store()
    with receiving() as receiver:
        store.webhooks.create("order.created", receiver.url, "s")
        (ping,) = store.deliver()
        assert (ping.status, ping.problem) == (None, "A valid URL was not provided.")
        assert receiver.taken == []
