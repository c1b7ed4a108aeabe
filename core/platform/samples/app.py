"""What the sample platform's app is told beside orders: who opens our page, with which keys, and verified facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import requests

from core.platform.contract import Installation, Opening, Platform, Reply, Request, SecretOf, StaffIdentity, StoreKey
from core.platform.sample_signing import (
    APP_SIGNATURE,
    read_app_news,
    read_installation,
    read_news,
    verify,
    verify_forwarded,
    verify_opening,
    verify_query,
)
from core.platform.sample_store import World
from core.platform.snapshots import Change


class AppSide(Platform):
    """The part of the sample platform that belongs to the app: mixed into `Demo`.

    A store signs with its own secret what it forwards and delivers; the app's secret signs for any store, known or not.
    """

    optional_settings: ClassVar[Mapping[str, str]] = {
        "app_secret": "signs who opens our page, and news of stores we do not know"
    }

    installs_on_opening = True
    webhooks_by_get = True

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Let Max in when his store, or the app, signed for him."""
        store = request.headers.get("x-demo-store", "")
        if APP_SIGNATURE in request.headers:
            verify_opening(request, app)
        else:
            store = StoreKey(store)
            verify_forwarded(request, secret_of(store))
        return Opening(store, StaffIdentity(ref="max", name="Max", email="max@shop.example"))

    @classmethod
    def install_from(cls, request: Request, app: Mapping[str, str], http: requests.Session) -> Installation:
        """Take the keys an opening brings along that the app signed; the store's books note each installation."""
        made = read_installation(request)
        verify_opening(request, app)
        World(made.credentials["world"]).install_app()
        return made

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        """Read what the store signed, or the app for it."""
        if request.method == "GET":
            return read_news(verify_query(request, secret))
        if APP_SIGNATURE in request.headers:
            return read_app_news(request, self.app)
        verify(request, secret)
        return read_news(request.body)

    @classmethod
    def read_app_webhook(cls, request: Request, app: Mapping[str, str]) -> list[Change]:
        """Read what the app signed."""
        return read_app_news(request, app)

    def confirm(self, change: Change) -> bool | None:
        """Say whether the app is out of the store's books; of anything else they know nothing."""
        said = (change.facts.get("event"), change.facts.get("request"))
        if said[0] != "uninstalled" and said[1] != "erase_store":
            return None
        return not World(self.credentials["world"]).has_app
