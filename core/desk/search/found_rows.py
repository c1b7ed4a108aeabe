"""What was found, as the page prints it: each row with its link, its words and why it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.conversations.search_source import CASE
from core.orders.presenter.search_source import ORDER
from core.returns.presenter.search_source import DECLARATION, RETURN, WITHDRAWAL
from core.reviews.search_source import REVIEW
from core.search.find import SearchHit, SearchResult
from core.search.folding import fold
from core.search.grams import has_all, runs_of
from core.search.query import SearchQuery

GROUPS: Mapping[str, tuple[str, ...]] = {
    "orders": (ORDER,),
    "returns": (RETURN,),
    "withdrawals": (WITHDRAWAL, DECLARATION),
    "reviews": (REVIEW,),
    "cases": (CASE,),
}
"""The page's groups, each with the kinds of rows in it."""
SHOWN = 5
"""Rows of a group where all groups are shown."""
_EXCERPT = 140
_BEFORE = 40


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One row of the page. `endpoint` and `values` make its link; `status` is a word of `labels.name_of`."""

    endpoint: str
    values: Mapping[str, Any]
    title: str
    who: str
    status: str
    excerpt: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """The rows of one group; `has_more` says that there are others."""

    name: str
    rows: Sequence[FoundRow]
    has_more: bool


def groups_of(result: SearchResult, *, most: int = SHOWN) -> list[FoundGroup]:
    """Give the groups that have rows, those whose number was typed first, each with at most `most` rows."""
    found = []
    for name, kinds in GROUPS.items():
        hits = [hit for kind in kinds for hit in result.groups.get(kind, ())]
        hits.sort(key=lambda hit: (hit.match, hit.text.at), reverse=True)
        if hits:
            rows = [row_of(hit, result.query) for hit in hits[:most]]
            found.append((hits[0].match, FoundGroup(name, rows, len(hits) > most)))
    return [group for _, group in sorted(found, key=lambda one: one[0], reverse=True)]


def row_of(hit: SearchHit, query: SearchQuery) -> FoundRow:
    """Give what is printed of a hit."""
    row, excerpt = hit.text.row, _excerpt(hit, query)
    endpoint, values = _link(hit)
    title, who, status = _words(hit.kind, row)
    return FoundRow(endpoint, values, title, who, status, "" if excerpt in (title, who) else excerpt, hit.text.at)


def _link(hit: SearchHit) -> tuple[str, dict[str, int]]:
    if hit.kind == CASE:  # a case has no page of its own
        order = hit.text.row.order_id
        return ("desk.show_order", {"order_id": order}) if order else ("desk.list_cases", {})
    return f"desk.show_{hit.kind}", {f"{hit.kind}_id": hit.id}


def _words(kind: str, row: Any) -> tuple[str, str, str]:
    """Give what a row is called, whose it is and where it stands."""
    if kind == ORDER:
        return row.number, row.name, "late" if row.late else ""
    if kind == RETURN:
        return row.rma, "", f"status.{row.status}"
    if kind in (WITHDRAWAL, DECLARATION):
        return row.number, row.name, f"withdrawal.{row.state}" if kind == WITHDRAWAL else ""
    if kind == REVIEW:
        return row.title or row.text[:_EXCERPT], row.author, ""
    return row.subject, "", row.kind


def _excerpt(hit: SearchHit, query: SearchQuery) -> str:
    """Give the words around the first that was typed; addresses and phone numbers are not printed."""
    typed = [run for way in query.ways for run in way]
    for text in (*hit.text.own_numbers[1:], *hit.text.texts):
        for run in typed:
            if has_all(runs_of([text], [text]), [run]):
                start = max(fold(text).find(run) - _BEFORE, 0)
                cut = " ".join(text[start : start + _EXCERPT].split())
                return ("…" if start else "") + cut + ("…" if start + _EXCERPT < len(text) else "")
    return ""
