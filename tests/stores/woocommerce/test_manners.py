"""Bad manners happen when asked for, where asked for, and as often."""

import pytest
import requests
from woocommerce import API

from tests.stores.woocommerce import KINDS, Store
from tests.stores.woocommerce.bench import place, sign


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("maintenance", 503),
        ("html200", 200),
        ("429", 429),
        ("500", 500),
        ("503", 503),
        ("redirect", 301),
        ("security_plugin", 401),
    ],
)
def test_a_store_in_a_mood_answers_badly_once_and_does_nothing(store: Store, kind: str, status: int) -> None:
    place(store)
    key, url = store.add_key(), f"{store.url}/wp-json/wc/v3/orders/17/notes"
    store.misbehave(kind, path="/orders", seconds=7)
    first = requests.post(url, params=sign(key, "POST", url), json={"note": "x"}, allow_redirects=False, timeout=30)
    assert first.status_code == status
    assert first.headers.get("Retry-After") == ("7" if kind in {"maintenance", "429"} else None)
    assert store.notes == {}
    second = requests.post(url, params=sign(key, "POST", url), json={"note": "x"}, timeout=30)
    assert second.status_code == 201


@pytest.mark.parametrize("kind", ["slow", "truncated", "php_notice", "reset"])
def test_an_answer_that_suffers_on_its_way_was_acted_upon(store: Store, api: API, kind: str) -> None:
    place(store)
    store.misbehave(kind, path="/refunds", seconds=0.2)
    asked = {"amount": "1.00", "api_refund": False}
    if kind in {"truncated", "reset"}:
        with pytest.raises(requests.RequestException):
            api.post("orders/17/refunds", asked)
    else:
        answer = api.post("orders/17/refunds", asked)
        assert answer.text.startswith("<br />") == (kind == "php_notice")
        assert (answer.elapsed.total_seconds() > 0.2) == (kind == "slow")
    assert len(api.get("orders/17/refunds").json()) == 1


def test_a_misbehavior_may_be_for_one_method_alone(store: Store, api: API) -> None:
    place(store)
    store.misbehave("reset", method="POST", path="/refunds")
    assert api.get("orders/17/refunds").json() == []
    with pytest.raises(requests.RequestException):
        api.post("orders/17/refunds", {"amount": "1.00", "api_refund": False})
    assert [row["amount"] for row in api.get("orders/17/refunds").json()] == ["1.00"]


def test_a_misbehavior_is_for_the_paths_named_and_must_exist(store: Store, api: API) -> None:
    store.misbehave("500", path="/webhooks$")
    assert api.get("orders").status_code == 200
    assert api.get("webhooks").status_code == 500
    assert set(KINDS) == {
        *"maintenance html200 429 500 503 redirect security_plugin slow truncated php_notice reset".split()
    }
    with pytest.raises(ValueError, match="sulk"):
        store.misbehave("sulk")
