"""What a product's page may show: published reviews with the store's answer, as any visitor may read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.reviews.model import Reply, Review

PER_PAGE = 10


@dataclass(frozen=True, slots=True)
class AnsweredReview:
    """A review and the answer under it."""

    review: Review
    text: str
    at: datetime


def list_answered(session: Session, product: str, page: int) -> tuple[list[AnsweredReview], bool]:
    """Give one page of a product's answered reviews, the newest answer first, and whether there are more."""
    # Ours counts from the day it could be read; what is about to be published is not there yet.
    ours = sa.and_(Reply.review_id == Review.id, Reply.removed_at.is_(None), Reply.published_at.is_not(None))
    theirs = sa.cast(Review.replies, sa.String) != "[]"
    newest = sa.func.coalesce(Reply.published_at, Review.answered_at)
    # Another source's reviews stand on the store's pages in a block of its own, with the replies it was told.
    public = (
        *(Review.source == "", Review.state == "published"),
        *(Review.gone_at.is_(None), Review.erased_at.is_(None)),
    )
    query = (
        sa.select(Review)
        .outerjoin(Reply, sa.and_(Reply.store_id == Review.store_id, ours))
        .where(Review.product_ref == product, *public, sa.or_(Reply.id.is_not(None), theirs))
        .order_by(newest.desc(), Review.id.desc())
        .offset((page - 1) * PER_PAGE)
        .limit(PER_PAGE + 1)
    )
    found = session.scalars(query).all() if product else []
    shown = found[:PER_PAGE]
    written = session.scalars(sa.select(Reply).where(Reply.review_id.in_([review.id for review in shown]))).all()
    pairs = [_answered(review, [row for row in written if row.review_id == review.id]) for review in shown]
    return [pair for pair in pairs if pair], len(found) > PER_PAGE


def _answered(review: Review, written: Sequence[Reply]) -> AnsweredReview | None:
    """Choose the answer that is shown: ours where it stands, else the newest of the platform's that is not ours."""
    ours = next((row for row in written if row.removed_at is None and row.public_text), None)
    if ours is not None and ours.published_at is not None:
        edited_at = ours.edited_at if ours.text == ours.public_text else None  # an edit that waits is not read yet
        return AnsweredReview(review, ours.public_text, edited_at or ours.published_at)
    keys = {row.key for row in written}
    theirs = [one for one in review.replies if one.get("key") not in keys and one.get("text")]
    if not theirs:
        return None
    last = max(theirs, key=lambda one: one.get("at") or "")
    at = datetime.fromisoformat(last["at"]) if last.get("at") else review.answered_at or review.updated_at
    return AnsweredReview(review, last["text"], at)
