"""The sample store's own returns, for a sample platform that has them: `NativeReturns` beside `Demo` makes one.

They behave as Shopify's do (admin API 2026-10): REQUESTED, OPEN, DECLINED, CLOSED, CANCELED, no word for "received",
no way back from DECLINED and CANCELED. They are kept in their order; `ReturnsBook` is what staff do with them there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from core.platform.contract import Feature, Outcome, Reimbursement, ReturnMove
from core.platform.errors import Refused
from core.platform.native_returns import ReturnLine, ReturnSnapshot, ReturnState
from core.platform.sample import Demo
from core.platform.sample_store import World
from core.platform.snapshots import OrderSnapshot, RefundLine, RefundSnapshot

_RAW = {
    ReturnState.REQUESTED: "REQUESTED",
    ReturnState.APPROVED: "OPEN",
    ReturnState.DECLINED: "DECLINED",
    ReturnState.CLOSED: "CLOSED",
    ReturnState.CANCELED: "CANCELED",
}
_WAYS: Mapping[ReturnState, frozenset[ReturnState]] = {
    ReturnState.REQUESTED: frozenset({ReturnState.APPROVED, ReturnState.DECLINED, ReturnState.CANCELED}),
    ReturnState.APPROVED: frozenset({ReturnState.CLOSED, ReturnState.CANCELED}),
    ReturnState.CLOSED: frozenset({ReturnState.APPROVED}),
    ReturnState.DECLINED: frozenset(),
    ReturnState.CANCELED: frozenset(),
}
"""What staff may make of a return, by its state."""


class ReturnsBook:
    """A store's own returns, as its staff see and change them."""

    def __init__(self, world: World) -> None:
        self.world = world

    def find(self, ref: str) -> ReturnSnapshot | None:
        """Give a return as it is now."""
        order = self.world.order(_order_ref(ref))
        return next((one for one in (order.returns or ()) if one.ref == ref), None) if order else None

    def begin(
        self,
        order_ref: str,
        lines: Sequence[ReturnLine],
        *,
        state: ReturnState = ReturnState.REQUESTED,
        now: datetime,
        **facts: Any,
    ) -> ReturnSnapshot:
        """Let a shopper ask for a return at the store itself, or staff there open one (`state` approved)."""
        order = self._order(order_ref)
        number = len(order.returns or ()) + 1
        kept = tuple(replace(line, ref=f"{number}.{place}") for place, line in enumerate(lines, 1))
        begun = ReturnSnapshot(
            ref=f"{order.ref}/R{number}",
            order_ref=order.ref,
            state=state,
            raw_status=_RAW[state],
            name=f"#{order.number}-R{number}",
            requested_at=now,
            lines=kept,
            **facts,
        )
        self._put(order, begun, now)
        return begun

    def move(self, ref: str, state: ReturnState, *, now: datetime, **facts: Any) -> ReturnSnapshot:
        """Let staff bring a return to another state. Raises Refused where the store knows no way."""
        known = self._known(ref)
        if state is not known.state and state not in _WAYS[known.state]:
            raise Refused(f"Return {known.name} is {known.state} in the store; it cannot be {state} any more.")
        closed_at = now if state is ReturnState.CLOSED else None
        moved = replace(known, state=state, raw_status=_RAW[state], closed_at=closed_at, **facts)
        self._put(self._order(known.order_ref), moved, now)
        return moved

    def change(self, ref: str, *, now: datetime, **facts: Any) -> None:
        """Let staff change what a return says: lines, fees, label, tracking."""
        known = self._known(ref)
        changed = replace(known, **facts)
        if changed != known:
            self._put(self._order(known.order_ref), changed, now)

    def refund(self, ref: str, amount: int, *, now: datetime, lines: tuple[RefundLine, ...] = ()) -> RefundSnapshot:
        """Let staff pay a return back at the store itself, in money."""
        known = self._known(ref)
        order = self._order(known.order_ref)
        paid = RefundSnapshot(f"refund-{len(order.refunds) + 1}", amount, now, lines=lines, return_ref=ref)
        units = {line.ref: line.quantity for line in lines}
        bought = tuple(replace(line, removed=line.removed + units.get(line.ref, 0)) for line in order.lines)
        self.world.put(replace(order, refunds=(*order.refunds, paid), lines=bought, updated_at=_later(order, now)))
        return paid

    def bring(self, move: ReturnMove, *, now: datetime) -> str:
        """Bring a return where a move wants it, opening it where there is none yet; give its ref, "" for none."""
        order = self._order(move.order_ref)
        known = next((one for one in order.returns or () if _is_it(one, move)), None)
        if known is None:
            if move.native_ref:
                raise Refused("This return is no longer in the store.")
            if move.move in ("declined", "canceled"):
                return ""
            begins = ReturnState.REQUESTED if move.move == "requested" else ReturnState.APPROVED
            known = self.begin(order.ref, move.lines, state=begins, now=now, key=move.return_key)
        for step in _steps(known.state, move):
            facts = {"decline_code": move.decline_code, "decline_note": move.note}
            self.move(known.ref, step, now=now, **(facts if step is ReturnState.DECLINED else {}))
        self.change(
            known.ref,
            now=now,
            lines=_with_fees(known.lines, move.lines),
            shipping_fee=move.shipping_fee,
            exchange=move.exchange,
            label_url=move.label_url or known.label_url,
            tracking_number=move.tracking_number or known.tracking_number,
            carrier=move.carrier or known.carrier,
        )
        return known.ref

    def dispose(self, ref: str, lines: Sequence[RefundLine], *, now: datetime) -> None:
        """Write down what became of the units of a return's lines."""
        said = {line.ref: line.dispositions for line in lines if line.dispositions}
        known = self._known(ref)
        kept = tuple(replace(line, dispositions=said.get(line.line, line.dispositions)) for line in known.lines)
        self.change(ref, now=now, lines=kept)

    def _known(self, ref: str) -> ReturnSnapshot:
        known = self.find(ref)
        if known is None:
            raise Refused("This return is no longer in the store.")
        return known

    def _order(self, ref: str) -> OrderSnapshot:
        order = self.world.order(ref)
        if order is None:
            raise Refused("This order is no longer there.")
        return order

    def _put(self, order: OrderSnapshot, one: ReturnSnapshot, now: datetime) -> None:
        others = tuple(other for other in order.returns or () if other.ref != one.ref)
        returns = tuple(sorted((*others, one), key=lambda each: each.ref))
        self.world.put(replace(order, returns=returns, updated_at=_later(order, now)))


class NativeReturns(Demo):
    """A sample platform that keeps returns of its own."""

    features = (Demo.features | {Feature.NATIVE_RETURNS}) - {Feature.RETURN_NOTES}

    def move_return(self, move: ReturnMove) -> str:
        """Bring the store's return where the move wants it, once however often it is asked."""
        world = self.world
        with world.alone():
            return ReturnsBook(world).bring(move, now=datetime.now(UTC))

    def order_of_return(self, ref: str) -> str:
        """Look whose return it is."""
        known = ReturnsBook(self.world).find(ref)
        return known.order_ref if known else ""

    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Pay, and say in the return that is settled what became of its units."""
        outcome = super().reimburse(reimbursement)
        world = self.world
        if reimbursement.return_ref and outcome.state == "issued":
            with world.alone():
                ReturnsBook(world).dispose(reimbursement.return_ref, reimbursement.lines, now=datetime.now(UTC))
        return outcome


def _order_ref(ref: str) -> str:
    return ref.rpartition("/R")[0]


def _later(order: OrderSnapshot, now: datetime) -> datetime:
    """Give the moment of a change: never before the last one, whatever clock it was made by."""
    return max(now, order.updated_at + timedelta(microseconds=1))


def _is_it(one: ReturnSnapshot, move: ReturnMove) -> bool:
    if move.native_ref:
        return one.ref == move.native_ref
    return bool(move.return_key) and one.key == move.return_key


def _steps(state: ReturnState, move: ReturnMove) -> list[ReturnState]:
    """Name the states on the way to where a move wants a return; none where it is there, or beyond it."""
    wanted = ReturnState.APPROVED if move.move == "received" else ReturnState(move.move)
    if state is wanted or wanted is ReturnState.REQUESTED:
        if state in (ReturnState.DECLINED, ReturnState.CANCELED) and state is not wanted:
            raise Refused(f"This return was {state} in the store.")
        return []
    if wanted is ReturnState.APPROVED and state is ReturnState.CLOSED:
        return []
    if wanted is ReturnState.DECLINED and state is ReturnState.APPROVED:
        return [ReturnState.CLOSED]  # what was approved and did not pass is closed without money
    if wanted is ReturnState.CLOSED and state is ReturnState.REQUESTED:
        return [ReturnState.APPROVED, ReturnState.CLOSED]
    if wanted not in _WAYS[state]:
        raise Refused(f"This return was {state} in the store.")
    return [wanted]


def _with_fees(known: Sequence[ReturnLine], wanted: Sequence[ReturnLine]) -> tuple[ReturnLine, ...]:
    fees = {line.line: line.restocking_fee for line in wanted}
    return tuple(replace(line, restocking_fee=fees.get(line.line, line.restocking_fee)) for line in known)
