"""Forms that show a whole document (a section of the settings, the policy), merged when two people save at once.

The form carries a short digest of each value it showed. To whoever comes second the page shows what is saved now, with
the fields they had changed themselves as they typed them; where the other changed the same field, both are said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from core.desk.versions.row_version import FIELD, version_of
from core.desk.versions.stale_forms import is_conflict
from core.http.context import words

SHOWN = "shown"
"""The hidden field with the digests."""
_MOST = 200
"""Characters of a value that are said beside a field."""


@dataclass(frozen=True, slots=True)
class DocumentForm:
    """What a document's form is drawn with: its hidden fields, its values, and what others saved meanwhile."""

    version: str
    shown: str
    values: Mapping[str, str]
    """What stands in each field: what is saved, or what was typed over it."""
    meanwhile: Mapping[str, str] = field(default_factory=dict)
    """Field → a sentence that says what somebody else saved there."""


def document_form(session: Session, row: Any, saved: Mapping[str, str], *, is_posted: bool = True) -> DocumentForm:
    """Make the form of a document whose values, by field, are `saved` now; a tick is "1" or "".

    A form that is shown again because something in it is wrong keeps the version it was made from. `is_posted` is
    False for the other forms of its page, which are drawn as if it had only been opened.
    """
    if not is_posted or request.method == "GET":
        return DocumentForm(version_of(session, row), _digests_as_text(saved), saved)
    if is_conflict():
        values, meanwhile = _merge(saved)
        return DocumentForm(version_of(session, row), _digests_as_text(saved), values, meanwhile)
    posted = request.form
    typed = {name: posted.get(name, "" if value == "1" else value) for name, value in saved.items()}
    return DocumentForm(posted.get(FIELD, ""), posted.get(SHOWN, ""), _others(saved) | typed)


def _others(saved: Mapping[str, str]) -> dict[str, str]:
    """Give what was typed into fields that have no saved value, such as a line that is new."""
    hidden = (FIELD, SHOWN)
    return {name: value for name, value in request.form.items() if name not in saved and name not in hidden}


def _merge(saved: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Give the saved values with what the person had changed over them, and sentences for what both changed."""
    shown = _shown_digests()
    values, meanwhile = dict(saved), {}
    for name, value in saved.items():
        said = request.form.get(name, "" if value == "1" or not value else None)
        if said is None or name not in shown or _digest(said) in (shown[name], _digest(value)):
            continue
        values[name] = said
        if _digest(value) != shown[name]:
            say = words().pgettext
            meanwhile[name] = say("desk", "Saved meanwhile: %(value)s", value=value[:_MOST] or say("desk", "nothing"))
    return _others(saved) | values, meanwhile


def _shown_digests() -> dict[str, str]:
    try:
        known = json.loads(request.form.get(SHOWN, "{}"))
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in known.items()} if isinstance(known, dict) else {}


def _digests_as_text(saved: Mapping[str, str]) -> str:
    return json.dumps({name: _digest(value) for name, value in saved.items()}, separators=(",", ":"))


def _digest(value: str) -> str:
    """Give six hexadecimal digits for a value as a form sends it back: its line ends and outer spaces do not count."""
    plain = "\n".join(line.rstrip() for line in value.strip().splitlines())
    return hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=3).hexdigest()
