"""What a store's merchant and shoppers do to it.

Every verb takes `at` (default: the store's `now()`), moves `date_modified` and queues webhooks, as
WooCommerce would.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from . import fulfillments, refunds
from .errors import RestError
from .php import Json, read_gmt, stamp
from .shapes import find_meta, make_ast_item, make_tracking_item, set_meta
from .state import State

TRACKING_META = "_wc_shipment_tracking_items"
DATES = ("date_created", "date_modified", "date_completed", "date_paid")


class Store(State):
    """A store to place orders in, ship from, refund at and review."""

    def place(self, order: Json) -> Json:
        """Take in an order from `make_order`: ids, key, number and store-local times are given here."""
        with self.lock:
            order["id"] = order["id"] or self.next_id("post")
            order["number"] = order["number"] or str(order["id"])
            order["order_key"] = f"wc_order_{order['id']:013d}"
            for kind in ("line_items", "shipping_lines", "fee_lines", "tax_lines"):
                for line in order[kind]:
                    line["id"] = self.next_id("item")
            for field in DATES:
                if order[f"{field}_gmt"]:
                    stamp(order, field, read_gmt(order[f"{field}_gmt"]), self.zone)
            if order["status"] == "completed":
                order |= {f"date_completed{end}": order[f"date_created{end}"] for end in ("", "_gmt")}
            self.orders[order["id"]] = order
            _set_flags(order)
            self.webhooks.announce("order.created", order["id"])
            self.webhooks.announce("order.updated", order["id"])
            return order

    def touch(self, order: Json, at: datetime | None = None) -> None:
        """Save an order: `date_modified` moves and `order.updated` is queued."""
        stamp(order, "date_modified", at or self.now(), self.zone)
        _set_flags(order)
        self.webhooks.announce("order.updated", order["id"])

    def set_status(self, order_id: int, status: str, at: datetime | None = None) -> None:
        """Move an order to any of the store's statuses, as its order screen does."""
        with self.lock:
            order, moment = self.find_order(order_id), at or self.now()
            if status not in self.statuses:
                raise ValueError(f"{self.name} has no order status {status!r}")
            if status == order["status"]:
                return
            old, order["status"] = order["status"], status
            if status == "completed":
                stamp(order, "date_completed", moment, self.zone)
            if status in {"processing", "completed"} and not order["date_paid"]:
                stamp(order, "date_paid", moment, self.zone)
            names = [self.statuses.get(slug, slug) for slug in (old, status)]
            self.add_note(order_id, f"Order status changed from {names[0]} to {names[1]}.", at=moment)
            self.webhooks.announce("action.woocommerce_order_status_changed", order_id)
            self.touch(order, moment)

    def ship(
        self,
        order_id: int,
        tracking_number: str,
        provider: str = "ups",
        items: Mapping[int, int] | None = None,
        *,
        flavor: str = "fulfillment",
        url: str = "",
        at: datetime | None = None,
    ) -> None:
        """Record a parcel; `items` is quantity by line id, all of them by default.

        `flavor` says where it is written: "fulfillment" (core), "shipment_tracking" or "ast" (order meta).
        None of them moves the order's status: call `set_status` as well where the merchant would.
        """
        with self.lock:
            order, moment = self.find_order(order_id), at or self.now()
            if flavor == "fulfillment":
                fulfillments.add_parcel(self, order, (tracking_number, provider, url), items, moment)
                return
            entry = make_tracking_item(provider, tracking_number, moment, url)
            if flavor == "ast":
                products = {line["id"]: line["product_id"] for line in order["line_items"]}
                listed = [
                    {"product": products[line_id], "item_id": line_id, "qty": quantity}
                    for line_id, quantity in (items or {}).items()
                ]
                entry = make_ast_item(entry, listed)
            entries = [*(find_meta(order, TRACKING_META) or []), entry]
            set_meta(order, self.next_id("meta"), TRACKING_META, entries)
            self.touch(order, moment)

    def refund(self, order_id: int, asked: Json, at: datetime | None = None) -> Json:
        """Refund with the body of `POST orders/ID/refunds`; raises `RestError` where WooCommerce refuses."""
        with self.lock:
            order, moment = self.find_order(order_id), at or self.now()
            refund = refunds.begin_refund(self, order, asked, moment)
        refunds.pay_refund(self, order, refund, asked)
        with self.lock:
            self.webhooks.announce("action.woocommerce_order_refunded", order_id)
            if refunds.remaining_amount(self, order) == 0 and order["status"] != "refunded":
                self.set_status(order_id, "refunded", moment)
            self.touch(order, moment)
            return refund

    def add_note(self, order_id: int, text: str, *, for_shopper: bool = False, at: datetime | None = None) -> Json:
        """Add an order note. It does not touch the order, and only a shopper's note has an event."""
        with self.lock:
            note: Json = {"id": self.next_id("comment"), "author": "WooCommerce"}
            stamp(note, "date_created", at or self.now(), self.zone)
            note |= {"note": text, "customer_note": for_shopper}
            self.notes.setdefault(order_id, []).insert(0, note)
            if for_shopper:
                subject = {"order_id": order_id, "customer_note": text}
                self.webhooks.announce("action.woocommerce_new_customer_note", subject)
            return note

    def trash(self, order_id: int) -> None:
        """Move an order to the trash: `order.deleted` is queued, `date_modified` stays."""
        with self.lock:
            self.find_order(order_id)["status"] = "trash"
            self.webhooks.announce("order.deleted", order_id)

    def delete_forever(self, order_id: int) -> None:
        """Delete an order for good. WooCommerce tells nobody."""
        with self.lock:
            self.find_order(order_id)
            for table in (self.orders, self.refunds, self.fulfillments, self.notes):
                table.pop(order_id, None)

    def post_review(
        self,
        text: str,
        rating: int,
        *,
        product_id: int = 11,
        reviewer: str = "Ann",
        email: str = "ann@shopper.example",
        status: str = "approved",
        is_verified: bool = True,
        at: datetime | None = None,
    ) -> Json:
        """Add a product review, as the product page does."""
        with self.lock:
            review: Json = {"id": self.next_id("comment")}
            stamp(review, "date_created", at or self.now(), self.zone)
            review |= {
                "product_id": product_id,
                "status": status,
                "reviewer": reviewer,
                "reviewer_email": email,
                "review": text,
                "rating": rating,
                "verified": is_verified,
            }
            self.reviews[review["id"]] = review
            self.webhooks.announce("review.created", review["id"])
            return review

    def edit_review(self, review_id: int, **changes: Any) -> Json:
        """Change a review's text, rating or status. No date of it moves, WordPress keeps none."""
        with self.lock:
            review = self.find_review(review_id)
            review |= changes
            self.webhooks.announce("review.updated", review_id)
            return review

    def delete_review(self, review_id: int) -> None:
        """Delete a review and the replies below it."""
        with self.lock:
            self.find_review(review_id)
            del self.reviews[review_id]
            self.replies = {ref: row for ref, row in self.replies.items() if row["review_id"] != review_id}
            self.webhooks.announce("review.deleted", review_id)

    def reply(self, review_id: int, content: str, external_id: str = "", at: datetime | None = None) -> Json:
        """Add the merchant's reply below a review; raises `RestError`."""
        with self.lock:
            if review_id not in self.reviews:
                raise RestError(404, "aftercare_review_invalid_id", "Invalid review ID.")
            reply: Json = {"id": self.next_id("comment"), "review_id": review_id}
            reply |= {"product_id": self.reviews[review_id]["product_id"], "author": "admin"}
            reply |= {"content": content, "status": "approved", "type": "comment"}
            stamp(reply, "date_created", at or self.now(), self.zone)
            del reply["date_created"]
            self.replies[reply["id"]] = {**reply, "external_id": external_id}
            return reply

    def replies_to(self, review_id: int) -> Sequence[Json]:
        """The replies shown below a review, oldest first."""
        return [reply for reply in self.replies.values() if reply["review_id"] == review_id]


def _set_flags(order: Json) -> None:
    order["needs_payment"] = order["status"] in {"pending", "failed"}
    order["is_editable"] = order["status"] in {"pending", "on-hold", "auto-draft"}
