"""Fixture in, snapshot out: what a recorded WooCommerce store said, in our words."""

import copy
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from core.platform.snapshots import (
    Gone,
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    RefundLine,
    RefundSnapshot,
    ReplySnapshot,
    ShipmentSnapshot,
    TaxPart,
    TrackingStatus,
)
from plugins.woocommerce import mapping
from plugins.woocommerce.refunds import outcome_of

FIXTURES = Path(__file__).parent / "fixtures"
STORE = "https://store.example"
UPS = "1Z999AA10123456784"


def load(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def read(body: dict[str, Any], **rest: Any) -> OrderSnapshot:
    snapshot = mapping.order(body, store_url=STORE, **rest)
    assert isinstance(snapshot, OrderSnapshot)
    return snapshot


def guest(**changes: Any) -> dict[str, Any]:
    return {**load("rest.orders__create_guest"), **changes}


def with_meta(*rows: tuple[str, Any]) -> dict[str, Any]:
    return guest(meta_data=[{"id": at, "key": key, "value": value} for at, (key, value) in enumerate(rows)])


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_an_order_with_tax_tracking_and_a_customer() -> None:
    order = read(load("rest.orders__put_tracking_meta"))
    assert (order.ref, order.number, order.status, order.state) == ("17", "17", "processing", OrderState.OPEN)
    assert (order.currency, order.total, order.tax_included) == ("USD", 15679, False)
    assert (order.name, order.email, order.shopper_ref) == ("Ana Müller", "ana@shopper.example", "2")
    assert (order.country, order.postcode, order.shipping_method) == ("US", "94607", "Flat rate")
    assert order.placed_at == order.paid_at == at(2026, 11, 21, 18, 9, 15)
    assert order.updated_at == at(2026, 11, 21, 18, 9, 24)
    assert order.admin_url == "https://store.example/wp-admin/admin.php?page=wc-orders&action=edit&id=17"
    assert order.lines == (
        LineItemSnapshot(
            "1", "Canvas Tote", 2, 4800, 408, 0, (TaxPart("1", 408),), variant_ref="11", sku="TOTE-1", product_ref="11"
        ),
        LineItemSnapshot(
            "2",
            "Merino Sweater",
            1,
            8900,
            757,
            0,
            (TaxPart("1", 757),),
            variant="M",
            variant_ref="14",
            sku="MER-M",
            product_ref="12",
        ),
        LineItemSnapshot("3", "Flat rate", 1, 750, 64, 0, (TaxPart("1", 64),), kind="shipping"),
    )
    assert sum(line.total + line.tax for line in order.lines) == order.total


@pytest.mark.parametrize(
    ("status", "paid", "state"),
    [
        ("pending", None, OrderState.UNPAID),
        ("failed", None, OrderState.UNPAID),
        ("on-hold", None, OrderState.ON_HOLD),
        ("processing", "2026-11-21T18:09:15", OrderState.OPEN),
        ("completed", "2026-11-21T18:09:15", OrderState.DONE),
        ("cancelled", None, OrderState.CANCELED),
        ("refunded", "2026-11-21T18:09:15", OrderState.REFUNDED),
        ("partial-shipped", "2026-11-21T18:09:15", OrderState.OPEN),
        ("delivered", "2026-11-21T18:09:15", OrderState.OPEN),
        ("delivered", None, OrderState.UNKNOWN),
    ],
)
def test_every_status_keeps_its_word_and_gets_a_state(status: str, paid: str | None, state: OrderState) -> None:
    order = read(guest(status=status, date_paid_gmt=paid))
    assert (order.status, order.state) == (status, state)


@pytest.mark.parametrize("status", ["trash", "auto-draft", "checkout-draft"])
def test_the_trash_and_open_carts_are_gone(status: str) -> None:
    assert mapping.order(guest(status=status), store_url=STORE) == Gone("18")


def test_a_completed_order_says_since_when() -> None:
    assert read(load("order.updated__completed")).status_at == at(2026, 11, 21, 18, 9, 27)


def test_woocommerce_mailed_that_it_shipped_once_the_order_was_completed_and_not_before() -> None:
    assert read(load("order.updated__completed")).shipped_mailed
    assert not read(load("order.updated__tracking_meta")).shipped_mailed, "a tracking plugin on a processing order"
    later = load("order.updated__completed") | {"status": "delivered"}
    assert read(later).shipped_mailed, "whatever became of it since"


def test_a_refund_takes_units_back_and_money_off() -> None:
    refunds = [load("rest.refunds__create_line")]
    order = read(load("rest.orders__get_after_refund"), refunds=refunds)
    assert order.refunds == (
        RefundSnapshot(
            "22",
            2604,
            at(2026, 11, 21, 18, 9, 29),
            "Return RMA-1001: wrong size",
            lines=(RefundLine("1", 1, 2400, {"1": 204}),),
            paid_out=False,
        ),
    )
    assert [(line.ref, line.removed) for line in order.lines] == [("1", 1), ("2", 0), ("3", 0)]
    assert order.payments[0].refunded == 2604 + 500  # and one without an amount, which the order shows as "-"


def test_an_amountless_refund_counts_as_nothing() -> None:
    rows = [mapping.refund(row, "USD") for row in load("rest.refunds__list")]
    assert [(row.ref, row.amount) for row in rows] == [("24", 500), ("23", 0), ("22", 2604)]
    assert [row.lines for row in rows] == [(), (RefundLine("2", 1, 0),), (RefundLine("1", 1, 2400, {"1": 204}),)]


def test_a_refund_of_ours_is_known_by_its_key() -> None:
    row = load("rest.refunds__create_line")
    row["meta_data"].append({"id": 99, "key": "_aftercare_key", "value": "reimbursement:5"})
    assert mapping.refund(row, "USD").key == "reimbursement:5"


def test_a_refund_read_back_with_another_amount_is_left_to_staff() -> None:
    row = load("rest.refunds__create_line") | {"refunded_payment": True}
    assert outcome_of(row, "USD", asked=2604).state == "issued"
    outcome = outcome_of(row, "USD", asked=2605)
    assert (outcome.state, outcome.amount, outcome.ref) == ("needs_staff", 2604, "22")


def test_a_fully_refunded_order_has_nothing_left_to_pay_back() -> None:
    order = read(load("rest.orders__get_after_full_refund"), refundable=True)
    assert order.state is OrderState.REFUNDED
    assert (order.payments[0].refunded, order.payments[0].refundable) == (order.total, False)


@pytest.mark.parametrize(("refundable", "paid"), [(True, True), (False, True), (False, False)])
def test_a_payment_says_what_may_flow_back(refundable: bool, paid: bool) -> None:
    body = guest() if paid else guest(date_paid_gmt=None)
    payment = read(body, refundable=refundable).payments[0]
    assert (payment.ref, payment.method, payment.captured) == ("18", "bacs", 8626 if paid else 0)
    assert (payment.refundable, payment.methods) == (refundable, ("refund",) if paid else ())


@pytest.mark.parametrize(
    ("currency", "text", "minor"),
    [("JPY", "1200", 1200), ("JPY", "1200.00", 1200), ("KWD", "1.250", 1250), ("USD", "", 0)],
)
def test_money_has_the_currency_s_own_decimals(currency: str, text: str, minor: int) -> None:
    assert read(guest(currency=currency, total=text)).total == minor


def test_a_number_may_differ_from_the_id() -> None:
    order = read(guest(number="LC-2026-18"))
    assert (order.ref, order.number) == ("18", "LC-2026-18")


@pytest.mark.parametrize("method", ["local_pickup", "pickup_location"])
def test_an_order_picked_up_is_no_parcel(method: str) -> None:
    line = {**load("rest.orders__create_guest")["shipping_lines"][0], "method_id": method}
    assert read(guest(shipping_lines=[line])).pickup
    assert not read(guest()).pickup
    assert not read(guest(shipping_lines=[])).pickup


def test_lines_are_digital_only_where_nothing_needs_processing_or_shipping() -> None:
    kinds = {
        needs: [line.kind for line in read(guest(needs_processing=needs, shipping_lines=[])).lines]
        for needs in (True, False)
    }
    assert kinds == {True: ["physical"], False: ["digital"]}
    assert [line.kind for line in read(guest(needs_processing=False)).lines] == ["physical", "shipping"]


def test_a_fee_is_a_line() -> None:
    fee = {"id": 9, "name": "Gift wrap", "total": "3.00", "total_tax": "0.00", "taxes": []}
    assert read(guest(fee_lines=[fee])).lines[-1] == LineItemSnapshot("9", "Gift wrap", 1, 300, kind="fee")


@pytest.mark.parametrize(
    ("key", "value", "language"),
    [
        ("wpml_language", "de", "de"),
        ("trp_language", "pt_BR", "pt-BR"),
        ("weglot_language", "vi", "vi"),
        ("x", "de", ""),
    ],
)
def test_the_shopper_s_language_comes_from_the_translation_plugin(key: str, value: str, language: str) -> None:
    assert read(with_meta((key, value))).language == language


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("jckwds_date_ymd", "20261224"),
        ("ywcdd_order_delivery_date", "2026-12-24"),
        ("_delivery_date", "2026-12-24"),
        ("_orddd_timestamp", "1798070400"),
        ("_orddd_lite_timestamp", 1798070400),
    ],
)
def test_a_delivery_date_plugin_s_date_is_a_promise(key: str, value: Any) -> None:
    assert read(with_meta((key, value))).promised_by == date(2026, 12, 24)


@pytest.mark.parametrize("value", ["03/04/2026", "tomorrow", "", None, [], {"a": 1}])
def test_a_date_that_may_be_two_days_is_no_promise(value: Any) -> None:
    assert read(with_meta(("_delivery_date", value), ("_orddd_timestamp", value))).promised_by is None


def test_a_fulfillment_is_a_parcel_with_items_shipped_at_the_store_s_time() -> None:
    order = read(load("rest.orders__create"), fulfillments=load("rest.fulfillments__list"))
    assert order.shipments == (
        ShipmentSnapshot(
            ref="fulfillment:1",
            status=TrackingStatus.IN_TRANSIT,
            raw_status="fulfilled",
            carrier="ups",
            tracking_number=UPS,
            tracking_url=f"https://www.ups.com/track?tracknum={UPS}",
            shipped_at=at(2026, 11, 21, 18, 9, 25),
            items={"1": 2},
        ),
    )


def test_a_fulfillment_still_being_packed_is_no_parcel() -> None:
    assert read(guest(), fulfillments=[load("rest.fulfillments__create_unfulfilled")]).shipments == ()


def test_shipment_tracking_and_ast_keep_parcels_in_the_order() -> None:
    (parcel,) = read(load("order.updated__tracking_meta")).shipments
    assert (parcel.ref, parcel.carrier) == ("tracking:f3b9c1d2e4a5968778695a4b3c2d1e0f", "ups")
    assert (parcel.tracking_number, parcel.status) == (UPS, TrackingStatus.IN_TRANSIT)
    assert parcel.shipped_at == datetime.fromtimestamp(1795284563, UTC)


def test_one_number_in_two_places_is_one_parcel() -> None:
    order = read(load("rest.orders__get_after_fulfillment"), fulfillments=load("rest.fulfillments__list"))
    (parcel,) = order.shipments
    assert (parcel.ref, parcel.items) == ("fulfillment:1", {"1": 2})


def test_the_same_number_with_other_spaces_is_still_one_parcel() -> None:
    rows = [{"tracking_id": "a", "tracking_number": " 1z999-aa1 0123456784 ", "date_shipped": "1795284563"}]
    body = with_meta(("_wc_shipment_tracking_items", rows))
    assert [one.ref for one in read(body, fulfillments=load("rest.fulfillments__list")).shipments] == ["fulfillment:1"]


def tracked(word: str, as_object: bool = False) -> ShipmentSnapshot:
    row = {"tracking_id": "a", "tracking_provider": "ups", "tracking_number": UPS, "date_shipped": "1795284563"}
    found = {"status": word, "status_date": "2026-11-25T09:00:00Z", "est_delivery_date": "2026-11-27"}
    findings: Any = {"0": found} if as_object else [found]
    return read(with_meta(("_wc_shipment_tracking_items", [row]), ("shipment_status", findings))).shipments[0]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pre_transit", TrackingStatus.INFO_RECEIVED),
        ("in_transit", TrackingStatus.IN_TRANSIT),
        ("out_for_delivery", TrackingStatus.OUT_FOR_DELIVERY),
        ("available_for_pickup", TrackingStatus.READY_FOR_PICKUP),
        ("failure", TrackingStatus.FAILED_ATTEMPT),
        ("return_to_sender", TrackingStatus.RETURNED_TO_SENDER),
        ("delivered", TrackingStatus.DELIVERED),
        ("abducted", TrackingStatus.UNKNOWN),
    ],
)
@pytest.mark.parametrize("as_object", [True, False])
def test_trackship_s_words_are_the_parcel_s_status(word: str, status: TrackingStatus, as_object: bool) -> None:
    parcel = tracked(word, as_object)
    assert (parcel.status, parcel.raw_status, parcel.estimated_by) == (status, word, date(2026, 11, 27))
    assert parcel.delivered_at == (at(2026, 11, 25, 9) if word == "delivered" else None)
    assert [event.raw for event in parcel.events] == [word]


@pytest.mark.parametrize("findings", [None, 7, "a:1:{}", [None], {"x": 1}])
def test_odd_words_of_trackship_are_overlooked(findings: Any) -> None:
    rows = [{"tracking_id": "a", "tracking_number": UPS}]
    (parcel,) = read(with_meta(("_wc_shipment_tracking_items", rows), ("shipment_status", findings))).shipments
    assert parcel.status is TrackingStatus.IN_TRANSIT


@pytest.mark.parametrize("word", ["pending_trackship", "carrier_unsupported", ""])
def test_words_about_trackship_s_account_say_nothing_of_the_parcel(word: str) -> None:
    parcel = tracked(word)
    assert (parcel.status, parcel.raw_status, parcel.events) == (TrackingStatus.IN_TRANSIT, "shipped", ())


def test_aftership_knows_the_number_and_the_items_but_not_the_day() -> None:
    row = {
        "slug": "usps",
        "tracking_number": "9400111899223100001234",
        "tracking_id": "b",
        "line_items": [{"id": 5, "quantity": 2}],
        "metrics": {"created_at": "2026-11-21T10:00:00Z"},
    }
    (parcel,) = read(with_meta(("_aftership_tracking_items", [row]))).shipments
    assert (parcel.ref, parcel.carrier, parcel.items) == ("tracking:b", "usps", {"5": 2})
    assert (parcel.status, parcel.shipped_at) == (TrackingStatus.INFO_RECEIVED, None)


@pytest.mark.parametrize(("picked", "status"), [("on", TrackingStatus.IN_TRANSIT), ("", TrackingStatus.INFO_RECEIVED)])
def test_yith_ships_when_the_box_is_ticked(picked: str, status: TrackingStatus) -> None:
    rows = (("ywot_tracking_code", "RR123"), ("ywot_picked_up", picked), ("ywot_pick_up_date", "2026-11-22"))
    (parcel,) = read(with_meta(*rows)).shipments
    assert (parcel.ref, parcel.tracking_number, parcel.status) == ("ywot:18", "RR123", status)
    assert parcel.shipped_at == (at(2026, 11, 22, 8) if picked else None)


def test_only_web_addresses_become_tracking_links() -> None:
    rows = [{"tracking_id": "a", "tracking_number": "1", "custom_tracking_link": "javascript:alert(1)"}]
    assert read(with_meta(("_wc_shipment_tracking_items", rows))).shipments[0].tracking_url == ""


@pytest.mark.parametrize(
    "meta", [None, [], {}, "x", [None], [{"key": "_wc_shipment_tracking_items", "value": "a:0:{}"}]]
)
def test_odd_meta_data_is_no_parcel(meta: Any) -> None:
    assert read(guest(meta_data=meta)).shipments == ()


@pytest.mark.parametrize("missing", ["currency", "total", "date_created_gmt", "status"])
def test_an_order_we_cannot_read_says_so(missing: str) -> None:
    body = copy.deepcopy(guest())
    del body[missing]
    with pytest.raises(mapping.Unreadable):
        read(body)


def recorded_orders() -> list[dict[str, Any]]:
    bodies = [json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*order*.json"))]
    return [body for body in bodies if isinstance(body, dict) and {"billing", "currency"} <= body.keys()]


@pytest.mark.parametrize("body", recorded_orders())
def test_every_recorded_order_is_readable(body: dict[str, Any]) -> None:
    assert read(body).ref == str(body["id"])


def test_reviews_are_text_with_a_state() -> None:
    held, public = (mapping.review(row) for row in load("rest.reviews__list"))
    assert (held.ref, held.state, held.text, held.rating) == ("20", "pending", "Lovely and warm", 5)
    assert (public.ref, public.state, public.verified) == ("19", "published", True)
    assert (public.author, public.email) == ("Ana Müller", "ana@shopper.example")
    assert (public.product_ref, public.product_title) == ("11", "Canvas Tote")
    assert public.product_url == "https://store.example/product/canvas-tote/"
    assert public.posted_at == public.updated_at == at(2026, 11, 21, 18, 9, 39)


@pytest.mark.parametrize(("word", "state"), [("spam", "hidden"), ("trash", "hidden"), ("odd", "hidden")])
def test_a_review_the_store_does_not_show_is_hidden(word: str, state: str) -> None:
    assert mapping.review({**load("rest.reviews__list")[0], "status": word}).state == state


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Strap broke.</p>\n<p>Twice!<br />Really.</p>\n", "Strap broke.\n\nTwice!\nReally."),
        ("Fish &amp; chips &lt;3", "Fish & chips <3"),
        ("<script>alert(1)</script><style>p{}</style>ok", "ok"),
        ("<p>open <b>tags", "open tags"),
        ("", ""),
    ],
)
def test_a_review_s_html_becomes_its_words(html: str, text: str) -> None:
    assert mapping.plain_text(html) == text


def test_a_reply_of_our_plugin() -> None:
    words = "We're sorry — a replacement strap is on its way."
    assert mapping.reply(load("rest.replies__create")) == ReplySnapshot("24", words, "", at(2026, 11, 21, 18, 9, 55))


def by_the_part(sold: Any, *refunded: Any, total: str = "18.00") -> OrderSnapshot:
    """An order of one line sold by the part, and the refunds that took parts of it back."""
    line = {"id": 5, "name": "Cloth", "quantity": sold, "subtotal": total, "total": total, "total_tax": "0.00"}
    rows = [
        {
            "id": 90 + place,
            "amount": "6.00",
            "date_created_gmt": "2026-11-21T10:00:00",
            "line_items": [
                {
                    "id": 1,
                    "quantity": taken,
                    "total": "-6.00",
                    "meta_data": [{"key": "_refunded_item_id", "value": "5"}],
                }
            ],
        }
        for place, taken in enumerate(refunded)
    ]
    return read(guest(line_items=[line]), refunds=rows)


@pytest.mark.parametrize(
    ("sold", "quantity", "variant"),
    [
        (0.5, 1, "× 0.5"),
        (1.5, 1, "× 1.5"),
        ("1.5", 1, "× 1.5"),
        ("1,5", 1, "× 1.5"),
        ("0.250", 1, "× 0.25"),
        (2, 2, ""),
        ("2", 2, ""),
        (2.0, 2, ""),
        ("2.00", 2, ""),
        (None, 0, ""),
        ("", 0, ""),
        ("many", 0, ""),
        ("NaN", 0, ""),
        ("1e99", 0, ""),
    ],
)
def test_a_line_sold_by_the_part_is_one_piece_with_its_measure(sold: Any, quantity: int, variant: str) -> None:
    (line,) = [line for line in by_the_part(sold).lines if line.ref == "5"]
    assert (line.quantity, line.variant, line.total) == (quantity, variant, 1800)


@pytest.mark.parametrize(
    ("sold", "refunded", "removed", "units"),
    [
        (0.5, [-0.5], 1, [1]),
        (1.5, [-0.5], 0, [0]),
        ("1.5", ["-0.5", "-1.0"], 1, [0, 0]),
        (1.5, [-1.5], 1, [1]),
        (2, [-0.5], 0, [0]),
        (2, [-0.5, -0.5], 1, [0, 0]),
        (3, [-2], 2, [2]),
        ("3", ["-2"], 2, [2]),
    ],
)
def test_parts_that_went_back_make_a_piece_once_they_are_whole(
    sold: Any, refunded: list[Any], removed: int, units: list[int]
) -> None:
    order = by_the_part(sold, *refunded)
    assert [line.removed for line in order.lines if line.ref == "5"] == [removed]
    assert [line.quantity for given in order.refunds for line in given.lines] == units
    assert {given.amount for given in order.refunds} == {600}


def test_part_of_a_line_in_a_parcel_is_in_it() -> None:
    tracked = [{"tracking_id": "a", "tracking_number": "1", "line_items": [{"id": 5, "quantity": "1.5"}]}]
    (parcel,) = read(with_meta(("_aftership_tracking_items", tracked))).shipments
    assert parcel.items == {"5": 1}
