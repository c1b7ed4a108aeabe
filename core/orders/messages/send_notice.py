"""Sending one message about an order: a notice's letter leaves once, with one Message-ID, and its row says so.

The one window that cannot be closed: the mail server has taken the message and this process dies before it commits.
The message then goes again, with the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs.queue import Work
from core.mail.compose import BadAddress, MailRefused, MailUnavailable
from core.mail.layout import Written
from core.metrics import NOTICES
from core.orders.messages.envelope import Envelope, deliver
from core.orders.messages.notice import Notice
from core.orders.model import OrderEvent
from core.platform.errors import Unavailable
from core.services import Services
from core.stores.model import Store


@dataclass(frozen=True, slots=True)
class Going:
    """A message about to leave: the letter, its envelope, and of its news what is not worth telling now."""

    store: Store
    letter: Written | None
    envelope: Envelope | None
    pointless: Mapping[int, str] = field(default_factory=dict)
    """Notice id → why it need not be told any more; a message all of whose news is in here stays."""


Prepare = Callable[[Session, Services, Notice, datetime], Going]
Told = Callable[[Session, Notice, datetime], None]


def dispatch(work: Work, prepare: Prepare, told: Told | None = None) -> None:
    """Send one message. News that became pointless since it was due is suppressed; a bad address shows as bounced.

    `told` is called in the transaction that says the message has left.
    """
    services: Services = work.services
    with services.db.transaction(work.store_id, write=False) as session:
        notice = session.get(Notice, (work.store_id, work.payload["id"]))
        if notice is None or notice.state != "queued":
            return
        going = prepare(session, services, notice, work.now)
    if going.letter is None or going.envelope is None:
        _end(work, going, "suppress")
        return
    work.check_lease()
    try:
        deliver(services, going.store, going.letter, going.envelope, at=work.now)
    except (MailRefused, BadAddress) as error:
        _end(work, going, "refuse", getattr(error, "reason", str(error)))
        return
    except MailUnavailable as error:
        raise Unavailable(error.reason) from error
    _end(work, going, "deliver", told=told)


def news_of(session: Session, notice: Notice) -> list[Notice]:
    """Give all news one message carries: its own, then what was merged into it."""
    mates = sa.select(Notice).where(Notice.merged_into == notice.id).order_by(Notice.id)
    return [notice, *session.scalars(mates)]


def _end(work: Work, going: Going, verb: str, reason: str = "", *, told: Told | None = None) -> None:
    with work.done() as session:
        notice = session.get(Notice, (work.store_id, work.payload["id"]), with_for_update=True)
        assert notice is not None
        for row in news_of(session, notice):
            pointless = going.pointless.get(row.id, "")
            row.move("suppress" if pointless else verb)
            row.reason = (pointless or reason)[:500]
            if verb == "deliver" and not pointless and going.letter and going.envelope:
                row.sent_at, row.subject = work.now, going.letter.subject
                row.message_id, row.language = going.envelope.message_id, going.envelope.language
            NOTICES.labels(row.kind, row.state).inc()
        if verb == "deliver":
            facts = {"notice": str(notice.id), "kind": notice.kind, "cause": notice.cause}
            session.add(OrderEvent(order_id=notice.order_id, at=work.now, kind=f"told_{notice.kind}", facts=facts))
        if told is not None:
            told(session, notice, work.now)
