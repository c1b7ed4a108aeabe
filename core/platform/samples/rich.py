"""The rich sample platform: the app's own secret, tokens that expire, accounts for store credit.

`rich_store.py` is what it talks to. It has what hosted platforms have and leaves out what they leave out: product
reviews, and statuses of a store's own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import parse_qs

from core.money import allocate
from core.platform import sample_payments as till
from core.platform import signatures
from core.platform.contract import (
    Feature,
    Opening,
    Outcome,
    Platform,
    Reimbursement,
    Reply,
    Request,
    SecretOf,
    Shopper,
    StaffIdentity,
)
from core.platform.errors import BadSignature, Refused
from core.platform.refund_checks import GOODS, check_amounts
from core.platform.sample_store import ORDERS
from core.platform.samples.rich_store import SIGNATURE, STORE, TRIGGERED_AT, RichStore
from core.platform.samples.server import acts
from core.platform.snapshots import Change, Gone, OrderSnapshot, OrderState, Page, RefundLine, RefundSnapshot, Variant

_PAGE = 50
_OVERLAP = timedelta(minutes=5)
_RENEW_BEFORE = timedelta(seconds=60)
_PROXY_WINDOW = 90.0
"""Seconds by which a forwarded request's time may differ from ours."""
_RESOURCES = ("order", "return", "store", "privacy", "operation")
NO_ACCOUNT = "A guest has no account for store credit. Refund the payment instead."
WRITES_NO_REFUND_DOWN = "This platform cannot note a refund that was paid elsewhere. Pay it by hand; it is kept here."


class Rich(Platform):
    """A hosted platform that has much: its tokens expire, and it signs with the app's secret."""

    name = "rich"
    title = "Rich sample store"
    features = frozenset(
        {Feature.REFUND, Feature.STORE_CREDIT, Feature.CANCEL, Feature.SHOPPER_IDENTITY, Feature.VARIANTS}
    )
    app_settings: ClassVar[Mapping[str, str]] = {
        "client_id": "names our app at the platform",
        "client_secret": "signs what the platform sends us",
    }
    optional_settings: ClassVar[Mapping[str, str]] = {
        "old_client_secret": "the secret before, while it is being replaced: the platform signs with it for a while",
    }
    renews = True
    pays_once_per_key = True

    @property
    def books(self) -> RichStore:
        """The store's server, not asked yet."""
        return RichStore(self.credentials["world"])

    @property
    def world(self) -> RichStore:
        store = self.books
        store.let_in(self.credentials["access_token"])
        return store

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Read the store from a delivery's header or a forwarded request's query."""
        return request.headers.get(STORE, "") or parse_qs(request.query).get("store", [""])[0]

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Read the session token: in the header of each request, in the query of the first."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        token = token or parse_qs(request.query).get("id_token", [""])[0]
        claims = signatures.read_token(token, _secrets(app), audience=app["client_id"], now=time.time())
        store, staff = claims.get("dest"), claims.get("sub")
        if not isinstance(store, str) or not isinstance(staff, str) or not store or not staff:
            raise BadSignature("The session token names no store and nobody.")
        return Opening(store, StaffIdentity(ref=staff))

    def renew_due(self, now: datetime) -> bool:
        """Renew a minute before the access token is over."""
        return now + _RENEW_BEFORE >= datetime.fromisoformat(self.credentials["access_until"])

    def renew(self) -> Mapping[str, str]:
        """Give both tokens anew for the refresh token."""
        return {**self.credentials, **self.books.refresh(self.credentials["refresh_token"])}

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        """Read what the app's secret signed: the body alone, so the store is read from there and not from a header."""
        signatures.require_signed(request.body, request.headers.get(SIGNATURE, ""), _secrets(self.app), what="delivery")
        try:
            news = json.loads(request.body)
            store, resource, ref = str(news["store"]), news["resource"], str(news["ref"])
            facts = dict(news.get("facts", {}))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return []
        if store != self.ref:
            raise BadSignature("The delivery is signed for another store.")
        if resource not in _RESOURCES:
            return []
        return [Change(resource, ref, _moment(request.headers.get(TRIGGERED_AT, "")), facts)]

    def fetch_order(self, ref: str) -> OrderSnapshot | Gone:
        """Ask for one order."""
        order = self.world.order(ref)
        return _translate(order) if order else Gone(ref)

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """List orders by change, from behind the last one given."""
        moment, _, after = cursor.partition("|")
        moment = datetime.fromisoformat(moment).astimezone(UTC).isoformat()
        rows = self.world.changed_since("order", moment, after, _PAGE)
        orders = tuple(_translate(ORDERS.validate_json(body)) for _, _, body in rows)
        if len(rows) == _PAGE:
            return Page(orders, f"{rows[-1][0]}|{rows[-1][1]}", last=False)
        newest = datetime.fromisoformat(rows[-1][0] if rows else moment)
        # A change that was written late is read by the next poll, never skipped.
        return Page(orders, max(moment, (newest - _OVERLAP).isoformat()), last=True)

    def variants_of(self, product: str) -> list[Variant]:
        """List what is on sale of a product."""
        return [one.variant for one in self.world.shelf().values() if one.product == product]

    def identify_shopper(self, request: Request, *, secret: str) -> Shopper | None:
        """Read whom the storefront's proxy names; nobody where it forwards a request of somebody not signed in."""
        query = parse_qs(request.query, keep_blank_values=True)
        if "signature" not in query:
            return None
        message = signatures.merged_pairs(request.query, without=["signature"], once=["store", "timestamp", "shopper"])
        signatures.require_signed(message, query["signature"][0], _secrets(self.app), "hex")
        sent, store, shopper = (query.get(name, [""])[0] for name in ("timestamp", "store", "shopper"))
        if store != self.ref:
            raise BadSignature("The request was forwarded for another store.")
        if not sent.isdecimal() or abs(time.time() - int(sent)) > _PROXY_WINDOW:
            raise BadSignature("The request was forwarded too long ago.")
        return Shopper(shopper) if shopper else None

    @acts
    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Refund to the payment, or to the shopper's account; the platform itself does once what is asked twice."""
        store, order = self._order(reimbursement.order_ref)
        if done := _find(order, reimbursement):
            return done
        check_amounts(order, reimbursement)
        if reimbursement.kind == "refund" and not reimbursement.through_gateway:
            return Outcome("needs_staff", link=order.admin_url, sentence=WRITES_NO_REFUND_DOWN)
        if reimbursement.kind == "refund" and not till.can_pay_back(order, reimbursement):
            return Outcome("needs_staff", link=order.admin_url, sentence=till.NO_GATEWAY)
        if reimbursement.kind == "store_credit" and not order.shopper_ref:
            raise Refused(NO_ACCOUNT)
        in_credit = reimbursement.kind == "store_credit"
        ref = f"{'transaction' if in_credit else 'refund'}-{len(order.refunds) + 1}"
        flows = 0 if in_credit else reimbursement.amount
        after = till.take_back(order, _as_computed_there(order, reimbursement), ref, store.now, flows=flows)
        store.put(after)
        if in_credit:
            store.credit_account(order.shopper_ref, reimbursement.amount)
        return _outcome(after, after.refunds[-1])

    def find_reimbursement(self, reimbursement: Reimbursement) -> Outcome | None:
        """Look for our key among the order's refunds."""
        return _find(self._order(reimbursement.order_ref)[1], reimbursement)

    @acts
    def cancel_order(self, ref: str, *, key: str, reason: str = "") -> None:
        """Cancel an order nothing of which was shipped."""
        store, order = self._order(ref)
        if order.state is OrderState.CANCELED:
            return
        if order.shipments:
            raise Refused("Part of this order has been shipped.")
        now = store.now
        store.put(replace(order, state=OrderState.CANCELED, status="canceled", canceled_at=now, updated_at=now))

    def _order(self, ref: str) -> tuple[RichStore, OrderSnapshot]:
        store = self.world
        order = store.order(ref)
        if order is None:
            raise Refused("This order is no longer there.")
        return store, order


def _secrets(app: Mapping[str, str]) -> list[str]:
    return [app.get("client_secret", ""), app.get("old_client_secret", "")]


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def _find(order: OrderSnapshot, wanted: Reimbursement) -> Outcome | None:
    known = next((refund for refund in order.refunds if wanted.key and refund.key == wanted.key), None)
    return _outcome(order, known) if known else None


def _outcome(order: OrderSnapshot, refund: RefundSnapshot) -> Outcome:
    if refund.ref.startswith("transaction-"):
        sentence = f"Store credit, in the shopper's account {order.shopper_ref} ({refund.ref})."
        return Outcome("issued", refund.ref, refund.amount, sentence=sentence)
    return Outcome("issued", refund.ref, refund.amount)


def _as_computed_there(order: OrderSnapshot, wanted: Reimbursement) -> Reimbursement:
    """Give the refund as the platform writes it down: it computes what goods are worth itself, cents rounded down."""
    lines = {line.ref: line for line in order.lines if line.kind in GOODS}

    def compute(part: RefundLine) -> RefundLine:
        line = lines.get(part.ref)
        if line is None:
            return part
        net = line.total - (line.tax if order.tax_included else 0)
        taxes = {tax.ref: tax.amount * part.quantity // line.quantity for tax in line.taxes}
        return replace(part, amount=net * part.quantity // line.quantity, taxes=taxes)

    return replace(wanted, lines=tuple(compute(part) for part in wanted.lines))


def _translate(order: OrderSnapshot) -> OrderSnapshot:
    return replace(order, refunds=tuple(_spread(refund) for refund in order.refunds))


def _spread(refund: RefundSnapshot) -> RefundSnapshot:
    """Spread what was refunded beside the platform's own line amounts over the lines, so that they add up."""
    weights = [part.gross for part in refund.lines]
    rest = refund.amount - sum(weights)
    if not weights or rest == 0:
        return refund
    shares = allocate(rest, weights)
    lines = tuple(replace(part, amount=part.amount + share) for part, share in zip(refund.lines, shares, strict=True))
    return replace(refund, lines=lines)


PLATFORM = Rich
