"""A rich and a poor store that our program knows, with the platforms' side of them at hand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from flask.testing import FlaskClient

from core.platform.contract import Request
from core.platform.registry import Registry
from core.platform.samples import poor_store, rich_store
from core.platform.samples.poor_store import PoorStore
from core.platform.samples.rich_store import RichStore
from core.platform.samples.shells import token as sample_token
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import store_named
from tests.conftest import Clock
from tests.core.samples import anns_order
from tests.plugins.poor.harness import APP as POOR_APP
from tests.plugins.rich.harness import APP as RICH_APP
from tests.plugins.worlds import WORLDS

APPS: Mapping[str, Mapping[str, str]] = {"rich": RICH_APP, "poor": POOR_APP}


def with_sample_platforms(services: Services) -> Services:
    """The same program, with the sample platforms and our app's credentials there."""
    config = services.config.model_copy(update={"app_settings": APPS})
    return replace(services, config=config, platforms=Registry({name: WORLDS[name] for name in ("demo", *APPS)}))


class SampleStore:
    """Max's store at the rich or the poor platform; its clock goes with ours."""

    def __init__(self, name: str, folder: Path, clock: Clock, ref: str = "linden") -> None:
        self.name, self.ref, self.clock, self.app = name, ref, clock, APPS[name]
        path = folder / f"{name}-{ref}.db"
        self.world: RichStore | PoorStore = RichStore(path) if name == "rich" else PoorStore(path)
        self.world.move_clock(clock.now)
        self.world.put(anns_order(placed_at=clock.now, updated_at=clock.now))
        self.token = self.world.issue() if isinstance(self.world, PoorStore) else ""

    def wait(self, **delta: float) -> None:
        """Let time pass, here and there."""
        self.world.move_clock(self.clock.forward(**delta))

    def opening(self) -> Request:
        """Our page as the platform's admin opens it now, with keys."""
        path, secret = f"/admin/open/{self.name}", self.app["client_secret"]
        if self.name == "rich":
            token = sample_token(self.app, self.ref, "max", now=time.time(), world=self.world.path)
            return Request("GET", path, query=f"store={self.ref}&id_token={token}")
        payload = {"store_id": self.ref, "access_token": self.token, "world": self.world.path}
        return Request("GET", path, query=f"payload={poor_store.seal_payload(secret, payload)}")

    def open_desk(self, client: FlaskClient) -> int:
        """Open our page; give the status of the answer."""
        opening = self.opening()
        return client.get(f"{opening.path}?{opening.query}").status_code

    def find(self, services: Services) -> Store:
        """The store as our program knows it."""
        store = store_named(services, self.name, self.ref)
        assert store is not None
        return store

    def news(self, what: str) -> Request:
        """News of Ann's order, or that the app was removed ("removed"), that Ann be forgotten ("erase"), or that
        the first listing is ready ("listed")."""
        secret, at = self.app["client_secret"], self.clock.now
        if self.name == "poor":
            event = {
                "order": "order.updated",
                "removed": "application.uninstalled",
                "erase": "customer.personalDataRemovalRequest",
            }[what]
            data = {"customerEmail": anns_order().email} if what == "erase" else {}
            return poor_store.write_delivery(secret, self.ref, event, "1", at=at, data=data)
        resource, facts = {
            "order": ("order", {}),
            "removed": ("store", {"event": "uninstalled"}),
            "erase": ("privacy", {"request": "erase", "email": anns_order().email}),
            "listed": ("operation", {}),
        }[what]
        event_id = f"{what} {at.isoformat()}"
        ref = "listing-1" if what == "listed" else "1"
        return rich_store.write_delivery(secret, self.ref, resource, ref, at=at, facts=facts, event_id=event_id)

    def remove_app(self) -> None:
        """Let the merchant remove our app: our keys open nothing any more."""
        self.world.remove_app()
        if isinstance(self.world, RichStore):
            self.world.revoke_all()
        else:
            self.token = self.world.issue()

    def install_again(self) -> None:
        """Let the merchant install it once more; our page has still to be opened."""
        self.world.install_app()


def bring(client: FlaskClient, news: Request) -> int:
    """Deliver news; give the status of the answer."""
    path = f"{news.path}?{news.query}" if news.query else news.path
    return client.post(path, data=news.body, headers=dict(news.headers)).status_code
