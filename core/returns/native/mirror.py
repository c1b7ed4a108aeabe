"""Keeps returns here in step with the platform's own, as the snapshots of their orders say them.

A return of the platform's belongs to one of ours by its ref, by the key we gave it, or by holding just the same lines;
else it was begun there, and one is opened for it. Moves made there are made here too. A move that we caused says
nothing new, since ours stands there already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from core.orders.model import Order
from core.orders.sanitize import storable, web_url
from core.orders.sync.anonymize import anonymize_return
from core.platform.native_returns import OVER, ReturnSnapshot, ReturnState
from core.platform.snapshots import OrderSnapshot
from core.returns import events
from core.returns.model import Return, ReturnItem
from core.returns.money.order_balance import lock_order
from core.returns.native import paid_there
from core.returns.native.begun_there import fees_of, open_begun
from core.returns.native.conflicts import CASE, note_conflict, settle_conflict
from core.returns.native.follow_rules import agrees, follow, goods_came
from core.returns.native.platform_moves import digest_of, move_of, return_key_of
from core.returns.native.steps import predates_connection, take_steps
from core.returns.requests.ask_collections import Collections
from core.returns.states import IllegalMove
from core.stores.model import Store

log = structlog.get_logger()


def mirror_orders(
    session: Session,
    store: Store,
    snapshots: Iterable[OrderSnapshot],
    changed: Sequence[int],
    *,
    collections: Collections = None,
    now: datetime,
) -> None:
    """Follow what changed orders say of the platform's own returns; costs nothing where they have none.

    A return that cannot be followed is set aside for staff, the others go on; the order's next change tries it again.
    `collections` is what `ask_collections.unasked` gives.
    """
    said = {storable(one.ref): one for one in snapshots if one.returns}
    if not said or not changed:
        return
    mine = sa.select(Order.id, Order.ref).where(Order.ref.in_(list(said)), Order.id.in_(changed)).order_by(Order.id)
    for order_id, ref in session.execute(mine).all():
        order = lock_order(session, store.id, order_id)
        if order is not None and order.gone_at is None:
            _mirror_order(session, store, order, said[ref].returns or (), collections, now)


def order_of(session: Session, native_ref: str) -> str:
    """Give the ref of the order whose return stands for the platform's; "" where none here does."""
    mine = sa.select(Order.ref).join(Return, sa.and_(Return.store_id == Order.store_id, Return.order_id == Order.id))
    return session.scalar(mine.where(Return.native_ref == native_ref).limit(1)) or "" if native_ref else ""


def _mirror_order(
    session: Session,
    store: Store,
    order: Order,
    returns: Sequence[ReturnSnapshot],
    collections: Collections,
    now: datetime,
) -> None:
    session.refresh(order)
    known = list(session.scalars(sa.select(Return).where(Return.order_id == order.id, Return.kind != "cancel")))
    for one in returns:
        native = one if order.erased_at is None else anonymize_return(one)
        rma = _find(session, known, native)
        if rma is None and _is_past(known, native):
            continue
        try:
            with session.begin_nested():
                if rma is None:
                    rma = _open(session, store, order, native, collections, now)
                else:
                    session.refresh(rma, with_for_update=True)
                    is_told = rma.native_told == digest_of(move_of(session, rma, order))
                    _link(rma, native)
                    events.note_searchable(session, rma)
                    _follow(session, store, order, rma, native, tells=True, is_told=is_told, now=now)
        except IllegalMove as error:
            _set_aside(session, order, rma, native, error, now)
            continue
        if rma is not None and rma not in known:
            known.append(rma)


def _set_aside(
    session: Session, order: Order, rma: Return | None, native: ReturnSnapshot, error: IllegalMove, now: datetime
) -> None:
    """Leave a return that cannot be followed to staff; nothing of its news is kept, so that it is news again."""
    session.expire_all()  # rows that were written beside the unit of work are not as they are remembered
    about = {"axis": error.axis, "state": error.state, "move": error.move}
    log.warning("native_return_set_aside", order=order.ref, native=native.ref, **about)
    if rma is None:
        events.request_case(session, order.store_id, order.id, CASE, now=now)
        return
    session.refresh(rma, with_for_update=True)
    note_conflict(session, rma, "not_followed", now=now)


def _find(session: Session, known: Sequence[Return], native: ReturnSnapshot) -> Return | None:
    """Give our return that this one stands for at the platform."""
    for rma in known:
        if rma.native_ref == native.ref:
            return rma
    if native.key:
        return next((rma for rma in known if not rma.native_ref and native.key == return_key_of(rma)), None)
    if native.state in OVER:
        return None
    loose = (rma for rma in known if not rma.native_ref and not rma.source and not rma.standing.is_over)
    return next((rma for rma in loose if _has_same_lines(session, rma, native)), None)


def _is_past(known: Sequence[Return], native: ReturnSnapshot) -> bool:
    """Say whether it stood for one of ours before, or was opened for one that another stands for by now."""
    ours = {f"aftercare-{rma.id:x}" for rma in known}
    return any(native.ref in rma.native_past for rma in known) or bool(
        native.key and "-".join(native.key.split("-")[:2]) in ours
    )


def _has_same_lines(session: Session, rma: Return, native: ReturnSnapshot) -> bool:
    """Say whether it is the return we opened there, whose ref is still on its way to us or which staff opened too."""
    ours, theirs = Counter[str](), Counter[str]()
    for item in session.scalars(sa.select(ReturnItem).where(ReturnItem.return_id == rma.id)):
        ours[item.line_ref] += item.quantity
    for line in native.lines:
        theirs[line.line] += line.quantity
    return ours == theirs


def _open(
    session: Session, store: Store, order: Order, native: ReturnSnapshot, collections: Collections, now: datetime
) -> Return | None:
    if order.erased_at is not None:
        return None
    # What ended, or began before we knew the store, is written down and told to nobody.
    tells = native.state not in OVER and not predates_connection(store, native.requested_at or now)
    rma = open_begun(session, store, order, native, tells=tells, collections=collections, now=now)
    if rma is None:
        return None
    _link(rma, native)
    session.flush()
    events.note_searchable(session, rma)
    rma.native_told = digest_of(move_of(session, rma, order))
    _follow(session, store, order, rma, native, tells=tells, is_told=True, now=now)
    return rma


def _link(rma: Return, native: ReturnSnapshot) -> None:
    """Keep which of the platform's returns it is, and what is known there of the way back."""
    rma.native_ref, rma.native_name, rma.native_url = native.ref, storable(native.name[:100]), web_url(native.admin_url)
    rma.native_status = storable(native.raw_status[:100])
    rma.label_url = rma.label_url or web_url(native.label_url)
    if not rma.tracking_number:
        rma.tracking_number, rma.carrier = storable(native.tracking_number[:100]), storable(native.carrier[:100])


def _follow(
    session: Session,
    store: Store,
    order: Order,
    rma: Return,
    native: ReturnSnapshot,
    *,
    tells: bool,
    is_told: bool,
    now: datetime,
) -> None:
    before = rma.native_state
    followed = follow(rma.standing, before, native.state, goods_came=goods_came(native.lines))
    if native.state is not ReturnState.UNKNOWN:  # what nobody understands is no state to come from
        rma.native_state = str(native.state)
    if is_told:
        _take_terms(session, rma, order, native)
    elif rma.source:  # what was set here comes first: else the platform would overwrite it before it heard of it
        events.request_platform_update(session, rma, now=now)
    if followed.conflict:
        note_conflict(session, rma, followed.conflict, now=now)
        return
    take_steps(session, store, order, rma, native, followed.steps, tells=tells, now=now)
    tells_money = tells and "refunded" not in native.mailed
    paid_there.take_over(session, order, rma, native, tells=tells_money, now=now)
    if rma.native_conflict == "not_followed" or agrees(rma.standing, native.state):
        settle_conflict(session, rma, now=now)


def _take_terms(session: Session, rma: Return, order: Order, native: ReturnSnapshot) -> None:
    """Take lines and fees that staff changed there, of a return that was begun there, while nothing is promised."""
    if not rma.source or rma.reimbursement != "none" or rma.reception == "inspected":
        return
    wanted: dict[str, int] = {line.line: line.quantity for line in native.lines}
    is_plain = len(wanted) == len(native.lines)  # two lines of one cannot be told apart
    for item in session.scalars(sa.select(ReturnItem).where(ReturnItem.return_id == rma.id)):
        if is_plain and item.line_ref in wanted and item.quantity != wanted[item.line_ref] > 0:
            item.quantity = wanted[item.line_ref]
        elif item.line_ref not in wanted:
            session.delete(item)
    if rma.fees != (fees := fees_of(native)):
        rma.fees = fees
    session.flush()
    rma.native_told = digest_of(move_of(session, rma, order))
