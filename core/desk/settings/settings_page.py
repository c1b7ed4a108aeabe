"""Settings at the desk: which notices are sent, what the store promises, and the replay of the last 90 days."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from flask import g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page
from core.desk.settings import terms_form
from core.desk.settings.section_form import NOTHING, save_section, show_document
from core.desk.settings.store_choices import choices_of
from core.desk.versions.stale_forms import versioned
from core.http.context import services, words
from core.jobs import queue
from core.orders import links
from core.orders.access import ways
from core.shipping import evaluate, replay
from core.shipping.rules.notice_kinds import RULES
from core.stores import staff


@desk.get("/<key>/settings")
def edit_settings(key: str) -> str:
    """Which rules watch, draft or send, and what the store promises."""
    return show_settings()


@desk.post("/<key>/settings")
@versioned(lambda key: show_settings(form=_posted_part()))
def save_settings(key: str) -> BaseResponse | tuple[str, int]:
    """Save a part and look at every open parcel with it; what cannot be saved is shown again as typed."""
    staff.require(g.person, staff.MAY_SET)
    part, now, before = _posted_part(), services().clock(), evaluate.terms_of(g.store)
    terms, problems = None, NOTHING
    try:
        terms = terms_form.read_terms(request.form, before, words())
    except terms_form.BadTerms as error:
        problems = error.problems

    def look_again(session: Session) -> None:
        evaluate.recheck_parcels(session, now=now)
        if terms is not None and terms.statuses != before.statuses:
            again = {"feed": "orders.repair", "since": (now - replay.WINDOW).isoformat()}
            queue.enqueue(session, g.store.id, queue.NewJob("changes.read", "read:orders.repair", again), now=now)

    values = terms.model_dump(mode="json", exclude_unset=True) if terms else None
    if save_section(evaluate.SECTION, values, also=look_again):
        return redirect(url_for("desk.edit_settings", key=key, saved=part, _anchor=part))
    return show_settings(problems, form=part), 422


def _posted_part() -> str:
    """Give the part that was posted; a form that names none is taken for the first."""
    part = request.form.get("part", "")
    return part if part in terms_form.PARTS else "messages"


def show_settings(problems: Mapping[str, str] = NOTHING, *, form: str = "") -> str:
    """Print the page of the settings; `form` is the one that was posted, or saved just before."""
    app, terms, say = services(), evaluate.terms_of(g.store), words()
    natives = app.platforms[g.store.platform].native_mails
    today = app.clock().astimezone(ZoneInfo(terms.timezone)).date()
    typed = [value for name, value in request.form.items() if name.endswith(".country")]
    with app.db.transaction(g.store.id, write=False) as session:
        choices = choices_of(session, terms, say, typed, today=today)
    forms = {part: terms_form.show_part(terms, part) for part in terms_form.PARTS}
    forms["messages"] = {f"native.{kind}": "" for kind in natives} | forms["messages"]
    forms["statuses"] = {f"status.{name}": "" for name in choices.statuses} | forms["statuses"]
    forms |= {
        "page": {"page": links.store_page(g.store)},
        "lookup": {"form": "1" if ways.has_form(app, g.store) else ""},
    }
    rows = {**forms["times"], **forms["holidays"], **request.form}
    saved = request.args.get("saved", "")
    mine = form or (saved if saved in forms else "messages")
    return show_document(
        "settings",
        mine,
        forms.pop(mine),
        problems=problems,
        others=forms,
        section_of=dict.fromkeys(terms_form.PARTS, evaluate.SECTION) | {"page": links.SECTION, "lookup": ways.SECTION},
        saved=mine if saved and request.method == "GET" else "",
        choices=choices,
        rows=terms_form.rows_of(rows, "transit"),
        closed=terms_form.rows_of(rows, "closed"),
        week=[say.locale.days["stand-alone"]["abbreviated"][day] for day in range(7)],
        rules=RULES,
        natives=natives,
    )


@desk.get("/<key>/replay")
def show_replay(key: str) -> str:
    """What these rules would have said in the last 90 days."""
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        return show_page("replay", **replay.show(session, g.store, now=app.clock()))
