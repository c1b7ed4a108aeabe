"""The frozen values, in our words, that a plugin makes of a platform's data and the core stores.

Money is integer minor units of the order's currency, in which the shopper pays (presentment money). Times are aware
UTC. `ref` is the platform's own id as text.
A plugin turns unknown foreign words into UNKNOWN (and keeps the raw word); it never guesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from core.platform.native_returns import RefundLine as RefundLine
from core.platform.native_returns import RefundSnapshot, ReturnSnapshot, WithdrawalSnapshot
from core.platform.reviews.review_snapshots import ReplySnapshot as ReplySnapshot
from core.platform.reviews.review_snapshots import ReviewSnapshot as ReviewSnapshot

T = TypeVar("T")


class OrderState(StrEnum):
    """Where the order as a whole stands, whatever its parcels do."""

    UNPAID = "unpaid"
    ON_HOLD = "on_hold"
    OPEN = "open"
    DONE = "done"
    CANCELED = "canceled"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


class HoldReason(StrEnum):
    """Why a store does not send an order, or a part of it. UNKNOWN where it gave no reason, or a word unknown to us."""

    AWAITING_PAYMENT = "awaiting_payment"
    SUSPECTED_FRAUD = "suspected_fraud"
    INCORRECT_ADDRESS = "incorrect_address"
    OUT_OF_STOCK = "out_of_stock"
    AWAITING_RETURN = "awaiting_return"
    """Of an exchange: the goods that come back have not arrived."""
    UNKNOWN_DELIVERY_DATE = "unknown_delivery_date"
    ORDER_MAY_GROW = "order_may_grow"
    """The shopper was offered something more after paying."""
    OTHER = "other"
    UNKNOWN = "unknown"


class TrackingStatus(StrEnum):
    """What is known of a parcel. A label that was made is not yet in transit."""

    PENDING = "pending"
    INFO_RECEIVED = "info_received"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    FAILED_ATTEMPT = "failed_attempt"
    EXCEPTION = "exception"
    RETURNED_TO_SENDER = "returned_to_sender"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TaxPart:
    """One tax rate's share of a line, as the platform stored it.

    Where it tells no rates, one part has all of the line's tax, with a fixed ref of the plugin's.
    """

    ref: str
    amount: int


@dataclass(frozen=True, slots=True)
class LineItemSnapshot:
    """One line of an order. `total` is what the line costs after discounts, without tax unless `tax_included`.

    Shipping to which the platform gives no id of its own has a `ref` that the plugin makes: the same each time, and
    unlike any other line's.
    """

    ref: str
    title: str
    quantity: int
    total: int = 0
    tax: int = 0
    discount: int = 0
    taxes: tuple[TaxPart, ...] = ()
    kind: Literal["physical", "digital", "shipping", "fee"] = "physical"
    variant: str = ""
    """In words: "L, moss"."""
    variant_ref: str = ""
    """The platform's ref of the variant bought, as `Variant.ref`; "" where it did not say."""
    sku: str = ""
    product_ref: str = ""
    image_url: str = ""
    tags: tuple[str, ...] = ()
    """The merchant's own tags of the product, as the platform says them with the order; () where it does not."""
    removed: int = 0
    """How many of `quantity` are no longer bought: canceled or refunded, whichever. Not told apart, since no platform
    so far can: WooCommerce counts refunded units alone, and an edited order simply has a smaller `quantity`."""


@dataclass(frozen=True, slots=True)
class TrackingEventSnapshot:
    """One scan, or one thing the store said about a parcel."""

    at: datetime
    status: TrackingStatus
    raw: str = ""
    text: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class ShipmentSnapshot:
    """One parcel. `items` maps a line's ref to the quantity in it; empty means the platform did not say."""

    ref: str
    status: TrackingStatus
    raw_status: str = ""
    carrier: str = ""
    service: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    estimated_by: date | None = None
    """The day the platform or its carrier expects it now."""
    items: Mapping[str, int] = field(default_factory=dict)
    events: tuple[TrackingEventSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldSnapshot:
    """One reason why the store keeps an order, or the units in `items` (line ref to quantity), from being sent.

    Without `items` it covers all that has not left. `note` is what staff wrote about it there; staff alone read it.
    """

    ref: str
    reason: HoldReason
    raw_reason: str = ""
    note: str = ""
    items: Mapping[str, int] = field(default_factory=dict)


PaymentKind = Literal["gateway", "gift_card", "store_credit", "points"]
"""What was paid with: money through a gateway, or a balance that the store keeps for the shopper."""


@dataclass(frozen=True, slots=True)
class PaymentSnapshot:
    """One payment: what was captured, and what may still flow back, by which methods.

    The payments of a paid order add up to its total. What a balance paid (`kind` is not "gateway") is a payment like
    any other and never a discount; it is given back to that balance, and apart from the money. Without Feature.REFUND
    `refundable` and `methods` keep their defaults.
    """

    ref: str
    method: str
    captured: int
    refunded: int = 0
    refundable: bool = False
    methods: tuple[str, ...] = ()
    kind: PaymentKind = "gateway"


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """An order as the store said it at `updated_at`."""

    ref: str
    number: str
    state: OrderState
    status: str
    """The platform's own word, kept raw: the merchant may map it to shipped or delivered."""
    currency: str
    placed_at: datetime
    updated_at: datetime
    total: int = 0
    """What the order came to at purchase, taxes and all; a refund does not lower it."""
    store_currency: str = ""
    store_total: int | None = None
    """The same total in the store's own currency, as the platform converted it; "" and None where the shopper paid in
    that currency, or where the platform does not say. Every other amount of the order is in `currency`."""
    tax_included: bool = False
    email: str = ""
    phone: str = ""
    name: str = ""
    shopper_ref: str = ""
    language: str = ""
    country: str = ""
    postcode: str = ""
    shipping_method: str = ""
    pickup: bool = False
    paid_at: datetime | None = None
    canceled_at: datetime | None = None
    status_at: datetime | None = None
    """When the order took its present status, where the platform says so."""
    shipped_mailed: bool = False
    """Whether the platform itself mailed the shopper that the order has left; False where nothing shows it."""
    promised_from: date | None = None
    """The first day of that, where a range was given; one after `promised_by`, or without it, is not kept."""
    promised_by: date | None = None
    """The delivery date the platform itself gave the shopper, or the last of the days."""
    holds: tuple[HoldSnapshot, ...] = ()
    """Why it is not sent, where the platform gives reasons. `state` is ON_HOLD only where all of it waits."""
    lines: tuple[LineItemSnapshot, ...] = ()
    shipments: tuple[ShipmentSnapshot, ...] = ()
    payments: tuple[PaymentSnapshot, ...] = ()
    refunds: tuple[RefundSnapshot, ...] = ()
    returns: tuple[ReturnSnapshot, ...] | None = None
    """The platform's own returns of this order; None where it has no such thing or did not say."""
    withdrawal_requested: WithdrawalSnapshot | None = None
    """The shopper's legal withdrawal, where it was declared at the platform; None where none was."""
    admin_url: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One thing a shopper may have of a product, as it is on sale now.

    `price` is for one; None where the store names none. Where it is `tax_included` it is all the shopper pays.
    """

    ref: str
    title: str
    """What tells it from the product's others: "L, moss"; "" for a product that has no others."""
    price: int | None
    currency: str
    tax_included: bool = True
    in_stock: bool = True
    image_url: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """The platform no longer has it (or never showed it to us)."""

    ref: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing. `cursor` is where the next page starts, `last` says that there is none now.

    A cursor is opaque text of the plugin's. The cursor of the last page is kept: the next poll starts there. The
    platform may have to prepare the next page first; `Platform.orders_since` says how such a reading goes.
    """

    snapshots: tuple[T, ...]
    cursor: str
    last: bool
    gone: tuple[str, ...] = ()
    total: int | None = None
    """How many there are in all, where the platform says so; shown as progress."""
    again_after: float | None = None
    """Seconds until the platform may have the next page ready: the core keeps `cursor` and asks no sooner. None where
    it can be asked for at once. Not looked at on the last page."""
    operation: str = ""
    """The platform's ref of the operation whose end is waited for. Change("operation", ref) then ends the wait."""
    as_of: datetime | None = None
    """When the platform began to make what is on this page, by its own clock, where that was before the call: a file
    that it had made earlier. What came later by another way stays. None where the call itself made the page."""


@dataclass(frozen=True, slots=True)
class Change:
    """News from a store. `order` and `review` are fetched afterwards, `return` with its order; the rest is kept as
    verified facts.

    `operation` says that a long operation at the platform has ended, well or not; `ref` as in `Page.operation`.
    """

    resource: Literal["order", "review", "return", "store", "privacy", "operation"]
    ref: str
    occurred_at: datetime | None = None
    """When it happened, by the platform's clock. A fact that ends a connection (the app was removed, the store's data
    must go) is over where the store was connected after it; without a time the platform is asked."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    event_id: str = ""
    """The platform's own id of this piece of news, the same whenever it is sent again: used once for each store."""
    is_signed: bool = True
    """Whether the signature covers all of this. Where it covers only the event's id and time, the fact is confirmed by
    the platform's API before anything is done; it needs both then."""
