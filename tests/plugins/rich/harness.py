"""The rich sample store behind the contract suite."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import requests

from core.platform.contract import Reply, Request
from core.platform.samples import rich_store
from core.platform.samples.rich import STORE_CREDIT_SCOPE, Rich
from core.platform.samples.rich_store import SIGNATURE, RichStore
from core.platform.samples.server import AWAY, MUTE, THROTTLED
from core.platform.samples.shells import token as sample_token
from core.platform.snapshots import Change
from tests.plugins.sample_merchant import SampleMerchant

APP = {
    "client_id": "our app",
    "client_secret": "the secret of now, of thirty-two bytes",
    "old_client_secret": "the secret before, of thirty-two bytes",
}
ANOTHERS = {
    "client_id": "our app",
    "client_secret": "another secret, of thirty-two bytes or so",
    "old_client_secret": "",
}


class Merchant(SampleMerchant):
    """Max's side of a rich store: the app's secret signs, tokens last an hour."""

    troubles: ClassVar[Mapping[str, str]] = {"throttled": THROTTLED, "away": AWAY}
    loses_answers = True
    prepares_lists = True
    order_facts: ClassVar[Mapping[str, Any]] = {"store_currency": "USD", "store_total": 3860}
    """Ann pays in euros; the store keeps its books in dollars."""
    credentials_last = 3700.0
    world: RichStore

    def __init__(self, path: Path) -> None:
        super().__init__(RichStore(path))
        self.world.move_clock(self.now)
        self.world.play(currency="USD", timezone="America/New_York", country="US", language="en", plan="Plus")
        self.world.keep("scopes", STORE_CREDIT_SCOPE)
        self.credentials = {"world": self.world.path, **self.world.issue()}
        self.secrets = (
            self.credentials["access_token"], self.credentials["refresh_token"], *filter(None, APP.values())
        )[:4]  # fmt: skip

    def connect(self) -> Rich:
        platform = Rich("linden", self.credentials, {}, requests.Session(), APP)
        if platform.renew_due(self.now):
            self.credentials = dict(platform.renew())
            return self.connect()
        return platform

    def forward(self, seconds: float) -> None:
        super().forward(seconds)
        self.world.move_clock(self.now)

    def news(self, ref: str) -> Request:
        return rich_store.write_delivery(APP["client_secret"], "linden", "order", ref, at=self.now)

    def forgeries(self, news: Request) -> Mapping[str, Request]:
        return {
            "another body": replace(news, body=news.body + b" "),
            "no signature": replace(news, headers={k: v for k, v in news.headers.items() if k != SIGNATURE}),
            "of another store": rich_store.write_delivery(APP["client_secret"], "oak", "order", "1", at=self.now),
            "signed by the store's own secret": rich_store.write_delivery(
                "shared", "linden", "order", "1", at=self.now
            ),
            "signed by nothing": rich_store.write_delivery("", "linden", "order", "1", at=self.now),
        }

    def listen(self, request: Request, *, with_wrong_keys: bool = False) -> list[Change]:
        app = ANOTHERS if with_wrong_keys else APP
        return Rich("linden", {}, {}, requests.Session(), app).read_webhook(request, secret="shared")

    def shopper_request(self, ref: str) -> Request:
        query = rich_store.proxy_query(APP["client_secret"], "linden", ref, now=datetime.now(UTC))
        return Request("GET", "/proxy/rich/orders", query=query)

    def shopper_forgeries(self, forwarded: Request) -> Mapping[str, Request]:
        old = datetime.now(UTC).replace(year=2025)
        return {
            "another shopper": replace(forwarded, query=forwarded.query.replace("shopper=7", "shopper=8")),
            "named twice": replace(forwarded, query=forwarded.query + "&shopper=8"),
            "of another store": replace(
                forwarded, query=rich_store.proxy_query(APP["client_secret"], "oak", "7", now=datetime.now(UTC))
            ),
            "long ago": replace(forwarded, query=rich_store.proxy_query(APP["client_secret"], "linden", "7", now=old)),
        }

    def opening(self) -> Request:
        return self._opened(APP, datetime.now(UTC))

    def _opened(self, app: Mapping[str, str], at: datetime, store: str = "linden") -> Request:
        token = sample_token(app, store, "max", now=at.timestamp(), world=self.world.path)
        return Request("GET", "/admin/open/rich", query=f"store={store}&id_token={token}")

    def forged_consents(self, brought: Request) -> Mapping[str, Request]:
        given = {name: values[0] for name, values in parse_qs(brought.query).items()}

        def signed(by: Mapping[str, str] = APP, **changes: str) -> Request:
            facts = {name: given[name] for name in ("store", "code", "state")} | changes
            return replace(brought, query=rich_store.consent_query(by["client_secret"], **facts))

        used = self.world.authorize(self.led_back_to)
        self.world.exchange(used, self.led_back_to)
        return {
            **super().forged_consents(brought),
            "signed by another": signed(ANOTHERS),
            "of another store": signed(store="oak"),
            "another state": signed(state="forged"),
            "another code": signed(code="guessed"),
            "a code that was used": signed(code=used),
            "a code asked for at another address": signed(code=self.world.authorize("https://eve.example/done")),
            "a state given twice": replace(brought, query=f"{brought.query}&state=forged"),
        }

    def prepared(self) -> object:
        return self.world.subscriptions

    def page_request(self, *, with_wrong_keys: bool = False) -> Request:
        app = ANOTHERS if with_wrong_keys else APP
        token = sample_token(app, "linden", "max", now=time.time())
        return Request("GET", "/admin/page", headers={"authorization": f"Bearer {token}"})

    def sign_in(self, begun: Reply) -> Request:
        return Request("GET", "/shop/signed-in", query=urlsplit(begun.headers["Location"]).query)

    def shopper_token(self, ref: str) -> str:
        return sample_token(APP, "linden", ref, now=time.time())

    def forged_openings(self) -> Sequence[tuple[str, Request, Mapping[str, str]]]:
        opening = self.opening()
        return [
            ("an hour ago", self._opened(APP, datetime.now(UTC) - timedelta(hours=1)), APP),
            ("signed by another", self._opened(ANOTHERS, datetime.now(UTC)), APP),
            ("for another app", opening, {**APP, "client_id": "another app"}),
            ("without a token", replace(opening, query="store=linden"), APP),
            ("cut off", replace(opening, query=opening.query[:-3]), APP),
        ]

    def news_of_leaving(self) -> Request:
        facts = {"event": "uninstalled"}
        return rich_store.write_delivery(
            APP["client_secret"], "linden", "store", "linden", at=self.now, facts=facts, event_id="e-left"
        )

    def credit(self, ref: str) -> int:
        return self.world.balance(self.order(ref).shopper_ref)

    def revoke(self) -> None:
        self.world.revoke_all()

    def listings_begun(self) -> int:
        return self.world.listings_begun

    def lose_next_answer(self) -> None:
        self.world.door = MUTE


@contextmanager
def open_platform(tmp_path: Path) -> Iterator[tuple[Rich, Merchant]]:
    """Open a rich sample store of its own."""
    merchant = Merchant(tmp_path / "world.db")
    yield merchant.connect(), merchant
