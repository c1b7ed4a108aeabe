"""The signed tokens shoppers carry: what they may see or do, the links of a notice, and tracking links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.secrets import ExpiredToken, Keyring

SHOPPER_TOKEN_LIFE = timedelta(minutes=30)
PROOF_LIFE = timedelta(days=1)
"""How long what a shopper has proved is believed, however often their token was renewed meanwhile."""
LINK_LIFE = timedelta(days=180)
SIGNED_IN_LIFE = timedelta(minutes=10)
"""How long the way from the list of a signed-in shopper's orders into the store's page is open."""


@dataclass(frozen=True, slots=True)
class ShopperToken:
    """Which orders of which store a shopper may see, and whether they may act on them."""

    store_id: int
    order_ids: tuple[int, ...]
    level: str
    versions: tuple[int, ...]
    """Each order's `link_version` when the proof was given: revoking its links revokes its tokens."""
    proved_at: datetime
    """When the number and e-mail, the code or the store's word was given; a renewed token keeps it."""


def shopper_token(
    keyring: Keyring,
    store_id: int,
    order_ids: Sequence[int],
    *,
    level: str = "see",
    versions: Sequence[int] = (),
    proved_at: datetime | None = None,
) -> str:
    """Sign a shopper token: level "see" shows status and items, "act" may change things.

    Valid 30 minutes, and never longer than a day after `proved_at` (now). `versions` are the orders' `link_version`s.
    """
    proved = int((proved_at or datetime.now(UTC)).timestamp())
    payload = {"s": store_id, "o": list(order_ids), "l": level, "p": proved}
    if any(version != 1 for version in versions):
        payload["v"] = list(versions)
    return keyring.sign(payload, purpose="shopper")


def read_shopper_token(keyring: Keyring, token: str) -> ShopperToken:
    """Read a shopper token. Raises BadToken (ExpiredToken after 30 minutes, or a day after the proof)."""
    payload = keyring.verify(token, purpose="shopper", max_age=SHOPPER_TOKEN_LIFE.total_seconds())
    orders, now = tuple(payload["o"]), datetime.now(UTC)
    # Tokens of before (2026-11) do not say when; they end within half an hour.
    proved_at = datetime.fromtimestamp(payload["p"], UTC) if "p" in payload else now
    if now - proved_at > PROOF_LIFE:
        raise ExpiredToken("the proof is too old")
    return ShopperToken(payload["s"], orders, payload["l"], tuple(payload.get("v") or (1,) * len(orders)), proved_at)


@dataclass(frozen=True, slots=True)
class AnswerLink:
    """Which notice of which store is answered; `version` is the order's `link_version` when it was mailed."""

    store_id: int
    notice_id: int
    version: int


def answer_token(keyring: Keyring, store_id: int, notice_id: int, version: int) -> str:
    """Sign what the buttons under a notice carry: one notice, no login, revoked by raising the order's version."""
    return keyring.sign({"s": store_id, "n": notice_id, "v": version}, purpose="answer")


def read_answer_token(keyring: Keyring, token: str) -> AnswerLink:
    """Read an answer link. Raises BadToken."""
    payload = keyring.verify(token, purpose="answer", max_age=LINK_LIFE.total_seconds())
    # Links mailed before they carried a version (2026-11) are of the first.
    return AnswerLink(payload["s"], payload["n"], payload.get("v", 1))


def tracking_token(keyring: Keyring, store_id: int, order_id: int, version: int) -> str:
    """Sign what a tracking link carries: one order, read-only, valid 180 days, revoked by raising the version."""
    return keyring.sign({"s": store_id, "o": order_id, "v": version}, purpose="track")


def read_tracking_token(keyring: Keyring, token: str) -> tuple[int, int, int]:
    """Give (store id, order id, link version) of a tracking link. Raises BadToken."""
    payload = keyring.verify(token, purpose="track", max_age=LINK_LIFE.total_seconds())
    return payload["s"], payload["o"], payload["v"]


def signed_in_token(keyring: Keyring, store_id: int, order_id: int, version: int, *, now: datetime) -> str:
    """Sign what leads somebody who has signed in from the list of their orders to one of them."""
    return keyring.sign({"s": store_id, "o": order_id, "v": version}, purpose="signed-in", now=now)


def read_signed_in_token(keyring: Keyring, token: str, *, now: datetime) -> tuple[int, int, int]:
    """Give (store id, order id, link version). Raises BadToken; ExpiredToken after ten minutes."""
    payload = keyring.verify(token, purpose="signed-in", max_age=SIGNED_IN_LIFE.total_seconds(), now=now)
    return payload["s"], payload["o"], payload["v"]
