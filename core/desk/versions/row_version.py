"""Makes the version of a row as a page shows it, and refuses what a page of another version asks for.

A version is a digest of the facts staff decide on (`row_facts`), compared under the row's lock in the transaction that
acts. A column raised with each change would be simpler to read, but a process of an older release would not raise it
during an upgrade, bulk updates go past it, and what a button says (an amount) may change by another row.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, NoReturn

from flask import request
from sqlalchemy.orm import Session

from core.desk.versions.row_facts import facts_of
from core.http.context import services

FIELD = "version"
"""The form's hidden field."""


class Stale(Exception):
    """The form was made from a page that showed `row` otherwise than it is now; `shown_at` is when, where known."""

    def __init__(self, row: Any, shown_at: datetime | None) -> None:
        super().__init__()
        self.row, self.shown_at = row, shown_at


def digest_of(session: Session, row: Any) -> str:
    """Give 16 hexadecimal digits of SHA-256 over what staff decide on."""
    text = json.dumps(facts_of(row, session), ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def version_of(session: Session, row: Any) -> str:
    """Give a form's version of a row: its digest, and the moment in microseconds, to say later who came between."""
    moment = int(services().clock().timestamp() * 1_000_000)
    return f"{digest_of(session, row)}.{moment}"


def check_version(session: Session, row: Any) -> None:
    """Raise Stale unless the form that was posted shows the row as it is. The caller has locked it.

    A form without a version, from a page of an older release, is stale.
    """
    digest, shown_at = _posted()
    if digest != digest_of(session, row):
        session.expunge_all()  # rolled back, the row's values would be forgotten; who acted is looked up by them
        raise Stale(row, shown_at)


def refuse_gone(row: Any) -> NoReturn:
    """Raise Stale for a row that was there when the page was made and is not any more; `row` only names it."""
    raise Stale(row, _posted()[1])


def _posted() -> tuple[str, datetime | None]:
    digest, _, moment = request.form.get(FIELD, "").partition(".")
    if not (moment.isascii() and moment.isdecimal() and len(moment) <= 17):
        return digest, None
    return digest, datetime.fromtimestamp(int(moment) / 1_000_000, UTC)
