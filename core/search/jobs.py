"""The job that indexes a store: rows that changed, and all of them the first time or after the keys changed.

What it has done stands in the database, so that one that was killed goes on where it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.bulk import id_in
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.search.index import Tokens, lock_state, write_documents
from core.search.model import SearchChange, SearchState
from core.search.sources import all_sources, source_of
from core.search.tokens import index_mark, store_secrets
from core.services import Services
from core.stores.model import Store

BATCH = 500
"""Rows of one transaction: some tenths of a second, in which nobody else writes this store's index."""
STORES_AT_ONCE = 1000
"""Stores that are promised their job in one commit; the next tick takes the next ones."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows to index, with the notes that named them, and where the walk goes on; None where it is over."""

    notes: list[int]
    rows: dict[str, list[int]]
    position: dict[str, Any] | None


def promise_indexing(work: Work) -> None:
    """Promise a job to every store with rows that changed, or whose index is not complete under the first key."""
    services: Services = work.services
    mark = index_mark(services.keyring)
    is_complete = sa.exists().where(SearchState.store_id == Store.id, SearchState.complete == mark)
    with services.db.system(Purpose.PROMISE_INDEXING) as session:
        changed = session.scalars(sa.select(SearchChange.store_id).distinct().limit(STORES_AT_ONCE)).all()
        incomplete = session.scalars(sa.select(Store.id).where(~is_complete).limit(STORES_AT_ONCE)).all()
        ids = dict.fromkeys([*changed, *incomplete])
        queue.enqueue_for_stores(session, [(store_id, _job()) for store_id in ids], now=work.now)


def _job() -> NewJob:
    return NewJob("search.index", "search.index")


def index_store(work: Work) -> None:
    """Index a batch of a store's rows and promise the next, until nothing is left."""
    services: Services = work.services
    mark = index_mark(services.keyring)
    with services.db.transaction(work.store_id, write=False) as session:
        batch = _next_batch(session, mark)
        packed = _tokens_of_rows(session, work.store_id, services, batch)
    with work.done() as session:
        state = lock_state(session)
        newer = _noted_since(session, batch)
        for kind, rows in packed.items():
            source = source_of(kind)
            assert source is not None
            # Said something else since we read it, or was erased: its newer note has it indexed as it is now.
            write_documents(session, state, source, {id_: row for id_, row in rows.items() if (kind, id_) not in newer})
        _move_on(session, state, mark, batch)
        if batch.position is not None or session.scalar(sa.select(SearchChange.id).limit(1)) is not None:
            queue.enqueue(session, work.store_id, _job(), now=work.now)


def _next_batch(session: Session, mark: str) -> _Batch:
    """Read what changed; where that is less than a batch, also the next rows of a walk over all."""
    noted = sa.select(SearchChange.id, SearchChange.kind, SearchChange.row_id).order_by(SearchChange.id).limit(BATCH)
    notes, rows = [], defaultdict(list)
    for note in session.execute(noted):
        notes.append(note.id)
        rows[note.kind].append(note.row_id)
    state = session.scalar(sa.select(SearchState))
    if state is not None and state.complete == mark:
        return _Batch(notes, rows, None)
    position = dict(state.position) if state is not None and state.walking == mark else {}
    if len(notes) == BATCH:
        return _Batch(notes, rows, position)
    names = [source.kind for source in all_sources()]
    at = names.index(position["kind"]) if position.get("kind") in names else 0
    source = all_sources()[at]
    after = position.get("after", 0)
    following = sa.select(source.model.id).where(source.model.id > after).order_by(source.model.id).limit(BATCH)
    ids = session.scalars(following).all()
    rows[source.kind] += ids
    if len(ids) == BATCH:
        return _Batch(notes, rows, {"kind": source.kind, "after": ids[-1]})
    return _Batch(notes, rows, {"kind": names[at + 1], "after": 0} if at + 1 < len(names) else None)


def _tokens_of_rows(
    session: Session, store_id: int, services: Services, batch: _Batch
) -> dict[str, dict[int, bytes | None]]:
    """Read the rows and make their tokens: while this takes, others may write."""
    tokens = Tokens(store_secrets(services.keyring, store_id)[0])
    packed: dict[str, dict[int, bytes | None]] = {}
    for kind, ids in batch.rows.items():
        source = source_of(kind)
        if source is None or not ids:  # noted by newer code
            continue
        texts = source.read(session, store_id, ids)
        packed[kind] = {id_: tokens.of(kind, texts[id_]) if id_ in texts else None for id_ in ids}
    return packed


def _noted_since(session: Session, batch: _Batch) -> set[tuple[str, int]]:
    """Give the rows of the batch that were noted after it was read. Whoever erases holds the state, as we do now."""
    ids = [id_ for rows in batch.rows.values() for id_ in rows]
    noted = sa.select(SearchChange.id, SearchChange.kind, SearchChange.row_id)
    seen = set(batch.notes)
    rows: Iterable[Any] = session.execute(noted.where(id_in(session, SearchChange.row_id, ids))) if ids else ()
    return {(row.kind, row.row_id) for row in rows if row.id not in seen}


def _move_on(session: Session, state: SearchState, mark: str, batch: _Batch) -> None:
    if batch.notes:
        session.execute(
            sa.delete(SearchChange).where(id_in(session, SearchChange.id, batch.notes)),
            execution_options={"synchronize_session": False},
        )
    if state.complete == mark:
        return
    if batch.position is None:
        state.complete, state.walking, state.position = mark, "", {}
    else:
        state.walking, state.position = mark, batch.position


JOBS = {"search.index": Kind(index_store), "clock.search": Kind(promise_indexing, attempts=1)}
