"""Turns exceptions into HTTP answers: JSON for machines, one sentence for people, never a stack trace.

Each slice says in a mapping `ERRORS` what its own exceptions mean; `app.py` collects them. What any part of the
program may raise (the platform's errors, the database's, HTTP's own) is answered here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import structlog
from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, current_app, jsonify, render_template, request
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import DataError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from core.http.context import services, words
from core.i18n.words import Words
from core.platform.errors import BadSignature, NotSupported, PlatformError, Unavailable
from core.platform.registry import UnknownPlatform

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error as HTTP says it: status, machine word, sentence; `more` stands beside the two in JSON."""

    status: int
    code: str
    sentence: str
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


_READ_ONLY = "25006"  # PostgreSQL's read_only_sql_transaction

Explain = Callable[[Any, Words, datetime], Refusal]
"""Makes the refusal of a caught exception, in the reader's language, at a moment."""


def explain(context: str, sentence: str, *, status: int, code: str) -> Explain:
    """Make the explanation of an exception whose sentence (an English msgid) is always the same."""

    def refuse(_error: Exception, reader: Words, _now: datetime) -> Refusal:
        return Refusal(status, code, reader.pgettext(context, sentence))

    return refuse


ANY_OTHER = explain("widget", "This did not work. Try again, or ask the store.", status=500, code="internal")
NOT_FOUND = explain("widget", "There is nothing at this address.", status=404, code="not_found")
NOT_SIGNED_IN = explain(
    "desk",
    "Your session has ended. Open Aftercare from your store's admin again.",
    status=401,
    code="http_401",
)
NOT_ALLOWED = explain("widget", "Your access has run out. Find your order again.", status=401, code="not_allowed")
AWAY = explain("widget", "We cannot look this up right now. Try again in a minute.", status=503, code="away")

ERRORS: Mapping[type[Exception], Explain] = {
    UnknownPlatform: explain(
        "widget", "This did not work. Try again, or ask the store.", status=404, code="unknown_platform"
    ),
}


def handle(app: APIFlask, explanations: Mapping[type[Exception], Explain]) -> None:
    """Register what each exception becomes: those of the slices as explained, everybody's as written here."""
    app.extensions["aftercare.errors"] = explanations
    for kind in explanations:
        app.register_error_handler(kind, answer_for)
    app.register_error_handler(PlatformError, _platform)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DataError, _unstorable)
    app.register_error_handler(OverflowError, _unstorable)
    app.register_error_handler(ParseException, _garbled)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(NoConnection, _database_away)
    app.register_error_handler(InternalError, _read_only)
    app.register_error_handler(Exception, _ours)
    app.error_callback = _validation


def refusal_of(error: Exception) -> Refusal:
    """Explain an exception that a slice registered, to the reader of this request. Raises KeyError for another."""
    explanations = cast(Mapping[type[Exception], Explain], current_app.extensions["aftercare.errors"])
    return explanations[type(error)](error, words(), services().clock())


def answer_for(error: Exception) -> Response:
    """Answer an exception that a slice registered. Raises KeyError for another."""
    return _respond(refusal_of(error))


def _respond(refusal: Refusal) -> Response:
    if _wants_json():
        response = jsonify(error={"code": refusal.code, "message": refusal.sentence, **refusal.more})
    else:
        response = Response(render_template("error.html", sentence=refusal.sentence, store=_NOBODY))
    response.status_code = refusal.status
    response.headers.update(refusal.headers)
    return response


def _say(known: Explain, **changes: Any) -> Response:
    """Answer with one of the explanations above; `changes` replace its status, code or headers."""
    plain = known(Exception(), words(), services().clock())
    return _respond(Refusal(**{name: changes.get(name, getattr(plain, name)) for name in Refusal.__dataclass_fields__}))


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 404:
        return _say(NOT_FOUND)
    if status == 401:
        return _say(NOT_SIGNED_IN)
    return _say(ANY_OTHER, status=status, code="method_not_allowed" if status == 405 else f"http_{status}")


def _platform(error: PlatformError) -> Response:
    if isinstance(error, BadSignature):
        return _say(NOT_ALLOWED if _wants_json() else NOT_SIGNED_IN, headers=error.headers)
    if isinstance(error, NotSupported):
        return _say(NOT_FOUND)
    if isinstance(error, Unavailable):
        return _say(AWAY, headers={"Retry-After": str(round(error.retry_after or 30))})
    return _say(ANY_OTHER, status=502, code="refused")


def _unstorable(error: DataError | OverflowError) -> Response:
    # What was typed holds what the database cannot: a NUL, a number of forty digits. (SQLite's driver calls the
    # number an OverflowError, which SQLAlchemy passes on as it is.)
    log.info("unstorable", error=type(getattr(error, "orig", error)).__name__)
    return _say(ANY_OTHER, status=400, code="invalid")


def _garbled(_error: ParseException) -> Response:
    # gunicorn reads a chunked body while we do, so what is wrong with a chunk comes up in the view (27, 2026-11).
    return _say(ANY_OTHER, status=400, code="http_400")


def _database_away(error: OperationalError | InternalError | NoConnection) -> Response:
    """Ask to come back: the database is away, cannot be written, or so busy that no connection came free."""
    log.error("database_away", error=type(getattr(error, "orig", error)).__name__)
    return _say(AWAY, headers={"Retry-After": "30"})


def _read_only(error: InternalError) -> Response:
    # PostgreSQL refuses a write to a read-only database as an internal error; SQLite's refusal is operational.
    if getattr(error.orig, "sqlstate", "") == _READ_ONLY:
        return _database_away(error)
    return _ours(error)


def _ours(_error: Exception) -> Response:
    log.exception("unhandled", path=request.url_rule.rule if request.url_rule else "")
    return _say(ANY_OTHER)


def _validation(error: HTTPError) -> tuple[Response, int]:
    detail = error.detail if isinstance(error.detail, dict) else {}
    fields = sorted({str(name) for part in detail.values() if isinstance(part, dict) for name in part})
    status = 400 if error.status_code == 422 else error.status_code
    body = {"code": "invalid" if fields else f"http_{status}", "message": error.message}
    return jsonify(error=body | ({"fields": fields} if fields else {})), status


def _wants_json() -> bool:
    return request.path.startswith(("/shop/", "/hooks/", "/proxy/", "/metrics", "/healthz", "/readyz", "/mail/"))


class _Nobody:
    name = ""
    url = ""


_NOBODY = _Nobody()
