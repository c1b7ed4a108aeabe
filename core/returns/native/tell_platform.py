"""The job that brings the platform's own return, or its notes on the order, to where a return of ours stands."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from core.jobs.queue import Kind, Work
from core.orders.model import Order
from core.platform.contract import Feature, ReturnMove
from core.platform.errors import AccessLost, Moved, Refused
from core.platform.native_returns import OVER
from core.returns.model import Return
from core.returns.money.order_balance import lock_order
from core.returns.native.conflicts import note_conflict, settle_conflict
from core.returns.native.follow_rules import is_resolved
from core.returns.native.platform_moves import digest_of, move_of
from core.stores.connection.features import features_of
from core.stores.platform_access import open_platform, store_by_id


def tell_platform(work: Work) -> None:
    """Say how a return stands where the platform keeps such things; one that keeps none is told nothing.

    What the platform said itself is not told back. Where the two have gone apart it is told nothing until staff have
    settled that, here or there; what it refuses is shown to staff in its own sentence.
    """
    with work.services.db.transaction(work.store_id, write=False) as session:
        rma, store = session.get(Return, (work.store_id, work.payload["id"])), store_by_id(session, work.store_id)
        order = session.get(Order, (work.store_id, rma.order_id)) if rma else None
        move = move_of(session, rma, order) if rma and order else None
    if rma is None or order is None or move is None or order.gone_at is not None:
        return
    platform, features = open_platform(work.services, store), features_of(work.services, store)
    if Feature.NATIVE_RETURNS not in features:
        if Feature.RETURN_NOTES in features:
            work.check_lease()
            platform.move_return(move)
        return
    if rma.acceptance == "requested":  # goods may have come before anybody said yes: that approves nothing
        move = replace(move, move="requested")
    if rma.native_conflict not in ("", "refused"):
        if not _is_settled_here(rma):
            return
        with work.services.db.transaction(work.store_id) as session:
            mine = _mine(session, work)
            if _is_settled_here(mine):
                settle_conflict(session, mine, now=work.now)
    if _is_told(rma, move):
        return
    work.check_lease()
    try:
        ref = platform.move_return(move)
    except Refused as refusal:
        if isinstance(refusal, (AccessLost, Moved)):
            raise
        with work.done() as session:
            mine = _mine(session, work)
            note_conflict(session, mine, "refused", sentence=str(refusal), now=work.now)
        return
    with work.done() as session:
        mine = _mine(session, work)
        _keep(mine, move, ref)
        if mine.native_conflict == "refused":
            settle_conflict(session, mine, now=work.now)


def _is_settled_here(rma: Return) -> bool:
    return is_resolved(rma.native_conflict, rma.standing, rma.native_ref, rma.native_state)  # type: ignore[arg-type]


def _is_told(rma: Return, move: ReturnMove) -> bool:
    if rma.standing.is_over and rma.native_state in OVER and rma.native_state != move.move:
        return True  # over in both places, each in its own way
    stands_so = rma.native_state == move.move or _is_beyond(rma, move)
    return stands_so and rma.native_told == digest_of(move)


def _is_beyond(rma: Return, move: ReturnMove) -> bool:
    """Say whether it was taken up again here while the platform's return went on: nothing goes back to "requested"."""
    return move.move == "requested" and rma.native_state not in ("", "requested")


def _mine(session: Session, work: Work) -> Return:
    """Lock the order, then the return, as everybody does."""
    rma = session.get_one(Return, (work.store_id, work.payload["id"]))
    lock_order(session, work.store_id, rma.order_id)
    session.refresh(rma, with_for_update=True)
    return rma


def _keep(rma: Return, move: ReturnMove, ref: str) -> None:
    if rma.native_ref != move.native_ref and rma.native_ref != ref:
        return  # meanwhile another of the platform's returns stands for it
    rma.native_ref, rma.native_told = ref, digest_of(move)
    # What a platform has no word for it does not say afterwards either. Where it stands is what it says next, no news.
    if move.move != "received" and not _is_beyond(rma, move):
        rma.native_state = move.move


JOBS = {"returns.tell_platform": Kind(tell_platform)}
