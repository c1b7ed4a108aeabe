"""The contract for WooCommerce: one store on the merchant's own WordPress. The README beside this file says why."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import requests

from core.platform.contract import (
    AdminShell,
    CancelOutcome,
    Feature,
    Finding,
    Identity,
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
    StoreFacts,
    StoreKey,
    UnsealState,
)
from core.platform.errors import BadSignature, NothingDone, NotSupported, Refused, Unavailable
from core.platform.refund_checks import check_amounts, goods_of
from core.platform.snapshots import Change, Gone, OrderSnapshot, Page, ReplySnapshot, ReviewSnapshot, Variant
from plugins.woocommerce import changed_orders, install, mapping, refunds, return_notes, signing, variants, webhooks
from plugins.woocommerce.amounts import fractions
from plugins.woocommerce.client import Client, Missing, NoRoute, checked_id
from plugins.woocommerce.orders import OrderReader
from plugins.woocommerce.tracking import rows_of

log = logging.getLogger(__name__)
T = TypeVar("T")

PLUGIN_API = "wc-aftercare/v1"


class WooCommerce(Platform):
    """One store. `ref` is its home URL without a trailing slash; credentials are {key, secret} of its REST API."""

    name = "woocommerce"
    title = "WooCommerce"
    features = frozenset(
        {
            Feature.REFUND,
            Feature.RECORDS_REFUNDS,
            Feature.CANCEL,
            Feature.RETURN_NOTES,
            Feature.REVIEWS,
            Feature.REPLY,
            Feature.SHOPPER_IDENTITY,
            Feature.CUSTOM_STATUSES,
            Feature.VARIANTS,
            Feature.COLLECTIONS,
        }
    )
    copies_keep_id = True
    native_mails: ClassVar[Mapping[str, str]] = {
        "shipped": (
            "WooCommerce mails the shopper when an order becomes completed: then ours is left out. It does not say "
            "whether it mailed about a single shipment: if you tick the box to tell the shopper, switch ours off."
        ),
    }

    @cached_property
    def _api(self) -> Client:
        # Made on first use: a webhook is read without any credentials.
        return Client(self.ref, self.credentials["key"], self.credentials["secret"], self.http)

    @cached_property
    def _plugin(self) -> Client:
        return Client(self.ref, self.credentials["key"], self.credentials["secret"], self.http, PLUGIN_API)

    @cached_property
    def _orders(self) -> OrderReader:
        return OrderReader(self._api, self.ref)

    # Before a store is known.

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Name the store key our plugin sends along, or the home URL a webhook came from."""
        source = request.headers.get("x-wc-webhook-source", "").rstrip("/")
        store = StoreKey(request.headers.get("x-aftercare-store", "")) or source
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
        cls, request: Request, app: Mapping[str, str], *, unseal: UnsealState, urls: InstallUrls, http: requests.Session
    ) -> Installation | Pending:
        return install.take_keys(request, unseal, http)

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Our page in wp-admin is native: its requests come through our plugin, signed. `ref` is the store key."""
        store_key = request.headers.get("x-aftercare-store", "")
        signing.verify_forwarded(request, secret_of(store_key), now=time.time())
        return Opening(ref=StoreKey(store_key), staff=signing.staff_of(request))

    @classmethod
    def admin_shell(cls, app: Mapping[str, str], ref: str) -> AdminShell:
        return AdminShell(identity="signed")

    # Connection.

    def after_install(self, link: Link) -> list[Finding]:
        return install.check_connection(self._api, self._plugin, link, renew_secret=True)

    def check_health(self, link: Link) -> list[Finding]:
        return install.check_connection(self._api, self._plugin, link)

    def describe(self) -> StoreFacts:
        return install.describe(self._api, self.ref, self.http)

    def identify(self) -> Identity:
        return install.identify(self._api, self.ref)

    def holds_webhooks_of(self, link: Link) -> bool:
        return any(install.leads_to(hook, link) for hook in self._api.walk("webhooks"))

    def remove_webhooks(self, link: Link) -> None:
        for hook in [hook for hook in self._api.walk("webhooks") if install.leads_to(hook, link)]:
            self._api.delete(f"webhooks/{hook['id']}", params={"force": "true"})

    def check_access(self) -> None:
        self._api.page("orders", {"per_page": 1, "_fields": "id"})

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        return webhooks.read_webhook(request, secret)

    def identify_shopper(self, request: Request, *, secret: str) -> Shopper | None:
        """Trust the shopper our WordPress plugin names; one who is not signed in there is nobody."""
        if not request.headers.get("x-aftercare-shopper"):
            return None
        signing.verify_forwarded(request, secret, now=time.time())
        return signing.shopper_of(request)

    # Reading.

    def fetch_order(self, ref: str) -> OrderSnapshot | Gone:
        try:
            return self._orders.fetch(checked_id(ref))
        except Missing:
            return Gone(ref)

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """See changed_orders.py for why nothing is skipped. An order we cannot read is logged and left out."""
        per_page = int(self.settings.get("per_page") or 100)
        changed = changed_orders.changed_orders(self._api, changed_orders.Cursor.read(cursor), per_page)
        found = list(_readable(changed.rows, self._orders.read_listed))
        snapshots = tuple(one for one in found if isinstance(one, OrderSnapshot))
        gone = tuple(one.ref for one in found if isinstance(one, Gone))
        return Page(snapshots, str(changed.cursor), changed.last, gone, changed.total)

    def variants_of(self, product: str) -> list[Variant]:
        return variants.variants_of(self._api, product)

    def collections_of(self, products: Sequence[str]) -> dict[str, tuple[str, ...]]:
        return variants.collections_of(self._api, products)

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        try:
            return mapping.review(self._api.get(f"products/reviews/{checked_id(ref)}"), self._replies(ref))
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
        ref = checked_id(reimbursement.order_ref)
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
            order, existing = self._orders.with_refunds(checked_id(reimbursement.order_ref))
        except Missing:
            return None
        done = refunds.find_refund(existing, reimbursement)
        link = mapping.admin_url(self.ref, reimbursement.order_ref)
        return refunds.outcome_of(done, order["currency"], link=link) if done else None

    def move_return(self, move: ReturnMove) -> str:
        return return_notes.write_move(self._api, move)

    def cancel_order(self, ref: str, *, key: str, reason: str = "") -> CancelOutcome:
        """Cancel; an order canceled already is left alone, so `key` has nothing to guard."""
        path = f"orders/{checked_id(ref)}"
        status = self._api.get(path)["status"]
        if status == "cancelled":
            return CancelOutcome()
        if status in ("completed", "refunded"):
            raise Refused(f"The order is {status} in WooCommerce, so it cannot be canceled.")
        self._api.put(path, {"status": "cancelled"})
        if reason:
            self._api.post(f"{path}/notes", {"note": f"Aftercare: canceled. {reason}", "customer_note": False})
        return CancelOutcome()

    def publish_reply(self, review_ref: str, text: str, *, key: str) -> ReplySnapshot:
        """Our WordPress plugin publishes it, once a key; wc/v3 would make a second review out of it (10.5)."""
        path, wanted = f"reviews/{checked_id(review_ref)}/replies", {"content": text, "external_id": key}
        return mapping.reply({"external_id": key, **self._ask_plugin("POST", path, wanted)})

    def edit_reply(self, reply_ref: str, text: str) -> ReplySnapshot:
        return mapping.reply(self._ask_plugin("PUT", f"replies/{checked_id(reply_ref)}", {"content": text}))

    def remove_reply(self, reply_ref: str) -> None:
        try:
            self._ask_plugin("DELETE", f"replies/{checked_id(reply_ref)}")
        except Missing:
            return

    # What the methods above share.

    def _prepare_refund(self, ref: str, wanted: Reimbursement, link: str) -> Outcome | dict[str, Any]:
        """Give the body that asks for a refund, or what became of it where there is nothing to ask."""
        order, existing = self._orders.with_refunds(ref)
        if done := refunds.find_refund(existing, wanted):
            return refunds.outcome_of(done, order["currency"], link=link)
        found = mapping.order(order, store_url=self.ref, refunds=existing)
        if isinstance(found, Gone):
            raise Refused("The order is in the trash.")
        # WooCommerce itself checks the amount against the rest and no more: ninety-nine units of three, or lines that
        # do not add up, answer 201 there (10.5, 2026-11).
        check_amounts(found, wanted)
        if sentence := refunds.stored_value_sentence(found, wanted):
            return Outcome("needs_staff", link=link, sentence=sentence)
        if wanted.through_gateway and not self._orders.can_refund(order):
            return Outcome("needs_staff", link=link, sentence=refunds.NO_GATEWAY)
        return refunds.refund_body(wanted, goods_of(found), fractions(order))

    def _replies(self, review_ref: str) -> list[ReplySnapshot] | None:
        """Ask our WordPress plugin for them; None where it is absent, old or unwilling."""
        try:
            path = f"reviews/{checked_id(review_ref)}/replies"
            return [mapping.reply(row) for row in rows_of(self._plugin.get(path))]
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
