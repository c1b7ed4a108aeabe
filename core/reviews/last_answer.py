"""When a review was last answered, by whomever: one date from two sources, the platform's answers and ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.reviews.model import Reply


def last_answer(replies: Sequence[Mapping[str, Any]], otherwise: datetime) -> datetime | None:
    """Give the time of the newest of a platform's answers; `otherwise` where none has a time, None where none is."""
    if not replies:
        return None
    dated = [datetime.fromisoformat(one["at"]) for one in replies if one.get("at")]
    return max(dated, default=otherwise)


def is_same(said: Mapping[str, Any], row: Reply) -> bool:
    """Say whether an answer that a review is known to have is this one of ours: by our key, or by its own id where its
    provider keeps no keys."""
    return said.get("key") == row.key or (row.ref != "" and not said.get("key") and said.get("ref") == row.ref)


def ours_of(session: Session, review_id: int) -> datetime | None:
    """Say since when an answer of ours stands, or is about to; None where none does."""
    standing = sa.select(sa.func.max(Reply.created_at)).where(Reply.review_id == review_id, Reply.removed_at.is_(None))
    return session.scalar(standing)
