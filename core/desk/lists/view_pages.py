"""Saving, renaming, sorting and removing the views of a list that somebody keeps, and choosing its columns."""

from __future__ import annotations

from flask import abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.lists.definition import ListKind
from core.desk.lists.registry import LISTS
from core.desk.lists.state import thaw
from core.desk.page import desk, show_page
from core.http.context import services, words
from core.stores.people import saved_views
from core.stores.people.saved_views import NameNeeded, SavedView, TooManyViews, ViewChanged, ViewNotFound


@desk.get("/<key>/lists/<name>/views")
def list_views(key: str, name: str) -> str:
    """The views of a list that somebody keeps."""
    return _print(_kind(name))


@desk.post("/<key>/lists/<name>/views")
def save_view(key: str, name: str) -> BaseResponse | tuple[str, int]:
    """Save the filters and the sort of a list under a name."""
    kind, app, typed = _kind(name), services(), request.form
    state = thaw(kind, typed.get("query", ""))
    name_of_view, query = typed.get("name", ""), state.frozen()
    try:
        with app.db.transaction(g.store.id) as session:
            view = saved_views.save_view(
                session,
                g.person.ref,
                kind.name,
                name=name_of_view,
                query=query,
                columns=_columns(kind),
                now=app.clock(),
            )
    except (NameNeeded, TooManyViews) as error:
        return _print(kind, _sentence(error), typed=name_of_view, query=query), 422
    return redirect(url_for(kind.endpoint, key=key, **state.parameters() | {"view": view.id}))


@desk.post("/<key>/lists/<name>/views/<int:view_id>/<verb>")
def change_view(key: str, name: str, view_id: int, verb: str) -> BaseResponse | tuple[str, int]:
    """Rename, move or remove a view; one that another window changed meanwhile stays as it is."""
    kind, app = _kind(name), services()
    if verb not in ("rename", "remove", *saved_views.MOVES):
        abort(404)
    try:
        with app.db.transaction(g.store.id) as session:
            _change(session, view_id, verb)
    except ViewNotFound:
        abort(404)
    except NameNeeded as error:
        return _print(kind, _sentence(error)), 422
    except ViewChanged as error:
        return _print(kind, _sentence(error)), 409
    return redirect(url_for("desk.list_views", key=key, name=name))


@desk.post("/<key>/lists/<name>/columns")
def choose_columns(key: str, name: str) -> BaseResponse:
    """Keep which columns somebody wants."""
    kind, app, typed = _kind(name), services(), request.form
    view_id = typed.get("view", 0, type=int)
    try:
        with app.db.transaction(g.store.id) as session:
            saved_views.choose_columns(session, g.person.ref, kind.name, view_id, _columns(kind), now=app.clock())
    except ViewNotFound:
        abort(404)
    state = thaw(kind, typed.get("query", ""))
    view = {"view": view_id} if view_id else {}
    return redirect(url_for(kind.endpoint, key=key, **state.parameters() | view))


def _change(session: Session, view_id: int, verb: str) -> SavedView:
    mine, version = g.person.ref, request.form.get("version", 0, type=int)
    if verb == "rename":
        return saved_views.rename_view(session, mine, view_id, request.form.get("name", ""), version=version)
    if verb == "remove":
        return saved_views.remove_view(session, mine, view_id, version=version)
    return saved_views.move_view(session, mine, view_id, verb, version=version)


def _kind(name: str) -> ListKind:
    if name not in LISTS:
        abort(404)
    return LISTS[name]


def _columns(kind: ListKind) -> list[str]:
    """Give the columns that were ticked, in the list's order; the first is always there. Empty for the usual ones."""
    ticked = set(request.form.getlist("column"))
    names = [column.name for column in kind.columns if column.name in ticked or column is kind.columns[0]]
    usual = [column.name for column in kind.columns if column.is_usual]
    return [] if not ticked or names == usual else names


def _print(kind: ListKind, problem: str = "", *, typed: str = "", query: str = "") -> str:
    with services().db.transaction(g.store.id, write=False) as session:
        views = [view for view in saved_views.views_of(session, g.person.ref, kind.name) if view.name]
        title, many = kind.title(words().pgettext), len(views) < saved_views.MOST_VIEWS
        return show_page(
            "views", kind=kind, title=title, views=views, problem=problem, typed=typed, query=query, many=many
        )


def _sentence(error: Exception) -> str:
    say = words().pgettext
    if isinstance(error, TooManyViews):
        most = words().number(saved_views.MOST_VIEWS)
        return say("desk", "You keep %(most)s views of this list already. Remove one first.", most=most)
    if isinstance(error, NameNeeded):
        return say("desk", "Give the view a name.")
    return say("desk", "This view was changed in another window. This is how it is now; nothing was done.")
