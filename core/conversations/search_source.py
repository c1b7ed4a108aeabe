"""What a case is found by at the desk: its subject and what was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.conversations.model import Case, Message
from core.db.base import table_of
from core.db.bulk import id_in
from core.search.sources import SearchSource, SearchText

CASE = "case"
"""The kind of cases in the search."""
_MOST_OF_A_MESSAGE = 4_000
_cases, _messages = table_of(Case), table_of(Message)
_SHOWN = [_cases.c[name] for name in "id order_id kind subject state opened_at".split()]


def read_cases(session: Session, store_id: int, ids: Sequence[int]) -> Mapping[int, SearchText]:
    """Read what cases are found by: of each message its first 4,000 characters."""
    of_case = sa.and_(_messages.c.store_id == _cases.c.store_id, _messages.c.case_id == _cases.c.id)
    said = sa.func.aggregate_strings(sa.func.substr(_messages.c.text, 1, _MOST_OF_A_MESSAGE), "\n")
    every = sa.select(said).where(of_case).correlate(_cases).scalar_subquery().label("said")
    mine = sa.and_(_cases.c.store_id == store_id, id_in(session, _cases.c.id, ids))
    rows = session.connection().execute(sa.select(*_SHOWN, every).where(mine))
    return {row.id: SearchText(row=row, at=row.opened_at, texts=(row.subject, row.said or "")) for row in rows}


SOURCES = (SearchSource(kind=CASE, code=6, model=Case, read=read_cases),)
