"""Which entry of the desk's navigation a page belongs to, by its address; the entries themselves are in `nav.html`."""

from __future__ import annotations

SECTIONS = ("today", "orders", "cases", "returns", "reviews", "messages", "settings")
_SECTION_OF = {
    "": "today",
    "orders": "orders",
    "cases": "cases",
    "returns": "returns",
    "withdrawals": "returns",
    "declarations": "returns",
    "money": "returns",
    "reviews": "reviews",
    "notices": "messages",
    "replay": "messages",
    "search": "",
    "lists": "",
}
_SETTINGS = (("returns", "policy"), ("returns", "settings"))
"""Pages that stand below another section's address, and are settings all the same."""


def section_of(path: str, key: str) -> str:
    """Give the section of a page of the store with this key, "" for what stands beside all of them; what is not named
    here is a setting.

    >>> section_of("/admin/k/withdrawals/7", "k")
    'returns'
    """
    first, second, *_ = [*path.removeprefix(f"/admin/{key}").strip("/").split("/"), ""]
    return "settings" if (first, second) in _SETTINGS else _SECTION_OF.get(first, "settings")
