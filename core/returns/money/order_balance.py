"""An order's balance: what was bought and paid, what was returned or is promised, and how much is left of each line.

Read under the order's lock, so that of two who ask for the last unit the second finds none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.database import READ_ONCE
from core.db.orm_bypass import attach_row
from core.db.row_reader import Row, session_reader
from core.orders.model import LineItem, Order
from core.returns.model import Reimbursement, Return, ReturnItem, Withdrawal
from core.returns.money.part_payments import is_part
from core.returns.money.purchased import GOODS, Payment, PurchasedLine, PurchasedOrder

PROMISED = ("pending", "issued", "needs_staff", "awaiting_payment")
"""States of a reimbursement whose amount is spoken for."""
_OVER = ("declined", "canceled")
_WITHDRAWN = ("declared", "acknowledged", "contested", "reimbursed")


def select_of_order(model: Any, *columns: str) -> sa.Select[Any]:
    """Select columns of an order's rows, as a statement to be written once."""
    table = table_of(model)
    mine = sa.and_(table.c.store_id == sa.bindparam("store_id"), table.c.order_id == sa.bindparam("order_id"))
    return sa.select(*(table.c[name] for name in columns)).where(mine)


def _is_one_of(column: Any, words: Sequence[str]) -> sa.ColumnElement[bool]:
    """Write IN as OR: a statement that is compiled once takes no list."""
    return sa.or_(*(column == word for word in words))


_ORDERS = table_of(Order)
_LOCKED = (
    sa.select(_ORDERS)
    .where(_ORDERS.c.store_id == sa.bindparam("store_id"), _ORDERS.c.id == sa.bindparam("order_id"))
    .with_for_update()
)


# Plain rows by statements written once: starting a return reads them before it can say anything (benchmarks.p6_return).
_LINES = select_of_order(
    LineItem,
    *"ref kind title variant variant_ref sku product_ref image_url tags quantity removed total tax taxes".split(),
).order_by(table_of(LineItem).c.place)
_MONEY = select_of_order(
    Reimbursement, *"id return_id withdrawal_id intent key platform_ref amount lines booked".split()
).where(_is_one_of(table_of(Reimbursement).c.state, PROMISED))
_RETURNS = table_of(Return)
_GOING = table_of(ReturnItem)
_ITEMS = (
    select_of_order(ReturnItem, "return_id", "line_ref", "quantity", "accepted")
    .join(_RETURNS, sa.and_(_RETURNS.c.store_id == _GOING.c.store_id, _RETURNS.c.id == _GOING.c.return_id))
    .where(~_is_one_of(_RETURNS.c.acceptance, _OVER))
    # Closed by the platform with neither goods nor money to show for it: these units may still come back.
    .where(~sa.and_(_RETURNS.c.reimbursement == "waived", _RETURNS.c.reception == "ended"))
)
_WITHDRAWALS = select_of_order(Withdrawal, "id", "lines").where(_is_one_of(table_of(Withdrawal).c.state, _WITHDRAWN))


@dataclass(frozen=True, slots=True)
class OrderBalance:
    """An order with its lines (rows of `line_items`), what was paid for them, and the units of each still free."""

    order: Order
    lines: tuple[Row, ...]
    bought: PurchasedOrder
    left: Mapping[str, int]

    def line(self, ref: str) -> Row | None:
        """Give a line by its ref."""
        return next((line for line in self.lines if line.ref == ref), None)


@dataclass(frozen=True, slots=True)
class _Spent:
    """What refunds took from one line: units, net and taxes by rate."""

    quantity: int = 0
    net: int = 0
    taxes: Mapping[str, int] | None = None


def lock_order(session: Session, store_id: int, order_id: int) -> Order | None:
    """Load an order, locked until this transaction ends."""
    reader = session_reader(session)
    rows = reader.rows(_LOCKED, order_id=order_id) if store_id == reader.store_id else ()
    return attach_row(session, Order, rows[0]) if rows else None


def read_balance(
    session: Session, order: Order, *, apart_from: Return | Withdrawal | None = None, counts_canceled: bool = False
) -> OrderBalance:
    """Read what an order's money and units stand at; `apart_from` is left out, as if it had not been asked for.

    `counts_canceled` counts what the store took off the order without paying it back as still there: the units of a
    canceled order whose money is due.
    """
    kept = session.info.get(READ_ONCE, {})
    key = (order.id, type(apart_from), apart_from.id if apart_from else None, counts_canceled)
    if key not in kept:
        kept[key] = _read_balance(session, order, apart_from, counts_canceled)
    balance: OrderBalance = kept[key]
    return balance


def _read_balance(
    session: Session, order: Order, apart_from: Return | Withdrawal | None, counts_canceled: bool
) -> OrderBalance:
    asked = (_LINES, _MONEY, _ITEMS, _WITHDRAWALS)
    lines, money, items, withdrawals = session_reader(session).rows_of_each(asked, order_id=order.id)
    own = [one for one in money if is_part(one.intent) and _is(apart_from, Return, one.return_id)]
    refunds = [refund for refund in order.refunds if refund["ref"] not in {one.platform_ref for one in own}]
    unseen = [one for one in money if one not in own and not _is_seen(one, refunds)]
    seen = [one for one in money if one not in own and one not in unseen]
    reserved = _reserved(items, withdrawals, apart_from, settled=seen)
    not_told = [refund for refund in order.refunds if refund not in refunds]
    removed = {
        line.ref: min(line.removed, _refunded_units(refunds, line.ref))
        if counts_canceled
        else max(0, line.removed - _refunded_units(not_told, line.ref))
        for line in lines
    }
    gone = {ref: units + reserved[ref] for ref, units in removed.items()}
    return OrderBalance(
        order=order,
        lines=tuple(lines),
        bought=_bought(order, lines, refunds, unseen, gone),
        left={
            line.ref: max(0, line.quantity - removed[line.ref] - reserved[line.ref])
            for line in lines
            if line.kind in GOODS
        },
    )


def _is_seen(one: Row, refunds: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether the store's own books show this reimbursement by now."""
    return any(
        refund.get("key") == one.key or (one.platform_ref and refund.get("ref") == one.platform_ref)
        for refund in refunds
    )


def _reserved(
    items: Sequence[Row], withdrawals: Sequence[Row], apart_from: Return | Withdrawal | None, settled: Sequence[Row]
) -> Counter[str]:
    """Count the units that returns and withdrawals hold, unless the store's own books show them as gone."""
    closed_returns = {one.return_id for one in settled if one.lines and not is_part(one.intent)}
    closed_withdrawals = {one.withdrawal_id for one in settled if one.lines}
    in_part: Counter[tuple[int, str]] = Counter()
    for one in settled:
        for line in one.lines if is_part(one.intent) else ():
            in_part[one.return_id, line["ref"]] += line["quantity"]
    held: Counter[str] = Counter()
    for item in items:
        if item.return_id not in closed_returns and not _is(apart_from, Return, item.return_id):
            units = item.quantity if item.accepted is None else item.accepted
            paid = min(units, in_part[item.return_id, item.line_ref])
            in_part[item.return_id, item.line_ref] -= paid
            held[item.line_ref] += units - paid
    for withdrawal in withdrawals:
        if withdrawal.id not in closed_withdrawals and not _is(apart_from, Withdrawal, withdrawal.id):
            for line in withdrawal.lines:
                held[line["ref"]] += line["quantity"]
    return held


def _is(one: Return | Withdrawal | None, model: type, id_: int) -> bool:
    return one is not None and isinstance(one, model) and one.id == id_


def _bought(
    order: Order,
    lines: Sequence[Row],
    refunds: Sequence[Mapping[str, Any]],
    unseen: Sequence[Row],
    gone: Mapping[str, int],
) -> PurchasedOrder:
    given = sum(refund["amount"] for refund in refunds) + sum(one.amount for one in unseen)
    left_out = sum(refund["amount"] for refund in order.refunds) - sum(refund["amount"] for refund in refunds)
    return PurchasedOrder(
        currency=order.currency,
        lines=tuple(_line(order, line, refunds, unseen, gone[line.ref]) for line in lines),
        payments=tuple(_payments(order, left_out)),
        total=order.total,
        tax_included=order.tax_included,
        refunded=given,
    )


def _payments(order: Order, left_out: int) -> Iterator[Payment]:
    """Give the order's payments, as if so much of what went back through them had not."""
    for one in order.payments:
        refunded = one.get("refunded", 0)
        back = min(refunded, left_out)
        left_out -= back
        yield Payment(one["ref"], one["captured"], refunded - back, one.get("refundable", False))


def _line(
    order: Order, line: Row, refunds: Sequence[Mapping[str, Any]], unseen: Sequence[Row], gone: int
) -> PurchasedLine:
    spent = [_told(refund, line.ref) for refund in refunds]
    spent += [_Spent(part["quantity"], part["net"], part["taxes"]) for one in unseen for part in one.booked or one.lines
              if part["ref"] == line.ref]  # fmt: skip
    known = [one for one in spent if one is not None]
    taxes: Counter[str] = Counter()
    for one in known:
        taxes.update(one.taxes or {})
    net = sum(one.net for one in known)
    if line.kind not in GOODS:  # shipping and fees are refunded by amount
        gone = line.quantity if net and net + sum(taxes.values()) >= line.total + _tax_on_top(order, line) else 0
    is_told = all(one is not None for one in spent)
    return PurchasedLine(
        ref=line.ref,
        quantity=max(1, line.quantity),
        total=line.total,
        taxes={tax["ref"]: tax["amount"] for tax in line.taxes} or ({"": line.tax} if line.tax else {}),
        kind=line.kind,
        refunded_quantity=min(gone, max(1, line.quantity)),
        refunded_total=net + (sum(taxes.values()) if order.tax_included else 0) if is_told else None,
        refunded_taxes=taxes if is_told else {},
    )


def _refunded_units(refunds: Iterable[Mapping[str, Any]], ref: str) -> int:
    """Count the units of a line that these refunds were for."""
    units = 0
    for refund in refunds:
        lines = refund.get("lines") or ()
        if isinstance(lines, Mapping):  # stored before refunds had amounts
            units += lines.get(ref, 0)
        else:
            units += sum(line["quantity"] for line in lines if line["ref"] == ref)
    return units


def _tax_on_top(order: Order, line: Row) -> int:
    return 0 if order.tax_included else line.tax


def _told(refund: Mapping[str, Any], ref: str) -> _Spent | None:
    """Give what a refund of the store's took from a line; None where it says units but no money."""
    lines = refund.get("lines") or ()
    if isinstance(lines, Mapping):  # stored before refunds had amounts
        return None if ref in lines else _Spent()
    mine = [line for line in lines if line["ref"] == ref]
    taxes: Counter[str] = Counter()
    for line in mine:
        taxes.update(line.get("taxes") or {})
    return _Spent(sum(line["quantity"] for line in mine), sum(line["amount"] for line in mine), taxes)
