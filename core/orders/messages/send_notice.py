"""Sending one message about an order: a notice's letter leaves once, with one Message-ID, and its row says so.

The one window that cannot be closed: the mail server has taken the message and this process dies before it commits.
The message then goes again, with the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

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
class Outgoing:
    """A message about to leave: its letter, its envelope, and which of its news need not be told any more."""

    store: Store
    letter: Written | None
    envelope: Envelope | None
    obsolete: Mapping[int, str] = field(default_factory=dict)
    """Notice id → why it need not be told; a message all of whose news is in here stays."""


class Ending(StrEnum):
    """How the sending of a message ended; each is a verb of `notice.MOVES`."""

    DELIVERED = "deliver"
    SUPPRESSED = "suppress"
    REFUSED = "refuse"


Prepare = Callable[[Session, Services, Notice, datetime], Outgoing]
AfterSending = Callable[[Session, Notice, datetime], None]


def send(work: Work, prepare: Prepare, after_sending: AfterSending | None = None) -> None:
    """Send one message. News that became obsolete since it was due is suppressed; a bad address shows as bounced.

    `after_sending` is called in the transaction that says the message has left.
    """
    services: Services = work.services
    with services.db.transaction(work.store_id, write=False) as session:
        notice = session.get(Notice, (work.store_id, work.payload["id"]))
        if notice is None or notice.state != "queued":
            return
        outgoing = prepare(session, services, notice, work.now)
    if outgoing.letter is None or outgoing.envelope is None:
        _finish(work, outgoing, Ending.SUPPRESSED)
        return
    work.check_lease()
    try:
        deliver(services, outgoing.store, outgoing.letter, outgoing.envelope, at=work.now)
    except (MailRefused, BadAddress) as error:
        _finish(work, outgoing, Ending.REFUSED, getattr(error, "reason", str(error)))
        return
    except MailUnavailable as error:
        raise Unavailable(error.reason) from error
    _finish(work, outgoing, Ending.DELIVERED, after_sending=after_sending)


def notices_of_message(session: Session, notice: Notice) -> list[Notice]:
    """Give all news one message carries: its own, then what was merged into it."""
    merged = sa.select(Notice).where(Notice.merged_into == notice.id).order_by(Notice.id)
    return [notice, *session.scalars(merged)]


def _finish(
    work: Work, outgoing: Outgoing, ending: Ending, reason: str = "", *, after_sending: AfterSending | None = None
) -> None:
    with work.done() as session:
        notice = session.get(Notice, (work.store_id, work.payload["id"]), with_for_update=True)
        assert notice is not None
        for row in notices_of_message(session, notice):
            _record_ending(row, outgoing, ending, reason, work.now)
        if ending is Ending.DELIVERED:
            facts = {"notice": str(notice.id), "kind": notice.kind, "cause": notice.cause}
            session.add(OrderEvent(order_id=notice.order_id, at=work.now, kind=f"told_{notice.kind}", facts=facts))
        if after_sending is not None:
            after_sending(session, notice, work.now)


def _record_ending(row: Notice, outgoing: Outgoing, ending: Ending, reason: str, now: datetime) -> None:
    obsolete = outgoing.obsolete.get(row.id, "")
    row.move(Ending.SUPPRESSED if obsolete else ending)
    row.reason = (obsolete or reason)[:500]
    if ending is Ending.DELIVERED and not obsolete and outgoing.letter and outgoing.envelope:
        row.sent_at, row.subject = now, outgoing.letter.subject
        row.message_id, row.language = outgoing.envelope.message_id, outgoing.envelope.language
    NOTICES.labels(row.kind, row.state).inc()
