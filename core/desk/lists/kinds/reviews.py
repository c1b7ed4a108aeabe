"""The list of reviews: which to answer first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.bulk import id_in
from core.desk.lists.definition import (
    Code,
    Column,
    Filter,
    Key,
    ListKind,
    Moment,
    Sort,
    newest_first,
    one_of,
    read_language,
    read_text,
)
from core.i18n.words import Words
from core.orders.model import Order
from core.reviews.model import Reply, Review, review_attention

SHOWS = ("unanswered", "answered", "stuck", "all")
_LATEST = 1000
"""Of the orders behind so many newest reviews the languages are offered as a choice."""
_STUCK = Review.id.in_(sa.select(Reply.review_id).where(Reply.state == sa.literal_column("'stuck'", sa.String())))


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A review with the reply that stands under it and its order, None where there is none."""

    review: Review
    reply: Reply | None
    order: Order | None

    @property
    def id(self) -> int:
        """The review's id."""
        return self.review.id


def _prepare(session: Session, rows: Sequence[Any], _at: Moment) -> list[ReviewLine]:
    reviews = [row.Review for row in rows]
    if not reviews:
        return []
    standing = sa.select(Reply).where(
        Reply.removed_at.is_(None), id_in(session, Reply.review_id, [r.id for r in reviews])
    )
    replies = {reply.review_id: reply for reply in session.scalars(standing.order_by(Reply.id))}
    refs = {review.order_ref for review in reviews} - {""}
    orders = (
        {order.ref: order for order in session.scalars(sa.select(Order).where(Order.ref.in_(refs)))} if refs else {}
    )
    return [ReviewLine(review, replies.get(review.id), orders.get(review.order_ref)) for review in reviews]


def _shown(value: str, _at: Moment) -> Any:
    conditions: dict[str, Any] = {
        "unanswered": review_attention == sa.literal_column("0", sa.Integer()),
        "answered": Review.answered_at.is_not(None),
        "stuck": _STUCK,
    }
    return conditions.get(value)


def _in_language(value: str, _at: Moment) -> Any:
    """A store does not say in which language a review is written: its order's language stands for it."""
    ordered = sa.select(Order.ref).where(Order.ref == Review.order_ref, Order.language == value)
    return sa.and_(Review.order_ref != "", ordered.exists())


def _shows(words: Words) -> list[tuple[str, str]]:
    say = words.pgettext
    return [
        ("unanswered", say("desk", "Unanswered")),
        ("answered", say("desk", "Answered")),
        ("all", say("desk", "All reviews")),
    ]


def _stars(words: Words) -> list[tuple[str, str]]:
    say = words.pgettext
    return [(str(stars), say("desk", "%(stars)s of 5 stars", stars=words.number(stars))) for stars in range(1, 6)]


def _languages(words: Words) -> list[tuple[str, str]]:
    return sorted(((code, name) for code, name in words.locale.languages.items() if len(code) == 2), key=lambda p: p[1])


def _choices(session: Session) -> dict[str, list[str]]:
    """Give the languages of the orders behind the newest reviews."""
    newest = sa.select(Review.order_ref).order_by(Review.posted_at.desc()).limit(_LATEST).subquery()
    spoken = sa.select(Order.language).where(Order.ref.in_(sa.select(newest.c.order_ref))).distinct()
    return {"language": sorted(code for code in session.scalars(spoken) if code)}


def state_of(line: ReviewLine) -> str:
    """Say where the answer to a review stands, as a machine word."""
    if line.reply is not None:
        return f"reply.{line.reply.state}"
    return "reply.there" if line.review.answered_at else "reply.none"


LIST = ListKind(
    name="reviews",
    endpoint="desk.list_reviews",
    title=lambda say: say("desk", "Reviews"),
    model=Review,
    query=lambda: sa.select(Review).where(Review.gone_at.is_(None), Review.erased_at.is_(None)),
    prepare=_prepare,
    choices=_choices,
    usual_sort=lambda filters: "answered" if filters["show"] == "answered" else "angriest",
    counted="show",
    filters=(
        Filter(
            name="show",
            label=lambda say: say("desk", "State"),
            kind="tabs",
            read=one_of(*SHOWS),
            options=_shows,
            usual="unanswered",
            condition=_shown,
        ),
        Filter(
            name="stars",
            label=lambda say: say("desk", "Stars"),
            kind="choice",
            read=one_of("1", "2", "3", "4", "5"),
            options=_stars,
            condition=lambda value, _at: Review.rating == int(value),
        ),
        Filter(
            name="language",
            label=lambda say: say("desk", "Language of the order"),
            kind="choice",
            read=read_language,
            options=_languages,
            condition=_in_language,
        ),
        Filter(
            name="product",
            label=lambda say: say("desk", "Product"),
            kind="link",
            read=read_text,
            condition=lambda value, _at: Review.product_ref == value,
        ),
    ),
    sorts=(
        Sort(
            name="angriest",
            label=lambda say: say("desk", "Unanswered and fewest stars first"),
            keys=(Key(review_attention, "number"), Key(Review.rating, "number"), Key(Review.posted_at, "moment")),
        ),
        newest_first(Review.posted_at),
        Sort(
            name="answered",
            label=lambda say: say("desk", "Answered last"),
            keys=(Key(Review.answered_at, "moment"),),
            is_descending=True,
            only=("show", "answered"),
        ),
    ),
    columns=(
        Column(
            name="review",
            label=lambda say: say("desk", "Review"),
            value=lambda line: "\n".join(filter(None, (line.review.title, line.review.text))),
        ),
        Column(name="product", label=lambda say: say("desk", "Product"), value=lambda line: line.review.product_title),
        Column(name="shopper", label=lambda say: say("desk", "Shopper"), value=lambda line: line.review.author),
        Column(
            name="order",
            label=lambda say: say("desk", "Order"),
            value=lambda line: line.order.number if line.order else None,
        ),
        Column(name="written", label=lambda say: say("desk", "Written"), value=lambda line: line.review.posted_at),
        Column(name="state", label=lambda say: say("desk", "State"), value=lambda line: Code(state_of(line))),
        Column(
            name="stars", label=lambda say: say("desk", "Stars"), value=lambda line: line.review.rating, is_usual=False
        ),
    ),
)
