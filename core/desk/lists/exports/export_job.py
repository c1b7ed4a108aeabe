"""Writing an export: page by page, each in a transaction of its own together with how far it is.

A worker that dies leaves whole pages behind; the next one goes on after the last of them, so that no row stands in the
file twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.desk.lists import reading
from core.desk.lists.definition import Moment
from core.desk.lists.exports import csv_cells
from core.desk.lists.registry import LISTS
from core.desk.lists.state import thaw
from core.i18n.words import Words
from core.jobs.queue import Kind, Work
from core.services import Services
from core.stores.exports.model import ListExport, ListExportPart
from core.stores.platform_access import store_by_id

ROWS_A_PART = 500
KEPT = timedelta(days=1)
PURPOSE = "list-export"


def write_export(work: Work) -> None:
    """Write the parts of an export that are missing. One that is gone or done is left alone."""
    app: Services = work.services
    while True:
        with app.db.transaction(work.store_id) as session:
            is_done = write_part(session, app, work.store_id, work.payload["id"], now=work.now)
        if is_done:
            return
        work.check_lease()


def write_part(session: Session, app: Services, store_id: int, export_id: int, *, now: datetime) -> bool:
    """Write the next page of an export; say whether there is nothing more to write."""
    mine = sa.select(ListExport).where(ListExport.id == export_id)
    export = session.scalar(mine.with_for_update())  # of two workers the second finds what the first wrote
    if export is None or export.state == "done":
        return True
    store = store_by_id(session, store_id)
    zone, words = ZoneInfo(store.timezone), Words(export.language)
    state, at = thaw(LISTS[export.list_name], export.query), Moment(export.asked_at, zone)
    place = reading.place_from(state, **export.place) if export.place else None
    if export.total is None:
        export.total = reading.count_all(session, state, at)
    found = reading.read_rows(session, state, at, place, ROWS_A_PART)
    lines = state.kind.prepare(session, [row for _, row in found], at)
    columns = [column for column in state.kind.columns if column.name in export.columns]
    for_people = export.style == "people"
    text = "" if export.parts else csv_cells.head(columns, words, for_people=for_people)
    text += "".join(csv_cells.row(columns, line, words, zone, for_people=for_people) for line in lines)
    sealed = app.keyring.seal(text, store_id=store_id, purpose=PURPOSE)
    session.add(ListExportPart(export_id=export.id, number=export.parts, sealed=sealed, expires_at=export.expires_at))
    export.parts, export.written = export.parts + 1, export.written + len(found)
    if found:
        export.place = _as_json(reading.place_of(state, *found[-1]))
    if len(found) < ROWS_A_PART:
        export.state, export.done_at = "done", now
    return export.state == "done"


def _as_json(place: reading.Place) -> dict[str, Any]:
    return {"segment": place.segment, "values": reading.plain_values(place), "row_id": place.id}


JOBS = {"desk.export_list": Kind(write_export)}
