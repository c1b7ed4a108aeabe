"""How many reviews wait for an answer, and how many replies are stuck."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.reviews.model import Reply, Review

_HERE = (Review.gone_at.is_(None), Review.erased_at.is_(None))
_STUCK = Review.id.in_(sa.select(Reply.review_id).where(Reply.state == "stuck"))


def count_unanswered(session: Session) -> int:
    """Count the reviews nobody has answered, here or at the platform."""
    query = sa.select(sa.func.count()).select_from(Review).where(Review.answered_at.is_(None), *_HERE)
    return session.scalar(query) or 0


def count_stuck(session: Session) -> int:
    """Count the reviews with an answer of ours the platform refused."""
    return session.scalar(sa.select(sa.func.count()).select_from(Review).where(_STUCK, *_HERE)) or 0
