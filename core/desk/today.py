"""The first screen's figures: what is about to go wrong, who waits, what the machine did since yesterday."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.changes import feed_waits
from core.conversations.model import Case
from core.desk.returns import return_queue
from core.desk.reviews import review_queue
from core.jobs.queue import Job
from core.orders.messages.notice import Notice
from core.orders.model import Order, Shipment
from core.shipping.coverage import Coverage, measure
from core.stores.model import Feed, Finding


@dataclass(frozen=True, slots=True)
class Board:
    """Counts that link to the rows behind them."""

    late: int
    at_risk: int
    cases: int
    reviews: int
    """Those nobody has answered, here or at the platform."""
    returns: int
    money: int
    """Payments that failed, or that a person must make."""
    withdrawals: dict[return_queue.Clock, int]
    """Those that run, by how their legal clock stands."""
    drafts: int
    stuck: int
    sent_since_yesterday: int
    watched_since_yesterday: int
    coverage: Coverage
    feeds: Sequence[Feed]
    slow_feeds: Sequence[Feed]
    """Those whose next page the platform has been preparing for more than a day."""
    findings: Sequence[Finding]


def late_now() -> tuple[Any, ...]:
    """What makes a parcel late and still on its way; one that came late is history."""
    return (Shipment.late, Shipment.delivered_at.is_(None), Shipment.answer != "arrived")


def at_risk() -> tuple[Any, ...]:
    """What makes a parcel one that will miss its promise: not late yet, but expected after it."""
    return (
        Shipment.expected_likely > Shipment.promised_by,
        Shipment.late.is_(False),
        Shipment.delivered_at.is_(None),
        Shipment.answer != "arrived",
    )


def board(session: Session, now: datetime) -> Board:
    """Count; a dozen small queries."""

    def number(model: type, *where: Any) -> int:
        return session.scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0

    yesterday = now - timedelta(days=1)
    own = Notice.merged_into.is_(None)  # merged news is no message of its own
    sent_notices = _told_since(session, yesterday)
    feeds = session.scalars(sa.select(Feed).order_by(Feed.name)).all()
    return Board(
        late=number(Order, Order.id.in_(sa.select(Shipment.order_id).where(*late_now())), Order.gone_at.is_(None)),
        at_risk=number(Shipment, *at_risk()),
        cases=number(Case, Case.state == "open"),
        reviews=review_queue.count_unanswered(session),
        returns=return_queue.count_waiting(session),
        money=return_queue.count_stuck(session),
        withdrawals=return_queue.count_clocks(session, now),
        drafts=number(Notice, Notice.state == "draft", own),
        stuck=number(Job, Job.state == "stuck"),
        sent_since_yesterday=sent_notices.get("sent", 0),
        watched_since_yesterday=sent_notices.get("watched", 0),
        coverage=measure(session, now=now),
        feeds=feeds,
        slow_feeds=[feed for feed in feeds if feed_waits.waits_too_long(feed, now)],
        findings=session.scalars(sa.select(Finding).order_by(Finding.found_at)).all(),
    )


def _told_since(session: Session, since: datetime) -> dict[str, int]:
    """Count the messages that were sent, and those only watched, since then."""
    lately = sa.or_(
        sa.and_(Notice.state == "sent", Notice.sent_at >= since),
        sa.and_(Notice.state == "watched", Notice.created_at >= since),
    )
    times = sa.select(Notice.state, sa.func.count()).where(lately, Notice.merged_into.is_(None)).group_by(Notice.state)
    return dict(session.execute(times).all())
