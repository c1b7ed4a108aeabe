"""The audit log at the desk, and whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g, request, url_for
from sqlalchemy.orm import Session

from core.desk.lists.kinds import audit_log
from core.desk.lists.list_page import show_list
from core.desk.page import desk
from core.stores import audit, staff

_FOUND_BY_SEARCH = ("return", "withdrawal")
"""Kinds of thing that the search box leads to by their number."""


@desk.get("/<key>/audit")
def show_audit(key: str) -> str:
    """Who did what to what, the newest first; asked to, whether an entry was changed or is missing."""
    staff.require(g.person, staff.MAY_SET)

    def beside(session: Session) -> Mapping[str, Any]:
        is_asked = bool(request.args.get("verify"))
        broken = audit.verify_chain(session) if is_asked else None
        return {"is_verified": is_asked, "broken": broken, "address_of": _address_of}

    return show_list(audit_log.LIST, "audit", more=beside)


def _address_of(subject: str) -> str:
    """Give the page of what an entry is about; "" where it has none."""
    kind, _, name = subject.partition(":")
    if kind in _FOUND_BY_SEARCH:
        return url_for("desk.search", key=g.store.key, q=name)
    if kind == "order" and name.isascii() and name.isdecimal():
        return url_for("desk.show_order", key=g.store.key, order_id=int(name))
    if kind == "notice" and name.isascii() and name.isdecimal():
        return url_for("desk.show_notice", key=g.store.key, notice_id=int(name))
    return ""
