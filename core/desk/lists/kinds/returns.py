"""The list of returns: what waits for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.bulk import id_in
from core.desk.labels import name_in
from core.desk.lists.definition import (
    Code,
    Column,
    Filter,
    Key,
    ListKind,
    Moment,
    Money,
    Sort,
    newest_first,
    oldest_first,
    one_of,
)
from core.i18n.words import Words
from core.orders.model import Order
from core.returns.list_order import (
    APPROVAL,
    CONFLICT,
    DECISION,
    INSPECTION,
    MONEY,
    number,
    return_attention,
    return_waits_since,
)
from core.returns.model import Reimbursement, Return
from core.returns.waiting import is_waiting, stuck_returns

STATUSES = ("requested", "approved", "received", "declined", "closed", "canceled")
WAITS = {APPROVAL: "approval", DECISION: "decision", MONEY: "money", INSPECTION: "inspection", CONFLICT: "conflict"}
"""What a return may wait for, the most urgent first."""
KINDS = ("return", "warranty", "cancel")
AGES = ("3", "7", "14", "30")

_IS_URGENT = return_attention <= number(DECISION)
_IS_LATER = sa.and_(return_attention >= number(INSPECTION), return_attention <= number(CONFLICT))
_IS_STUCK = Return.id.in_(stuck_returns())


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """A return with its order, and what it waits for at staff, "" where it does not."""

    rma: Return
    order: Order
    why: str

    @property
    def id(self) -> int:
        """The return's id."""
        return self.rma.id


def _prepare(session: Session, rows: Sequence[Any], _at: Moment) -> list[ReturnLine]:
    ids = [row.Return.id for row in rows]
    stuck = set(session.scalars(stuck_returns().where(id_in(session, Reimbursement.return_id, ids)))) if ids else set()
    return [ReturnLine(row.Return, row.Order, _why(row.Return, row.Return.id in stuck)) for row in rows]


def _why(rma: Return, is_stuck: bool) -> str:
    if rma.acceptance == "requested":
        return "approval" if rma.approval_asked_by else "decision"
    if is_stuck:
        return "money"
    if (rma.status, rma.reception) == ("received", "received"):
        return "inspection"
    return "conflict" if rma.native_conflict else ""


def _shown(value: str, _at: Moment) -> Any:
    if value == "waiting":
        return is_waiting()
    return None if value == "all" else Return.status == value


def _waits_for(value: str, _at: Moment) -> Any:
    if value == "money":
        return sa.and_(_IS_STUCK, return_attention > number(DECISION))
    return return_attention == number(next(what for what, name in WAITS.items() if name == value))


def _shows(words: Words) -> list[tuple[str, str]]:
    statuses = [(status, name_in(f"status.{status}", words.language)) for status in STATUSES]
    say = words.pgettext
    return [("waiting", say("desk", "Waiting for you")), *statuses, ("all", say("desk", "All"))]


def _ages(words: Words) -> list[tuple[str, str]]:
    return [(age, _days_or_more(words, int(age))) for age in AGES]


def _days_or_more(words: Words, days: int) -> str:
    return words.npgettext("desk", "%(num)s day or more", "%(num)s days or more", days, num=words.number(days))


LIST = ListKind(
    name="returns",
    endpoint="desk.list_returns",
    title=lambda say: say("desk", "Returns"),
    model=Return,
    query=lambda: sa.select(Return, Order).join(
        Order, sa.and_(Order.store_id == Return.store_id, Order.id == Return.order_id)
    ),
    prepare=_prepare,
    usual_sort=lambda filters: "urgent" if filters["show"] == "waiting" else "newest",
    counted="show",
    filters=(
        Filter(
            name="show",
            label=lambda say: say("desk", "State"),
            kind="tabs",
            read=one_of("waiting", "all", *STATUSES),
            options=_shows,
            usual="waiting",
            condition=_shown,
        ),
        Filter(
            name="wait",
            label=lambda say: say("desk", "Waits for"),
            kind="choice",
            read=one_of(*WAITS.values()),
            options=lambda words: [(why, name_in(f"waits.{why}", words.language)) for why in WAITS.values()],
            condition=_waits_for,
        ),
        Filter(
            name="kind",
            label=lambda say: say("desk", "Kind"),
            kind="choice",
            read=one_of(*KINDS),
            options=lambda words: [(kind, name_in(f"kind.{kind}", words.language)) for kind in KINDS],
            condition=lambda value, _at: Return.kind == value,
        ),
        Filter(
            name="age",
            label=lambda say: say("desk", "Age"),
            kind="choice",
            read=one_of(*AGES),
            options=_ages,
            condition=lambda value, at: Return.opened_at <= at.now - timedelta(days=int(value)),
        ),
    ),
    sorts=(
        Sort(
            name="urgent",
            label=lambda say: say("desk", "Most urgent first"),
            keys=(Key(return_attention, "number"), Key(return_waits_since, "moment")),
            segments=(_IS_URGENT, sa.and_(_IS_STUCK, ~_IS_URGENT), sa.and_(_IS_LATER, ~_IS_STUCK)),
            only=("show", "waiting"),
        ),
        newest_first(Return.opened_at),
        oldest_first(Return.opened_at),
    ),
    columns=(
        Column(name="rma", label=lambda say: say("desk", "Return"), value=lambda line: line.rma.rma),
        Column(name="order", label=lambda say: say("desk", "Order"), value=lambda line: line.order.number),
        Column(name="shopper", label=lambda say: say("desk", "Shopper"), value=lambda line: line.order.name),
        Column(
            name="kind",
            label=lambda say: say("desk", "Kind"),
            value=lambda line: Code(line.rma.kind, "kind."),
            is_usual=False,
        ),
        Column(
            name="state", label=lambda say: say("desk", "State"), value=lambda line: Code(line.rma.status, "status.")
        ),
        Column(
            name="waits",
            label=lambda say: say("desk", "Waits for"),
            value=lambda line: Code(line.why, "waits.") if line.why else None,
        ),
        Column(
            name="since",
            label=lambda say: say("desk", "Since"),
            value=lambda line: line.rma.received_at or line.rma.opened_at,
        ),
        Column(name="answer_by", label=lambda say: say("desk", "Answer by"), value=lambda line: line.rma.answer_by),
        Column(
            name="worth",
            label=lambda say: say("desk", "Worth"),
            value=lambda line: Money(line.rma.quoted, line.rma.currency),
            is_money=True,
        ),
    ),
)
