"""What only the rich sample platform has: tokens replaced at each renewal, two secrets of the app, accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from core.platform.contract import ExchangeLine, Feature, RefundLine, Reimbursement, Request
from core.platform.errors import AccessLost, BadSignature, Refused
from core.platform.samples import rich_store
from core.platform.samples.rich import Rich
from core.platform.samples.rich_store import STORE
from core.platform.samples.shells import token as sample_token
from core.platform.snapshots import OrderSnapshot
from tests.plugins.rich.harness import APP, Merchant, open_platform


@pytest.fixture
def max_(tmp_path: Path) -> Iterator[Merchant]:
    with open_platform(tmp_path) as (_, merchant):
        yield merchant


def with_tokens(max_: Merchant, tokens: dict[str, str]) -> Rich:
    return Rich("linden", {"world": max_.world.path, **tokens}, {}, requests.Session(), APP)


def test_a_replaced_token_renews_until_its_replacement_is_used(max_: Merchant) -> None:
    first = max_.connect()
    lost = dict(first.renew())
    kept = dict(first.renew())
    with pytest.raises(AccessLost):
        Rich("linden", lost, {}, requests.Session(), APP).renew()
    Rich("linden", kept, {}, requests.Session(), APP).check_access()
    with pytest.raises(AccessLost):
        first.renew()


def test_the_old_access_token_lives_to_its_own_end(max_: Merchant) -> None:
    first = max_.connect()
    with_tokens(max_, dict(first.renew())).check_access()
    first.check_access()
    max_.forward(max_.credentials_last)
    with pytest.raises(AccessLost):
        first.check_access()


def test_a_silent_store_is_lost_after_ninety_days(max_: Merchant) -> None:
    platform = max_.connect()
    max_.forward(91 * 24 * 3600)
    with pytest.raises(AccessLost):
        platform.renew()


def test_while_the_apps_secret_is_replaced_the_old_one_still_signs(max_: Merchant) -> None:
    for secret in (APP["client_secret"], APP["old_client_secret"]):
        news = rich_store.write_delivery(secret, "linden", "order", "1", at=max_.now)
        assert [change.ref for change in max_.listen(news)] == ["1"]


def test_a_header_that_nobody_signed_does_not_name_the_store(max_: Merchant) -> None:
    news = rich_store.write_delivery(APP["client_secret"], "oak", "store", "oak", at=max_.now)
    with pytest.raises(BadSignature):
        max_.listen(replace(news, headers={**news.headers, STORE: "linden"}))


def test_a_guest_has_no_account_for_store_credit(max_: Merchant) -> None:
    ref = max_.place()
    max_.world.put(replace(max_.order(ref), shopper_ref=""))
    order = max_.connect().fetch_order(ref)
    assert isinstance(order, OrderSnapshot)
    with pytest.raises(Refused, match="guest"):
        max_.connect().reimburse(Reimbursement("k1", "store_credit", ref, 500, "EUR"))


def test_a_session_token_lives_for_a_minute_and_is_for_our_app_alone() -> None:
    def asked(at: datetime) -> Request:
        token = sample_token(APP, "linden", "max", now=at.timestamp())
        return Request("GET", "/admin/page", headers={"authorization": f"Bearer {token}"})

    now = datetime.now(UTC)
    opening = Rich.staff_of(asked(now), APP)
    assert opening.staff is not None
    assert (opening.ref, opening.staff.ref) == ("linden", "max")
    for request, app in ((asked(now.replace(year=2025)), APP), (asked(now), {**APP, "client_id": "another app"})):
        with pytest.raises(BadSignature):
            Rich.staff_of(request, app)


def test_a_scope_that_was_not_granted_is_missing_with_the_address_where_it_is(max_: Merchant) -> None:
    assert max_.connect().missing() == {}
    max_.world.keep("scopes", "")
    missing = max_.connect().missing()
    assert {feature: one.why for feature, one in missing.items()} == {Feature.STORE_CREDIT: "scope"}
    assert missing[Feature.STORE_CREDIT].ask_url.startswith("https://")
    with pytest.raises(Refused, match="granted"):
        max_.connect().reimburse(Reimbursement("k1", "store_credit", max_.place(), 500, "EUR"))


def test_a_cheaper_exchange_gives_the_difference_back_and_goes_out_with_the_same_order(max_: Merchant) -> None:
    max_.shelve("blue", 1000)
    ref = max_.place()
    line = RefundLine("l1", 2, 2400, {"vat": 504})
    out = (ExchangeLine("l1", "blue", 2),)
    wanted = Reimbursement("k1", "exchange", ref, 2904, "EUR", lines=(line,), exchange=out)
    outcome = max_.connect().reimburse(wanted)
    assert (outcome.state, outcome.ref) == ("issued", ref)
    assert [payment.refunded for payment in max_.order(ref).payments] == [904, 0]
