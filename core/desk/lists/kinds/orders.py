"""The list of orders: which need somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.bulk import id_in
from core.desk import today
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
    read_country,
    read_day,
    read_flag,
)
from core.i18n.words import Words
from core.orders.model import Order, Shipment
from core.platform.snapshots import OrderState

_LATEST = 1000
"""Of so many newest orders the countries are offered as a choice."""
_HELD = sa.literal_column("orders.holds") != sa.literal_column("'[]'")
FLAGS = ("refunded", "stopped", "canceled")


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order with the parcel that is worst off, None where it has none."""

    order: Order
    parcel: Shipment | None
    flags: tuple[str, ...]

    @property
    def id(self) -> int:
        """The order's id."""
        return self.order.id


def worst_of(parcels: Sequence[Shipment]) -> Shipment | None:
    """Choose the parcel that needs somebody most: late, then at risk, then still on its way, the earliest promise."""

    def urgency(parcel: Shipment) -> tuple[int, date, int]:
        is_over = parcel.delivered_at is not None or parcel.answer == "arrived"
        rank = 3 if is_over else 0 if parcel.late else 1 if _will_miss(parcel) else 2
        return rank, parcel.promised_by or date.max, parcel.id

    return min(parcels, key=urgency, default=None)


def _will_miss(parcel: Shipment) -> bool:
    likely, promised = parcel.expected_likely, parcel.promised_by
    is_over = parcel.delivered_at is not None or parcel.answer == "arrived"
    return not is_over and bool(likely and promised and likely > promised)


def _prepare(session: Session, rows: Sequence[Any], _at: Moment) -> list[OrderLine]:
    orders = [row.Order for row in rows]
    mine: dict[int, list[Shipment]] = {order.id: [] for order in orders}
    if orders:
        for parcel in session.scalars(sa.select(Shipment).where(id_in(session, Shipment.order_id, list(mine)))):
            mine[parcel.order_id].append(parcel)
    lines = []
    for order in orders:
        worst = worst_of(mine[order.id])
        lines.append(OrderLine(order, worst, _flags_of(order, worst)))
    return lines


def _flags_of(order: Order, worst: Shipment | None) -> tuple[str, ...]:
    is_over = worst is None or worst.delivered_at is not None or worst.answer == "arrived"
    said = {
        "late": worst is not None and worst.late and not is_over,
        "at_risk": worst is not None and not worst.late and _will_miss(worst),
        "held": bool(order.holds),
        "returned": order.return_open,
        "refunded": order.refunded,
        "stopped": order.stopped_at is not None,
        "canceled": order.canceled_at is not None,
    }
    return tuple(name for name, holds in said.items() if holds)


def _flag_condition(flag: str, _at: Moment) -> Any:
    conditions = {
        "refunded": Order.refunded,
        "stopped": Order.stopped_at.is_not(None),
        "canceled": Order.canceled_at.is_not(None),
    }
    return conditions[flag]


def _countries(words: Words) -> list[tuple[str, str]]:
    names = words.locale.territories
    return sorted(((code, name) for code, name in names.items() if len(code) == 2), key=lambda pair: pair[1])


def _choices(session: Session) -> dict[str, list[str]]:
    """Give the countries of the newest orders."""
    newest = sa.select(Order.country).order_by(Order.placed_at.desc()).limit(_LATEST).subquery()
    found = session.scalars(sa.select(newest.c.country).distinct())
    return {"country": sorted(code for code in found if code)}


LIST = ListKind(
    name="orders",
    endpoint="desk.list_orders",
    title=lambda say: say("desk", "Orders"),
    model=Order,
    query=lambda: sa.select(Order).where(Order.gone_at.is_(None)),
    prepare=_prepare,
    choices=_choices,
    usual_sort=lambda _filters: "newest",
    filters=(
        Filter(
            name="late",
            label=lambda say: say("desk", "Late"),
            kind="flag",
            read=read_flag,
            condition=lambda _value, _at: Order.id.in_(sa.select(Shipment.order_id).where(*today.late_now())),
        ),
        Filter(
            name="at_risk",
            label=lambda say: say("desk", "Will miss its promise"),
            kind="flag",
            read=read_flag,
            condition=lambda _value, _at: Order.id.in_(sa.select(Shipment.order_id).where(*today.at_risk())),
        ),
        Filter(
            name="held",
            label=lambda say: say("desk", "Held back"),
            kind="flag",
            read=read_flag,
            condition=lambda _value, _at: _HELD,
        ),
        Filter(
            name="returned",
            label=lambda say: say("desk", "Return open"),
            kind="flag",
            read=read_flag,
            condition=lambda _value, _at: Order.return_open,
        ),
        Filter(
            name="status",
            label=lambda say: say("desk", "Status"),
            kind="choice",
            read=one_of(*OrderState),
            options=lambda words: [(state, name_in(f"order.{state}", words.language)) for state in OrderState],
            condition=lambda value, _at: Order.state == value,
        ),
        Filter(
            name="country",
            label=lambda say: say("desk", "Country"),
            kind="choice",
            read=read_country,
            options=_countries,
            condition=lambda value, _at: Order.country == value,
        ),
        Filter(
            name="flag",
            label=lambda say: say("desk", "Marked as"),
            kind="choice",
            read=one_of(*FLAGS),
            options=lambda words: [(flag, name_in(f"flag.{flag}", words.language)) for flag in FLAGS],
            condition=_flag_condition,
        ),
        Filter(
            name="placed_from",
            label=lambda say: say("desk", "Placed from"),
            kind="day",
            read=read_day,
            condition=lambda value, at: Order.placed_at >= at.begins(value),
        ),
        Filter(
            name="placed_to",
            label=lambda say: say("desk", "Placed until"),
            kind="day",
            read=read_day,
            condition=lambda value, at: Order.placed_at < at.begins(value, after=1),
        ),
    ),
    sorts=(
        newest_first(Order.placed_at),
        oldest_first(Order.placed_at),
        Sort(
            name="changed",
            label=lambda say: say("desk", "Changed last"),
            keys=(Key(Order.updated_at, "moment"),),
            is_descending=True,
        ),
    ),
    columns=(
        Column(name="number", label=lambda say: say("desk", "Order"), value=lambda line: line.order.number),
        Column(name="placed", label=lambda say: say("desk", "Placed"), value=lambda line: line.order.placed_at),
        Column(name="shopper", label=lambda say: say("desk", "Shopper"), value=lambda line: line.order.name),
        Column(
            name="country",
            label=lambda say: say("desk", "Country"),
            value=lambda line: line.order.country,
            is_usual=False,
        ),
        Column(name="status", label=lambda say: say("desk", "Status"), value=lambda line: line.order.status),
        Column(
            name="parcel",
            label=lambda say: say("desk", "Parcel"),
            value=lambda line: Code(line.parcel.status, "parcel.") if line.parcel else None,
        ),
        Column(
            name="promised",
            label=lambda say: say("desk", "Promised"),
            value=lambda line: line.parcel.promised_by if line.parcel else None,
        ),
        Column(
            name="expected",
            label=lambda say: say("desk", "Expected"),
            value=lambda line: line.parcel.expected_likely if line.parcel else None,
        ),
        Column(
            name="flags",
            label=lambda say: say("desk", "Marks"),
            value=lambda line: tuple(Code(flag, "flag.") for flag in line.flags),
        ),
        Column(
            name="total",
            label=lambda say: say("desk", "Total"),
            value=lambda line: Money(line.order.total, line.order.currency),
            is_money=True,
        ),
        Column(
            name="carrier",
            label=lambda say: say("desk", "Carrier"),
            value=lambda line: line.parcel.carrier_name or line.parcel.carrier if line.parcel else None,
            is_usual=False,
        ),
        Column(
            name="tracking",
            label=lambda say: say("desk", "Tracking number"),
            value=lambda line: line.parcel.tracking_number if line.parcel else None,
            is_usual=False,
        ),
    ),
)
