"""Map WooCommerce's orders, refunds and reviews to snapshots.

Their lines are read in amounts.py, their parcels in tracking.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any, Literal

from core.platform.errors import Refused
from core.platform.snapshots import (
    Gone,
    OrderSnapshot,
    OrderState,
    PaymentSnapshot,
    RefundSnapshot,
    ReplySnapshot,
    ReviewSnapshot,
)
from plugins.woocommerce.amounts import fractions, minor, order_lines, refund_lines, removed_units
from plugins.woocommerce.tracking import iso_date, meta_of, rows_of, shipments, unix_time, utc_time

STATES = {
    "pending": OrderState.UNPAID,
    "failed": OrderState.UNPAID,
    "on-hold": OrderState.ON_HOLD,
    "processing": OrderState.OPEN,
    "completed": OrderState.DONE,
    "cancelled": OrderState.CANCELED,
    "refunded": OrderState.REFUNDED,
}
# A cart that was never placed, and what the merchant threw away: REST still shows both by id.
GONE = frozenset({"trash", "auto-draft", "checkout-draft"})
PICKUP_METHODS = frozenset({"local_pickup", "pickup_location"})
LANGUAGE_META = ("wpml_language", "trp_language", "weglot_language")
# Delivery dates shoppers chose or were given. Iconic Delivery Slots, YITH Delivery Date, WooCommerce Order
# Delivery; then Tyche's Order Delivery Date, pro and lite (Unix time of midnight in PHP's zone, which WordPress
# sets to UTC). Plugins that store only their display format are left out: 03/04 may be two days.
DATE_META = ("jckwds_date_ymd", "ywcdd_order_delivery_date", "_delivery_date")
TIMESTAMP_META = ("_orddd_timestamp", "_orddd_lite_timestamp")
REVIEW_STATES: Mapping[str, Literal["published", "pending", "hidden"]] = {
    "approved": "published",
    "hold": "pending",
    "spam": "hidden",
    "trash": "hidden",
}
KEY_META = "_aftercare_key"


class Unreadable(Refused):
    """The store described something in a form we cannot read."""


def order(
    body: Mapping[str, Any],
    *,
    store_url: str,
    refunds: Iterable[Mapping[str, Any]] = (),
    fulfillments: Iterable[Mapping[str, Any]] = (),
    refundable: bool = False,
) -> OrderSnapshot | Gone:
    """Turn orders/ID, with its refunds and fulfillments, into a snapshot; Gone for the trash and open carts.

    `refundable` says whether the order's payment gateway can pay back. Raises Unreadable.
    """
    if body.get("status") in GONE:
        return Gone(str(body.get("id")))
    try:
        return _order(body, store_url, refunds, fulfillments, refundable)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"Order {str(body.get('id'))[:20]} is not readable ({type(error).__name__}).") from error


def _order(
    body: Mapping[str, Any],
    store_url: str,
    refunds: Iterable[Mapping[str, Any]],
    fulfillments: Iterable[Mapping[str, Any]],
    refundable: bool,
) -> OrderSnapshot:
    currency, status = body["currency"], body["status"]
    parts, refunds = fractions(body), list(refunds)
    given_back = tuple(refund(row, currency, parts) for row in refunds)
    billing, shipping = body.get("billing") or {}, body.get("shipping") or {}
    home = shipping if shipping.get("country") else billing
    methods = rows_of(body.get("shipping_lines"))
    meta = meta_of(body)
    return OrderSnapshot(
        ref=str(body["id"]),
        number=str(body.get("number") or body["id"]),
        state=_state(body),
        status=status,
        currency=currency,
        placed_at=_required_time(body, "date_created_gmt"),
        updated_at=utc_time(body.get("date_modified_gmt")) or _required_time(body, "date_created_gmt"),
        total=minor(body["total"], currency),
        email=billing.get("email") or "",
        phone=billing.get("phone") or shipping.get("phone") or "",
        name=_name(billing) or _name(shipping),
        shopper_ref=str(body.get("customer_id") or ""),
        language=next((str(meta[key]).replace("_", "-") for key in LANGUAGE_META if meta.get(key)), ""),
        country=home.get("country") or "",
        postcode=home.get("postcode") or "",
        shipping_method=methods[0].get("method_title") or "" if methods else "",
        pickup=bool(methods) and all(line.get("method_id") in PICKUP_METHODS for line in methods),
        paid_at=utc_time(body.get("date_paid_gmt")),
        status_at=utc_time(body.get("date_completed_gmt")) if status == "completed" else None,
        # WooCommerce mails "completed" when an order becomes so, and keeps the day whatever its status is later (10.5).
        # That it mailed about one fulfillment (notify_customer) it writes down nowhere; a tracking plugin mails or not.
        shipped_mailed=bool(body.get("date_completed_gmt")),
        promised_by=_promised_by(meta),
        lines=order_lines(body, currency, removed_units(refunds, parts)),
        shipments=shipments(body, meta, fulfillments),
        payments=_payments(body, currency, refundable),
        refunds=given_back,
        admin_url=admin_url(store_url, str(body["id"])),
    )


def refund(body: Mapping[str, Any], currency: str, parts: Mapping[str, Decimal] | None = None) -> RefundSnapshot:
    """Turn one row of orders/ID/refunds into a snapshot; `parts` are the `fractions` of its order."""
    return RefundSnapshot(
        ref=str(body["id"]),
        amount=abs(minor(body.get("amount"), currency)),
        at=_required_time(body, "date_created_gmt"),
        reason=body.get("reason") or "",
        key=str(meta_of(body).get(KEY_META) or ""),
        lines=tuple(refund_lines(body, currency, parts)),
        paid_out=body.get("refunded_payment") is True,
    )


def review(body: Mapping[str, Any], replies: Iterable[ReplySnapshot] | None = None) -> ReviewSnapshot:
    """Turn products/reviews/ID into a snapshot.

    WooCommerce gives a review no time of change, so `updated_at` is when it was posted: an edited text is seen
    by whoever compares texts (the nightly reconcile), not by time. It lists no replies: our WordPress plugin does,
    one review at a time. Raises Unreadable.
    """
    try:
        posted = _required_time(body, "date_created_gmt")
        return ReviewSnapshot(
            ref=str(body["id"]),
            rating=int(body.get("rating") or 0),
            text=plain_text(body.get("review") or ""),
            updated_at=posted,
            posted_at=posted,
            state=REVIEW_STATES.get(body.get("status", ""), "hidden"),
            author=body.get("reviewer") or "",
            email=body.get("reviewer_email") or "",
            product_ref=str(body.get("product_id") or ""),
            product_title=body.get("product_name") or "",
            product_url=body.get("product_permalink") or "",
            verified=bool(body.get("verified")),
            replies=tuple(replies or ()),
            tells_replies=replies is not None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"Review {str(body.get('id'))[:20]} is not readable ({type(error).__name__}).") from error


def reply(body: Mapping[str, Any]) -> ReplySnapshot:
    """Turn what our WordPress plugin says of a reply into a snapshot."""
    return ReplySnapshot(
        ref=str(body["id"]),
        text=plain_text(body.get("content") or ""),
        key=str(body.get("external_id") or ""),
        at=utc_time(body.get("date_created_gmt")),
    )


def admin_url(store_url: str, ref: str) -> str:
    """Give the order's page in wp-admin; WordPress redirects it where a store still keeps orders as posts."""
    return f"{store_url}/wp-admin/admin.php?page=wc-orders&action=edit&id={ref}"


def plain_text(html: str) -> str:
    """Give the words of a comment's HTML, a line per paragraph or break; scripts and styles are dropped."""
    words = _Words()
    words.feed(html)
    words.close()
    lines = (" ".join(line.split()) for line in "".join(words.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _state(body: Mapping[str, Any]) -> OrderState:
    """A store's own status on a paid order ("shipped", "in production") is some stage of fulfilling it, so OPEN.

    Which stage is the merchant's to map. Unpaid and unknown stays UNKNOWN: it may as well mean canceled.
    """
    known = STATES.get(body["status"])
    if known:
        return known
    return OrderState.OPEN if body.get("date_paid_gmt") else OrderState.UNKNOWN


def _payments(body: Mapping[str, Any], currency: str, refundable: bool) -> tuple[PaymentSnapshot, ...]:
    """WooCommerce keeps one payment an order. The gateway's transaction id may come late, so its ref is the order's."""
    captured = minor(body["total"], currency) if body.get("date_paid_gmt") else 0
    if not body.get("payment_method") and not captured:
        return ()
    refunded = -sum(minor(row.get("total"), currency) for row in rows_of(body.get("refunds")))
    return (
        PaymentSnapshot(
            ref=str(body["id"]),
            method=body.get("payment_method") or "",
            captured=captured,
            refunded=refunded,
            refundable=refundable and captured > refunded,
            methods=("refund",) if captured > refunded else (),
        ),
    )


def _promised_by(meta: Mapping[str, Any]) -> date | None:
    days = [iso_date(meta[key]) for key in DATE_META if meta.get(key)]
    moments = [unix_time(meta[key]) for key in TIMESTAMP_META if meta.get(key)]
    return next((day for day in [*days, *(moment and moment.date() for moment in moments)] if day), None)


def _name(address: Mapping[str, Any]) -> str:
    return f"{address.get('first_name') or ''} {address.get('last_name') or ''}".strip()


def _required_time(body: Mapping[str, Any], field: str) -> datetime:
    moment = utc_time(body[field])
    if moment is None:
        raise ValueError(f"no {field}")
    return moment


class _Words(HTMLParser):
    """Collects the text of HTML. Foreign text stays text: what is shown is escaped again by whoever shows it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self._silent += 1
        if tag in ("p", "br", "li", "div", "blockquote"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._silent = max(0, self._silent - 1)
        if tag == "p":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            # Line ends in the source are only spaces in HTML.
            self.parts.append(data.replace("\n", " "))
