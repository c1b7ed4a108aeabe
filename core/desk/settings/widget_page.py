"""Which page of the store has the widget, so that links in messages lead there, and whether shoppers find an order by
its number or sign in. Parts of the settings page."""

from __future__ import annotations

from contextlib import suppress

from flask import abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk
from core.desk.settings.section_form import save_section
from core.desk.settings.settings_page import show_settings
from core.desk.versions.stale_forms import versioned
from core.http.context import services, words
from core.orders.access import ways
from core.orders.links import SECTION, BadPage, read_page
from core.stores import staff


@desk.post("/<key>/settings/page")
@versioned(lambda key: show_settings(form="page"))
def save_page(key: str) -> BaseResponse | tuple[str, int]:
    """Save it; what cannot be a page is shown again as typed."""
    staff.require(g.person, staff.MAY_SET)
    values = None
    with suppress(BadPage):
        values = {"page": read_page(request.form.get("page", ""))}
    if save_section(SECTION, values):
        return redirect(url_for("desk.edit_settings", key=key, saved="page"))
    wrong = words().pgettext(
        "desk",
        "Give the whole address of the page, such as https://www.example.com/help. It begins with https:// "
        "and has no # in it.",
    )
    return show_settings({"page": wrong}, form="page"), 422


@desk.post("/<key>/settings/lookup")
@versioned(lambda key: show_settings(form="lookup"))
def save_lookup(key: str) -> BaseResponse:
    """Switch the form for number and e-mail on or off; off only where shoppers can sign in instead."""
    staff.require(g.person, staff.MAY_SET)
    app = services()
    if not ways.offers_sign_in(app, g.store):
        abort(404)
    save_section(ways.SECTION, {"form": request.form.get("form") == "1"})
    ways.forget(app, g.store)
    return redirect(url_for("desk.edit_settings", key=key, saved="lookup"))
