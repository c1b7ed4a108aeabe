"""Everything the page of one review shows, read in a few queries: its order's facts, its answers, what came before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.desk.history import Step
from core.i18n.words import Words
from core.orders.model import LineItem, Order, Shipment
from core.reviews.last_answer import is_same
from core.reviews.model import Reply, Review
from core.reviews.replies import replies_of
from core.reviews.reply_check import ReplyWarning, check
from core.stores.model import Staff, Store

_MOST_EARLIER = 5


@dataclass(frozen=True, slots=True)
class ReviewView:
    """What the page shows of one review. `reply` is the answer of ours that stands, or is about to."""

    review: Review
    reply: Reply | None
    stuck: Sequence[Reply]
    """Answers the platform refused: to publish, to change, or to take back."""
    elsewhere: Sequence[tuple[str, datetime | None]]
    """(text, time) of what was answered at the platform itself."""
    order: Order | None
    is_certain: bool
    """Whether the store names the order; else the same address bought the product with it."""
    parcels: Sequence[Shipment]
    earlier: Sequence[Review]
    """Other reviews of the same shopper, the newest first."""
    history: Sequence[Step]


def view_review(session: Session, review: Review) -> ReviewView:
    """Read one review with all that belongs to it."""
    written = replies_of(session, review)
    order, is_certain = _order_of(session, review)
    parcels = sa.select(Shipment).where(Shipment.order_id == order.id).order_by(Shipment.id) if order else None
    return ReviewView(
        review=review,
        reply=next((row for row in written if row.removed_at is None), None),
        stuck=[row for row in written if row.state == "stuck"],
        elsewhere=_elsewhere(review, written),
        order=order,
        is_certain=is_certain,
        parcels=session.scalars(parcels).all() if parcels is not None else (),
        earlier=_earlier(session, review),
        history=_history(written, _names(session, written)),
    )


def doubts_of(session: Session, store: Store, review: Review, text: str) -> Sequence[ReplyWarning]:
    """Hold an answer against what is known of the review, its order and the store."""
    order, _ = _order_of(session, review)
    own = (store.email, str(store.settings.get("mail", {}).get("support", "")))
    names = (review.author, order.name if order else "")
    return check(text, names=names, order_number=order.number if order else "", own_contacts=own)


def doubt_sentence(doubt: ReplyWarning, words: Words) -> str:
    """Say what to look at again."""
    # Isolated, or a phone number is read from its end in Arabic.
    say, found = words.pgettext, f"\N{FIRST STRONG ISOLATE}{doubt.found}\N{POP DIRECTIONAL ISOLATE}"
    return {
        "email": say("desk", "It holds an e-mail address: %(found)s", found=found),
        "phone": say("desk", "It holds what reads like a phone number: %(found)s", found=found),
        "order_number": say("desk", "It holds what reads like an order number: %(found)s", found=found),
        "full_name": say("desk", "It names the shopper in full: %(found)s", found=found),
        "no_words": say("desk", "There are no words in it."),
    }[doubt.code]


def _order_of(session: Session, review: Review) -> tuple[Order | None, bool]:
    """Give the order of a review and whether the store names it; else the last one that may be meant."""
    here = Order.gone_at.is_(None)
    if review.order_ref:
        return session.scalar(sa.select(Order).where(Order.ref == review.order_ref, here)), True
    if not review.email_key or not review.product_ref:
        return None, False
    # WooCommerce's reviews name no order (wc/v3 products/reviews, 10.5): the same address bought the same thing.
    bought = sa.select(LineItem.order_id).where(LineItem.product_ref == review.product_ref)
    theirs = sa.select(Order).where(Order.email_key == review.email_key, Order.placed_at <= review.posted_at, here)
    return session.scalar(theirs.where(Order.id.in_(bought)).order_by(Order.placed_at.desc()).limit(1)), False


def _earlier(session: Session, review: Review) -> Sequence[Review]:
    if not review.email_key:
        return ()
    same = sa.select(Review).where(Review.email_key == review.email_key, Review.id != review.id)
    return session.scalars(same.order_by(Review.posted_at.desc(), Review.id.desc()).limit(_MOST_EARLIER)).all()


def _elsewhere(review: Review, written: Sequence[Reply]) -> list[tuple[str, datetime | None]]:
    def read(one: Mapping[str, Any]) -> tuple[str, datetime | None]:
        return one["text"], datetime.fromisoformat(one["at"]) if one.get("at") else None

    return [read(one) for one in review.replies if not any(is_same(one, row) for row in written)]


def _names(session: Session, written: Sequence[Reply]) -> dict[str, str]:
    refs = {row.author for row in written} | {row.changed_by for row in written}
    if not refs:
        return {}
    people = session.execute(sa.select(Staff.ref, Staff.name).where(Staff.ref.in_(refs)))
    return {ref: name or ref for ref, name in people}


def _history(written: Sequence[Reply], names: Mapping[str, str]) -> list[Step]:
    """List what was done to the answers, the newest first; the audit log has every single edit."""
    steps = [step for row in written for step in _steps(row, names)]
    return sorted(steps, key=lambda step: (step.at, step.place), reverse=True)


def _steps(row: Reply, names: Mapping[str, str]) -> Iterator[Step]:
    def by_last(at: datetime) -> str:
        return names.get(row.changed_by, row.changed_by) if at == row.changed_at else ""

    yield Step(row.created_at, 1, "did.reply_answered", names.get(row.author, row.author))
    if row.published_at:
        yield Step(row.published_at, 0, "did.reply_published")
    if row.edited_at:
        yield Step(row.edited_at, 2, "did.reply_edited", by_last(row.edited_at))
    if row.removed_at:
        yield Step(row.removed_at, 3, "did.reply_removed", by_last(row.removed_at))
