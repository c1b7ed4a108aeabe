"""Reviews at the desk: who waits for a reply, one review with the facts beside the reply box, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.flash_messages import not_possible
from core.desk.lists.kinds import reviews
from core.desk.lists.list_page import show_list
from core.desk.page import desk, show_page
from core.desk.reviews import review_queue
from core.desk.reviews.review_facts import doubt_sentence, doubts_of, view_review
from core.desk.reviews.review_origin import origin_of, refused_sources, source_names
from core.desk.versions.row_version import check_version, version_of
from core.desk.versions.stale_forms import versioned
from core.http.context import services, words
from core.reviews import replies
from core.reviews.model import Review
from core.reviews.replies import NothingSaid, ReplyChanged, ReviewNotFound
from core.reviews.reply_check import ReplyWarning
from core.stores import staff


class _LookAgain(Exception):
    """The answer holds something its writer has not been told of yet; nothing was written."""

    def __init__(self, doubts: Sequence[ReplyWarning]) -> None:
        super().__init__()
        self.doubts = doubts


@desk.get("/<key>/reviews")
def list_reviews(key: str) -> str:
    """The reviews nobody has answered, the angriest first; or those that were, are stuck, or all."""

    def beside(session: Session) -> Mapping[str, Any]:
        app = services()
        sources = {"sources": source_names(session, app), "refused": refused_sources(session, app)}
        return sources | {"stuck": review_queue.count_stuck(session)}

    return show_list(reviews.LIST, "reviews", more=beside)


@desk.get("/<key>/reviews/<int:review_id>")
def show_review(key: str, review_id: int) -> str:
    """One review: what was said, the facts beside it, and the answer."""
    return _print(review_id)


@desk.post("/<key>/reviews/<int:review_id>/<verb>")
@versioned(lambda key, review_id, verb: _print(review_id))
def move_review(key: str, review_id: int, verb: str) -> BaseResponse | tuple[str, int]:
    """Answer, change, take back or try again; what is refused is said beside the form, and nothing typed is lost."""
    staff.require(g.person, staff.MAY_ACT)
    act = _VERBS.get(verb)
    if act is None:
        abort(404)
    app, say = services(), words().pgettext
    now = app.clock()
    try:
        with app.db.transaction(g.store.id) as session:
            check_version(session, replies.find_review(session, g.store.id, review_id, lock=True))
            act(session, review_id, now)
    except ReviewNotFound:
        abort(404)
    except NothingSaid:
        return _print(review_id, problem=say("desk", "Write the reply first.")), 422
    except _LookAgain as again:
        return _print(review_id, doubts=again.doubts), 422
    except ReplyChanged:
        return _print(review_id, page_problem=not_possible()), 409
    return redirect(url_for("desk.show_review", key=key, review_id=review_id, done=1))


def _print(review_id: int, *, problem: str = "", page_problem: str = "", doubts: Sequence[ReplyWarning] = ()) -> str:
    """Print a review's page; `problem` is said beside the reply box, `doubts` above it, and what was typed is kept."""
    with services().db.transaction(g.store.id, write=False) as session:
        try:
            review = replies.find_review(session, g.store.id, review_id)
        except ReviewNotFound:
            abort(404)
        version, view = version_of(session, review), view_review(session, review)
        origin = origin_of(session, services(), g.store, review)
        problems = {"text": problem} if problem else {"": page_problem} if page_problem else {}
        return show_page(
            "review",
            view=view,
            problems=problems,
            version=version,
            doubts=[doubt_sentence(doubt, words()) for doubt in doubts],
            seen=" ".join(doubt.code for doubt in doubts),
            typed=request.form.get("text"),
            may_act=g.person.role in staff.MAY_ACT,
            origin=origin,
            through_platform=origin.takes_replies,
            most=replies.MOST,
        )


def _reaches(session: Session, review: Review) -> bool:
    """Say whether an answer is published where its review is; else our script shows it on the store's pages, which
    have none of another source's reviews."""
    is_taken = origin_of(session, services(), g.store, review).takes_replies
    if review.source and not is_taken:
        abort(409)
    return is_taken


def _typed(session: Session, review: Review) -> str:
    """Give the text as it was typed. Raises _LookAgain for what its writer has not been told of."""
    text = request.form.get("text", "")
    doubts = doubts_of(session, g.store, review, text) if text.strip() else ()
    if {doubt.code for doubt in doubts} - set(request.form.get("seen", "").split()):
        raise _LookAgain(doubts)
    return text


def _answer(session: Session, review_id: int, now: datetime) -> None:
    review = replies.find_review(session, g.store.id, review_id, lock=True)
    text, through = _typed(session, review), _reaches(session, review)
    replies.answer(session, review, text, by=g.person, through_platform=through, now=now)


def _edit(session: Session, review_id: int, now: datetime) -> None:
    review, row = replies.find_reply(session, g.store.id, review_id, _number("reply"))
    text, through = _typed(session, review), _reaches(session, review)
    replies.edit(session, row, text, seen=row.version, by=g.person, through_platform=through, now=now)


def _remove(session: Session, review_id: int, now: datetime) -> None:
    review, row = replies.find_reply(session, g.store.id, review_id, _number("reply"))
    replies.remove(session, review, row, seen=row.version, by=g.person, now=now)


def _retry(session: Session, review_id: int, now: datetime) -> None:
    _, row = replies.find_reply(session, g.store.id, review_id, _number("reply"))
    replies.retry(session, row, by=g.person, now=now)


def _number(name: str) -> int:
    return request.form.get(name, 0, type=int)


_VERBS: dict[str, Callable[[Session, int, datetime], None]] = {
    "answer": _answer,
    "edit": _edit,
    "remove": _remove,
    "retry": _retry,
}
