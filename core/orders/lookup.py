"""One shopper's look-up: count the try, find the order, read it. On PostgreSQL in one round trip."""

from __future__ import annotations

import json
from collections import namedtuple
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.db import prepared_statement
from core.db.prepared_statement import PreparedStatement
from core.db.row_reader import Row, open_reader
from core.metrics import LOOKUPS
from core.orders.find import (
    CANDIDATES,
    ORDER_COLUMNS,
    LookupQuery,
    OrderNotFound,
    find_order,
    lookup_query,
    match_order,
)
from core.orders.presenter.page import Page
from core.orders.presenter.timeline import PARTS, OrderView, Part, build_view, read_view
from core.services import Services
from core.stores import throttle, tokens

MOST_OF_A_CALLER, FEW_OF_A_CALLER = 30, 3
MOST_OF_A_PROOF = 10
MOST_OF_A_NUMBER = 30
MOST_OF_A_STORE = 2000
"""Tries in a quarter of an hour."""


class TypedIn(BaseModel):
    """Something typed by a shopper."""

    model_config = ConfigDict(extra="ignore", str_max_length=400)


class FindOrderIn(TypedIn):
    """What a shopper types: an order number and the e-mail (or postcode) it was placed with."""

    number: str = Field(min_length=1, max_length=100)
    proof: str = Field(min_length=1, max_length=320)


class FoundOut(BaseModel):
    """A token for the order, the order, and for who asks with `?lang=` the same in that language's words."""

    token: str
    order_id: str
    order: OrderView
    page: Page | None = None


def find_as_json(app: Services, store_id: int, pair: FindOrderIn, address: str) -> bytes:
    """Find an order and write it as JSON, with a token that may see it. Raises what `look_up` raises."""
    return found_as_json(app, store_id, *look_up(app, store_id, pair.number, pair.proof, address))


def found_as_json(app: Services, store_id: int, order: Row, view: OrderView, page: Page | None = None) -> bytes:
    """Write a FoundOut as JSON: handed to APIFlask it would become dicts, be checked and be written again."""
    token = tokens.shopper_token(app.keyring, store_id, [order.id], versions=[order.link_version])
    return FoundOut(token=token, order_id=str(order.id), order=view, page=page).model_dump_json().encode()


def look_up(app: Services, store_id: int, number: str, proof: str, address: str) -> tuple[Row, OrderView]:
    """Find an order for a shopper and read it. Raises OrderNotFound, or TooManyTries for anybody's too many."""
    now = app.clock()
    query = lookup_query(app.keyring, number, proof)
    is_guarded = _count(app, store_id, query, throttle.caller_of(address), now)
    if is_guarded:
        query = replace(query, postcodes=())
    try:
        found = (
            _read_in_two_steps(app, store_id, query)
            if app.db.is_sqlite
            else _read_in_one_statement(app, store_id, query)
        )
    except OrderNotFound:
        LOOKUPS.labels("not_found").inc()
        if is_guarded:
            raise throttle.too_many(now) from None
        raise
    LOOKUPS.labels("found").inc()
    return found


def _count(app: Services, store_id: int, query: LookupQuery, caller: str, now: datetime) -> bool:
    """Count a try; say whether a postcode proves nothing for now. Raises TooManyTries.

    Many callers guess together at a store, or at one number: a number and an e-mail address are not to be guessed and
    are answered as ever, a postcode is. While the store is under attack it still counts for who has hardly tried.
    """
    by_caller, by_number = f"find:address:{caller}", f"find:number:{query.number_key}"
    limits = {by_caller: MOST_OF_A_CALLER, f"find:{query.proof}": MOST_OF_A_PROOF}
    watched = ["find:store", *([by_number] if query.postcodes else [])]
    counts = throttle.count_frequent(app.db, app.keyring, store_id, limits, watched=watched, now=now)
    is_under_attack = counts["find:store"] > MOST_OF_A_STORE and counts[by_caller] > FEW_OF_A_CALLER
    return bool(query.postcodes) and (is_under_attack or counts[by_number] > MOST_OF_A_NUMBER)


def _read_in_two_steps(app: Services, store_id: int, query: LookupQuery) -> tuple[Row, OrderView]:
    """Ask for the order, then for its parts: SQLite is in this process, a statement costs no way there."""
    with open_reader(app.db, store_id) as reader:
        order = find_order(reader, query)
        return order, read_view(reader, order)


def _read_in_one_statement(app: Services, store_id: int, query: LookupQuery) -> tuple[Row, OrderView]:
    keys = (query.number_key, query.other_key)
    rows = prepared_statement.execute(app.db, _LOOK_UP, str(store_id), *keys, query.wanted, query.bare_postcode)
    candidates = [_Candidate._make(json.loads(row[0] or b"")) for row in rows]
    order = match_order(candidates, query)
    if order.parts is None:  # found by its postcode
        with open_reader(app.db, store_id) as reader:
            return order, read_view(reader, order)
    parts = ([shape._make(values) for values in part] for shape, part in zip(_PART_ROWS, order.parts, strict=True))
    return order, build_view(order, *parts)


def _rows_as_json(part: Part) -> str:
    """Write a sub-select that gives an order's rows of one table as a JSON array of arrays."""
    columns = ", ".join(f"p.{name}" for name in part.columns)
    rows = f"json_agg(json_build_array({columns}) order by p.{part.sort})"
    mine = "p.store_id = o.store_id and p.order_id = o.id"
    return f"(select coalesce({rows}, '[]') from {part.table} p where {mine})"  # noqa: S608 - names of ours


_Candidate: Any = namedtuple("_Candidate", [*ORDER_COLUMNS, "parts"])  # type: ignore[misc]
_PART_ROWS: list[Any] = [namedtuple(part.table, part.columns) for part in PARTS]
# The statements of find.py and timeline.py in one. Parts are read of no order whose e-mail is another's: neither the
# time nor the work may say that a number exists. With the e-mail's digest first, its order is among the candidates.
_LOOK_UP = PreparedStatement(
    "look up",
    f"""{prepared_statement.FOR_STORE}
    select json_build_array(
        {", ".join(f"o.{name}" for name in ORDER_COLUMNS)},
        case when o.is_theirs then json_build_array({", ".join(map(_rows_as_json, PARTS))}) end
    )
    from named cross join lateral (
        select *, email_key <> '' and position(email_key in $4) > 0 as is_theirs,
            postcode <> '' and $5 <> '' and (position($5 in bare) > 0 or position(bare in $5) > 0) as is_near
        from orders, lower(replace(replace(postcode, ' ', ''), '-', '')) as bare
        where store_id = named.store_id and number_key in ($2, $3) and gone_at is null
        order by is_theirs desc, is_near desc, placed_at desc, id desc
        limit {CANDIDATES}
    ) o""",  # noqa: S608 - what was typed travels as $2 to $5
)
