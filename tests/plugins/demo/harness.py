"""The sample store behind the contract suite."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import requests

from core.platform.contract import Request
from core.platform.sample import SIGNATURE, Demo, World, forward, open_as_app, sign
from core.platform.sample_payments import credit_code
from core.platform.sample_signing import APP_SIGNATURE, news_query
from core.platform.snapshots import Change
from tests.plugins.sample_merchant import SampleMerchant

SECRET = "shared"
APP = {"app_secret": "the secret of the app"}


class Merchant(SampleMerchant):
    """Max's side of the sample store: the store's own secret signs, over the body."""

    secrets = ("a secret of the sample store",)

    def connect(self) -> Demo:
        return Demo("linden", {"world": self.world.path, "key": self.secrets[0]}, {}, requests.Session(), APP)

    def news(self, ref: str) -> Request:
        body = json.dumps({"resource": "order", "ref": ref}).encode()
        return Request("POST", "/hooks/demo", headers={SIGNATURE: sign(SECRET, body)}, body=body)

    def news_by_get(self, ref: str) -> Request:
        body = json.dumps({"resource": "order", "ref": ref}).encode()
        return Request("GET", "/hooks/demo/token", query=news_query(SECRET, body))

    def forgeries(self, news: Request) -> Mapping[str, Request]:
        return {
            "another body": replace(news, body=news.body + b" "),
            "no signature": replace(news, headers={}),
            "an empty secret's": replace(news, headers={SIGNATURE: sign("", news.body)}),
            "a signature in another alphabet": replace(news, headers={SIGNATURE: "ключ"}),
        }

    def listen(self, request: Request, *, with_wrong_keys: bool = False) -> list[Change]:
        reader = Demo("linden", {}, {}, requests.Session(), APP)
        return reader.read_webhook(request, secret="another" if with_wrong_keys else SECRET)

    def shopper_request(self, ref: str) -> Request:
        return Request("GET", "/proxy/orders", headers=forward(SECRET, "linden", nonce="n1", shopper={"ref": ref}))

    def shopper_forgeries(self, forwarded: Request) -> Mapping[str, Request]:
        other = forward("another", "linden", nonce="n1", shopper={"ref": "8"})
        return {
            "another shopper": replace(forwarded, headers={**forwarded.headers, "x-demo-shopper": "eyJyZWYiOiAiOCJ9"}),
            "another's keys": replace(forwarded, headers=other),
        }

    def opening(self) -> Request:
        headers = open_as_app(APP["app_secret"], "linden", nonce="n1", world=self.world.path)
        return Request("GET", "/admin/open/demo", headers=headers)

    def forged_openings(self) -> Sequence[tuple[str, Request, Mapping[str, str]]]:
        opening = self.opening()
        return [
            ("another store", replace(opening, headers={**opening.headers, "x-demo-store": "oak"}), APP),
            ("with other keys", replace(opening, headers={**opening.headers, "x-demo-world": "/elsewhere"}), APP),
            ("of another app", opening, {"app_secret": "another"}),
            ("of an app without a secret", opening, {"app_secret": ""}),
        ]

    def news_of_leaving(self) -> Request:
        facts = {"event": "uninstalled"}
        said = {"resource": "store", "ref": "linden", "facts": facts, "occurred_at": self.now.isoformat()}
        body = json.dumps(said).encode()
        return Request("POST", "/hooks/demo", headers={APP_SIGNATURE: sign(APP["app_secret"], body)}, body=body)

    def credit(self, ref: str) -> int:
        held = [self.world.credit(credit_code(refund.key)) for refund in self.order(ref).refunds]
        return sum(one["left"] for one in held if one)

    def revoke(self) -> None:
        self.world.door = "locked"


@contextmanager
def open_platform(tmp_path: Path) -> Iterator[tuple[Demo, Merchant]]:
    """Open a sample store of its own."""
    merchant = Merchant(World(tmp_path / "world.db"))
    yield merchant.connect(), merchant
