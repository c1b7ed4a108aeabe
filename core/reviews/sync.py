"""Applies what stores say about reviews, as `orders.sync` does for orders."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.database import insert
from core.jobs.freshness import is_known_later
from core.orders.sanitize import storable, web_url
from core.platform.snapshots import ReplySnapshot, ReviewSnapshot
from core.reviews.last_answer import last_answer, ours_of
from core.reviews.model import Review
from core.reviews.search_source import REVIEW
from core.search.changes import note_change

_SAME = ("ref rating title text state author product_ref product_title order_ref verified posted_at updated_at").split()


def apply(
    session: Session,
    store_id: int,
    snapshots: Sequence[ReviewSnapshot],
    *,
    asked_at: datetime,
    email_key: Callable[[str], str],
    source: str = "",
    as_of: datetime | None = None,
) -> list[int]:
    """Store reviews as the store has them, or had them at `as_of`; give the ids of those that changed. Older answers
    are ignored.

    `source` is the key of the connected source that keeps them, with which their refs then begin; "" for the platform.

    Of a review whose author was erased the stars are stored, and none of its words or their answers.
    """
    table = table_of(Review)
    changed = []
    for snapshot in snapshots:
        at = as_of or asked_at
        row = _row(store_id, snapshot, at, email_key)
        fresh = (
            insert(session, table)
            .values({**row, "source": source})
            .on_conflict_do_nothing(index_elements=["store_id", "ref"])
        )
        if session.execute(fresh.returning(table.c.id)).first():
            changed.append(row["id"])
            continue
        old = session.scalars(sa.select(Review).where(Review.ref == snapshot.ref).with_for_update()).one()
        if old.erased_at is not None:
            row = _row(store_id, _without_author(snapshot), at, email_key)
        elif not snapshot.tells_replies:
            row = _row(store_id, dataclasses.replace(snapshot, replies=_known(old)), at, email_key)
        # Either the row says what was asked for later, or this was listed before it was deleted.
        same_age = snapshot.updated_at == old.updated_at or old.gone_at is not None
        is_known = is_known_later(old.fetched_at, asked_at, as_of)
        older = snapshot.updated_at < old.updated_at or (same_age and is_known)
        if older or (old.digest == row["digest"] and old.gone_at is None):
            continue
        row["answered_at"] = row["answered_at"] or ours_of(session, old.id)
        for name in row.keys() - {"store_id", "id"}:
            setattr(old, name, row[name])
        changed.append(old.id)
    session.flush()
    note_change(session, REVIEW, changed)
    return changed


def apply_gone(
    session: Session, refs: Iterable[str], *, asked_at: datetime, now: datetime, as_of: datetime | None = None
) -> None:
    """Mark reviews their store no longer has; what was fetched after we asked, or after `as_of`, stays."""
    here = sa.update(Review).where(Review.ref.in_(list(refs)), Review.gone_at.is_(None))
    older = here.where(~is_known_later(Review.fetched_at, asked_at, as_of))
    gone = session.execute(older.values(gone_at=now, fetched_at=as_of or asked_at).returning(Review.id))
    note_change(session, REVIEW, gone.scalars())


def touch(session: Session, refs: Iterable[str], *, asked_at: datetime, as_of: datetime | None = None) -> None:
    """Note that the store listed these reviews when we asked, or earlier (`as_of`)."""
    here = sa.update(Review).where(Review.ref.in_(list(refs)), ~is_known_later(Review.fetched_at, asked_at, as_of))
    session.execute(here.values(fetched_at=as_of or asked_at))


def _known(review: Review) -> tuple[ReplySnapshot, ...]:
    """Give the answers a review is known to have; a listing without answers does not take them away."""
    return tuple(
        ReplySnapshot(one["ref"], one["text"], one["key"], datetime.fromisoformat(one["at"]) if one["at"] else None)
        for one in review.replies
    )


def _without_author(review: ReviewSnapshot) -> ReviewSnapshot:
    return dataclasses.replace(review, author="", email="", title="", text="", replies=())


def _row(
    store_id: int, snapshot: ReviewSnapshot, asked_at: datetime, email_key: Callable[[str], str]
) -> dict[str, Any]:
    replies = [
        {"ref": reply.ref, "text": reply.text, "key": reply.key, "at": reply.at.isoformat() if reply.at else None}
        for reply in snapshot.replies
    ]
    said = dataclasses.astuple(dataclasses.replace(snapshot, tells_replies=True))
    row = {name: getattr(snapshot, name) for name in _SAME} | {
        "store_id": store_id,
        "id": new_id(),
        "email_key": email_key(snapshot.email),
        "replies": replies,
        "answered_at": last_answer(replies, snapshot.updated_at),
        "product_url": web_url(snapshot.product_url),
        "fetched_at": asked_at,
        "gone_at": None,
        "digest": hashlib.blake2b(repr(said).encode(), digest_size=16).hexdigest(),
    }
    return {name: storable(value) for name, value in row.items()}
