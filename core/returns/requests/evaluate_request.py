"""Evaluates a request: the policy's answer and the refund it would bring. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.row_reader import Row, session_reader
from core.orders.model import LineItem, Order, Shipment
from core.returns.facts import Answer, LineFacts, ReturnFacts, Wish
from core.returns.goods_location import delivery_days, locate_goods
from core.returns.law.information_duty import was_informed
from core.returns.model import Return, Withdrawal
from core.returns.money.exchange import Settlement, goods_for, settle
from core.returns.money.order_balance import OrderBalance, read_balance, select_of_order
from core.returns.money.purchased import GOODS
from core.returns.money.quotes import Fee, Quote, QuoteRequest
from core.returns.money.refund_amount import MoreThanBought, NothingLeft, apply_quote, quote
from core.returns.policy import policy_versions
from core.returns.policy.evaluate_policy import ask
from core.returns.policy.policy_document import Goods, Policy
from core.returns.policy.policy_variants import policy_for
from core.returns.requests.ask_collections import Collections
from core.returns.return_settings import return_settings_of
from core.stores.model import Store

EARLIER_RETURNS_SINCE = timedelta(days=365)
"""How far back earlier returns of a shopper count."""
_NO_GOODS = Goods()
_PARCELS = select_of_order(
    Shipment, *"items shipped_at delivered_at answer answered_at status last_scan_at digital may_hide_rest".split()
).order_by(table_of(Shipment).c.id)
_ORDERS = table_of(Order)
_RETURNS = table_of(Return)
# Order by order: joined, PostgreSQL read all returns of a young store, by a plan from when there were none.
_OF_ONE = (
    sa.select(sa.func.count())
    .where(_RETURNS.c.store_id == _ORDERS.c.store_id, _RETURNS.c.order_id == _ORDERS.c.id)
    .where(_RETURNS.c.opened_at >= sa.bindparam("since"))
    .where(_RETURNS.c.kind == "return", _RETURNS.c.status != "canceled")
    .correlate(_ORDERS)
    .scalar_subquery()
)
_COUNT = sa.select(sa.func.coalesce(sa.func.sum(_OF_ONE), 0).label("number")).where(
    _ORDERS.c.store_id == sa.bindparam("store_id"), _ORDERS.c.email_key == sa.bindparam("email_key")
)


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """What a shopper wants to send back of one line, and what they want for it."""

    ref: str
    quantity: int = 1
    reason: str = "other"
    wish: Wish = "refund"
    answers: Mapping[str, str] = field(default_factory=dict)
    exchange_for: str = ""
    """What is wanted instead: a variant's ref, or the shopper's own words."""
    exchange_title: str = ""
    exchange_price: int | None = None
    """The chosen variant's name, and what one of it costs; "" and None where none was chosen."""


@dataclass(frozen=True, slots=True)
class EvaluatedRequest:
    """An evaluated request: the order's balance, the policy's answer and the refund (None: nothing is left).

    `quote` is what comes back, exchanged or not. Where something is exchanged, `settlement` is what that comes to and
    `rest` what the other lines bring.
    """

    balance: OrderBalance
    policy: Policy
    facts: ReturnFacts
    answer: Answer
    quote: Quote | None
    settlement: Settlement | None = None
    rest: Quote | None = None


def evaluate(
    session: Session,
    store: Store,
    order: Order,
    asked: Sequence[RequestedLine],
    *,
    kind: str = "return",
    gift: bool = False,
    apart_from: Return | Withdrawal | None = None,
    collections: Collections = None,
    now: datetime,
) -> EvaluatedRequest:
    """Evaluate a request by the store's present policy; lines the order does not have are declined.

    `collections` is what `ask_collections` gave.
    """
    balance = read_balance(session, order, apart_from=apart_from)
    policy = policy_for(policy_versions.policy_of(session, store), kind, gift=gift)
    facts = facts_of(session, store, balance, policy, asked, gift=gift, collections=collections, now=now)
    answer = ask(policy, facts, now)
    given = _quote(balance, answer, facts)
    settlement, rest = _settlement(balance, answer, asked, given)
    return EvaluatedRequest(balance, policy, facts, answer, given, settlement, rest)


def facts_of(
    session: Session,
    store: Store,
    balance: OrderBalance,
    policy: Policy,
    asked: Sequence[RequestedLine],
    *,
    gift: bool = False,
    collections: Collections = None,
    now: datetime,
) -> ReturnFacts:
    """Gather what the policy is asked: values, whereabouts, what kind of goods, how often this shopper returns."""
    order, zone = balance.order, ZoneInfo(policy.timezone)
    parcels, earlier = _history(session, order, now)
    values = _values(balance, asked)
    lines = tuple(_line_facts(one, balance, policy, parcels, values, collections, now) for one in asked)
    placed_on = order.placed_at.astimezone(zone).date()
    return ReturnFacts(
        placed_on=placed_on,
        lines=lines,
        country=order.country,
        store_country=store.country,
        currency=order.currency,
        rate=order.rate,
        shopper=order.email_key,
        earlier_returns=earlier,
        gift=gift,
        parcels=delivery_days(parcels, zone),
        informed=was_informed(policy, return_settings_of(store), order.country, placed_on),
    )


def goods_of(policy: Policy, line: LineItem | None) -> Goods:
    """Say what the store's policy calls this product."""
    if line is None:
        return _NO_GOODS
    return next(
        (one for one in policy.goods if line.product_ref in one.products or (line.sku and line.sku in one.skus)),
        Goods(kind="digital") if line.kind == "digital" else _NO_GOODS,
    )


def fees_of(answer: Answer) -> tuple[Fee, ...]:
    """Give what the policy keeps back, as the quote takes it."""
    named = (("handling", answer.fees.handling), ("label", answer.fees.label))
    return tuple(Fee(what, amount) for what, amount in named if amount)


def _line_facts(
    one: RequestedLine,
    balance: OrderBalance,
    policy: Policy,
    parcels: Sequence[Row],
    values: Mapping[int, int],
    collections: Collections,
    now: datetime,
) -> LineFacts:
    line, goods = balance.line(one.ref), goods_of(policy, balance.line(one.ref))
    told = collections.get(line.product_ref) if collections is not None and line else None
    place = locate_goods(one.ref, parcels, ZoneInfo(policy.timezone), now)
    return LineFacts(
        ref=one.ref,
        quantity=one.quantity,
        left=balance.left.get(one.ref, 0),
        value=values.get(id(one), 0),
        reason=one.reason,
        wish=one.wish,
        product=line.product_ref if line else "",
        tags=(*goods.tags, *line.tags) if line else goods.tags,
        collections=(*goods.collections, *(told or ())),
        collections_known=bool(goods.collections) if collections is None else told is not None,
        final_sale=goods.final_sale,
        kind=goods.kind,
        exemption=goods.exemption,
        shipped_on=place.shipped_on,
        delivered_on=place.delivered_on,
        whereabouts="unknown" if line is not None and line.kind == "digital" else place.whereabouts,
    )


def _values(balance: OrderBalance, asked: Sequence[RequestedLine]) -> dict[int, int]:
    """Say what was paid for each thing asked for (by the request's identity), tax included."""
    wanted = _merged(balance, asked)
    try:
        worth = {part.ref: part.gross for part in quote(balance.bought, QuoteRequest(lines=wanted)).lines}
    except NothingLeft:
        return {}
    return {
        id(one): worth[one.ref] * one.quantity // wanted[one.ref]
        for one in asked
        if one.ref in worth and 0 < one.quantity <= wanted[one.ref]
    }


def _merged(balance: OrderBalance, asked: Sequence[RequestedLine]) -> dict[str, int]:
    """Add up what is asked for by line, no more than is left of it."""
    counts: Counter[str] = Counter()
    for one in asked:
        counts[one.ref] += max(one.quantity, 0)
    return {
        ref: min(count, balance.left.get(ref, 0)) for ref, count in counts.items() if balance.left.get(ref, 0) and count
    }


def _quote(balance: OrderBalance, answer: Answer, facts: ReturnFacts) -> Quote | None:
    """Say what the lines that are not declined bring."""
    accepted = [line for line, one in zip(facts.lines, answer.lines, strict=True) if one.answer != "decline"]
    wanted: Counter[str] = Counter()
    for line in accepted:
        wanted[line.ref] += line.quantity
    if not wanted:
        return None
    keeps = all(line.wish == "keep" for line in accepted)
    try:
        return quote(balance.bought, QuoteRequest(lines=wanted, fees=fees_of(answer), keep_item=keeps))
    except (NothingLeft, MoreThanBought, ValueError):
        return None


def _settlement(
    balance: OrderBalance, answer: Answer, asked: Sequence[RequestedLine], given: Quote | None
) -> tuple[Settlement | None, Quote | None]:
    """Say what the exchanged lines come to and what the others bring, which bear the fees first as at the payout."""
    accepted = [one for one, said in zip(asked, answer.lines, strict=True) if said.answer != "decline"]
    exchanged = [one for one in accepted if one.wish == "exchange"]
    if given is None or not exchanged:
        return None, None
    rest, bought, fees = None, balance.bought, fees_of(answer)
    if others := [one for one in accepted if one.wish != "exchange"]:
        keeps = all(one.wish == "keep" for one in others)
        rest = quote(bought, QuoteRequest(_counted(others), fees=fees, keep_item=keeps))
        bought, fees = apply_quote(bought, rest), _fees_left(fees, rest.fees)
        given = quote(bought, QuoteRequest(_counted(exchanged), fees=fees))
    units, worth = _counted(exchanged), {part.ref: part.gross for part in given.lines}
    titles = {line.ref: f"{line.title}, {line.variant}" if line.variant else line.title for line in balance.lines}
    goods = [
        goods_for(one.ref, titles[one.ref], one.quantity, one, worth.get(one.ref, 0) * one.quantity // units[one.ref])
        for one in exchanged
    ]
    return settle(given, goods), rest


def _counted(lines: Sequence[RequestedLine]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in lines:
        counts[one.ref] += one.quantity
    return counts


def _fees_left(fees: Sequence[Fee], taken: int) -> tuple[Fee, ...]:
    left = []
    for fee in fees:
        gone = min(fee.amount, taken)
        taken -= gone
        left.append(Fee(fee.what, fee.amount - gone))
    return tuple(left)


def _history(session: Session, order: Order, now: datetime) -> tuple[Sequence[Row], int]:
    """Read the order's parcels, and count the returns its shopper has asked for; 0 where nobody knows who that is."""
    asked = (_PARCELS, _COUNT) if order.email_key else (_PARCELS,)
    values = {"order_id": order.id, "email_key": order.email_key, "since": now - EARLIER_RETURNS_SINCE}
    parcels, *counted = session_reader(session).rows_of_each(asked, **values)
    return parcels, int(counted[0][0].number) if counted else 0


def request_everything(
    balance: OrderBalance, *, wish: Wish = "refund", reason: str = "other"
) -> tuple[RequestedLine, ...]:
    """Ask for all that is left of the order's goods."""
    return tuple(
        RequestedLine(line.ref, balance.left[line.ref], reason=reason, wish=wish)
        for line in balance.lines
        if line.kind in GOODS and balance.left.get(line.ref, 0)
    )
