"""Find the rows of a store that have what was typed. The index proposes them; what each row says decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.db.bulk import read_rows
from core.search.folding import compact
from core.search.index import runs_of_text
from core.search.model import BUCKET, SearchChange, SearchDocument, SearchState, document_id, posting_id
from core.search.postings import read_postings
from core.search.query import SearchQuery, read_query
from core.search.sources import SearchSource, SearchText, all_sources
from core.search.tokens import store_secrets, token
from core.secrets import Keyring

MOST_HITS = 50
"""Rows of one kind that are given."""
_MOST_PROPOSED = 2 * MOST_HITS
_MOST_LOOKED_UP = 20
_MOST_WAITING = 50
_documents, _changes, _states = table_of(SearchDocument), table_of(SearchChange), table_of(SearchState)
_Proposals = dict[str, dict[int, None]]


class Match(IntEnum):
    """How well a row is what was typed."""

    WORDS = 0
    """It has the words."""
    SERIAL = 1
    """Its number is the one that was typed, as people shorten numbers."""
    NUMBER = 2
    """Its own number is what was typed, letter by letter and digit by digit."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One row that was found."""

    kind: str
    id: int
    match: Match
    text: SearchText


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found, by kind in the order of the sources; kinds without a hit are left out."""

    query: SearchQuery
    groups: Mapping[str, Sequence[SearchHit]]

    def only_one(self) -> SearchHit | None:
        """Give the one row whose number was typed; None where several have it, or nobody said a number."""
        hits = [hit for group in self.groups.values() for hit in group]
        exact = [hit for hit in hits if hit.match is Match.NUMBER]
        if exact:
            return exact[0] if len(exact) == 1 else None
        # "iphone 15" must not open order 15 where a review speaks of such a thing.
        return hits[0] if len(hits) == 1 and hits[0].match is Match.SERIAL else None


def find(
    session: Session, keyring: Keyring, store_id: int, typed: str, *, kinds: Sequence[str] = (), most: int = MOST_HITS
) -> SearchResult:
    """Find the rows that have every word typed, or the number; at most `most` of each kind, or of `kinds` alone.

    Each kind's rows come with the best match first, the latest first among those alike. Rows that changed a moment
    ago are looked at themselves; what is not indexed yet besides those (a store's first reading) is found later. In
    at most five statements, and one or two more for each kind of row.
    """
    query = read_query(typed)
    sources = [source for source in all_sources() if not kinds or source.kind in kinds]
    if not query.ways or not sources:
        return SearchResult(query, {})
    looked_up = _look_up(session, keyring, store_id, sources, query)
    proposed = _propose(session, keyring, store_id, sources, query)
    groups = {}
    for source in sources:
        sure = looked_up[source.kind]
        ids = list(dict.fromkeys([*sure, *proposed[source.kind]]))
        serials = set(source.serials(query.typed)) if _may_name(query, source) else set()
        hits: list[SearchHit] = []
        for some in (ids[: len(sure) + 2 * most], ids[len(sure) + 2 * most :]):
            if some and len(hits) < most:
                hits += [
                    SearchHit(source.kind, id_, match, text)
                    for id_, text in source.read(session, store_id, some).items()
                    if (match := _match(query, serials, text, id_ in sure)) is not None
                ]
        if hits:
            groups[source.kind] = sorted(hits, key=lambda hit: (hit.match, hit.text.at, hit.id), reverse=True)[:most]
    return SearchResult(query, groups)


def _match(query: SearchQuery, serials: set[str], text: SearchText, is_sure: bool) -> Match | None:
    if query.compact in map(compact, text.own_numbers):
        return Match.NUMBER
    if text.serial and text.serial in serials:
        return Match.SERIAL
    return Match.WORDS if is_sure or query.is_in(runs_of_text(text)) else None


def _may_name(query: SearchQuery, source: SearchSource) -> bool:
    """Say whether the number typed may be one of this kind: "RMA-1001" is no order's, whatever its digits."""
    prefixes = {one.prefix for one in all_sources() if one.prefix and query.compact.startswith(one.prefix)}
    named = {prefix for prefix in prefixes if query.compact.removeprefix(prefix).isdigit()}
    return not named or source.prefix in named


def _look_up(
    session: Session, keyring: Keyring, store_id: int, sources: Iterable[SearchSource], query: SearchQuery
) -> _Proposals:
    """Ask the tables' own indexes, in one statement."""
    asked = []
    for source in (one for one in sources if _may_name(query, one)):
        for condition in source.look_up(query, keyring):
            mine = sa.and_(source.model.store_id == store_id, condition)
            # In no order: asked for the newest, a planner may walk through all rows of the store by their ids.
            some = sa.select(source.model.id).where(mine).limit(_MOST_LOOKED_UP)
            asked.append(sa.select(sa.literal(source.kind).label("kind"), some.subquery().c.id))
    found: _Proposals = defaultdict(dict)
    for row in session.connection().execute(sa.union_all(*asked)) if asked else ():
        found[row.kind][row.id] = None
    return found


def _propose(
    session: Session, keyring: Keyring, store_id: int, sources: Sequence[SearchSource], query: SearchQuery
) -> _Proposals:
    """Give the rows that the index proposes, the newest first, and those that it does not know yet."""
    proposed: _Proposals = defaultdict(dict)
    kinds = [source.kind for source in sources]
    mine = sa.and_(_changes.c.store_id == store_id, _changes.c.kind.in_(kinds))
    waiting = sa.select(_changes.c.kind, _changes.c.row_id).where(mine).order_by(_changes.c.id.desc())
    for row in session.connection().execute(waiting.limit(_MOST_WAITING)):
        proposed[row.kind][row.row_id] = None
    state = sa.select(_states.c.places).where(_states.c.store_id == store_id)
    places = session.connection().execute(state).scalar() or {}
    ids = _documents_with(session, keyring, store_id, places, sources, query)
    for row in read_rows(session, _documents, ("id", "kind", "row_id"), store_id, "id", ids) if ids else ():
        proposed[row.kind][row.row_id] = None
    return proposed


def _documents_with(
    session: Session,
    keyring: Keyring,
    store_id: int,
    places: Mapping[str, int],
    sources: Sequence[SearchSource],
    query: SearchQuery,
) -> list[int]:
    """Give the documents that have all pieces of one of the query's ways, by the postings of all of them at once."""
    asked = []
    for source in sources:
        buckets = range(-(-places.get(source.kind, 0) // BUCKET))
        for secret in store_secrets(keyring, store_id):
            for grams in query.grams():
                asked.append((source, buckets, {token(secret, source.kind, gram) for gram in grams}))
    wanted = {posting_id(one, bucket) for _, buckets, tokens in asked for one in tokens for bucket in buckets}
    postings = read_postings(session, store_id, sorted(wanted))
    found: dict[str, dict[int, None]] = defaultdict(dict)
    for source, buckets, tokens in asked:
        here = found[source.kind]
        for bucket in reversed(buckets):
            bits = reduce(int.__and__, (postings.get(posting_id(one, bucket), 0) for one in tokens))
            while bits and len(here) < _MOST_PROPOSED:
                highest = bits.bit_length() - 1
                here[document_id(source.code, bucket * BUCKET + highest)] = None
                bits ^= 1 << highest
    return [id_ for ids in found.values() for id_ in ids]
