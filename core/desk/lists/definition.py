"""What a list of the desk is: its columns, filters and sorts, as data that pages and exports share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from core.i18n.words import Words
from core.orders.kinds import Wording

ROWS_ON_A_PAGE = 50
MOST_SORTS = 3


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where a list is read: `zone` is the store's, in which its days begin."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The day it is at the store."""
        return self.now.astimezone(self.zone).date()

    def begins(self, day: str, *, after: int = 0) -> datetime:
        """Give when a day of the store's ("2026-11-30") begins, or the one so many days after it."""
        return datetime.combine(date.fromisoformat(day) + timedelta(days=after), time(), self.zone)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of a row, in minor units."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Code:
    """A machine word of a row; people read what `labels.name_of` calls `family` + `word`."""

    word: str
    family: str = ""


Value = str | int | bool | date | datetime | Money | Code | tuple[Code, ...] | None
"""What a cell holds; an export writes it for people or for machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `value` reads a cell from a line of the list, for exports; the page's template draws its own."""

    name: str
    label: Wording
    value: Callable[[Any], Value]
    is_money: bool = False
    """Its cells are `Money`: a file for machines then has a column for the currency."""
    is_usual: bool = True
    """Shown to whoever chose no columns of their own. A list's first column is always shown."""


@dataclass(frozen=True, slots=True)
class Key:
    """One value that a sort goes by; `kind` says how a cursor carries it."""

    expression: Any
    kind: Literal["moment", "day", "number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """An order of rows that an index keeps: by the keys, then by id, all in one direction.

    Where there are `segments`, the rows of the first condition come first, then those of the next.
    """

    name: str
    label: Wording
    keys: tuple[Key, ...]
    is_descending: bool = False
    segments: tuple[Any, ...] = ()
    """Conditions of which a row fits at most one, read one after the other. They stand for the condition of `only`."""
    only: tuple[str, str] = ("", "")
    """A filter and the value it must have for this sort to be offered; ("", "") for always."""


def newest_first(moment: Any) -> Sort:
    """Sort by a moment, the latest first."""
    keys = (Key(moment, "moment"),)
    return Sort(name="newest", label=lambda say: say("desk", "Newest first"), keys=keys, is_descending=True)


def oldest_first(moment: Any) -> Sort:
    """Sort by a moment, the earliest first."""
    return Sort(name="oldest", label=lambda say: say("desk", "Oldest first"), keys=(Key(moment, "moment"),))


Options = Callable[[Words], Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One condition on rows, by a parameter of the address.

    `read` gives what was typed in its one form, "" for what cannot be; `condition` is None where the value leaves
    every row in. `options` are (value, name) of a choice.
    """

    name: str
    label: Wording
    kind: Literal["choice", "flag", "day", "text", "tabs", "link"]
    """`tabs` always has one value and stands above the list; `link` is set by links in the rows alone."""
    condition: Callable[[str, Moment], Any]
    read: Callable[[str], str]
    options: Options | None = None
    usual: str = ""
    """What it is where the address says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListKind:
    """One list of the desk."""

    name: str
    endpoint: str
    title: Wording
    model: Any
    query: Callable[[], Any]
    """Rows of the model and what belongs to them, without any order."""
    filters: tuple[Filter, ...]
    columns: tuple[Column, ...]
    sorts: tuple[Sort, ...]
    prepare: Callable[[Session, Sequence[Any], Moment], list[Any]]
    """Make lines, each with an `id`, from rows of the query."""
    usual_sort: Callable[[Mapping[str, str]], str]
    choices: Callable[[Session], Mapping[str, Sequence[str]]] | None = None
    """Values that rows of this store have, by filter; they are added to the filters' options."""
    counted: str = ""
    """The filter of kind `tabs` whose options are shown with their counts."""

    def sort(self, name: str) -> Sort:
        """Give a sort by its name."""
        return next(sort for sort in self.sorts if sort.name == name)

    def filter(self, name: str) -> Filter:
        """Give a filter by its name."""
        return next(one for one in self.filters if one.name == name)


def one_of(*values: str) -> Callable[[str], str]:
    """Read a value that must be one of these."""
    return lambda typed: typed if typed in values else ""


def read_flag(typed: str) -> str:
    """Read whether something is asked for."""
    return "1" if typed.strip() not in ("", "0") else ""


def read_day(typed: str) -> str:
    """Read a day as browsers send it, "2026-11-30"."""
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        return ""
    return day.isoformat() if 1990 <= day.year <= 2200 else ""


def read_text(typed: str) -> str:
    """Read a short text: without NUL, which PostgreSQL refuses, and at most 100 characters."""
    return typed.replace("\0", "").strip()[:100]


def read_country(typed: str) -> str:
    """Read a country's two letters."""
    plain = typed.strip().upper()
    return plain if len(plain) == 2 and plain.isascii() and plain.isalpha() else ""


def read_language(typed: str) -> str:
    """Read a language's code, such as "lt" or "pt-BR"."""
    plain = typed.strip()[:12]
    return plain if plain and plain.isascii() and plain.replace("-", "").replace("_", "").isalpha() else ""
