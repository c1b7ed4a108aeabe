"""The tables of the search index: documents, in which of them a piece occurs, what waits, how far the index is.

None holds a word of anybody: pieces are kept as HMACs under a secret of the store (`tokens.py`).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Owned

BUCKET = 4096
"""Documents whose numbers share one posting of a piece."""
_PLACE_BITS = 40
_BUCKET_BITS = 24


class SearchDocument(Owned, Base):
    """One row that can be found. Its id is made of its kind and its place among those of its kind, see below."""

    __tablename__ = "search_documents"

    kind: Mapped[str]
    row_id: Mapped[int]
    tokens: Mapped[bytes]
    """The tokens it is found by, four bytes each."""

    __table_args__ = (sa.UniqueConstraint("store_id", "row_id", "kind"),)


class SearchPosting(Owned, Base):
    """Which documents of one bucket have one token. Its id is made of both, see below."""

    __tablename__ = "search_postings"

    documents: Mapped[bytes]
    """As `postings.pack` writes them."""


class SearchChange(Owned, Base):
    """A row that changed and is not indexed again yet."""

    __tablename__ = "search_changes"

    kind: Mapped[str]
    row_id: Mapped[int]


class SearchState(Owned, Base):
    """How far a store's index is: one row a store, locked by whoever writes the index."""

    __tablename__ = "search_states"

    complete: Mapped[str] = mapped_column(default="")
    """The mark (`tokens.index_mark`) under which every row was indexed; "" before the first time."""
    walking: Mapped[str] = mapped_column(default="")
    """The mark of the walk over all rows that is under way."""
    position: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """{kind, after}: where that walk goes on."""
    places: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Kind → how many places were given."""

    __table_args__ = (sa.UniqueConstraint("store_id"),)


def document_id(code: int, place: int) -> int:
    """Give the id of a document by the number of its kind (`SearchSource.code`) and its place, from 0."""
    return code << _PLACE_BITS | place


def place_of(document: int) -> int:
    """Give the place that a document's id is made of."""
    return document & (1 << _PLACE_BITS) - 1


def posting_id(token: int, bucket: int) -> int:
    """Give the id of a posting; `token` has 32 bits, and a place belongs to the bucket `place // BUCKET`."""
    return token << _BUCKET_BITS | bucket


def posting_parts(posting: int) -> tuple[int, int]:
    """Give the token and the bucket that a posting's id is made of."""
    return posting >> _BUCKET_BITS, posting & (1 << _BUCKET_BITS) - 1
