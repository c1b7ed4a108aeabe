"""How the connection to the store stands: whether it lets us in, what is wrong, and trying again."""

from __future__ import annotations

import sqlalchemy as sa
from flask import g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page
from core.http.context import services
from core.jobs.queue import Job
from core.stores import audit, staff
from core.stores.connection import access
from core.stores.model import Finding


@desk.get("/<key>/connection")
def show_connection(key: str) -> str:
    """Say in one sentence whether the store lets us in; below it what was found, and when we try again."""
    waiting = sa.select(sa.func.min(Job.run_at)).where(Job.kind == "stores.reopen", Job.state == "waiting")
    with services().db.transaction(g.store.id, write=False) as session:
        findings = session.scalars(sa.select(Finding).order_by(Finding.found_at)).all()
        next_try = session.scalar(waiting) if g.store.state == "closed" else None
        is_asked = bool(request.args.get("tried"))
        return show_page("connection", findings=findings, next_try=next_try, is_asked=is_asked)


@desk.post("/<key>/connection/try")
def try_connection(key: str) -> BaseResponse:
    """Try to get into a closed store now."""
    staff.require(g.person, staff.MAY_ACT)
    app = services()
    now = app.clock()
    with app.db.transaction(g.store.id) as session:
        access.try_now(session, g.store.id, now=now)
        audit.note(session, now, audit.STAFF, "try_connection")
    return redirect(url_for("desk.show_connection", key=key, tried=1))
