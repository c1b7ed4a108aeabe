"""One line of an order's timeline in the reader's words, from the registry of kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.i18n.words import Words
from core.orders import kinds


def event_sentence(name: str, words: Words, facts: Mapping[str, Any] | None = None) -> str:
    """Say what happened; "" for a kind that is staff's, that another line tells, or that nobody registered."""
    kind = kinds.event_kind(name)
    if kind is None or kind.staff_only:
        return ""
    wording = kind.sentence_about.get(str((facts or {}).get("kind", "")), kind.sentence)
    return wording(words.pgettext) if wording else ""
