"""How the connection to the store stands: whether it lets us in, what is wrong, and trying again."""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.changes import feed_waits
from core.desk.page import desk, show_page
from core.desk.reviews.review_origin import view_sources
from core.desk.settings.feature_words import missing_sentences
from core.desk.versions.row_facts import Connection
from core.desk.versions.row_version import check_version, refuse_gone, version_of
from core.desk.versions.stale_forms import versioned
from core.desk.versions.who_acted import CONNECTION
from core.http.context import services, words
from core.jobs.queue import Job
from core.reviews.sources.connect import MOST
from core.stores import audit, staff
from core.stores.connection import access, features, moves
from core.stores.model import Feed, Finding, StoreClaim
from core.stores.platform_access import store_by_id

MAY_DECIDE = ("owner",)
"""Who may say that the store has moved: it hands the store's history to another address."""


@desk.get("/<key>/connection")
def show_connection(key: str) -> str:
    """Say in one sentence whether the store lets us in; below it what it lacks and what was found, and when we try."""
    return print_connection()


def print_connection(**more: Any) -> str:
    """Print the page, with what the form of a source of reviews was answered in `more`."""
    waiting = sa.select(sa.func.min(Job.run_at)).where(Job.kind == "stores.reopen", Job.state == "waiting")
    beyond, now = missing_sentences(services().platforms[g.store.platform].features, words()), services().clock()
    with services().db.transaction(g.store.id, write=False) as session:
        version = version_of(session, Connection(g.store))
        findings = session.scalars(sa.select(Finding).order_by(Finding.found_at)).all()
        next_try = session.scalar(waiting) if g.store.state == "closed" else None
        feeds = session.scalars(sa.select(Feed).order_by(Feed.name))
        slow_feeds = [feed for feed in feeds if feed_waits.waits_too_long(feed, now)]
        claims = session.scalars(sa.select(StoreClaim).order_by(StoreClaim.found_at)).all()
        missing = [(feature.value, one) for feature, one in features.missing_of(g.store).items()]
        shown: dict[str, Any] = {
            "findings": findings,
            "claims": claims,
            "next_try": next_try,
            "missing": missing,
            "beyond": beyond,
        }
        asked = {"is_asked": bool(request.args.get("tried")), "may_decide": _may_decide()}
        beside = {"sources": view_sources(session, services()), "offered": services().review_sources.values()}
        may = {"may_act": g.person.role in staff.MAY_ACT, "may_set": g.person.role in staff.MAY_SET, "most_typed": MOST}
        versions = {"version": version, "row_version": partial(version_of, session)}
        return show_page("connection", **shown | asked | versions | beside | may | more, slow_feeds=slow_feeds)


def _may_decide() -> bool:
    return g.person.role in MAY_DECIDE


@desk.post("/<key>/connection/claims/<int:claim_id>")
@versioned(lambda key, claim_id: print_connection())
def decide_claim(key: str, claim_id: int) -> BaseResponse:
    """Decide what another address is that has this store's id: the store that moved, a store of its own, or a copy."""
    staff.require(g.person, MAY_DECIDE)
    choice = request.form.get("choice", "")
    if choice not in moves.CHOICES:
        abort(400)
    app = services()
    with app.db.transaction(g.store.id) as session:
        claim = session.get(StoreClaim, (g.store.id, claim_id), with_for_update=True)
        if claim is None:
            refuse_gone(StoreClaim(store_id=g.store.id, id=claim_id))
        check_version(session, claim)
        claim.found_at = app.clock()  # another version: of two who decide at once only one goes on
    moves.decide(app, g.store, claim_id, choice)
    return redirect(url_for("desk.show_connection", key=key, decided=choice))


@desk.post("/<key>/connection/try")
@versioned(lambda key: print_connection())
def try_connection(key: str) -> BaseResponse:
    """Try to get into a closed store now."""
    staff.require(g.person, staff.MAY_ACT)
    app = services()
    now = app.clock()
    with app.db.transaction(g.store.id) as session:
        check_version(session, Connection(store_by_id(session, g.store.id, lock=True)))
        access.try_now(session, g.store.id, now=now)
        audit.note(session, now, audit.STAFF, "try_connection", CONNECTION)
    return redirect(url_for("desk.show_connection", key=key, tried=1))
