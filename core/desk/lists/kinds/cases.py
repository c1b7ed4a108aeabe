"""The list of cases: who waits longest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.conversations.model import Case
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
    read_text,
)
from core.i18n.words import Words
from core.orders.model import Order
from core.orders.typed_text import number_key

KINDS = (
    *("reply", "talk", "cancel", "not_received", "refund_failed", "paid_otherwise", "cancel_failed", "refunded_twice"),
    *("return_conflict", "closed_unpaid", "payment_held", "withdrawal_late", "withdrawal_unmatched"),
    *("withdrawal_there", "privacy_export", "unconfirmed_erase", "unconfirmed_export", "unconfirmed_news"),
)
STATES = ("open", "closed", "all")


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case with its order, None where it hangs on none."""

    case: Case
    order: Order | None

    @property
    def id(self) -> int:
        """The case's id."""
        return self.case.id


def _prepare(_session: Session, rows: Sequence[Any], _at: Moment) -> list[CaseLine]:
    return [CaseLine(row.Case, row.Order) for row in rows]


def _states(words: Words) -> list[tuple[str, str]]:
    say = words.pgettext
    return [
        ("open", say("desk", "Waiting for an answer")),
        ("closed", say("desk", "Closed")),
        ("all", say("desk", "All")),
    ]


LIST = ListKind(
    name="cases",
    endpoint="desk.list_cases",
    title=lambda say: say("desk", "Cases"),
    model=Case,
    query=lambda: sa.select(Case, Order).outerjoin(
        Order, sa.and_(Order.store_id == Case.store_id, Order.id == Case.order_id)
    ),
    prepare=_prepare,
    usual_sort=lambda filters: "longest" if filters["state"] == "open" else "newest",
    counted="state",
    filters=(
        Filter(
            name="state",
            label=lambda say: say("desk", "State"),
            kind="tabs",
            read=one_of(*STATES),
            options=_states,
            usual="open",
            condition=lambda value, _at: None if value == "all" else Case.state == value,
        ),
        Filter(
            name="kind",
            label=lambda say: say("desk", "About"),
            kind="choice",
            read=one_of(*KINDS),
            options=lambda words: [(kind, name_in(kind, words.language)) for kind in KINDS],
            condition=lambda value, _at: Case.kind == value,
        ),
        Filter(
            name="order",
            label=lambda say: say("desk", "Order number"),
            kind="text",
            read=read_text,
            condition=lambda value, _at: Case.order_id.in_(
                sa.select(Order.id).where(Order.number_key == number_key(value)).correlate(None)
            ),
        ),
    ),
    sorts=(
        Sort(
            name="longest",
            label=lambda say: say("desk", "Longest waiting first"),
            keys=(Key(Case.opened_at, "moment"),),
        ),
        newest_first(Case.opened_at),
    ),
    columns=(
        Column(name="about", label=lambda say: say("desk", "About"), value=lambda line: Code(line.case.kind)),
        Column(
            name="order",
            label=lambda say: say("desk", "Order"),
            value=lambda line: line.order.number if line.order else None,
        ),
        Column(name="subject", label=lambda say: say("desk", "First line"), value=lambda line: line.case.subject),
        Column(
            name="state",
            label=lambda say: say("desk", "State"),
            value=lambda line: Code(line.case.state, "case."),
            is_usual=False,
        ),
        Column(name="waiting", label=lambda say: say("desk", "Waiting"), value=lambda line: line.case.opened_at),
        Column(name="due", label=lambda say: say("desk", "Due"), value=lambda line: line.case.due_at),
    ),
)
