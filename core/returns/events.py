"""Records timeline events, and enqueues letters, platform updates, cases and order refreshes about returns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.bulk import insert_new
from core.db.orm_bypass import insert_objects
from core.jobs import queue
from core.jobs.queue import NewJob
from core.orders.messages.notice import Notice
from core.orders.model import Order, OrderEvent
from core.returns.model import Return, Withdrawal
from core.returns.presenter.search_source import DECLARATION, RETURN, WITHDRAWAL
from core.returns.withdrawal.model import Declaration
from core.search.changes import note_change
from core.stores.model import AuditEntry

RULE = "returns"
"""The rule of every notice of this slice; kind and occasion say the rest."""


def record_event(
    session: Session,
    order_id: int,
    kind: str,
    facts: Mapping[str, Any],
    *,
    entry: AuditEntry | None = None,
    now: datetime,
) -> None:
    """Add an event to the order's timeline; `entry` is the audit entry of the same act, where staff did it."""
    about = {**facts, "entry": str(entry.id)} if entry else dict(facts)
    insert_objects(session, [OrderEvent(order_id=order_id, at=now, kind=kind, facts=about)])


def note_searchable(session: Session, row: Return | Withdrawal | Declaration) -> None:
    """Note that what a row is found by at the desk is new or has changed."""
    kinds = {Return: RETURN, Withdrawal: WITHDRAWAL, Declaration: DECLARATION}
    note_change(session, kinds[type(row)], [row.id])


def request_letter(
    session: Session, order: Order, kind: str, occasion: str, facts: Mapping[str, Any], *, now: datetime
) -> None:
    """Enqueue a letter, once for its kind and occasion. `facts` name the rows it is about, not what is in them."""
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


def request_platform_update(session: Session, rma: Return, *, now: datetime) -> None:
    """Enqueue an update of the platform's own return record with the state the return has when the job runs."""
    if rma.kind != "cancel":
        job = NewJob("returns.tell_platform", f"return:{rma.id}", {"id": rma.id})
        queue.enqueue(session, rma.store_id, job, now=now)


def request_case(session: Session, store_id: int, order_id: int, kind: str, *, now: datetime) -> None:
    """Enqueue a case of this kind, so that a person looks at the order."""
    asked = NewJob("conversations.open_case", f"case:{kind}:{order_id}", {"order_id": order_id, "kind": kind})
    queue.enqueue(session, store_id, asked, now=now)


def request_case_closing(session: Session, store_id: int, order_id: int, kind: str, *, now: datetime) -> None:
    """Enqueue closing the order's open case of this kind: what went wrong has been put right."""
    settled = NewJob("conversations.close_case", f"case:{kind}:{order_id}:close", {"order_id": order_id, "kind": kind})
    queue.enqueue(session, store_id, settled, now=now)


def request_order_refresh(session: Session, order: Order, *, now: datetime) -> None:
    """Enqueue fetching the order: our own call changed it at the store."""
    again = NewJob("changes.refresh_order", f"order:{order.ref}", {"ref": order.ref})
    queue.enqueue(session, order.store_id, again, now=now)
