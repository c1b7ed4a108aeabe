"""The poor sample platform's documents in our words. What they do not say stays empty."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from core.money import to_minor
from core.platform.native_returns import WithdrawalSnapshot
from core.platform.samples.poor_store import TIME
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    PaymentSnapshot,
    RefundSnapshot,
    ReviewSnapshot,
    ShipmentSnapshot,
    TaxPart,
    TrackingStatus,
)

log = logging.getLogger(__name__)

_STATES = {
    "AWAITING_PAYMENT": OrderState.UNPAID,
    "PAID": OrderState.OPEN,
    "PARTIALLY_REFUNDED": OrderState.OPEN,
    "CANCELLED": OrderState.CANCELED,
    "REFUNDED": OrderState.REFUNDED,
}
_PARCELS = {"SHIPPED": TrackingStatus.IN_TRANSIT, "DELIVERED": TrackingStatus.DELIVERED}


def order_of(document: dict[str, Any], currency: str) -> OrderSnapshot:
    """Read an order; `currency` is the store's, since no order names one."""
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
        # It says that the shopper withdrew, and neither when nor from what.
        withdrawal_requested=WithdrawalSnapshot() if document["withdrawalRequested"] else None,
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


def review_of(document: dict[str, Any]) -> ReviewSnapshot:
    """Read a review; the platform has no replies."""
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
