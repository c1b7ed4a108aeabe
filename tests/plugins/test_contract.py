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
from core.platform.contract import Feature, Platform, Reimbursement, Request, ReturnMove
from core.platform.demo import Demo
from core.platform.errors import BadSignature, PlatformError, Unavailable
from core.platform.registry import discover
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

    def change(self, ref: str) -> None:
        """Change an order now."""

    def delete(self, ref: str) -> None:
        """Delete an order for good."""

    def post_review(self) -> str:
        """Have a review posted."""

    def refunds(self, ref: str) -> list[int]:
        """The refunds the store has of an order, in minor units."""

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


def refund_of(order: OrderSnapshot, key: str) -> Reimbursement:
    return Reimbursement(key, "refund", order.ref, 500, order.currency, reason="One mug broke")


def test_a_refund_asked_twice_is_given_once(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = platform.fetch_order(merchant.place())
    assert isinstance(order, OrderSnapshot)
    assert platform.find_reimbursement(order.ref, "k1") is None
    first = platform.reimburse(refund_of(order, "k1"))
    again = merchant.connect().reimburse(refund_of(order, "k1"))
    assert (again.ref, again.amount) == (first.ref, first.amount) == (first.ref, 500)
    assert merchant.refunds(order.ref) == [500]
    assert platform.find_reimbursement(order.ref, "k1") == again
    assert platform.reimburse(refund_of(order, "k2")).ref != first.ref
    assert merchant.refunds(order.ref) == [500, 500]


def test_a_refund_of_more_than_is_left_is_refused_and_not_made(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = platform.fetch_order(merchant.place())
    assert isinstance(order, OrderSnapshot)
    with pytest.raises(PlatformError):
        platform.reimburse(replace(refund_of(order, "k1"), amount=order.total + 1))
    assert merchant.refunds(order.ref) == []


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
    platform.cancel_order(ref, key="k1")
    merchant.connect().cancel_order(ref, key="k1")
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
