"""Reading a list: a page by keyset, never by OFFSET, and counts that stop at a thousand.

A cursor is a row's place in its sort: its key values and id, signed for this store, list and sort. One that was
forged, is too old, or belongs to another list or sort answers the first page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import UtcTime
from core.desk.lists.definition import ROWS_ON_A_PAGE, Key, ListKind, Moment, Sort
from core.desk.lists.state import ListState
from core.secrets import BadToken, Keyring

MOST_COUNTED = 1000
CURSOR_LIFE = timedelta(days=7)
_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {"moment": UtcTime(), "day": sa.Date(), "number": sa.BigInteger()}
_PURPOSE = "list-cursor"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a sort a row stands: its segment's number, its key values, its id."""

    segment: int
    values: tuple[Any, ...]
    id: int


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page: its lines, and the places to go on from, None where there is nothing more."""

    lines: Sequence[Any]
    first: Place | None = None
    last: Place | None = None


def read_page(session: Session, state: ListState, at: Moment, place: Place | None) -> ListPage:
    """Read the page after a place, or before it where the state says so; None for the first page."""
    size = ROWS_ON_A_PAGE
    is_backward = state.is_backward and place is not None
    found = read_rows(session, state, at, place, size + 1, is_backward=is_backward)
    has_more, found = len(found) > size, found[:size]
    if is_backward and not has_more and len(found) < size:
        return read_page(session, state, at, None)  # the pages were not cut here: the first one is whole
    if is_backward:
        found.reverse()
    places = [_place_of(state.kind, segment, row) for segment, row in found]
    lines = state.kind.prepare(session, [row for _, row in found], at)
    has_before, has_after = (has_more, True) if is_backward else (place is not None, has_more)
    first = places[0] if places and has_before else None
    return ListPage(lines, first, places[-1] if places and has_after else None)


def read_rows(
    session: Session, state: ListState, at: Moment, place: Place | None, most: int, *, is_backward: bool = False
) -> list[tuple[int, Any]]:
    """Read at most so many (segment, row) that follow a place, in the order of the state's sort, or against it."""
    segments = len(state.kind.sort(state.sort_name).segments) or 1
    start = place.segment if place else (segments - 1 if is_backward else 0)
    numbers = range(start, -1, -1) if is_backward else range(start, segments)
    found: list[tuple[int, Any]] = []
    for number in numbers:
        begin = place if place is not None and number == place.segment else None
        asked = statement(state, at, number, begin, is_backward=is_backward)
        found += [(number, row) for row in session.execute(asked.limit(most - len(found)))]
        if len(found) >= most:
            break
    return found


def statement(state: ListState, at: Moment, segment: int, place: Place | None, *, is_backward: bool = False) -> Any:
    """Give the sorted statement that reads one segment, from a place in it on."""
    sort = state.kind.sort(state.sort_name)
    query = state.kind.query().where(*state.conditions(at, without=sort.only[0] if sort.segments else ""))
    if sort.segments:
        query = query.where(sort.segments[segment])
    if place is not None:
        query = query.where(_beyond(state.kind, sort, place, is_backward))
    return _sorted(query, state.kind, sort, is_backward)


def filtered(state: ListState, at: Moment) -> sa.Select[Any]:
    """Give the list's query with its filters."""
    return state.kind.query().where(*state.conditions(at))


def count(session: Session, states: Mapping[str, ListState], at: Moment) -> dict[str, int]:
    """Count the rows of several states by one statement, each up to one more than a thousand."""
    parts = []
    for name, state in states.items():
        ids = filtered(state, at).with_only_columns(state.kind.model.id).limit(MOST_COUNTED + 1).subquery()
        parts.append(sa.select(sa.literal(name).label("name"), sa.func.count().label("times")).select_from(ids))
    if not parts:
        return {}
    return {row.name: row.times for row in session.execute(sa.union_all(*parts))}


def count_all(session: Session, state: ListState, at: Moment) -> int:
    """Count all the rows of a state; for a job, since it takes as long as there are rows."""
    ids = filtered(state, at).with_only_columns(state.kind.model.id).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(ids)) or 0


def sign_place(keyring: Keyring, store_id: int, state: ListState, place: Place, *, now: datetime) -> str:
    """Write a place as an address carries it."""
    facts = {"s": store_id, "l": state.kind.name, "o": state.sort_name, "g": place.segment, "i": place.id}
    facts["v"] = plain_values(place)
    return keyring.sign(facts, purpose=_PURPOSE, now=now)


def read_place(keyring: Keyring, store_id: int, state: ListState, *, now: datetime) -> Place | None:
    """Read the place in a state's address; None for the first page, and for what we did not sign for this list."""
    if not state.place:
        return None
    try:
        facts = keyring.verify(state.place, purpose=_PURPOSE, max_age=CURSOR_LIFE.total_seconds(), now=now)
    except BadToken:
        return None
    if (facts["s"], facts["l"], facts["o"]) != (store_id, state.kind.name, state.sort_name):
        return None
    return place_from(state, facts["g"], facts["v"], facts["i"])


def plain_values(place: Place) -> list[Any]:
    """Give a place's values as JSON carries them."""
    return [value.isoformat() if isinstance(value, date) else value for value in place.values]


def place_from(state: ListState, segment: int, values: Sequence[Any], row_id: int) -> Place:
    """Make a place of values that JSON carried."""
    keys = state.kind.sort(state.sort_name).keys
    return Place(segment, tuple(_parsed(key, value) for key, value in zip(keys, values, strict=True)), row_id)


def place_of(state: ListState, segment: int, row: Any) -> Place:
    """Give the place of a row that `read_rows` gave."""
    return _place_of(state.kind, segment, row)


def _place_of(kind: ListKind, segment: int, row: Any) -> Place:
    names = sorted(name for name in row._fields if name.startswith("key_"))
    return Place(segment, tuple(getattr(row, name) for name in names), row.row_id)


def _parsed(key: Key, value: Any) -> Any:
    if key.kind == "moment":
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if key.kind == "day" else int(value)


def _sorted(query: sa.Select[Any], kind: ListKind, sort: Sort, is_backward: bool) -> sa.Select[Any]:
    shown = [_typed(key).label(f"key_{number}") for number, key in enumerate(sort.keys)]
    columns = [*(key.expression for key in sort.keys), kind.model.id]
    is_down = sort.is_descending is not is_backward
    ordered = query.add_columns(*shown, kind.model.id.label("row_id"))
    return ordered.order_by(*(column.desc() if is_down else column.asc() for column in columns))


def _beyond(kind: ListKind, sort: Sort, place: Place, is_backward: bool) -> Any:
    """Give the condition that a row comes after a place: a comparison of rows, and of its first key by itself.

    SQLite begins an index on an expression only at the latter (3.40, 2026-11).
    """
    mine = [*(key.expression for key in sort.keys), kind.model.id]
    given = list(_bound(sort, place))
    if sort.is_descending is not is_backward:
        return sa.and_(mine[0] <= given[0], sa.tuple_(*mine) < sa.tuple_(*given))
    return sa.and_(mine[0] >= given[0], sa.tuple_(*mine) > sa.tuple_(*given))


def _bound(sort: Sort, place: Place) -> Iterator[Any]:
    for key, value in zip(sort.keys, place.values, strict=True):
        yield sa.literal(value, _TYPES[key.kind])
    yield sa.literal(place.id, sa.BigInteger())


def _typed(key: Key) -> Any:
    return sa.type_coerce(key.expression, _TYPES[key.kind])
