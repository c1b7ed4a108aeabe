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


def ours_of(session: Session, review_id: int) -> datetime | None:
    """Say since when an answer of ours stands, or is about to; None where none does."""
    standing = sa.select(sa.func.max(Reply.created_at)).where(Reply.review_id == review_id, Reply.removed_at.is_(None))
    return session.scalar(standing)
