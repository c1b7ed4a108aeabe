"""One HTTP answer, ready to be written to the wire."""

from dataclasses import dataclass, field
from typing import Any

from .php import encode_json


@dataclass(frozen=True)
class Answer:
    """Status, raw body and headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(status: int, value: Any, headers: dict[str, str] | None = None) -> Answer:
    """An answer of WordPress's REST API."""
    kind = {"Content-Type": "application/json; charset=UTF-8", "X-Robots-Tag": "noindex"}
    return Answer(status, encode_json(value), {**kind, **(headers or {})})


def page_answer(status: int, html: str) -> Answer:
    """A page for people."""
    return Answer(status, html.encode(), {"Content-Type": "text/html; charset=UTF-8"})
