"""Find my order: a number and an e-mail (or postcode) that belong together, forgiving how people type them."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.row_reader import Reader, Row
from core.orders.model import Order
from core.orders.sanitize import storable
from core.orders.typed_text import (
    address_in,
    address_spellings,
    exact_key,
    is_same_postcode,
    number_key,
    number_keys,
    postcode_forms,
)
from core.secrets import Keyring

CANDIDATES = 20
"""Orders of one number key that are looked at."""


class OrderNotFound(Exception):
    """No order here belongs to what was typed; the same answer whatever part was wrong."""


def email_key(email: str, keyring: Keyring) -> str:
    """Give the keyed digest an e-mail address is looked up by; empty for an empty address."""
    plain = unicodedata.normalize("NFKC", email).strip().casefold()
    return keyring.digest(plain[:320], purpose="email") if plain else ""


def email_keys(email: str, keyring: Keyring) -> list[str]:
    """Give the digests under every key of the ring: rows written before a rotation are still found.

    Of what was pasted around an address the address counts, and an international domain is looked for in both of
    its spellings: a store may have kept either.
    """
    spellings = [*address_spellings(address_in(email)), *address_spellings(email.strip())]
    plain = (unicodedata.normalize("NFKC", one).strip().casefold()[:320] for one in spellings)
    return [digest for spelling in dict.fromkeys(plain) for digest in keyring.digests(spelling, purpose="email")]


_orders = table_of(Order)
ORDER_COLUMNS = tuple(
    "id ref number email_key postcode language link_version state placed_at paid_at canceled_at pickup late "
    "currency total stopped_at country holds".split()
)
"""What is read of an order."""
_EMAIL_MATCHES = sa.and_(
    _orders.c.email_key != "", sa.bindparam("wanted", type_=sa.Text()).contains(_orders.c.email_key)
)
_BARE_POSTCODE = sa.func.lower(sa.func.replace(sa.func.replace(_orders.c.postcode, " ", ""), "-", ""))
_TYPED_POSTCODE = sa.bindparam("postcode", type_=sa.Text())
_POSTCODE_MATCHES = sa.and_(
    _orders.c.postcode != "",
    _TYPED_POSTCODE != "",
    sa.or_(_BARE_POSTCODE.contains(_TYPED_POSTCODE), _TYPED_POSTCODE.contains(_BARE_POSTCODE)),
)
_CANDIDATES_OF = (
    sa.select(*(_orders.c[name] for name in ORDER_COLUMNS))
    .where(_orders.c.store_id == sa.bindparam("store_id"), _orders.c.gone_at.is_(None))
    .where(_orders.c.number_key.in_((sa.bindparam("number"), sa.bindparam("other_number"))))
    # A numbering that we do not see through gives thousands of orders one key: the shopper's own, whatever proves
    # it, must be among the candidates.
    .order_by(sa.case((_EMAIL_MATCHES, 0), else_=1), sa.case((_POSTCODE_MATCHES, 0), else_=1))
    .order_by(_orders.c.placed_at.desc(), _orders.c.id.desc())
    .limit(sa.literal_column(str(CANDIDATES)))
)


@dataclass(frozen=True, slots=True)
class LookupQuery:
    """What was typed, as orders are compared with it: the e-mail's digest under every key, the rest reduced."""

    number_key: str
    other_key: str
    """The number's longest run of digits, should that be what the store's numbering means."""
    exact_key: str
    emails: tuple[str, ...]
    postcodes: tuple[str, ...]

    @property
    def proof(self) -> str:
        """What the proof is counted as, however it was spelled: the postcode, else the e-mail address's digest."""
        return f"postcode:{self.postcodes[-1]}" if self.postcodes else f"email:{self.emails[0]}"

    @property
    def wanted(self) -> str:
        """The digests as one text: a list is written differently for each engine."""
        return " ".join(self.emails)

    @property
    def bare_postcode(self) -> str:
        """The postcode without its country and zeros in front, which stores write or leave out."""
        return self.postcodes[-1].lstrip("0") if self.postcodes else ""


def lookup_query(keyring: Keyring, number: str, proof: str) -> LookupQuery:
    """Reduce what a shopper typed. What has an @ is an e-mail address, however a postcode may be written."""
    is_address = "@" in unicodedata.normalize("NFKC", proof)
    postcodes = () if is_address else postcode_forms(proof)
    return LookupQuery(*number_keys(number), exact_key(number), tuple(email_keys(proof, keyring)), postcodes)


def find_order(reader: Reader, query: LookupQuery) -> Row:
    """Find the order somebody asked for; see `match_order`."""
    candidates = reader.rows(
        _CANDIDATES_OF,
        number=query.number_key,
        other_number=query.other_key,
        wanted=query.wanted,
        postcode=query.bare_postcode,
    )
    return match_order(candidates, query)


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
    exact = (order for order in matching if exact_key(order.number) == query.exact_key)
    alike = (order for order in matching if number_key(order.number) == query.number_key)
    return next(exact, None) or next(alike, None) or matching[0]


def _is_proven_by(order: Order | Row, query: LookupQuery) -> bool:
    by_email = [hmac.compare_digest(order.email_key.encode(), key.encode()) and key != "" for key in query.emails]
    return any(by_email) or is_same_postcode(order.postcode, query.postcodes, order.country)


_DUMMY_ORDER = Order(email_key="-" * 64, postcode="-", country="")


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
