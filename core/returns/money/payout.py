"""When a return's money is due and how much it is: by its events, its approved terms and the order's balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.row_reader import Row
from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders.model import Order
from core.platform.contract import ExchangeLine
from core.returns import events
from core.returns.model import Reimbursement, Return, ReturnItem
from core.returns.money import part_payments, reimburse
from core.returns.money.exchange import Settlement, goods_for, settle
from core.returns.money.order_balance import read_balance
from core.returns.money.purchased import PurchasedOrder
from core.returns.money.quotes import Fee, Quote, QuoteLine, QuoteRequest
from core.returns.money.refund_amount import NothingLeft, apply_quote, quote
from core.returns.return_settings import return_settings_of
from core.returns.states import IllegalMove, move_return
from core.stores.model import Store

KINDS = {
    "refund": "refund",
    "keep": "refund",
    "store_credit": "store_credit",
    "exchange": "exchange",
    "repair": "repair",
}
"""A wish's kind of reimbursement."""
STAGES = {
    "approval": ("awaited", "on_its_way", "received", "inspected", "kept"),
    "first_scan": ("on_its_way", "received", "inspected", "kept"),
    "arrival": ("received", "inspected", "kept"),
    "inspection": ("inspected", "kept"),
}
"""Where the goods must be for the money to move, by the policy's `refund_when`."""
HELD = "payment_held"
"""The case of money that staff have to pay or not: its return was begun before the store was connected."""
_NOTHING = Quote(0, (), (), 0, 0, (), ())


@dataclass(frozen=True, slots=True)
class Share:
    """What one kind of reimbursement of a return comes to."""

    kind: str
    items: tuple[ReturnItem, ...]
    quote: Quote
    units: Mapping[int, int]
    """How many of each item it is for, by the item's id."""

    @property
    def settlement(self) -> Settlement | None:
        """What an exchange comes to; None for what is none."""
        if self.kind != "exchange":
            return None
        units = Counter[str]()
        for item in self.items:
            units[item.line_ref] += self.units[item.id]
        worth = {part.ref: part.gross for part in self.quote.lines}
        goods = [
            goods_for(
                item.line_ref,
                item.title,
                self.units[item.id],
                item,
                worth.get(item.line_ref, 0) * self.units[item.id] // units[item.line_ref],
            )
            for item in self.items
        ]
        return settle(self.quote, goods)


def amount_of(session: Session, store: Store, rma: Return, *, now: datetime) -> int:
    """Say what a return brings as it stands, in minor units: everything it gives in money or in worth."""
    return sum(share.quote.total for share in shares_of(session, rma))


def shares_of(session: Session, rma: Return) -> list[Share]:
    """Split a return by what the shopper gets; fees are taken from the first share that bears them.

    What was paid of it at the platform is taken off, money and units, first from what would be paid in money.
    The units are dealt in the order of the shares, so that together they bring what one quote would.
    """
    order = session.get(Order, (rma.store_id, rma.order_id))
    assert order is not None
    balance = read_balance(session, order, apart_from=rma, counts_canceled=rma.kind == "cancel")
    items = session.scalars(sa.select(ReturnItem).where(ReturnItem.return_id == rma.id).order_by(ReturnItem.id)).all()
    grouped: dict[str, list[ReturnItem]] = {}
    for item in items:
        if _units(item):
            grouped.setdefault(KINDS[item.wish], []).append(item)
    shares, bought, rest = [], balance.bought, rma.fees
    for kind in ("refund", "store_credit", "exchange", "repair"):
        if kind not in grouped:
            continue
        some = grouped[kind]
        if kind == "repair":
            shares.append(_share(kind, some, _NOTHING))
            continue
        given = _quote(rma, bought, some, rest, rma.shipping if kind == "refund" else 0)
        if rma.kind == "cancel":
            given = replace(given, payout=_without_removed(given.payout, balance.lines))
        bought = apply_quote(bought, given) if given.lines else bought
        rest = _left_of_fees(rest, given.fees)
        shares.append(_share(kind, some, given))
    parts = part_payments.parts_of(session, rma)
    return _without_parts(shares, parts, read_balance(session, order).bought) if parts else shares


def _share(kind: str, items: Sequence[ReturnItem], given: Quote) -> Share:
    return Share(kind, tuple(items), given, {item.id: _units(item) for item in items})


def _without_parts(shares: Sequence[Share], parts: Sequence[Reimbursement], bought: PurchasedOrder) -> list[Share]:
    """Give what is left of each share; `bought` is the order as it stands, parts and all."""
    paid, units = sum(row.amount for row in parts), part_payments.units_of(parts)
    rests = []
    for share in shares:
        taken: Counter[str] = Counter()
        left = {}
        for item in share.items:
            gone = min(share.units[item.id], units[item.line_ref])
            units[item.line_ref] -= gone
            taken[item.line_ref] += gone
            left[item.id] = share.units[item.id] - gone
        rest = part_payments.take_off(share.quote, paid, taken, bought)
        paid -= share.quote.total - rest.total
        bought = replace(bought, refunded=bought.refunded + rest.total)
        items = tuple(item for item in share.items if left[item.id])
        if items:
            rests.append(Share(share.kind, items, rest, left))
    return rests


def is_due(rma: Return) -> bool:
    """Say whether the moment of a return's money has come, and none was promised."""
    is_open = rma.acceptance == "approved" and rma.reimbursement == "none"
    return is_open and rma.reception in STAGES[rma.refund_when]


def pay_if_due(session: Session, store: Store, rma: Return, *, by: str, now: datetime) -> None:
    """Promise the money of a return whose moment has come; before it, and once promised, nothing happens."""
    if not is_due(rma):
        return
    if rma.kind == "cancel":  # the store stops the order first; its money follows
        _promise_cancel(session, rma, now)
        return
    pay_now(session, store, rma, by=by, now=now)


def pay_now(session: Session, store: Store, rma: Return, *, by: str, now: datetime) -> None:
    """Promise a return's money whatever the moment. Raises IllegalMove when it was promised, or is not approved.

    Where parts that were paid at the platform leave nothing, they settle it.
    """
    promised = move_return(rma.standing, "reimbursement", "promise")
    order = session.get(Order, (rma.store_id, rma.order_id))
    assert order is not None
    shares = shares_of(session, rma)
    if not shares:
        if not (parts := part_payments.parts_of(session, rma)):
            raise IllegalMove("reimbursement", rma.reimbursement, "promise")
        settle_by_parts(session, rma, parts, now=now)
        return
    settings = return_settings_of(store)
    due = now.astimezone(ZoneInfo(store.timezone)).date() + timedelta(days=settings.refund_days)
    rma.reimbursement, rma.refund_by = promised.reimbursement, due
    session.flush()
    rows = [
        row
        for share in shares
        for row in reimburse.promise(
            session,
            order,
            reimburse.Entitlement(
                intent=f"return:{rma.id}:{share.kind}",
                of=rma,
                quote=share.quote,
                kind=share.kind,
                goods=_goods(share.settlement),
                restock=_restock(share, usual=settings.restock and rma.reception in ("received", "inspected")),
                due=due,
            ),
            by=by,
            now=now,
        )
    ]
    _close_held(session, rma, now)
    if all(row.state == "issued" for row in rows) and rma.reimbursement == "pending":
        rma.reimbursement = move_return(rma.standing, "reimbursement", "issue").reimbursement
    reimburse.refresh(session, rma, now=now)


def settle_by_parts(session: Session, rma: Return, parts: Sequence[Reimbursement], *, now: datetime) -> None:
    """Let parts that were paid at the platform be all that a return brings. Those that are not issued yet settle it
    when they are. Raises IllegalMove when its money was promised."""
    usual = f"return:{rma.id}:refund"
    for row in parts:
        row.intent = usual if row is parts[0] else f"{usual}:{row.platform_ref}"
    rma.reimbursement = move_return(rma.standing, "reimbursement", "promise").reimbursement
    session.flush()
    _close_held(session, rma, now)
    if all(row.state == "issued" for row in parts):
        rma.reimbursement = move_return(rma.standing, "reimbursement", "issue").reimbursement
        reimburse.refresh(session, rma, now=now)


def _close_held(session: Session, rma: Return, now: datetime) -> None:
    """Close the case of money that waited for staff because its return is older than the connection."""
    if rma.source:
        events.request_case_closing(session, rma.store_id, rma.order_id, HELD, now=now)


def cancel_key(rma: Return) -> str:
    """Name one attempt to cancel an order: each approval is one, also of what was declined and taken up again."""
    decided = int(rma.decided_at.timestamp()) if rma.decided_at else 0
    return f"cancel:{rma.id}:{decided:x}"


def _promise_cancel(session: Session, rma: Return, now: datetime) -> None:
    job = NewJob("returns.cancel_order", cancel_key(rma), {"id": rma.id}, once=True)
    queue.enqueue(session, rma.store_id, job, now=now)


def _quote(
    rma: Return, bought: PurchasedOrder, items: Sequence[ReturnItem], fees: Sequence[Mapping[str, Any]], shipping: int
) -> Quote:
    """Say what some of a return's items bring, of no more units than are left; nothing where nothing is left to give.

    Units that were refunded at the store itself bring nothing a second time.
    """
    left = {line.ref: line.units_left for line in bought.lines}
    asked_for: Counter[str] = Counter()
    for item in items:
        asked_for[item.line_ref] += _units(item)
    wanted = {ref: min(units, left[ref]) for ref, units in asked_for.items() if left.get(ref)}
    if not wanted:
        return _NOTHING
    everything = rma.kind == "cancel"
    asked = QuoteRequest(
        lines=wanted,
        shipping=True if everything else shipping,
        fees=tuple(Fee(fee["what"], fee["amount"]) for fee in fees),
        withdrawal=everything,  # what never left costs the shopper nothing
        keep_item=all(item.wish == "keep" for item in items),
    )
    try:
        return quote(bought, asked)
    except NothingLeft:
        return _NOTHING


def _without_removed(payout: Sequence[QuoteLine], lines: Sequence[Row]) -> tuple[QuoteLine, ...]:
    """Ask for the money alone of units that the store took off the order: they cannot come back to it a second time."""
    left = {line.ref: line.quantity - line.removed for line in lines}
    return tuple(replace(part, quantity=min(part.quantity, left[part.ref])) for part in payout)


def _left_of_fees(fees: Sequence[Mapping[str, Any]], taken: int) -> list[dict[str, Any]]:
    """Give what of the fees has not been taken yet."""
    rest = []
    for fee in fees:
        amount = fee["amount"]
        gone = min(amount, taken)
        taken -= gone
        rest.append({"what": fee["what"], "amount": amount - gone})
    return rest


def _units(item: ReturnItem) -> int:
    return item.quantity if item.accepted is None else item.accepted


def _goods(settlement: Settlement | None) -> list[ExchangeLine]:
    goods = settlement.goods if settlement else ()
    return [ExchangeLine(one.line, one.variant, one.quantity, one.title, one.price) for one in goods]


def _restock(share: Share, *, usual: bool) -> list[str]:
    """Name the lines that go back on sale: as staff said, else what came back as new."""
    said = {
        item.line_ref: item.restock
        if item.restock is not None
        else usual and item.grade in ("", "new") and item.wish != "keep"
        for item in share.items
    }
    return [ref for ref, yes in said.items() if yes]
