"""Write the index: bring the documents of some rows to what these rows say, or forget them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.bulk import id_in, read_rows
from core.db.database import insert
from core.search import changes
from core.search.grams import grams_of, runs_of
from core.search.model import SearchDocument, SearchState, document_id, place_of
from core.search.postings import change_postings
from core.search.sources import SearchSource, SearchText, source_of
from core.search.tokens import pack_tokens, token, unpack_tokens

_documents = table_of(SearchDocument)
_states = table_of(SearchState)


def runs_of_text(text: SearchText) -> list[str]:
    """Give the words a row is found by."""
    return runs_of(text.texts, (*text.own_numbers, *text.numbers))


class Tokens:
    """Makes the tokens of rows of one store; a piece that occurs again is not digested again."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._known: dict[tuple[str, str], int] = {}

    def of(self, kind: str, text: SearchText) -> bytes:
        """Give the tokens of a row, packed."""
        return pack_tokens({self._token(kind, gram) for gram in grams_of(runs_of_text(text))})

    def _token(self, kind: str, gram: str) -> int:
        if (known := self._known.get((kind, gram))) is None:
            known = self._known[kind, gram] = token(self._secret, kind, gram)
        return known


def lock_state(session: Session) -> SearchState:
    """Give the store's state, locked until the transaction ends; an empty one is made where there is none."""
    store_id = session.info["store_id"]
    empty = {"store_id": store_id, "id": new_id(), "complete": "", "walking": "", "position": {}, "places": {}}
    mine = sa.select(SearchState).where(SearchState.store_id == store_id).with_for_update()
    state = session.scalar(mine)
    if state is None:
        session.execute(insert(session, _states).values(empty).on_conflict_do_nothing())
        state = session.scalars(mine).one()
    return state


def write_documents(
    session: Session, state: SearchState, source: SearchSource, packed: Mapping[int, bytes | None]
) -> None:
    """Make rows' documents have these tokens; None for a row that is not to be found (any more).

    `state` is what `lock_state` gave. What has them already costs one look.
    """
    if not packed:
        return
    known = {row.row_id: row for row in _read(session, state.store_id, source.kind, list(packed))}
    changed = {
        row_id: tokens
        for row_id, tokens in packed.items()
        if tokens != (known[row_id].tokens if row_id in known else None)
    }
    places = _places(state, source, {row_id: row.id for row_id, row in known.items()}, changed)
    added, removed = [], []
    for row_id, tokens in changed.items():
        before = set(unpack_tokens(known[row_id].tokens)) if row_id in known else set()
        after = set(unpack_tokens(tokens or b""))
        added += [(token, places[row_id]) for token in after - before]
        removed += [(token, places[row_id]) for token in before - after]
    change_postings(session, state.store_id, added, removed)
    _delete(session, state.store_id, [known[row_id].id for row_id, tokens in changed.items() if tokens is None])
    rows = [
        {
            "store_id": state.store_id,
            "id": document_id(source.code, places[row_id]),
            "kind": source.kind,
            "row_id": row_id,
            "tokens": tokens,
        }
        for row_id, tokens in changed.items()
        if tokens is not None
    ]
    if rows:
        new = insert(session, _documents)
        told = new.on_conflict_do_update(index_elements=["store_id", "id"], set_={"tokens": new.excluded.tokens})
        session.connection().execute(told, rows)


def forget_rows(session: Session, kind: str, row_ids: Sequence[int]) -> None:
    """Take rows out of the index in this transaction, with all that was kept of their words; what they still say is
    indexed anew by the next job."""
    source = source_of(kind)
    if source is None or not row_ids:
        return
    changes.note_change(session, kind, row_ids)
    write_documents(session, lock_state(session), source, dict.fromkeys(row_ids))


def _places(
    state: SearchState, source: SearchSource, known: Mapping[int, int], changed: Iterable[int]
) -> dict[int, int]:
    """Give the places of these rows; the new ones' are next in line."""
    places, following = {}, state.places.get(source.kind, 0)
    for row_id in sorted(changed):
        if row_id in known:
            places[row_id] = place_of(known[row_id])
        else:
            places[row_id], following = following, following + 1
    if following != state.places.get(source.kind, 0):
        state.places = {**state.places, source.kind: following}
    return places


def _read(session: Session, store_id: int, kind: str, row_ids: Sequence[int]) -> list[SearchDocument]:
    rows = read_rows(session, _documents, ("id", "kind", "row_id", "tokens"), store_id, "row_id", row_ids)
    return [row for row in rows if row.kind == kind]


def _delete(session: Session, store_id: int, ids: Sequence[int]) -> None:
    if ids:
        mine = sa.and_(_documents.c.store_id == store_id, id_in(session, _documents.c.id, ids))
        session.connection().execute(sa.delete(_documents).where(mine))
