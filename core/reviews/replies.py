"""Writes, edits and removes replies to reviews, and enqueues their publication.

One job a reply, merged while it waits: it makes whoever keeps the review, the platform or another source, say what the
row says then. Once the platform was asked
to publish, ours is looked for before it is asked again, so that an answer whose receipt was lost stands there once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.jobs import queue
from core.orders.sanitize import storable
from core.reviews.last_answer import is_same, last_answer, ours_of
from core.reviews.model import Reply, Review
from core.reviews.sources.source_jobs import refresh_review, tell_reply
from core.stores import audit
from core.stores.model import Staff

MOST = 5000
"""Characters of an answer: what a page can bear, and below what the platforms that say so take."""


class ReviewNotFound(Exception):
    """There is no such review here, or none that can be answered any more."""


class NothingSaid(Exception):
    """An answer without a single character."""


class ReplyChanged(Exception):
    """The reply was changed since it was shown."""


def find_review(session: Session, store_id: int, review_id: int, *, lock: bool = False) -> Review:
    """Load a review, locked until the caller commits where asked. Raises ReviewNotFound, also where it was erased."""
    review = session.get(Review, (store_id, review_id), with_for_update=lock or None)
    if review is None or review.gone_at is not None or review.erased_at is not None:
        raise ReviewNotFound
    return review


def find_reply(session: Session, store_id: int, review_id: int, reply_id: int) -> tuple[Review, Reply]:
    """Load an answer with its review, both locked until the caller commits. Raises ReviewNotFound."""
    review = find_review(session, store_id, review_id, lock=True)
    row = session.get(Reply, (store_id, reply_id), with_for_update=True)
    if row is None or row.review_id != review.id:
        raise ReviewNotFound
    return review, row


def replies_of(session: Session, review: Review) -> Sequence[Reply]:
    """List what was answered here, the newest first, what was taken back included."""
    mine = sa.select(Reply).where(Reply.review_id == review.id)
    return session.scalars(mine.order_by(Reply.created_at.desc(), Reply.id.desc())).all()


def answer(session: Session, review: Review, text: str, *, by: Staff, through_platform: bool, now: datetime) -> Reply:
    """Write an answer and promise to publish it; where the platform takes none, our script shows it at once.

    The review is locked by the caller. The same answer of the same person is one. Raises ReplyChanged where another
    stands, NothingSaid.
    """
    said = _said(text)
    known = session.scalar(sa.select(Reply).where(Reply.intent == _intent(review)))
    if known is not None:
        if (known.text, known.author) == (said, by.ref):
            return known
        raise ReplyChanged
    id_ = new_id()
    row = Reply(
        id=id_,
        review_id=review.id,
        intent=_intent(review),
        key=f"aftercare-{id_:x}",
        text=said,
        author=by.ref,
        changed_by=by.ref,
        changed_at=now,
        created_at=now,
        version=1,
    )
    session.add(row)
    review.answered_at = now
    _request_publication(session, row, through_platform=through_platform, now=now)
    _note(session, "answer_review", row, by, now)
    return row


def edit(
    session: Session, row: Reply, text: str, *, seen: int, by: Staff, through_platform: bool, now: datetime
) -> None:
    """Change what an answer says. `seen` is the version that was looked at. Raises ReplyChanged, NothingSaid."""
    said = _said(text)
    if row.removed_at is not None:
        raise ReplyChanged
    if row.text == said and row.state != "stuck":
        return
    _touch(row, seen, by, now)
    row.text, row.edited_at = said, now
    _request_publication(session, row, through_platform=through_platform, now=now)
    _note(session, "edit_reply", row, by, now)


def remove(session: Session, review: Review, row: Reply, *, seen: int, by: Staff, now: datetime) -> None:
    """Take an answer back, at once from what our script shows. Asked again, nothing more happens.

    Raises ReplyChanged where it was edited since it was looked at.
    """
    if row.removed_at is not None:
        return
    _touch(row, seen, by, now)
    row.removed_at, row.intent = now, f"{row.intent}:removed:{row.id}"
    session.flush()
    review.replies = [one for one in review.replies if not is_same(one, row)]
    review.answered_at = last_answer(review.replies, review.updated_at) or ours_of(session, review.id)
    _request_publication(session, row, through_platform=bool(row.ref or row.asked_at), now=now)
    _note(session, "remove_reply", row, by, now)


def retry(session: Session, row: Reply, *, by: Staff, now: datetime) -> None:
    """Let a stuck one be tried again. Raises ReplyChanged where it is not stuck any more."""
    if row.state != "stuck":
        raise ReplyChanged
    _touch(row, row.version, by, now)
    _request_publication(session, row, through_platform=True, now=now)
    _note(session, "retry_reply", row, by, now)


def request_review_refresh(session: Session, review: Review, *, now: datetime) -> None:
    """Enqueue fetching the review: our own call changed its answers at the store."""
    queue.enqueue(session, review.store_id, refresh_review(review.ref, review.source), now=now)


def _said(text: str) -> str:
    said: str = storable(text.replace("\r\n", "\n").strip())[:MOST]
    if not said:
        raise NothingSaid
    return said


def _intent(review: Review) -> str:
    return f"review:{review.id}"


def _touch(row: Reply, seen: int, by: Staff, now: datetime) -> None:
    if row.version != seen:
        raise ReplyChanged
    row.version, row.changed_by, row.changed_at, row.sentence = row.version + 1, by.ref, now, ""


def _request_publication(session: Session, row: Reply, *, through_platform: bool, now: datetime) -> None:
    """Enqueue publication where the platform takes replies; else mark the reply as shown or removed now."""
    session.flush()
    if through_platform:
        row.state = "waiting"
        review = session.get_one(Review, (row.store_id, row.review_id))
        queue.enqueue(session, row.store_id, tell_reply(row.id, review.source), now=now)
        return
    if row.removed_at is not None:
        row.state = "removed"
        return
    row.state, row.public_text, row.published_at = "shown", row.text, row.published_at or now


def _note(session: Session, verb: str, row: Reply, by: Staff, now: datetime) -> None:
    about = {"review": str(row.review_id)}
    audit.note(session, now, audit.STAFF, verb, f"reply:{row.id}", about, staff_ref=by.ref)
