"""Reviews that wait for an answer, the fewest stars first, and replies that are stuck."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.orders.model import Order
from core.reviews.model import Reply, Review

SHOWS = ("unanswered", "answered", "stuck", "all")
PER_PAGE = 30
_HERE = (Review.gone_at.is_(None), Review.erased_at.is_(None))
_STUCK = Review.id.in_(sa.select(Reply.review_id).where(Reply.state == "stuck"))


def list_reviews(session: Session, *, show: str, stars: int, page: int) -> tuple[list[Any], bool]:
    """Give one page of (Review, its standing Reply or None, its Order or None), and whether there are more.

    Unanswered before answered, fewer stars before more, those that wait longest first; answered ones alone by their
    last answer, the newest first. `stars` 0 means any.
    """
    standing = sa.and_(Reply.store_id == Review.store_id, Reply.review_id == Review.id, Reply.removed_at.is_(None))
    of_order = sa.and_(Order.store_id == Review.store_id, Order.ref == Review.order_ref, Review.order_ref != "")
    query = sa.select(Review, Reply, Order).outerjoin(Reply, standing).outerjoin(Order, of_order).where(*_HERE)
    which: dict[str, sa.ColumnElement[bool]] = {
        "unanswered": Review.answered_at.is_(None),
        "answered": Review.answered_at.is_not(None),
        "stuck": _STUCK,
    }
    if show in which:
        query = query.where(which[show])
    if stars:
        query = query.where(Review.rating == stars)
    angriest = (Review.answered_at.is_not(None), Review.rating, Review.posted_at, Review.id)
    order = (Review.answered_at.desc(), Review.id.desc()) if show == "answered" else angriest
    query = query.order_by(*order).offset((page - 1) * PER_PAGE).limit(PER_PAGE + 1)
    rows = list(session.execute(query).all())
    return rows[:PER_PAGE], len(rows) > PER_PAGE


def count_unanswered(session: Session) -> int:
    """Count the reviews nobody has answered, here or at the platform."""
    query = sa.select(sa.func.count()).select_from(Review).where(Review.answered_at.is_(None), *_HERE)
    return session.scalar(query) or 0


def count_stuck(session: Session) -> int:
    """Count the reviews with an answer of ours the platform refused."""
    return session.scalar(sa.select(sa.func.count()).select_from(Review).where(_STUCK, *_HERE)) or 0
