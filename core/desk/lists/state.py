"""What somebody asked of a list: filters, sort, saved view and place, read from an address and written into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from core.desk.lists.definition import ListKind, Moment, Sort

LONGEST_QUERY = 1000
"""Characters of a frozen query string."""


@dataclass(frozen=True, slots=True)
class ListState:
    """A list with its filters; `filters` holds what differs from a list without any, in canonical form."""

    kind: ListKind
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    """The name of one of the list's sorts; "" for the usual one."""
    view: int = 0
    """The saved view it was opened by; 0 for none."""
    place: str = ""
    """The cursor of the page, as the address carries it."""
    is_backward: bool = False

    def value(self, name: str) -> str:
        """Give what a filter is set to."""
        return self.filters.get(name, "") or self.kind.filter(name).usual

    @property
    def sort_name(self) -> str:
        """The sort that holds: the chosen one where it is offered, else the usual one for these filters."""
        if self.sort and self.offers(self.kind.sort(self.sort)):
            return self.sort
        return self.kind.usual_sort({one.name: self.value(one.name) for one in self.kind.filters})

    def without_place(self) -> ListState:
        """Give the same from the first page on."""
        return replace(self, place="", is_backward=False)

    def with_filter(self, name: str, value: str) -> ListState:
        """Give the same with a filter set, or off where the value is its usual one; from the first page on."""
        filters = {key: old for key, old in self.filters.items() if key != name}
        if value and value != self.kind.filter(name).usual:
            filters[name] = value
        return replace(self.without_place(), filters=filters)

    def frozen(self) -> str:
        """Give filters and sort as a canonical query string: what a saved view and an export keep."""
        chosen = dict(self.filters) | ({"sort": self.sort} if self.sort else {})
        return urlencode(sorted(chosen.items()))

    def parameters(self) -> dict[str, Any]:
        """Give what an address of this page carries."""
        place = {"before" if self.is_backward else "after": self.place} if self.place else {}
        view = {"view": self.view} if self.view else {}
        return {**dict(sorted(self.filters.items())), **({"sort": self.sort} if self.sort else {}), **view, **place}

    def conditions(self, at: Moment, *, without: str = "") -> list[Any]:
        """Give the conditions of all filters, the tabs' among them, but of the one named `without`."""
        chosen = [(one, self.value(one.name)) for one in self.kind.filters if one.name != without]
        found = (one.condition(value, at) for one, value in chosen if value)
        return [condition for condition in found if condition is not None]

    def offers(self, sort: Sort) -> bool:
        """Say whether the list may be sorted so with these filters."""
        return not sort.only[0] or self.value(sort.only[0]) == sort.only[1]


def read_state(kind: ListKind, typed: Mapping[str, str]) -> ListState:
    """Read a list's state from an address' parameters; what cannot be is left out."""
    filters = {}
    for one in kind.filters:
        value = one.read(typed.get(one.name, "")[:LONGEST_QUERY])
        if value and value != one.usual:
            filters[one.name] = value
    sort = typed.get("sort", "")
    is_known = sort in [one.name for one in kind.sorts]
    view = typed.get("view", "")
    before, after = typed.get("before", ""), typed.get("after", "")
    return ListState(
        kind,
        filters,
        sort if is_known else "",
        int(view) if view.isascii() and view.isdecimal() and len(view) < 19 else 0,
        before or after,
        bool(before),
    )


def thaw(kind: ListKind, query: str) -> ListState:
    """Read what `frozen` wrote."""
    return read_state(kind, dict(parse_qsl(query[:LONGEST_QUERY])))
