"""What a return does here when the platform's own return changed state there: pure rules.

Who is behind is brought on, never back: what has happened here and is not known there yet is told to the platform by
`tell_platform`. What cannot be followed is a conflict, for staff to settle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.platform.native_returns import OVER, ReturnLine, ReturnState
from core.returns.native_columns import Conflict
from core.returns.states import Standing

Step = Literal["approve", "receive", "end", "decline", "cancel", "settle"]
"""What is done here: "end" awaits the goods no longer, "settle" takes over what was paid there, or that it was not."""


@dataclass(frozen=True, slots=True)
class Followed:
    """The steps to take here, or the conflict there is. With neither the two agree, or the platform is behind."""

    steps: tuple[Step, ...] = ()
    conflict: Conflict = ""


def follow(standing: Standing, before: str, state: ReturnState, *, goods_came: bool = False) -> Followed:
    """Say what follows here from `state` at the platform, where it stood at `before` ("" for never seen).

    `goods_came` says whether the platform shows that the goods arrived. What it said before and we know is no news.
    """
    is_news = state != before
    if state is ReturnState.UNKNOWN:
        return Followed()
    if state in (ReturnState.DECLINED, ReturnState.CANCELED):
        return _refused_there(standing, state) if is_news else Followed()
    if standing.acceptance in ("declined", "canceled"):
        # One that was approved and then declined here is closed without money where the platform knows no other end.
        is_alive = state in (ReturnState.APPROVED, ReturnState.RECEIVED)
        return Followed(conflict="approved") if is_alive and is_news else Followed()
    if state is ReturnState.APPROVED and before == ReturnState.CLOSED and standing.is_over:
        return Followed(conflict="reopened")
    return Followed(tuple(_steps(standing, state, is_news=is_news, goods_came=goods_came)))


def goods_came(lines: Sequence[ReturnLine]) -> bool:
    """Say whether a platform's return shows that its goods arrived: it says of every unit what became of it, and not of
    all that they are missing."""
    gone = [one for line in lines for one in line.dispositions]
    is_whole = all(sum(one.quantity for one in line.dispositions) >= line.quantity for line in lines)
    return is_whole and any(one.kind != "missing" for one in gone)


def agrees(standing: Standing, state: ReturnState) -> bool:
    """Say whether a conflict is settled: both are over, or the platform's stands where ours does."""
    if state in OVER or standing.is_over:
        return state in OVER and standing.is_over
    if standing.acceptance == "requested":
        return state is ReturnState.REQUESTED
    return state == standing.status or (state is ReturnState.APPROVED and standing.status == "received")


def is_resolved(conflict: Conflict, standing: Standing, native_ref: str, state: str) -> bool:
    """Say whether staff have settled a conflict here: by letting go of the platform's return, by taking up again what
    was approved there, or by bringing ours to where the platform's stands. Of what could not be followed only the end
    says so: where the platform's stands is not known."""
    if conflict == "not_followed":
        return standing.is_over
    if not native_ref or (conflict == "approved" and standing.acceptance not in ("declined", "canceled")):
        return True
    return bool(state) and agrees(standing, ReturnState(state))


def _refused_there(standing: Standing, state: ReturnState) -> Followed:
    if standing.acceptance in ("declined", "canceled"):
        return Followed()
    step: Step = "decline" if state is ReturnState.DECLINED else "cancel"
    if standing.reception in ("received", "inspected") or standing.reimbursement != "none":
        return Followed(conflict="declined" if state is ReturnState.DECLINED else "canceled")
    return Followed((step,))


def _steps(standing: Standing, state: ReturnState, *, is_news: bool, goods_came: bool) -> list[Step]:
    steps: list[Step] = []
    is_closed = state is ReturnState.CLOSED
    if state is ReturnState.REQUESTED:
        return steps
    if standing.acceptance == "requested":
        if not is_news and not is_closed:
            return steps  # taken up again here: a person decides
        steps.append("approve")
    if standing.reception in ("awaited", "on_its_way"):
        if state is ReturnState.RECEIVED or goods_came:
            steps.append("receive")
        elif is_closed:
            steps.append("end")
    if is_closed and standing.reimbursement == "none":
        steps.append("settle")
    return steps
