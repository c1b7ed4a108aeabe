"""Reads stored orders and returns in batches, as the cases a policy simulation runs over."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import LineItem, Order, Shipment
from core.returns.facts import LineFacts, ReturnFacts, Wish
from core.returns.goods_location import delivery_days, locate_goods
from core.returns.law.information_duty import was_informed
from core.returns.model import Return, ReturnItem
from core.returns.money.allocation import reconcile_lines
from core.returns.money.purchased import GOODS, PurchasedLine
from core.returns.policy.policy_document import Goods, Policy
from core.returns.requests.evaluate_request import EARLIER_RETURNS_SINCE, goods_of
from core.returns.return_settings import ReturnSettings
from core.returns.simulation.simulate import PastCase

MOST_ORDERS = 20_000
"""How many orders are looked at, the newest first."""
_BATCH = 500
_OVER = ("declined", "canceled")


@dataclass(frozen=True, slots=True)
class _LineUnits:
    """Some units of a line that came back, or could."""

    line: LineItem
    quantity: int
    left: int
    value: int
    reason: str = "other"
    wish: Wish = "refund"


@dataclass(slots=True)
class _PolicyView:
    """One policy's view of goods and days; what a product is called is looked up once."""

    policy: Policy
    has_collections: bool = False
    store_country: str = ""
    return_settings: ReturnSettings = field(default_factory=ReturnSettings)
    known: dict[tuple[str, str, str], Goods] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.policy.timezone)

    def goods(self, line: LineItem) -> Goods:
        key = (line.product_ref, line.sku, line.kind)
        if key not in self.known:
            self.known[key] = goods_of(self.policy, line)
        return self.known[key]


@dataclass(frozen=True, slots=True)
class _OrderHistory:
    """One order with its lines, parcels, its returns with their items, and its shopper's other returns."""

    order: Order
    lines: Sequence[LineItem]
    parcels: Sequence[Shipment]
    returns: Sequence[tuple[Return, Sequence[ReturnItem]]]
    opened: Sequence[datetime]


def past_cases(
    session: Session,
    policy: Policy,
    candidate: Policy,
    *,
    store_country: str = "",
    return_settings: ReturnSettings | None = None,
    has_collections: bool = False,
    now: datetime,
) -> Iterator[PastCase]:
    """Give every return as it was asked for, and of every order what could still come back today.

    The newest MOST orders that were neither canceled nor deleted; five queries for each five hundred. `has_collections`
    says whether the store keeps collections beside those of the policy's own list.
    """
    return_settings = return_settings or ReturnSettings()
    views = [_PolicyView(policy, has_collections, store_country, return_settings)]
    if (policy.goods, policy.timezone, policy.informed) != (candidate.goods, candidate.timezone, candidate.informed):
        views.append(_PolicyView(candidate, has_collections, store_country, return_settings))
    opened = _openings(session)
    newest = sa.select(Order.id).where(Order.gone_at.is_(None), Order.canceled_at.is_(None))
    ids = session.scalars(newest.order_by(Order.placed_at.desc()).limit(MOST_ORDERS)).all()
    for start in range(0, len(ids), _BATCH):
        for history in _read(session, ids[start : start + _BATCH], opened):
            yield from _cases(history, views, now)


def _openings(session: Session) -> Mapping[str, list[datetime]]:
    """Give the moments at which each shopper asked for a return, oldest first."""
    same_order = sa.and_(Order.store_id == Return.store_id, Order.id == Return.order_id)
    asked = sa.select(Order.email_key, Return.opened_at).select_from(Return).join(Order, same_order)
    opened: dict[str, list[datetime]] = defaultdict(list)
    counted = asked.where(Return.kind == "return", Return.status != "canceled", Order.email_key != "")
    for email_key, at in session.execute(counted.order_by(Return.opened_at)):
        opened[email_key].append(at)
    return opened


def _read(session: Session, ids: Sequence[int], opened: Mapping[str, list[datetime]]) -> Iterator[_OrderHistory]:
    lines = _by_order(session, sa.select(LineItem).where(LineItem.order_id.in_(ids)).order_by(LineItem.place))
    parcels = _by_order(session, sa.select(Shipment).where(Shipment.order_id.in_(ids)).order_by(Shipment.id))
    asked = sa.select(Return).where(Return.order_id.in_(ids), Return.kind == "return").order_by(Return.id)
    returns = _by_order(session, asked)
    items = _by_order(session, sa.select(ReturnItem).where(ReturnItem.order_id.in_(ids)).order_by(ReturnItem.id))
    for order in session.scalars(sa.select(Order).where(Order.id.in_(ids)).order_by(Order.placed_at.desc())):
        own_returns = [
            (rma, [item for item in items[order.id] if item.return_id == rma.id]) for rma in returns[order.id]
        ]
        yield _OrderHistory(order, lines[order.id], parcels[order.id], own_returns, opened.get(order.email_key, ()))


def _by_order(session: Session, query: sa.Select[Any]) -> Mapping[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in session.scalars(query):
        found[row.order_id].append(row)
    return found


def _cases(history: _OrderHistory, views: Sequence[_PolicyView], now: datetime) -> Iterator[PastCase]:
    worth, by_ref = _worth(history), {line.ref: line for line in history.lines}
    for rma, items in history.returns:
        wanted = [_asked(item, items, by_ref[item.line_ref], worth) for item in items if item.line_ref in by_ref]
        facts = [_facts(history, wanted, view, rma.opened_at, gift=rma.gift, hindsight=False) for view in views]
        if wanted:
            yield PastCase(rma.rma, facts[0], rma.opened_at, *facts[1:])
    rest = [_LineUnits(line, left, left, _part(worth[line.ref], left, line)) for line, left in _left(history) if left]
    if rest:
        facts = [_facts(history, rest, view, now) for view in views]
        yield PastCase(history.order.number, facts[0], None, *facts[1:])


def _asked(item: ReturnItem, items: Sequence[ReturnItem], line: LineItem, worth: Mapping[str, int]) -> _LineUnits:
    """Say what was asked for; since it was taken in, so many units were left."""
    left = sum(one.quantity for one in items if one.line_ref == item.line_ref)
    value = _part(worth[line.ref], item.quantity, line)
    return _LineUnits(line, item.quantity, left, value, item.reason, item.wish)  # type: ignore[arg-type]


def _left(history: _OrderHistory) -> Iterator[tuple[LineItem, int]]:
    """Give what of each line is neither gone nor in a return."""
    held: dict[str, int] = defaultdict(int)
    for rma, items in history.returns:
        for item in items if rma.acceptance not in _OVER else ():
            held[item.line_ref] += item.quantity if item.accepted is None else item.accepted
    for line in history.lines:
        if line.kind in GOODS:
            # A return that was paid back shows in `removed` as well.
            yield line, max(0, line.quantity - max(line.removed, held[line.ref]))


def _worth(history: _OrderHistory) -> dict[str, int]:
    """Say what was paid for each line, tax included, discounts on the whole order shared out."""
    order = history.order
    lines = [
        PurchasedLine(
            line.ref,
            max(1, line.quantity),
            line.total,
            {tax["ref"]: tax["amount"] for tax in line.taxes} or ({"": line.tax} if line.tax else {}),
            line.kind,  # type: ignore[arg-type]
        )
        for line in history.lines
    ]
    settled = reconcile_lines(lines, order.total, order.tax_included)
    return {line.ref: sum(parts.values()) for line, parts in zip(lines, settled, strict=True)}


def _part(worth: int, units: int, line: LineItem) -> int:
    return worth * min(units, line.quantity) // max(1, line.quantity)


def _facts(
    history: _OrderHistory,
    wanted: Sequence[_LineUnits],
    view: _PolicyView,
    at: datetime,
    *,
    gift: bool = False,
    hindsight: bool = True,
) -> ReturnFacts:
    """Gather what a policy would have been asked at a moment; without hindsight only what was known by then."""
    zone, order = view.zone, history.order
    parcels = history.parcels if hindsight else [_as_of(parcel, at) for parcel in history.parcels]
    placed_on = order.placed_at.astimezone(zone).date()
    return ReturnFacts(
        placed_on=placed_on,
        lines=tuple(_line(one, view, parcels, zone, at) for one in wanted),
        country=order.country,
        store_country=view.store_country,
        currency=order.currency,
        rate=order.rate,
        shopper=order.email_key,
        earlier_returns=bisect_left(history.opened, at) - bisect_left(history.opened, at - EARLIER_RETURNS_SINCE),
        gift=gift,
        parcels=delivery_days(parcels, zone),
        informed=was_informed(view.policy, view.return_settings, order.country, placed_on),
    )


def _line(one: _LineUnits, view: _PolicyView, parcels: Sequence[Shipment], zone: ZoneInfo, at: datetime) -> LineFacts:
    goods, place = view.goods(one.line), locate_goods(one.line.ref, parcels, zone, at)
    return LineFacts(
        ref=one.line.ref,
        quantity=one.quantity,
        left=one.left,
        value=one.value,
        reason=one.reason,
        wish=one.wish,
        product=one.line.product_ref,
        tags=(*goods.tags, *one.line.tags),
        collections=goods.collections,
        # The platform is not asked about twenty thousand orders: what it says of collections is not known here.
        collections_known=bool(goods.collections) and not view.has_collections,
        final_sale=goods.final_sale,
        kind=goods.kind,
        exemption=goods.exemption,
        shipped_on=place.shipped_on,
        delivered_on=place.delivered_on,
        whereabouts="unknown" if one.line.kind == "digital" else place.whereabouts,
    )


def _as_of(parcel: Shipment, at: datetime) -> Shipment:
    """Give a parcel as it was known at a moment: what came later is left out."""

    def by_then(when: datetime | None) -> datetime | None:
        return when if when is not None and when <= at else None

    answered = by_then(parcel.answered_at)
    return Shipment(
        status=parcel.status if by_then(parcel.status_seen_at) else "unknown",
        items=parcel.items,
        digital=parcel.digital,
        shipped_at=by_then(parcel.shipped_at),
        delivered_at=by_then(parcel.delivered_at),
        expected_latest=parcel.expected_latest,
        expected_likely=parcel.expected_likely,
        last_scan_at=by_then(parcel.last_scan_at),
        answer=parcel.answer if answered else "",
        answered_at=answered,
    )
