"""The rich sample platform: the app's own secret, tokens that expire, accounts for store credit.

`rich_store.py` is what it talks to. It has what hosted platforms have and leaves out what they leave out: product
reviews, and statuses of a store's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from core.money import spread_difference
from core.platform import sample_payments as till
from core.platform.contract import (
    CancelOutcome,
    Feature,
    Finding,
    Link,
    Missing,
    Outcome,
    Reimbursement,
    ReturnMove,
    StoreFacts,
)
from core.platform.errors import Refused
from core.platform.refund_checks import GOODS, check_amounts
from core.platform.samples.returns_book import ReturnsBook
from core.platform.samples.rich_app import RichApp
from core.platform.samples.rich_listing import list_orders
from core.platform.samples.rich_store import EXCHANGE, RichStore
from core.platform.samples.server import acts
from core.platform.snapshots import Gone, OrderSnapshot, OrderState, Page, RefundLine, RefundSnapshot, Variant

_RENEW_BEFORE = timedelta(seconds=60)
NO_ACCOUNT = "A guest has no account for store credit. Refund the payment instead."
NOT_GRANTED = "The store has not granted access to store credit."
STORE_CREDIT_SCOPE = "write_store_credit"
"""A scope that is asked of the merchant only when it is needed."""


class Rich(RichApp):
    """A hosted platform that has much: its tokens expire, and it signs with the app's secret."""

    name = "rich"
    title = "Rich sample store"
    features = frozenset(
        {
            Feature.REFUND,
            Feature.STORE_CREDIT,
            Feature.EXCHANGE,
            Feature.CANCEL,
            Feature.NATIVE_RETURNS,
            Feature.SHOPPER_IDENTITY,
            Feature.SHOPPER_SIGN_IN,
            Feature.VARIANTS,
        }
    )
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

    def renew_due(self, now: datetime) -> bool:
        """Renew a minute before the access token is over."""
        return now + _RENEW_BEFORE >= datetime.fromisoformat(self.credentials["access_until"])

    def renew(self) -> Mapping[str, str]:
        """Give both tokens anew for the refresh token."""
        return {**self.credentials, **self.books.refresh(self.credentials["refresh_token"])}

    def fetch_order(self, ref: str) -> OrderSnapshot | Gone:
        """Ask for one order."""
        order = self.world.order(ref)
        return _translate(order) if order else Gone(ref)

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """List orders by change; what is old by an operation that takes its time."""
        return list_orders(self.world, cursor, _translate)

    def variants_of(self, product: str) -> list[Variant]:
        """List what is on sale of a product."""
        return [one.variant for one in self.world.shelf().values() if one.product == product]

    def after_install(self, link: Link) -> list[Finding]:
        """Have news of this store sent to the link's address."""
        self.world.subscribe(link.hook_url)
        return []

    def holds_webhooks_of(self, link: Link) -> bool:
        """Say whether news is sent to the link's address."""
        return link.hook_url in self.world.subscriptions

    def remove_webhooks(self, link: Link) -> None:
        """Have no news sent there any more."""
        self.world.unsubscribe(link.hook_url)

    def describe(self) -> StoreFacts:
        """Ask what the store is like."""
        return self.world.facts

    def missing(self) -> Mapping[Feature, Missing]:
        """Say which scopes this store did not grant."""
        if STORE_CREDIT_SCOPE in self.world.scopes:
            return {}
        url = f"https://admin.rich.example/{self.ref}/scopes?ask={STORE_CREDIT_SCOPE}"
        return {Feature.STORE_CREDIT: Missing("scope", STORE_CREDIT_SCOPE, scopes=(STORE_CREDIT_SCOPE,), ask_url=url)}

    @acts
    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Refund to the payment or to the shopper's account, or send something else out with the order.

        The platform itself does once what is asked twice under one key.
        """
        store, order = self._order(reimbursement.order_ref)
        if done := self._find(store, order, reimbursement):
            return done
        check_amounts(order, reimbursement)
        if reimbursement.kind == "refund" and not till.can_pay_back(order, reimbursement):
            return Outcome("needs_staff", link=order.admin_url, sentence=till.NO_GATEWAY)
        if reimbursement.kind == "store_credit" and STORE_CREDIT_SCOPE not in store.scopes:
            raise Refused(NOT_GRANTED)
        if reimbursement.kind == "store_credit" and not order.shopper_ref:
            raise Refused(NO_ACCOUNT)
        if reimbursement.kind == "exchange":
            return self._exchange(store, order, reimbursement)
        in_credit = reimbursement.kind == "store_credit"
        ref = f"{'transaction' if in_credit else 'refund'}-{len(order.refunds) + 1}"
        flows = 0 if in_credit else reimbursement.amount
        computed = _as_computed_there(order, reimbursement)
        store.put(till.take_back(order, computed, ref, store.now, flows=flows))
        if reimbursement.return_ref:
            ReturnsBook(store).dispose(reimbursement.return_ref, reimbursement.lines, now=store.now)
        if in_credit:
            store.credit_account(order.shopper_ref, reimbursement.amount)
        return self._issued(store, reimbursement)

    def _exchange(self, store: RichStore, order: OrderSnapshot, wanted: Reimbursement) -> Outcome:
        shelf = store.shelf()
        if missing := till.missing_variant(wanted, {ref: one.stock for ref, one in shelf.items()}):
            return Outcome("needs_staff", link=order.admin_url, sentence=missing)
        goes_out = till.exchange_order(order, wanted, {ref: one.variant for ref, one in shelf.items()}, store.now)
        for line in wanted.exchange:
            store.take_from_shelf(line.variant, line.quantity)
        if goes_out.state is OrderState.UNPAID:
            store.hold_lines(wanted, goes_out)
            return _awaited(order, goes_out, wanted.amount)
        store.send_out(order, goes_out, wanted)
        return self._issued(store, wanted)

    def find_reimbursement(self, reimbursement: Reimbursement) -> Outcome | None:
        """Look for our key among the order's refunds, then among the exchanges that are still to be paid."""
        store, order = self._order(reimbursement.order_ref)
        return self._find(store, order, reimbursement)

    def _find(self, store: RichStore, order: OrderSnapshot, wanted: Reimbursement) -> Outcome | None:
        known = next((refund for refund in order.refunds if wanted.key and refund.key == wanted.key), None)
        if known:
            return _outcome(order, known)
        held = store.held_lines(wanted.key)
        return _awaited(order, held[1], held[0].amount) if held else None

    def _issued(self, store: RichStore, wanted: Reimbursement) -> Outcome:
        order = store.order(wanted.order_ref)
        assert order is not None
        return _outcome(order, order.refunds[-1])

    @acts
    def move_return(self, move: ReturnMove) -> str:
        """Bring the store's own return where the move wants it."""
        return ReturnsBook(self.world).bring(move, now=self.books.now)

    def order_of_return(self, ref: str) -> str:
        """Ask whose return it is."""
        known = ReturnsBook(self.world).find(ref)
        return known.order_ref if known else ""

    @acts
    def cancel_order(self, ref: str, *, key: str, reason: str = "") -> CancelOutcome:
        """Ask the platform to cancel; it does so a while later."""
        store, order = self._order(ref)
        if order.state is OrderState.CANCELED:
            return CancelOutcome()
        if order.shipments:
            raise Refused("Part of this order has been shipped.")
        store.begin_cancel(ref)
        return CancelOutcome("pending")

    def _order(self, ref: str) -> tuple[RichStore, OrderSnapshot]:
        store = self.world
        order = store.order(ref)
        if order is None:
            raise Refused("This order is no longer there.")
        return store, order


def _outcome(order: OrderSnapshot, refund: RefundSnapshot) -> Outcome:
    if refund.ref.startswith("transaction-"):
        sentence = f"Store credit, in the shopper's account {order.shopper_ref} ({refund.ref})."
        return Outcome("issued", refund.ref, refund.amount, sentence=sentence, credit="account")
    if refund.ref.startswith(EXCHANGE):
        return Outcome("issued", order.ref, refund.amount)
    return Outcome("issued", refund.ref, refund.amount, lines=_spread(refund).lines)


def _awaited(order: OrderSnapshot, goes_out: OrderSnapshot, amount: int) -> Outcome:
    """Say what the shopper has still to pay before it goes out with the order itself."""
    return replace(till.awaited(goes_out, amount), ref=order.ref)


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
    return replace(order, refunds=tuple(_spread(refund) for refund in order.refunds), returns=order.returns or ())


def _spread(refund: RefundSnapshot) -> RefundSnapshot:
    """Spread what was refunded beside the platform's own line amounts over the lines, so that they add up."""
    if not refund.lines:
        return refund
    given = [part.gross for part in refund.lines]
    spread = zip(refund.lines, given, spread_difference(refund.amount, given), strict=True)
    return replace(refund, lines=tuple(replace(part, amount=part.amount + new - old) for part, old, new in spread))


PLATFORM = Rich
