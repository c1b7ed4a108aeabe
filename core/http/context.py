"""Request helpers over Flask: the app's services, plain requests for plugins, the language, same-site checks."""

from __future__ import annotations

import secrets
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from flask import Request as FlaskRequest
from flask import Response as FlaskResponse
from flask import abort, current_app, g, request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.utils import cached_property

from core.i18n.words import Words, negotiate
from core.platform.contract import Reply, Request
from core.services import Services


class Incoming(FlaskRequest):
    """Flask's request, made safe for malformed input: query strings that are no UTF-8, deeply nested JSON."""

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """Give the query parameters; bytes that are no UTF-8 read as U+FFFD."""
        # Werkzeug decodes strictly what was not percent-encoded (3.1, 2026-11), and the error page reads ?lang= again.
        text = self.query_string.decode("utf-8", "replace")
        return ImmutableMultiDict(parse_qsl(text, keep_blank_values=True))

    def get_json(self, *args: Any, **options: Any) -> Any:
        """Give the body's JSON; 400 also for nesting so deep that json raises RecursionError."""
        try:
            return super().get_json(*args, **options)
        except RecursionError:
            abort(400)


def services() -> Services:
    """Give the app's services."""
    return cast(Services, current_app.extensions["aftercare"])


def to_plain_request(incoming: FlaskRequest) -> Request:
    """Turn Flask's request into the plain one plugins read; the body is the raw bytes."""
    return Request(
        method=incoming.method,
        path=incoming.path,
        query=incoming.query_string.decode("latin-1"),
        headers={name.lower(): value for name, value in incoming.headers.items()},
        body=incoming.get_data(cache=True),
    )


def to_flask_response(reply: Reply) -> FlaskResponse:
    """Turn a plugin's own answer into Flask's."""
    return FlaskResponse(reply.body, status=reply.status, headers=dict(reply.headers))


def set_language(*wanted: str | None) -> Words:
    """Choose the page's language: that of `?lang=`, else the first wanted one we have, else the browser's."""
    g.words = Words(negotiate(request.args.get("lang"), *wanted, request.headers.get("Accept-Language")))
    return cast(Words, g.words)


def words() -> Words:
    """Give the page's language; the browser's where none was chosen."""
    if not hasattr(g, "words"):
        set_language()
    return cast(Words, g.words)


def set_shopper_language(store_language: str, order_language: str = "") -> Words:
    """Choose the language of a shopper's page: that of `?lang=`, else the order's, the browser's or the store's."""
    browser = request.headers.get("Accept-Language")
    g.words = Words(negotiate(request.args.get("lang"), order_language, browser, store_language))
    return cast(Words, g.words)


def in_language(address: str) -> str:
    """Add the `?lang=` of this request to a link between a shopper's pages."""
    if "lang" not in request.args or "lang=" in address:
        return address
    page, mark, fragment = address.partition("#")
    return f"{page}{'&' if '?' in page else '?'}lang={words().tag}{mark}{fragment}"


def keep_language(_endpoint: str, values: dict[str, Any]) -> None:
    """Add the `?lang=` of this request to what `url_for` builds; for a blueprint's `url_defaults`."""
    if "lang" in request.args:
        values.setdefault("lang", words().tag)


def nonce() -> str:
    """Give the request's CSP nonce."""
    if not hasattr(g, "nonce"):
        g.nonce = secrets.token_urlsafe(12)
    return cast(str, g.nonce)


def require_same_site() -> None:
    """Refuse a form that another site posted in the reader's name; browsers say where a post came from."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)
    origin = request.headers.get("Origin")
    if origin and origin != "null" and _host_of(origin) != request.host:
        abort(403)


def _host_of(origin: str) -> str:
    """Give the host of an origin; "" for one that cannot be read ("http://["), which is nobody's."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
