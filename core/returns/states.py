"""The states of returns and withdrawals, and one table of allowed moves for each axis.

A return is three questions that do not wait for each other: may it come back (acceptance), where are the goods
(reception), where is the money (reimbursement). A parcel that arrives before anyone said yes is therefore received,
not stuck; only money asks the other two. A withdrawal is its own thing: declared in two steps, acknowledged at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Axis = Literal["acceptance", "reception", "reimbursement"]
Table = dict[tuple[str, str], str]

ACCEPTANCE: Table = {
    ("requested", "approve"): "approved",
    ("requested", "decline"): "declined",
    ("requested", "cancel"): "canceled",
    ("approved", "decline"): "declined",
    ("approved", "cancel"): "canceled",
    ("declined", "reopen"): "requested",
    ("canceled", "reopen"): "requested",
}
RECEPTION: Table = {
    ("awaited", "scan"): "on_its_way",
    ("awaited", "receive"): "received",
    ("awaited", "let_keep"): "kept",
    ("on_its_way", "receive"): "received",
    ("received", "inspect"): "inspected",
    # The platform closed it and does not say where the goods are.
    ("awaited", "end"): "ended",
    ("on_its_way", "end"): "ended",
    ("ended", "receive"): "received",
}
REIMBURSEMENT: Table = {
    ("none", "promise"): "pending",
    ("pending", "issue"): "issued",
    ("pending", "fail"): "failed",
    ("failed", "retry"): "pending",
    ("failed", "issue"): "issued",  # staff paid by hand
    ("failed", "drop"): "none",
    ("none", "waive"): "waived",  # the platform closed it and paid nothing
    ("waived", "promise"): "pending",
}
MOVES: dict[Axis, Table] = {"acceptance": ACCEPTANCE, "reception": RECEPTION, "reimbursement": REIMBURSEMENT}

WITHDRAWAL: Table = {
    ("started", "confirm"): "declared",
    ("started", "drop"): "dropped",
    # The receipt never waits for anybody's opinion: a doubt can only be raised once it is out.
    ("declared", "acknowledge"): "acknowledged",
    ("acknowledged", "reimburse"): "reimbursed",
    ("acknowledged", "contest"): "contested",
    ("acknowledged", "retract"): "retracted",
    ("contested", "uphold"): "acknowledged",
    ("contested", "refuse"): "refused",
    ("contested", "retract"): "retracted",
    ("refused", "uphold"): "acknowledged",
}
WITHDRAWAL_ENDS = frozenset({"dropped", "reimbursed", "retracted", "refused"})


class IllegalMove(Exception):
    """This cannot be done from here. Carries `axis`, `state` and `move`."""

    def __init__(self, axis: str, state: str, move: str) -> None:
        super().__init__(f"{axis}: {move} is not possible from {state}")
        self.axis, self.state, self.move = axis, state, move


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a return stands on its three axes."""

    acceptance: str = "requested"
    reception: str = "awaited"
    reimbursement: str = "none"

    @property
    def status(self) -> Literal["requested", "approved", "declined", "received", "closed", "canceled"]:
        """The one word that platforms and lists show: closed once no money is due and nothing is awaited."""
        if self.acceptance in ("declined", "canceled"):
            return self.acceptance  # type: ignore[return-value]
        if self.reimbursement in ("issued", "waived") and self.reception not in ("awaited", "on_its_way"):
            return "closed"
        if self.reception in ("received", "inspected"):
            return "received"
        return self.acceptance  # type: ignore[return-value]

    @property
    def is_over(self) -> bool:
        """Whether nothing more has to happen."""
        return self.status in ("declined", "canceled", "closed")


def move_return(standing: Standing, axis: Axis, move: str) -> Standing:
    """Move one axis. Raises IllegalMove where its table has no such move, or another axis forbids it."""
    state = getattr(standing, axis)
    after = MOVES[axis].get((state, move))
    if after is None or _is_forbidden(standing, axis, move):
        raise IllegalMove(axis, state, move)
    return replace(standing, **{axis: after})


def move_withdrawal(state: str, move: str) -> str:
    """Give the withdrawal's next state. Raises IllegalMove where there is no such move."""
    after = WITHDRAWAL.get((state, move))
    if after is None:
        raise IllegalMove("withdrawal", state, move)
    return after


def legal_moves(standing: Standing) -> list[tuple[Axis, str]]:
    """List what may be done now, in the order of the tables: the buttons a page may show."""
    return [
        (axis, move)
        for axis, table in MOVES.items()
        for state, move in table
        if state == getattr(standing, axis) and not _is_forbidden(standing, axis, move)
    ]


def _is_forbidden(standing: Standing, axis: Axis, move: str) -> bool:
    if axis == "reimbursement" and move in ("promise", "retry", "waive"):
        return standing.acceptance != "approved"
    # Money that is out, or on its way, cannot be taken back by changing one's mind.
    return axis == "acceptance" and move in ("decline", "cancel") and standing.reimbursement != "none"
