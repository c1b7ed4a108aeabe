"""The shopper's JSON of legal withdrawals: two steps and a receipt, for whoever found the order."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import request
from sqlalchemy.orm import Session

from core.http.context import services, set_shopper_language
from core.orders.find import email_key
from core.orders.model import Order
from core.orders.sanitize import storable
from core.orders.shopper_auth import NotHere, authenticate, parse_id
from core.returns.api.api_access import check_access, count, order_of, reader_context_of
from core.returns.api.inputs import ReceiptIn, SentIn, WithdrawalIn
from core.returns.api.withdrawal_outputs import KnownOut, WithdrawalOut
from core.returns.model import Withdrawal
from core.returns.presenter.withdrawal_view import view_withdrawal
from core.returns.requests.lifecycle import SHOPPER
from core.returns.withdrawal import declare, receipts
from core.returns.withdrawal.declare import WithdrawalNotFound
from core.returns.withdrawal.lost_value import photos_of
from core.stores import throttle
from core.stores.model import Store
from core.stores.platform_access import store_by_key
from core.stores.tokens import ShopperToken

shop = APIBlueprint("withdrawals", __name__, url_prefix="/shop", tag="Withdrawals")


@shop.post("/<key>/withdrawals")
@shop.input(WithdrawalIn)
@shop.output(WithdrawalOut, status_code=201)
@shop.doc(
    summary="First step of a withdrawal: see what would be declared",
    responses=[400, 401, 404, 409, 429],
    security="ShopperToken",
)
def start(key: str, json_data: WithdrawalIn) -> WithdrawalOut:
    app = services()
    store, token, order_id = check_access(app, key, json_data.order)
    count(app, store, "withdrawal", order_id)
    with app.db.transaction(store.id) as session:
        order = order_of(session, store, order_id)
        reader = reader_context_of(app, store, order, token)
        name, email = storable(json_data.name), receipts.address_of(storable(json_data.email))
        key = email_key(email, app.keyring)
        row = declare.start(
            session, store, order_id, _units(json_data), name=name, email=email, email_key=key, now=app.clock()
        )
        return view_withdrawal(row, order, store, reader)


@shop.post("/<key>/withdrawals/<withdrawal_id>/confirm")
@shop.output(WithdrawalOut)
@shop.doc(summary="Second step of a withdrawal: declare it", responses=[401, 404, 409, 429], security="ShopperToken")
def confirm(key: str, withdrawal_id: str) -> WithdrawalOut:
    app = services()
    store, token = authenticate(app, key)
    with app.db.transaction(store.id, write=False) as session:
        known, order = _mine(session, store, token, withdrawal_id)
    count(app, store, "withdrawal", order.id)
    with app.db.transaction(store.id) as session:
        row = declare.confirm(session, store, known.id, now=app.clock())
        return view_withdrawal(row, order, store, reader_context_of(app, store, order, token))


@shop.post("/<key>/withdrawals/<withdrawal_id>/sent")
@shop.input(SentIn)
@shop.output(WithdrawalOut)
@shop.doc(
    summary="Give proof that the goods of a withdrawal were sent",
    responses=[400, 401, 404, 409, 429],
    security="ShopperToken",
)
def note_sent(key: str, withdrawal_id: str, json_data: SentIn) -> WithdrawalOut:
    app = services()
    store, token = authenticate(app, key)
    with app.db.transaction(store.id, write=False) as session:
        known, order = _mine(session, store, token, withdrawal_id)
    count(app, store, "sent", order.id)
    proof = storable(f"{json_data.carrier} {json_data.tracking_number}".strip())
    with app.db.transaction(store.id) as session:
        row, order = declare.find_withdrawal(session, store.id, known.id)
        declare.note_sent(session, store, row, SHOPPER, proof=proof, now=app.clock())
        return view_withdrawal(row, order, store, reader_context_of(app, store, order, token))


@shop.get("/<key>/withdrawals/<withdrawal_id>")
@shop.output(WithdrawalOut)
@shop.doc(summary="Read a withdrawal and its receipt", responses=[401, 404], security="ShopperToken")
def read_withdrawal(key: str, withdrawal_id: str) -> WithdrawalOut:
    app = services()
    store, token = authenticate(app, key)
    with app.db.transaction(store.id, write=False) as session:
        row, order = _mine(session, store, token, withdrawal_id)
        reader = reader_context_of(app, store, order, token)
        return view_withdrawal(row, order, store, reader, photos_of(session, row))


@shop.post("/<key>/receipts/check")
@shop.input(ReceiptIn)
@shop.output(KnownOut)
@shop.doc(summary="Say whether a receipt is one of this store's", responses=[400, 404, 429])
def check_receipt(key: str, json_data: ReceiptIn) -> KnownOut:
    app = services()
    store = store_by_key(app, key)
    set_shopper_language(store.language)
    limits = {f"receipt:address:{throttle.caller_of(request.remote_addr or '')}": 30}
    throttle.count_try(app.db, app.keyring, store.id, limits, now=app.clock())
    with app.db.transaction(store.id, write=False) as session:
        at = declare.is_known_receipt(session, storable(json_data.hash.strip()))
    return KnownOut(known=at is not None, declared_at=at)


def _units(said: WithdrawalIn) -> dict[str, int]:
    units: dict[str, int] = {}
    for line in said.lines:
        ref = storable(line.ref)
        units[ref] = units.get(ref, 0) + line.quantity
    return units


def _mine(session: Session, store: Store, token: ShopperToken, withdrawal_id: str) -> tuple[Withdrawal, Order]:
    """Give a withdrawal with its order. Raises WithdrawalNotFound, also where the token does not open the order."""
    try:
        row = session.get(Withdrawal, (store.id, parse_id(withdrawal_id)))
        if row is None or row.order_id not in token.order_ids:
            raise WithdrawalNotFound
        return row, order_of(session, store, row.order_id)
    except NotHere:
        raise WithdrawalNotFound from None
