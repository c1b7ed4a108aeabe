"""One shopper's look-up: count the try, find the order, read it. On PostgreSQL in one round trip."""

from __future__ import annotations

import json
from collections import namedtuple
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.db import prepared_statement
from core.db.prepared_statement import AtOnce
from core.db.row_reader import Row, reading
from core.metrics import LOOKUPS
from core.orders.find import CANDIDATES, SHOWN, Asked, OrderNotFound, asked, find_with, pick
from core.orders.presenter.page import Page
from core.orders.presenter.timeline import PARTS, OrderView, Part, view_of, view_with
from core.services import Services
from core.stores import platform_access, throttle

MOST_OF_A_CALLER, FEW_OF_A_CALLER = 30, 3
MOST_OF_A_PROOF = 10
MOST_OF_A_NUMBER = 30
MOST_OF_A_STORE = 2000
"""Tries in a quarter of an hour."""


class TypedIn(BaseModel):
    """Something typed by a shopper."""

    model_config = ConfigDict(extra="ignore", str_max_length=400)


class Pair(TypedIn):
    """What a shopper types: an order number and the e-mail (or postcode) it was placed with."""

    number: str = Field(min_length=1, max_length=100)
    proof: str = Field(min_length=1, max_length=320)


class FoundOut(BaseModel):
    """A token for the order, the order, and for who asks with `?lang=` the same in that language's words."""

    token: str
    order_id: str
    order: OrderView
    page: Page | None = None


def answer(app: Services, store_id: int, pair: Pair, address: str) -> bytes:
    """Find an order and write it as JSON, with a token that may see it. Raises what `look_up` raises."""
    return written(app, store_id, *look_up(app, store_id, pair.number, pair.proof, address))


def written(app: Services, store_id: int, order: Row, view: OrderView, page: Page | None = None) -> bytes:
    """Write a FoundOut as JSON: handed to APIFlask it would become dicts, be checked and be written again."""
    token = platform_access.grant(app.keyring, store_id, [order.id], versions=[order.link_version])
    return FoundOut(token=token, order_id=str(order.id), order=view, page=page).model_dump_json().encode()


def look_up(app: Services, store_id: int, number: str, proof: str, address: str) -> tuple[Row, OrderView]:
    """Find an order for a shopper and read it. Raises OrderNotFound, or TooManyTries for anybody's too many."""
    now = app.clock()
    typed = asked(app.keyring, number, proof)
    is_guarded = _count(app, store_id, typed, throttle.caller_of(address), now)
    if is_guarded:
        typed = replace(typed, postcode="")
    try:
        found = _read(app, store_id, typed) if app.db.is_sqlite else _read_at_once(app, store_id, typed)
    except OrderNotFound:
        LOOKUPS.labels("not_found").inc()
        if is_guarded:
            raise throttle.too_many(now) from None
        raise
    LOOKUPS.labels("found").inc()
    return found


def _count(app: Services, store_id: int, typed: Asked, caller: str, now: datetime) -> bool:
    """Count a try; say whether a postcode proves nothing for now. Raises TooManyTries.

    Many callers guess together at a store, or at one number: a number and an e-mail address are not to be guessed and
    are answered as ever, a postcode is. While the store is under attack it still counts for who has hardly tried.
    """
    by_caller, by_number = f"find:address:{caller}", f"find:number:{typed.number_key}"
    limits = {by_caller: MOST_OF_A_CALLER, f"find:{typed.proof}": MOST_OF_A_PROOF}
    told = throttle.count_often(app.db, app.keyring, store_id, limits, watched=(by_number, "find:store"), now=now)
    is_under_attack = told["find:store"] > MOST_OF_A_STORE and told[by_caller] > FEW_OF_A_CALLER
    return bool(typed.postcode) and (is_under_attack or told[by_number] > MOST_OF_A_NUMBER)


def _read(app: Services, store_id: int, typed: Asked) -> tuple[Row, OrderView]:
    """Ask for the order, then for its parts: SQLite is in this process, a statement costs no way there."""
    with reading(app.db, store_id) as reader:
        order = find_with(reader, typed)
        return order, view_with(reader, order)


def _read_at_once(app: Services, store_id: int, typed: Asked) -> tuple[Row, OrderView]:
    rows = prepared_statement.ask(app.db, _LOOK_UP, str(store_id), typed.number_key, typed.wanted)
    candidates = [_Candidate._make(json.loads(row[0] or b"")) for row in rows]
    order = pick(candidates, typed)
    if order.parts is None:  # found by its postcode
        with reading(app.db, store_id) as reader:
            return order, view_with(reader, order)
    parts = ([shape._make(values) for values in part] for shape, part in zip(_SHAPES, order.parts, strict=True))
    return order, view_of(order, *parts)


def _folded(part: Part) -> str:
    """Write a sub-select that gives an order's rows of one table as a JSON array of arrays."""
    columns = ", ".join(f"p.{name}" for name in part.columns)
    rows = f"json_agg(json_build_array({columns}) order by p.{part.sort})"
    mine = "p.store_id = o.store_id and p.order_id = o.id"
    return f"(select coalesce({rows}, '[]') from {part.table} p where {mine})"  # noqa: S608 - names of ours


_Candidate: Any = namedtuple("_Candidate", [*SHOWN, "parts"])  # type: ignore[misc]
_SHAPES: list[Any] = [namedtuple(part.table, part.columns) for part in PARTS]
# The statements of find.py and timeline.py in one. Parts are read of no order whose e-mail is another's: neither the
# time nor the work may say that a number exists. With the e-mail's digest first, its order is among the candidates.
_LOOK_UP = AtOnce(
    "look up",
    f"""{prepared_statement.FOR_STORE}
    select json_build_array(
        {", ".join(f"o.{name}" for name in SHOWN)},
        case when o.is_theirs then json_build_array({", ".join(map(_folded, PARTS))}) end
    )
    from named cross join lateral (
        select *, email_key <> '' and position(email_key in $3) > 0 as is_theirs
        from orders
        where store_id = named.store_id and number_key = $2 and gone_at is null
        order by is_theirs desc, placed_at desc, id desc
        limit {CANDIDATES}
    ) o""",  # noqa: S608 - what was typed travels as $2 and $3
)
