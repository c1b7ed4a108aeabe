"""Answers a stale form: 409 with the page as it stands now, who was first and when, and what was typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import g, request

from core.desk.flash_messages import who_was_first
from core.desk.labels import name_of
from core.desk.versions.row_facts import CurrentPolicy, Section
from core.desk.versions.row_version import FIELD, Stale
from core.desk.versions.who_acted import last_step
from core.http.context import services
from core.stores.platform_access import store_by_id

_HIDDEN = frozenset({FIELD, "shown", "seen", "document", "schema_number", "natives", "reply", "choice", "try"})
"""Fields and buttons of our forms in which nobody types."""
_DOCUMENTS = (Section, CurrentPolicy)
"""Kinds whose form holds all there is: what was typed goes back into its fields (`document_forms`)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """What the page says above everything else to whoever came second."""

    sentence: str
    typed: Sequence[tuple[str, str]]
    """(label, text) of all that was typed, whether or not the page still has a field for it."""
    has_files: bool
    """Whether files were sent: no page can give them back."""


def versioned(page: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a view that acts on a form: it calls `check_version`, and a stale form is answered with `page`.

    `page` takes what the address names, as the view does, and prints the page the form stands on.
    """

    def mark(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def act(**values: Any) -> Any:
            try:
                return view(**values)
            except Stale as stale:
                g.conflict = _conflict_of(stale)
                return page(**values), 409

        act.is_versioned = True  # type: ignore[attr-defined]
        return act

    return mark


def _conflict_of(stale: Stale) -> Conflict:
    step = None
    with services().db.transaction(g.store.id, write=False) as session:
        g.store = store_by_id(session, g.store.id)  # its settings may be what was changed
        if stale.shown_at is not None:
            step = last_step(session, stale.row, stale.shown_at)
    sentence = who_was_first(step)
    typed = () if isinstance(stale.row, _DOCUMENTS) else _typed()
    has_files = any(file.filename for file in request.files.values())
    return Conflict(sentence, typed, has_files and not isinstance(stale.row, _DOCUMENTS))


def _typed() -> list[tuple[str, str]]:
    """List what was typed or chosen, by what its field is called."""
    said = ((name, text.strip()) for name, text in request.form.items(multi=True) if name not in _HIDDEN)
    return [(name_of(f"field.{name.partition('.')[0]}"), text) for name, text in said if text]


def is_conflict() -> bool:
    """Say whether this request is answered to somebody who came second."""
    return g.get("conflict") is not None


def typed_verb() -> str:
    """Give the verb whose form was posted, so that its fields keep what was typed; "" where none was."""
    return request.path.rpartition("/")[2] if request.method == "POST" else ""
