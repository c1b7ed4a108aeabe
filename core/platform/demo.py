"""The demo platform: a small store in one SQLite file, answering the whole contract. Used by the demo and by tests.

`World` is the store's own side, where a merchant places, ships and refunds; `Demo` is the plugin that talks to it.
`serve` never registers it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

import requests
from pydantic import TypeAdapter

from core.platform.contract import (
    Feature,
    Installation,
    InstallUrls,
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
    StaffIdentity,
    UnsealState,
)
from core.platform.errors import AccessLost, BadSignature, Refused, Unavailable
from core.platform.snapshots import (
    Change,
    Gone,
    OrderSnapshot,
    OrderState,
    Page,
    RefundSnapshot,
    ReplySnapshot,
    ReviewSnapshot,
)

SIGNATURE = "x-demo-signature"
_ORDERS = TypeAdapter(OrderSnapshot)
_REVIEWS = TypeAdapter(ReviewSnapshot)
_PAGE = 50
_OVERLAP = timedelta(minutes=5)
_T = TypeVar("_T", OrderSnapshot, ReviewSnapshot)


class World:
    """A store's own books: orders, reviews, notes. One file, safe for several processes."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        self._lock = threading.Lock()
        with self._open() as books:
            books.execute(
                "create table if not exists things"
                " (kind text, ref text, changed text, body text, primary key (kind, ref))"
            )

    def _open(self) -> sqlite3.Connection:
        books = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        books.execute("pragma synchronous=off")  # a sample store need not survive a power cut
        return books

    def put(self, thing: OrderSnapshot | ReviewSnapshot) -> None:
        """Write an order or review as the store has it now."""
        kind, adapter = ("order", _ORDERS) if isinstance(thing, OrderSnapshot) else ("review", _REVIEWS)
        body = adapter.dump_json(thing).decode()  # type: ignore[arg-type]
        with self._lock, self._open() as books:
            row = (kind, thing.ref, thing.updated_at.astimezone(UTC).isoformat(), body)
            books.execute("insert or replace into things values (?, ?, ?, ?)", row)

    def remove(self, kind: str, ref: str) -> None:
        """Forget an order or review, as a store does that deletes for good."""
        with self._lock, self._open() as books:
            books.execute("delete from things where kind = ? and ref = ?", (kind, ref))

    def order(self, ref: str) -> OrderSnapshot | None:
        """Give an order as it is now."""
        body = self._body("order", ref)
        return _ORDERS.validate_json(body) if body else None

    def review(self, ref: str) -> ReviewSnapshot | None:
        """Give a review as it is now."""
        body = self._body("review", ref)
        return _REVIEWS.validate_json(body) if body else None

    def _body(self, kind: str, ref: str) -> str | None:
        with self._open() as books:
            row = books.execute("select body from things where kind = ? and ref = ?", (kind, ref)).fetchone()
        return row[0] if row else None

    @property
    def door(self) -> str:
        """How the store answers: "open", "away" (try again) or "locked" (it took our keys back)."""
        return self._body("door", "") or "open"

    @door.setter
    def door(self, state: str) -> None:
        with self._lock, self._open() as books:
            books.execute("insert or replace into things values ('door', '', '', ?)", (state,))

    def changed_since(self, kind: str, moment: str, after: str, limit: int) -> list[tuple[str, str, str]]:
        """List (changed, ref, body) at or after a moment, from behind `after` within it; oldest first."""
        query = (
            "select changed, ref, body from things where kind = ? and (changed, ref) > (?, ?)"
            " order by changed, ref limit ?"
        )
        with self._open() as books:
            return books.execute(query, (kind, moment, after, limit)).fetchall()

    def count(self, kind: str) -> int:
        """Count what the store has of a kind."""
        with self._open() as books:
            return int(books.execute("select count(*) from things where kind = ?", (kind,)).fetchone()[0])

    def note(self, kind: str, ref: str, body: Mapping[str, Any]) -> None:
        """Keep a note on an order."""
        with self._lock, self._open() as books:
            row = (kind, ref, datetime.now(UTC).isoformat(), json.dumps(body))
            books.execute("insert or replace into things values (?, ?, ?, ?)", row)


class Demo(Platform):
    """A platform that can do everything, in one file on this machine."""

    name = "demo"
    title = "Sample store"
    features = frozenset(Feature) - {Feature.LISTS_DELETIONS, Feature.NATIVE_RETURNS}

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
        cls, request: Request, app: Mapping[str, str], *, unseal: UnsealState, http: requests.Session
    ) -> Installation | Pending:
        """Give what begin_install sealed."""
        state = unseal(parse_qs(request.query).get("state", [""])[0])
        if not state.get("ref"):
            raise Refused("Name the sample store to connect.")
        return Installation(ref=state["ref"], name=state["ref"], credentials={"world": state["world"]}, currency="EUR")

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Let Max in when the store signed for him."""
        store = request.headers.get("x-demo-store", "")
        verify_forwarded(request, secret_of(store))
        return Opening(store, StaffIdentity(ref="max", name="Max", email="max@shop.example"))

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        """Read {"resource", "ref"} that the store signed."""
        verify(request, secret)
        try:
            news = json.loads(request.body)
            resource, ref, facts = news["resource"], str(news["ref"]), dict(news.get("facts", {}))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return []
        known = ("order", "review", "return", "store", "privacy", "operation")
        return [Change(resource, ref, facts=facts)] if resource in known else []

    def fetch_order(self, ref: str) -> OrderSnapshot | Gone:
        """Look into the books."""
        return self.world.order(ref) or Gone(ref)

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        """Look into the books."""
        return self.world.review(ref) or Gone(ref)

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """List orders by change."""
        return self._since("order", cursor, _ORDERS.validate_json)

    def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
        """List reviews by change."""
        return self._since("review", cursor, _REVIEWS.validate_json)

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
        claim = request.headers.get("x-demo-shopper")
        if claim is None:
            return None
        verify_forwarded(request, secret)
        try:
            facts = json.loads(base64.b64decode(claim))
            orders = tuple(map(str, facts.get("orders", ())))
            return Shopper(str(facts["ref"]), str(facts.get("email", "")), orders, str(facts.get("language", "")))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise BadSignature("the sample store names no shopper in the way agreed") from None

    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Write a refund into the books, once per key."""
        done = self.find_reimbursement(reimbursement.order_ref, reimbursement.key)
        if done:
            return done
        order = self._order(reimbursement.order_ref)
        left = order.total - sum(refund.amount for refund in order.refunds)
        if reimbursement.amount > left:
            raise Refused(f"Only {left} can still be refunded.")
        now = datetime.now(UTC)
        lines = {line.ref: line.quantity for line in reimbursement.lines}
        ref = f"refund-{len(order.refunds) + 1}"
        refund = RefundSnapshot(ref, reimbursement.amount, now, reimbursement.reason, reimbursement.key, lines)
        self.world.put(replace(order, refunds=(*order.refunds, refund), updated_at=now))
        return Outcome("issued", ref, reimbursement.amount)

    def find_reimbursement(self, order_ref: str, key: str) -> Outcome | None:
        """Look for a refund with our key."""
        known = next((refund for refund in self._order(order_ref).refunds if refund.key == key), None)
        return Outcome("issued", known.ref, known.amount) if known else None

    def move_return(self, move: ReturnMove) -> str:
        """Leave a note on the order."""
        self.world.note("note", move.key, {"order": move.order_ref, "rma": move.rma, "move": move.move})
        return move.key

    def cancel_order(self, ref: str, *, key: str, reason: str = "") -> None:
        """Cancel an order nothing of which was shipped."""
        order = self._order(ref)
        if order.state is OrderState.CANCELED:
            return
        if order.shipments:
            raise Refused("Part of this order has been shipped.")
        now = datetime.now(UTC)
        self.world.put(replace(order, state=OrderState.CANCELED, status="canceled", canceled_at=now, updated_at=now))

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

    def edit_reply(self, reply_ref: str, text: str) -> ReplySnapshot:
        """Change an answer."""
        review = self._review_of(reply_ref)
        replies = tuple(replace(r, text=text) if r.ref == reply_ref else r for r in review.replies)
        self.world.put(replace(review, replies=replies, updated_at=datetime.now(UTC)))
        return next(reply for reply in replies if reply.ref == reply_ref)

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


def sign(secret: str, body: bytes) -> str:
    """Sign a delivery as the sample store does."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def verify(request: Request, secret: str) -> None:
    """Raise BadSignature unless the sample store signed these very bytes."""
    given = request.headers.get(SIGNATURE, "")
    if not secret or not hmac.compare_digest(given.encode(), sign(secret, request.body).encode()):
        raise BadSignature("the sample store did not sign this")


def forward(secret: str, store: str, *, nonce: str, shopper: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Give the headers of a request without a body that the sample store forwards, for its shopper or for staff."""
    claim = base64.b64encode(json.dumps(shopper).encode()).decode() if shopper is not None else ""
    named = {"x-demo-shopper": claim} if shopper is not None else {}
    signature = sign(secret, f"{nonce}\n{claim}\n".encode())
    return {"x-demo-store": store, "x-demo-nonce": nonce, SIGNATURE: signature, **named}


def verify_forwarded(request: Request, secret: str) -> None:
    """Raise BadSignature unless the sample store forwarded this: nonce, claim and body are signed."""
    nonce, claim = (request.headers.get(f"x-demo-{name}", "") for name in ("nonce", "shopper"))
    if not nonce:
        raise BadSignature("the sample store's forwarded requests carry a nonce")
    verify(replace(request, body=f"{nonce}\n{claim}\n".encode() + request.body), secret)


def _earlier(moment: str) -> str:
    # A change that was written late is read by the next poll, never skipped.
    return (datetime.fromisoformat(moment) - _OVERLAP).isoformat()


PLATFORM = Demo
