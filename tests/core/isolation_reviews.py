"""How everything about answers to reviews is asked for another store's rows: routes, jobs and functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.desk.reviews import review_origin, review_queue
from core.platform.samples.reviews.sample_reviews import SampleReviews
from core.reviews import last_answer, published, replies
from core.reviews.model import Reply, Review
from core.reviews.sources import connect, open_source
from core.stores.model import ConnectedSource
from tests.core.private import TRACES
from tests.core.two_stores import Two

Ask = tuple[str, dict[str, Any]]
PRODUCT = "their-product"
SOURCE = "sample_reviews"
SINCE = "2026-01-01T00:00:00+00:00"


def leave_reply(two: Two) -> Two:
    """Let their store have answered a review twice: one answer stands, one waits for its platform."""
    now = two.services.clock()
    two.services = replace(two.services, review_sources={SOURCE: SampleReviews})
    with two.services.db.transaction(two.theirs.id) as session:
        review = session.scalars(sa.select(Review)).one()
        review.product_ref, review.answered_at = PRODUCT, now
        facts = {"review_id": review.id, "author": "bruno", "changed_by": "bruno", "changed_at": now, "created_at": now}
        stands = Reply(
            intent="x", key="x", state="published", text=TRACES[10], public_text=TRACES[10], published_at=now, **facts
        )
        waits = Reply(intent="y", key="y", state="stuck", text=TRACES[11], sentence=TRACES[12], **facts)
        source = ConnectedSource(
            key=SOURCE, name=SOURCE, account_ref=TRACES[12], label=TRACES[12], credentials=b"theirs", hook=b"theirs",
            hook_digest="theirs", state="refused", state_reason=TRACES[11], connected_at=now,
        )  # fmt: skip
        session.add_all([stands, waits, source])
        session.flush()
        two.ids |= {"review": review.id, "reply": stands.id, "stuck_reply": waits.id, "source": source.id}
    return two


def desk(path: str, **form: str) -> Callable[[Two], list[Ask]]:
    """A page of the desk: mine with their ids, and theirs."""

    def asks(two: Two) -> list[Ask]:
        named = {name: value.format(**two.ids) for name, value in form.items()}
        filled = path.format(**two.ids)
        return [(f"/admin/{store.key}/{filled}", {"data": named} if form else {}) for store in (two.mine, two.theirs)]

    return asks


def moves(two: Two) -> list[Ask]:
    forms = {"answer": {"text": "Mine."}, "edit": {"text": "Mine.", "reply": "{reply}"}}
    forms |= {"remove": {"reply": "{reply}"}, "retry": {"reply": "{stuck_reply}"}}
    return [ask for verb, form in forms.items() for ask in desk(f"reviews/{{review}}/{verb}", **form)(two)]


ROUTES: dict[str, Callable[[Two], list[Ask]]] = {
    "GET /shop/<key>/replies": lambda two: [(f"/shop/{two.mine.key}/replies?product={PRODUCT}", {})],
    "GET /admin/<key>/reviews": desk("reviews?show=all"),
    "GET /admin/<key>/reviews/<int:review_id>": desk("reviews/{review}"),
    "POST /admin/<key>/reviews/<int:review_id>/<verb>": moves,
    "POST /admin/<key>/connection/sources/<name>": desk("connection/sources/sample_reviews", token="x"),
    "POST /admin/<key>/connection/sources/<int:source_id>/try": desk("connection/sources/{source}/try", x="x"),
    "POST /admin/<key>/connection/sources/<int:source_id>/disconnect": desk(
        "connection/sources/{source}/disconnect", x="x"
    ),
    "POST /sources/<name>/<token>": lambda _: [("/sources/sample_reviews/theirs", {"data": b"{}"})],
}
KINDS: dict[str, Callable[[Two], list[dict[str, Any]]]] = {
    "reviews.tell_platform": lambda two: [{"id": two.ids[name]} for name in ("reply", "stuck_reply")],
    "reviews.tell_source": lambda two: [{"id": two.ids[name]} for name in ("reply", "stuck_reply")],
    "reviews.check_source": lambda two: [{"id": two.ids["source"], "tries": 1}],
    "reviews.prepare_source": lambda two: [{"id": two.ids["source"]}],
    "changes.read_source": lambda _: [{"feed": f"reviews@{SOURCE}.import", "since": SINCE}],
    "changes.refresh_source_review": lambda _: [{"ref": f"{SOURCE}:r1", "source": SOURCE}],
}
VERBS: dict[str, Callable[[Session, Two], Any]] = {
    "desk.reviews.review_origin.refused_sources": lambda s, two: review_origin.refused_sources(s, two.services),
    "desk.reviews.review_origin.source_names": lambda s, two: review_origin.source_names(s, two.services),
    "desk.reviews.review_origin.view_sources": lambda s, two: review_origin.view_sources(s, two.services),
    "reviews.sources.connect.find_source": lambda s, two: connect.find_source(s, two.mine.id, two.ids["source"]),
    "reviews.sources.open_source.refuse": lambda s, two: open_source.refuse(
        s, ConnectedSource(store_id=two.theirs.id, id=two.ids["source"]), "x", now=two.services.clock()
    ),
    "reviews.sources.open_source.require_open": lambda s, two: open_source.require_open(s, SOURCE),
    "desk.reviews.review_queue.count_stuck": lambda s, two: review_queue.count_stuck(s),
    "desk.reviews.review_queue.count_unanswered": lambda s, two: review_queue.count_unanswered(s),
    "reviews.last_answer.ours_of": lambda s, two: last_answer.ours_of(s, two.ids["review"]),
    "reviews.published.list_answered": lambda s, two: published.list_answered(s, PRODUCT, 1),
    "reviews.replies.find_reply": lambda s, two: replies.find_reply(
        s, two.mine.id, two.ids["review"], two.ids["reply"]
    ),
    "reviews.replies.find_review": lambda s, two: replies.find_review(s, two.mine.id, two.ids["review"]),
}
TAKE_ROWS = set(
    "desk.reviews.review_origin.origin_of reviews.sources.connect.disconnect reviews.sources.connect.try_now "
    "reviews.sources.open_source.promise_check "
    "desk.reviews.review_facts.doubts_of desk.reviews.review_facts.view_review reviews.replies.answer "
    "reviews.replies.edit reviews.replies.request_review_refresh reviews.replies.remove reviews.replies.replies_of "
    "reviews.replies.retry".split()
)
REFUSALS = (replies.ReviewNotFound, connect.SourceUnknown)
