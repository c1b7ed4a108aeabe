"""Printing a list: its rows, tabs, filters, pages, saved views and what may be done with the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, request, url_for
from sqlalchemy.orm import Session

from core.desk.lists import reading
from core.desk.lists.definition import Column, Filter, ListKind, Moment
from core.desk.lists.reading import MOST_COUNTED, ListPage
from core.desk.lists.state import ListState, read_state, thaw
from core.desk.page import show_page
from core.http.context import services, words
from core.stores import staff
from core.stores.people import saved_views
from core.stores.people.saved_views import SavedView


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the links above a list; `times` is "" where nothing is counted."""

    url: str
    label: str
    times: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class FilterField:
    """One field of the filter form."""

    name: str
    label: str
    kind: str
    value: str
    options: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class ListView:
    """What the parts of a list's page print."""

    kind: ListKind
    state: ListState
    title: str
    page: ListPage
    columns: Sequence[Column]
    titles: Mapping[str, str]
    tabs: Sequence[Tab]
    views: Sequence[Tab]
    """The saved views of whoever looks."""
    chips: Sequence[tuple[str, str]]
    """(what it says, the address without it) of each filter that is set."""
    fields: Sequence[FilterField]
    sorts: Sequence[tuple[str, str]]
    total: int
    """How many rows match; one more than a thousand for any number above."""
    total_words: str
    plain_url: str
    """The list without filters."""
    form_url: str
    hidden: Mapping[str, str]
    previous_url: str = ""
    next_url: str = ""
    typed: str = ""
    """What was searched for; then the list is what the search found."""

    @property
    def lines(self) -> Sequence[Any]:
        """The rows of this page."""
        return self.page.lines


def moment() -> Moment:
    """Give the moment of this request, at its store."""
    return Moment(services().clock(), ZoneInfo(g.store.timezone))


def show_list(
    kind: ListKind,
    template: str,
    *,
    typed: str = "",
    found: Any = None,
    more: Callable[[Session], Mapping[str, Any]] | None = None,
) -> str:
    """Print a page of a list as the address asks for it.

    `found` is the condition of a search for `typed`: then the list is what it finds, whatever its tab. `more` reads
    what else the template prints.
    """
    state = read_state(kind, request.args)
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        view = view_list(session, state, typed=typed, found=found)
        return show_page(
            template, list=view, may_export=g.person.role in staff.MAY_SET, **(more(session) if more else {})
        )


def view_list(session: Session, state: ListState, *, typed: str = "", found: Any = None) -> ListView:
    """Read what a list's page prints."""
    if typed:
        state = _searched(state, found)
    kind, at, app = state.kind, moment(), services()
    place = reading.read_place(app.keyring, g.store.id, state, now=at.now)
    page = reading.read_page(session, state, at, place)
    views = saved_views.views_of(session, g.person.ref, kind.name)
    counts = reading.count(session, _counted(state), at)
    total = counts[""]
    say = words().pgettext
    also: dict[str, Any] = {"q": typed} if typed else {}

    def address(which: ListState, **place: str) -> str:
        return url_for(kind.endpoint, key=g.store.key, **which.parameters(), **{**also, **place})

    def sign(where: reading.Place | None) -> str:
        return reading.sign_place(app.keyring, g.store.id, state, where, now=at.now) if where else ""

    start = state.without_place()
    before, after = sign(page.first), sign(page.last)
    return ListView(
        kind=kind,
        state=state,
        title=kind.title(say),
        page=page,
        columns=_columns(kind, state, views),
        views=_view_tabs(kind, state, views),
        titles={column.name: column.label(say) for column in kind.columns},
        tabs=_tabs(state, counts, is_search=bool(typed)),
        chips=[
            (_chip(state, one), address(state.with_filter(one.name, ""))) for one in kind.filters if _is_set(state, one)
        ],
        fields=_fields(session, state),
        sorts=[(sort.name, sort.label(say)) for sort in kind.sorts if state.offers(sort)],
        total=total,
        total_words=counted_words(total),
        plain_url=url_for(kind.endpoint, key=g.store.key),
        form_url=url_for(kind.endpoint, key=g.store.key),
        hidden=_hidden(state, also),
        previous_url=address(start, before=before) if before else "",
        next_url=address(start, after=after) if after else "",
        typed=typed,
    )


def counted_words(total: int) -> str:
    """Write a count; above a thousand as "1,000+"."""
    if total <= MOST_COUNTED:
        return words().number(total)
    return words().pgettext("desk", "%(num)s+", num=words().number(MOST_COUNTED))


def _searched(state: ListState, found: Any) -> ListState:
    """Give the list of what a search finds, the newest first."""
    kind = state.kind
    of_all = {one.name: "all" for one in kind.filters if one.kind == "tabs" and one.read("all")}
    narrowed = replace(kind, query=lambda: kind.query().where(found), counted="")
    return ListState(narrowed, of_all, "newest", 0, state.place, state.is_backward)


def _counted(state: ListState) -> dict[str, ListState]:
    """Give the states whose rows are counted: this one's, and each tab's without other filters."""
    counted = {"": state.without_place()}
    if state.kind.counted:
        tabs = state.kind.filter(state.kind.counted)
        bare = ListState(state.kind)
        for value, _ in tabs.options(words()) if tabs.options else ():
            if value not in ("", "all"):
                counted[value] = bare.with_filter(tabs.name, value)
    return counted


def _tabs(state: ListState, counts: Mapping[str, int], *, is_search: bool) -> list[Tab]:
    tabs = []
    for one in state.kind.filters:
        for value, label in one.options(words()) if one.kind == "tabs" and one.options else ():
            url = url_for(state.kind.endpoint, key=g.store.key, **state.with_filter(one.name, value).parameters())
            times = counts.get(value, 0) if value else 0
            is_current = not is_search and state.value(one.name) == value
            tabs.append(Tab(url, label, counted_words(times) if times else "", is_current))
    return tabs


def _columns(kind: ListKind, state: ListState, views: Sequence[SavedView]) -> list[Column]:
    """Give the columns of the view, else those the person wants in this list, else the usual ones."""
    chosen = next((view.columns for view in views if view.id == state.view and view.name), None)
    if chosen is None:
        chosen = next((view.columns for view in views if not view.name), [])
    return [one for one in kind.columns if one.name in chosen] or [one for one in kind.columns if one.is_usual]


def _view_tabs(kind: ListKind, state: ListState, views: Sequence[SavedView]) -> list[Tab]:
    tabs = []
    for view in views:
        parameters = thaw(kind, view.query).parameters() | {"view": view.id}
        if view.name:
            url = url_for(kind.endpoint, key=g.store.key, **parameters)
            tabs.append(Tab(url, view.name, "", view.id == state.view))
    return tabs


def _is_set(state: ListState, one: Filter) -> bool:
    return one.kind != "tabs" and one.name in state.filters


def _chip(state: ListState, one: Filter) -> str:
    say, value = words().pgettext, state.filters[one.name]
    label = one.label(say)
    if one.kind == "flag":
        return label
    if one.kind == "day":
        value = words().day(moment().today.fromisoformat(value), today=moment().today)
    if one.options:
        value = dict(one.options(words())).get(value, value)
    return f"{label}{words().colon}{value}"


def _fields(session: Session, state: ListState) -> list[FilterField]:
    """Give the fields of the filter form; a choice with many options has those that this store's rows have."""
    offered = state.kind.choices(session) if state.kind.choices else {}
    fields = []
    for one in state.kind.filters:
        if one.kind in ("tabs", "link"):
            continue
        value, options = state.value(one.name), list(one.options(words())) if one.options else []
        if one.name in offered:
            here = {*offered[one.name], value}
            options = [pair for pair in options if pair[0] in here]
        fields.append(FilterField(one.name, one.label(words().pgettext), one.kind, value, options))
    return fields


def _hidden(state: ListState, also: Mapping[str, str]) -> dict[str, str]:
    """Give what the filter form carries along without a field."""
    kept = {
        one.name: state.filters[one.name]
        for one in state.kind.filters
        if one.kind in ("tabs", "link") and one.name in state.filters
    }
    return kept | ({"view": str(state.view)} if state.view else {}) | dict(also)
