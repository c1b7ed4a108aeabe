"""Puts a return of ours into the words of the door: where the platform's own is to be brought, with all it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.money import allocate
from core.orders.model import LineItem, Order
from core.platform.contract import ReturnMove
from core.platform.native_returns import DeclineCode, ExchangeLine, ReturnLine
from core.returns.model import Return, ReturnItem
from core.returns.requests.lifecycle import items_of

_KEY = "aftercare-"
_DECLINE_CODES: dict[str, DeclineCode] = {
    "final_sale": "final_sale",
    "window_over": "period_over",
    "window_just_over": "period_over",
}


def move_of(session: Session, rma: Return, order: Order) -> ReturnMove:
    """Give the move that brings the platform's return to where ours stands. Goods that came before anybody said yes
    are no reason to approve it there."""
    items = items_of(session, rma)
    # A decision that was taken again is told again.
    decided = int(rma.decided_at.timestamp()) if rma.decided_at else 0
    return ReturnMove(
        key=f"{_KEY}{rma.id:x}-{rma.status}-{decided:x}",
        order_ref=order.ref,
        rma=rma.rma,
        move=rma.status,  # type: ignore[arg-type]
        note=rma.note if rma.status == "declined" else "",
        return_key=return_key_of(rma),
        native_ref=rma.native_ref,
        currency=rma.currency,
        lines=_lines(session, rma, items),
        shipping_fee=sum(fee["amount"] for fee in rma.fees if fee["what"] == "label"),
        exchange=tuple(_exchange(item) for item in items if item.wish == "exchange"),
        decline_code=next(
            (_DECLINE_CODES[one["code"]] for one in rma.objections if one["code"] in _DECLINE_CODES), "other"
        ),
        requested_at=rma.opened_at,
        label_url=rma.label_url,
        tracking_number=rma.tracking_number,
        carrier=rma.carrier,
    )


def return_key_of(rma: Return) -> str:
    """Give what the platform keeps with its return, to be found again by."""
    return f"{_KEY}{rma.id:x}" + (f"-{len(rma.native_past)}" if rma.native_past else "")


def digest_of(move: ReturnMove) -> str:
    """Give a digest of what a move says beside the state."""
    said = (move.lines, move.shipping_fee, move.exchange, move.label_url, move.tracking_number, move.carrier)
    return hashlib.blake2b(repr(said).encode("utf-8", "replace"), digest_size=12).hexdigest()


def _lines(session: Session, rma: Return, items: Sequence[ReturnItem]) -> tuple[ReturnLine, ...]:
    """Give the lines, each with its part of what is kept back for the goods: by what was paid for them."""
    if not items:
        return ()
    bought = {line.ref: line for line in session.scalars(sa.select(LineItem).where(LineItem.order_id == rma.order_id))}
    worth = [
        bought[item.line_ref].total * item.quantity // max(1, bought[item.line_ref].quantity)
        if item.line_ref in bought
        else 0
        for item in items
    ]
    kept = sum(fee["amount"] for fee in rma.fees if fee["what"] != "label")
    fees = allocate(kept, [max(0, one) for one in worth])
    return tuple(
        ReturnLine(
            item.line_ref, item.quantity, item.reason, note=rma.comment if place == 0 else "", restocking_fee=fee
        )
        for place, (item, fee) in enumerate(zip(items, fees, strict=True))
    )


def _exchange(item: ReturnItem) -> ExchangeLine:
    price = None if item.exchange_price is None else item.exchange_price * item.quantity
    return ExchangeLine(item.line_ref, item.exchange_for, item.quantity, item.exchange_title, price)
