"""The store's sources of reviews, on the page of its connection: connect one, try it again, disconnect it."""

from __future__ import annotations

from flask import abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk
from core.desk.settings.connection_page import print_connection
from core.desk.versions.row_version import check_version
from core.desk.versions.stale_forms import versioned
from core.http.context import services, words
from core.platform.errors import PlatformError, Unavailable
from core.reviews.sources import connect
from core.reviews.sources.connect import FieldsMissing, SourceUnknown
from core.stores import staff
from core.stores.model import ConnectedSource


@desk.post("/<key>/connection/sources/<name>")
def connect_source(key: str, name: str) -> BaseResponse | tuple[str, int]:
    """Connect a source with what was typed in; what the provider says against it stands beside the form."""
    staff.require(g.person, staff.MAY_SET)
    app, say = services(), words().pgettext
    try:
        connect.connect(app, g.store, name, request.form)
    except SourceUnknown:
        abort(404)
    except FieldsMissing as missing:
        return _again(name, fields={one: say("desk", "Fill this in.") for one in missing.names})
    except Unavailable:
        return _again(name, problem=say("desk", "It cannot be reached now. Try again in a moment."))
    except PlatformError as refusal:
        return _again(name, problem=say("desk", "It does not let us in."), sentence=str(refusal))
    return redirect(url_for("desk.show_connection", key=key, source="connected"))


def _again(
    name: str, *, problem: str = "", sentence: str = "", fields: dict[str, str] | None = None
) -> tuple[str, int]:
    refused = {"name": name, "problem": problem, "sentence": sentence, "fields": fields or {}}
    return print_connection(refused=refused, typed=request.form), 422


@desk.post("/<key>/connection/sources/<int:source_id>/try")
@versioned(lambda key, source_id: print_connection())
def try_source(key: str, source_id: int) -> BaseResponse:
    """Try to get into a source that refuses, now."""
    staff.require(g.person, staff.MAY_ACT)
    with services().db.transaction(g.store.id) as session:
        connect.try_now(session, _find(session, source_id), now=services().clock())
    return redirect(url_for("desk.show_connection", key=key, source="tried"))


@desk.post("/<key>/connection/sources/<int:source_id>/disconnect")
@versioned(lambda key, source_id: print_connection())
def disconnect_source(key: str, source_id: int) -> BaseResponse:
    """Forget a source's credentials and stop reading it."""
    staff.require(g.person, staff.MAY_SET)
    with services().db.transaction(g.store.id) as session:
        connect.disconnect(session, _find(session, source_id), now=services().clock())
    return redirect(url_for("desk.show_connection", key=key, source="disconnected"))


def _find(session: Session, source_id: int) -> ConnectedSource:
    """Load and lock the source whose form was posted. Raises Stale where the form shows it otherwise."""
    try:
        row = connect.find_source(session, g.store.id, source_id, lock=True)
    except SourceUnknown:
        abort(404)
    check_version(session, row)
    return row
