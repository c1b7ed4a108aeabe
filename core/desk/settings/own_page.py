"""What each person at the desk chooses for themselves: the language, and whether keyboard shortcuts are on."""

from __future__ import annotations

from flask import abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page
from core.http.context import services
from core.i18n.words import languages
from core.stores.model import Staff


@desk.get("/<key>/me")
def edit_own_page(key: str) -> str:
    """Which language the desk speaks to this person, and whether its shortcuts are on."""
    return show_page("own_page", languages=languages(), told=languages().get(g.person.language, ""))


@desk.post("/<key>/me")
def save_own_page(key: str) -> BaseResponse:
    """Save what this person chose; "" is the language their store's admin names, or the browser's."""
    language = request.form.get("language", "")
    if language and language not in languages():
        abort(400)
    with services().db.transaction(g.store.id) as session:
        person = session.get(Staff, (g.store.id, g.person.id), with_for_update=True)
        if person is None:
            abort(404)
        person.chosen_language, person.uses_keys = language, "keys" in request.form
    return redirect(url_for("desk.edit_own_page", key=key, saved=1))
