"""What was typed into the search box, as rows are looked for and compared with it."""

from __future__ import annotations

from dataclasses import dataclass

from core.search.folding import compact
from core.search.grams import grams_to_find, has_all, runs_of

MOST_TYPED = 200
"""Characters of what is typed that are looked at."""
_MOST_RUNS = 12
_MOST_GRAMS = 24


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What was typed; `ways` are the lists of words of which a row must have one whole."""

    typed: str
    compact: str
    ways: tuple[tuple[str, ...], ...]

    def grams(self) -> list[list[str]]:
        """Give for each way the pieces to look for: some two dozen are plenty, for the row decides."""
        return [list(dict.fromkeys(g for run in way for g in grams_to_find(run)))[:_MOST_GRAMS] for way in self.ways]

    def is_in(self, runs: list[str]) -> bool:
        """Say whether a row with these words is meant."""
        return any(has_all(runs, way) for way in self.ways)


def read_query(typed: str) -> SearchQuery:
    """Read what was typed, whatever it is. Nothing but signs, or nothing at all, has no way to be found.

    What holds a digit may be a number written with other separators than the row's; of a phone number the zeros in
    front are left out, for abroad they are.
    """
    typed = typed[:MOST_TYPED].strip()
    words, together = tuple(runs_of([typed])[:_MOST_RUNS]), compact(typed)
    ways = [words]
    if any(char.isdigit() for char in together):
        bare = together.lstrip("0") if together.isdigit() else together
        ways.append((bare,) if len(bare) > 2 else words)
    return SearchQuery(typed, together, tuple(way for way in dict.fromkeys(ways) if way))
