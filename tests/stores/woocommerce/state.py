"""What a WooCommerce store knows: its settings, rows and counters, without the verbs that change them."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from threading import RLock
from uuid import uuid4
from zoneinfo import ZoneInfo

from . import fulfillments
from .auth import Key
from .errors import order_missing, review_missing
from .gateway import Gateway
from .manners import Manners
from .php import Json, load_recorded
from .shapes import show_order, show_review
from .webhooks import Delivery, Webhooks


def _machine_now() -> datetime:
    return datetime.now(UTC)


class State:
    """One store. `loopback` lets it call private addresses, which a real WordPress refuses to.

    `decimals` is what it shows of its prices and rounds its totals to, whatever its currency has.
    `signing_now` is the clock that OAuth timestamps are held against: signing clients read the machine's.
    `core_url` is where the front page's "Connect" link leads. With `permalinks` set to "plain" WordPress has no address
    below which its REST API or the consent page answers: its page for what is not found comes instead, with 404.
    `moved_to` is another address to which every request is redirected.
    """

    def __init__(
        self,
        *,
        name: str = "Linden & Co",
        now: Callable[[], datetime] = _machine_now,
        signing_now: Callable[[], float] = time.time,
        currency: str = "USD",
        zone: str = "America/Los_Angeles",
        language: str = "en_US",
        extra_statuses: Mapping[str, str] | None = None,
        has_fulfillments: bool = True,
        has_plugin: bool = True,
        loopback: bool = False,
        decimals: int = 2,
        core_url: str = "",
    ) -> None:
        self.name, self.currency, self.country, self.language = name, currency, "", language
        self.now, self.signing_now, self.zone = now, signing_now, ZoneInfo(zone)
        self.has_fulfillments, self.has_plugin, self.loopback = has_fulfillments, has_plugin, loopback
        self.decimals = decimals
        self.permalinks = "/%postname%/"
        self.store_id, self.environment_type, self.moved_to = str(uuid4()), "production", ""
        self.url, self.core_url = "https://store.example", core_url
        self.lock = RLock()
        self.statuses = {row["slug"]: row["name"] for row in load_recorded("rest.order_statuses__list")}
        self.statuses |= extra_statuses or {}
        self.gateways: dict[str, Json] = {row["id"]: row for row in load_recorded("rest.payment_gateways__list")}
        card = {"id": "stripe", "title": "Card", "method_supports": ["products", "refunds"]}
        self.gateways["stripe"] = {**self.gateways["bacs"], **card}
        self.gateway_refusal = ""
        self.gateway = Gateway()
        self.products: dict[int, Json] = {
            row["id"]: row
            for row in (load_recorded("product.updated__stock"), load_recorded("rest.products__get_variable"))
        }
        self.variations: dict[int, Json] = {row["id"]: row for row in load_recorded("rest.variations__list")}
        self.has_taxes, self.prices_have_tax = True, False
        self.orders: dict[int, Json] = {}
        self.refunds: dict[int, list[Json]] = {}
        self.fulfillments: dict[int, list[Json]] = {}
        self.notes: dict[int, list[Json]] = {}
        self.reviews: dict[int, Json] = {}
        self.replies: dict[int, Json] = {}
        self.connection: Json = {}
        self.keys: dict[int, Key] = {}
        self.requests: list[tuple[str, str]] = []
        self.manners = Manners()
        self.webhooks = Webhooks(self)
        self._counters = {"post": count(17), "key": count(3)}

    def next_id(self, kind: str) -> int:
        """The next id of a kind: post (orders and refunds), item, meta, comment, webhook, key, fulfillment."""
        with self.lock:
            return next(self._counters.setdefault(kind, count(1)))

    def add_key(self, permissions: str = "read_write") -> Key:
        """Create a consumer key, as WooCommerce's settings page does."""
        with self.lock:
            key = Key(self.next_id("key"), permissions)
            self.keys[key.key_id] = key
            return key

    def misbehave(self, kind: str, *, times: int = 1, method: str = "", path: str = "", seconds: float = 1.0) -> None:
        """Answer the next `times` requests whose method and path match badly; `manners.KINDS` lists how.

        With "reset", "truncated" or a "slow" above the caller's patience the request is carried out all the same:
        `misbehave("reset", method="POST", path="refunds")` pays back, and the caller never sees the answer.
        """
        self.manners.add(kind, times, path, seconds, method)

    def deliver(self) -> list[Delivery]:
        """Send the webhook deliveries that wait."""
        return self.webhooks.deliver()

    def find_order(self, order_id: int) -> Json:
        """One order, trashed ones too; raises `RestError`."""
        if order_id not in self.orders:
            raise order_missing()
        return self.orders[order_id]

    def show(self, resource: str, ref: int) -> Json:
        """An order, review or fulfillment as its webhook shows it; raises `RestError` when it is gone."""
        if resource == "order":
            return show_order(self.find_order(ref), self.url, self.decimals)
        if resource == "review":
            review = self.find_review(ref)
            return show_review(review, self.products[review["product_id"]], self.url)
        return fulfillments.show_for_webhook(self, ref)

    def find_review(self, review_id: int) -> Json:
        """One review; raises `RestError`."""
        if review_id not in self.reviews:
            raise review_missing()
        return self.reviews[review_id]
