"""Every state and every move: legal or refused, and always a way to an end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import pytest

from core.returns.states import (
    MOVES,
    WITHDRAWAL,
    WITHDRAWAL_ENDS,
    Axis,
    IllegalMove,
    Standing,
    legal_moves,
    move_return,
    move_withdrawal,
)

S = TypeVar("S", bound=Hashable)
EVERY_MOVE: list[tuple[Axis, str]] = sorted({(axis, move) for axis, table in MOVES.items() for _, move in table})


def explore(start: S, step: Callable[[S], Iterable[S]]) -> dict[S, set[S]]:
    """Walk to every state that can be reached; give each with its neighbors."""
    found: dict[S, set[S]] = {}
    waiting = [start]
    while waiting:
        state = waiting.pop()
        if state not in found:
            found[state] = set(step(state))
            waiting += found[state]
    return found


def reach_end(graph: dict[S, set[S]], ends: Iterable[S]) -> set[S]:
    """Walk back from the ends; give every state from which one can be reached."""
    good = set(ends)
    while grown := {state for state, after in graph.items() if state not in good and after & good}:
        good |= grown
    return good


def after_moves(standing: Standing) -> list[Standing]:
    return [move_return(standing, *move) for move in legal_moves(standing)]


RETURNS = explore(Standing(), after_moves)
WITHDRAWALS = explore("started", lambda state: [after for (before, _), after in WITHDRAWAL.items() if before == state])


def test_every_move_from_every_state_is_legal_or_refused() -> None:
    for standing in RETURNS:
        for axis, move in EVERY_MOVE:
            if (axis, move) in legal_moves(standing):
                assert move_return(standing, axis, move) != standing
                continue
            with pytest.raises(IllegalMove) as refused:
                move_return(standing, axis, move)
            assert (refused.value.axis, refused.value.move) == (axis, move)
            assert refused.value.state == getattr(standing, axis)


def test_an_unknown_move_is_refused() -> None:
    with pytest.raises(IllegalMove, match="acceptance: explode is not possible from requested"):
        move_return(Standing(), "acceptance", "explode")
    with pytest.raises(IllegalMove):
        move_withdrawal("started", "explode")


def test_every_state_of_the_tables_can_be_reached() -> None:
    for axis, table in MOVES.items():
        named = {state for (before, _), after in table.items() for state in (before, after)}
        assert {getattr(standing, axis) for standing in RETURNS} == named
    assert set(WITHDRAWALS) == {state for (before, _), after in WITHDRAWAL.items() for state in (before, after)}


def test_from_every_state_a_return_can_still_be_brought_to_an_end() -> None:
    assert reach_end(RETURNS, [standing for standing in RETURNS if standing.is_over]) == set(RETURNS)


def test_from_every_state_a_withdrawal_can_still_be_brought_to_an_end() -> None:
    assert reach_end(WITHDRAWALS, WITHDRAWAL_ENDS) == set(WITHDRAWALS)


def test_money_leaves_only_for_an_approved_return_and_is_never_taken_back() -> None:
    for standing in RETURNS:
        if standing.reimbursement != "none":
            assert standing.acceptance == "approved"
        if standing.reimbursement == "issued":
            assert {after.reimbursement for after in RETURNS[standing]} <= {"issued"}


def test_a_parcel_that_comes_before_anyone_said_yes_is_received() -> None:
    for acceptance in ("requested", "approved", "declined", "canceled"):
        assert move_return(Standing(acceptance), "reception", "receive").reception == "received"


@pytest.mark.parametrize(
    ("standing", "status"),
    [
        (Standing(), "requested"),
        (Standing("approved"), "approved"),
        (Standing("approved", "on_its_way"), "approved"),
        (Standing("approved", "received"), "received"),
        (Standing("requested", "received"), "received"),
        (Standing("approved", "inspected", "pending"), "received"),
        (Standing("approved", "inspected", "issued"), "closed"),
        (Standing("approved", "kept", "issued"), "closed"),
        (Standing("approved", "on_its_way", "issued"), "approved"),
        (Standing("declined", "received"), "declined"),
        (Standing("canceled"), "canceled"),
    ],
)
def test_three_axes_read_as_one_word(standing: Standing, status: str) -> None:
    assert standing.status == status


def test_a_withdrawal_is_contested_only_after_its_receipt_went_out() -> None:
    assert move_withdrawal("started", "confirm") == "declared"
    with pytest.raises(IllegalMove):
        move_withdrawal("declared", "contest")
    assert move_withdrawal(move_withdrawal("declared", "acknowledge"), "contest") == "contested"


def test_nothing_said_against_a_shopper_is_final() -> None:
    for acceptance in ("declined", "canceled"):
        assert move_return(Standing(acceptance), "acceptance", "reopen").acceptance == "requested"
    assert move_withdrawal("refused", "uphold") == "acknowledged"
    assert move_withdrawal("contested", "uphold") == "acknowledged"
