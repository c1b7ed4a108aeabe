"""Which page of the store has the widget, so that links in messages lead there, and whether shoppers find an order by
its number or sign in. Parts of the settings page."""

from __future__ import annotations

from flask import abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk
from core.desk.settings.settings_page import show_settings
from core.http.context import services, words
from core.http.errors import refusal_of
from core.orders.access import ways
from core.orders.links import SECTION, BadPage, read_page
from core.stores import settings, staff
from core.stores.settings import SettingsChanged


@desk.post("/<key>/settings/page")
def save_page(key: str) -> BaseResponse | tuple[str, int]:
    """Save it; what cannot be a page is shown again as typed."""
    staff.require(g.person, staff.MAY_SET)
    app, version = services(), request.form.get("version", 0, type=int)
    try:
        page = read_page(request.form.get("page", ""))
        with app.db.transaction(g.store.id) as session:
            settings.change(session, g.store, SECTION, {"page": page}, version=version, now=app.clock())
    except BadPage:
        wrong = words().pgettext(
            "desk",
            "Give the whole address of the page, such as https://www.example.com/help. It begins with https:// "
            "and has no # in it.",
        )
        return show_settings(problems={"page": wrong}), 400
    except SettingsChanged as error:
        return show_settings(problems={"": refusal_of(error).sentence}), 409
    return redirect(url_for("desk.edit_settings", key=key, saved="page"))


@desk.post("/<key>/settings/lookup")
def save_lookup(key: str) -> BaseResponse | tuple[str, int]:
    """Switch the form for number and e-mail on or off; off only where shoppers can sign in instead."""
    staff.require(g.person, staff.MAY_SET)
    app, version = services(), request.form.get("version", 0, type=int)
    if not ways.offers_sign_in(app, g.store):
        abort(404)
    try:
        with app.db.transaction(g.store.id) as session:
            values = {"form": request.form.get("form") == "1"}
            settings.change(session, g.store, ways.SECTION, values, version=version, now=app.clock())
    except SettingsChanged as error:
        return show_settings(problems={"": refusal_of(error).sentence}), 409
    ways.forget(app, g.store)
    return redirect(url_for("desk.edit_settings", key=key, saved="lookup"))
