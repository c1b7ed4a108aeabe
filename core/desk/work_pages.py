"""What waits at the desk: the first screen, cases for a person, and jobs that are stuck."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import abort, g, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk import today
from core.desk.lists.kinds import cases
from core.desk.lists.list_page import show_list
from core.desk.page import desk, show_page
from core.desk.versions.row_version import check_version, version_of
from core.desk.versions.stale_forms import versioned
from core.http.context import services
from core.jobs import queue
from core.jobs.queue import Job
from core.stores import audit, staff


@desk.get("/<key>/")
def show_today(key: str) -> str:
    """What is about to go wrong, who waits, what the machine did."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        return show_page("today", board=today.board(session, app.clock()), store_row=g.store)


@desk.get("/<key>/cases")
def list_cases(key: str) -> str:
    """Who waits for a person, longest first."""
    return print_cases()


def print_cases() -> str:
    """Print the list of cases, those that wait first."""

    def beside(session: Session) -> Mapping[str, Any]:
        return {"now": services().clock(), "version": partial(version_of, session)}

    return show_list(cases.LIST, "cases", more=beside)


@desk.get("/<key>/jobs")
def list_jobs(key: str) -> str:
    """Stuck and paused work with its reason, and how much waits."""
    return _print_jobs()


def _print_jobs() -> str:
    shown = sa.select(Job).where(Job.state.in_(["stuck", "paused"])).order_by(Job.id.desc()).limit(200)
    totals = sa.select(Job.state, sa.func.count()).group_by(Job.state)
    retrying = sa.select(Job).where(Job.state == "waiting", Job.attempts > 0).order_by(Job.run_at).limit(50)
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        counts = dict(session.execute(totals).all())
        stuck, waiting = session.scalars(shown).all(), session.scalars(retrying).all()
        version = partial(version_of, session)
        return show_page("jobs", stuck=stuck, retrying=waiting, counts=counts, version=version)


@desk.post("/<key>/jobs/<int:job_id>/retry")
@versioned(lambda key, job_id: _print_jobs())
def retry_job(key: str, job_id: int) -> BaseResponse:
    """Let a stuck job run again."""
    staff.require(g.person, staff.MAY_ACT)
    app = services()
    now = app.clock()
    with app.db.transaction(g.store.id) as session:
        job = session.get(Job, (g.store.id, job_id), with_for_update=True)
        if job is None:
            abort(404)
        check_version(session, job)
        if queue.retry(session, g.store.id, job_id, now=now):
            audit.note(session, now, audit.STAFF, "retry_job", f"job:{job_id}")
    return redirect(url_for("desk.list_jobs", key=key))
