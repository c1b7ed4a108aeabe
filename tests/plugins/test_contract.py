"""What the door asks of every platform. A platform offers tests/plugins/<name>/harness.py; see `Merchant` below."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests

import plugins
from core.platform.contract import ExchangeLine, Feature, Platform, RefundLine, Reimbursement, Request, ReturnMove
from core.platform.errors import BadSignature, NothingDone, PlatformError, Refused, Unavailable
from core.platform.registry import discover
from core.platform.sample import Demo
from core.platform.snapshots import Gone, OrderSnapshot, ReviewSnapshot

PLATFORMS: dict[str, type[Platform]] = {"demo": Demo, **discover(plugins)}

METHODS: dict[str, frozenset[Feature]] = {
    "reimburse": frozenset({Feature.REFUND, Feature.STORE_CREDIT, Feature.EXCHANGE}),
    "find_reimbursement": frozenset({Feature.REFUND, Feature.STORE_CREDIT, Feature.EXCHANGE}),
    "move_return": frozenset({Feature.RETURN_NOTES, Feature.NATIVE_RETURNS}),
    "cancel_order": frozenset({Feature.CANCEL}),
    "fetch_review": frozenset({Feature.REVIEWS}),
    "reviews_since": frozenset({Feature.REVIEWS}),
    "publish_reply": frozenset({Feature.REPLY}),
    "edit_reply": frozenset({Feature.REPLY}),
    "remove_reply": frozenset({Feature.REPLY}),
    "identify_shopper": frozenset({Feature.SHOPPER_IDENTITY}),
    "order_statuses": frozenset({Feature.CUSTOM_STATUSES}),
}
"""Which of a platform's methods speak for which features."""
ALWAYS = ("read_webhook", "fetch_order", "orders_since")


class Merchant(Protocol):
    """What a harness lets the suite do on the store's own side. Refs are the platform's."""

    now: datetime
    secrets: tuple[str, ...]
    """Credentials in use: they must show nowhere."""
    troubles: dict[str, str]
    """What `misbehave` knows; each makes the store unavailable for the next calls."""

    def connect(self) -> Platform:
        """Another object for the same store."""

    def forward(self, seconds: float) -> None:
        """Move the store's clock."""

    def place(self) -> str:
        """Take in a paid order."""

    def place_unrefundable(self) -> str:
        """Take in an order paid in a way that cannot pay back by itself, as a bank transfer."""

    def change(self, ref: str) -> None:
        """Change an order now."""

    def delete(self, ref: str) -> None:
        """Delete an order for good."""

    def post_review(self) -> str:
        """Have a review posted."""

    def refunds(self, ref: str) -> list[int]:
        """The refunds the store has of an order, in minor units."""

    def refund_by_hand(self, ref: str, part: RefundLine) -> None:
        """Refund one line at the store itself, without our key and without restocking."""

    def shelve(self, variant: str, price: int) -> None:
        """Put a variant on sale; only where the platform exchanges."""

    def pay(self, key: str) -> None:
        """Let the shopper pay what the exchange asked for with this key left open."""

    def notes(self, ref: str) -> int:
        """How often the store was told of a return of this order."""

    def replies(self, review_ref: str) -> list[str]:
        """The texts published below a review."""

    def webhook(self, ref: str, secret: str) -> Request:
        """News of an order as the store signs and sends it."""

    def misbehave(self, how: str) -> None:
        """Be in trouble for the next calls."""


Opened = tuple[Platform, Any]
Open = Callable[[Path], AbstractContextManager[Opened]]


def harness(name: str) -> Open:
    """The folder's `open_platform`."""
    if not (Path(__file__).parent / name / "harness.py").exists():
        pytest.fail(f"tests/plugins/{name}/harness.py is missing: the contract suite runs over every platform")
    open_: Open = importlib.import_module(f"tests.plugins.{name}.harness").open_platform
    return open_


@pytest.fixture(params=PLATFORMS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(name: str, tmp_path: Path) -> Iterator[Opened]:
    with harness(name)(tmp_path) as pair:
        yield pair


def needs(platform: type[Platform] | Platform, *features: Feature) -> None:
    """Skip what the platform says it cannot do."""
    if not platform.features & set(features):
        pytest.skip(f"{platform.name} has no {' or '.join(features)}")


def implements(platform: type[Platform], method: str) -> bool:
    return getattr(platform, method) is not getattr(Platform, method)


# What a platform says of itself.


def test_a_platform_is_named_as_its_folder_and_says_what_it_is(name: str) -> None:
    platform = PLATFORMS[name]
    assert platform.name == name
    assert platform.title
    assert platform.__doc__
    assert platform.__doc__ != Platform.__doc__


def test_what_a_store_lacks_is_something_its_platform_has(opened: Opened) -> None:
    platform, _ = opened
    assert set(platform.missing()) <= platform.features


def test_declared_features_are_the_methods_that_are_there(name: str) -> None:
    platform = PLATFORMS[name]
    there = {method for method in METHODS if implements(platform, method)}
    assert there == {method for method, features in METHODS.items() if features & platform.features}
    assert all(implements(platform, method) for method in ALWAYS)


# Listening.


def test_signed_news_is_read_without_credentials(name: str, opened: Opened) -> None:
    _, merchant = opened
    ref = merchant.place()
    reader = PLATFORMS[name]("linden", {}, {}, requests.Session())
    (change,) = reader.read_webhook(merchant.webhook(ref, "shared"), secret="shared")
    assert (change.resource, change.ref) == ("order", ref)


def test_what_was_not_signed_with_our_secret_is_refused(name: str, opened: Opened) -> None:
    platform, merchant = opened
    news = merchant.webhook(merchant.place(), "shared")
    for forged, secret in (
        (news, "another"),
        (news, ""),
        (replace(news, body=news.body + b" "), "shared"),
        (
            replace(news, headers={key: value for key, value in news.headers.items() if "signature" not in key}),
            "shared",
        ),
    ):
        with pytest.raises(BadSignature):
            platform.read_webhook(forged, secret=secret)


def test_a_request_that_nobody_signed_identifies_nobody(name: str, opened: Opened) -> None:
    platform, _ = opened
    assert platform.identify_shopper(Request("GET", "/proxy/orders"), secret="shared") is None


# Reading.


def test_what_the_store_does_not_have_is_gone(opened: Opened) -> None:
    platform, merchant = opened
    deleted = merchant.place()
    assert isinstance(platform.fetch_order(deleted), OrderSnapshot)
    merchant.delete(deleted)
    for ref in (deleted, "999999", "no such ref", "../1"):
        assert platform.fetch_order(ref) == Gone(ref)


def test_a_review_is_fetched_and_a_missing_one_is_gone(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REVIEWS)
    ref = merchant.post_review()
    assert isinstance(platform.fetch_review(ref), ReviewSnapshot)
    assert ref in {review.ref for review in platform.reviews_since(merchant.now.isoformat()).snapshots}
    assert platform.fetch_review("999999") == Gone("999999")


def walk(platform: Platform, cursor: str, between: Callable[[int], None] = lambda _: None) -> tuple[list[str], str]:
    """Read a listing to its end; `between` happens after each page."""
    refs: list[str] = []
    for number in range(100):
        page = platform.orders_since(cursor)
        refs += [order.ref for order in page.snapshots]
        cursor = page.cursor
        if page.last:
            return refs, cursor
        between(number)
    raise AssertionError("the listing does not end")


@pytest.mark.parametrize("seconds", [0, 7], ids=["all in one second", "seconds apart"])
def test_a_listing_shows_every_change_though_orders_change_while_it_is_read(opened: Opened, seconds: int) -> None:
    platform, merchant = opened
    start = merchant.now
    refs = []
    for _ in range(63):
        merchant.forward(seconds)
        refs.append(merchant.place())
    merchant.forward(60)

    def change_some(number: int) -> None:
        if number < 4:  # the first move to the end and pull the others across the page's border
            merchant.change(refs[number])

    seen, _ = walk(platform, start.isoformat(), change_some)
    assert set(seen) == set(refs)


def test_the_next_poll_starts_where_the_last_one_ended(opened: Opened) -> None:
    platform, merchant = opened
    first = merchant.place()
    _, cursor = walk(platform, (merchant.now - timedelta(hours=1)).isoformat())
    merchant.forward(3600)
    second = merchant.place()
    merchant.forward(3600)
    merchant.change(first)
    seen, cursor = walk(platform, cursor)
    assert {first, second} <= set(seen)
    merchant.forward(3600)
    third = merchant.place()
    assert third in walk(platform, cursor)[0]


def test_a_listing_may_start_at_a_time_that_second_included(opened: Opened) -> None:
    platform, merchant = opened
    merchant.place()
    merchant.forward(3600)
    late = merchant.place()
    assert walk(platform, merchant.now.isoformat())[0] == [late]


# Acting, once a key.


def placed_at(platform: Platform, merchant: Merchant) -> OrderSnapshot:
    """A fresh order as the platform reads it: goods and shipping, both taxed."""
    return read_again(platform, merchant.place())


def read_again(platform: Platform, ref: str) -> OrderSnapshot:
    order = platform.fetch_order(ref)
    assert isinstance(order, OrderSnapshot)
    return order


def all_of(order: OrderSnapshot, kind: str) -> RefundLine:
    """The whole of the order's first line of a kind, as a refund of it."""
    line = next(line for line in order.lines if line.kind == kind)
    net = line.total - (line.tax if order.tax_included else 0)
    assert line.tax
    assert sum(tax.amount for tax in line.taxes) == line.tax
    return RefundLine(line.ref, line.quantity, net, {tax.ref: tax.amount for tax in line.taxes})


def back(order: OrderSnapshot, key: str, *parts: RefundLine, **changes: Any) -> Reimbursement:
    """What the shopper is to get for these lines."""
    amount = sum(part.gross for part in parts)
    return replace(Reimbursement(key, "refund", order.ref, amount, order.currency, lines=parts), **changes)


def sought(ref: str, key: str) -> Reimbursement:
    """What is looked for by its key alone."""
    return Reimbursement(key, "refund", ref, 0, "")


def refund_of(order: OrderSnapshot, key: str) -> Reimbursement:
    return Reimbursement(key, "refund", order.ref, 500, order.currency, reason="One mug broke")


def test_a_refund_asked_twice_is_given_once(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = platform.fetch_order(merchant.place())
    assert isinstance(order, OrderSnapshot)
    assert platform.find_reimbursement(sought(order.ref, "k1")) is None
    first = platform.reimburse(refund_of(order, "k1"))
    again = merchant.connect().reimburse(refund_of(order, "k1"))
    assert (again.ref, again.amount) == (first.ref, first.amount) == (first.ref, 500)
    assert merchant.refunds(order.ref) == [500]
    assert platform.find_reimbursement(sought(order.ref, "k1")) == again
    assert platform.reimburse(refund_of(order, "k2")).ref != first.ref
    assert merchant.refunds(order.ref) == [500, 500]


def test_a_payment_that_cannot_pay_back_leaves_the_refund_to_staff_and_writes_nothing(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = read_again(platform, merchant.place_unrefundable())
    assert [payment.refundable for payment in order.payments] == [False]
    outcome = platform.reimburse(refund_of(order, "k1"))
    assert (outcome.state, outcome.sentence[-1:]) == ("needs_staff", ".")
    assert merchant.refunds(order.ref) == []
    assert platform.find_reimbursement(sought(order.ref, "k1")) is None


def test_a_refund_that_is_only_written_down_is_never_issued(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.RECORDS_REFUNDS)
    for ref in (merchant.place(), merchant.place_unrefundable()):
        wanted = replace(refund_of(read_again(platform, ref), "k1"), through_gateway=False)
        first = platform.reimburse(wanted)
        assert (first.state, first.amount, first.sentence[-1:]) == ("needs_staff", 500, ".")
        again = merchant.connect().reimburse(wanted)
        assert (again.state, again.ref) == (first.state, first.ref)
        assert platform.find_reimbursement(sought(ref, "k1")) == again
        assert [(one.key, one.paid_out) for one in read_again(platform, ref).refunds] == [("k1", False)]


def test_a_refund_that_moved_money_says_so_when_it_is_read(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = placed_at(platform, merchant)
    assert platform.reimburse(refund_of(order, "k1")).state == "issued"
    assert [(one.key, one.paid_out) for one in read_again(platform, order.ref).refunds] == [("k1", True)]


def test_a_store_that_cannot_be_read_was_asked_for_no_money(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = placed_at(platform, merchant)
    if platform.pays_once_per_key:
        pytest.skip("asking again repeats nothing")
    merchant.misbehave(next(iter(merchant.troubles)))
    with pytest.raises(NothingDone):
        platform.reimburse(refund_of(order, "k1"))
    assert merchant.refunds(order.ref) == []


def test_a_refund_of_more_than_is_left_is_refused_and_not_made(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = platform.fetch_order(merchant.place())
    assert isinstance(order, OrderSnapshot)
    with pytest.raises(PlatformError):
        platform.reimburse(replace(refund_of(order, "k1"), amount=order.total + 1))
    assert merchant.refunds(order.ref) == []


def test_a_refund_asked_for_by_line_is_read_back_by_line(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = placed_at(platform, merchant)
    goods, shipping = all_of(order, "physical"), all_of(order, "shipping")
    wanted = back(order, "k1", goods, shipping)
    first = platform.reimburse(wanted)
    again = merchant.connect().reimburse(wanted)
    assert first == again == platform.find_reimbursement(sought(order.ref, "k1"))
    assert (first.state, first.amount, merchant.refunds(order.ref)) == ("issued", wanted.amount, [wanted.amount])
    after = read_again(platform, order.ref)
    (refund,) = after.refunds
    assert (refund.key, refund.ref, refund.amount) == ("k1", first.ref, wanted.amount)
    # Shipping comes back as money, not in units.
    assert refund.lines == (goods, replace(shipping, quantity=0))
    assert {line.ref: line.removed for line in after.lines} == {goods.ref: goods.quantity, shipping.ref: 0}
    assert after.total == order.total, "the total stays what it was at purchase"
    assert sum(payment.refunded for payment in after.payments) == wanted.amount


def test_a_refund_made_by_hand_is_read_with_its_lines(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = placed_at(platform, merchant)
    part = replace(all_of(order, "physical"), quantity=1)
    merchant.refund_by_hand(order.ref, part)
    (refund,) = read_again(platform, order.ref).refunds
    assert (refund.key, refund.amount, refund.lines) == ("", part.gross, (part,))
    assert platform.find_reimbursement(sought(order.ref, "")) is None


def test_more_than_is_left_is_refused_in_a_sentence(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = placed_at(platform, merchant)
    goods, shipping = all_of(order, "physical"), all_of(order, "shipping")
    too_many = replace(goods, quantity=goods.quantity + 1)
    merchant.refund_by_hand(order.ref, shipping)
    for wanted in (
        back(order, "k1", goods, shipping),
        back(order, "k1", too_many),
        back(order, "k1", replace(goods, ref="999999")),
        back(order, "k1", goods, amount=goods.gross - 1),
        back(order, "k1", goods, currency="XTS"),
        back(order, "k1", amount=0),
        back(order, "k1", *[replace(goods, amount=1, taxes={})] * 2),
    ):
        with pytest.raises(Refused) as caught:
            platform.reimburse(wanted)
        assert str(caught.value).endswith(".")
    assert merchant.refunds(order.ref) == [shipping.gross]


def test_store_credit_is_a_code_given_once_and_nothing_flows_back(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.STORE_CREDIT)
    order = placed_at(platform, merchant)
    wanted = back(order, "k1", all_of(order, "physical"), kind="store_credit")
    first = platform.reimburse(wanted)
    assert (first.state, first.amount) == ("issued", wanted.amount)
    assert first.ref in first.sentence
    assert merchant.connect().reimburse(wanted) == first == platform.find_reimbursement(sought(order.ref, "k1"))
    after = read_again(platform, order.ref)
    assert [(one.key, one.lines) for one in after.refunds] == [("k1", wanted.lines)]
    assert [payment.refunded for payment in after.payments] == [0]
    with pytest.raises(Refused):
        platform.reimburse(replace(wanted, key="k2", kind="refund"))


@pytest.mark.parametrize(("dearer", "state"), [(0, "issued"), (250, "awaiting_payment")])
def test_an_exchange_sends_out_an_order_of_its_own_once(opened: Opened, dearer: int, state: str) -> None:
    platform, merchant = opened
    needs(platform, Feature.EXCHANGE)
    order = placed_at(platform, merchant)
    goods = all_of(order, "physical")
    merchant.shelve("blue", goods.gross // goods.quantity + dearer)
    out = (ExchangeLine(goods.ref, "blue", goods.quantity),)
    wanted = back(order, "k1", goods, kind="exchange", exchange=out)
    first = platform.reimburse(wanted)
    assert (first.state, first.amount, bool(first.link)) == (state, wanted.amount, bool(dearer))
    assert merchant.connect().reimburse(wanted) == first == platform.find_reimbursement(sought(order.ref, "k1"))
    instead = read_again(platform, first.ref)
    assert instead.ref != order.ref
    assert [(line.quantity, line.variant) for line in instead.lines] == [(goods.quantity, "blue")]
    assert instead.total == wanted.amount + dearer * goods.quantity
    assert (instead.paid_at is None) == bool(dearer)
    if dearer:
        assert read_again(platform, order.ref).refunds == (), "nothing is spent before the rest is paid"
        merchant.pay("k1")
    issued = platform.find_reimbursement(sought(order.ref, "k1"))
    assert issued is not None
    assert (issued.state, issued.ref, issued.amount, issued.link) == ("issued", first.ref, wanted.amount, "")
    after = read_again(platform, order.ref)
    assert [(one.key, one.lines) for one in after.refunds] == [("k1", wanted.lines)]
    assert [payment.refunded for payment in after.payments] == [0]
    assert read_again(platform, first.ref).paid_at is not None


def test_a_return_moved_twice_is_told_once(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.RETURN_NOTES, Feature.NATIVE_RETURNS)
    ref = merchant.place()
    move = ReturnMove("k1", ref, "RMA-1042", "approved")
    assert platform.move_return(move) == merchant.connect().move_return(move)
    assert merchant.notes(ref) == 1
    platform.move_return(replace(move, key="k2", move="received"))
    assert merchant.notes(ref) == 2


def test_an_order_canceled_twice_is_canceled(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.CANCEL)
    ref = merchant.place()
    first = platform.cancel_order(ref, key="k1")
    assert merchant.connect().cancel_order(ref, key="k1").state in ("done", first.state)
    if first.state == "pending":
        pytest.skip("the platform cancels later")
    order = platform.fetch_order(ref)
    assert isinstance(order, OrderSnapshot)
    assert order.state == "canceled"


def test_a_reply_is_published_once_edited_and_taken_back(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REPLY)
    review = merchant.post_review()
    first = platform.publish_reply(review, "Sorry!", key="k1")
    again = merchant.connect().publish_reply(review, "Sorry!", key="k1")
    assert (again.ref, merchant.replies(review)) == (first.ref, ["Sorry!"])
    assert platform.edit_reply(first.ref, "So sorry.").text == "So sorry."
    assert merchant.replies(review) == ["So sorry."]
    platform.remove_reply(first.ref)
    platform.remove_reply(first.ref)
    assert merchant.replies(review) == []


# Bad days.


def test_a_store_in_trouble_is_unavailable_and_no_secret_is_told(name: str, tmp_path: Path) -> None:
    with harness(name)(tmp_path) as (_, merchant):
        troubles = dict(merchant.troubles)
    assert troubles
    for place, how in enumerate(troubles):
        folder = tmp_path / str(place)
        folder.mkdir()
        with harness(name)(folder) as (platform, merchant):
            ref = merchant.place()
            merchant.misbehave(how)
            with pytest.raises(Unavailable) as caught:
                platform.fetch_order(ref)
            told = f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {caught.value.__context__!r}"
            assert [secret for secret in merchant.secrets if secret in told] == []


def test_an_object_shows_no_secret(opened: Opened) -> None:
    platform, merchant = opened
    shown = f"{platform!r} {platform}"
    assert [secret for secret in merchant.secrets if secret in shown] == []


def test_two_stores_in_two_threads_do_not_mix(name: str, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    with ExitStack() as stack:
        stores = []
        for place, folder in enumerate(folders):
            folder.mkdir()
            platform, merchant = stack.enter_context(harness(name)(folder))
            stores.append((platform, [merchant.place() for _ in range(3 + 4 * place)], merchant.now))

        def read(store: tuple[Platform, list[str], datetime]) -> list[set[str]]:
            platform, _, start = store
            return [set(walk(platform, start.isoformat())[0]) for _ in range(5)]

        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(read, stores))
    for (_, refs, _), listings in zip(stores, found, strict=True):
        assert listings == [set(refs)] * 5
