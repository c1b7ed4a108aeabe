"""The demo platform: a small store in one SQLite file, answering the whole contract. Used by the demo and by tests.

`World` (sample_store.py) is the store's own side, where a merchant places, ships and refunds; `Demo` is the plugin that
talks to it, and sample_payments.py what money does there.
`serve` never registers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import parse_qs

import requests

from core.platform import sample_payments as till
from core.platform.contract import (
    CancelOutcome,
    Feature,
    Installation,
    InstallUrls,
    Missing,
    Outcome,
    Pending,
    Reimbursement,
    Reply,
    Request,
    ReturnMove,
    SealState,
    Shopper,
    StoreFacts,
    UnsealState,
)
from core.platform.errors import AccessLost, Refused, Unavailable
from core.platform.refund_checks import check_amounts
from core.platform.sample_signing import SIGNATURE as SIGNATURE
from core.platform.sample_signing import forward as forward
from core.platform.sample_signing import open_as_app as open_as_app
from core.platform.sample_signing import shopper_of, verify_forwarded
from core.platform.sample_signing import sign as sign
from core.platform.sample_store import ORDERS, REVIEWS, World
from core.platform.samples.app import AppSide
from core.platform.snapshots import (
    Gone,
    OrderSnapshot,
    OrderState,
    Page,
    ReplySnapshot,
    ReviewSnapshot,
    Variant,
)

_PAGE = 50
_OVERLAP = timedelta(minutes=5)
_T = TypeVar("_T", OrderSnapshot, ReviewSnapshot)
_P = ParamSpec("_P")
_R = TypeVar("_R")


def _serialized(verb: Callable[Concatenate[Demo, _P], _R]) -> Callable[Concatenate[Demo, _P], _R]:
    """Run a method alone: of two calls with one key, the second finds what the first wrote."""

    @wraps(verb)
    def done_alone(self: Demo, *args: _P.args, **options: _P.kwargs) -> _R:
        with self.world.alone():
            return verb(self, *args, **options)

    return done_alone


class Demo(AppSide):
    """A platform that can do everything, in one file on this machine."""

    name = "demo"
    title = "Sample store"
    features = frozenset(Feature) - {Feature.LISTS_DELETIONS, Feature.NATIVE_RETURNS, Feature.SHOPPER_SIGN_IN}
    pays_once_per_key = True

    @property
    def world(self) -> World:
        """The store's books, wherever the credentials say they are, if their door is open."""
        world = World(self.credentials["world"])
        door = world.door
        if door == "away":
            raise Unavailable("the sample store is closed for a moment", retry_after=1.0)
        if door == "locked":
            raise AccessLost("the sample store has changed its locks")
        return world

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Read the store from the delivery's own header."""
        return request.headers.get("x-demo-store", "")

    @classmethod
    def nonce_of(cls, request: Request) -> str:
        """Read the one-time text of a forwarded request."""
        return request.headers.get("x-demo-nonce", "")

    @classmethod
    def begin_install(cls, request: Request, app: Mapping[str, str], *, seal: SealState, urls: InstallUrls) -> Reply:
        """Ask nobody: go straight on."""
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        state = seal({"ref": asked.get("store", ""), "world": asked.get("world", "")})
        return Reply(302, {"Location": f"{urls.done}?state={state}"})

    @classmethod
    def finish_install(
        cls, request: Request, app: Mapping[str, str], *, unseal: UnsealState, urls: InstallUrls, http: requests.Session
    ) -> Installation | Pending:
        """Give what begin_install sealed."""
        state = unseal(parse_qs(request.query).get("state", [""])[0])
        if not state.get("ref"):
            raise Refused("Name the sample store to connect.")
        return Installation(ref=state["ref"], name=state["ref"], credentials={"world": state["world"]}, currency="EUR")

    def describe(self) -> StoreFacts:
        """Say what the store's owner told it to say."""
        return self.world.facts

    def missing(self) -> Mapping[Feature, Missing]:
        """Say what the store's owner told it to lack."""
        return self.world.missing

    def fetch_order(self, ref: str) -> OrderSnapshot | Gone:
        """Look into the books."""
        return self.world.order(ref) or Gone(ref)

    def variants_of(self, product: str) -> list[Variant]:
        """Look at the shelf."""
        return [one.variant for one in self.world.shelf().values() if one.product == product]

    def collections_of(self, products: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Say what the store's owner put where; a product nobody put anywhere is in no collection."""
        return {product: self.world.collections(product) for product in products}

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        """Look into the books."""
        return self.world.review(ref) or Gone(ref)

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """List orders by change."""
        return self._since("order", cursor, ORDERS.validate_json)

    def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
        """List reviews by change."""
        return self._since("review", cursor, REVIEWS.validate_json)

    def _since(self, kind: str, cursor: str, load: Callable[[str], _T]) -> Page[_T]:
        moment, _, after = cursor.partition("|")
        moment = datetime.fromisoformat(moment).astimezone(UTC).isoformat()
        rows = self.world.changed_since(kind, moment, after, _PAGE)
        last = len(rows) < _PAGE
        newest = rows[-1] if rows else (moment, "", "")
        position = max(moment, _earlier(newest[0])) if last else f"{newest[0]}|{newest[1]}"
        return Page(tuple(load(row[2]) for row in rows), position, last, total=self.world.count(kind))

    def order_statuses(self) -> Mapping[str, str]:
        """List the sample store's statuses."""
        return {"open": "Open", "sent": "Sent", "done": "Completed", "delivered": "Delivered"}

    def identify_shopper(self, request: Request, *, secret: str) -> Shopper | None:
        """Read the shopper the store vouches for."""
        if "x-demo-shopper" not in request.headers:
            return None
        verify_forwarded(request, secret)
        return shopper_of(request)

    @_serialized
    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Write what is due into the books, once per key: a refund, a store credit's code or an order that goes out."""
        done = self.find_reimbursement(reimbursement)
        if done:
            return done
        order, now = self._order(reimbursement.order_ref), datetime.now(UTC)
        check_amounts(order, reimbursement)
        manners, reimbursement = self.world.manners, till.reckon(reimbursement, self.world.manners.get("shifts", 0))
        ref, flows = f"refund-{len(order.refunds) + 1}", reimbursement.amount
        if reimbursement.kind == "refund" and not reimbursement.through_gateway:
            flows = 0
        elif reimbursement.kind == "refund" and not till.can_pay_back(order, reimbursement):
            return Outcome("needs_staff", link=order.admin_url, sentence=till.NO_GATEWAY)
        if reimbursement.kind == "store_credit":
            ref, flows = till.credit_code(reimbursement.key), 0
            kept = {"left": reimbursement.amount, "currency": order.currency, "in": manners.get("credit", "code")}
            self.world.note("credit", ref, kept)
        elif reimbursement.kind == "exchange":
            shelf = self.world.shelf()
            if missing := till.missing_variant(reimbursement, {ref: one.stock for ref, one in shelf.items()}):
                return Outcome("needs_staff", link=order.admin_url, sentence=missing)
            instead = till.exchange_order(order, reimbursement, {ref: one.variant for ref, one in shelf.items()}, now)
            for line in reimbursement.exchange:
                self.world.take_from_shelf(line.variant, line.quantity)
            ref, flows = instead.ref, max(0, reimbursement.amount - instead.total)
            if manners.get("exchange") == "same_order" and instead.state is not OrderState.UNPAID:
                order, ref = till.joined(order, instead), f"{order.ref}{till.SAME_ORDER}{len(order.refunds) + 1}"
            else:
                self.world.put(instead)
            if instead.state is OrderState.UNPAID:
                self.world.hold(reimbursement, instead.ref)
                return till.awaited(instead, reimbursement.amount)
        self.world.put(after := till.take_back(order, reimbursement, ref, now, flows=flows))
        return till.outcome_of(after, after.refunds[-1], self.world.credit(ref))

    def find_reimbursement(self, reimbursement: Reimbursement) -> Outcome | None:
        """Look into the order's books for our key, then among the exchanges the shopper has still to pay for."""
        order, key = self._order(reimbursement.order_ref), reimbursement.key
        known = next((refund for refund in order.refunds if key and refund.key == key), None)
        if known:
            return till.outcome_of(order, known, self.world.credit(known.ref))
        held = self.world.held(key)
        instead = self.world.order(held[1]) if held else None
        return till.awaited(instead, held[0].amount) if held and instead else None

    def move_return(self, move: ReturnMove) -> str:
        """Leave a note on the order."""
        self.world.note("note", move.key, {"order": move.order_ref, "rma": move.rma, "move": move.move})
        return move.key

    @_serialized
    def cancel_order(self, ref: str, *, key: str, reason: str = "") -> CancelOutcome:
        """Cancel an order nothing of which was shipped, at once or as the store's manners say."""
        order, how = self._order(ref), self.world.manners.get("cancel", "done")
        if order.state is OrderState.CANCELED:
            return CancelOutcome()
        if order.shipments:
            raise Refused("Part of this order has been shipped.")
        if how == "done":
            self.world.put(till.canceled(order, datetime.now(UTC)))
        return CancelOutcome(how, till.BEING_PACKED if how == "needs_staff" else "")

    @_serialized
    def publish_reply(self, review_ref: str, text: str, *, key: str) -> ReplySnapshot:
        """Answer under the review, once per key."""
        review = self.world.review(review_ref)
        if review is None:
            raise Refused("This review is no longer there.")
        known = next((reply for reply in review.replies if reply.key == key), None)
        if known:
            return known
        reply = ReplySnapshot(f"{review_ref}/{len(review.replies) + 1}", text, key, datetime.now(UTC))
        self.world.put(replace(review, replies=(*review.replies, reply), updated_at=datetime.now(UTC)))
        return reply

    @_serialized
    def edit_reply(self, reply_ref: str, text: str) -> ReplySnapshot:
        """Change an answer."""
        review = self._review_of(reply_ref)
        replies = tuple(replace(r, text=text) if r.ref == reply_ref else r for r in review.replies)
        self.world.put(replace(review, replies=replies, updated_at=datetime.now(UTC)))
        return next(reply for reply in replies if reply.ref == reply_ref)

    @_serialized
    def remove_reply(self, reply_ref: str) -> None:
        """Take an answer back."""
        review = self.world.review(reply_ref.partition("/")[0])
        if review:
            replies = tuple(reply for reply in review.replies if reply.ref != reply_ref)
            self.world.put(replace(review, replies=replies, updated_at=datetime.now(UTC)))

    def _order(self, ref: str) -> OrderSnapshot:
        order = self.world.order(ref)
        if order is None:
            raise Refused("This order is no longer there.")
        return order

    def _review_of(self, reply_ref: str) -> ReviewSnapshot:
        review = self.world.review(reply_ref.partition("/")[0])
        if review is None or all(reply.ref != reply_ref for reply in review.replies):
            raise Refused("This reply is no longer there.")
        return review


def _earlier(moment: str) -> str:
    # A change that was written late is read by the next poll, never skipped.
    return (datetime.fromisoformat(moment) - _OVERLAP).isoformat()


PLATFORM = Demo
