"""Reads a platform's response: JSON with its usual flaws, the wait it asks for, and what its status means."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from core.platform.errors import AccessLost, Refused, Unavailable

if TYPE_CHECKING:
    import requests

_LONGEST_WAIT = 3600.0  # seconds
_ERROR_FIELDS = ("message", "errorMessage", "error_description", "error", "errors")
_DEEPEST_JSON = 100


def check(response: requests.Response) -> None:
    """Return when the platform did what was asked, else raise what its status says; a plugin may look first.

    401, 402, 403 → AccessLost; 408, 425, 429, 5xx → Unavailable; other 4xx → Refused. Two quirks: a 403 that is a
    web page comes from a firewall → Unavailable; a refusal behind a redirect to elsewhere only says that the store
    has moved, since credentials do not follow → Refused.
    """
    status = response.status_code
    if status < 400:
        return
    words = _platform_sentence(response)
    if status in (408, 425, 429) or status >= 500 or (status == 403 and _is_page(response)):
        raise _unavailable(response, f": {words}" if words else "")
    asked = response.history[0].url if response.history else response.url
    if find_origin(asked) != find_origin(response.url):
        raise Refused(describe_move(asked, response.url))
    kind = AccessLost if status in (401, 402, 403) else Refused
    raise kind(words or f"{scrub(response.url)} answered {status}")


def read_json(response: requests.Response) -> Any:
    """Give the body as plain values, fractions as Decimal since they may be money; else raise Unavailable.

    A byte order mark is skipped, and so are PHP notices in front of a body whose content type says JSON.
    """
    text = response.content.decode("utf-8-sig", "replace").strip()
    starts = [0]
    if "json" in response.headers.get("Content-Type", "").lower():
        starts += [found.start() for found in re.finditer(r"[{\[]", text[:65_536])][:50]
    for start in starts:
        try:
            value = _JSON.decode(text[start:])
        except (ValueError, ArithmeticError, RecursionError):
            continue
        if _is_shallow(value):
            return value
        break
    if _is_page(response):
        raise _unavailable(response, " with a web page (maintenance, a firewall?)")
    raise _unavailable(response, " with something that is not JSON")


def parse_json(text: str) -> Any:
    """Give JSON text as plain values, fractions as Decimal; raise ValueError for what is none, or nests too deep."""
    try:
        value = _JSON.decode(text)
    except (ArithmeticError, RecursionError) as error:
        raise ValueError("not JSON that can be read") from error
    if not _is_shallow(value):
        raise ValueError("nested too deep")
    return value


def retry_after(response: requests.Response) -> float | None:
    """Give the seconds the platform asks us to wait, 0 to 3600; None when it does not say so legibly."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), _LONGEST_WAIT)
    until = _read_date(text)
    if until is None:
        return None
    # By the platform's own clock where it shows it, since ours may differ.
    now = _read_date(response.headers.get("Date", "")) or datetime.now(UTC)
    return min(max((until - now).total_seconds(), 0.0), _LONGEST_WAIT)


def scrub(url: str | None) -> str:
    """Give scheme://host/path for messages and logs: no query, no fragment, no user:password."""
    origin = find_origin(url)
    return origin + urlsplit(url or "").path if origin else "an unreadable address"


def find_origin(url: str | None) -> str:
    """Give scheme://host[:port] in lower case; empty where the URL has none."""
    try:
        parts = urlsplit(url or "")
        _ = parts.port  # ValueError: "user:pa/ss@host" would pass a piece of the password for a host
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}".lower() if host else ""


def describe_move(asked: str, target: str) -> str:
    """Write the sentence for a merchant whose store answers somewhere else."""
    if find_origin(asked) == find_origin(target):
        return f"{scrub(asked)} redirects to another page instead of answering."
    return f"The store's address has moved to {find_origin(target)}: connect the store again with that address."


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


def _is_shallow(value: Any) -> bool:
    """Say whether lists and objects nest no deeper than code that walks them by recursion can bear."""
    level: list[Any] = [[value]]
    for _ in range(_DEEPEST_JSON + 1):
        children = (child for one in level for child in (one.values() if isinstance(one, dict) else one))
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return True
    return False


def _is_page(response: requests.Response) -> bool:
    is_html = "html" in response.headers.get("Content-Type", "").lower()
    return is_html or response.content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def _unavailable(response: requests.Response, rest: str) -> Unavailable:
    message = f"{scrub(response.url)} answered {response.status_code}{rest}"
    return Unavailable(message, retry_after=retry_after(response))


def _platform_sentence(response: requests.Response) -> str:
    """Give the platform's own sentence out of a JSON error body, at most 300 characters; empty without one."""
    try:
        return _find_words(read_json(response))
    except Unavailable:
        return ""


def _find_words(body: Any) -> str:
    if isinstance(body, str):
        return " ".join(body.split())[:300]
    if isinstance(body, dict):
        body = [body.get(field) for field in _ERROR_FIELDS]
    return next(filter(None, map(_find_words, body)), "") if isinstance(body, list) else ""


def _read_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
