"""Which rows can be found: each slice registers its kinds, so that the search need not know the slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.search.query import SearchQuery
from core.secrets import Keyring


@dataclass(frozen=True, slots=True)
class SearchText:
    """What one row can be found by, and what is shown of it."""

    row: Any
    """The columns that a page shows."""
    at: datetime
    """Of rows found alike, the one with the latest time stands first."""
    texts: tuple[str, ...] = ()
    """Names, titles, sentences: found by their words."""
    numbers: tuple[str, ...] = ()
    """Numbers and addresses: found by their parts, and whole however they are separated."""
    own_numbers: tuple[str, ...] = ()
    """Those of the numbers that name this row alone, such as an order's; the first is what people call it."""
    serial: str = ""
    """What its own number is reduced to by people who leave out its letters, years and dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSource:
    """One kind of row that can be found."""

    kind: str
    code: int
    """Its number, which is part of documents' ids: never another one for this kind, never this one for another."""
    model: Any
    read: Callable[[Session, int, Sequence[int]], Mapping[int, SearchText]]
    """Reads a store's rows by their ids, in one statement; rows that are not there, or not to be found, are left
    out."""
    look_up: Callable[[SearchQuery, Keyring], Iterable[sa.ColumnElement[bool]]] = lambda _query, _keyring: ()
    """Conditions that an index of the table itself answers: rows they find need not be in the search index yet."""
    serials: Callable[[str], Sequence[str]] = lambda _typed: ()
    """What a typed number may be reduced to, as `SearchText.serial` is."""
    prefix: str = ""
    """The letters in front of its own numbers, folded: whoever types them means no other kind's number."""


_sources: dict[str, SearchSource] = {}


def register(*sources: SearchSource) -> None:
    """Add kinds of rows. Raises ValueError where another kind has that name or number already."""
    for source in sources:
        if any(source is not one and (source.code == one.code or source.kind == one.kind) for one in all_sources()):
            raise ValueError(f"two slices search for {source.kind} or number {source.code}")
        _sources[source.kind] = source


def all_sources() -> list[SearchSource]:
    """List the kinds in the order in which they were registered."""
    return list(_sources.values())


def source_of(kind: str) -> SearchSource | None:
    """Give a kind by its name; None for one that nobody registered."""
    return _sources.get(kind)
