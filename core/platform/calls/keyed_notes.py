"""Tell a platform that knows no returns how one stands: a note on the order for each move, written once.

Neither WooCommerce's notes nor Ecwid's take a key of ours. So each note is entered under our key in a log that the
order carries too: what stands there is not written again. A process may die between a note and its entry: then a note
with the same words that no entry claims is the one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from core.platform.contract import ReturnMove


def note_once(
    move: ReturnMove,
    log: Sequence[Mapping[str, Any]],
    *,
    notes: Callable[[], Iterable[tuple[str, Any]]],
    write: Callable[[str], str],
    save: Callable[[list[Mapping[str, Any]]], object],
) -> str:
    """Write a move down once and give its note's ref.

    `log` is what the order carries: {key, rma, move, note} for each note, the last being the note's ref. `notes` gives
    (ref, words) of the order's notes, `write` adds one and gives its ref, `save` keeps the log. Where the key is in the
    log, none of them is called. Two moves of one order must not be told at once: the log is saved as a whole. Where the
    platform limits its length, old entries may be left out as long as their notes stay.
    """
    for entry in log:
        if entry.get("key") == move.key:
            return str(entry.get("note"))
    words = f"Aftercare: return {move.rma} {move.move}. {move.note}".strip()
    claimed = {str(entry.get("note")) for entry in log}
    ref = next((ref for ref, text in notes() if text == words and ref not in claimed), None) or write(words)
    save([*log, {"key": move.key, "rma": move.rma, "move": move.move, "note": ref}])
    return ref
