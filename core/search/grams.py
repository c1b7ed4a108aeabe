"""Cut words into the pieces that the index keeps, and say whether a row's words have what was typed.

Words of alphabets are cut into 3-grams. Scripts that write without spaces, or whose words have two or three signs
(Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese), are cut into 2-grams. The first one and two letters of a word
are pieces too, so that "an" finds Ann; and so is each Chinese sign, since one may be a whole name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from core.search.folding import compact, fold, split_words

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_DENSE = f"{_HAN}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\uac00-\ud7af"
_RUNS = re.compile(f"[{_DENSE}]+|[^{_DENSE}]+")
_IS_DENSE = re.compile(f"[{_DENSE}]")
_IS_HAN = re.compile(f"[{_HAN}]")
MOST_GRAMS = 4_000
"""Pieces of one row that are kept."""


def runs_of(texts: Iterable[str], numbers: Iterable[str] = ()) -> list[str]:
    """Give the words of texts, cut where the script changes; `numbers` are also taken as one word each.

    A number ("LIN-1042-B", "+84 91 234 56 78") is found by its parts, and however its parts are separated.
    """
    numbers = list(numbers)
    runs = [run for text in (*texts, *numbers) for word in split_words(fold(text)) for run in _RUNS.findall(word)]
    return list(dict.fromkeys([*runs, *filter(None, map(compact, numbers))]))


def grams_of(runs: Iterable[str]) -> set[str]:
    """Give the pieces by which words are found; at most `MOST_GRAMS`, the first words' first."""
    found: set[str] = set()
    for run in runs:
        found.update((f"^{run[:1]}", f"^{run[:2]}"))
        if _IS_DENSE.match(run):
            found.update(filter(_IS_HAN.match, run))
            found.update(map("".join, pairwise(run)))
        else:
            found.update(map("".join, zip(run, run[1:], run[2:], strict=False)))
        if len(found) > MOST_GRAMS:
            break
    return found


def grams_to_find(run: str) -> list[str]:
    """Give the pieces a row must have for a typed word to be in it; each of them is one that `grams_of` gives."""
    if _IS_DENSE.match(run):
        if len(run) > 1:
            return list(dict.fromkeys(map("".join, pairwise(run))))
        return [run] if _IS_HAN.match(run) else [f"^{run}"]
    if len(run) > 2:
        return list(dict.fromkeys(map("".join, zip(run, run[1:], run[2:], strict=False))))
    return [f"^{run}"]


def has_all(runs: Iterable[str], typed: Iterable[str]) -> bool:
    """Say whether every typed word is in these words: anywhere in one, or at its beginning where it is that short."""
    told = "\n" + "\n".join(runs)
    return all((f"\n{run}" if grams_to_find(run)[0].startswith("^") else run) in told for run in typed)
