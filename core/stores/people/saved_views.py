"""What each of the merchant's people keeps of a list: filters and sort under a name, and the columns they want.

A row without a name holds the columns of the list as it opens. A person sees and changes their own rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db.base import Base, Owned, new_id
from core.stores.model import Staff

MOST_VIEWS = 20
"""Views of one list that a person may keep."""
LONGEST_NAME = 60
LONGEST_QUERY = 1000
MOVES = ("up", "down")


class SavedView(Owned, Base):
    """One saved view of a list."""

    __tablename__ = "saved_views"

    staff_ref: Mapped[str]
    """Whose it is, by the platform's id."""
    list_name: Mapped[str]
    name: Mapped[str]
    query: Mapped[str]
    """Filters and sort as a canonical query string; never what was searched for, which may name a shopper."""
    columns: Mapped[list[Any]] = mapped_column(default=list)
    """Names of the columns shown; empty for the usual ones."""
    position: Mapped[int] = mapped_column(sa.Integer)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    created_at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "store_id", "staff_ref", "list_name", "position"),)


class ViewNotFound(Exception):
    """This person has no such view."""


class ViewChanged(Exception):
    """The view was changed since the page was opened, in another window perhaps."""


class NameNeeded(Exception):
    """A view needs a name."""


class TooManyViews(Exception):
    """This person keeps as many views of the list as they may."""


def views_of(session: Session, staff_ref: str, list_name: str) -> Sequence[SavedView]:
    """Give a person's views of a list in their order; the one without a name, if any, is first."""
    mine = sa.select(SavedView).where(SavedView.staff_ref == staff_ref, SavedView.list_name == list_name)
    return session.scalars(mine.order_by(SavedView.position, SavedView.id)).all()


def save_view(
    session: Session, staff_ref: str, list_name: str, *, name: str, query: str, columns: Sequence[str], now: datetime
) -> SavedView:
    """Save a view after the others. Raises NameNeeded and TooManyViews."""
    name = _readable(name)
    session.execute(sa.select(Staff.id).where(Staff.ref == staff_ref).with_for_update())  # two windows count in turn
    known = [view for view in views_of(session, staff_ref, list_name) if view.name]
    if len(known) >= MOST_VIEWS:
        raise TooManyViews
    position = max((view.position for view in known), default=0) + 1
    return _add(session, staff_ref, list_name, name, query[:LONGEST_QUERY], columns, position, now)


def rename_view(session: Session, staff_ref: str, view_id: int, name: str, *, version: int) -> SavedView:
    """Give a view another name. Raises NameNeeded, ViewNotFound and ViewChanged."""
    name = _readable(name)
    view = find_view(session, staff_ref, view_id, version=version)
    view.name, view.version = name, view.version + 1
    return view


def remove_view(session: Session, staff_ref: str, view_id: int, *, version: int) -> SavedView:
    """Remove a view. Raises ViewNotFound and ViewChanged."""
    view = find_view(session, staff_ref, view_id, version=version)
    session.delete(view)
    return view


def move_view(session: Session, staff_ref: str, view_id: int, where: str, *, version: int) -> SavedView:
    """Move a view one place "up" or "down". Raises ViewNotFound and ViewChanged."""
    view = find_view(session, staff_ref, view_id, version=version)
    named = [one for one in views_of(session, staff_ref, view.list_name) if one.name]
    place = named.index(view)
    other = place + (1 if where == "down" else -1)
    if 0 <= other < len(named):
        named[place], named[other] = named[other], named[place]
        for number, one in enumerate(named):
            one.position = number + 1
        view.version += 1
    return view


def choose_columns(
    session: Session, staff_ref: str, list_name: str, view_id: int, columns: Sequence[str], *, now: datetime
) -> None:
    """Keep which columns a person wants in a view; `view_id` 0 means the list as it opens. Raises ViewNotFound."""
    if view_id:
        view = find_view(session, staff_ref, view_id)
        view.columns, view.version = list(columns), view.version + 1
        return
    plain = next((view for view in views_of(session, staff_ref, list_name) if not view.name), None)
    if plain is None:
        plain = _add(session, staff_ref, list_name, "", "", columns, 0, now)
    plain.columns = list(columns)


def find_view(session: Session, staff_ref: str, view_id: int, *, version: int | None = None) -> SavedView:
    """Load a person's view, locked. Raises ViewNotFound, and ViewChanged where its version is another."""
    mine = sa.select(SavedView).where(SavedView.id == view_id, SavedView.staff_ref == staff_ref)
    view = session.scalar(mine.with_for_update())
    if view is None:
        raise ViewNotFound
    if version is not None and view.version != version:
        raise ViewChanged
    return view


def _readable(name: str) -> str:
    plain = " ".join(name.replace("\0", "").split())[:LONGEST_NAME]
    if not plain:
        raise NameNeeded
    return plain


def _add(
    session: Session,
    staff_ref: str,
    list_name: str,
    name: str,
    query: str,
    columns: Sequence[str],
    position: int,
    now: datetime,
) -> SavedView:
    facts = {"staff_ref": staff_ref, "list_name": list_name, "name": name, "query": query, "position": position}
    view = SavedView(id=new_id(), **facts, columns=list(columns), version=1, created_at=now)
    session.add(view)
    session.flush()
    return view
