"""The local store against recordings of a real one (WooCommerce 10.5.0, 2026-11-21)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from woocommerce import API

from tests.stores.woocommerce import Line, Store, serving
from tests.stores.woocommerce.bench import TOTES_AND_SWEATER, connect, keys_of, place, sign, without_ids
from tests.stores.woocommerce.php import FIXTURES, load_recorded
from tests.stores.woocommerce.webhooks import sign_body


def test_no_fixture_holds_a_credential_or_a_real_address() -> None:
    text = "".join(path.read_text("utf-8") for path in FIXTURES.iterdir())
    assert set(re.findall(r"\b[cC][kKsS]_[0-9a-f]{40}", text)) == {f"ck_{'0' * 40}", f"cs_{'0' * 40}"}
    assert not re.search(r"Authorization\": \"(Basic|OAuth)|127\.0\.0\.1|localhost", text)
    assert {mail.rpartition("@")[2] for mail in re.findall(r"[\w.]+@[\w.]+\w", text)} == {
        "shopper.example",
        "store.example",
    }


DELIVERIES = [path for path in sorted(FIXTURES.glob("*__*.headers.json")) if "X-WC-Webhook-Topic" in path.read_text()]


@pytest.mark.parametrize("path", DELIVERIES, ids=lambda path: path.name)
def test_every_recorded_delivery_verifies_with_the_fixture_secret(path: Path) -> None:
    headers = json.loads(path.read_text())
    body = path.with_name(path.name.replace(".headers", "")).read_bytes()
    assert headers["X-WC-Webhook-Signature"] == sign_body("fixture-secret", body)
    assert path.name.startswith(headers["X-WC-Webhook-Topic"])


def test_an_order_has_every_key_and_total_of_the_recorded_one(store: Store, api: API) -> None:
    recorded = load_recorded("rest.orders__create")
    place(store, lines=TOTES_AND_SWEATER, customer_id=2, status="processing")
    shown = api.get("orders/17").json()
    assert shown["id"] == 17
    assert shown.keys() == recorded.keys()
    assert {**shown["line_items"][0], "meta_data": 0}.keys() == recorded["line_items"][0].keys()
    for part in ("shipping_lines", "tax_lines", "_links", "billing"):
        assert keys_of(shown[part]) == keys_of(recorded[part])
    for name in ("total", "total_tax", "cart_tax", "shipping_tax", "date_created", "date_paid_gmt", "needs_payment"):
        assert shown[name] == recorded[name], name


@pytest.mark.parametrize(
    ("method", "path", "body", "fixture"),
    [
        ("get", "orders?per_page=101", None, "errors__per_page"),
        ("get", "orders/999999", None, "errors__order_missing"),
        ("get", "nonsense", None, "errors__route_missing"),
        ("get", "orders/999999/fulfillments", None, "fulfillments__order_missing"),
        ("post", "webhooks", {"topic": "shipment.created", "delivery_url": "http://x.example"}, "webhooks__bad_topic"),
        ("post", "orders/17/refunds", {"amount": "9999.00", "api_refund": False}, "refunds__too_much"),
        ("post", "orders/17/refunds", {"amount": "-1", "api_refund": False}, "refunds__negative"),
        ("post", "orders/17/refunds", {"amount": "1.00"}, "refunds__gateway_unsupported"),
    ],
)
def test_a_refusal_is_worded_as_recorded(
    store: Store, api: API, method: str, path: str, body: Any, fixture: str
) -> None:
    place(store, payment_method="bacs")
    bare, _, query = path.partition("?")
    params = dict([query.split("=")]) if query else {}
    answer = api.get(bare, params=params) if method == "get" else api.post(bare, body)
    assert answer.json() == load_recorded(f"rest.{fixture}")
    assert answer.status_code == load_recorded(f"rest.{fixture}.headers")["status"]


def test_an_unknown_status_is_refused_as_recorded() -> None:
    store = Store(loopback=True)
    with serving(store):
        answer = connect(store).get("orders", params={"status": "nope"})
    assert (answer.status_code, answer.json()) == (400, load_recorded("rest.errors__status"))


def test_broken_json_is_refused_as_recorded(store: Store) -> None:
    key = store.add_key()
    url = f"{store.url}/wp-json/wc/v3/orders/17/refunds"
    answer = requests.post(url, params=sign(key, "POST", url), data=b"{nope", timeout=30)
    assert (answer.status_code, answer.json()) == (400, load_recorded("rest.errors__bad_json"))


@pytest.mark.parametrize(
    "case", ["create_line", "create_amount_only", "create_line_and_shipping_no_amount", "create_over_ordered"]
)
def test_a_recorded_refund_replayed_gives_the_recorded_answer(store: Store, api: API, case: str) -> None:
    asked = load_recorded(f"rest.refunds__{case}.request")["body"]
    order = place(store, lines=(Line(quantity=3),))
    by_old_id = {1: order["line_items"][0]["id"], 5: order["line_items"][0]["id"], 6: order["shipping_lines"][0]["id"]}
    for line in asked.get("line_items", []):
        line["id"] = by_old_id[line["id"]]
    answer = api.post(f"orders/{order['id']}/refunds", asked)
    assert answer.status_code == 201
    assert without_ids(answer.json()) == without_ids(load_recorded(f"rest.refunds__{case}"))
