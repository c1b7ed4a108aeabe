"""The rich sample store's own side: tokens that expire, shoppers' accounts, and what its servers sign."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import TypeAdapter

from core.platform import sample_payments as till
from core.platform import signatures
from core.platform.contract import Reimbursement, Request
from core.platform.errors import AccessLost, Refused
from core.platform.sample_store import ORDERS
from core.platform.samples.server import Server
from core.platform.snapshots import OrderSnapshot, OrderState

EXCHANGE = "exchange-"
"""How the ref of a refund begins that paid for what goes out with the order itself."""
CANCEL_TAKES = timedelta(seconds=30)
ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=90)
SIGNATURE = "x-rich-hmac-sha256"
STORE = "x-rich-store"
TRIGGERED_AT = "x-rich-triggered-at"
EVENT = "x-rich-event-id"


LISTING_TAKES = timedelta(seconds=25)
LOOK_AGAIN_AFTER = 10.0
"""Seconds after which a listing may be ready."""
_WANTED = TypeAdapter(Reimbursement)


_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Listing:
    """A long listing: whether its file is there, when it was begun (ISO), and the orders that the file names."""

    is_done: bool
    begun: str
    refs: tuple[str, ...]


class RichStore(Server):
    """A store whose tokens last an hour and are renewed by another token, which is replaced each time.

    A refresh token that was used may be used again until its replacement is first used: whoever asked may have died
    before it kept the answer (Shopify, since 2026-08-28).
    """

    def issue(self, *, after: str = "") -> dict[str, str]:
        """Give a pair of tokens, in place of the refresh token `after`."""
        access, refresh = f"access-{secrets.token_hex(8)}", f"refresh-{secrets.token_hex(8)}"
        until = self.now + ACCESS_LIFE
        self.note("access", access, {"until": until.isoformat(), "after": after})
        refresh_until = (self.now + REFRESH_LIFE).isoformat()
        self.note("refresh", refresh, {"until": refresh_until, "after": after, "next": "", "over": False})
        return {"access_token": access, "refresh_token": refresh, "access_until": until.isoformat()}

    def authorize(self, redirect_uri: str) -> str:
        """Let the merchant consent; give a code that is good once, with the address it was asked for."""
        code = secrets.token_hex(8)
        self.note("code", code, {"redirect_uri": redirect_uri})
        return code

    def exchange(self, code: str, redirect_uri: str) -> dict[str, str]:
        """Give the first pair of tokens for a code. Raises Refused for one that is used, or was asked for otherwise."""
        self.answer()
        with self.alone():
            known = json.loads(self._body("code", code) or "null")
            if known is None or known["redirect_uri"] != redirect_uri:
                raise Refused("The sample store does not take this code.")
            self.remove("code", code)
            return self.issue()

    def refresh(self, token: str) -> dict[str, str]:
        """Give a new pair for a refresh token. Raises AccessLost for one that is over or replaced."""
        self.answer()
        with self.alone():
            known = self._token("refresh", token)
            if known is None or known["over"]:
                raise AccessLost("the sample store answers invalid_grant")
            self._first_used(known["after"])
            if known["next"]:  # asked for again: what was given first and never used is over
                self._end(known["next"])
            fresh = self.issue(after=token)
            self.note("refresh", token, {**known, "next": fresh["refresh_token"]})
            return fresh

    def let_in(self, token: str) -> None:
        """Answer a call that carries an access token. Raises AccessLost for one that is over."""
        self.answer()
        known = self._token("access", token)
        if known is None:
            raise AccessLost("the sample store does not know this access token, or it is over")
        self._first_used(known["after"])

    def subscribe(self, url: str) -> None:
        """Send news to an address too, once."""
        self.note("subscription", url, {})

    def unsubscribe(self, url: str) -> None:
        """Send no news there any more."""
        self.remove("subscription", url)

    @property
    def subscriptions(self) -> list[str]:
        """The addresses that are sent news."""
        return sorted(ref for _, ref, _ in self.changed_since("subscription", "", "", _ALL))

    def revoke_all(self) -> None:
        """Take every token back, as when the app is removed."""
        with self._lock, self._open() as books:
            books.execute("delete from things where kind in ('access', 'refresh')")

    @property
    def scopes(self) -> list[str]:
        """What the merchant has allowed us of what is asked for only when it is needed."""
        return self.fact("scopes").split()

    def begin_cancel(self, ref: str) -> None:
        """Begin to cancel an order; it takes CANCEL_TAKES."""
        if not self._body("cancel", ref):
            self.note("cancel", ref, {"at": (self.now + CANCEL_TAKES).isoformat()})

    def order(self, ref: str) -> OrderSnapshot | None:
        """Give an order as it is now: a cancellation that has taken its time is carried out."""
        order, begun = super().order(ref), json.loads(self._body("cancel", ref) or "null")
        if order is None or not begun or datetime.fromisoformat(begun["at"]) > self.now:
            return order
        if order.state is not OrderState.CANCELED:
            order = till.canceled(order, self.now)
            self.put(order)
        return order

    @property
    def listings_begun(self) -> int:
        """How many listings were ever begun: each costs the merchant something."""
        return self.count("listing")

    def begin_listing(self, key: str, since: str) -> str:
        """Begin to list the orders changed since a moment; give the operation's ref. Asked twice, it begins twice."""
        ref = f"listing-{self.listings_begun + 1}"
        self.note("listing", ref, {"key": key, "since": since, "begun": self.now.isoformat()})
        return ref

    def find_listing(self, key: str) -> str:
        """Give the ref of the listing that was begun under a key; "" where there is none."""
        rows = self.changed_since("listing", "", "", self.listings_begun)
        return next((ref for _, ref, body in rows if json.loads(body)["key"] == key), "")

    def look_at_listing(self, ref: str) -> Listing | None:
        """Give a listing as it stands, done after LISTING_TAKES; None for one the platform no longer knows."""
        body = json.loads(self._body("listing", ref) or "null")
        if body is None:
            return None
        is_done = datetime.fromisoformat(body["begun"]) + LISTING_TAKES <= self.now
        rows = self.changed_since("order", body["since"], "", self.count("order")) if is_done else []
        return Listing(is_done, body["begun"], tuple(ref for _, ref, _ in rows))

    def hold_lines(self, wanted: Reimbursement, goes_out: OrderSnapshot) -> None:
        """Keep what is to go out until the shopper has paid the rest."""
        body = {
            "wanted": _WANTED.dump_python(wanted, mode="json"),
            "goes_out": ORDERS.dump_python(goes_out, mode="json"),
        }
        self.note("held", wanted.key, body)

    def held_lines(self, key: str) -> tuple[Reimbursement, OrderSnapshot] | None:
        """Give the exchange that was asked for with this key, and what is to go out."""
        body = json.loads(self._body("held", key) or "null")
        return (_WANTED.validate_python(body["wanted"]), ORDERS.validate_python(body["goes_out"])) if body else None

    def pay(self, key: str, now: datetime) -> None:
        """Let the shopper pay the rest of an exchange: it goes out with the order it was asked for."""
        held = self.held_lines(key)
        with self.alone():
            order = self.order(held[0].order_ref) if held else None
            if held and order and all(refund.key != key for refund in order.refunds):
                self.send_out(order, till.pay(held[1], now), held[0])

    def send_out(self, order: OrderSnapshot, goes_out: OrderSnapshot, wanted: Reimbursement) -> None:
        """Put what goes out on the order itself, paid with what came back."""
        ref, flows = f"{EXCHANGE}{len(order.refunds) + 1}", max(0, wanted.amount - goes_out.total)
        self.put(till.take_back(till.joined(order, goes_out), wanted, ref, self.now, flows=flows))

    def credit_account(self, shopper: str, amount: int) -> None:
        """Put store credit into a shopper's account, minor units."""
        self.keep(f"account {shopper}", str(self.balance(shopper) + amount))

    def balance(self, shopper: str) -> int:
        """Give what a shopper's account holds."""
        return int(self.fact(f"account {shopper}") or 0)

    def _token(self, kind: str, token: str) -> dict[str, Any] | None:
        known = json.loads(self._body(kind, token) or "null")
        return known if known and datetime.fromisoformat(known["until"]) > self.now else None

    def _first_used(self, replaced: str) -> None:
        if replaced:
            self._end(replaced)

    def _end(self, token: str) -> None:
        known = json.loads(self._body("refresh", token) or "null")
        if known and not known["over"]:
            self.note("refresh", token, {**known, "over": True})


def write_delivery(
    secret: str,
    store: str,
    resource: str,
    ref: str,
    *,
    at: datetime,
    facts: Mapping[str, Any] | None = None,
    event_id: str = "",
) -> Request:
    """Give the delivery that the platform sends: its body signed with the app's secret, its headers not."""
    body = json.dumps({"store": store, "resource": resource, "ref": ref, "facts": dict(facts or {})}).encode()
    headers = {SIGNATURE: signatures.sign(secret, body), STORE: store, TRIGGERED_AT: at.isoformat(), EVENT: event_id}
    return Request("POST", "/hooks/rich", headers=headers, body=body)


def proxy_query(secret: str, store: str, shopper: str, *, now: datetime) -> str:
    """Give the query with which the storefront's proxy forwards a request of a shopper, "" for one not signed in."""
    return _signed(secret, {"store": store, "timestamp": int(now.timestamp()), "shopper": shopper})


def consent_query(secret: str, store: str, code: str, state: str) -> str:
    """Give the query with which the platform sends a merchant back who consented."""
    return _signed(secret, {"code": code, "state": state, "store": store})


def _signed(secret: str, pairs: Mapping[str, object]) -> str:
    query = urlencode(pairs)
    return f"{query}&signature={signatures.sign(secret, signatures.merged_pairs(query), 'hex')}"
