"""Reading and changing the store over REST, where no recording says it all."""

from datetime import timedelta

import pytest
from woocommerce import API

from tests.stores.woocommerce import Line, Store
from tests.stores.woocommerce.bench import NOON, Clock, keys_of, place
from tests.stores.woocommerce.php import load_recorded


def test_a_list_is_paged_as_recorded_and_ends_empty(store: Store, api: API) -> None:
    for minute in range(5):
        place(store, placed=NOON + timedelta(minutes=minute))
    first = api.get("orders", params={"per_page": 2, "orderby": "date", "order": "asc"})
    assert [order["id"] for order in first.json()] == [17, 18]
    assert (first.headers["X-WP-Total"], first.headers["X-WP-TotalPages"]) == ("5", "3")
    assert first.headers["Link"].endswith('rel="next"')
    assert "page=2" in first.headers["Link"]
    last = api.get("orders", params={"per_page": 2, "page": 3})
    assert [order["id"] for order in last.json()] == [17]
    assert last.headers["Link"].endswith('rel="prev"')
    assert api.get("orders", params={"per_page": 2, "page": 4}).json() == []


def test_modified_after_leaves_out_the_second_it_names(store: Store, api: API, clock: Clock) -> None:
    for _ in range(3):
        place(store)
    clock.at = NOON + timedelta(minutes=5)
    store.set_status(18, "completed")
    params = {"dates_are_gmt": "true", "orderby": "modified", "order": "asc"}
    assert [row["id"] for row in api.get("orders", params=params).json()] == [17, 19, 18]
    since = {**params, "modified_after": "2026-11-21T18:09:15"}
    assert [row["id"] for row in api.get("orders", params=since).json()] == [18]
    local = {"modified_after": "2026-11-21T10:09:14"}
    assert len(api.get("orders", params=local).json()) == 3


def test_the_trash_is_listed_only_when_asked_for(store: Store, api: API) -> None:
    place(store)
    place(store)
    store.trash(18)
    assert [row["id"] for row in api.get("orders").json()] == [17]
    assert [row["id"] for row in api.get("orders", params={"status": "trash"}).json()] == [18]
    assert api.get("orders/18").json()["status"] == "trash"


def test_fields_trim_an_order_but_leave_its_links(store: Store, api: API) -> None:
    place(store)
    assert api.get("orders/17", params={"_fields": "id,status"}).json().keys() == {"id", "status", "_links"}
    nested = api.get("system_status", params={"_fields": "settings.currency,environment"}).json()
    assert nested["settings"] == {"currency": "USD"}
    assert nested["environment"]["home_url"] == store.url


def test_an_order_is_changed_over_rest_and_its_meta_replaced_by_key(store: Store, api: API) -> None:
    place(store)
    for value in ("1", "2"):
        answer = api.put("orders/17", {"status": "shipped", "meta_data": [{"key": "_aftercare", "value": value}]})
    assert [row["value"] for row in answer.json()["meta_data"]] == ["2"]
    assert api.get("orders/17").json()["status"] == "shipped"
    assert [status["slug"] for status in api.get("orders/statuses").json()][-2:] == ["shipped", "delivered"]
    assert api.put("orders/17", {"status": "lost"}).status_code == 400


def test_notes_are_kept_newest_first_and_deleted_only_with_force(store: Store, api: API) -> None:
    place(store)
    note = api.post("orders/17/notes", {"note": "Your parcel is on its way", "customer_note": True}).json()
    assert keys_of(note) == keys_of(load_recorded("rest.notes__create_customer"))
    store.add_note(17, "Checked by warehouse")
    assert api.get("orders/17/notes").json()[0]["note"] == "Checked by warehouse"
    assert len(api.get("orders/17/notes", params={"type": "customer"}).json()) == 1
    assert api.delete(f"orders/17/notes/{note['id']}").status_code == 501
    assert api.delete(f"orders/17/notes/{note['id']}", params={"force": "true"}).status_code == 200
    assert len(api.get("orders/17/notes").json()) == 1


def test_gateways_say_which_can_refund(api: API) -> None:
    supports = {row["id"]: row["method_supports"] for row in api.get("payment_gateways").json()}
    assert supports["stripe"] == ["products", "refunds"]
    assert api.get("payment_gateways/bacs").json()["method_supports"] == ["products"]
    assert api.get("payment_gateways/none").status_code == 404


def test_an_api_refund_that_is_no_boolean_counts_as_true(store: Store, api: API) -> None:
    place(store)
    refund = api.post("orders/17/refunds", {"amount": "1.00", "api_refund": "false"}).json()
    assert refund["refunded_payment"] is True


def test_a_refund_without_any_amount_is_accepted_and_shows_a_dash(store: Store, api: API) -> None:
    order = place(store)
    line = {"id": order["line_items"][0]["id"], "quantity": 1}
    assert api.post("orders/17/refunds", {"api_refund": False, "line_items": [line]}).json()["amount"] == ""
    assert [refund["total"] for refund in api.get("orders/17").json()["refunds"]] == ["-"]


def test_a_full_refund_moves_the_order_to_refunded_and_leaves_nothing(store: Store, api: API) -> None:
    total = place(store)["total"]
    refund = api.post("orders/17/refunds", {"amount": total, "api_refund": True}).json()
    assert refund["meta_data"][-1]["value"] == "full"
    assert api.get("orders/17").json()["status"] == "refunded"
    assert api.post("orders/17/refunds", {"amount": "0.01", "api_refund": False}).status_code == 500
    assert len(api.get("orders/17/refunds").json()) == 1


@pytest.mark.parametrize("restock", [True, False])
def test_units_go_back_on_the_shelf_only_where_restocking_was_asked_for(store: Store, api: API, restock: bool) -> None:
    order, before = place(store, lines=(Line(quantity=2),)), api.get("products/11").json()["stock_quantity"]
    line = {"id": order["line_items"][0]["id"], "quantity": 2, "refund_total": 48}
    api.post("orders/17/refunds", {"api_refund": False, "api_restock": restock, "line_items": [line]})
    assert api.get("products/11").json()["stock_quantity"] == before + 2 * restock


def test_a_refund_repeats_the_lines_it_takes_from_below_zero_and_names_them(store: Store, api: API) -> None:
    order = place(store, fees=(("Gift wrap", "4.00"),))
    refs = [order[kind][0]["id"] for kind in ("line_items", "shipping_lines", "fee_lines")]
    tax = [{"id": 1, "refund_total": 0.34}]
    lines = [{"id": ref, "quantity": 0, "refund_total": 4, "refund_tax": tax} for ref in refs]
    empty = {"id": refs[0], "quantity": 0, "refund_total": 0, "refund_tax": []}
    refund = api.post("orders/17/refunds", {"amount": "13.02", "api_refund": False, "line_items": lines}).json()
    for kind, ref in zip(("line_items", "shipping_lines", "fee_lines"), refs, strict=True):
        (line,) = refund[kind]
        assert (line["total"], line["total_tax"], line["taxes"][0]["total"]) == ("-4.00", "-0.34", "-0.34")
        assert [row["value"] for row in line["meta_data"]] == [str(ref)]
        assert line["id"] != ref
    nothing = api.post("orders/17/refunds", {"amount": "1.00", "api_refund": False, "line_items": [empty]}).json()
    assert nothing["line_items"] == []


def test_lines_are_shown_with_the_store_s_decimals_though_stored_finer(store: Store, api: API) -> None:
    order = place(store)
    taxes = [{"id": 1, "total": "29.875", "subtotal": "39.8333"}]
    order["line_items"][0] |= {"total": "149.375", "total_tax": "29.87", "taxes": taxes}
    (line,) = api.get("orders/17").json()["line_items"]
    assert (line["total"], line["total_tax"], line["taxes"][0]["total"]) == ("149.38", "29.87", "29.88")
    store.decimals = 0
    assert api.get("orders/17").json()["line_items"][0]["total"] == "149"
