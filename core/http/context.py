"""Between Flask and the slices: the services of this app, plain requests, the reader's language, same-site posts."""

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
    """Flask's request, for callers who send what nobody should: odd bytes behind the "?", bottomless JSON."""

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """Give what stands behind the "?"; what is no UTF-8 reads as U+FFFD."""
        # Werkzeug decodes strictly what was not percent-encoded (3.1, 2026-11), and the error page reads ?lang= again.
        text = self.query_string.decode("utf-8", "replace")
        return ImmutableMultiDict(parse_qsl(text, keep_blank_values=True))

    def get_json(self, *args: Any, **options: Any) -> Any:
        """Give the body's JSON; 400 also for brackets in brackets by the thousand, which json gives up on."""
        try:
            return super().get_json(*args, **options)
        except RecursionError:
            abort(400)


def services() -> Services:
    """Give the app's services."""
    return cast(Services, current_app.extensions["aftercare"])


def plain(incoming: FlaskRequest) -> Request:
    """Turn Flask's request into the plain one plugins read; the body is the raw bytes."""
    return Request(
        method=incoming.method,
        path=incoming.path,
        query=incoming.query_string.decode("latin-1"),
        headers={name.lower(): value for name, value in incoming.headers.items()},
        body=incoming.get_data(cache=True),
    )


def answer(reply: Reply) -> FlaskResponse:
    """Turn a plugin's own answer into Flask's."""
    return FlaskResponse(reply.body, status=reply.status, headers=dict(reply.headers))


def speak(*wanted: str | None) -> Words:
    """Settle the page's language: what was asked for in `?lang=`, the order's or staff's, the browser's."""
    g.words = Words(negotiate(request.args.get("lang"), *wanted, request.headers.get("Accept-Language")))
    return cast(Words, g.words)


def words() -> Words:
    """Give the page's language; the browser's where nobody settled it."""
    if not hasattr(g, "words"):
        speak()
    return cast(Words, g.words)


def speak_for(store_language: str, order_language: str = "") -> Words:
    """Settle the language of a shopper's page: theirs, the order's, the browser's, the store's."""
    browser = request.headers.get("Accept-Language")
    g.words = Words(negotiate(request.args.get("lang"), order_language, browser, store_language))
    return cast(Words, g.words)


def in_language(address: str) -> str:
    """Let a link between a shopper's pages keep the language that `?lang=` asked for here."""
    return f"{address}?lang={words().tag}" if "lang" in request.args else address


def keep_language(_endpoint: str, values: dict[str, Any]) -> None:
    """Do the same for `url_for`: a blueprint's `url_defaults`."""
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
