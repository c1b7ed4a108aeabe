"""What an order is found by at the desk: its number, its shopper, its parcels and its goods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.bulk import id_in
from core.orders.find import email_keys
from core.orders.model import LineItem, Order, Shipment
from core.orders.typed_text import number_keys
from core.search.query import SearchQuery
from core.search.sources import SearchSource, SearchText
from core.secrets import Keyring

ORDER = "order"
"""The kind of orders in the search."""
_orders, _lines, _parcels = table_of(Order), table_of(LineItem), table_of(Shipment)
_SHOWN = [_orders.c[name] for name in "id number name email phone placed_at status late currency total country".split()]
_BREAK = "\n"


def read_orders(session: Session, store_id: int, ids: Sequence[int]) -> Mapping[int, SearchText]:
    """Read what orders are found by; one that its store no longer has is left out."""
    mine = sa.and_(_orders.c.store_id == store_id, _orders.c.gone_at.is_(None), id_in(session, _orders.c.id, ids))
    query = sa.select(*_SHOWN, _joined(_parcels.c.tracking_number, "tracking"), _joined(_goods(), "goods"))
    return {row.id: _text(row) for row in session.connection().execute(query.where(mine))}


def _goods() -> sa.ColumnElement[str]:
    return _lines.c.title + " " + _lines.c.variant + " " + _lines.c.sku


def _joined(text: sa.ColumnElement[str], name: str) -> sa.ColumnElement[str]:
    """Give a text of all an order's lines or parcels as one, each on a line of its own."""
    children = next(iter(text._from_objects))
    of_order = sa.and_(children.c.store_id == _orders.c.store_id, children.c.order_id == _orders.c.id)
    every = sa.select(sa.func.aggregate_strings(text, _BREAK)).where(of_order, text != "")
    return every.correlate(_orders).scalar_subquery().label(name)


def _text(row: Any) -> SearchText:
    parcels = tuple((row.tracking or "").split(_BREAK))
    return SearchText(
        row=row,
        at=row.placed_at,
        texts=(row.name, *(row.goods or "").split(_BREAK)),
        numbers=(row.email, row.phone),
        own_numbers=(row.number, *filter(None, parcels)),
        serial=number_keys(row.number)[0],
    )


def _look_up(query: SearchQuery, keyring: Keyring) -> Iterable[sa.ColumnElement[bool]]:
    yield sa.and_(Order.number_key.in_(number_keys(query.typed)), Order.gone_at.is_(None))
    if "@" in query.typed:
        yield sa.and_(Order.email_key.in_(email_keys(query.typed, keyring)), Order.gone_at.is_(None))


def _serials(typed: str) -> Sequence[str]:
    return number_keys(typed) if any(char.isdigit() for char in typed) else ()


SOURCES = (SearchSource(kind=ORDER, code=1, model=Order, read=read_orders, look_up=_look_up, serials=_serials),)
