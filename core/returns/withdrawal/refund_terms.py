"""What a withdrawal brings: its goods and delivery cost, less what the goods lost in value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order
from core.returns.audit_entries import note_act
from core.returns.law.delivery_cost import delivery_cost_due, standard_price
from core.returns.model import Reimbursement, Withdrawal
from core.returns.money.order_balance import OrderBalance, read_balance
from core.returns.money.quotes import Quote, QuoteRequest
from core.returns.money.refund_amount import quote
from core.returns.requests.lifecycle import Actor, ReasonNeeded
from core.returns.return_settings import return_settings_of
from core.returns.states import IllegalMove
from core.stores.model import Store

OPEN = ("declared", "acknowledged", "contested")
"""States of a withdrawal in which its refund can still be changed."""


@dataclass(frozen=True, slots=True)
class DeliveryCost:
    """How much of the delivery cost comes back and why, in minor units; `left` is what can still come back at most.

    `source`: staff said so; the store's price of its standard delivery; unknown, so that all that was paid comes back;
    or partial: outward delivery is kept where only a part goes back, which is not settled; staff may give it.
    """

    due: int
    left: int
    source: Literal["staff", "standard", "unknown", "partial"]


def quote_of(session: Session, store: Store, row: Withdrawal, order: Order) -> Quote:
    """Say what a withdrawal brings. Raises NothingLeft."""
    return refund_of(session, store, row, order)[0]


def refund_of(session: Session, store: Store, row: Withdrawal, order: Order) -> tuple[Quote, DeliveryCost]:
    """Say what a withdrawal brings, and how much of that is delivery cost and why. Raises NothingLeft."""
    books = read_balance(session, order, apart_from=row)
    cost = _delivery_cost(store, row, books)
    wanted = QuoteRequest(
        lines={one["ref"]: one["quantity"] for one in row.lines},
        shipping=True if cost.due >= cost.left else cost.due,
        withdrawal=True,
        lost_value=row.lost_value,
    )
    return quote(books.bought, wanted), cost


def set_delivery_cost(
    session: Session, store: Store, row: Withdrawal, by: Actor, *, amount: int, reason: str, now: datetime
) -> None:
    """Let staff say how much of the delivery cost comes back, in minor units, with a reason.

    Raises IllegalMove once its money was promised, ReasonNeeded, ValueError for more than was paid, NothingLeft.
    """
    check_open(session, row, "set_delivery_cost")
    if not reason.strip():
        raise ReasonNeeded
    order = session.get_one(Order, (store.id, row.order_id))
    if not 0 <= amount <= refund_of(session, store, row, order)[1].left:
        raise ValueError("more delivery cost than was paid")
    row.delivery_cost = amount
    note_act(
        session, row, "set_delivery_cost", actor=by.actor, codes={"amount": amount}, reason=reason.strip(), now=now
    )


def check_open(session: Session, row: Withdrawal, verb: str) -> None:
    """Raise IllegalMove where a withdrawal's refund can no longer be changed."""
    promised = sa.select(Reimbursement.id).where(
        Reimbursement.withdrawal_id == row.id, Reimbursement.state != "dropped"
    )
    if row.state not in OPEN or session.scalar(promised.limit(1)) is not None:
        raise IllegalMove("withdrawal", row.state, verb)


def _delivery_cost(store: Store, row: Withdrawal, books: OrderBalance) -> DeliveryCost:
    left = quote(books.bought, QuoteRequest(shipping=True, withdrawal=True)).shipping
    if row.delivery_cost is not None:
        return DeliveryCost(min(row.delivery_cost, left), left, "staff")
    if not row.whole:
        return DeliveryCost(0, left, "partial")
    price = standard_price(return_settings_of(store).standard_delivery, row.country)
    standard = None if price is None else books.order.rate.convert_back(price, store.currency)
    paid = sum(
        line.total + (0 if books.bought.tax_included else sum(line.taxes.values()))
        for line in books.bought.lines
        if line.kind == "shipping"
    )
    due = left if standard is None else min(left, delivery_cost_due(paid, paid - left, standard))
    return DeliveryCost(due, left, "unknown" if standard is None else "standard")
