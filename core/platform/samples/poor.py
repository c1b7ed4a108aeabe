"""The poor sample platform: it moves no money, takes no replies, signs no bodies and names nobody.

`poor_store.py` is what it talks to. What it does not say stays empty: the currency is the store's, a shipment has no
contents, staff have no name.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import parse_qs

import requests

from core.platform import signatures
from core.platform.calls.paging import Window, walk_windows
from core.platform.contract import (
    AdminShell,
    Feature,
    Installation,
    Missing,
    Opening,
    Platform,
    Reply,
    Request,
    SecretOf,
    StoreFacts,
)
from core.platform.errors import BadSignature
from core.platform.samples.poor_mapping import order_of, review_of
from core.platform.samples.poor_store import FREE, MOST_A_PAGE, MOST_REACHED, SIGNATURE, STATUSES, Listing, PoorStore
from core.platform.snapshots import Change, Gone, OrderSnapshot, Page, ReviewSnapshot

ADMIN = "https://admin.poor.example"
PAYLOAD_LIFE = 60  # seconds
_T = TypeVar("_T", OrderSnapshot, ReviewSnapshot)

_EVENTS: Mapping[str, tuple[Literal["order", "review", "store", "privacy"], Mapping[str, str]]] = {
    "order.created": ("order", {}),
    "order.updated": ("order", {}),
    "order.deleted": ("order", {}),
    "review.created": ("review", {}),
    "review.updated": ("review", {}),
    "review.deleted": ("review", {}),
    "application.uninstalled": ("store", {"event": "uninstalled"}),
    "customer.personalDataExportRequest": ("privacy", {"request": "export"}),
    "customer.personalDataRemovalRequest": ("privacy", {"request": "erase"}),
}


class Poor(Platform):
    """A small platform: it can be read, and told nothing. The app's secret signs its events, not their bodies."""

    name = "poor"
    title = "Poor sample store"
    features = frozenset({Feature.REVIEWS, Feature.LISTS_DELETIONS, Feature.CUSTOM_STATUSES})
    app_settings: ClassVar[Mapping[str, str]] = {
        "client_secret": "signs what the platform sends us and seals what opens our page"
    }
    installs_on_opening = True

    @property
    def books(self) -> PoorStore:
        """The store's server, not asked yet."""
        return PoorStore(self.credentials["world"])

    @property
    def world(self) -> PoorStore:
        store = self.books
        store.let_in(self.credentials["token"])
        return store

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Read the store from the delivery's body, which nobody signed."""
        return str(_body(request).get("storeId", ""))

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Open the sealed payload; it names the store, and nobody of its staff."""
        return Opening(str(_payload(request, app)["store_id"]))

    @classmethod
    def nonce_of(cls, request: Request) -> str:
        """Let a payload open our page once: whoever sees the address could use it for a minute more."""
        payload = parse_qs(request.query).get("payload", [""])[0]
        return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest() if payload else ""

    @classmethod
    def admin_shell(cls, app: Mapping[str, str], ref: str) -> AdminShell:
        """Let the platform's admin frame us; after the payload a token of ours goes on."""
        return AdminShell(frame_ancestors=(ADMIN,), identity="signed")

    @classmethod
    def install_from(cls, request: Request, app: Mapping[str, str], http: requests.Session) -> Installation:
        """Take the token that the payload brings, once the store has answered to it; its profile says the rest."""
        payload = _payload(request, app)
        store, token = PoorStore(str(payload.get("world", ""))), str(payload.get("access_token", ""))
        store.let_in(token)
        profile, ref = store.profile(), str(payload["store_id"])
        return Installation(
            ref,
            profile["storeName"] or ref,
            {"world": store.path, "token": token},
            currency=profile["currency"],
            timezone=profile["timezone"],
        )

    @classmethod
    def read_app_webhook(cls, request: Request, app: Mapping[str, str]) -> list[Change]:
        """Read an event of whatever store."""
        return [change for _, change in _read(request, app)]

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        """Check the event's id and time, which are all that is signed, and say what the body claims."""
        read = _read(request, self.app)
        if any(store != self.ref for store, _ in read):
            raise BadSignature("The event is of another store.")
        return [change for _, change in read]

    def describe(self) -> StoreFacts:
        """Read the store's profile."""
        profile = self.world.profile()
        return StoreFacts(
            currency=profile["currency"], timezone=profile["timezone"], name=profile["storeName"], plan=profile["plan"]
        )

    def missing(self) -> Mapping[Feature, Missing]:
        """Reviews belong to the plans that are paid for."""
        if self.world.profile()["plan"] == FREE:
            return {Feature.REVIEWS: Missing("plan", "Venture")}
        return {}

    def _currency(self, store: PoorStore) -> str:
        """Give the currency of all orders: none names it, so it is known of the store, or its profile says it."""
        return self.facts.currency or store.profile()["currency"]

    def fetch_order(self, ref: str) -> OrderSnapshot | Gone:
        """Ask for one order."""
        store = self.world
        document = store.order_document(ref)
        return order_of(document, self._currency(store)) if document else Gone(ref)

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """List orders by windows of time."""
        store = self.world
        currency = self._currency(store)
        return _walk(store, cursor, "order", store.list_orders, lambda document: order_of(document, currency))

    def order_statuses(self) -> Mapping[str, str]:
        """List the statuses of an order, the store's own among them."""
        return STATUSES

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        """Ask for one review."""
        document = self.world.review_document(ref)
        return review_of(document) if document else Gone(ref)

    def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
        """List reviews by windows of time."""
        store = self.world
        return _walk(store, cursor, "review", store.list_reviews, review_of)


def _walk(
    store: PoorStore,
    cursor: str,
    kind: str,
    list_page: Callable[[int, int, int], Listing],
    read: Callable[[dict[str, Any]], _T],
) -> Page[_T]:
    """Read one page of a listing that promises no order; what was deleted comes with the first."""

    def fetch(window: Window, offset: int, limit: int) -> tuple[Sequence[_T], int]:
        page = list_page(window.start, window.end, offset)
        return [read(document) for document in page["items"]], page["total"]

    gone = [] if cursor.startswith("{") else store.deleted_since(kind, datetime.fromisoformat(cursor))
    walked = walk_windows(cursor, fetch, now=store.now, per_page=MOST_A_PAGE, most=MOST_REACHED)
    return Page(tuple(walked.rows), walked.cursor, walked.last, gone=tuple(gone))


def _body(request: Request) -> dict[str, Any]:
    try:
        news = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return news if isinstance(news, dict) else {}


def _payload(request: Request, app: Mapping[str, str]) -> Mapping[str, Any]:
    payload = signatures.open_payload(parse_qs(request.query).get("payload", [""])[0], app["client_secret"])
    if not payload.get("store_id"):
        raise BadSignature("The payload names no store.")
    signatures.require_recent(payload.get("at"), now=time.time(), seconds=PAYLOAD_LIFE, what="payload")
    return payload


def _read(request: Request, app: Mapping[str, str]) -> list[tuple[str, Change]]:
    """Give the store that an event claims to be of, and its news; only its id and time are signed."""
    news = _body(request)
    created, event = news.get("eventCreated", ""), news.get("eventId", "")
    signed = f"{created}.{event}".encode("utf-8", "surrogatepass")
    secrets = [app.get("client_secret", "")]
    signatures.require_signed(signed, request.headers.get(SIGNATURE, ""), secrets, what="event")
    store, ref = str(news.get("storeId", "")), str(news.get("entityId", ""))
    resource, facts = _EVENTS.get(str(news.get("eventType", "")), (None, {}))
    if resource is None:
        return []
    at = datetime.fromtimestamp(created, UTC) if isinstance(created, int) else None
    data = news.get("data")
    if resource == "privacy" and isinstance(data, dict):
        facts = {**facts, "email": str(data.get("customerEmail", ""))}
    return [(store, Change(resource, ref, at, dict(facts), str(event), is_signed=False))]


PLATFORM = Poor
