"""Publishes, edits or removes a reply, under our key, until whoever keeps its review shows what the row says."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.jobs.queue import Kind, Work
from core.platform.contract import Feature
from core.platform.errors import AccessLost, NotSupported, Refused, Unavailable
from core.platform.snapshots import Gone, ReplySnapshot
from core.reviews.model import Reply, Review
from core.reviews.replies import request_review_refresh
from core.reviews.sources.open_source import ReviewKeeper, SourceNotOpen, open_keeper
from core.stores.connection.features import features_of
from core.stores.model import Store
from core.stores.platform_access import store_by_id

ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class _LoadedReply:
    """The reply and its review as they were when the job began."""

    row: Reply
    review: Review


def tell_platform(work: Work) -> None:
    """Publish, edit or remove one reply where its review is kept; a refusal is kept in the platform's words.

    A platform that turns out to take no answers leaves ours to our script. A reply to the review of a source that is
    not open waits: it is promised again once that opens.
    """
    with work.services.db.transaction(work.store_id, write=False) as session:
        row, store = session.get(Reply, (work.store_id, work.payload["id"])), store_by_id(session, work.store_id)
        review = session.get(Review, (work.store_id, row.review_id)) if row else None
    if row is None or review is None or row.state != "waiting":
        return
    loaded = _LoadedReply(row, review)
    try:
        keeper = open_keeper(work.services, store, review.source)
        _tell(work, store, keeper, loaded)
    except SourceNotOpen:
        return


def _tell(work: Work, store: Store, keeper: ReviewKeeper, loaded: _LoadedReply) -> None:
    row = loaded.row
    if not row.text and row.removed_at is None:  # its review was erased: what stands at the platform is left alone
        _end(work, loaded, "published" if row.ref else "removed")
        return
    published, state, sentence = None, "stuck", ""
    try:
        if not loaded.review.source and Feature.REPLY not in features_of(work.services, store):
            raise NotSupported(keeper.name)
        published = _synchronize(work, keeper, loaded)
        state = "published" if published else "removed"
    except NotSupported:
        # Our script shows replies on the store's pages, which have none of another source's reviews.
        state = "removed" if row.removed_at else "stuck" if loaded.review.source else "shown"
    except Refused as refusal:
        if isinstance(refusal, AccessLost) and work.job.attempts < ATTEMPTS:
            raise
        sentence = str(refusal)
    except Unavailable as error:
        if work.job.attempts < ATTEMPTS:
            raise
        sentence = str(error)
    _end(work, loaded, state, published=published, sentence=sentence)


def _synchronize(work: Work, keeper: ReviewKeeper, loaded: _LoadedReply) -> ReplySnapshot | None:
    """Publish, edit or remove; give the reply as published, None where there is none any more."""
    row, review = loaded.row, loaded.review
    known = _find_ours(keeper, loaded) if row.asked_at and not row.ref else None
    ref = known.ref if known else row.ref
    if row.removed_at is not None:
        if ref:
            work.check_lease()
            keeper.remove_reply(ref)
        return None
    if known and known.text == row.text:
        return known
    work.check_lease()
    if ref:
        return keeper.edit_reply(ref, row.text)
    if not _note_asked(work, row.version):
        return None
    return keeper.publish_reply(review.ref, row.text, key=row.key)


def _find_ours(keeper: ReviewKeeper, loaded: _LoadedReply) -> ReplySnapshot | None:
    found = keeper.fetch_review(loaded.review.ref)
    if isinstance(found, Gone):
        return None
    return next((reply for reply in found.replies if reply.key == loaded.row.key), None)


def _note_asked(work: Work, version: int) -> bool:
    """Write down that the platform is about to be asked; False where staff have changed their mind meanwhile.

    Whoever comes after us looks first. Whoever takes the reply back after this sees that it may be out there.
    """
    with work.services.db.transaction(work.store_id) as session:
        row = _lock(session, work)
        if row is None or row.version != version or not row.text:
            return False
        row.asked_at = row.asked_at or work.now
        return True


def _lock(session: Session, work: Work) -> Reply | None:
    return session.get(Reply, (work.store_id, work.payload["id"]), with_for_update=True)


def _end(
    work: Work, loaded: _LoadedReply, state: str, *, published: ReplySnapshot | None = None, sentence: str = ""
) -> None:
    """Write what became of it. What staff did meanwhile stands, and has a job of its own behind this one."""
    with work.done() as session:
        row = _lock(session, work)
        if row is None:
            return
        if published is not None or state == "shown":
            row.ref = published.ref if published else row.ref
            row.public_text = loaded.row.text if row.text else ""
            row.published_at = row.published_at or (published.at if published else None) or work.now
        if row.version == loaded.row.version:
            row.state, row.sentence = state, sentence
        request_review_refresh(session, loaded.review, now=work.now)


JOBS = {
    "reviews.tell_platform": Kind(tell_platform, attempts=ATTEMPTS),
    "reviews.tell_source": Kind(tell_platform, attempts=ATTEMPTS),
}
