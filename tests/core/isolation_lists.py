"""How the desk's lists are asked for another store's rows: routes, jobs and functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from core.desk.lists import reading
from core.desk.lists.definition import Moment
from core.desk.lists.kinds import cases, messages, orders, returns, reviews, withdrawals
from core.desk.lists.state import ListState
from tests.conftest import NOON
from tests.core.two_stores import Two

KINDS = (orders.LIST, returns.LIST, withdrawals.LIST, reviews.LIST, cases.LIST, messages.LIST)
AT = Moment(NOON, ZoneInfo("UTC"))


def states() -> list[ListState]:
    """Every list with all its rows."""
    everything = {"show": "all", "state": "all"}
    return [
        ListState(kind, {one.name: "all" for one in kind.filters if one.name in everything and one.read("all")})
        for kind in KINDS
    ]


VERBS: dict[str, Callable[[Session, Two], Any]] = {
    "desk.lists.reading.read_rows": lambda s, two: [reading.read_rows(s, one, AT, None, 99) for one in states()],
    "desk.lists.reading.read_page": lambda s, two: [reading.read_page(s, one, AT, None) for one in states()],
    "desk.lists.reading.count": lambda s, two: reading.count(s, {one.kind.name: one for one in states()}, AT),
}
TAKE_ROWS = {"desk.lists.list_page.view_list"}
"""It reads within a request, whose store it names; the routes' cases ask it."""
