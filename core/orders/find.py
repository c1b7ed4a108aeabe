"""Find my order: a number and an e-mail (or postcode) that belong together, forgiving how people type them."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.row_reader import Reader, Row
from core.orders.model import Order
from core.orders.sanitize import storable
from core.secrets import Keyring

CANDIDATES = 20
"""Orders of one number key that are looked at."""


class OrderNotFound(Exception):
    """No order here belongs to what was typed; the same answer whatever part was wrong."""


def number_key(number: str) -> str:
    """Reduce an order number to what people agree on: its longest run of digits, or its letters and digits.

    "#1042", "LIN-1042-B" and " 1042 " are one; the e-mail tells apart what this merges. Of two equally long runs the
    last counts: a year stands in front ("2026-1042").
    """
    plain = _plain(number[:100])
    runs: list[str] = re.findall(r"[0-9]+", plain)
    if runs:
        return max(reversed(runs), key=len).lstrip("0") or "0"
    return "".join(char for char in plain if char.isalnum())


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Arabic-Indic, Thai and other decimal digits are what their keyboards type.
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(str(unicodedata.decimal(char, char)) for char in folded)


def exact_key(number: str) -> str:
    """Reduce a number to its letters and digits, to prefer the exact match among candidates."""
    return "".join(char for char in _plain(number[:100]) if char.isalnum())


def email_key(email: str, keyring: Keyring) -> str:
    """Give the keyed digest an e-mail address is looked up by; empty for an empty address."""
    plain = unicodedata.normalize("NFKC", email).strip().casefold()
    return keyring.digest(plain[:320], purpose="email") if plain else ""


def email_keys(email: str, keyring: Keyring) -> list[str]:
    """Give the digests under every key of the ring: rows written before a rotation are still found."""
    plain = unicodedata.normalize("NFKC", email).strip().casefold()
    return keyring.digests(plain[:320], purpose="email")


def postcode_key(postcode: str) -> str:
    """Reduce a postcode to its letters and digits."""
    return re.sub(r"[\W_]+", "", _plain(postcode[:40]))


_orders = table_of(Order)
ORDER_COLUMNS = tuple(
    "id ref number email_key postcode language link_version state placed_at paid_at canceled_at pickup late "
    "currency total stopped_at country".split()
)
"""What is read of an order."""
_EMAIL_MATCHES = sa.and_(
    _orders.c.email_key != "", sa.bindparam("wanted", type_=sa.Text()).contains(_orders.c.email_key)
)
_CANDIDATES_OF = (
    sa.select(*(_orders.c[name] for name in ORDER_COLUMNS))
    .where(_orders.c.store_id == sa.bindparam("store_id"), _orders.c.number_key == sa.bindparam("number"))
    .where(_orders.c.gone_at.is_(None))
    # Where numbers end in the year a key has thousands of orders: the shopper's own must be among the candidates.
    .order_by(sa.case((_EMAIL_MATCHES, 0), else_=1), _orders.c.placed_at.desc(), _orders.c.id.desc())
    .limit(sa.literal_column(str(CANDIDATES)))
)


@dataclass(frozen=True, slots=True)
class LookupQuery:
    """What was typed, as orders are compared with it: the e-mail's digest under every key, the rest reduced."""

    number_key: str
    exact_key: str
    emails: tuple[str, ...]
    postcode: str

    @property
    def proof(self) -> str:
        """What the proof is counted as, however it was spelled: the postcode, else the e-mail address's digest."""
        return f"postcode:{self.postcode}" if self.postcode else f"email:{self.emails[0]}"

    @property
    def wanted(self) -> str:
        """The digests as one text: a list is written differently for each engine."""
        return " ".join(self.emails)


def lookup_query(keyring: Keyring, number: str, proof: str) -> LookupQuery:
    """Reduce what a shopper typed. What has an @ is an e-mail address, however a postcode may be written."""
    postcode = "" if "@" in _plain(proof) else postcode_key(proof)
    return LookupQuery(number_key(number), exact_key(number), tuple(email_keys(proof, keyring)), postcode)


def find_order(reader: Reader, query: LookupQuery) -> Row:
    """Find the order somebody asked for; see `match_order`."""
    return match_order(reader.rows(_CANDIDATES_OF, number=query.number_key, wanted=query.wanted), query)


def match_order(candidates: Sequence[Row], query: LookupQuery) -> Row:
    """Give the order that has this number and this e-mail address or postcode. Raises OrderNotFound.

    Does the same work for every kind of wrong pair: one query, one digest, one comparison a candidate and at least
    one, so that neither the answer nor its time says which half was right.
    """
    matching = [order for order in candidates if _is_proven_by(order, query)]
    if not candidates:
        _is_proven_by(_DUMMY_ORDER, query)
    if not matching:
        raise OrderNotFound
    return next((order for order in matching if exact_key(order.number) == query.exact_key), matching[0])


def _is_proven_by(order: Order | Row, query: LookupQuery) -> bool:
    by_email = [hmac.compare_digest(order.email_key.encode(), key.encode()) and key != "" for key in query.emails]
    stored = postcode_key(order.postcode)
    by_postcode = hmac.compare_digest(stored.encode(), query.postcode.encode()) and len(stored) >= 4
    return any(by_email) or by_postcode


_DUMMY_ORDER = Order(email_key="-" * 64, postcode="-")


def orders_of(session: Session, keyring: Keyring, email: str, *, limit: int = 20) -> list[Order]:
    """List the newest orders placed with this e-mail address."""
    if not email.strip():
        return []
    return _newest(session, Order.email_key.in_(email_keys(email, keyring)), limit)


def orders_of_shopper(session: Session, shopper_ref: str, order_refs: Sequence[str], *, limit: int = 20) -> list[Order]:
    """List the newest orders of a shopper the platform vouches for: theirs by account, whatever e-mail each has.

    The account's e-mail alone opens nothing: WordPress lets anybody register with any address (7.1, 2026-11).
    """
    theirs: sa.ColumnElement[bool] = Order.ref.in_([storable(ref) for ref in order_refs[:200]])
    if shopper_ref:
        theirs = sa.or_(theirs, Order.shopper_ref == storable(shopper_ref))
    return _newest(session, theirs, limit)


def _newest(session: Session, theirs: sa.ColumnElement[bool], limit: int) -> list[Order]:
    query = sa.select(Order).where(theirs, Order.gone_at.is_(None))
    return list(session.scalars(query.order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit)))
