"""The rich sample store's own side: tokens that expire, shoppers' accounts, and what its servers sign."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from core.platform import signatures
from core.platform.contract import Request
from core.platform.errors import AccessLost
from core.platform.samples.server import Server

ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=90)
SESSION_LIFE = timedelta(minutes=1)
SIGNATURE = "x-rich-hmac-sha256"
STORE = "x-rich-store"
TRIGGERED_AT = "x-rich-triggered-at"


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

    def revoke_all(self) -> None:
        """Take every token back, as when the app is removed."""
        with self._lock, self._open() as books:
            books.execute("delete from things where kind in ('access', 'refresh')")

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
    secret: str, store: str, resource: str, ref: str, *, at: datetime, facts: Mapping[str, Any] | None = None
) -> Request:
    """Give the delivery that the platform sends: its body signed with the app's secret, its headers not."""
    body = json.dumps({"store": store, "resource": resource, "ref": ref, "facts": dict(facts or {})}).encode()
    headers = {SIGNATURE: signatures.sign(secret, body), STORE: store, TRIGGERED_AT: at.isoformat()}
    return Request("POST", "/hooks/rich", headers=headers, body=body)


def session_token(app: Mapping[str, str], store: str, staff: str, *, now: datetime) -> str:
    """Give the token that staff's browser carries in the platform's admin; it lives for a minute."""
    until = int((now + SESSION_LIFE).timestamp())
    claims = {"aud": app["client_id"], "dest": store, "sub": staff, "exp": until, "nbf": int(now.timestamp())}
    head, body = (_segment(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    digest = base64.b64decode(signatures.sign(app["client_secret"], f"{head}.{body}".encode()))
    return f"{head}.{body}.{_segment(digest)}"


def proxy_query(secret: str, store: str, shopper: str, *, now: datetime) -> str:
    """Give the query with which the storefront's proxy forwards a request of a shopper, "" for one not signed in."""
    query = urlencode({"store": store, "timestamp": int(now.timestamp()), "shopper": shopper})
    return f"{query}&signature={signatures.sign(secret, signatures.merged_pairs(query), 'hex')}"


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
