"""The contract kept over real HTTP with real OAuth signatures, by a store that has good and bad days."""

import base64
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.platform.contract import (
    Installation,
    InstallUrls,
    Link,
    Pending,
    RefundLine,
    Reimbursement,
    Request,
    ReturnMove,
    Shopper,
)
from core.platform.errors import AccessLost, BadSignature, NotSupported, Refused, Unavailable
from core.platform.http import open_session
from core.platform.snapshots import Gone, OrderSnapshot, OrderState, ReviewSnapshot
from plugins.woocommerce import PLATFORM, refunds, signing
from plugins.woocommerce.platform import WooCommerce
from tests.stores.woocommerce import Line, Store, make_order, serving

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
HOOKS = "https://app.example/hooks/woocommerce/t"
LINK = Link("https://app.example", "abcdefgh12345678", HOOKS, "our secret", "our other secret")
TWO_TOTES = (Line(quantity=2),)


class Shop:
    """A store being served, the plugin's object for it, and a clock that a test moves."""

    def __init__(self, **options: Any) -> None:
        self.time = NOW
        self.store = Store(now=lambda: self.time, loopback=True, **options)

    @contextmanager
    def open(self, **settings: Any) -> Iterator["Shop"]:
        with serving(self.store) as url:
            self.url = url
            self.plugin = self.connect(self.store.add_key(), **settings)
            yield self

    def connect(self, key: Any, **settings: Any) -> WooCommerce:
        http = open_session(allow=frozenset({urlsplit(self.url).netloc}), timeout=(2, 2))
        plugin = WooCommerce(self.url, {"key": key.key, "secret": key.secret}, settings, http)
        plugin.paying_seconds = 2.0
        return plugin

    def place(self, **wanted: Any) -> str:
        return str(self.store.place(make_order(placed=self.time, **wanted))["id"])

    def fetch(self, ref: str) -> OrderSnapshot:
        order = self.plugin.fetch_order(ref)
        assert isinstance(order, OrderSnapshot)
        return order

    def asked(self, text: str) -> int:
        return sum(text in path for _, path in self.store.requests)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop(extra_statuses={"delivered": "Delivered"}).open() as opened:
        yield opened


# Reading.


def test_the_folder_exports_the_platform_under_its_name() -> None:
    assert PLATFORM is WooCommerce
    assert PLATFORM.name == "woocommerce"


def test_an_order_comes_with_its_refunds_parcels_and_payment(shop: Shop) -> None:
    ref = shop.place(lines=TWO_TOTES, email="ann@shopper.example")
    line = shop.fetch(ref).lines[0].ref
    shop.store.ship(int(ref), "1Z999AA10123456784", "ups", {int(line): 1})
    shop.store.refund(
        int(ref), {"amount": "26.04", "api_refund": False, "line_items": [{"id": int(line), "quantity": 1}]}
    )
    order = shop.fetch(ref)
    assert (order.state, order.email, order.total) == (OrderState.OPEN, "ann@shopper.example", 6022)
    assert [(one.tracking_number, one.items, one.shipped_at) for one in order.shipments] == [
        ("1Z999AA10123456784", {line: 1}, NOW)
    ]
    assert (order.refunds[0].amount, order.refunds[0].lines) == (2604, (RefundLine(line, 1, 0),))
    assert order.lines[0].removed == 1
    assert (order.payments[0].refundable, order.payments[0].methods) == (True, ("refund",))


@pytest.mark.parametrize("flavor", ["fulfillment", "shipment_tracking", "ast"])
def test_a_parcel_is_found_wherever_the_store_writes_it(shop: Shop, flavor: str) -> None:
    ref = shop.place()
    shop.store.ship(int(ref), "RR123456785DE", "dhl", flavor=flavor)
    (parcel,) = shop.fetch(ref).shipments
    assert (parcel.tracking_number, parcel.carrier, parcel.shipped_at) == ("RR123456785DE", "dhl", NOW)


def test_an_order_that_is_trashed_deleted_or_never_was_is_gone(shop: Shop) -> None:
    trashed, deleted = shop.place(), shop.place()
    shop.store.trash(int(trashed))
    shop.store.delete_forever(int(deleted))
    for ref in (trashed, deleted, "999999", "../users/1"):
        assert shop.plugin.fetch_order(ref) == Gone(ref)


def test_a_store_without_fulfillments_is_asked_once() -> None:
    with Shop(has_fulfillments=False).open() as shop:
        refs = [shop.place(), shop.place()]
        assert [shop.fetch(ref).shipments for ref in refs] == [(), ()]
        assert shop.asked("fulfillments") == 1


def test_a_gateway_that_cannot_refund_makes_a_payment_that_is_not_refundable(shop: Shop) -> None:
    assert not shop.fetch(shop.place(payment_method="bacs")).payments[0].refundable
    assert shop.fetch(shop.place(payment_method="stripe")).payments[0].refundable
    assert shop.asked("payment_gateways") == 1


def test_the_store_s_own_statuses_are_listed(shop: Shop) -> None:
    assert shop.plugin.order_statuses()["delivered"] == "Delivered"


def walk(shop: Shop, cursor: str = "") -> tuple[list[str], str]:
    refs: list[str] = []
    for _ in range(100):
        page = shop.plugin.orders_since(cursor)
        refs += [order.ref for order in page.snapshots]
        cursor = page.cursor
        if page.last:
            return refs, cursor
    raise AssertionError("the walk does not end")


def test_every_order_is_listed_across_pages_oldest_change_first() -> None:
    with Shop().open(per_page=5) as shop:
        refs = []
        for _ in range(23):
            shop.time += timedelta(seconds=7)
            refs.append(shop.place())
        seen, _ = walk(shop)
        assert list(dict.fromkeys(seen)) == refs
        first = shop.plugin.orders_since("")
        assert (first.total, shop.plugin.orders_since(first.cursor).total) == (23, None)


def test_a_bulk_edit_within_one_second_is_walked_to_its_end() -> None:
    with Shop().open(per_page=5) as shop:
        refs = {shop.place() for _ in range(17)}
        shop.time += timedelta(seconds=1)
        refs.add(shop.place())
        seen, _ = walk(shop)
        assert set(seen) == refs


@pytest.mark.parametrize("seconds", [0, 3])
def test_an_order_that_changes_between_two_pages_hides_no_other(seconds: int) -> None:
    with Shop().open(per_page=5) as shop:
        refs = []
        for _ in range(23):
            shop.time += timedelta(seconds=seconds)
            refs.append(shop.place())
        shop.time += timedelta(seconds=60)
        seen: list[str] = []
        cursor, last = "", False
        for round_number in range(60):
            page = shop.plugin.orders_since(cursor)
            seen += [order.ref for order in page.snapshots]
            cursor, last = page.cursor, page.last
            if last:
                break
            if round_number < 4:  # the first orders move to the end and pull the others across the border
                shop.store.set_status(int(refs[round_number]), "completed")
        assert last
        assert set(seen) == set(refs)


def test_the_next_poll_sees_what_changed_and_looks_back_a_minute(shop: Shop) -> None:
    old = shop.place()
    shop.time += timedelta(hours=1)
    recent = shop.place()
    _, cursor = walk(shop)
    assert walk(shop, cursor)[0] == [recent]
    shop.time += timedelta(hours=1)
    shop.store.set_status(int(old), "completed")
    assert walk(shop, cursor)[0] == [recent, old]


def test_a_cursor_may_be_a_time(shop: Shop) -> None:
    shop.place()
    shop.time += timedelta(hours=1)
    late = shop.place()
    assert walk(shop, shop.time.isoformat())[0] == [late]


def test_a_listing_asks_no_order_by_order_where_there_is_nothing_more(shop: Shop) -> None:
    for _ in range(5):
        shop.place()
    shipped = shop.place()
    shop.store.ship(int(shipped), "1Z999AA10123456784")
    shop.plugin.orders_since("")
    assert shop.asked("fulfillments") == 1
    assert shop.asked("refunds") == 0


def test_one_order_we_cannot_read_does_not_stop_the_others(shop: Shop) -> None:
    broken, fine = shop.place(), shop.place()
    shop.store.orders[int(broken)]["total"] = "a lot"
    assert walk(shop)[0] == [fine]
    with pytest.raises(Refused, match=f"Order {broken}"):
        shop.plugin.fetch_order(broken)


def test_reviews_of_every_state_are_listed_and_fetched(shop: Shop) -> None:
    refs = [
        str(shop.store.post_review("Strap broke", 2, status=status)["id"]) for status in ("approved", "hold", "spam")
    ]
    page = shop.plugin.reviews_since("")
    assert (page.last, page.total) == (True, 3)
    assert {(review.ref, review.state) for review in page.snapshots} == set(
        zip(refs, ("published", "pending", "hidden"), strict=True)
    )
    review = shop.plugin.fetch_review(refs[0])
    assert isinstance(review, ReviewSnapshot)
    assert review.text == "Strap broke"
    assert shop.plugin.fetch_review("999999") == Gone("999999")


# Bad days.


@pytest.mark.parametrize(
    ("mood", "wait"), [("maintenance", 30.0), ("429", 30.0), ("503", None), ("500", None), ("html200", None)]
)
def test_a_store_that_is_down_is_unavailable(shop: Shop, mood: str, wait: float | None) -> None:
    ref = shop.place()
    shop.store.misbehave(mood, times=9, seconds=30)
    with pytest.raises(Unavailable) as caught:
        shop.plugin.fetch_order(ref)
    assert caught.value.retry_after == wait


def test_an_answer_cut_short_is_asked_for_again_with_a_fresh_signature(shop: Shop) -> None:
    ref = shop.place()
    shop.store.misbehave("truncated", times=1)
    assert shop.fetch(ref).ref == ref


@pytest.mark.parametrize("mood", ["truncated", "slow", "reset"])
def test_a_refund_without_an_answer_is_not_sent_again(shop: Shop, mood: str) -> None:
    ref = shop.place()
    shop.store.misbehave(mood, times=1, path="refunds", seconds=4)
    with pytest.raises(Unavailable) as caught:
        shop.plugin.reimburse(refund_of(ref, 500))
    assert "oauth" not in str(caught.value)
    assert [refund["amount"] for refund in shop.store.refunds[int(ref)]] == ["5.00"]
    assert shop.plugin.reimburse(refund_of(ref, 500)).amount == 500
    assert len(shop.store.refunds[int(ref)]) == 1


def test_a_store_that_moved_says_where(shop: Shop) -> None:
    shop.store.misbehave("redirect", times=9)
    with pytest.raises(Refused, match=r"https://127\.0\.0\.1") as caught:
        shop.plugin.fetch_order("17")
    assert "oauth" not in str(caught.value)


def test_php_notices_before_the_answer_are_overlooked(shop: Shop) -> None:
    ref = shop.place()
    shop.store.misbehave("php_notice", times=9)
    assert shop.fetch(ref).ref == ref


@pytest.mark.parametrize("which", ["key", "secret"])
def test_keys_that_no_longer_work_are_access_lost(shop: Shop, which: str) -> None:
    shop.plugin.check_access()
    key = replace(shop.store.add_key(), **dict[str, Any]({which: "revoked"}))
    with pytest.raises(AccessLost):
        shop.connect(key).fetch_order("17")
    with pytest.raises(AccessLost):
        shop.connect(key).check_access()


def test_plain_permalinks_are_named_and_asked_again_since_a_page_may_be_there_for_a_moment(shop: Shop) -> None:
    shop.store.permalinks = "plain"
    with pytest.raises(Unavailable, match="Permalinks"):
        shop.plugin.fetch_order("17")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path / "store.pem"
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return file


def test_over_https_the_keys_travel_in_a_header_and_never_in_an_address(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    store = Store(loopback=True)
    ref = store.place(make_order(placed=NOW))["id"]
    key = store.add_key()
    with serving(store, context=context) as url:
        http = open_session(allow=frozenset({urlsplit(url).netloc}), ca_file=str(certificate))
        sent: list[str] = []
        http.hooks["response"].append(lambda response, **_: sent.append(response.url))
        plugin = WooCommerce(url, {"key": key.key, "secret": key.secret}, {}, http)
        assert [order.ref for order in plugin.orders_since("").snapshots] == [str(ref)]
    assert sent
    assert not any(key.key in address or "oauth" in address for address in sent)


# Acting.


def refund_of(ref: str, amount: int, **changes: Any) -> Reimbursement:
    wanted = Reimbursement("reimbursement:1", "refund", ref, amount, "USD", "RMA-1001")
    return replace(wanted, **changes)


def test_a_refund_asked_twice_is_made_once(shop: Shop) -> None:
    order = shop.fetch(shop.place(lines=TWO_TOTES))
    part = RefundLine(order.lines[0].ref, 1, 2400, {"1": 204})
    wanted = refund_of(order.ref, 2604, lines=(part,), restock=True, through_gateway=True)
    first, second = shop.plugin.reimburse(wanted), shop.plugin.reimburse(wanted)
    assert first == second == shop.plugin.find_reimbursement(wanted)
    assert (first.state, first.amount, first.link) == ("issued", 2604, order.admin_url)
    (row,) = shop.store.refunds[int(order.ref)]
    assert row["refunded_payment"] is True
    assert [(line["quantity"], line["total"], line["total_tax"]) for line in row["line_items"]] == [
        (-1, "-24.00", "-2.04")
    ]
    after = shop.fetch(order.ref)
    assert (after.refunds[0].key, after.lines[0].removed) == (wanted.key, 1)


def test_a_refund_on_record_moves_no_money_and_is_left_to_staff(shop: Shop) -> None:
    ref = shop.place(payment_method="bacs")
    outcome = shop.plugin.reimburse(refund_of(ref, 100, through_gateway=False))
    assert (outcome.state, outcome.amount, outcome.sentence) == ("needs_staff", 100, refunds.WRITTEN_DOWN)
    assert shop.store.refunds[int(ref)][0]["refunded_payment"] is False


@pytest.mark.parametrize("restock", [True, False])
def test_goods_go_back_on_sale_only_when_asked(shop: Shop, restock: bool) -> None:
    order = shop.fetch(shop.place(lines=TWO_TOTES))
    before = shop.store.products[11]["stock_quantity"]
    part = RefundLine(order.lines[0].ref, 1, 2400, {"1": 204})
    shop.plugin.reimburse(refund_of(order.ref, 2604, lines=(part,), restock=restock))
    assert shop.store.products[11]["stock_quantity"] - before == restock


def test_a_refund_whose_money_did_not_move_is_left_to_staff(shop: Shop) -> None:
    ref = shop.place()
    wanted = refund_of(ref, 100, through_gateway=True)
    shop.plugin.reimburse(wanted)
    shop.store.refunds[int(ref)][0]["refunded_payment"] = False
    outcome = shop.plugin.find_reimbursement(wanted)
    assert outcome is not None
    assert (outcome.state, outcome.amount) == ("needs_staff", 100)


def test_a_gateway_that_cannot_pay_back_leaves_it_to_staff(shop: Shop) -> None:
    ref = shop.place(payment_method="bacs")
    outcome = shop.plugin.reimburse(refund_of(ref, 100, through_gateway=True))
    assert outcome.state == "needs_staff"
    assert outcome.sentence
    assert outcome.link.endswith(f"&id={ref}")
    assert ref not in map(str, shop.store.refunds)


def test_the_gateway_s_own_refusal_reaches_the_merchant(shop: Shop) -> None:
    ref = shop.place()
    shop.store.gateway_refusal = "The card was closed."
    with pytest.raises(Refused, match=r"The card was closed\."):
        shop.plugin.reimburse(refund_of(ref, 100, through_gateway=True))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 999_999},
        {"amount": 0},
        {"amount": -100},
        {"currency": "EUR"},
        {"lines": (RefundLine("1", 99, 500),)},
        {"lines": (RefundLine("999", 1, 500),)},
        {"lines": (RefundLine("1", 1, 400),)},
    ],
)
def test_a_refund_that_does_not_add_up_is_refused_before_the_store_is_asked(
    shop: Shop, changes: dict[str, Any]
) -> None:
    ref = shop.place()
    assert shop.fetch(ref).lines[0].ref == "1"
    with pytest.raises(Refused):
        shop.plugin.reimburse(replace(refund_of(ref, 500), **changes))
    assert ("POST", f"/wp-json/wc/v3/orders/{ref}/refunds") not in shop.store.requests


def test_nothing_was_reimbursed_that_nobody_asked_for(shop: Shop) -> None:
    ref = shop.place()
    shop.store.refund(int(ref), {"amount": "1.00", "api_refund": False})
    assert shop.plugin.find_reimbursement(refund_of(ref, 101)) is None
    assert shop.plugin.find_reimbursement(refund_of("999999", 100)) is None
    with pytest.raises(NotSupported):
        shop.plugin.reimburse(refund_of(ref, 100, kind="store_credit"))


def test_a_return_is_noted_once_a_move_and_never_mailed(shop: Shop) -> None:
    ref = shop.place()
    moves = [
        ReturnMove("rma:1:requested", ref, "RMA-1001", "requested"),
        ReturnMove("rma:1:approved", ref, "RMA-1001", "approved"),
    ]
    first = [shop.plugin.move_return(move) for move in moves]
    written = [request for request in shop.store.requests if request[0] != "GET"]
    assert [shop.plugin.move_return(move) for move in moves] == first
    assert [request for request in shop.store.requests if request[0] != "GET"] == written
    notes = {str(note["id"]): note for note in shop.store.notes[int(ref)] if "RMA-1001" in note["note"]}
    assert set(notes) == set(first)
    assert not any(note["customer_note"] for note in notes.values())
    assert shop.fetch(ref).status == "processing"


def test_a_return_whose_note_was_written_before_the_break_is_not_noted_again(shop: Shop) -> None:
    ref = shop.place()
    move = ReturnMove("rma:1:requested", ref, "RMA-1001", "requested", "too small")
    note = shop.store.add_note(int(ref), "Aftercare: return RMA-1001 requested. too small")
    assert shop.plugin.move_return(move) == str(note["id"])


def test_a_decision_taken_again_is_noted_again_although_the_words_are_the_same(shop: Shop) -> None:
    ref = shop.place()
    first = ReturnMove("rma:1:approved:1", ref, "RMA-1001", "approved")
    notes = {shop.plugin.move_return(move) for move in (first, replace(first, key="rma:1:approved:2"), first)}
    assert len(notes) == 2


def test_an_order_is_canceled_once_with_its_reason(shop: Shop) -> None:
    ref = shop.place()
    for _ in range(2):
        shop.plugin.cancel_order(ref, key="cancel:1", reason="Ordered twice")
    assert shop.fetch(ref).state is OrderState.CANCELED
    assert sum("Ordered twice" in note["note"] for note in shop.store.notes[int(ref)]) == 1


def test_an_order_that_was_completed_is_not_canceled(shop: Shop) -> None:
    ref = shop.place(status="completed")
    with pytest.raises(Refused, match="completed"):
        shop.plugin.cancel_order(ref, key="cancel:1")


def test_a_reply_is_published_once_edited_and_removed(shop: Shop) -> None:
    review = str(shop.store.post_review("Strap broke", 2)["id"])
    first = shop.plugin.publish_reply(review, "We're sorry.", key="reply:1")
    assert shop.plugin.publish_reply(review, "We're sorry.", key="reply:1").ref == first.ref
    assert (first.text, first.key, first.at) == ("We're sorry.", "reply:1", NOW)
    assert shop.plugin.edit_reply(first.ref, "A new strap is coming.").text == "A new strap is coming."
    assert [row["content"] for row in shop.store.replies.values()] == ["A new strap is coming."]
    shop.plugin.remove_reply(first.ref)
    shop.plugin.remove_reply(first.ref)
    assert not shop.store.replies


def test_without_our_wordpress_plugin_a_reply_is_not_supported() -> None:
    with Shop(has_plugin=False).open() as shop:
        review = str(shop.store.post_review("Strap broke", 2)["id"])
        with pytest.raises(NotSupported, match="Aftercare plugin"):
            shop.plugin.publish_reply(review, "We're sorry.", key="reply:1")
        with pytest.raises(NotSupported):
            shop.plugin.remove_reply("1")


def test_a_reply_to_a_review_that_is_gone_is_refused(shop: Shop) -> None:
    with pytest.raises(Refused, match="Invalid review ID"):
        shop.plugin.publish_reply("999999", "Hello?", key="reply:1")


# Installing and staying connected.

SEALED: dict[str, Any] = {}


def seal(state: Any) -> str:
    SEALED["token-1"] = dict(state)
    return "token-1"


def unseal(token: str) -> Any:
    if token not in SEALED:
        raise BadSignature("not ours")
    return SEALED[token]


URLS = InstallUrls("https://app.example/done", "https://app.example/back")


def finish(shop: Shop, **handed: Any) -> Installation | Pending:
    key, address = shop.store.add_key(), urlsplit(shop.url).netloc
    body = {
        "consumer_key": key.key,
        "consumer_secret": key.secret,
        "user_id": "token-1",
        "key_permissions": "read_write",
    }
    request = Request("POST", "/install/woocommerce/done", body=json.dumps(body | handed).encode())
    return WooCommerce.finish_install(
        request, {}, unseal=unseal, urls=URLS, http=open_session(allow=frozenset({address}))
    )


def begin(store: str) -> str:
    request = Request("GET", "/install/woocommerce", query=urlencode({"store": store}))
    return WooCommerce.begin_install(request, {}, seal=seal, urls=URLS).headers["Location"]


def test_a_store_is_installed_by_its_own_consent_page(shop: Shop) -> None:
    where = urlsplit(begin(shop.url))
    asked = {name: value[0] for name, value in parse_qs(where.query).items()}
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{shop.url}/wc-auth/v1/authorize"
    assert asked["scope"] == "read_write"
    assert (asked["callback_url"], asked["return_url"]) == ("https://app.example/done", "https://app.example/back")
    installed = finish(shop)
    assert isinstance(installed, Installation)
    assert (installed.ref, installed.name) == (shop.url, "Linden & Co")
    assert (installed.currency, installed.timezone, installed.language) == ("USD", "America/Los_Angeles", "en")
    assert set(installed.credentials) == {"key", "secret"}


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("store.example", "https://store.example"),
        (" HTTPS://Store.Example:443/wp-admin/ ", "https://store.example"),
        ("store.example/shop/?x=1", "https://store.example/shop"),
        ("http://store.example:8080", "http://store.example:8080"),
    ],
)
def test_the_address_a_merchant_types_is_tidied(typed: str, address: str) -> None:
    assert begin(typed).startswith(f"{address}/wc-auth/v1/authorize?")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ftp://store.example",
        "file:///etc/passwd",
        "https://eve@store.example",
        "https://:x@store.example",
        "a b",
        "https://x:y",
    ],
)
def test_an_address_that_is_no_store_s_is_refused(typed: str) -> None:
    with pytest.raises(Refused):
        begin(typed)


def test_a_store_with_plain_permalinks_is_not_connected_and_told_where_to_change_them(shop: Shop) -> None:
    begin(shop.url)
    shop.store.permalinks = "plain"
    with pytest.raises(Refused, match="Permalinks"):
        finish(shop)


def test_keys_are_tried_before_they_are_trusted(shop: Shop) -> None:
    begin(shop.url)
    with pytest.raises(AccessLost):
        finish(shop, consumer_secret="cs_wrong")
    with pytest.raises(BadSignature):
        finish(shop, user_id="Eve's own")
    with pytest.raises(Refused, match="only read"):
        finish(shop, key_permissions="read")
    with pytest.raises(Refused):
        WooCommerce.finish_install(
            Request("POST", "/", body=b"[1]"), {}, unseal=unseal, urls=URLS, http=shop.plugin.http
        )


class Impostor(BaseHTTPRequestHandler):
    """A store that takes any key and calls itself by another store's address."""

    def do_GET(self) -> None:
        status = {"environment": {"home_url": "https://victim.example"}, "settings": {"currency": "USD"}}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(status).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_store_that_claims_another_s_address_is_not_taken_for_it(shop: Shop) -> None:
    with HTTPServer(("127.0.0.1", 0), Impostor) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        shop.url = f"http://127.0.0.1:{server.server_port}"
        begin(shop.url)
        with pytest.raises(Refused, match=r"calls itself https://victim\.example"):
            finish(shop)
        server.shutdown()


@pytest.mark.parametrize(("success", "words"), [("1", b"is connected"), ("0", b"not connected")])
def test_the_browser_that_comes_back_gets_a_page(shop: Shop, success: str, words: bytes) -> None:
    request = Request("GET", "/install/woocommerce/done", query=f"success={success}&user_id=token-1")
    pending = WooCommerce.finish_install(request, {}, unseal=unseal, urls=URLS, http=shop.plugin.http)
    assert isinstance(pending, Pending)
    assert pending.reply.status == 200
    assert words in pending.reply.body


TOPICS = {"order.created", "order.updated", "order.deleted", "review.created", "fulfillment.updated"}


def test_after_install_makes_each_webhook_once_and_tells_our_plugin(shop: Shop) -> None:
    shop.plugin.after_install(LINK)
    shop.plugin.after_install(replace(LINK, secret="a new secret"))
    hooks = list(shop.store.webhooks.rows.values())
    assert sorted(hook.topic for hook in hooks) == sorted(TOPICS)
    assert {(hook.url, hook.secret) for hook in hooks} == {(LINK.hook_url, "a new secret")}
    assert shop.store.connection["secret"] == "our other secret"
    assert shop.plugin.check_health(replace(LINK, secret="a new secret")) == []


def test_without_our_wordpress_plugin_only_its_own_webhooks_are_missing() -> None:
    with Shop(has_plugin=False).open() as shop:
        shop.plugin.after_install(LINK)
        assert {hook.topic for hook in shop.store.webhooks.rows.values()} == {
            topic for topic in TOPICS if "order" in topic
        }
        assert [finding.code for finding in shop.plugin.check_health(LINK)] == ["plugin_absent"]


def test_a_webhook_woocommerce_switched_off_is_switched_on_again(shop: Shop) -> None:
    shop.plugin.after_install(LINK)
    hook = next(iter(shop.store.webhooks.rows.values()))
    hook.status, hook.modified = "disabled", NOW
    (finding,) = shop.plugin.check_health(LINK)
    assert (finding.code, finding.mended, hook.status) == ("webhook_disabled", True, "active")
    assert finding.backfill_since == NOW - timedelta(days=1)
    assert shop.plugin.check_health(LINK) == []


def test_a_webhook_that_is_missing_moved_or_paused_is_found(shop: Shop) -> None:
    shop.plugin.after_install(LINK)
    hooks = list(shop.store.webhooks.rows.values())
    del shop.store.webhooks.rows[hooks[0].id]
    hooks[1].url = "https://old.example/hooks"
    hooks[2].status = "paused"
    findings = {finding.code: finding.mended for finding in shop.plugin.check_health(LINK)}
    assert findings == {"webhook_missing": True, "webhook_moved": True, "webhook_paused": False}
    assert hooks[1].url == LINK.hook_url
    assert [finding.code for finding in shop.plugin.check_health(LINK)] == ["webhook_paused"]


def test_another_app_s_webhooks_are_left_alone(shop: Shop) -> None:
    other = shop.store.webhooks.create("order.updated", "https://other.example", "theirs", "Other app")
    shop.plugin.after_install(LINK)
    assert (other.url, other.secret) == ("https://other.example", "theirs")


def test_a_key_that_may_only_read_is_found(shop: Shop) -> None:
    reader = shop.connect(shop.store.add_key("read"))
    assert [finding.code for finding in reader.check_health(LINK)] == ["read_only_key"]


# Listening.


def delivered(shop: Shop) -> list[Request]:
    """What the store would send now, as the core hands it over."""
    sent = shop.store.deliver()
    return [
        Request(
            "POST", "/hooks/woocommerce/t", "", {name.lower(): text for name, text in one.headers.items()}, one.body
        )
        for one in sent
    ]


def heard(shop: Shop, requests: list[Request]) -> set[tuple[str, str]]:
    found = [shop.plugin.read_webhook(request, secret=LINK.secret) for request in requests]
    return {(change.resource, change.ref) for changes in found for change in changes}


def test_pings_are_nothing_and_news_is_what_to_fetch(shop: Shop) -> None:
    shop.plugin.after_install(replace(LINK, hook_url="http://127.0.0.1:9/x"))
    pings = delivered(shop)
    assert len(pings) == 5
    assert heard(shop, pings) == set()
    ref = shop.place()
    shop.store.ship(int(ref), "1Z999AA10123456784")
    review = str(shop.store.post_review("Schön", 5)["id"])
    assert heard(shop, delivered(shop)) == {("order", ref), ("review", review)}


def test_an_order_gone_before_delivery_is_no_news(shop: Shop) -> None:
    shop.plugin.after_install(replace(LINK, hook_url="http://127.0.0.1:9/x"))
    delivered(shop)
    shop.store.delete_forever(int(shop.place()))
    news = [request for request in delivered(shop) if b"code" in request.body]
    assert news
    assert heard(shop, news) == set()


def signed(topic: str, body: bytes, secret: str = LINK.secret) -> Request:
    headers = {"x-wc-webhook-topic": topic, "x-wc-webhook-signature": signing.sign_webhook(secret, body)}
    return Request("POST", "/hooks/woocommerce/t", "", headers, body)


@pytest.mark.parametrize(
    ("topic", "body", "ref"),
    [
        ("order.deleted", b'{"id":20}', "20"),
        ("action.woocommerce_order_refunded", b'{"action":"woocommerce_order_refunded","arg":17}', "17"),
        ("action.woocommerce_new_customer_note", b'{"arg":{"order_id":17,"customer_note":"hi"}}', "17"),
        ("fulfillment.updated", b'{"id":2,"order_id":18}', "18"),
        ("product.updated", b'{"id":11}', ""),
        ("action.woocommerce_low_stock", b'{"arg":11}', ""),
        ("order.updated", b"<html>", ""),
        ("order.updated", b"[]", ""),
        ("order.updated", b'{"id":"../1"}', ""),
        ("", b"{}", ""),
    ],
)
def test_a_signed_delivery_says_which_order(shop: Shop, topic: str, body: bytes, ref: str) -> None:
    assert heard(shop, [signed(topic, body)]) == ({("order", ref)} if ref else set())


@pytest.mark.parametrize(
    "request_",
    [
        signed("order.updated", b'{"id":17}', "Eve's own"),
        replace(signed("order.updated", b'{"id":17}'), body=b'{"id":18}'),
        Request("POST", "/", headers={"x-wc-webhook-topic": "order.updated"}, body=b'{"id":17}'),
        Request("POST", "/", headers={"content-type": "application/x-www-form-urlencoded"}, body=b"webhook_id=1&id=17"),
        Request("POST", "/", body=b"webhook_id=1"),
    ],
)
def test_anything_else_unsigned_is_refused(shop: Shop, request_: Request) -> None:
    with pytest.raises(BadSignature):
        shop.plugin.read_webhook(request_, secret=LINK.secret)


def forwarded(**claims: Any) -> Request:
    moment = str(int(datetime.now(UTC).timestamp()))
    headers = {"x-aftercare-store": LINK.store_key, "x-aftercare-time": moment, "x-aftercare-nonce": "n-1"}
    headers |= {
        f"x-aftercare-{name}": base64.b64encode(json.dumps(value).encode()).decode() for name, value in claims.items()
    }
    request = Request("GET", "/proxy/woocommerce/orders", "", headers)
    return replace(request, headers={**headers, "x-aftercare-signature": signing.sign_forwarded(LINK.secret, request)})


def test_staff_are_who_our_plugin_says(shop: Shop) -> None:
    secrets = {LINK.store_key: LINK.secret}
    request = forwarded(staff={"ref": "1", "name": "Max"})
    opening = WooCommerce.open_admin(request, {}, secret_of=lambda key: secrets.get(key, ""))
    assert (opening.ref, opening.staff.name) == (LINK.store_key, "Max")  # type: ignore[union-attr]
    assert WooCommerce.store_of(request, {}) == LINK.store_key
    assert WooCommerce.nonce_of(request) == "n-1"
    stranger = replace(request, headers={**request.headers, "x-aftercare-store": "unknown"})
    with pytest.raises(BadSignature):
        WooCommerce.open_admin(stranger, {}, secret_of=lambda key: secrets.get(key, ""))


def test_a_shopper_is_who_our_plugin_says_or_nobody(shop: Shop) -> None:
    ann = {"ref": "7", "email": "ann@shopper.example", "order_refs": ["17"], "language": "de"}
    seen = shop.plugin.identify_shopper(forwarded(shopper=ann), secret=LINK.secret)
    assert seen == Shopper("7", "ann@shopper.example", ("17",), "de")
    assert shop.plugin.identify_shopper(forwarded(), secret=LINK.secret) is None
    with pytest.raises(BadSignature):
        shop.plugin.identify_shopper(forwarded(shopper=ann), secret="another store's")


def test_two_stores_served_at_once_never_mix() -> None:
    with Shop().open() as linden, Shop().open() as birch:
        for shop, email in ((linden, "ann@linden.example"), (birch, "ann@birch.example")):
            for _ in range(3):
                shop.place(email=email)
        seen: dict[str, set[str]] = {}
        failures: list[Exception] = []

        def read(shop: Shop, name: str) -> None:
            try:
                for _ in range(10):
                    plugin = shop.connect(next(iter(shop.store.keys.values())))
                    orders = [plugin.fetch_order(ref) for ref in ("17", "18", "19")]
                    seen.setdefault(name, set()).update(o.email for o in orders if isinstance(o, OrderSnapshot))
            except Exception as error:  # noqa: BLE001 (a thread's failure must reach the test)
                failures.append(error)

        threads = [threading.Thread(target=read, args=pair) for pair in ((linden, "linden"), (birch, "birch")) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert seen == {"linden": {"ann@linden.example"}, "birch": {"ann@birch.example"}}
