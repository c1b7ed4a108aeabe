"""Notices at the desk: what was or would be sent, one letter, and sending or discarding a draft."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flask import abort, g, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from core.desk.lists.kinds import messages
from core.desk.lists.list_page import show_list
from core.desk.page import desk, show_page
from core.desk.versions.row_version import check_version, version_of
from core.desk.versions.stale_forms import versioned
from core.http.context import services
from core.http.errors import refusal_of
from core.jobs import queue
from core.orders.messages.notice import IllegalMove, Notice
from core.orders.messages.send_notice import notices_of_message
from core.orders.model import Order
from core.returns import events
from core.returns.mail import send_letters
from core.shipping.mail import notices as letters
from core.stores import audit, staff


@desk.get("/<key>/notices")
def list_notices(key: str) -> str:
    """What was or would be said, newest first."""
    return show_list(messages.LIST, "notices")


@desk.get("/<key>/notices/<int:notice_id>")
def show_notice(key: str, notice_id: int) -> str:
    """The very letter the shopper gets, and why."""
    return _print(notice_id)


def _print(notice_id: int, problems: Mapping[str, str] = MappingProxyType({})) -> str:
    app = services()
    with app.db.transaction(g.store.id, write=False) as session:
        notice, order = _notice(session, notice_id)
        version = version_of(session, notice)
        at = notice.sent_at or app.clock()
        if notice.rule == events.RULE:
            letter = send_letters.compose(session, app, g.store, order, notice, at)
        else:
            letter = letters.compose(session, app, g.store, order, notices_of_message(session, notice), at)
        return show_page("notice", notice=notice, order=order, letter=letter, version=version, problems=problems)


@desk.post("/<key>/notices/<int:notice_id>/<verb>")
@versioned(lambda key, notice_id, verb: _print(notice_id))
def move_notice(key: str, notice_id: int, verb: str) -> BaseResponse | tuple[str, int]:
    """Send a draft, or discard it; whoever comes second is told."""
    staff.require(g.person, staff.MAY_ACT)
    if verb not in ("send", "discard"):
        abort(404)
    app = services()
    now = app.clock()
    try:
        with app.db.transaction(g.store.id) as session:
            notice = session.get(Notice, (g.store.id, notice_id), with_for_update=True)
            if notice is None or notice.merged_into is not None:
                abort(404)
            check_version(session, notice)
            for row in notices_of_message(session, notice):
                row.move(verb)
            if verb == "send":
                new = queue.NewJob("shipping.send_notice", f"notice:{notice.id}", {"id": notice.id}, once=True)
                queue.enqueue(session, g.store.id, new, now=now)
            audit.note(session, now, audit.STAFF, f"{verb}_notice", f"notice:{notice.id}")
    except IllegalMove as error:
        return _print(notice_id, {"": refusal_of(error).sentence}), 409
    return redirect(url_for("desk.list_notices", key=key, state="draft"))


def _notice(session: Session, notice_id: int) -> tuple[Notice, Order]:
    notice = session.get(Notice, (g.store.id, notice_id))
    order = session.get(Order, (g.store.id, notice.order_id)) if notice else None
    if notice is None or order is None:
        abort(404)
    return notice, order
