"""The shopper's JSON of returns: what may go back and for how much, open one, follow it, take it back, send photos."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from apiflask import APIBlueprint, FileSchema
from flask import Response, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from core.http.context import services
from core.orders.model import Order
from core.orders.sanitize import storable
from core.orders.shopper_auth import NotHere, authenticate, check_order_access, parse_id
from core.platform.contract import Feature
from core.returns.api.api_access import check_access, count, order_of, reader_context_of
from core.returns.api.inputs import CancelIn, LineIn, OptionsIn, OrderIn, RequestIn, SentIn
from core.returns.api.outputs import OptionsOut, PhotoOut, QuoteOut, ReturnOut
from core.returns.model import Return
from core.returns.photos import photo_storage
from core.returns.photos.image import MOST_BYTES, BadPhoto, clean_photo
from core.returns.presenter.progress import may_cancel, may_tell_sent
from core.returns.presenter.reader_context import ReaderContext
from core.returns.presenter.return_options import view_options, view_quote
from core.returns.presenter.return_view import view_return
from core.returns.requests import canceling, lifecycle, opening
from core.returns.requests.evaluate_request import RequestedLine, evaluate
from core.returns.requests.exchange_offers import read_offer
from core.returns.requests.lifecycle import SHOPPER, ReturnNotFound, find_return
from core.returns.requests.opening import ReturnRequest
from core.returns.states import IllegalMove
from core.services import Services
from core.stores.connection.features import features_of
from core.stores.model import Store
from core.stores.platform_access import store_by_key
from core.stores.tokens import ShopperToken

shop = APIBlueprint("returns", __name__, url_prefix="/shop", tag="Returns")


@shop.get("/<key>/returns/options")
@shop.input(OptionsIn, location="query")
@shop.output(OptionsOut)
@shop.doc(
    summary="Say what can be done with an order: what may go back, cancel, withdraw",
    responses=[400, 401, 404],
    security="ShopperToken",
)
def options(key: str, query_data: OptionsIn) -> OptionsOut:
    app = services()
    store, token, order_id = check_access(app, key, query_data.order)
    with app.db.transaction(store.id, write=False) as session:
        order = order_of(session, store, order_id)
        reader = reader_context_of(app, store, order, token)
        has_variants = Feature.VARIANTS in features_of(app, store)
        kind, gift = query_data.kind, query_data.gift
        return view_options(session, store, order, reader, kind=kind, gift=gift, has_variants=has_variants)


@shop.post("/<key>/returns/quote")
@shop.input(RequestIn)
@shop.output(QuoteOut)
@shop.doc(
    summary="Say what the policy answers and what it would bring",
    responses=[400, 401, 404, 409],
    security="ShopperToken",
)
def quote(key: str, json_data: RequestIn) -> QuoteOut:
    app = services()
    store, token, order_id = check_access(app, key, json_data.order)
    with app.db.transaction(store.id, write=False) as session:
        order = order_of(session, store, order_id)
        asked, reader = _asked(app, order_id, json_data), reader_context_of(app, store, order, token)
        kind, gift = json_data.kind, json_data.gift
        seen = evaluate(session, store, order, asked, kind=kind, gift=gift, now=app.clock())
        return view_quote(seen, reader, gift=gift)


@shop.post("/<key>/returns")
@shop.input(RequestIn)
@shop.output(ReturnOut, status_code=201)
@shop.doc(summary="Open a return", responses=[400, 401, 403, 404, 409, 429], security="ShopperToken")
def open_return(key: str, json_data: RequestIn) -> ReturnOut:
    app = services()
    store, token, order_id = check_access(app, key, json_data.order, act=True)
    count(app, store, "return", order_id)
    asked = ReturnRequest(
        lines=_asked(app, order_id, json_data),
        comment=storable(json_data.comment),
        gift=json_data.gift,
        kind=json_data.kind,
        photos=tuple(parse_id(one) for one in json_data.photos),
    )
    with app.db.transaction(store.id) as session:
        reader = reader_context_of(app, store, order_of(session, store, order_id), token)
        rma = opening.open_return(session, store, order_id, asked, SHOPPER, now=app.clock())
        return view_return(session, store, rma, reader)


@shop.get("/<key>/returns/<return_id>")
@shop.output(ReturnOut)
@shop.doc(
    summary="Read a return: where it is, what happens next, where the money is",
    responses=[401, 404],
    security="ShopperToken",
)
def read_return(key: str, return_id: str) -> ReturnOut:
    app = services()
    store, token = authenticate(app, key)
    with app.db.transaction(store.id, write=False) as session:
        rma = session.get(Return, (store.id, _return_id(return_id)))
        reader = reader_context_of(app, store, _mine(session, store, token, rma), token)
        assert rma is not None
        return view_return(session, store, rma, reader)


@shop.post("/<key>/returns/<return_id>/cancel")
@shop.output(ReturnOut)
@shop.doc(summary="Take a return or cancellation back", responses=[401, 403, 404, 409, 429], security="ShopperToken")
def cancel_return(key: str, return_id: str) -> ReturnOut:
    app = services()
    with _acting(app, key, return_id, "take back") as (session, store, rma, reader):
        if not may_cancel(rma):
            raise IllegalMove("acceptance", rma.acceptance, "cancel")
        lifecycle.cancel(session, rma, SHOPPER, now=app.clock())
        return view_return(session, store, rma, reader)


@shop.post("/<key>/returns/<return_id>/sent")
@shop.input(SentIn)
@shop.output(ReturnOut)
@shop.doc(
    summary="Tell the store that the parcel is on its way",
    responses=[400, 401, 403, 404, 409, 429],
    security="ShopperToken",
)
def tell_sent(key: str, return_id: str, json_data: SentIn) -> ReturnOut:
    app = services()
    with _acting(app, key, return_id, "sent") as (session, store, rma, reader):
        if not may_tell_sent(rma):
            raise IllegalMove("reception", rma.reception, "scan")
        number, carrier = storable(json_data.tracking_number), storable(json_data.carrier)
        lifecycle.note_sent(session, store, rma, SHOPPER, number=number, carrier=carrier, now=app.clock())
        return view_return(session, store, rma, reader)


@shop.post("/<key>/cancel")
@shop.input(CancelIn)
@shop.output(ReturnOut, status_code=201)
@shop.doc(
    summary="Ask to cancel an order that has not left",
    responses=[400, 401, 403, 404, 409, 429],
    security="ShopperToken",
)
def cancel_order(key: str, json_data: CancelIn) -> ReturnOut:
    app = services()
    store, token, order_id = check_access(app, key, json_data.order, act=True)
    count(app, store, "cancel", order_id)
    with app.db.transaction(store.id) as session:
        reader, reason = (
            reader_context_of(app, store, order_of(session, store, order_id), token),
            storable(json_data.reason),
        )
        rma = canceling.request_cancellation(session, store, order_id, SHOPPER, reason=reason, now=app.clock())
        return view_return(session, store, rma, reader)


@shop.post("/<key>/photos")
@shop.input(OrderIn, location="query")
@shop.output(PhotoOut, status_code=201)
@shop.doc(
    summary="Send a photo for a return to come", responses=[400, 401, 403, 404, 413, 429], security="ShopperToken"
)
def send_photo(key: str, query_data: OrderIn) -> PhotoOut:
    app = services()
    store, token, order_id = check_access(app, key, query_data.order, act=True)
    count(app, store, "photo", order_id)
    with app.db.transaction(store.id, write=False) as session:
        reader = reader_context_of(app, store, order_of(session, store, order_id), token)
    photo = clean_photo(_body())  # before a transaction is open: it takes a second
    with app.db.transaction(store.id) as session:
        row = photo_storage.keep(session, order_of(session, store, order_id), photo, now=app.clock())
        assert reader.photo_url is not None
        return PhotoOut(id=str(row.id), url=reader.photo_url(row.id), width=row.width, height=row.height)


@shop.get("/<key>/photos/<token>")
@shop.output(FileSchema(type="string", format="binary"), content_type="image/jpeg")
@shop.doc(summary="Show a photo at its signed address", responses=[404])
def show_photo(key: str, token: str) -> Response:
    app = services()
    store = store_by_key(app, key)
    store_id, photo_id = photo_storage.read_token(app.keyring, token)
    if store_id != store.id:
        raise photo_storage.PhotoNotFound
    with app.db.transaction(store.id, write=False) as session:
        photo = photo_storage.find(session, store.id, photo_id)
        answer = Response(photo.content, mimetype=photo.mime)
    answer.headers["Cache-Control"] = f"private, max-age={int(photo_storage.LINK_LIFE.total_seconds())}"
    # Opened by itself, whatever the bytes turn out to be, it is a picture and nothing that runs.
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


@contextmanager
def _acting(
    app: Services, key: str, return_id: str, deed: str
) -> Iterator[tuple[Session, Store, Return, ReaderContext]]:
    """Open a transaction in which a return of the token's may be changed, locked as every verb wants it."""
    store, token = authenticate(app, key)
    with app.db.transaction(store.id, write=False) as session:
        known = session.get(Return, (store.id, _return_id(return_id)))
        order = _mine(session, store, token, known)
    check_order_access(token, order.id, act=True)
    count(app, store, deed, order.id)
    with app.db.transaction(store.id) as session:
        rma = find_return(session, store.id, parse_id(return_id))
        yield session, store, rma, reader_context_of(app, store, order, token)


def _mine(session: Session, store: Store, token: ShopperToken, rma: Return | None) -> Order:
    """Give a return's order. Raises ReturnNotFound where there is none, and where the token does not open it."""
    if rma is None or rma.order_id not in token.order_ids:
        raise ReturnNotFound
    try:
        return order_of(session, store, rma.order_id)
    except NotHere:
        raise ReturnNotFound from None


def _return_id(text: str) -> int:
    try:
        return parse_id(text)
    except NotHere:
        raise ReturnNotFound from None


def _asked(app: Services, order_id: int, said: RequestIn) -> tuple[RequestedLine, ...]:
    """Read what is asked for. Raises OfferOver."""
    return tuple(_line(app, order_id, line) for line in said.lines)


def _line(app: Services, order_id: int, said: LineIn) -> RequestedLine:
    line = RequestedLine(**storable(said.model_dump(exclude={"exchange_offer"})))
    if not said.exchange_offer or said.wish != "exchange":
        return line
    offer = read_offer(app.keyring, said.exchange_offer, order_id, said.ref)
    return replace(line, exchange_for=offer.variant, exchange_title=offer.title, exchange_price=offer.price)


def _body() -> bytes:
    request.max_content_length = MOST_BYTES
    try:
        return request.get_data()
    except RequestEntityTooLarge:
        raise BadPhoto("too_large") from None
