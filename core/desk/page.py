"""What every page of the desk is made with: the blueprint, who is signed in, and printing a page."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, abort, g, make_response, render_template, request

from core.desk.navigation import section_of
from core.desk.shells import frame
from core.desk.shells.identity import COOKIE as COOKIE
from core.desk.shells.identity import TOKEN, NoIdentity, Visitor, identify
from core.http.context import services, set_language, words
from core.stores import audit, staff
from core.stores.platform_access import reconnect_url

desk = APIBlueprint("desk", __name__, url_prefix="/admin", enable_openapi=False)
ROWS_ON_A_PAGE = 50
ANYBODY = frozenset({"desk.send_person_code", "desk.check_person_code"})
"""Endpoints for whoever the platform let in without saying who it is."""


class NoStore:
    """Stands for the store on pages shown before there is one."""

    name = "Aftercare"
    url = ""


@desk.before_request
def recognize() -> Response | None:
    """Know who is here; every page but the opening needs a session for the store it names."""
    key = (request.view_args or {}).get("key")
    if key is None:
        return None
    try:
        visitor = identify(key)
    except staff.SessionOver:
        abort(401)
    except NoIdentity as error:
        target = request.full_path if request.query_string else request.path
        return frame.entrance(frame.shell_for(services(), error.store), target)
    frame.wear(visitor.shell)
    g.visitor, g.store = visitor, visitor.store
    if visitor.person is None:
        set_language(visitor.store.language)
        return None if request.endpoint in ANYBODY else ask_person(visitor)
    g.person = visitor.person
    audit.act_as(visitor.person.ref)
    set_language(visitor.person.reads)
    return None


def ask_person(visitor: Visitor, *, email: str = "", problem: str = "", is_sent: bool = False) -> Response:
    """Ask who is here, where the platform's admin does not say: an address, then the code that was mailed to it."""
    values = {"store": visitor.store, "shell": visitor.shell, "email": email, "problem": problem, "is_sent": is_sent}
    page = make_response(render_template("desk/person.html", **values))
    page.status_code = 200 if request.method == "GET" or request.endpoint in ANYBODY else 403
    return page


@desk.after_request
def carry(response: Response) -> Response:
    """Dress the page for its shell, and renew the token of ours that the request carried."""
    visitor: Visitor | None = g.get("visitor")
    if visitor is not None and visitor.is_stale and response.status_code < 400:
        app = services()
        began, store_id = visitor.began_at, visitor.store.id
        fresh = staff.sign_token(app.keyring, store_id, visitor.person, now=app.clock(), began_at=began)
        response.headers[TOKEN] = fresh
    return frame.dress(response)


@desk.teardown_request
def forget(_error: BaseException | None = None) -> None:
    """Leave nobody's name to what this thread does next."""
    audit.act_as("")


def show_page(template: str, **values: Any) -> str:
    """Print a page; `moment` and `day` write times in the store's zone, and nothing where there is none."""
    say, zone = words(), ZoneInfo(g.store.timezone)
    today_ = services().clock().astimezone(zone).date()

    def moment(at: datetime | None) -> str:
        return say.moment(at, zone, today=today_) if at else ""

    def day(on: date | None) -> str:
        return say.day(on, today=today_) if on else ""

    shared = {"store": g.store, "person": g.person, "moment": moment, "day": day, "claimed": g.visitor.claimed}
    shared |= {"connect_url": reconnect_url(services(), g.store), "section": section_of(request.path, g.store.key)}
    return render_template(f"desk/{template}.html", **shared, **values)


def staff_name() -> str:
    """Give the name of whoever is signed in."""
    return cast(str, g.person.name)
