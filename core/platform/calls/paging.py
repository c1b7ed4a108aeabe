"""Walk a listing that knows no order and pages by offset, window of time by window of time.

Some platforms (Ecwid) list what changed between two moments in no order they promise, by offset and no further than a
largest one. So each window has a fixed end in the past, shrinks until it has no more rows than that, and is read from
its last page to the first: what changes meanwhile leaves the window, and what stood behind it moves into pages that
are still to be read. What is seen twice harms nothing. Nothing is skipped as long as rows that do not change keep
their order from one call to the next, and `now` is no more than LAG ahead of the platform's clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")
DAY = 86_400
LONGEST_WINDOW = 90 * DAY
"""Seconds."""
LAG = timedelta(minutes=1)
"""How far in the past a walk ends: into a window that is being read nothing may come."""
OVERLAP = timedelta(minutes=5)
"""How far the next walk looks back: a slow save may become visible after a later one was seen."""


@dataclass(frozen=True, slots=True)
class Window:
    """Where a walk stands, in whole seconds of Unix time: `start` belongs to the window and `end` does not.

    A platform that counts both ends in lists some rows twice, which harms nothing.
    """

    start: int
    end: int
    until: int
    """Where the whole walk ends; later changes are for the next walk."""
    offset: int | None = None
    """The page to read next; None where the window was not counted yet."""

    @classmethod
    def read(cls, cursor: str, now: datetime) -> Window:
        """Read our own text, or the ISO time at which a walk begins. Raises ValueError for anything else."""
        if cursor.startswith("{"):
            return cls(**json.loads(cursor))
        start, until = int(datetime.fromisoformat(cursor).timestamp()), int((now - LAG).timestamp())
        until = max(until, start)
        return cls(start, min(until, start + LONGEST_WINDOW), until)

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @property
    def length(self) -> int:
        """How many seconds it covers."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Walked(Generic[T]):
    """One page of a walk: its rows as the platform gave them, and what `Page` wants to know."""

    rows: Sequence[T]
    cursor: str
    last: bool
    beyond_reach: int = 0
    """How many rows of one single second the platform lets nobody reach; to be logged."""


def walk_windows(
    cursor: str,
    fetch: Callable[[Window, int, int], tuple[Sequence[T], int]],
    *,
    now: datetime,
    per_page: int,
    most: int,
) -> Walked[T]:
    """Read the next page of a walk; one call of `fetch`.

    `fetch(window, offset, limit)` gives the rows and how many the window has in all. `most` is how many rows of a
    window the platform lets one page through: offsets are below it. `now` is the store's clock: take it from an answer
    of the platform's (its Date header, or a call that tells the time). It is read only where a walk begins, with an
    ISO time. The cursor after the last page is such a time, for the next walk. A page may have no rows and not be the
    last: the window had more than one page, or too many rows.
    """
    window = Window.read(cursor, now)
    if window.length <= 0:
        return _after(window, (), 0, most)
    if window.offset is not None:
        rows, total = fetch(window, window.offset, per_page)
        return _page_before(window, rows, total, per_page, most)
    rows, total = fetch(window, 0, per_page)
    if total > most and window.length > 1:
        return Walked((), str(_shrunk(window, total, most)), last=False)
    if total <= per_page:
        return _after(window, rows, total, most)
    last_page = (min(total, most) - 1) // per_page * per_page
    return Walked((), str(replace(window, offset=last_page)), False, max(0, total - most))


def _page_before(window: Window, rows: Sequence[T], total: int, per_page: int, most: int) -> Walked[T]:
    offset = window.offset or 0
    if offset == 0:
        return _after(window, rows, total, most)
    return Walked(rows, str(replace(window, offset=max(0, offset - per_page))), last=False)


def _after(window: Window, rows: Sequence[T], total: int, most: int) -> Walked[T]:
    """Go on to the next window, longer where this one was far from full, or end the walk."""
    if window.end >= window.until:
        # A walk of no length began now, or later by the store's clock: it goes on where it stands.
        looks_back = _moment(window.until) - OVERLAP if window.length else _moment(window.start)
        return Walked(rows, looks_back.isoformat(), last=True)
    grows = 2 if 4 * total < most else 1
    length = min(max(1, window.length) * grows, LONGEST_WINDOW)
    following = Window(window.end, min(window.end + length, window.until), window.until)
    return Walked(rows, str(following), last=False)


def _shrunk(window: Window, total: int, most: int) -> Window:
    """Give the part of a window that would have half of `most` rows if they lay evenly in it."""
    return replace(window, end=window.start + max(1, window.length * most // (2 * total)))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
