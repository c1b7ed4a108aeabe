"""The poor sample store's own side: the documents its API answers, without a currency, and what its servers sign.

It says what small platforms say: amounts as decimal numbers, times to the second, one tracking number an order, no
returns. `poor.py` reads it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from core.money import to_decimal
from core.platform import signatures
from core.platform.contract import Request
from core.platform.errors import AccessLost, Refused
from core.platform.sample_store import ORDERS, REVIEWS
from core.platform.samples.server import Server
from core.platform.snapshots import LineItemSnapshot, OrderSnapshot, OrderState, ReviewSnapshot

SIGNATURE = "x-poor-webhook-signature"
FREE = "Free"
"""The plan without reviews."""
TIME = "%Y-%m-%d %H:%M:%S +0000"
MOST_A_PAGE, MOST_REACHED = 20, 200
"""Rows of a page, and the offset from which on a listing answers with an error."""
PAYMENTS = {OrderState.UNPAID: "AWAITING_PAYMENT", OrderState.CANCELED: "CANCELLED", OrderState.REFUNDED: "REFUNDED"}
STATUSES = {
    "AWAITING_PROCESSING": "New",
    "SHIPPED": "Shipped",
    "DELIVERED": "Delivered",
    "CUSTOM_FULFILLMENT_STATUS_1": "At the engraver's",
}


class Listing(TypedDict):
    """A page of documents out of `total`."""

    total: int
    items: list[dict[str, Any]]


class PoorStore(Server):
    """A store with one token that never expires, and a list of what was deleted."""

    @property
    def currency(self) -> str:
        """The currency of all orders; none of them names it."""
        return self.fact("currency") or "EUR"

    def let_in(self, token: str) -> None:
        """Answer a call that carries the token. Raises AccessLost for one that is not the store's."""
        self.answer()
        if not signatures.is_equal(token, self.fact("token")) or not token:
            raise AccessLost("the sample store answers INVALID_API_TOKEN")

    def issue(self) -> str:
        """Give a token; an earlier one is over."""
        self.keep("token", f"secret_{secrets.token_hex(8)}")
        return self.fact("token")

    def profile(self) -> dict[str, str]:
        """Say what the store is: the only place that names the currency."""
        plan = self.fact("plan") or "Venture"
        said = {"storeName": self.fact("name"), "currency": self.currency, "timezone": "Europe/Vilnius"}
        return {**said, "plan": plan}

    def remove(self, kind: str, ref: str) -> None:
        """Delete for good, and remember that it was."""
        super().remove(kind, ref)
        self.note(f"deleted {kind}", ref, {"at": self.now.timestamp()})

    def deleted_since(self, kind: str, moment: datetime) -> list[str]:
        """List what was deleted at or after a moment."""
        with self._open() as books:
            rows = books.execute("select ref, body from things where kind = ?", (f"deleted {kind}",)).fetchall()
        return sorted(ref for ref, body in rows if json.loads(body)["at"] >= moment.timestamp())

    def order_document(self, ref: str) -> dict[str, Any] | None:
        """Give an order as the API writes it."""
        order = self.order(ref)
        return _order(order) if order else None

    def list_orders(self, updated_from: int, updated_to: int, offset: int) -> Listing:
        """List the orders updated in a window (Unix time, ends included), in no order that is promised."""
        found = [_order(ORDERS.validate_json(body)) for body in self._within("order", updated_from, updated_to)]
        return self._page(found, offset)

    def review_document(self, ref: str) -> dict[str, Any] | None:
        """Give a review as the API writes it."""
        review = self.review(ref)
        return _review(review) if review else None

    def list_reviews(self, updated_from: int, updated_to: int, offset: int) -> Listing:
        """List the reviews updated in a window (Unix time, ends included), in no order that is promised."""
        found = [_review(REVIEWS.validate_json(body)) for body in self._within("review", updated_from, updated_to)]
        return self._page(found, offset)

    def _within(self, kind: str, first: int, last: int) -> list[str]:
        with self._open() as books:
            rows = books.execute("select changed, body from things where kind = ?", (kind,)).fetchall()
        return [body for changed, body in rows if first <= int(datetime.fromisoformat(changed).timestamp()) <= last]

    @staticmethod
    def _page(found: list[dict[str, Any]], offset: int) -> Listing:
        if offset >= MOST_REACHED:
            raise Refused(f"The offset must be below {MOST_REACHED}.")
        found.sort(key=lambda one: (one["updateDate"], _scattered(one["id"])), reverse=True)
        return {"total": len(found), "items": found[offset : offset + MOST_A_PAGE]}


def write_delivery(
    secret: str, store: str, event: str, entity: str, *, at: datetime, data: Mapping[str, Any] | None = None
) -> Request:
    """Give the delivery that the platform sends: only the event's id and time are signed, not what it says."""
    created, event_id = int(at.timestamp()), secrets.token_hex(16)
    said = {"eventId": event_id, "eventCreated": created, "storeId": store, "entityId": entity, "eventType": event}
    signature = signatures.sign(secret, f"{created}.{event_id}".encode())
    body = json.dumps({**said, "data": dict(data or {})}).encode()
    return Request("POST", "/hooks/poor", query=f"eventtype={event}", headers={SIGNATURE: signature}, body=body)


def seal_payload(secret: str, payload: Mapping[str, Any]) -> str:
    """Give the payload with which the platform's admin opens our page, now: sealed with the app's secret."""
    said = {"at": int(time.time()), **payload}
    padder, start = padding.PKCS7(128).padder(), secrets.token_bytes(16)
    plain = padder.update(json.dumps(said).encode()) + padder.finalize()
    cipher = Cipher(algorithms.AES(secret.encode()[:16]), modes.CBC(start)).encryptor()
    return base64.urlsafe_b64encode(start + cipher.update(plain) + cipher.finalize()).rstrip(b"=").decode()


def _order(order: OrderSnapshot) -> dict[str, Any]:
    goods = [line for line in order.lines if line.kind != "shipping"]
    shipping = next((line for line in order.lines if line.kind == "shipping"), None)
    parcel = order.shipments[-1] if order.shipments else None
    status = order.status if order.status in STATUSES else "AWAITING_PROCESSING"
    if parcel:
        status = "DELIVERED" if parcel.delivered_at else "SHIPPED"
    return {
        "id": order.ref,
        "orderNumber": order.number,
        "createDate": order.placed_at.strftime(TIME),
        "updateDate": order.updated_at.strftime(TIME),
        "paymentStatus": PAYMENTS.get(order.state, "PAID"),
        "fulfillmentStatus": status,
        "paymentMethod": order.payments[0].method if order.payments else "",
        "total": _number(order.total, order),
        "email": order.email,
        "lang": order.language,
        "items": [_item(line, order) for line in goods],
        "shippingOption": {
            "shippingMethodName": order.shipping_method or (shipping.title if shipping else ""),
            "shippingRate": _number(shipping.total, order) if shipping else 0,
            "tax": _number(shipping.tax, order) if shipping else 0,
            "isPickup": order.pickup,
        },
        "pricesIncludeTax": order.tax_included,
        "shippingPerson": {
            "name": order.name, "phone": order.phone, "countryCode": order.country, "postalCode": order.postcode
        },
        "trackingNumber": parcel.tracking_number if parcel else "",
        "withdrawalRequested": order.withdrawal_requested is not None,
        "refunds": [
            {"date": one.at.strftime(TIME), "source": "External", "reason": one.reason,
             "amount": _number(one.amount, order)} for one in order.refunds
        ],
    }  # fmt: skip


def _item(line: LineItemSnapshot, order: OrderSnapshot) -> dict[str, Any]:
    return {
        "id": line.ref,
        "productId": line.product_ref,
        "name": line.title,
        "sku": line.sku,
        "quantity": line.quantity,
        "lineTotal": _number(line.total, order),
        "tax": _number(line.tax, order),
        "digital": line.kind == "digital",
        "imageUrl": line.image_url,
        "selectedOptions": [line.variant] if line.variant else [],
    }


def _review(review: ReviewSnapshot) -> dict[str, Any]:
    return {
        "id": review.ref,
        "status": "published" if review.state == "published" else "moderated",
        "rating": review.rating,
        "review": review.text,
        "productId": review.product_ref,
        "productName": review.product_title,
        "orderId": review.order_ref,
        "reviewerInfo": {"name": review.author, "email": review.email},
        "createDate": review.posted_at.strftime(TIME),
        "updateDate": review.updated_at.strftime(TIME),
    }


def _number(amount: int, order: OrderSnapshot) -> float:
    return float(to_decimal(amount, order.currency))


def _scattered(ref: str) -> str:
    return hashlib.blake2b(ref.encode(), digest_size=8).hexdigest()
