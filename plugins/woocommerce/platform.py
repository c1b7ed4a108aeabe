"""WooCommerce through the door: one store on the merchant's own WordPress. README.md beside this file has the why."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs

import requests

from core.platform.contract import (
    AdminShell,
    Feature,
    Finding,
    Installation,
    InstallUrls,
    Link,
    Opening,
    Outcome,
    Pending,
    Platform,
    Reimbursement,
    Reply,
    Request,
    ReturnMove,
    SealState,
    SecretOf,
    Shopper,
    UnsealState,
)
from core.platform.errors import BadSignature, NothingDone, NotSupported, Refused, Unavailable
from core.platform.refund_checks import check_amounts, goods_of
from core.platform.snapshots import Change, Gone, OrderSnapshot, Page, ReplySnapshot, ReviewSnapshot
from plugins.woocommerce import changed_orders, install, mapping, refunds, signing
from plugins.woocommerce.client import Client, Missing, NoRoute
from plugins.woocommerce.tracking import meta_of, rows_of, utc_time

log = logging.getLogger(__name__)
T = TypeVar("T")

RETURNS_META = "_aftercare_returns"
PLUGIN_API = "wc-aftercare/v1"


class WooCommerce(Platform):
    """One store. `ref` is its home URL without a trailing slash; credentials are {key, secret} of its REST API."""

    name = "woocommerce"
    title = "WooCommerce"
    features = frozenset(
        {
            Feature.REFUND,
            Feature.CANCEL,
            Feature.RETURN_NOTES,
            Feature.REVIEWS,
            Feature.REPLY,
            Feature.SHOPPER_IDENTITY,
            Feature.CUSTOM_STATUSES,
        }
    )
    native_mails: ClassVar[Mapping[str, str]] = {
        "shipped": (
            "WooCommerce mails the shopper when an order becomes completed, and when staff fulfill a shipment and "
            "tick the box to tell the shopper."
        ),
    }

    def __init__(
        self, ref: str, credentials: Mapping[str, str], settings: Mapping[str, Any], http: requests.Session
    ) -> None:
        super().__init__(ref, credentials, settings, http)
        self._fulfillments_on = True
        self._paying_back: frozenset[str] | None = None

    @cached_property
    def _api(self) -> Client:
        # Made on first use: a webhook is read without any credentials.
        return Client(self.ref, self.credentials["key"], self.credentials["secret"], self.http)

    @cached_property
    def _plugin(self) -> Client:
        return Client(self.ref, self.credentials["key"], self.credentials["secret"], self.http, PLUGIN_API)

    # Before a store is known.

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Name the store key our plugin sends along, or the home URL a webhook came from."""
        source = request.headers.get("x-wc-webhook-source", "").rstrip("/")
        store = request.headers.get("x-aftercare-store", "") or source
        if not store:
            raise BadSignature("The request names no store.")
        return store

    @classmethod
    def nonce_of(cls, request: Request) -> str:
        return signing.nonce_of(request)

    @classmethod
    def begin_install(cls, request: Request, app: Mapping[str, str], *, seal: SealState, urls: InstallUrls) -> Reply:
        return install.ask_consent(request, seal, urls)

    @classmethod
    def finish_install(
        cls, request: Request, app: Mapping[str, str], *, unseal: UnsealState, http: requests.Session
    ) -> Installation | Pending:
        return install.take_keys(request, unseal, http)

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Our page in wp-admin is native: its requests come through our plugin, signed. `ref` is the store key."""
        store_key = request.headers.get("x-aftercare-store", "")
        signing.verify_forwarded(request, secret_of(store_key), now=time.time())
        return Opening(ref=store_key, staff=signing.staff_of(request))

    @classmethod
    def admin_shell(cls) -> AdminShell:
        return AdminShell(identity="signed")

    # Connection.

    def after_install(self, link: Link) -> None:
        install.check_connection(self._api, self._plugin, link, renew_secret=True)

    def check_health(self, link: Link) -> list[Finding]:
        return install.check_connection(self._api, self._plugin, link)

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        if _is_ping(request):
            return []
        signing.verify_webhook(request, secret)
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            body = None
        change = _change(request.headers.get("x-wc-webhook-topic", ""), body)
        return [change] if change else []

    def identify_shopper(self, request: Request, *, secret: str) -> Shopper | None:
        """Trust the shopper our WordPress plugin names; one who is not signed in there is nobody."""
        if not request.headers.get("x-aftercare-shopper"):
            return None
        signing.verify_forwarded(request, secret, now=time.time())
        return signing.shopper_of(request)

    # Reading.

    def fetch_order(self, ref: str) -> OrderSnapshot | Gone:
        try:
            order = self._api.get(f"orders/{_id(ref)}")
        except Missing:
            return Gone(ref)
        return self._snapshot(order, self._may_have_fulfillments(order))

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """See listing.py for why nothing is skipped. An order we cannot read is logged and left out."""
        per_page = int(self.settings.get("per_page") or 100)
        changed = changed_orders.changed_orders(self._api, changed_orders.Cursor.read(cursor), per_page)
        found = list(_readable(changed.rows, lambda order: self._snapshot(order, self._has_fulfillments(order))))
        snapshots = tuple(one for one in found if isinstance(one, OrderSnapshot))
        gone = tuple(one.ref for one in found if isinstance(one, Gone))
        return Page(snapshots, str(changed.cursor), changed.last, gone, changed.total)

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        try:
            return mapping.review(self._api.get(f"products/reviews/{_id(ref)}"), self._replies(ref))
        except Missing:
            return Gone(ref)

    def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
        """List all reviews: WooCommerce knows no time of change. The cursor is a page number; the last page's is ""."""
        number = int(cursor) if cursor.isdecimal() else 1
        rows, total, last = self._api.page("products/reviews", {"status": "all", "page": number})
        snapshots = tuple(_readable(rows, mapping.review))
        return Page(snapshots, "" if last else str(number + 1), last, total=total)

    def order_statuses(self) -> Mapping[str, str]:
        return {row["slug"]: row["name"] for row in rows_of(self._api.get("orders/statuses"))}

    # Acting.

    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Refund once. WooCommerce says with HTTP 500 what it will not do, so nothing here is sent again."""
        if reimbursement.kind != "refund":
            raise NotSupported(f"WooCommerce has no {reimbursement.kind}.")
        ref = _id(reimbursement.order_ref)
        link = mapping.admin_url(self.ref, ref)
        try:
            prepared = self._prepare_refund(ref, reimbursement, link)
        except Unavailable as error:  # so far we have only read
            raise NothingDone(str(error), retry_after=error.retry_after) from None
        if isinstance(prepared, Outcome):
            return prepared
        created = self._api.pay(f"orders/{ref}/refunds", prepared, self.paying_seconds)
        rows = self._api.walk(f"orders/{ref}/refunds")
        written = next((row for row in rows if row["id"] == created["id"]), created)
        return refunds.outcome_of(written, reimbursement.currency, asked=reimbursement.amount, link=link)

    def find_reimbursement(self, reimbursement: Reimbursement) -> Outcome | None:
        try:
            order, existing = self._order_and_refunds(_id(reimbursement.order_ref))
        except Missing:
            return None
        done = refunds.find_refund(existing, reimbursement)
        link = mapping.admin_url(self.ref, reimbursement.order_ref)
        return refunds.outcome_of(done, order["currency"], link=link) if done else None

    def move_return(self, move: ReturnMove) -> str:
        """Leave a private note and one row of meta data: a return is never an order status of the store's."""
        path = f"orders/{_id(move.order_ref)}"
        rows = rows_of(meta_of(self._api.get(path)).get(RETURNS_META))
        for row in rows:
            if row.get("key") == move.key:
                return str(row.get("note"))
        words = f"Aftercare: return {move.rma} {move.move}. {move.note}".strip()
        # All in one page, whatever was asked for (10.5).
        notes = self._api.page(f"{path}/notes", {"type": "internal"}).items
        # There already: the last try wrote the note and was cut off before the meta data.
        written = (row for row in notes if row.get("note") == words)
        note = next(written, None) or self._api.post(f"{path}/notes", {"note": words, "customer_note": False})
        row = {"key": move.key, "rma": move.rma, "move": move.move, "note": str(note["id"])}
        self._api.put(path, {"meta_data": [{"key": RETURNS_META, "value": [*rows, row]}]})
        return str(note["id"])

    def cancel_order(self, ref: str, *, key: str, reason: str = "") -> None:
        """Cancel; an order canceled already is left alone, so `key` has nothing to guard."""
        path = f"orders/{_id(ref)}"
        status = self._api.get(path)["status"]
        if status == "cancelled":
            return
        if status in ("completed", "refunded"):
            raise Refused(f"The order is {status} in WooCommerce, so it cannot be canceled.")
        self._api.put(path, {"status": "cancelled"})
        if reason:
            self._api.post(f"{path}/notes", {"note": f"Aftercare: canceled. {reason}", "customer_note": False})

    def publish_reply(self, review_ref: str, text: str, *, key: str) -> ReplySnapshot:
        """Our WordPress plugin publishes it, once a key; wc/v3 would make a second review out of it (10.5)."""
        body = self._ask_plugin("POST", f"reviews/{_id(review_ref)}/replies", {"content": text, "external_id": key})
        return mapping.reply({"external_id": key, **body})

    def edit_reply(self, reply_ref: str, text: str) -> ReplySnapshot:
        return mapping.reply(self._ask_plugin("PUT", f"replies/{_id(reply_ref)}", {"content": text}))

    def remove_reply(self, reply_ref: str) -> None:
        try:
            self._ask_plugin("DELETE", f"replies/{_id(reply_ref)}")
        except Missing:
            return

    # What the above share.

    def _prepare_refund(self, ref: str, wanted: Reimbursement, link: str) -> Outcome | dict[str, Any]:
        """Give the body that asks for a refund, or what became of it where there is nothing to ask."""
        order, existing = self._order_and_refunds(ref)
        if done := refunds.find_refund(existing, wanted):
            return refunds.outcome_of(done, order["currency"], link=link)
        found = mapping.order(order, store_url=self.ref, refunds=existing)
        if isinstance(found, Gone):
            raise Refused("The order is in the trash.")
        # WooCommerce itself checks the amount against the rest and no more: ninety-nine units of three, or lines that
        # do not add up, answer 201 there (10.5, 2026-11).
        check_amounts(found, wanted)
        if wanted.through_gateway and not self._can_pay_back(order):
            return Outcome("needs_staff", link=link, sentence=refunds.NO_GATEWAY)
        return refunds.refund_body(wanted, goods_of(found))

    def _snapshot(self, order: Mapping[str, Any], with_fulfillments: bool) -> OrderSnapshot | Gone:
        if order.get("status") in mapping.GONE:
            return Gone(str(order["id"]))
        return mapping.order(
            order,
            store_url=self.ref,
            refunds=self._refunds(order),
            fulfillments=self._fulfillments(order) if with_fulfillments else (),
            refundable=bool(order.get("date_paid_gmt")) and self._can_pay_back(order),
        )

    def _order_and_refunds(self, ref: str) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
        order = self._api.get(f"orders/{ref}")
        return order, self._refunds(order)

    def _refunds(self, order: Mapping[str, Any]) -> list[dict[str, Any]]:
        return list(self._api.walk(f"orders/{order['id']}/refunds")) if order.get("refunds") else []

    def _may_have_fulfillments(self, order: Mapping[str, Any]) -> bool:
        return meta_of(order).get("_fulfillment_status") != "no_fulfillments"

    def _has_fulfillments(self, order: Mapping[str, Any]) -> bool:
        # Core keeps this beside the order, so that a listing need not ask order by order (10.5).
        return meta_of(order).get("_fulfillment_status") in ("partially_fulfilled", "fulfilled")

    def _fulfillments(self, order: Mapping[str, Any]) -> list[dict[str, Any]]:
        if not self._fulfillments_on:
            return []
        try:
            return rows_of(self._api.get(f"orders/{order['id']}/fulfillments"))
        except NoRoute:
            self._fulfillments_on = False  # the feature is off in this store
        except Missing:
            log.info("woocommerce: an order went while it was read")
        return []

    def _can_pay_back(self, order: Mapping[str, Any]) -> bool:
        if self._paying_back is None:
            gateways = self._api.page("payment_gateways", {"_fields": "id,method_supports"}).items
            able = (row["id"] for row in gateways if "refunds" in (row.get("method_supports") or ()))
            self._paying_back = frozenset(able)
        return order.get("payment_method") in self._paying_back

    def _replies(self, review_ref: str) -> list[ReplySnapshot] | None:
        """Ask our WordPress plugin for them; None where it is absent, old or unwilling."""
        try:
            return [mapping.reply(row) for row in rows_of(self._plugin.get(f"reviews/{_id(review_ref)}/replies"))]
        except Refused:
            return None

    def _ask_plugin(self, method: str, endpoint: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        ask = {"POST": self._plugin.post, "PUT": self._plugin.put}
        try:
            return ask[method](endpoint, body) if method in ask else self._plugin.delete(endpoint)
        except NoRoute:
            raise NotSupported(install.NO_PLUGIN) from None


def _readable(rows: Iterable[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
    """Read each row; one that is unreadable is logged and must not stop those behind it."""
    for row in rows:
        try:
            yield read(row)
        except mapping.Unreadable as error:
            log.warning("woocommerce: %s", error)


def _is_ping(request: Request) -> bool:
    """WooCommerce tries a new address with an unsigned form, `webhook_id=1`, and wants a 200 (10.5)."""
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    fields = parse_qs(request.body[:100].decode("ascii", "replace")) if form else {}
    return set(fields) == {"webhook_id"} and fields["webhook_id"][0].isdecimal()


def _change(topic: str, body: Any) -> Change | None:
    """Say what a signed delivery is about. The topic is not signed, but all we take from it is what to fetch.

    None for what we do not follow, and for an error body: the order may be gone by the time WooCommerce builds it.
    """
    if not isinstance(body, dict):
        return None
    resource, _, event = topic.partition(".")
    at = utc_time(body.get("date_modified_gmt"))
    if resource == "review" and body.get("id"):
        return Change("review", str(body["id"]), at)
    ref: Any = None
    if resource == "order":
        ref = body.get("id")
    elif resource == "fulfillment":
        ref = body.get("order_id") or body.get("entity_id")
    elif resource == "action" and event.startswith(("woocommerce_order_", "woocommerce_new_customer_note")):
        argument = body.get("arg")
        ref = argument.get("order_id") if isinstance(argument, dict) else argument
    return Change("order", str(ref), at) if str(ref or "").isdecimal() else None


def _id(ref: str) -> str:
    """WooCommerce's ids are numbers; anything else must not reach a URL."""
    if not (ref.isascii() and ref.isdecimal()):
        raise Missing(f"WooCommerce has nothing numbered {ref[:20]!r}.")
    return ref
