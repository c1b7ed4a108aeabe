"""The two busiest addresses, answered ahead of Flask: deliveries, and the widget's "find my order".

Flask costs as much as all the rest of such a request (benchmarks.p1_webhooks, p3_lookup, 2026-11). What is answered
here is the usual form only. Whatever else comes to these addresses goes on to Flask, which has the same two routes
and calls the same two functions; so do errors, which meet HTTP in errors.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from io import BytesIO
from typing import Any, cast

from flask import Flask
from pydantic import ValidationError

from core.http import headers
from core.orders import lookup
from core.orders.access.ways import lookup_store_id
from core.orders.lookup import FindOrderIn
from core.platform.contract import Request
from core.services import Services
from core.web import hooks

Environ = dict[str, Any]
_Headers = tuple[tuple[str, str], ...]
_Answer = tuple[str, bytes, _Headers]
"""A status line, a body, the headers."""
_raised: ContextVar[Exception | None] = ContextVar("raised", default=None)
_LONGEST_PAIR = 10_000  # bytes of a body that holds an order's number and its proof
_STATUS = {200: "200 OK", 401: "401 Unauthorized", 404: "404 Not Found", 413: "413 Content Too Large"}
_TEXT = (("Content-Type", hooks.TEXT), *headers.ALWAYS)
_JSON = (("Content-Type", "application/json"), *headers.ALWAYS, *headers.SHOP, *headers.UNKEPT)


class FastPath:
    """WSGI middleware that answers the two busiest addresses itself."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._behind = app.wsgi_app
        app.before_request(_raise)

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a usual request to one of the two; hand every other on to Flask."""
        try:
            answer = self._answer(environ)
        except Exception as error:  # noqa: BLE001 - raised again behind, where errors become answers
            token = _raised.set(error)
            try:
                return self._behind(environ, start)
            finally:
                _raised.reset(token)
        if answer is None:
            return self._behind(environ, start)
        status, body, fields = answer
        start(status, [*fields, ("Content-Length", str(len(body)))])
        return (body,)

    @property
    def _services(self) -> Services:
        return cast(Services, self._app.extensions["aftercare"])

    def _answer(self, environ: Environ) -> _Answer | None:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "POST" or not path.isascii():
            return None
        match path.split("/"):
            case ["", "hooks", platform] if platform:
                return self._take_in(environ, platform, "")
            case ["", "hooks", platform, token] if platform and token:
                return self._take_in(environ, platform, token)
            case ["", "shop", key, "find"] if key:
                return self._find(environ, key)
        return None

    def _take_in(self, environ: Environ, platform: str, token: str) -> _Answer | None:
        body = _body(environ, hooks.MOST_BYTES)
        if body is None:
            return None
        incoming = Request("POST", environ["PATH_INFO"], environ["QUERY_STRING"], _fields(environ), body)
        door: hooks.StoreLookup = self._app.extensions["aftercare.door"]
        text, status = hooks.take_in(self._services, door, platform, token, incoming)
        return _STATUS[status], text.encode(), _TEXT

    def _find(self, environ: Environ, key: str) -> _Answer | None:
        if environ["QUERY_STRING"] or environ.get("CONTENT_TYPE") != "application/json":
            return None
        body = _body(environ, _LONGEST_PAIR)
        try:
            pair = FindOrderIn.model_validate_json(body or b"")
        except ValidationError:
            return None
        store_id = lookup_store_id(self._services, key)
        found = lookup.find_as_json(self._services, store_id, pair, environ.get("REMOTE_ADDR") or "")
        return _STATUS[200], found, _JSON


def _raise() -> None:
    """Go on in Flask with an error that came up ahead of it."""
    if error := _raised.get():
        raise error


def _body(environ: Environ, most: int) -> bytes | None:
    """Read the whole body; None where it is longer than `most`, or not all there. Flask can read it again."""
    length = environ.get("CONTENT_LENGTH") or ""
    if "HTTP_TRANSFER_ENCODING" in environ or not length.isdecimal() or len(length) > 9 or int(length) > most:
        return None
    body: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = BytesIO(body)
    return body if len(body) == int(length) else None


def _fields(environ: Mapping[str, Any]) -> dict[str, str]:
    """Give the request's headers as plugins read them: in lower case."""
    fields = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            fields[name.replace("_", "-").lower()] = environ[name]
    return fields
