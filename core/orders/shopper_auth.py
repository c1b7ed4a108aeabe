"""Authenticates shoppers: by a token in the request's header or by a mailed link, to look or to act."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Annotated

import sqlalchemy as sa
from flask import request
from pydantic import StringConstraints
from sqlalchemy.orm import Session

from core.orders.model import Order
from core.secrets import BadToken, ExpiredToken
from core.services import Services
from core.stores import tokens
from core.stores.model import Store
from core.stores.platform_access import store_by_key
from core.stores.tokens import ShopperToken

LARGEST_ID = 2**63 - 1
Id = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")]
"""An id of ours as JSON carries it: text, since JavaScript's numbers are too small for it."""


class NotAllowed(Exception):
    """The token does not open this; ask for a new one."""


class StepUpNeeded(Exception):
    """This needs a token that may act; the mailed code gives one."""


class NotHere(Exception):
    """The token opens no such thing: the same answer whether it exists or not."""


class LinkExpired(Exception):
    """A link that is too old, was revoked, or was never ours; `store_id` is that of one we signed."""

    def __init__(self, store_id: int | None = None) -> None:
        super().__init__()
        self.store_id = store_id


class WrongCode(Exception):
    """The mailed code was mistyped, used, or has run out."""


@dataclass(frozen=True, slots=True)
class Link:
    """Which order of which store a mailed link shows; `version` is the order's `link_version` when it was mailed."""

    store_id: int
    order_id: int
    version: int


def authenticate(app: Services, key: str) -> tuple[Store, ShopperToken]:
    """Give the store of the address and what the request's token opens there. Raises StoreNotFound, NotAllowed.

    An order whose links were revoked since the token's proof is no longer among what it opens.
    """
    store = store_by_key(app, key)
    header = request.headers.get("Authorization", "")
    if not header.startswith("Bearer "):
        raise NotAllowed
    try:
        token = tokens.read_shopper_token(app.keyring, header.removeprefix("Bearer "))
    except BadToken:
        raise NotAllowed from None
    if not hmac.compare_digest(str(token.store_id), str(store.id)):
        raise NotAllowed
    token = _without_revoked(app, token)
    if not token.order_ids:
        raise NotAllowed
    return store, token


def _without_revoked(app: Services, token: ShopperToken) -> ShopperToken:
    here = sa.select(Order.id, Order.link_version).where(Order.id.in_(token.order_ids))
    with app.db.transaction(token.store_id, write=False) as session:
        present = dict(session.execute(here).all())
    kept = [
        (order_id, version)
        for order_id, version in zip(token.order_ids, token.versions, strict=True)
        if present.get(order_id, version) == version
    ]
    order_ids, versions = zip(*kept, strict=True) if kept else ((), ())
    return replace(token, order_ids=order_ids, versions=versions)


def check_order_access(token: ShopperToken, order_id: int, *, act: bool = False) -> None:
    """Raise NotHere unless the token opens this order, then StepUpNeeded where it may only look and `act` is needed."""
    if order_id not in token.order_ids:
        raise NotHere
    if act and token.level != "act":
        raise StepUpNeeded


def parse_id(text: str) -> int:
    """Read an id out of an address. Raises NotHere for what cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST_ID):
        raise NotHere
    return int(text)


def read_link(app: Services, token: str) -> Link:
    """Read the token of a mailed link. Raises LinkExpired."""
    try:
        return Link(*tokens.read_tracking_token(app.keyring, token))
    except ExpiredToken as error:
        raise LinkExpired(error.payload.get("s")) from None
    except BadToken:
        raise LinkExpired from None


def read_link_or_sign_in(app: Services, token: str) -> tuple[Link, str]:
    """Read what stands behind the # of the store's page: a mailed link, to see, or one from the list of a shopper who
    signed in, to act. Raises LinkExpired."""
    try:
        return Link(*tokens.read_signed_in_token(app.keyring, token, now=app.clock())), "act"
    except ExpiredToken as error:
        raise LinkExpired(error.payload.get("s")) from None
    except BadToken:
        return read_link(app, token), "see"


def order_of_link(session: Session, link: Link) -> Order:
    """Load the order a link shows. Raises LinkExpired where it is gone, or the link was revoked."""
    order = session.get(Order, (link.store_id, link.order_id))
    if order is None or order.gone_at is not None or order.link_version != link.version:
        raise LinkExpired(link.store_id)
    return order
