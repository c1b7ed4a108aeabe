"""What every page of the desk is made with: the blueprint, who is signed in, and printing a page."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from apiflask import APIBlueprint
from flask import Response, abort, g, render_template, request

from core.http.context import require_same_site, services, set_language, words
from core.secrets import BadToken
from core.stores import audit, staff
from core.stores.model import StoreClaim
from core.stores.platform_access import reconnect_url

desk = APIBlueprint("desk", __name__, url_prefix="/admin", enable_openapi=False)
COOKIE = "aftercare_desk"
ROWS_ON_A_PAGE = 50


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
    app = services()
    try:
        opened = staff.read_session(app.keyring, request.cookies.get(f"{COOKIE}_{key}", ""))
        with app.db.transaction(opened.store_id, write=False) as session:
            store, person = staff.person_of(session, opened)
            claimed = session.scalars(sa.select(StoreClaim.ref).order_by(StoreClaim.found_at).limit(1)).first()
    except (BadToken, staff.SessionOver):
        abort(401)
    if store.key != key:
        abort(401)
    g.store, g.person, g.claimed = store, person, claimed
    audit.act_as(person.ref)
    set_language(person.language)
    if request.method == "POST":
        require_same_site()
    return None


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

    shared = {"store": g.store, "person": g.person, "moment": moment, "day": day, "claimed": g.claimed}
    shared["connect_url"] = reconnect_url(services(), g.store)
    return render_template(f"desk/{template}.html", **shared, **values)


def staff_name() -> str:
    """Give the name of whoever is signed in."""
    return cast(str, g.person.name)
