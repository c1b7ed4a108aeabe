"""The poor sample platform: it moves no money, takes no replies, signs no bodies and names nobody.

`poor_store.py` is what it talks to. What it does not say stays empty: the currency is the store's, a shipment has no
contents, staff have no name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs

from core.money import to_minor
from core.platform import signatures
from core.platform.contract import Feature, Opening, Platform, Reply, Request, SecretOf, StaffIdentity
from core.platform.errors import BadSignature
from core.platform.samples.poor_store import MOST_A_PAGE, SIGNATURE, STATUSES, TIME, Listing, PoorStore
from core.platform.snapshots import (
    Change,
    Gone,
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    Page,
    PaymentSnapshot,
    RefundSnapshot,
    ReviewSnapshot,
    ShipmentSnapshot,
    TaxPart,
    TrackingStatus,
)

log = logging.getLogger(__name__)
_T = TypeVar("_T", OrderSnapshot, ReviewSnapshot)

_STATES = {
    "AWAITING_PAYMENT": OrderState.UNPAID,
    "PAID": OrderState.OPEN,
    "PARTIALLY_REFUNDED": OrderState.OPEN,
    "CANCELLED": OrderState.CANCELED,
    "REFUNDED": OrderState.REFUNDED,
}
_PARCELS = {"SHIPPED": TrackingStatus.IN_TRANSIT, "DELIVERED": TrackingStatus.DELIVERED}
_EVENTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
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
_SECOND = timedelta(seconds=1)
_OVERLAP = timedelta(minutes=5)


class Poor(Platform):
    """A small platform: it can be read, and told nothing. The app's secret signs its events, not their bodies."""

    name = "poor"
    title = "Poor sample store"
    features = frozenset({Feature.REVIEWS, Feature.LISTS_DELETIONS, Feature.CUSTOM_STATUSES})
    app_settings: ClassVar[Mapping[str, str]] = {
        "client_secret": "signs what the platform sends us and seals what opens our page"
    }

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
        payload = signatures.open_payload(parse_qs(request.query).get("payload", [""])[0], app["client_secret"])
        store = str(payload.get("store_id", ""))
        if not store:
            raise BadSignature("The payload names no store.")
        return Opening(store, StaffIdentity(ref="", language=str(payload.get("lang", "en"))))

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        """Check the event's id and time, which are all that is signed, and say what the body claims."""
        news = _body(request)
        signed = f"{news.get('eventCreated', '')}.{news.get('eventId', '')}".encode("utf-8", "surrogatepass")
        secrets = [self.app.get("client_secret", "")]
        signatures.require_signed(signed, request.headers.get(SIGNATURE, ""), secrets, what="event")
        if str(news.get("storeId", "")) != self.ref:
            raise BadSignature("The event is of another store.")
        resource, facts = _EVENTS.get(str(news.get("eventType", "")), ("", {}))
        if not resource:
            return []
        ref, created = str(news.get("entityId", "")), news["eventCreated"]
        at = datetime.fromtimestamp(created, UTC) if isinstance(created, int) else None
        return [Change(resource, ref, at, dict(facts))]  # type: ignore[arg-type]

    def fetch_order(self, ref: str) -> OrderSnapshot | Gone:
        """Ask for one order, and in the store's profile for its currency."""
        store = self.world
        document = store.order_document(ref)
        return _order(document, store.currency) if document else Gone(ref)

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """List orders by windows of time."""
        store = self.world
        currency = store.currency
        return _window(store, cursor, "order", store.list_orders, lambda document: _order(document, currency))

    def order_statuses(self) -> Mapping[str, str]:
        """List the statuses of an order, the store's own among them."""
        return STATUSES

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        """Ask for one review."""
        document = self.world.review_document(ref)
        return _review(document) if document else Gone(ref)

    def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
        """List reviews by windows of time."""
        store = self.world
        return _window(store, cursor, "review", store.list_reviews, _review)


def _window(
    store: PoorStore,
    cursor: str,
    kind: str,
    list_page: Callable[[datetime, datetime, int], Listing],
    read: Callable[[dict[str, Any]], _T],
) -> Page[_T]:
    """Read one page of a window of time, from its last page to its first. The cursor is "from|to|offset" or "from".

    The listing promises no order, and what changes meanwhile leaves the window: whatever stood behind it moves to an
    offset that is still to be read. So a window ends in the past, and the next one starts where it ended.
    """
    since, until, offset = _window_of(cursor, store.now)
    if until < since:
        return Page((), since.isoformat(), last=True)
    if offset < 0:
        total = list_page(since, until, 0)["total"]
        offset = max(0, (total - 1) // MOST_A_PAGE) * MOST_A_PAGE
    found = tuple(read(document) for document in list_page(since, until, offset)["items"])
    if offset > 0:
        behind = f"{since.isoformat()}|{until.isoformat()}|{max(0, offset - MOST_A_PAGE)}"
        return Page(found, behind, last=False)
    gone = tuple(store.deleted_since(kind, since))
    return Page(found, max(since, until - _OVERLAP).isoformat(), last=True, gone=gone)


def _window_of(cursor: str, now: datetime) -> tuple[datetime, datetime, int]:
    since, _, rest = cursor.partition("|")
    start = datetime.fromisoformat(since).astimezone(UTC).replace(microsecond=0)
    if rest:
        until, _, offset = rest.partition("|")
        return start, datetime.fromisoformat(until), int(offset)
    return start, now.replace(microsecond=0) - _SECOND, -1


def _body(request: Request) -> dict[str, Any]:
    try:
        news = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return news if isinstance(news, dict) else {}


def _order(document: dict[str, Any], currency: str) -> OrderSnapshot:
    updated, status = _time(document["updateDate"]), document["fulfillmentStatus"]
    state = _STATES.get(document["paymentStatus"], OrderState.UNKNOWN)
    if state is OrderState.UNKNOWN:
        log.warning("the sample store has an unknown payment status: %s", document["paymentStatus"])
    total, person, way = _minor(document["total"], currency), document["shippingPerson"], document["shippingOption"]
    parcel = _parcel(document, status)
    paid = total if state is not OrderState.UNPAID else 0
    return OrderSnapshot(
        ref=document["id"],
        number=document["orderNumber"],
        state=state,
        status=status,
        currency=currency,
        placed_at=_time(document["createDate"]),
        updated_at=updated,
        total=total,
        tax_included=document["pricesIncludeTax"],
        email=document["email"],
        name=person["name"],
        phone=person["phone"],
        country=person["countryCode"],
        postcode=person["postalCode"],
        language=document["lang"],
        shipping_method=way["shippingMethodName"],
        pickup=way["isPickup"],
        lines=_lines(document, currency),
        shipments=(parcel,) if parcel else (),
        payments=(PaymentSnapshot("payment", document["paymentMethod"], paid),) if paid else (),
        refunds=tuple(
            RefundSnapshot(
                f"{document['id']}-{place}", _minor(one["amount"], currency), _time(one["date"]), one["reason"]
            )
            for place, one in enumerate(document["refunds"], 1)
        ),
    )


def _lines(document: dict[str, Any], currency: str) -> tuple[LineItemSnapshot, ...]:
    lines = [
        LineItemSnapshot(
            item["id"],
            item["name"],
            item["quantity"],
            _minor(item["lineTotal"], currency),
            **_tax(item["tax"], currency),
            kind="digital" if item["digital"] else "physical",
            variant=", ".join(item["selectedOptions"]),
            sku=item["sku"],
            product_ref=item["productId"],
            image_url=item["imageUrl"],
        )
        for item in document["items"]
    ]
    way = document["shippingOption"]
    if way["shippingRate"]:
        rate, tax = _minor(way["shippingRate"], currency), _tax(way["tax"], currency)
        lines.append(LineItemSnapshot("shipping", way["shippingMethodName"], 1, rate, **tax, kind="shipping"))
    return tuple(lines)


def _tax(amount: float, currency: str) -> dict[str, Any]:
    tax = _minor(amount, currency)
    return {"tax": tax, "taxes": (TaxPart("tax", tax),) if tax else ()}


def _parcel(document: dict[str, Any], status: str) -> ShipmentSnapshot | None:
    if status not in _PARCELS:
        return None
    return ShipmentSnapshot("1", _PARCELS[status], status, tracking_number=document["trackingNumber"])


def _review(document: dict[str, Any]) -> ReviewSnapshot:
    return ReviewSnapshot(
        document["id"],
        document["rating"],
        document["review"],
        updated_at=_time(document["updateDate"]),
        posted_at=_time(document["createDate"]),
        state="published" if document["status"].lower() == "published" else "pending",
        author=document["reviewerInfo"]["name"],
        email=document["reviewerInfo"]["email"],
        product_ref=document["productId"],
        product_title=document["productName"],
        order_ref=document["orderId"],
    )


def _time(text: str) -> datetime:
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)


def _minor(amount: float, currency: str) -> int:
    return to_minor(Decimal(str(amount)), currency)


PLATFORM = Poor
