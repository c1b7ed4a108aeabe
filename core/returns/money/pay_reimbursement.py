"""The job that gives the shopper what is due: asks the platform once under our key, and reads back what it did.

Once it has been asked without a clear answer we look for what it did, some minutes later; where nothing is found and
the platform itself does not do once what is asked twice, a person decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs.queue import Kind, Work
from core.orders.model import Order
from core.platform.contract import ExchangeLine, Feature, Outcome, Platform, RefundLine
from core.platform.contract import Reimbursement as Wanted
from core.platform.errors import AccessLost, NothingDone, NotSupported, Refused, Unavailable
from core.returns import events
from core.returns.model import Reimbursement
from core.returns.money import reimburse
from core.returns.money.goods_dispositions import SettledReturn, dispositions_of, settled_return
from core.returns.return_settings import return_settings_of
from core.stores.connection.features import features_of
from core.stores.model import Store
from core.stores.platform_access import open_platform, store_by_id

ATTEMPTS = 8
_FEATURES = {"refund": Feature.REFUND, "store_credit": Feature.STORE_CREDIT, "exchange": Feature.EXCHANGE}


def pay(work: Work) -> None:
    """Ask the platform to give what is due, or find that it did. A refusal ends in the platform's own sentence.

    What was asked before is looked for first, also where the store has lost the feature since: it may have been paid.
    Not found, it waits for staff unless the platform pays once per key: a store may still be paying.
    """
    with work.services.db.transaction(work.store_id, write=False) as session:
        row, store = _load(session, work), store_by_id(session, work.store_id)
        order = session.get(Order, (work.store_id, row.order_id)) if row else None
        of = settled_return(session, row) if row else None
    if row is None or order is None or row.state != "pending":
        return
    platform = open_platform(work.services, store)
    features, by_hand = features_of(work.services, store), Outcome("needs_staff", link=order.admin_url)
    wanted = wanted_of(row, order, store, of)
    is_noted_only = wanted.kind == "refund" and not wanted.through_gateway
    try:
        done = _look(work, platform, wanted, row.asked_at) if row.asked_at else None
        if done is None and _FEATURES[row.kind] not in features:
            _settle(work, by_hand, obstacle="" if row.asked_at else "no_feature")
            return
        if done is None and is_noted_only and Feature.RECORDS_REFUNDS not in features:
            _settle(work, by_hand, obstacle="not_recorded")
            return
        if done is None and row.asked_at and not platform.pays_once_per_key:
            done = by_hand
        if done is None:
            done = _ask(work, platform, wanted)
        if done is None:
            return
    except NotSupported:
        done = by_hand
    except Refused as refusal:
        if isinstance(refusal, AccessLost) and (work.job.attempts < ATTEMPTS or row.asked_at):
            raise
        with work.done() as session:
            reimburse.end(session, _mine(session, work), "failed", sentence=str(refusal), now=work.now)
        return
    _settle(work, done)


def _look(work: Work, platform: Platform, wanted: Wanted, asked_at: datetime) -> Outcome | None:
    """Look for what was asked, not before the store had time to finish it. Raises Unavailable where it is too early."""
    patience = timedelta(seconds=work.services.config.first_look_seconds)
    rest = min(patience, asked_at + patience - work.now)
    if rest > timedelta():
        raise Unavailable("the store may still be paying; we look later", retry_after=rest.total_seconds())
    return platform.find_reimbursement(wanted)


def _ask(work: Work, platform: Platform, wanted: Wanted) -> Outcome | None:
    """Ask once, and not at all what waits no more (None).

    What certainly did nothing leaves no trace; after an unclear answer the next try waits, then looks.
    """
    work.check_lease()
    is_first = _note_asked(work)
    if is_first is None:
        return None
    try:
        done = platform.reimburse(wanted)
    except (NothingDone, Refused, NotSupported):
        if is_first:
            _forget_asked(work)
        raise
    except Unavailable as error:
        patience = max(error.retry_after or 0.0, work.services.config.first_look_seconds)
        raise Unavailable(str(error), retry_after=patience) from None
    if is_first and done.state == "needs_staff" and not done.ref:
        _forget_asked(work)
    return done


def wanted_of(row: Reimbursement, order: Order, store: Store, of: SettledReturn | None = None) -> Wanted:
    """Put a row into the words of the door; parts that bring nothing are left out, but for what became of goods."""
    gone = dispositions_of(row, of, location=return_settings_of(store).restock_location) if of else {}
    lines = [
        RefundLine(part["ref"], part["quantity"], part["net"], part["taxes"], gone.get(part["ref"], ()))
        for part in row.payout
        if part["quantity"] or part["net"] or part["taxes"]
    ]
    native_ref = of.native_ref if of else ""
    if native_ref:
        named = {line.ref for line in lines}
        lines += [RefundLine(ref, 0, 0, dispositions=said) for ref, said in gone.items() if ref not in named]
    return Wanted(
        key=row.key,
        kind=row.kind,  # type: ignore[arg-type]
        order_ref=order.ref,
        amount=row.amount,
        currency=row.currency,
        reason=row.reason,
        lines=tuple(lines),
        restock=bool(row.restock) and {part["ref"] for part in row.lines if part["quantity"]} <= set(row.restock),
        through_gateway=return_settings_of(store).through_gateway,
        payments=tuple((ref, amount) for ref, amount in row.payments),
        exchange=tuple(ExchangeLine(**line) for line in row.exchange),
        return_ref=native_ref,
    )


def _load(session: Session, work: Work) -> Reimbursement | None:
    return session.get(Reimbursement, (work.store_id, work.payload["id"]))


def _mine(session: Session, work: Work) -> Reimbursement:
    """Lock the order, then the row, as everybody does."""
    row = _load(session, work)
    assert row is not None
    session.get(Order, (work.store_id, row.order_id), with_for_update=True)
    session.refresh(row, with_for_update=True)
    return row


def _note_asked(work: Work) -> bool | None:
    """Write down that the platform is about to be asked, before it is: whoever comes after us looks first.

    Says whether it was never asked before; None where it waits no more and nothing is to be asked.
    """
    with work.services.db.transaction(work.store_id) as session:
        row = _mine(session, work)
        if row.state != "pending":  # paid by hand or found in what the store said, since we began
            return None
        is_first = row.asked_at is None
        row.asked_at = row.asked_at or work.services.clock()
        return is_first


def _forget_asked(work: Work) -> None:
    """Take back that the platform was asked: it certainly did nothing, so the next try may ask anew."""
    mine = sa.update(Reimbursement).where(Reimbursement.id == work.payload["id"])
    with work.services.db.transaction(work.store_id) as session:
        session.execute(mine.values(asked_at=None))


def _settle(work: Work, outcome: Outcome, *, obstacle: str = "") -> None:
    with work.done() as session:
        row = _mine(session, work)
        if row.state != "pending":  # found meanwhile in what the store said
            return
        order = session.get_one(Order, (work.store_id, row.order_id))
        # An exchange that goes out with the order itself has no order of its own to name.
        ref = "" if row.kind == "exchange" and outcome.ref == order.ref else outcome.ref
        row.platform_ref, row.link, row.obstacle = ref or row.platform_ref, outcome.link or row.link, obstacle
        row.credit = outcome.credit if row.kind == "store_credit" and outcome.state == "issued" else ""
        reimburse.note_booked(session, row, outcome.lines, now=work.now)
        reimburse.end(session, row, outcome.state, paid=outcome.amount, sentence=outcome.sentence, now=work.now)
        if outcome.state != "needs_staff":
            events.request_order_refresh(session, order, now=work.now)


JOBS = {"returns.reimburse": Kind(pay, attempts=ATTEMPTS)}
