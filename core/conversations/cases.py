"""Opening cases and adding to them: what a person of the merchant's has to answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.conversations.model import Case, Message
from core.conversations.search_source import CASE
from core.db.base import new_id, table_of
from core.db.database import insert
from core.jobs.queue import Kind, Work
from core.orders.kinds import EventKind
from core.orders.model import Order
from core.search.changes import note_change

ANSWER_WITHIN = timedelta(days=1)
"""What we tell the shopper until the store's own hours are known: one day, to the hour."""
EVENT_KINDS = (
    EventKind(name="replied", by_shopper=True, sentence=lambda say: say("widget", "You wrote to the store")),
)


def open_case(session: Session, *, kind: str, order: Order | None, now: datetime, subject: str = "") -> Case:
    """Open a case for an order, or give the open one of that kind: asked twice, one person answers once."""
    if order is not None:
        # Two who ask at once take turns at the order, so that the second finds the first's case.
        session.execute(sa.select(Order.id).where(Order.id == order.id).with_for_update())
        same = sa.select(Case).where(Case.order_id == order.id, Case.kind == kind, Case.state == "open")
        known = session.scalar(same)
        if known is not None:
            return known
    case = Case(
        id=new_id(),
        order_id=order.id if order else None,
        kind=kind,
        subject=subject[:300],
        email_key=order.email_key if order else "",
        opened_at=now,
        due_at=now + ANSWER_WITHIN,
    )
    session.add(case)
    session.flush()
    note_change(session, CASE, [case.id])
    return case


def is_message_stored(session: Session, origin: str) -> bool:
    """Say whether a mail was handed over before; then its case may be closed by now, and must not open again."""
    return session.scalar(sa.select(Message.id).where(Message.origin == origin).limit(1)) is not None


def add_message(session: Session, case: Case, *, side: str, text: str, origin: str, now: datetime) -> bool:
    """Add a message; the same mail handed over twice is kept once (False)."""
    row = {
        "store_id": case.store_id,
        "id": new_id(),
        "case_id": case.id,
        "at": now,
        "side": side,
        "text": text[:100_000],
        "origin": origin[:300],
    }
    written = insert(session, table_of(Message)).values(row).on_conflict_do_nothing().returning(Message.id)
    is_new = session.execute(written).first() is not None
    if is_new:
        note_change(session, CASE, [case.id])
    return is_new


def with_attachments(text: str, names: Sequence[str]) -> str:
    """Give a message's text with the names of what came along below it: a photo alone is a message too."""
    return "\n\n".join(filter(None, (text, "\n".join(f"📎 {name}" for name in names))))


def open_requested_case(work: Work) -> None:
    """Open the case a shopper asked for with one tap."""
    with work.done() as session:
        order = session.get(Order, (work.store_id, work.payload["order_id"]))
        open_case(session, kind=work.payload["kind"], order=order, now=work.now)


def close_settled(work: Work) -> None:
    """Close the order's open case of a kind: what it was opened for has been put right."""
    of_order, of_kind = Case.order_id == work.payload["order_id"], Case.kind == work.payload["kind"]
    settled = sa.update(Case).where(of_order, of_kind, Case.state == "open")
    with work.done() as session:
        session.execute(settled.values(state="closed", closed_at=work.now))


JOBS = {"conversations.open_case": Kind(open_requested_case), "conversations.close_case": Kind(close_settled)}
