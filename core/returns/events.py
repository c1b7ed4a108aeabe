"""What returns tell others: the shopper by letter, the timeline by events, the platform, a person by a case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.bulk import insert_new
from core.db.orm_bypass import write_new
from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders.messages.notice import Notice
from core.orders.model import Order, OrderEvent
from core.returns.model import Return

RULE = "returns"
"""The rule of every notice of this slice; kind and occasion say the rest."""


def note(session: Session, order_id: int, kind: str, facts: Mapping[str, Any], *, now: datetime) -> None:
    """Put a line into the order's timeline."""
    write_new(session, [OrderEvent(order_id=order_id, at=now, kind=kind, facts=dict(facts))])


def tell_shopper(
    session: Session, order: Order, kind: str, occasion: str, facts: Mapping[str, Any], *, now: datetime
) -> None:
    """Promise a letter, once for its kind and occasion. `facts` name the rows it is about, not what is in them."""
    row = {
        "store_id": order.store_id,
        "id": new_id(),
        "order_id": order.id,
        "shipment_id": 0,
        "rule": RULE,
        "kind": kind,
        "occasion": f"{kind}:{occasion}",
        "state": "queued",
        "reason": "",
        "cause": "",
        "language": "",
        "subject": "",
        "message_id": "",
        "send_at": now,
        "created_at": now,
        "facts": dict(facts),
    }
    for id_ in insert_new(session, table_of(Notice), [row]):
        letter = NewJob("returns.send_letter", f"notice:{id_}", {"id": id_}, once=True)
        queue.enqueue(session, order.store_id, letter, now=now)


def tell_platform(session: Session, rma: Return, *, now: datetime) -> None:
    """Promise to tell the platform how a return stands when the telling runs, where it keeps such things."""
    if rma.kind != "cancel":
        told = NewJob("returns.tell_platform", f"return:{rma.id}", {"id": rma.id})
        queue.enqueue(session, rma.store_id, told, now=now)


def call_a_person(session: Session, store_id: int, order_id: int, kind: str, *, now: datetime) -> None:
    """Promise a case of this kind for the order: something went otherwise than it should."""
    asked = NewJob("conversations.open_case", f"case:{kind}:{order_id}", {"order_id": order_id, "kind": kind})
    queue.enqueue(session, store_id, asked, now=now)


def look_again(session: Session, order: Order, *, now: datetime) -> None:
    """Promise to fetch the order: something at the store has changed by our doing."""
    again = NewJob("changes.refresh_order", f"order:{order.ref}", {"ref": order.ref})
    queue.enqueue(session, order.store_id, again, now=now)
