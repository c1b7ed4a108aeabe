"""What a return does here when the platform's own changed state there: a table of standings and news."""

from __future__ import annotations

import pytest

from core.platform.native_returns import OVER, ReturnState
from core.returns.native.follow_rules import Followed, agrees, follow
from core.returns.states import Standing, move_return
from tests.core.returns.test_moves import RETURNS

APPROVED, RECEIVED = Standing("approved"), Standing("approved", "received")
PAID = Standing("approved", "inspected", "issued")
AXES = {
    "approve": ("acceptance", "approve"),
    "decline": ("acceptance", "decline"),
    "cancel": ("acceptance", "cancel"),
    "receive": ("reception", "receive"),
    "end": ("reception", "end"),
    "settle": ("reimbursement", "waive"),
}


@pytest.mark.parametrize(
    ("standing", "before", "state", "followed"),
    [
        (Standing(), "", "requested", Followed()),
        (Standing(), "requested", "approved", Followed(("approve",))),
        (Standing(), "", "approved", Followed(("approve",))),
        (Standing(), "approved", "approved", Followed()),
        (Standing(), "requested", "received", Followed(("approve", "receive"))),
        (Standing(), "requested", "closed", Followed(("approve", "end", "settle"))),
        (Standing(), "requested", "declined", Followed(("decline",))),
        (Standing(), "requested", "canceled", Followed(("cancel",))),
        (Standing(), "requested", "unknown", Followed()),
        (Standing("requested", "received"), "requested", "approved", Followed(("approve",))),
        (APPROVED, "requested", "requested", Followed()),
        (APPROVED, "requested", "approved", Followed()),
        (APPROVED, "approved", "received", Followed(("receive",))),
        (APPROVED, "approved", "closed", Followed(("end", "settle"))),
        (APPROVED, "approved", "canceled", Followed(("cancel",))),
        (APPROVED, "canceled", "canceled", Followed()),
        (Standing("approved", "on_its_way"), "approved", "closed", Followed(("end", "settle"))),
        (RECEIVED, "approved", "approved", Followed()),
        (RECEIVED, "approved", "closed", Followed(("settle",))),
        (RECEIVED, "approved", "canceled", Followed(conflict="canceled")),
        (RECEIVED, "approved", "declined", Followed(conflict="declined")),
        (Standing("approved", "awaited", "pending"), "approved", "canceled", Followed(conflict="canceled")),
        (Standing("approved", "awaited", "pending"), "approved", "closed", Followed(("end",))),
        (PAID, "approved", "approved", Followed()),
        (PAID, "approved", "closed", Followed()),
        (PAID, "closed", "approved", Followed(conflict="reopened")),
        (Standing("declined"), "requested", "requested", Followed()),
        (Standing("declined"), "requested", "approved", Followed(conflict="approved")),
        (Standing("declined"), "approved", "approved", Followed()),
        (Standing("declined"), "approved", "closed", Followed()),
        (Standing("canceled"), "requested", "declined", Followed()),
    ],
)
def test_news_of_the_platform_is_followed_or_goes_apart(
    standing: Standing, before: str, state: str, followed: Followed
) -> None:
    assert follow(standing, before, ReturnState(state)) == followed


@pytest.mark.parametrize("state", list(ReturnState))
def test_whatever_is_followed_is_legal_and_nothing_is_left_to_follow(state: ReturnState) -> None:
    for standing in RETURNS:
        for goods_came in (False, True):
            followed = follow(standing, "", state, goods_came=goods_came)
            after = standing
            for step in followed.steps:
                after = move_return(after, *AXES[step])  # type: ignore[arg-type]
            again = follow(after, str(state), state, goods_came=goods_came)
            assert again.steps == (), (standing, state, followed, again)
            assert not (followed.steps and followed.conflict)


def test_what_agrees_is_over_in_both_places_or_stands_alike() -> None:
    for standing in RETURNS:
        for state in ReturnState:
            if agrees(standing, state):
                assert (state in OVER) is standing.is_over
    assert agrees(RECEIVED, ReturnState.APPROVED)
    assert not agrees(APPROVED, ReturnState.REQUESTED)
    assert not agrees(APPROVED, ReturnState.UNKNOWN)
