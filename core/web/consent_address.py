"""Where a merchant may be sent to approve a connection: an address of the platform's, or a store they have seen named.

Anybody may write a link to `/install/…?store=`; it must not carry a person from our address to any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from core.platform.address_guard import is_public
from core.platform.errors import Refused


def leads_home(location: str, public_url: str) -> bool:
    """Say whether an address is one of ours."""
    return location == public_url or location.startswith(f"{public_url}/")


def require_domain(location: str, domains: Sequence[str], title: str) -> None:
    """Raise Refused unless an address is https, without name and port, at one of `domains` or below it."""
    parts = _split(location)
    host = parts.hostname or ""
    is_theirs = any(host == domain or host.endswith(f".{domain}") for domain in domains)
    if parts.scheme != "https" or parts.netloc.lower() not in (host, f"{host}:443") or not is_theirs:
        raise Refused(f"No {title} asks for consent at that address.")


def require_public(location: str, allow: frozenset[str]) -> str:
    """Give the scheme and host of a store's consent page, to name before anybody goes there.

    Raises Refused for what only a private network knows, save the "host:port" in `allow`. DNS is not asked: the
    browser goes there, not we.
    """
    parts = _split(location)
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        raise Refused("Enter the address of your store, such as https://store.example.")
    if parts.netloc.lower() not in allow and not _could_be_public(host):
        raise Refused(f"{host} is not an address on the public internet.")
    return f"{parts.scheme}://{parts.netloc}"


def _could_be_public(host: str) -> bool:
    try:
        return is_public(str(ip_address(host)))
    except ValueError:
        name = host.rstrip(".")
        return "." in name and not name.endswith((".localhost", ".local", ".internal"))


def _split(location: str) -> SplitResult:
    try:
        if "\\" in location:  # a slash to browsers
            return urlsplit("")
        parts = urlsplit(location)
        _ = parts.hostname, parts.port
    except ValueError:
        return urlsplit("")
    return parts
