"""The steps a return takes here because its platform's own took them there: no limit is asked and nobody is audited,
the timeline says that it was done at the platform, and the shopper is mailed what the platform has not mailed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from core.orders.model import Order
from core.orders.sanitize import storable
from core.platform.native_returns import ReturnSnapshot, ReturnState
from core.returns import events
from core.returns.model import Return
from core.returns.money import payout
from core.returns.money.reimburse import refresh
from core.returns.native import paid_there
from core.returns.native.follow_rules import Step
from core.returns.requests.lifecycle import PLATFORM, start_way_back
from core.returns.return_settings import return_settings_of
from core.returns.states import Axis, move_return
from core.stores.model import Store


@dataclass(frozen=True, slots=True)
class _Act:
    """What a step is taken with."""

    session: Session
    store: Store
    order: Order
    rma: Return
    native: ReturnSnapshot
    tells: bool
    now: datetime
    is_last: bool = True
    """Whether no other step follows."""

    def move(self, axis: Axis, move: str) -> None:
        setattr(self.rma, axis, getattr(move_return(self.rma.standing, axis, move), axis))

    def tell(self, kind: str, state: str, *, mails: bool = True) -> None:
        """Put it into the timeline, and mail it where the platform has not."""
        facts = {"rma": self.rma.rma, "kind": self.rma.kind, "by": PLATFORM.name}
        events.record_event(self.session, self.order.id, kind, facts, now=self.now)
        if mails and self.tells and state not in self.native.mailed:
            occasion = f"{self.rma.id}:there:{int(self.now.timestamp())}"
            events.request_letter(self.session, self.order, kind, occasion, {"return": self.rma.id}, now=self.now)


def take_steps(
    session: Session,
    store: Store,
    order: Order,
    rma: Return,
    native: ReturnSnapshot,
    steps: Sequence[Step],
    *,
    tells: bool,
    now: datetime,
) -> None:
    """Take the steps in their order; money falls due by them as by those of staff, unless it was settled there.

    What was begun there before the store was connected may have been paid since in any way: of that staff get a case.
    """
    if not steps:
        return
    for step in steps:
        _STEPS[step](_Act(session, store, order, rma, native, tells, now, is_last=step == steps[-1]))
        session.flush()
    refresh(session, rma, now=now)
    if native.state is not ReturnState.CLOSED:
        paid_there.take_over(session, order, rma, native, tells=tells and "refunded" not in native.mailed, now=now)
        if rma.source and predates_connection(store, rma.opened_at):
            if payout.is_due(rma):
                events.request_case(session, store.id, order.id, payout.HELD, now=now)
            return
        payout.pay_if_due(session, store, rma, by=PLATFORM.name, now=now)


def predates_connection(store: Store, at: datetime) -> bool:
    """Say whether something happened before the store was connected, or connected again."""
    return at < (store.connected_at or store.created_at)


def _approve(act: _Act) -> None:
    act.move("acceptance", "approve")
    rma = act.rma
    rma.decided_by, rma.decided_ref, rma.decided_at, rma.approval_asked_by = PLATFORM.name, "", act.now, ""
    act.session.flush()
    rma.quoted = payout.amount_of(act.session, act.store, rma, now=act.now)
    start_way_back(act.session, act.store, rma, act.now)
    # The letter asks for a parcel: not of goods that have arrived, or of a return that is closed there.
    act.tell("return_approved", "approved", mails=act.is_last)


def _decline(act: _Act) -> None:
    act.move("acceptance", "decline")
    rma = act.rma
    rma.decided_by, rma.decided_ref, rma.decided_at, rma.approval_asked_by = PLATFORM.name, "", act.now, ""
    rma.note = storable(act.native.decline_note[:2000])
    act.tell("return_declined", "declined")


def _cancel(act: _Act) -> None:
    act.move("acceptance", "cancel")
    act.tell("return_canceled", "canceled")


def _receive(act: _Act) -> None:
    if act.rma.reception == "kept":  # let go with the approval, a step before: nothing comes back
        return
    act.move("reception", "receive")
    act.rma.received_at = act.now
    today = act.now.astimezone(ZoneInfo(act.store.timezone)).date()
    act.rma.refund_by = today + timedelta(days=return_settings_of(act.store).refund_days)
    act.tell("return_received", "received")


def _end(act: _Act) -> None:
    """Await the goods no longer: the platform closed the return and does not say where they are."""
    if act.rma.reception == "kept":
        return
    act.move("reception", "end")
    act.rma.return_by = None


def _settle(act: _Act) -> None:
    tells = act.tells and "refunded" not in act.native.mailed
    paid_there.take_over(act.session, act.order, act.rma, act.native, tells=tells, now=act.now)
    if act.rma.reimbursement == "none":
        paid_there.waive(act.session, act.rma, tells=act.tells, now=act.now)


_STEPS: Mapping[Step, Callable[[_Act], None]] = {
    "approve": _approve,
    "receive": _receive,
    "end": _end,
    "decline": _decline,
    "cancel": _cancel,
    "settle": _settle,
}
