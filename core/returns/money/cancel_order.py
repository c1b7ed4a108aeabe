"""The job that has an order canceled at its store, before its money goes back.

A platform may take its time: then the order is fetched until it says that it is canceled, and left to staff in the
end. No money is promised before that is certain; a platform that cancels nothing leaves both to staff at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.orders.model import Order
from core.platform.contract import CancelOutcome, Feature, Platform
from core.platform.errors import AccessLost, Refused
from core.platform.snapshots import OrderSnapshot, OrderState
from core.returns import events
from core.returns.model import Return
from core.returns.money.order_balance import lock_order
from core.returns.money.payout import cancel_key, pay_now
from core.stores.connection.features import features_of
from core.stores.model import Store
from core.stores.platform_access import open_platform, store_by_id

LOOKS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 60, 180))
"""How long after the one before each look comes at an order that is being canceled; after the last, staff."""
STILL_OPEN = "The store has been canceling this order for four hours and does not say that it did. Look there."
_CASE = "cancel_failed"


def cancel_at_store(work: Work) -> None:
    """Cancel the order at its store, then promise the money; look again where the store takes its time.

    Raises Refused, with a case opened, where it takes a person: the job is stuck with the store's sentence.
    """
    with work.services.db.transaction(work.store_id, write=False) as session:
        rma, store = session.get(Return, (work.store_id, work.payload["id"])), store_by_id(session, work.store_id)
        order = session.get(Order, (work.store_id, rma.order_id)) if rma else None
    if rma is None or order is None or rma.reimbursement != "none" or rma.acceptance != "approved":
        return
    platform, looks = open_platform(work.services, store), work.payload.get("looks", 0)
    if Feature.CANCEL not in features_of(work.services, store):
        _go_on(work, store, rma, order, case="cancel")
        return
    try:
        outcome = _look(platform, order.ref) if looks else _ask(work, platform, rma, order)
        if outcome.state == "needs_staff" or (outcome.state == "pending" and looks >= len(LOOKS)):
            raise Refused(outcome.sentence or STILL_OPEN)
    except AccessLost:  # tried again, and looked at by itself
        raise
    except Refused:
        with work.services.db.transaction(work.store_id) as session:
            events.request_case(session, work.store_id, order.id, _CASE, now=work.now)
        raise
    if outcome.state == "done":
        _go_on(work, store, rma, order)
        return
    with work.done() as session:
        again = {"id": rma.id, "looks": looks + 1}
        key = f"{cancel_key(rma)}:{looks + 1}"
        look = NewJob("returns.cancel_order", key, again, work.now + LOOKS[looks], once=True)
        queue.enqueue(session, work.store_id, look, now=work.now)


def look_at_canceled(session: Session, order_ids: Sequence[int], *, now: datetime) -> None:
    """Go on with cancellations that waited for their store, where its orders say now that they are canceled."""
    for start in range(0, len(order_ids), 500):
        some = order_ids[start : start + 500]
        waiting = (
            sa.select(Return)
            .join(Order, sa.and_(Order.store_id == Return.store_id, Order.id == Return.order_id))
            .where(Return.order_id.in_(some), Return.kind == "cancel", Return.ended_at.is_(None))
            .where(Return.acceptance == "approved", Return.reimbursement == "none")
            .where(sa.or_(Order.canceled_at.is_not(None), Order.state == OrderState.CANCELED))
        )
        for rma in session.scalars(waiting).all():
            again = {"id": rma.id, "looks": len(LOOKS)}
            look = NewJob("returns.cancel_order", f"{cancel_key(rma)}:seen", again, once=True)
            queue.enqueue(session, rma.store_id, look, now=now)


def _ask(work: Work, platform: Platform, rma: Return, order: Order) -> CancelOutcome:
    work.check_lease()
    return platform.cancel_order(order.ref, key=f"aftercare-{cancel_key(rma)}", reason=rma.rma)


def _look(platform: Platform, ref: str) -> CancelOutcome:
    found = platform.fetch_order(ref)
    is_canceled = isinstance(found, OrderSnapshot) and (found.state is OrderState.CANCELED or found.canceled_at)
    return CancelOutcome("done" if is_canceled else "pending")


def _go_on(work: Work, store: Store, rma: Return, order: Order, *, case: str = "") -> None:
    """Promise the money and tell the shopper; `case` is opened where a person still has to cancel the order."""
    with work.done() as session:
        lock_order(session, work.store_id, order.id)
        mine = session.get(Return, (work.store_id, rma.id), with_for_update=True)
        assert mine is not None
        if case:
            events.request_case(session, work.store_id, order.id, case, now=work.now)
        else:
            events.request_case_closing(session, work.store_id, order.id, _CASE, now=work.now)
        if mine.reimbursement == "none":
            pay_now(session, store, mine, by=mine.decided_by, now=work.now)
        events.request_letter(session, order, "order_canceled", f"{rma.id}", {"return": rma.id}, now=work.now)
        events.request_order_refresh(session, order, now=work.now)


JOBS = {"returns.cancel_order": Kind(cancel_at_store)}
