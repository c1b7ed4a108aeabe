"""Text from outside as it may be stored and linked: no character a database refuses, no address but the web's."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def storable(value: Any) -> Any:
    """Give a plain value (text, list, tuple, dict of them) with what PostgreSQL refuses taken out of every text.

    NUL (PostgreSQL 17, "String Constants with Unicode Escapes") goes, half an emoji becomes "?"; without this one
    shopper's name would stop a whole page of orders.
    """
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value


def picture_url(text: str) -> str:
    """Give the https address of a picture unchanged and "" for anything else; http only on this very machine."""
    url = web_url(text)
    parts = urlsplit(url)
    is_here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return url if parts.scheme.lower() == "https" or is_here else ""


def web_url(text: str) -> str:
    """Give an http(s) address unchanged and "" for anything else: what a page links must not be script."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return ""
    return text.strip() if parts.scheme.lower() in ("http", "https") and parts.netloc else ""
