"""The contract: what the core relies on at every platform. Each law stands once; `worlds.py` and each platform's
harness say how its world does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import pytest

from core.platform.contract import (
    ExchangeLine,
    Feature,
    Installation,
    InstallUrls,
    Link,
    Opening,
    Pending,
    Platform,
    RefundLine,
    Reimbursement,
    Request,
    ReturnMove,
    SealState,
    UnsealState,
)
from core.platform.errors import (
    AccessLost,
    BadSignature,
    NothingDone,
    NotSupported,
    PlatformError,
    Refused,
    Unavailable,
)
from core.platform.native_returns import ReturnLine, ReturnSnapshot, ReturnState
from core.platform.snapshots import Gone, HoldReason, OrderSnapshot, OrderState, Page, ReviewSnapshot
from tests.plugins.worlds import WORLDS, Merchant, Opened, harness, merchant_of, needs

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
    "variants_of": frozenset({Feature.VARIANTS}),
    "collections_of": frozenset({Feature.COLLECTIONS}),
    "begin_sign_in": frozenset({Feature.SHOPPER_SIGN_IN}),
    "finish_sign_in": frozenset({Feature.SHOPPER_SIGN_IN}),
    "order_of_return": frozenset({Feature.NATIVE_RETURNS}),
}
"""Which of a platform's methods speak for which features."""
WITHOUT_METHODS = frozenset({Feature.RECORDS_REFUNDS, Feature.LISTS_DELETIONS})
"""Features that no method of their own speaks for."""
ALWAYS = ("read_webhook", "fetch_order", "orders_since")


@pytest.fixture(params=WORLDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(name: str, tmp_path: Path) -> Iterator[Opened]:
    with harness(name)(tmp_path) as pair:
        yield pair


def implements(platform: type[Platform], method: str) -> bool:
    theirs, ours = (getattr(one, method) for one in (platform, Platform))
    return getattr(theirs, "__func__", theirs) is not getattr(ours, "__func__", ours)


# What a platform says of itself.


def test_a_platform_is_named_as_its_folder_and_says_what_it_is(name: str) -> None:
    platform = WORLDS[name]
    assert platform.name == name
    assert platform.title
    assert platform.__doc__
    assert platform.__doc__ != Platform.__doc__


def test_declared_features_are_the_methods_that_are_there(name: str) -> None:
    platform = WORLDS[name]
    there = {method for method in METHODS if implements(platform, method)}
    assert there == {method for method, features in METHODS.items() if features & platform.features}
    assert all(implements(platform, method) for method in ALWAYS)


@pytest.mark.parametrize("feature", Feature)
def test_every_feature_has_a_world_that_has_it_and_one_that_lacks_it(feature: Feature) -> None:
    having = {name for name, platform in WORLDS.items() if feature in platform.features}
    assert having, "no world shows what it is for"
    assert having < WORLDS.keys(), "no world shows what the core does without it"
    assert feature in WITHOUT_METHODS.union(*METHODS.values()), "who says that a world really has it?"
    law = rf"needs\(platform, [^)]*Feature\.{feature.name}\b"
    assert re.search(law, Path(__file__).read_text(encoding="utf-8")), "no law says what it has to do"


OF_PLATFORMS = ("renews", "installs_on_opening", "webhooks_by_get", "pays_once_per_key", "copies_keep_id")
OF_METHODS = ("begin_install", "after_install", "holds_webhooks_of", "confirm")
OF_WORLDS = ("signs_bodies", "names_staff", "prepares_lists", "loses_answers", "gives_reasons", "takes_withdrawals")


def test_what_platforms_differ_in_besides_has_a_world_of_each_kind() -> None:
    for trait in OF_PLATFORMS:
        assert {bool(getattr(platform, trait)) for platform in WORLDS.values()} == {True, False}, trait
    for method in OF_METHODS:
        assert {implements(platform, method) for platform in WORLDS.values()} == {True, False}, method
    for trait in OF_WORLDS:
        assert {bool(getattr(merchant_of(name), trait)) for name in WORLDS} == {True, False}, trait


def test_what_the_app_needs_to_know_is_said_in_words(name: str) -> None:
    platform = WORLDS[name]
    assert not platform.app_settings.keys() & platform.optional_settings.keys()
    assert all({**platform.app_settings, **platform.optional_settings}.values())


def test_what_a_store_lacks_is_something_its_platform_has(opened: Opened) -> None:
    platform, _ = opened
    assert set(platform.missing()) <= platform.features


def test_a_store_says_what_it_is_like_in_codes_that_are_known(opened: Opened) -> None:
    platform, _ = opened
    if not implements(type(platform), "describe"):
        pytest.skip(f"{platform.name} does not say")
    facts = platform.describe()
    assert facts.currency == "" or re.fullmatch("[A-Z]{3}", facts.currency)
    assert facts.country == "" or re.fullmatch("[A-Z]{2}", facts.country)
    assert facts.timezone == "" or ZoneInfo(facts.timezone)


# Listening.


def test_signed_news_is_read_without_credentials(opened: Opened) -> None:
    _, merchant = opened
    ref = merchant.place()
    (change,) = merchant.listen(merchant.news(ref))
    assert (change.resource, change.ref) == ("order", ref)


def test_news_that_comes_twice_says_the_same(opened: Opened) -> None:
    _, merchant = opened
    news = merchant.news(merchant.place())
    assert merchant.listen(news) == merchant.listen(news)


def test_news_told_by_get_is_read_from_its_query(opened: Opened) -> None:
    platform, merchant = opened
    if not platform.webhooks_by_get:
        pytest.skip(f"{platform.name} posts its news")
    told = merchant.news_by_get("1")
    assert (told.method, told.body) == ("GET", b"")
    assert [(change.resource, change.ref) for change in merchant.listen(told)] == [("order", "1")]
    with pytest.raises(BadSignature):
        merchant.listen(told, with_wrong_keys=True)
    with pytest.raises(BadSignature):
        merchant.listen(replace(told, query=""))


def test_news_whose_body_nobody_signed_says_so_and_brings_what_it_takes_to_confirm_it(opened: Opened) -> None:
    _, merchant = opened
    (change,) = merchant.listen(merchant.news(merchant.place()))
    assert change.is_signed is merchant.signs_bodies
    if not change.is_signed:
        assert change.event_id, "used once"
        assert change.occurred_at is not None


def test_the_app_removed_is_a_fact_with_a_time_also_of_a_store_we_do_not_know(opened: Opened) -> None:
    platform, merchant = opened
    left = merchant.news_of_leaving()
    if left is None:
        pytest.skip(f"{platform.name} does not say that the app was removed")
    (change,) = merchant.listen(left)
    assert (change.resource, change.facts) == ("store", {"event": "uninstalled"})
    assert change.occurred_at is not None
    assert platform.read_app_webhook(left, platform.app) == [change]
    with pytest.raises(BadSignature):
        platform.read_app_webhook(left, dict.fromkeys(platform.app, "another's, of thirty-two bytes or more"))


def test_a_page_opened_in_the_admin_names_its_store_and_may_bring_keys_that_let_us_in(opened: Opened) -> None:
    platform, merchant = opened
    ref = merchant.place()
    for how, request, app in merchant.forged_openings():
        with pytest.raises(BadSignature):
            pytest.fail(f"{how} was let in: {platform.open_admin(request, app, secret_of=merchant.secret_of)}")
    opening = platform.open_admin(merchant.opening(), platform.app, secret_of=merchant.secret_of)
    assert isinstance(opening, Opening)
    assert opening.ref in (platform.ref, merchant.store_key)
    assert (opening.staff is not None) is merchant.names_staff
    if not platform.installs_on_opening:
        return
    made = platform.install_from(merchant.opening(), platform.app, platform.http)
    assert made.ref == opening.ref
    assert isinstance(with_keys(platform, made.credentials).fetch_order(ref), OrderSnapshot)


def one_time_texts() -> tuple[SealState, UnsealState]:
    """Seal and unseal as the core does: what was sealed is given back once."""
    sealed: dict[str, Mapping[str, str]] = {}

    def seal(state: Mapping[str, str]) -> str:
        sealed[f"state-{len(sealed)}"] = state
        return f"state-{len(sealed) - 1}"

    def unseal(text: str) -> Mapping[str, str]:
        if text not in sealed:
            raise BadSignature("not ours")
        state, sealed[text] = sealed[text], {}
        if not state:
            raise BadSignature("used")
        return state

    return seal, unseal


LINK = Link(
    core_url="https://care.example",
    store_key="linden0123456789",
    hook_url="https://care.example/hooks/a-platform/secret-path-token",
    secret="signs webhooks",
    forwarding_secret="signs what is forwarded",
)
URLS = InstallUrls("https://care.example/install/done", "https://care.example/install/done")


def test_a_merchant_who_consents_brings_keys_that_let_us_in_once_and_nobody_else_does(opened: Opened) -> None:
    platform, merchant = opened
    plugin, (seal, unseal) = type(platform), one_time_texts()
    if not implements(plugin, "begin_install"):
        with pytest.raises(NotSupported):
            plugin.begin_install(Request("GET", "/install"), platform.app, seal=seal, urls=URLS)
        assert plugin.installs_on_opening, "there is no way in"
        return

    def consent() -> Request:
        begun = plugin.begin_install(merchant.install_request(), platform.app, seal=seal, urls=URLS)
        return merchant.consent(begun)

    def finish(brought: Request, urls: InstallUrls = URLS) -> Installation | Pending:
        return plugin.finish_install(brought, platform.app, unseal=unseal, urls=urls, http=platform.http)

    forgeries = merchant.forged_consents(consent())
    assert forgeries
    for how in forgeries:
        forged = merchant.forged_consents(consent())[how]
        with pytest.raises((BadSignature, Refused)):
            pytest.fail(f"{how} was let in: {finish(forged)}")
    ref, brought = merchant.place(), consent()
    made = finish(brought)
    assert isinstance(made, Installation)
    assert (made.ref, bool(made.name)) == (platform.ref, True)
    assert all(isinstance(value, str) for value in made.credentials.values())
    assert isinstance(with_keys(platform, made.credentials).fetch_order(ref), OrderSnapshot)
    with pytest.raises((BadSignature, Refused)):
        finish(brought)


def test_a_store_prepared_twice_is_as_prepared_once_and_no_address_but_the_links_is_held(opened: Opened) -> None:
    platform, merchant = opened
    other = replace(LINK, hook_url=f"{LINK.hook_url}-of-another-store", store_key="another")
    assert not platform.holds_webhooks_of(LINK)
    findings = platform.after_install(LINK)
    once = merchant.prepared()
    assert all(finding.mended or finding.sentence for finding in findings)
    assert [finding.code for finding in merchant.connect().after_install(LINK) if not finding.mended] == [
        finding.code for finding in findings if not finding.mended
    ]
    assert merchant.prepared() == once
    if not implements(type(platform), "holds_webhooks_of"):
        assert not platform.copies_keep_id, "nothing shows that a store has moved"
        assert not platform.holds_webhooks_of(LINK)
        return
    assert (platform.holds_webhooks_of(LINK), platform.holds_webhooks_of(other)) == (True, False)
    platform.remove_webhooks(other)
    assert (platform.holds_webhooks_of(LINK), merchant.prepared()) == (True, once)
    platform.remove_webhooks(LINK)
    platform.remove_webhooks(LINK)
    assert not platform.holds_webhooks_of(LINK)
    assert merchant.prepared() != once
    platform.after_install(LINK)
    assert platform.holds_webhooks_of(LINK)


def test_what_an_api_says_of_a_fact_is_true(opened: Opened) -> None:
    platform, merchant = opened
    if not implements(type(platform), "confirm"):
        pytest.skip(f"{platform.name} confirms nothing")
    said = [(change, holds, platform.confirm(change)) for change, holds in merchant.facts()]
    assert [one for one in said if one[2] not in (one[1], None)] == []
    assert {confirmed for _, _, confirmed in said} >= {True, False}, "what does it confirm?"


def test_a_shell_loads_and_lets_itself_be_framed_by_web_origins_alone(opened: Opened) -> None:
    platform, merchant = opened
    shell = platform.admin_shell(platform.app, platform.ref)
    for origin in (*shell.script_sources, *shell.style_sources, *shell.frame_ancestors):
        assert re.fullmatch(r"https://[a-z0-9*.-]+(:[0-9]+)?", origin), origin
    for tag in shell.head:
        if tag.name == "script":
            assert tag.attributes["src"].startswith(shell.script_sources)
    if not merchant.names_staff:
        assert shell.identity != "session", "there is no place to ask who is there"


def test_each_request_of_a_page_in_a_frame_says_who_asks_and_is_told_how_to_ask_again(opened: Opened) -> None:
    platform, merchant = opened
    shell = platform.admin_shell(platform.app, platform.ref)
    if shell.identity != "bearer":
        with pytest.raises(NotSupported):
            platform.staff_of(merchant.opening(), platform.app)
        return
    assert platform.staff_of(merchant.page_request(), platform.app).ref == platform.ref
    for request in (merchant.page_request(with_wrong_keys=True), Request("GET", "/admin/page"), merchant.opening()):
        with pytest.raises(BadSignature) as caught:
            platform.staff_of(request, platform.app)
        assert caught.value.headers, "or the platform's script shows an error page"


def test_a_shopper_signs_in_at_the_platform_and_only_who_began_comes_back(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.SHOPPER_SIGN_IN)
    seal, unseal = one_time_texts()
    back = "https://care.example/shop/signed-in"
    begun = platform.begin_sign_in(Request("GET", "/shop/sign-in", query="as=7"), seal=seal, back=back)
    assert begun.status == 302
    brought = merchant.sign_in(begun)
    assert platform.finish_sign_in(brought, unseal=unseal, back=back).ref == "7"
    with pytest.raises(BadSignature):
        platform.finish_sign_in(brought, unseal=unseal, back=back)
    other = platform.begin_sign_in(Request("GET", "/shop/sign-in", query="as=8"), seal=seal, back=back)
    state = parse_qs(merchant.sign_in(other).query)["state"][0]
    stolen = re.sub("state=[^&]*", f"state={state}", brought.query)
    with pytest.raises(BadSignature):
        platform.finish_sign_in(replace(brought, query=stolen), unseal=unseal, back=back)


def test_a_token_of_an_extension_names_a_shopper_of_this_store_alone(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.SHOPPER_SIGN_IN)
    token = merchant.shopper_token("7")
    shopper = platform.shopper_of_token(token)
    assert shopper is not None
    assert shopper.ref == "7"
    other = type(platform)("oak", {}, {}, platform.http, platform.app)
    for reader, forged in ((platform, token[:-2]), (platform, ""), (other, token)):
        with pytest.raises(BadSignature):
            reader.shopper_of_token(forged)


def test_what_was_not_signed_for_us_is_refused(opened: Opened) -> None:
    _, merchant = opened
    news = merchant.news(merchant.place())
    with pytest.raises(BadSignature):
        merchant.listen(news, with_wrong_keys=True)
    forgeries = merchant.forgeries(news)
    assert forgeries
    for how, forged in forgeries.items():
        with pytest.raises(BadSignature):
            pytest.fail(f"{how} was believed: {merchant.listen(forged)}")


def test_a_request_that_nobody_signed_identifies_nobody(opened: Opened) -> None:
    platform, merchant = opened
    assert platform.identify_shopper(Request("GET", "/proxy/orders"), secret=merchant.shopper_secret()) is None


def test_the_shopper_whom_the_store_vouches_for_is_known_and_nobody_can_pretend(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.SHOPPER_IDENTITY)
    forwarded = merchant.shopper_request("7")
    shopper = platform.identify_shopper(forwarded, secret=merchant.shopper_secret())
    assert shopper is not None
    assert shopper.ref == "7"
    for how, forged in merchant.shopper_forgeries(forwarded).items():
        with pytest.raises(BadSignature):
            pytest.fail(f"{how} was believed: {platform.identify_shopper(forged, secret=merchant.shopper_secret())}")


# Keys.


def test_keys_that_are_over_are_renewed_and_a_renewal_that_was_not_kept_is_asked_again(opened: Opened) -> None:
    platform, merchant = opened
    ref = merchant.place()
    if not platform.renews:
        assert not platform.renew_due(merchant.now + timedelta(days=3650))
        return
    assert not platform.renew_due(merchant.now)
    merchant.forward(merchant.credentials_last)
    assert platform.renew_due(merchant.now)
    with pytest.raises(AccessLost):
        platform.fetch_order(ref)
    # The first renewal's process dies before it keeps the answer: the old credentials are asked with once more.
    lost, kept = platform.renew(), with_keys(platform, platform.credentials).renew()
    for fresh in (lost, kept):
        assert {*platform.credentials} == {*fresh}, "all credentials, not only the new ones"
    renewed = with_keys(platform, kept)
    assert isinstance(renewed.fetch_order(ref), OrderSnapshot)
    assert not renewed.renew_due(merchant.now)
    assert {*renewed.renew()} == {*kept}


def with_keys(platform: Platform, credentials: Mapping[str, str]) -> Platform:
    """Another object for the same store, with these credentials."""
    return type(platform)(platform.ref, credentials, platform.settings, platform.http, platform.app)


def test_a_store_that_took_our_keys_back_says_so(opened: Opened) -> None:
    platform, merchant = opened
    ref = merchant.place()
    merchant.revoke()
    with pytest.raises(AccessLost):
        platform.check_access()
    with pytest.raises(AccessLost):
        platform.fetch_order(ref)
    if platform.renews:
        with pytest.raises(AccessLost):
            platform.renew()


# Reading.


SETTLED = 120
"""Seconds after which a listing shows what happened; what comes later is read by the next poll."""


def test_what_the_store_does_not_have_is_gone(opened: Opened) -> None:
    platform, merchant = opened
    deleted = merchant.place()
    assert isinstance(platform.fetch_order(deleted), OrderSnapshot)
    merchant.delete(deleted)
    for ref in (deleted, "999999", "no such ref", "../1"):
        assert platform.fetch_order(ref) == Gone(ref)


def test_an_order_is_whole(opened: Opened) -> None:
    platform, merchant = opened
    order = read_again(platform, merchant.place())
    assert order.placed_at.tzinfo is not None
    assert order.updated_at.tzinfo is not None
    assert len(order.currency) == 3, "also where the platform's orders name none"
    gross = sum(line.total + (0 if order.tax_included else line.tax) for line in order.lines)
    assert order.total == gross == sum(payment.captured for payment in order.payments)
    assert {line.kind for line in order.lines} == {"physical", "shipping"}
    assert len({line.ref for line in order.lines}) == 2


def test_an_order_paid_in_another_currency_says_what_it_came_to_in_the_stores(opened: Opened) -> None:
    platform, merchant = opened
    order = read_again(platform, merchant.place())
    here = platform.describe().currency if implements(type(platform), "describe") else order.currency
    if order.currency == (here or order.currency):
        assert (order.store_currency, order.store_total) in [("", None), (order.currency, order.total)]
        return
    assert order.store_currency == here
    assert order.store_total
    assert order.store_total > 0


def test_an_order_held_for_several_reasons_says_each_in_our_words(opened: Opened) -> None:
    platform, merchant = opened
    if not merchant.gives_reasons:
        pytest.skip(f"{platform.name} gives no reasons")
    ref = merchant.place()
    (goods,) = (line for line in read_again(platform, ref).lines if line.kind == "physical")
    merchant.hold(ref, goods.ref)
    holds = read_again(platform, ref).holds
    assert {hold.reason: dict(hold.items) for hold in holds} == {
        HoldReason.INCORRECT_ADDRESS: {goods.ref: 1},
        HoldReason.OTHER: {},
    }
    assert len({hold.ref for hold in holds}) == 2


def test_a_withdrawal_declared_at_the_platform_says_when_and_from_what_or_that_it_is_not_known(opened: Opened) -> None:
    platform, merchant = opened
    if not merchant.takes_withdrawals:
        pytest.skip(f"{platform.name} takes no withdrawals")
    ref = merchant.place()
    before = read_again(platform, ref)
    assert before.withdrawal_requested is None
    (goods,) = (line for line in before.lines if line.kind == "physical")
    merchant.forward(60)
    merchant.withdraw(ref, goods.ref)
    order = read_again(platform, ref)
    said = order.withdrawal_requested
    assert said is not None
    assert said.items is None or dict(said.items) == {goods.ref: 1}
    assert (said.declared_at or order.updated_at) == merchant.now


def test_an_order_says_its_status_in_a_word_the_store_lists(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.CUSTOM_STATUSES)
    assert read_again(platform, merchant.place()).status in platform.order_statuses()


def test_a_review_is_fetched_and_a_missing_one_is_gone(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REVIEWS)
    ref, start = merchant.post_review(), merchant.now
    assert isinstance(platform.fetch_review(ref), ReviewSnapshot)
    merchant.forward(SETTLED)
    assert ref in {review.ref for page in pages(platform.reviews_since, start.isoformat()) for review in page.snapshots}
    assert platform.fetch_review("999999") == Gone("999999")


def pages(
    list_page: Callable[[str], Page[Any]], cursor: str, between: Callable[[int], None] = lambda _: None
) -> list[Page[Any]]:
    """Read a listing to its end; `between` happens after each page."""
    found: list[Page[Any]] = []
    for number in range(100):
        found.append(list_page(cursor))
        cursor = found[-1].cursor
        if found[-1].last:
            return found
        between(number)
    raise AssertionError("the listing does not end")


def walk(platform: Platform, cursor: str, between: Callable[[int], None] = lambda _: None) -> tuple[list[Any], str]:
    """Read the orders of a listing to its end, and the cursor of the next poll."""
    found = pages(platform.orders_since, cursor, between)
    return [order for page in found for order in page.snapshots], found[-1].cursor


def refs_of(orders: Iterable[OrderSnapshot]) -> list[str]:
    return [order.ref for order in orders]


@pytest.mark.parametrize("seconds", [0, 7], ids=["all in one second", "seconds apart"])
def test_a_listing_and_the_next_poll_show_every_change_though_orders_change_meanwhile(
    opened: Opened, seconds: int
) -> None:
    platform, merchant = opened
    start = merchant.now
    refs = []
    for _ in range(63):
        merchant.forward(seconds)
        refs.append(merchant.place())
    merchant.forward(SETTLED)

    def change_some(number: int) -> None:
        if number < 4:  # the first move to the end and pull the others across the page's border
            merchant.change(refs[number])

    seen, cursor = walk(platform, start.isoformat(), change_some)
    merchant.forward(SETTLED)
    later, _ = walk(platform, cursor)
    told = {order.ref: order for order in (*seen, *later)}
    assert told == {ref: read_again(platform, ref) for ref in refs}, "what is told last is how the orders are now"


def test_the_next_poll_starts_where_the_last_one_ended(opened: Opened) -> None:
    _, merchant = opened
    first = merchant.place()
    merchant.forward(SETTLED)
    _, cursor = walk(merchant.connect(), (merchant.now - timedelta(hours=1)).isoformat())
    merchant.forward(1)
    soon = merchant.place()
    merchant.forward(3600)
    second = merchant.place()
    merchant.forward(3600)
    merchant.change(first)
    merchant.forward(SETTLED)
    seen, cursor = walk(merchant.connect(), cursor)
    assert {first, soon, second} <= set(refs_of(seen))
    merchant.forward(3600)
    third = merchant.place()
    merchant.forward(SETTLED)
    assert third in refs_of(walk(merchant.connect(), cursor)[0])


def test_a_listing_may_start_at_a_time_that_second_included(opened: Opened) -> None:
    _, merchant = opened
    merchant.place()
    merchant.forward(3600)
    late, start = merchant.place(), merchant.now
    merchant.forward(SETTLED)
    assert refs_of(walk(merchant.connect(), start.isoformat())[0]) == [late]


def test_a_listing_that_begins_long_ago_is_whole_and_prepared_once_though_the_process_dies(opened: Opened) -> None:
    _, merchant = opened
    refs = {merchant.place() for _ in range(3)}
    merchant.forward(SETTLED)
    cursor, seen, waits = (merchant.now - timedelta(days=60)).isoformat(), set[str](), 0
    for _ in range(30):
        page = merchant.connect().orders_since(cursor)
        if page.again_after is None:
            seen |= set(refs_of(page.snapshots))
        else:
            assert (page.snapshots, page.last, bool(page.operation)) == ((), False, True)
            again = merchant.connect().orders_since(cursor)  # whoever asked has died before it kept the cursor
            assert again.operation in (page.operation, ""), "the same, or it is ready by now"
            waits += 1
            merchant.forward(page.again_after)
        cursor = page.cursor
        if page.last:
            break
    assert seen == refs
    assert bool(waits) is merchant.prepares_lists
    if merchant.prepares_lists:
        assert merchant.listings_begun() == 1
    merchant.change(min(refs))
    merchant.forward(SETTLED)
    assert min(refs) in refs_of(walk(merchant.connect(), cursor)[0]), "the next poll goes on from there"


def test_what_was_deleted_is_listed(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.LISTS_DELETIONS)
    start, kept, deleted = merchant.now, merchant.place(), merchant.place()
    merchant.forward(SETTLED)
    _, cursor = walk(platform, start.isoformat())
    merchant.forward(3600)
    merchant.delete(deleted)
    merchant.forward(SETTLED)
    assert [ref for page in pages(merchant.connect().orders_since, cursor) for ref in page.gone] == [deleted]
    assert isinstance(platform.fetch_order(kept), OrderSnapshot)


def test_what_is_on_sale_of_a_product_is_told_and_of_no_product_nothing(opened: Opened) -> None:
    platform, _ = opened
    needs(platform, Feature.VARIANTS)
    assert list(platform.variants_of("999999")) == []


def test_a_product_the_store_never_had_is_in_no_collection(opened: Opened) -> None:
    platform, _ = opened
    needs(platform, Feature.COLLECTIONS)
    assert not platform.collections_of([])
    assert not platform.collections_of(["999999"]).get("999999")


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
    goods = replace(goods, amount=goods.amount - 3)  # as where a fee was kept
    wanted = back(order, "k1", goods, shipping)
    first = platform.reimburse(wanted)
    again = merchant.connect().reimburse(wanted)
    assert first == again == platform.find_reimbursement(sought(order.ref, "k1"))
    assert (first.state, first.amount, merchant.refunds(order.ref)) == ("issued", wanted.amount, [wanted.amount])
    after = read_again(platform, order.ref)
    (refund,) = after.refunds
    assert (refund.key, refund.ref, refund.amount) == ("k1", first.ref, wanted.amount)
    assert sum(part.gross for part in refund.lines) == wanted.amount
    # Shipping comes back as money, not in units.
    assert {part.ref: part.quantity for part in refund.lines} == {goods.ref: goods.quantity, shipping.ref: 0}
    told = {part.ref: part.gross for part in first.lines or wanted.lines}
    assert {part.ref: part.gross for part in refund.lines} == told, "as asked, unless the outcome says otherwise"
    assert {line.ref: line.removed for line in after.lines} == {goods.ref: goods.quantity, shipping.ref: 0}
    assert after.total == order.total, "the total stays what it was at purchase"
    assert sum(payment.refunded for payment in after.payments) == wanted.amount


def test_a_refund_whose_answer_was_lost_is_found_and_not_made_again(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    if not merchant.loses_answers:
        pytest.skip("this world always answers")
    order = placed_at(platform, merchant)
    wanted = refund_of(order, "k1")
    merchant.lose_next_answer()
    with pytest.raises(Unavailable) as caught:
        platform.reimburse(wanted)
    assert not isinstance(caught.value, NothingDone), "money moved"
    assert merchant.refunds(order.ref) == [500]
    found = merchant.connect().find_reimbursement(wanted)
    assert found is not None
    assert (found.state, found.amount) == ("issued", 500)
    assert platform.reimburse(wanted) == found
    assert merchant.refunds(order.ref) == [500]


def test_a_refund_made_by_hand_is_read_with_the_lines_the_platform_tells(opened: Opened) -> None:
    platform, merchant = opened
    order = placed_at(platform, merchant)
    amount, lines = merchant.refund_by_hand(order.ref, all_of(order, "physical").ref, 1)
    (refund,) = read_again(platform, order.ref).refunds
    assert (refund.key, refund.amount, refund.lines) == ("", amount, tuple(lines))
    if platform.features & {Feature.REFUND}:
        assert platform.find_reimbursement(sought(order.ref, "")) is None


def test_more_than_is_left_is_refused_in_a_sentence(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.REFUND)
    order = placed_at(platform, merchant)
    goods, shipping = all_of(order, "physical"), all_of(order, "shipping")
    too_many = replace(goods, quantity=goods.quantity + 1)
    by_hand, _ = merchant.refund_by_hand(order.ref, goods.ref, 1)
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
    assert merchant.refunds(order.ref) == [by_hand]


def test_store_credit_is_given_once_says_where_it_is_and_nothing_flows_back(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.STORE_CREDIT)
    order = placed_at(platform, merchant)
    wanted = back(order, "k1", all_of(order, "physical"), kind="store_credit")
    first = platform.reimburse(wanted)
    assert (first.state, first.amount) == ("issued", wanted.amount)
    assert first.ref, "the code, or what names it in the shopper's account"
    assert first.credit in ("code", "account")
    assert first.ref in first.sentence
    assert merchant.connect().reimburse(wanted) == first == platform.find_reimbursement(sought(order.ref, "k1"))
    assert merchant.credit(order.ref) == wanted.amount
    after = read_again(platform, order.ref)
    assert [(one.key, one.lines) for one in after.refunds] == [("k1", wanted.lines)]
    assert [payment.refunded for payment in after.payments] == [0]
    with pytest.raises(Refused):
        platform.reimburse(replace(wanted, key="k2", kind="refund"))
    assert merchant.credit(order.ref) == wanted.amount


@pytest.mark.parametrize(("dearer", "state"), [(0, "issued"), (250, "awaiting_payment")])
def test_an_exchange_sends_out_the_goods_once_and_only_when_they_are_paid(
    opened: Opened, dearer: int, state: str
) -> None:
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
    if dearer:
        assert read_again(platform, order.ref).refunds == (), "nothing is spent before the rest is paid"
        merchant.pay("k1")
    issued = platform.find_reimbursement(sought(order.ref, "k1"))
    assert issued is not None
    assert (issued.state, issued.ref, issued.amount, issued.link) == ("issued", first.ref, wanted.amount, "")
    after = read_again(platform, order.ref)
    assert [(one.key, one.lines) for one in after.refunds] == [("k1", wanted.lines)]
    assert [payment.refunded for payment in after.payments if payment.ref == order.payments[0].ref] == [0]
    assert sent_out(platform, order, first.ref) == [(goods.quantity, "blue", wanted.amount + dearer * goods.quantity)]
    assert read_again(platform, first.ref).paid_at is not None


def sent_out(platform: Platform, before: OrderSnapshot, ref: str) -> list[tuple[int, str, int]]:
    """What goes out by an exchange, (quantity, variant, price): an order of its own, or new lines of the same."""
    known = {line.ref for line in before.lines} if ref == before.ref else set()
    lines = read_again(platform, ref).lines
    return [(line.quantity, line.variant, line.total) for line in lines if line.ref not in known]


def move_of(ref: str, move: str, **facts: Any) -> ReturnMove:
    return replace(ReturnMove(f"k-{move}", ref, "RMA-1042", "approved", return_key="r1"), move=move, **facts)


def test_a_return_moved_twice_is_noted_once(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.RETURN_NOTES)
    ref = merchant.place()
    move = move_of(ref, "approved")
    assert platform.move_return(move) == merchant.connect().move_return(move)
    assert merchant.notes(ref) == 1
    platform.move_return(move_of(ref, "received"))
    assert merchant.notes(ref) == 2


def returns_of(platform: Platform, ref: str) -> dict[str, ReturnSnapshot]:
    found = read_again(platform, ref).returns
    assert found is not None, "none is said by (), None says that the platform has no such thing"
    return {one.ref: one for one in found}


def test_a_move_brings_the_platforms_own_return_there_once_and_may_skip_states(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.NATIVE_RETURNS)
    order = placed_at(platform, merchant)
    assert returns_of(platform, order.ref) == {}
    goods = all_of(order, "physical")
    lines = (ReturnLine(goods.ref, 1, "too_small", restocking_fee=100),)
    received = move_of(order.ref, "received", lines=lines, currency=order.currency, shipping_fee=250)
    first = platform.move_return(received)
    assert merchant.connect().move_return(received) == first
    (native,) = returns_of(platform, order.ref).values()
    assert (native.ref, native.key, native.order_ref, native.shipping_fee) == (first, "r1", order.ref, 250)
    assert native.state in (ReturnState.APPROVED, ReturnState.RECEIVED)
    assert [(line.line, line.quantity, line.restocking_fee) for line in native.lines] == [(goods.ref, 1, 100)]
    assert platform.order_of_return(first) == order.ref
    assert platform.move_return(replace(received, move="closed", native_ref=first)) == first
    assert returns_of(platform, order.ref)[first].state is ReturnState.CLOSED
    assert platform.move_return(replace(received, move="approved", native_ref=first)) == first
    assert returns_of(platform, order.ref)[first].state is ReturnState.CLOSED, "it never goes back by itself"


@pytest.mark.parametrize("move", ["declined", "canceled"])
def test_a_return_that_ended_before_the_platform_heard_of_it_is_not_opened(opened: Opened, move: str) -> None:
    platform, merchant = opened
    needs(platform, Feature.NATIVE_RETURNS)
    ref = merchant.place()
    assert platform.move_return(move_of(ref, move)) == ""
    assert returns_of(platform, ref) == {}


def test_a_return_begun_at_the_store_is_read_and_what_staff_ended_there_stays_ended(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.NATIVE_RETURNS)
    order = placed_at(platform, merchant)
    native = merchant.begin_return(order.ref, all_of(order, "physical").ref, 1)
    assert platform.order_of_return(native) == order.ref
    assert platform.order_of_return("999999") == ""
    assert (returns_of(platform, order.ref)[native].key, returns_of(platform, order.ref)[native].state) == (
        "",
        ReturnState.REQUESTED,
    )
    merchant.cancel_return(native)
    with pytest.raises(Refused) as caught:
        platform.move_return(move_of(order.ref, "received", native_ref=native))
    assert str(caught.value).endswith(".")
    assert returns_of(platform, order.ref)[native].state is ReturnState.CANCELED


def test_an_order_canceled_twice_is_canceled_at_once_or_in_a_while(opened: Opened) -> None:
    platform, merchant = opened
    needs(platform, Feature.CANCEL)
    ref = merchant.place()
    first = platform.cancel_order(ref, key="k1")
    assert first.state in ("done", "pending")
    assert merchant.connect().cancel_order(ref, key="k1").state in ("done", first.state)
    if first.state == "pending":
        assert read_again(platform, ref).state is not OrderState.CANCELED
        merchant.forward(600)
    assert read_again(platform, ref).state is OrderState.CANCELED
    assert platform.cancel_order(ref, key="k1").state == "done"


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
            start = merchant.now
            refs = [merchant.place() for _ in range(3 + 4 * place)]
            merchant.forward(SETTLED)
            stores.append((platform, refs, start))

        def read(store: tuple[Platform, list[str], datetime]) -> list[set[str]]:
            platform, _, start = store
            return [set(refs_of(walk(platform, start.isoformat())[0])) for _ in range(5)]

        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(read, stores))
    for (_, refs, _), listings in zip(stores, found, strict=True):
        assert listings == [set(refs)] * 5
