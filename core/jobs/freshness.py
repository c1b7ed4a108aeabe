"""Whether an answer of a store is older than what is already known."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.jobs.queue import LEASE


def is_known_later(noted: Any, asked_at: datetime, as_of: datetime | None = None) -> Any:
    """Say, of a time or of a column, whether what was noted then is newer than an answer asked for at `asked_at`.

    `as_of` is the moment that the answer is from, where that was earlier. What seems to be noted more than a lease
    after `asked_at` was noted before the clock was set back: no answer takes that long.
    """
    known = noted > (as_of or asked_at), noted <= asked_at + LEASE
    return sa.and_(*known) if isinstance(known[0], sa.ColumnElement) else all(known)
