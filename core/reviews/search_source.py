"""What a review is found by at the desk: its words, its author, what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.bulk import id_in
from core.reviews.model import Review
from core.search.sources import SearchSource, SearchText

REVIEW = "review"
"""The kind of reviews in the search."""
_reviews = table_of(Review)
_SHOWN = [_reviews.c[name] for name in "id rating title text author product_title posted_at answered_at".split()]


def read_reviews(session: Session, store_id: int, ids: Sequence[int]) -> Mapping[int, SearchText]:
    """Read what reviews are found by; one that its store no longer has is left out."""
    mine = sa.and_(_reviews.c.store_id == store_id, _reviews.c.gone_at.is_(None), id_in(session, _reviews.c.id, ids))
    rows = session.connection().execute(sa.select(*_SHOWN).where(mine))
    return {
        row.id: SearchText(row=row, at=row.posted_at, texts=(row.author, row.product_title, row.title, row.text))
        for row in rows
    }


SOURCES = (SearchSource(kind=REVIEW, code=5, model=Review, read=read_reviews),)
