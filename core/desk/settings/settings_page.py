"""Settings at the desk: which notices are sent, what the store promises, and the replay of the last 90 days."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from flask import g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page
from core.desk.settings import terms_form
from core.desk.settings.section_form import NOTHING, save_section, show_document
from core.desk.versions.stale_forms import versioned
from core.http.context import services
from core.jobs import queue
from core.orders import links
from core.orders.access import ways
from core.orders.model import Order
from core.shipping import evaluate, replay
from core.shipping.rules.notice_kinds import RULES
from core.stores import staff


@desk.get("/<key>/settings")
def edit_settings(key: str) -> str:
    """Which rules watch, draft or send, and what the store promises."""
    return show_settings()


@desk.post("/<key>/settings")
@versioned(lambda key: show_settings(section=evaluate.SECTION))
def save_settings(key: str) -> BaseResponse | tuple[str, int]:
    """Save the settings and look at every open parcel with them; what cannot be saved is shown again as typed."""
    staff.require(g.person, staff.MAY_SET)
    now, before = services().clock(), evaluate.terms_of(g.store)
    terms, problems = None, NOTHING
    try:
        terms = terms_form.read_terms(request.form, before)
    except terms_form.BadTerms as error:
        problems = error.problems

    def look_again(session: Session) -> None:
        evaluate.recheck_parcels(session, now=now)
        if terms is not None and terms.statuses != before.statuses:
            again = {"feed": "orders.repair", "since": (now - replay.WINDOW).isoformat()}
            queue.enqueue(session, g.store.id, queue.NewJob("changes.read", "read:orders.repair", again), now=now)

    values = terms.model_dump(mode="json", exclude_unset=True) if terms else None
    if save_section(evaluate.SECTION, values, also=look_again):
        return redirect(url_for("desk.edit_settings", key=key, saved=1))
    return show_settings(problems, section=evaluate.SECTION), 422


def show_settings(problems: Mapping[str, str] = NOTHING, *, section: str = "") -> str:
    """Print the page of the settings; `section` is the one whose form was posted, or saved just before."""
    app, terms = services(), evaluate.terms_of(g.store)
    natives = app.platforms[g.store.platform].native_mails
    with app.db.transaction(g.store.id, write=False) as session:
        seen = sorted({*session.scalars(sa.select(Order.status).distinct()), *terms.statuses})
    unset = dict.fromkeys([f"native.{kind}" for kind in natives] + [f"status.{name}" for name in seen], "")
    forms = {
        evaluate.SECTION: unset | terms_form.show_terms(terms),
        links.SECTION: {"page": links.store_page(g.store)},
        ways.SECTION: {"form": "1" if ways.has_form(app, g.store) else ""},
    }
    saved = {"page": links.SECTION, "lookup": ways.SECTION}.get(request.args.get("saved", ""), evaluate.SECTION)
    mine = section or saved
    return show_document(
        "settings",
        mine,
        forms.pop(mine),
        problems=problems,
        others=forms,
        seen=seen,
        rules=RULES,
        natives=natives,
    )


@desk.get("/<key>/replay")
def show_replay(key: str) -> str:
    """What these rules would have said in the last 90 days."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        return show_page("replay", **replay.show(session, g.store, now=app.clock()))
