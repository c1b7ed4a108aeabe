"""What right of withdrawal an order carries: its period by the law of the shopper's country, and what is exempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order, Shipment
from core.returns.goods_location import delivery_days
from core.returns.law.information_duty import was_informed
from core.returns.law.withdrawal_law import Period, country_code, exemption_holds, is_in_time, law_of, withdrawal_period
from core.returns.money.order_balance import OrderBalance, read_balance
from core.returns.money.purchased import GOODS
from core.returns.policy import policy_versions
from core.returns.requests.evaluate_request import goods_of
from core.returns.return_settings import return_settings_of
from core.stores.model import Store


class NoSuchRight(Exception):
    """No right of withdrawal is known for this order: its country grants none, or the period is over (`ended_on`)."""

    def __init__(self, ended_on: date | None = None) -> None:
        super().__init__("no right of withdrawal")
        self.ended_on = ended_on


@dataclass(frozen=True, slots=True)
class Right:
    """An order's right of withdrawal: its period, and for each line the units left and the exemption named ("")."""

    country: str
    period: Period
    is_open: bool
    left: Mapping[str, int]
    exemptions: Mapping[str, str]
    conditions: Mapping[str, str]
    """For each line the exemption the store names that would only hold once something happened, such as unsealing."""


def right_of(
    session: Session, store: Store, order: Order, *, now: datetime, books: OrderBalance | None = None
) -> Right:
    """Say what right of withdrawal an order carries. Raises NoSuchRight where its country grants none that we know."""
    policy, books = policy_versions.policy_of(session, store), books or read_balance(session, order)
    country = order.country or store.country
    parcels = session.scalars(sa.select(Shipment).where(Shipment.order_id == order.id)).all()
    zone = ZoneInfo(law.zone if (law := law_of(country)) else "UTC")
    digital = all(line.kind == "digital" for line in books.lines if line.kind in GOODS)
    contract_day = order.placed_at.astimezone(zone).date()
    period = withdrawal_period(
        country,
        delivery_days(parcels, zone),
        contract_day,
        "digital" if digital else "goods",
        was_informed(policy, return_settings_of(store), country, contract_day),
        store_country=store.country,
    )
    if period is None:
        raise NoSuchRight
    letters = {line.ref: goods_of(policy, books.line(line.ref)).exemption for line in books.lines if line.kind in GOODS}
    return Right(
        country=country_code(country),
        period=period,
        is_open=is_in_time(period, country, now),
        left=books.left,
        exemptions={ref: letter if exemption_holds(letter) else "" for ref, letter in letters.items()},
        conditions={ref: "" if exemption_holds(letter) else letter for ref, letter in letters.items()},
    )
