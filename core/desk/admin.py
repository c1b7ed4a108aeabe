"""The plain desk: enough to watch a store and to act on what waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from apiflask import APIBlueprint
from flask import Response, abort, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.conversations.model import Case
from core.desk import today, trace
from core.desk.settings import terms_form
from core.http.context import answer, plain, require_same_site, services, speak, words
from core.jobs import queue
from core.jobs.queue import Job
from core.orders.find import email_keys, number_key
from core.orders.links import store_page
from core.orders.messages.notice import Notice
from core.orders.messages.send_notice import news_of
from core.orders.model import Order, Shipment
from core.orders.presenter.page import page_of
from core.orders.presenter.timeline import view_order
from core.platform.contract import Opening
from core.returns import events
from core.returns.mail import send_letters
from core.secrets import BadToken
from core.shipping import evaluate, replay
from core.shipping.mail import notices as letters
from core.shipping.rules.terms import RULES
from core.stores import audit, settings, staff
from core.stores.model import Staff, Store
from core.stores.platform_access import StoreNotFound, secret_of, store_by_id, store_by_key, use_nonce
from core.web.errors import sentence

desk = APIBlueprint("desk", __name__, url_prefix="/admin", enable_openapi=False)
COOKIE = "aftercare_desk"
_PAGE = 50


@desk.before_request
def recognize() -> Response | None:
    """Know who is here; every page but the opening needs a session for the store it names."""
    key = (request.view_args or {}).get("key")
    if key is None:
        return None
    app = services()
    try:
        store_id, staff_id = staff.read_session(app.keyring, request.cookies.get(f"{COOKIE}_{key}", ""))
    except BadToken:
        abort(401)
    with app.db.transaction(store_id, write=False) as session:
        store, person = store_by_id(session, store_id), session.get(Staff, (store_id, staff_id))
    if person is None or store.key != key:
        abort(401)
    g.store, g.person = store, person
    audit.act_as(person.ref)
    speak(person.language)
    if request.method == "POST":
        require_same_site()
    return None


@desk.teardown_request
def forget(_error: BaseException | None = None) -> None:
    """Leave nobody's name to what this thread does next."""
    audit.act_as("")


@desk.route("/open/<platform>", methods=["GET", "POST"])
def open_desk(platform: str) -> BaseResponse:
    """Let in whoever the platform vouches for."""
    app = services()

    def secret_for(key: str) -> str:
        try:
            return secret_of(app, store_by_key(app, key))
        except StoreNotFound:
            return ""

    settings_ = app.config.app_settings.get(platform, {})
    opening = app.platforms[platform].open_admin(plain(request), settings_, secret_of=secret_for)
    if not isinstance(opening, Opening):
        return answer(opening)
    return admit(opening, platform)


def admit(opening: Opening, platform: str, *, forwarded: bool = True) -> BaseResponse:
    """Open a session for the person and show them their store."""
    app = services()
    query = sa.select(Store).where(
        Store.platform == platform, sa.or_(Store.ref == opening.ref, Store.key == opening.ref)
    )
    with app.db.system(write=False) as session:
        store = session.scalar(query)
    if store is None:
        raise StoreNotFound
    if forwarded:
        use_nonce(app, store, plain(request))
    person = staff.enter(app, store, opening.staff)
    page = redirect(url_for("desk.show_today", key=store.key))
    page.set_cookie(
        f"{COOKIE}_{store.key}",
        staff.open_session(app.keyring, person),
        max_age=int(staff.SESSION_LIFE.total_seconds()),
        httponly=True,
        secure=request.is_secure,
        samesite="Lax",
        path="/admin",
    )
    return page


def _show(template: str, **values: Any) -> str:
    """Print a page; `moment` and `day` write times in the store's zone, and nothing where there is none."""
    say, zone = words(), ZoneInfo(g.store.timezone)
    today_ = services().clock().astimezone(zone).date()

    def moment(at: datetime | None) -> str:
        return say.moment(at, zone, today=today_) if at else ""

    def day(on: date | None) -> str:
        return say.day(on, today=today_) if on else ""

    shared = {"store": g.store, "person": g.person, "moment": moment, "day": day}
    return render_template(f"desk/{template}.html", **shared, **values)


def _who() -> str:
    return cast(str, g.person.name)


@desk.get("/<key>/")
def show_today(key: str) -> str:
    """What is about to go wrong, who waits, what the machine did."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        return _show("today", board=today.board(session, app.clock()), store_row=g.store)


@desk.get("/<key>/orders")
def list_orders(key: str) -> str:
    """The newest orders, or those a number or e-mail finds."""
    app, typed = services(), request.args.get("q", "").strip()[:320]
    query = sa.select(Order).where(Order.gone_at.is_(None)).order_by(Order.placed_at.desc()).limit(_PAGE)
    if request.args.get("late"):
        query = query.where(Order.id.in_(sa.select(Shipment.order_id).where(*today.late_now())))
    if request.args.get("at_risk"):
        query = query.where(Order.id.in_(sa.select(Shipment.order_id).where(*today.at_risk())))
    if typed:
        found = (
            Order.email_key.in_(email_keys(typed, app.keyring))
            if "@" in typed
            else Order.number_key == number_key(typed)
        )
        query = query.where(found)
    with app.db.transaction(g.store.id, write=False) as session:
        return _show("orders", orders=session.scalars(query).all(), typed=typed)


@desk.get("/<key>/orders/<int:order_id>")
def show_order(key: str, order_id: int) -> str:
    """One order as its shopper sees it, with what staff know besides."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        order = session.get(Order, (g.store.id, order_id))
        if order is None:
            abort(404)
        page = page_of(view_order(session, order), words(), app.clock(), g.store.timezone)
        steps = trace.trace(session, g.store, order, now=app.clock())
        return _show("order", order=order, page=page, steps=steps)


@desk.get("/<key>/notices")
def list_notices(key: str) -> str:
    """What was or would be said, newest first."""
    state = request.args.get("state", "")
    query = sa.select(Notice, Order).join(
        Order, sa.and_(Order.store_id == Notice.store_id, Order.id == Notice.order_id)
    )
    # News merged into another's message is no message of its own.
    query = query.where(Notice.merged_into.is_(None))
    if state:
        query = query.where(Notice.state == state)
    times = sa.select(Notice.state, sa.func.count()).where(Notice.merged_into.is_(None)).group_by(Notice.state)
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        rows = session.execute(query.order_by(Notice.created_at.desc(), Notice.id.desc()).limit(_PAGE)).all()
        counts = dict(session.execute(times).all())  # of the rows: a result itself looks like a mapping
        return _show("notices", rows=rows, counts=counts, state=state)


@desk.get("/<key>/notices/<int:notice_id>")
def show_notice(key: str, notice_id: int) -> str:
    """The very letter the shopper gets, and why."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        notice, order = _notice(session, notice_id)
        at = notice.sent_at or app.clock()
        if notice.rule == events.RULE:
            letter = send_letters.compose(session, app, g.store, order, notice, at)
        else:
            letter = letters.compose(session, app, g.store, order, news_of(session, notice), at)
        return _show("notice", notice=notice, order=order, letter=letter)


@desk.post("/<key>/notices/<int:notice_id>/<verb>")
def move_notice(key: str, notice_id: int, verb: str) -> BaseResponse:
    """Send a draft, or discard it; whoever comes second is told."""
    staff.require(g.person, staff.MAY_ACT)
    if verb not in ("send", "discard"):
        abort(404)
    app = services()
    now = app.clock()
    with app.db.transaction(g.store.id) as session:
        notice = session.get(Notice, (g.store.id, notice_id), with_for_update=True)
        if notice is None or notice.merged_into is not None:
            abort(404)
        for row in news_of(session, notice):
            row.move(verb)
        if verb == "send":
            new = queue.NewJob("shipping.send_notice", f"notice:{notice.id}", {"id": notice.id}, once=True)
            queue.enqueue(session, g.store.id, new, now=now)
        audit.note(session, now, audit.STAFF, f"{verb}_notice", f"notice:{notice.id}")
    return redirect(url_for("desk.list_notices", key=key, state="draft"))


def _notice(session: Session, notice_id: int) -> tuple[Notice, Order]:
    notice = session.get(Notice, (g.store.id, notice_id))
    order = session.get(Order, (g.store.id, notice.order_id)) if notice else None
    if notice is None or order is None:
        abort(404)
    return notice, order


@desk.get("/<key>/jobs")
def list_jobs(key: str) -> str:
    """Stuck and paused work with its reason, and how much waits."""
    shown = sa.select(Job).where(Job.state.in_(["stuck", "paused"])).order_by(Job.id.desc()).limit(200)
    totals = sa.select(Job.state, sa.func.count()).group_by(Job.state)
    retrying = sa.select(Job).where(Job.state == "waiting", Job.attempts > 0).order_by(Job.run_at).limit(50)
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        counts = dict(session.execute(totals).all())
        stuck, waiting = session.scalars(shown).all(), session.scalars(retrying).all()
        return _show("jobs", stuck=stuck, retrying=waiting, counts=counts)


@desk.post("/<key>/jobs/<int:job_id>/retry")
def retry_job(key: str, job_id: int) -> BaseResponse:
    """Let a stuck job run again."""
    staff.require(g.person, staff.MAY_ACT)
    app = services()
    now = app.clock()
    with app.db.transaction(g.store.id) as session:
        if queue.retry(session, g.store.id, job_id, now=now):
            audit.note(session, now, audit.STAFF, "retry_job", f"job:{job_id}")
    return redirect(url_for("desk.list_jobs", key=key))


@desk.get("/<key>/cases")
def list_cases(key: str) -> str:
    """Who waits for a person, longest first."""
    app = services()
    query = sa.select(Case, Order).outerjoin(Order, sa.and_(Order.store_id == Case.store_id, Order.id == Case.order_id))
    with app.db.transaction(g.store.id, write=False) as session:
        rows = session.execute(query.where(Case.state == "open").order_by(Case.opened_at).limit(_PAGE)).all()
        return _show("cases", rows=rows, now=app.clock())


@desk.get("/<key>/settings")
def edit_settings(key: str) -> str:
    """Which rules watch, draft or send, and what the store promises."""
    return _show_settings()


@desk.post("/<key>/settings")
def save_settings(key: str) -> BaseResponse | tuple[str, int]:
    """Save the settings and look at every open parcel with them; what cannot be saved is shown again as typed."""
    staff.require(g.person, staff.MAY_SET)
    app, now, before = services(), services().clock(), evaluate.terms_of(g.store)
    try:
        terms = terms_form.read_terms(request.form, before)
        with app.db.transaction(g.store.id) as session:
            terms_form.save(session, g.store, terms, version=request.form.get("version", 0, type=int), now=now)
            if terms.statuses != before.statuses:
                again = {"feed": "orders.repair", "since": (now - replay.WINDOW).isoformat()}
                queue.enqueue(session, g.store.id, queue.NewJob("changes.read", "read:orders.repair", again), now=now)
    except terms_form.BadTerms as error:
        return _show_settings(problems=error.problems), 400
    except settings.SettingsChanged:
        return _show_settings(problems={"": sentence("settings_changed")}), 409
    return redirect(url_for("desk.edit_settings", key=key, saved=1))


def _show_settings(problems: Mapping[str, str] | None = None) -> str:
    app, terms = services(), evaluate.terms_of(g.store)
    with app.db.transaction(g.store.id, write=False) as session:
        seen = session.scalars(sa.select(Order.status).distinct()).all()
    return _show(
        "settings",
        problems=problems or {},
        seen=sorted({*seen, *terms.statuses}),
        form=terms_form.show_terms(terms) | {"page": store_page(g.store)},
        typed=request.form,
        rules=RULES,
        natives=app.platforms[g.store.platform].native_mails,
    )


@desk.get("/<key>/replay")
def show_replay(key: str) -> str:
    """What these rules would have said in the last 90 days."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        return _show("replay", **replay.show(session, g.store, now=app.clock()))
