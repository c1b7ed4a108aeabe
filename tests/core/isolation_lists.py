"""How the desk's lists are asked for another store's rows: routes, jobs and functions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from core.desk.lists import reading
from core.desk.lists.definition import Moment
from core.desk.lists.exports import export_job
from core.desk.lists.kinds import cases, messages, orders, returns, reviews, withdrawals
from core.desk.lists.state import ListState
from core.stores.exports.model import ListExport
from core.stores.people import saved_views
from tests.conftest import NOON
from tests.core.two_stores import Two

KINDS = (orders.LIST, returns.LIST, withdrawals.LIST, reviews.LIST, cases.LIST, messages.LIST)
Ask = tuple[str, dict[str, Any]]
LATER = NOON + timedelta(days=1)
AT = Moment(NOON, ZoneInfo("UTC"))


def states() -> list[ListState]:
    """Every list with all its rows."""
    everything = {"show": "all", "state": "all"}
    return [
        ListState(kind, {one.name: "all" for one in kind.filters if one.name in everything and one.read("all")})
        for kind in KINDS
    ]


def keep_view(two: Two) -> Two:
    """Let Bruno keep a view at their store."""
    with two.services.db.transaction(two.theirs.id) as session:
        export = ListExport(
            staff_ref="max",
            list_name="orders",
            query="",
            language="en",
            style="people",
            asked_at=NOON,
            expires_at=LATER,
        )
        session.add(export)
        view = saved_views.save_view(session, "bruno", "orders", name="Bruno's", query="", columns=[], now=NOON)
    two.ids |= {"view": view.id, "export": export.id}
    return two


def desk(path: str, **form: str) -> Callable[[Two], list[Ask]]:
    """A page of the desk: mine with their ids, and theirs."""

    def asks(two: Two) -> list[Ask]:
        named = {name: value.format(**two.ids) for name, value in form.items()}
        return [(f"/admin/{store.key}/{path.format(**two.ids)}", {"data": named}) for store in (two.mine, two.theirs)]

    return asks


ROUTES: dict[str, Callable[[Two], list[Ask]]] = {
    "GET /admin/<key>/lists/<name>/views": desk("lists/orders/views"),
    "POST /admin/<key>/lists/<name>/views": desk("lists/orders/views", name="Mine", query="late=1"),
    "POST /admin/<key>/lists/<name>/views/<int:view_id>/<verb>": desk(
        "lists/orders/views/{view}/rename", name="Mine", version="1"
    ),
    "POST /admin/<key>/lists/<name>/exports": desk("lists/orders/exports", style="people"),
    "GET /admin/<key>/exports/<int:export_id>": desk("exports/{export}"),
    "GET /admin/<key>/exports/<int:export_id>/file": desk("exports/{export}/file"),
    "POST /admin/<key>/lists/<name>/columns": desk("lists/orders/columns", view="{view}", column="total"),
}
JOBS: dict[str, Callable[[Two], list[dict[str, Any]]]] = {"desk.export_list": lambda two: [{"id": two.ids["export"]}]}
VERBS: dict[str, Callable[[Session, Two], Any]] = {
    "desk.lists.reading.read_rows": lambda s, two: [reading.read_rows(s, one, AT, None, 99) for one in states()],
    "desk.lists.reading.read_page": lambda s, two: [reading.read_page(s, one, AT, None) for one in states()],
    "stores.people.saved_views.views_of": lambda s, two: saved_views.views_of(s, "bruno", "orders"),
    "stores.people.saved_views.save_view": lambda s, two: saved_views.save_view(
        s, "bruno", "orders", name="x", query="", columns=[], now=NOON
    ),
    "stores.people.saved_views.find_view": lambda s, two: saved_views.find_view(s, "bruno", two.ids["view"]),
    "stores.people.saved_views.rename_view": lambda s, two: saved_views.rename_view(
        s, "bruno", two.ids["view"], "x", version=1
    ),
    "stores.people.saved_views.move_view": lambda s, two: saved_views.move_view(
        s, "bruno", two.ids["view"], "up", version=1
    ),
    "stores.people.saved_views.remove_view": lambda s, two: saved_views.remove_view(
        s, "bruno", two.ids["view"], version=1
    ),
    "stores.people.saved_views.choose_columns": lambda s, two: saved_views.choose_columns(
        s, "bruno", "orders", two.ids["view"], ["total"], now=NOON
    ),
    "desk.lists.reading.count_all": lambda s, two: [reading.count_all(s, one, AT) for one in states()],
    "desk.lists.exports.export_job.write_part": lambda s, two: export_job.write_part(
        s, two.services, two.mine.id, two.ids["export"], now=NOON
    ),
    "desk.lists.reading.count": lambda s, two: reading.count(s, {one.kind.name: one for one in states()}, AT),
}
REFUSALS = (saved_views.ViewNotFound,)
TAKE_ROWS = {"desk.lists.list_page.view_list"}
"""It reads within a request, whose store it names; the routes' cases ask it."""
