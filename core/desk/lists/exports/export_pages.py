"""Asking for an export of a list, seeing how far it is, and fetching the file."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from flask import Response, abort, g, make_response, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.db.base import new_id
from core.desk.lists.exports.export_job import KEPT, PURPOSE
from core.desk.lists.registry import LISTS
from core.desk.lists.state import thaw
from core.desk.page import desk, show_page
from core.http.context import services, words
from core.jobs import queue
from core.jobs.queue import NewJob
from core.stores import audit, staff
from core.stores.exports.model import ListExport, ListExportPart

STYLES = ("people", "machines")
_LOOK_AGAIN = "4"
"""Seconds after which a page about a running export asks again."""


@desk.post("/<key>/lists/<name>/exports")
def ask_export(key: str, name: str) -> BaseResponse:
    """Promise an export of a list as it is filtered now."""
    staff.require(g.person, staff.MAY_SET)
    if name not in LISTS:
        abort(404)
    kind, app, typed = LISTS[name], services(), request.form
    now, style = app.clock(), typed.get("style", "")
    ticked = set(typed.getlist("column")) or {column.name for column in kind.columns if column.is_usual}
    export = ListExport(
        id=new_id(),
        staff_ref=g.person.ref,
        list_name=name,
        query=thaw(kind, typed.get("query", "")).frozen(),
        columns=[column.name for column in kind.columns if column.name in ticked],
        language=words().language,
        style=style if style in STYLES else "people",
        asked_at=now,
        expires_at=now + KEPT,
    )
    with app.db.transaction(g.store.id) as session:
        session.add(export)
        new = NewJob("desk.export_list", f"export:{export.id}", {"id": export.id})
        queue.enqueue(session, g.store.id, new, now=now)
        audit.note(session, now, audit.STAFF, "export_list", f"export:{export.id}", {"list": name})
    return redirect(url_for("desk.show_export", key=key, export_id=export.id))


@desk.get("/<key>/exports/<int:export_id>")
def show_export(key: str, export_id: int) -> Response:
    """How far an export is; the page asks again by itself while it runs, and the job goes on without it."""
    with services().db.transaction(g.store.id, write=False) as session:
        export = _mine(session, export_id)
        kind = LISTS[export.list_name]
        back = url_for(kind.endpoint, key=key, **thaw(kind, export.query).parameters())
        title = kind.title(words().pgettext)
        page = make_response(show_page("export", export=export, title=title, back=back))
    if export.state != "done":
        page.headers["Refresh"] = _LOOK_AGAIN
    return page


@desk.get("/<key>/exports/<int:export_id>/file")
def fetch_export(key: str, export_id: int) -> Response:
    """The file, for whoever asked for it and may still export, until it expires."""
    app = services()
    with app.db.transaction(g.store.id) as session:
        export = _mine(session, export_id)
        if export.state != "done":
            abort(404)
        audit.note(session, app.clock(), audit.STAFF, "fetch_export", f"export:{export_id}")
        name = f"{export.list_name}-{export.asked_at:%Y-%m-%d}.csv"
        content = "".join(_parts(session, export_id))
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(content, content_type="text/csv; charset=utf-8", headers=headers)


def _mine(session: Session, export_id: int) -> ListExport:
    staff.require(g.person, staff.MAY_SET)
    export = session.get(ListExport, (g.store.id, export_id))
    if export is None or export.staff_ref != g.person.ref or export.expires_at <= services().clock():
        abort(404)
    return export


def _parts(session: Session, export_id: int) -> Iterator[str]:
    parts = sa.select(ListExportPart).where(ListExportPart.export_id == export_id).order_by(ListExportPart.number)
    for part in session.scalars(parts):
        yield services().keyring.open_text(part.sealed, store_id=g.store.id, purpose=PURPOSE)
