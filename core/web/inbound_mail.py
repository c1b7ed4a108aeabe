"""POST /mail/inbound: the mail server hands over what came back. Bounces show on their notice, replies become cases."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

import sqlalchemy as sa
import structlog
from flask import Blueprint, request
from sqlalchemy.orm import Session

from core.conversations import cases, raw_mail
from core.conversations.model import Message
from core.http.context import services
from core.mail.inbound import Inbound, UnreadableMail, read
from core.orders.messages import envelope
from core.orders.messages.notice import Notice
from core.orders.model import Order, OrderEvent
from core.secrets import BadToken, Keyring
from core.shipping import notice_actions

log = structlog.get_logger()
inbound = Blueprint("inbound", __name__)

MOST_BYTES = 40 * 1024 * 1024
"""A reply may bring photos; mail systems themselves carry 25 to 35 MB."""


@inbound.post("/mail/inbound")
def receive() -> tuple[str, int]:
    """Take one raw mail (RFC 5322) as the body, with AFTERCARE_INBOUND_TOKEN as Bearer; handed over twice, kept once.

    202 for everything read, also for what is ignored: the mail server must not bounce a bounce.
    """
    app = services()
    wanted = app.config.inbound_token.get_secret_value()
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not wanted or not hmac.compare_digest(given.encode(), wanted.encode()):
        return "not allowed", 401
    request.max_content_length = MOST_BYTES
    raw = request.get_data()
    domain = app.config.mail_from.partition("@")[2]
    try:
        mail = read(raw, our_addresses=[app.config.mail_from, f"reply@{domain}", f"bounce@{domain}"])
        store_id, order_id = envelope.read_mail_token(app.keyring, mail.token)
    except (UnreadableMail, BadToken):
        return "nothing of ours", 202
    with app.db.transaction(store_id) as session:
        order = session.get(Order, (store_id, order_id))
        if order is not None:
            take(session, app.keyring, order, mail, raw, app.clock())
    return "", 202


def take(session: Session, keyring: Keyring, order: Order, mail: Inbound, raw: bytes, now: datetime) -> None:
    """Act on a mail about an order: mark a bounce, stop after a complaint, open a case for a person's reply.

    What a machine wrote (RFC 3834) is neither answered nor a case: the loop ends here. A person's mail is kept with
    its case as it came, sealed: what was cut from the message, and the photos, are in it.
    """
    if mail.kind == "bounce":
        if mail.permanent:
            _mark_bounced(session, order, mail)
        return
    if mail.kind == "complaint":
        notice_actions.stop_messages(session, order.id, now=now)
        return
    if mail.kind == "reply":
        origin = hashlib.blake2b(raw, digest_size=16).hexdigest()
        if cases.is_message_stored(session, origin):
            return
        case = cases.open_case(session, kind="reply", order=order, now=now, subject=mail.subject)
        text = cases.with_attachments(mail.text, mail.attachments)
        if cases.add_message(session, case, side="shopper", text=text, origin=origin, now=now):
            message = session.scalars(sa.select(Message).where(Message.origin == origin)).one()
            raw_mail.keep_mail(session, keyring, message, raw)
            session.add(OrderEvent(order_id=order.id, at=now, kind="replied", facts={"case": str(case.id)}))


def _mark_bounced(session: Session, order: Order, mail: Inbound) -> None:
    """Mark all news of the message that came back; where it does not name one of ours, of the order's latest."""
    latest = sa.select(Notice).where(Notice.order_id == order.id, Notice.state == "sent")
    sent = session.scalars(latest.order_by(Notice.sent_at.desc(), Notice.id.desc()).limit(50)).all()
    if not sent:
        return
    returned = mail.original_message_id
    # Some relays (Amazon SES among them, 2026-11) put a Message-ID of their own in the place of ours.
    if returned.rpartition("@")[2] != sent[0].message_id.rpartition("@")[2]:
        returned = sent[0].message_id
    for notice in sent:
        if notice.message_id == returned:
            notice.move("bounce")
            notice.reason = mail.status or "bounced"
