"""The storefront's JSON of answered reviews: public, the same for everybody, cacheable."""

from __future__ import annotations

from datetime import datetime

from apiflask import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field

from core.http.context import services
from core.orders.sanitize import storable
from core.reviews.public_names import public_name
from core.reviews.published import AnsweredReview, list_answered
from core.stores.platform_access import store_id_of

shop = APIBlueprint("reviews", __name__, url_prefix="/shop", tag="Reviews")

_MOST_PAGES = 1000
_CACHED = {"Cache-Control": "public, max-age=60"}


class RepliesIn(BaseModel):
    """Which product's reviews, by the platform's ref of it."""

    model_config = ConfigDict(extra="ignore")

    product: str = Field(min_length=1, max_length=400)
    page: int = Field(default=1, ge=1, le=_MOST_PAGES)


class AnswerOut(BaseModel):
    """What the store answered, and when it last said so."""

    text: str
    at: datetime


class ReviewOut(BaseModel):
    """A published review, by the platform's ref of it, with its answer. The author is a given name and an initial."""

    review: str
    rating: int
    title: str
    text: str
    author: str
    posted_at: datetime
    verified: bool
    reply: AnswerOut


class RepliesOut(BaseModel):
    """One page, the newest answer first; `more` says that there is another."""

    product: str
    replies: list[ReviewOut]
    more: bool


@shop.get("/<key>/replies")
@shop.input(RepliesIn, location="query")
@shop.output(RepliesOut)
@shop.doc(summary="List a product's reviews that the store has answered", responses=[400, 404])
def list_replies(key: str, query_data: RepliesIn) -> tuple[RepliesOut, int, dict[str, str]]:
    app = services()
    store_id = store_id_of(app, key)
    product = storable(query_data.product)
    with app.db.transaction(store_id, write=False) as session:
        found, more = list_answered(session, product, query_data.page)
    return RepliesOut(product=product, replies=[_out(one) for one in found], more=more), 200, _CACHED


def _out(one: AnsweredReview) -> ReviewOut:
    review = one.review
    return ReviewOut(
        review=review.ref,
        rating=review.rating,
        title=review.title,
        text=review.text,
        author=public_name(review.author),
        posted_at=review.posted_at,
        verified=review.verified,
        reply=AnswerOut(text=one.text, at=one.at),
    )
