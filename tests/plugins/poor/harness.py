"""The poor sample store behind the contract suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import requests

from core.platform.contract import Request
from core.platform.samples import poor_store
from core.platform.samples.poor import Poor
from core.platform.samples.poor_store import SIGNATURE, PoorStore
from core.platform.samples.server import AWAY, THROTTLED
from core.platform.snapshots import Change, RefundLine
from tests.plugins.sample_merchant import SampleMerchant

APP = {"client_secret": "the secret of now, long enough"}
ANOTHERS = {"client_secret": "another secret, long enough"}


class Merchant(SampleMerchant):
    """Max's side of a poor store: only the event's id is signed, and money goes back without anybody being told how."""

    troubles: ClassVar[Mapping[str, str]] = {"throttled": THROTTLED, "away": AWAY}
    signs_bodies = False
    names_staff = False
    gives_reasons = False
    world: PoorStore

    def __init__(self, path: Path) -> None:
        super().__init__(PoorStore(path))
        self.world.move_clock(self.now)
        self.credentials = {"world": self.world.path, "token": self.world.issue()}
        self.secrets = (self.credentials["token"], APP["client_secret"])

    def connect(self) -> Poor:
        return Poor("linden", self.credentials, {}, requests.Session(), APP)

    def forward(self, seconds: float) -> None:
        super().forward(seconds)
        self.world.move_clock(self.now)

    def news(self, ref: str) -> Request:
        return poor_store.write_delivery(APP["client_secret"], "linden", "order.updated", ref, at=self.now)

    def forgeries(self, news: Request) -> Mapping[str, Request]:
        return {
            "another event": replace(news, body=news.body.replace(b'"eventId": "', b'"eventId": "0')),
            "another time": replace(news, body=news.body.replace(b'"eventCreated": 1', b'"eventCreated": 2')),
            "no signature": replace(news, headers={}),
            "of another store": poor_store.write_delivery(
                APP["client_secret"], "oak", "order.updated", "1", at=self.now
            ),
            "signed by nothing": replace(news, headers={SIGNATURE: ""}),
            "not JSON": replace(news, body=b"<html>"),
            "a list": replace(news, body=b"[]"),
        }

    def listen(self, request: Request, *, with_wrong_keys: bool = False) -> list[Change]:
        app = ANOTHERS if with_wrong_keys else APP
        return Poor("linden", {}, {}, requests.Session(), app).read_webhook(request, secret="shared")

    def opening(self) -> Request:
        return self._opened(APP["client_secret"])

    def _opened(self, secret: str, **changes: object) -> Request:
        payload = {"store_id": "linden", "lang": "lt", "access_token": self.credentials["token"]}
        sealed = poor_store.seal_payload(secret, {**payload, "world": self.world.path, **changes})
        return Request("GET", "/admin/open/poor", query=f"payload={sealed}")

    def forged_openings(self) -> Sequence[tuple[str, Request, Mapping[str, str]]]:
        opening = self.opening()
        return [
            ("sealed by another", self._opened(ANOTHERS["client_secret"]), APP),
            ("for another app", opening, ANOTHERS),
            ("old", self._opened(APP["client_secret"], at=self.now.timestamp() - 3600), APP),
            ("of no time", self._opened(APP["client_secret"], at=""), APP),
            ("of no store", self._opened(APP["client_secret"], store_id=""), APP),
            ("without a payload", replace(opening, query=""), APP),
            ("in the clear", replace(opening, query='payload={"store_id": "linden"}'), APP),
        ]

    def news_of_leaving(self) -> Request:
        return poor_store.write_delivery(
            APP["client_secret"], "linden", "application.uninstalled", "linden", at=self.now
        )

    def refund_by_hand(self, ref: str, line: str, quantity: int) -> tuple[int, Sequence[RefundLine]]:
        amount, _ = super().refund_by_hand(ref, line, quantity)
        return amount, ()

    def revoke(self) -> None:
        self.world.issue()


@contextmanager
def open_platform(tmp_path: Path) -> Iterator[tuple[Poor, Merchant]]:
    """Open a poor sample store of its own."""
    merchant = Merchant(tmp_path / "world.db")
    yield merchant.connect(), merchant
