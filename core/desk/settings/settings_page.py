"""Settings at the desk: which notices are sent, what the store promises, and the replay of the last 90 days."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from flask import g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page
from core.desk.settings import terms_form
from core.http.context import services
from core.http.errors import refusal_of
from core.jobs import queue
from core.orders.links import store_page
from core.orders.model import Order
from core.shipping import evaluate, replay
from core.shipping.rules.notice_kinds import RULES
from core.stores import settings, staff


@desk.get("/<key>/settings")
def edit_settings(key: str) -> str:
    """Which rules watch, draft or send, and what the store promises."""
    return show_settings()


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
        return show_settings(problems=error.problems), 400
    except settings.SettingsChanged as error:
        return show_settings(problems={"": refusal_of(error).sentence}), 409
    return redirect(url_for("desk.edit_settings", key=key, saved=1))


def show_settings(problems: Mapping[str, str] | None = None) -> str:
    app, terms = services(), evaluate.terms_of(g.store)
    with app.db.transaction(g.store.id, write=False) as session:
        seen = session.scalars(sa.select(Order.status).distinct()).all()
    return show_page(
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
        return show_page("replay", **replay.show(session, g.store, now=app.clock()))
