"""Note that rows changed, so that they are indexed again within seconds; until then a search looks at them itself."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.bulk import insert_new
from core.search.model import SearchChange

_changes = table_of(SearchChange)


def note_change(session: Session, kind: str, row_ids: Iterable[int]) -> None:
    """Note, in the transaction that writes them, that these rows are new or say something else. One statement.

    A note is a row of its own and waits for nobody: neither a lock nor a job that others of the store write too.
    """
    store_id = session.info["store_id"]
    rows = [{"store_id": store_id, "id": new_id(), "kind": kind, "row_id": row_id} for row_id in row_ids]
    if rows:
        insert_new(session, _changes, rows)
