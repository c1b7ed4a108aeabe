"""The list of legal withdrawals: whose clock runs out first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.desk.labels import name_in
from core.desk.lists.definition import (
    Code,
    Column,
    Filter,
    Key,
    ListKind,
    Moment,
    Sort,
    newest_first,
    one_of,
    read_flag,
)
from core.desk.returns.return_queue import Clock, clock_of
from core.i18n.words import Words
from core.orders.model import Order
from core.returns.list_order import withdrawal_due, withdrawal_runs
from core.returns.model import Withdrawal

STATES = ("declared", "acknowledged", "contested", "reimbursed", "refused", "retracted")


@dataclass(frozen=True, slots=True)
class WithdrawalLine:
    """A withdrawal with its order, and how its legal clock stands."""

    row: Withdrawal
    order: Order
    clock: Clock

    @property
    def id(self) -> int:
        """The withdrawal's id."""
        return self.row.id


def _prepare(_session: Session, rows: Sequence[Any], at: Moment) -> list[WithdrawalLine]:
    return [WithdrawalLine(row.Withdrawal, row.Order, clock_of(row.Withdrawal, at.now)) for row in rows]


def _shows(words: Words) -> list[tuple[str, str]]:
    return [("running", words.pgettext("desk", "Clock running")), ("all", words.pgettext("desk", "All"))]


LIST = ListKind(
    name="withdrawals",
    endpoint="desk.list_withdrawals",
    title=lambda say: say("desk", "Withdrawals"),
    model=Withdrawal,
    query=lambda: sa.select(Withdrawal, Order).join(
        Order, sa.and_(Order.store_id == Withdrawal.store_id, Order.id == Withdrawal.order_id)
    ),
    prepare=_prepare,
    usual_sort=lambda filters: "due" if filters["show"] == "running" else "newest",
    counted="show",
    filters=(
        Filter(
            name="show",
            label=lambda say: say("desk", "State"),
            kind="tabs",
            read=one_of("running", "all"),
            options=_shows,
            usual="running",
            condition=lambda value, _at: withdrawal_runs if value == "running" else Withdrawal.declared_at.is_not(None),
        ),
        Filter(
            name="state",
            label=lambda say: say("desk", "State"),
            kind="choice",
            read=one_of(*STATES),
            options=lambda words: [(state, name_in(f"withdrawal.{state}", words.language)) for state in STATES],
            condition=lambda value, _at: Withdrawal.state == value,
        ),
        Filter(
            name="late",
            label=lambda say: say("desk", "Late by our reckoning"),
            kind="flag",
            read=read_flag,
            condition=lambda _value, _at: Withdrawal.late,
        ),
    ),
    sorts=(
        Sort(
            name="due",
            label=lambda say: say("desk", "Nearest last day first"),
            keys=(Key(withdrawal_due, "day"),),
            only=("show", "running"),
        ),
        newest_first(Withdrawal.declared_at),
    ),
    columns=(
        Column(name="number", label=lambda say: say("desk", "Withdrawal"), value=lambda line: line.row.number),
        Column(name="order", label=lambda say: say("desk", "Order"), value=lambda line: line.order.number),
        Column(name="shopper", label=lambda say: say("desk", "Shopper"), value=lambda line: line.row.name),
        Column(
            name="state",
            label=lambda say: say("desk", "State"),
            value=lambda line: Code(line.row.state, "withdrawal."),
        ),
        Column(name="declared", label=lambda say: say("desk", "Declared"), value=lambda line: line.row.declared_at),
        Column(name="due", label=lambda say: say("desk", "Refund due"), value=lambda line: line.row.refund_due),
        Column(
            name="country",
            label=lambda say: say("desk", "Country"),
            value=lambda line: line.row.country,
            is_usual=False,
        ),
    ),
)
