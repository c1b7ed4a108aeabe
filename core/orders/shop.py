"""The shopper's JSON: find an order, read it, have links or a code mailed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.database import insert
from core.db.purpose import Purpose
from core.db.row_reader import Row
from core.http.context import services, set_shopper_language
from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders import find, lookup
from core.orders.access.ways import has_form, lookup_store_id, offers_sign_in
from core.orders.lookup import FindOrderIn, FoundOut, TypedIn
from core.orders.model import Order
from core.orders.presenter.localize import localize_order
from core.orders.presenter.page import Page
from core.orders.presenter.timeline import OrderView, view_order
from core.orders.sanitize import storable
from core.orders.shopper_auth import LinkExpired, WrongCode, authenticate, order_of_link, read_link_or_sign_in
from core.secrets import new_code
from core.services import Services
from core.stores import throttle, tokens
from core.stores.model import Nonce, Store
from core.stores.platform_access import StoreNotFound, store_by_key

shop = APIBlueprint("shop", __name__, url_prefix="/shop", tag="Shop")

CODE_LIFE = timedelta(minutes=10)
_CODE = re.compile(r"(?<!\d)\d(?:[\s.-]?\d){5}(?!\d)")  # digits of any script
MOST_CODES = (3, 10, 300)
MOST_CHECKS = (5, 20, 500)
"""In a quarter of an hour: of an order, from an address, at a store. All guesses together open one code in 2,000."""


class Mailed(TypedIn):
    """Where the links should go."""

    email: str = Field(min_length=3, max_length=320)


class Typed(TypedIn):
    """A mailed code as typed, or text that was pasted with it."""

    code: str = Field(min_length=1, max_length=400)


class Link(TypedIn):
    """The token of a mailed tracking link."""

    link: str = Field(min_length=1, max_length=400)


class OrdersOut(BaseModel):
    """The orders a token opens."""

    orders: list[FoundOut]


class TokenOut(BaseModel):
    """A token that may act."""

    token: str


class SentOut(BaseModel):
    """The same answer whoever asks."""

    sent: bool = True


class WaysOut(BaseModel):
    """Whether an order is found by number and e-mail, and where shoppers sign in; "" where they cannot."""

    form: bool
    sign_in: str


class StoreOut(BaseModel):
    """A store's public name and key."""

    key: str
    name: str
    language: str


@shop.get("/find-store")
@shop.output(StoreOut)
@shop.doc(summary="Find a store's key by its platform and its address there", responses=[404])
def find_store() -> dict[str, str]:
    app = services()
    platform, ref = request.args.get("platform", ""), request.args.get("ref", "")
    query = sa.select(Store).where(Store.platform == storable(platform[:40]), Store.ref == storable(ref[:400]))
    with app.db.system(Purpose.FIND_STORE, write=False) as session:
        store = session.scalar(query)
    if store is None:
        raise StoreNotFound
    return {"key": store.key, "name": store.name, "language": store.language}


@shop.get("/<key>/ways")
@shop.output(WaysOut)
@shop.doc(summary="Say which ways lead to an order at this store", responses=[404])
def show_ways(key: str) -> WaysOut:
    app = services()
    store = store_by_key(app, key)
    address = f"{app.config.public_url}/find/{store.key}/sign-in" if offers_sign_in(app, store) else ""
    return WaysOut(form=has_form(app, store), sign_in=address)


@shop.post("/<key>/find")
@shop.input(FindOrderIn)
@shop.output(FoundOut)
@shop.doc(summary="Find an order by number and e-mail (or postcode)", responses=[400, 403, 404, 429])
def find_mine(key: str, json_data: FindOrderIn) -> Response:
    app, address = services(), request.remote_addr or ""
    store_id = lookup_store_id(app, key)
    if not request.args.get("lang"):
        return Response(lookup.find_as_json(app, store_id, json_data, address), mimetype="application/json")
    order, view = lookup.look_up(app, store_id, json_data.number, json_data.proof, address)
    page = _in_words(app, store_by_key(app, key), order, view)
    return Response(lookup.found_as_json(app, store_id, order, view, page), mimetype="application/json")


@shop.post("/<key>/open")
@shop.input(Link)
@shop.output(FoundOut)
@shop.doc(summary="Open the order behind a mailed tracking link", responses=[400, 404])
def open_link(key: str, json_data: Link) -> FoundOut:
    app = services()
    store, (link, level) = store_by_key(app, key), read_link_or_sign_in(app, json_data.link)
    if link.store_id != store.id:
        raise LinkExpired
    with app.db.transaction(store.id, write=False) as session:
        order = order_of_link(session, link)
        return list_orders(app, session, store, [order], level=level).orders[0]


def _in_words(app: Services, store: Store, order: Order | Row, view: OrderView) -> Page:
    return localize_order(app, store, order, view, set_shopper_language(store.language, order.language))


@shop.get("/<key>/orders")
@shop.output(OrdersOut)
@shop.doc(summary="Read the orders a token opens", security="ShopperToken", responses=[401, 404])
def my_orders(key: str) -> OrdersOut:
    app = services()
    store, token = authenticate(app, key)
    with app.db.transaction(store.id, write=False) as session:
        orders = [session.get(Order, (store.id, order_id)) for order_id in token.order_ids]
        here = [order for order in orders if order is not None and order.gone_at is None]
        return list_orders(app, session, store, here, level=token.level, proved_at=token.proved_at)


def list_orders(
    app: Services,
    session: Session,
    store: Store,
    orders: Sequence[Order],
    *,
    level: str,
    proved_at: datetime | None = None,
) -> OrdersOut:
    """Read these orders for a shopper, with one token of this level for all; `proved_at` of a renewed one is kept."""
    ids, versions = [order.id for order in orders], [order.link_version for order in orders]
    token = tokens.shopper_token(app.keyring, store.id, ids, level=level, versions=versions, proved_at=proved_at)
    found = []
    for order in orders:
        view = view_order(session, order)
        page = _in_words(app, store, order, view) if request.args.get("lang") else None
        found.append(FoundOut(token=token, order_id=str(order.id), order=view, page=page))
    return OrdersOut(orders=found)


@shop.post("/<key>/links")
@shop.input(Mailed)
@shop.output(SentOut, status_code=202)
@shop.doc(summary="Mail the links of this address's orders to it", responses=[400, 404, 429])
def mail_links(key: str, json_data: Mailed) -> SentOut:
    app = services()
    send_links(app, store_by_key(app, key), json_data.email, request.remote_addr or "")
    return SentOut()


def send_links(app: Services, store: Store, email: str, address: str) -> None:
    """Promise a mail with the links of this address's orders; the same work and answer whoever asks."""
    now = app.clock()
    whose = find.email_key(email, app.keyring)
    limits = {f"links:address:{throttle.caller_of(address)}": 10, f"links:email:{whose}": 3}
    throttle.count_try(app.db, app.keyring, store.id, limits, now=now)
    sealed = app.keyring.seal(email.strip()[:320], store_id=store.id, purpose="links").hex()
    slot = int(now.timestamp()) // 60
    key = f"links:{whose[:32]}:{slot}"
    with app.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("shipping.send_links", key, {"to": sealed}), now=now)


@shop.post("/<key>/code")
@shop.output(SentOut, status_code=202)
@shop.doc(summary="Mail a six-digit code to the order's address", security="ShopperToken", responses=[401, 404, 429])
def mail_code(key: str) -> SentOut:
    app = services()
    store, token = authenticate(app, key)
    order_id = token.order_ids[0]
    _count_code(app, store, "code", order_id, MOST_CODES)
    send_code(app, store.id, order_id, new_code())
    return SentOut()


def send_code(app: Services, store_id: int, order_id: int, code: str) -> None:
    """Promise a mail with this code to the order's address; it may be used once, for ten minutes from now."""
    now = app.clock()
    until = now + CODE_LIFE
    payload = {
        "order_id": order_id,
        "until": until.isoformat(),
        "code": app.keyring.seal(code, store_id=store_id, purpose="code").hex(),
    }
    nonce = {"store_id": store_id, "id": new_id(), "digest": _code_digest(app, order_id, code), "expires_at": until}
    with app.db.transaction(store_id) as session:
        # One draw in a million is an older code of this order again, whose row may not have been pruned yet.
        keep = insert(session, table_of(Nonce)).values(nonce)
        session.execute(keep.on_conflict_do_update(index_elements=["store_id", "digest"], set_={"expires_at": until}))
        key = f"code:{order_id}:{int(now.timestamp())}"
        queue.enqueue(session, store_id, NewJob("shipping.send_code", key, payload), now=now)


@shop.post("/<key>/code/check")
@shop.input(Typed)
@shop.output(TokenOut)
@shop.doc(summary="Exchange a mailed code for a token that may act", security="ShopperToken", responses=[401, 429])
def check_code(key: str, json_data: Typed) -> TokenOut:
    app = services()
    store, token = authenticate(app, key)
    now, order_id = app.clock(), token.order_ids[0]
    _count_code(app, store, "code-check", order_id, MOST_CHECKS)
    digest = _code_digest(app, order_id, read_code(json_data.code))
    mine = sa.delete(Nonce).where(Nonce.digest == digest, Nonce.expires_at > now)
    with app.db.transaction(store.id) as session:
        if session.execute(mine).rowcount != 1:  # type: ignore[attr-defined]
            raise WrongCode
    versions = token.versions[:1]
    return TokenOut(token=tokens.shopper_token(app.keyring, store.id, [order_id], level="act", versions=versions))


def read_code(text: str) -> str:
    """Give the six digits of a mailed code as typed or pasted, whatever stands between or around them; "" for none."""
    seen = "".join(character for character in text if unicodedata.category(character) != "Cf")
    found = _CODE.search(seen)
    return "".join(str(unicodedata.decimal(digit)) for digit in found.group() if digit.isdecimal()) if found else ""


def _count_code(app: Services, store: Store, deed: str, order_id: int, most: tuple[int, int, int]) -> None:
    """Count a code's mailing or a guess at one. Raises TooManyTries."""
    of_order, of_caller, of_store = most
    caller = throttle.caller_of(request.remote_addr or "")
    limits = {f"{deed}:{order_id}": of_order, f"{deed}:address:{caller}": of_caller, f"{deed}:store": of_store}
    throttle.count_try(app.db, app.keyring, store.id, limits, now=app.clock())


def _code_digest(app: Services, order_id: int, code: str) -> str:
    return app.keyring.digest(f"{order_id}:{code}", purpose="code")
