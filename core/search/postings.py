"""Read and write the postings: which documents have a token, as sets of bits."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.bulk import id_in, read_rows
from core.db.database import insert
from core.search.model import BUCKET, SearchPosting, posting_id

_postings = table_of(SearchPosting)
_BITMAP_BYTES = BUCKET // 8
_MOST_LISTED = _BITMAP_BYTES // 2 - 1


def pack(documents: int) -> bytes:
    """Write the documents of a bucket, one bit each: few as a list of two bytes each, many as a bitmap."""
    if documents.bit_count() > _MOST_LISTED:
        return documents.to_bytes(_BITMAP_BYTES, "big")
    places = []
    while documents:
        lowest = documents & -documents
        places.append(lowest.bit_length() - 1)
        documents ^= lowest
    return struct.pack(f">{len(places)}H", *places)


def unpack(packed: bytes) -> int:
    """Read what `pack` wrote."""
    if len(packed) == _BITMAP_BYTES:
        return int.from_bytes(packed, "big")
    documents = 0
    for place in struct.unpack(f">{len(packed) // 2}H", packed):
        documents |= 1 << place
    return documents


def read_postings(session: Session, store_id: int, ids: Sequence[int]) -> dict[int, int]:
    """Read postings by their ids, those that are there."""
    if not ids:
        return {}
    rows = read_rows(session, _postings, ("id", "documents"), store_id, "id", ids)
    return {row.id: unpack(row.documents) for row in rows}


def change_postings(
    session: Session, store_id: int, added: Iterable[tuple[int, int]], removed: Iterable[tuple[int, int]]
) -> None:
    """Add and remove documents: pairs of a token and a document's place. The caller holds the store's `SearchState`."""
    set_, cleared = _bits_by_posting(added), _bits_by_posting(removed)
    ids = sorted(set_.keys() | cleared.keys())
    before = read_postings(session, store_id, ids)
    after = {id_: before.get(id_, 0) & ~cleared.get(id_, 0) | set_.get(id_, 0) for id_ in ids}
    empty = [id_ for id_, documents in after.items() if not documents]
    if empty:
        mine = sa.and_(_postings.c.store_id == store_id, id_in(session, _postings.c.id, empty))
        session.connection().execute(sa.delete(_postings).where(mine))
    _write(session, store_id, {id_: pack(bits) for id_, bits in after.items() if bits and bits != before.get(id_)})


def _bits_by_posting(pairs: Iterable[tuple[int, int]]) -> Mapping[int, int]:
    bits: dict[int, int] = defaultdict(int)
    for token, place in pairs:
        bits[posting_id(token, place // BUCKET)] |= 1 << place % BUCKET
    return bits


def _write(session: Session, store_id: int, packed: Mapping[int, bytes]) -> None:
    if not packed:
        return
    new = insert(session, _postings)
    if session.get_bind().dialect.name == "postgresql":  # two parameters, whatever the number of postings
        ids = sa.bindparam("ids", list(packed), ARRAY(sa.BigInteger))
        documents = sa.bindparam("documents", list(packed.values()), ARRAY(sa.LargeBinary))
        rows = sa.select(sa.literal(store_id), sa.func.unnest(ids), sa.func.unnest(documents))
        new = new.from_select(["store_id", "id", "documents"], rows)
        merged = new.on_conflict_do_update(
            index_elements=["store_id", "id"], set_={"documents": new.excluded.documents}
        )
        session.connection().execute(merged)
        return
    merged = new.on_conflict_do_update(index_elements=["store_id", "id"], set_={"documents": new.excluded.documents})
    rows_ = [{"store_id": store_id, "id": id_, "documents": documents} for id_, documents in packed.items()]
    session.connection().execute(merged, rows_)
