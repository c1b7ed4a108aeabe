"""What the exceptions of orders and their messages mean over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from core.http.errors import NOT_ALLOWED, NOT_FOUND, Explain, explain
from core.orders.access.ways import SignInNeeded
from core.orders.find import OrderNotFound
from core.orders.messages.notice import IllegalMove
from core.orders.shopper_auth import LinkExpired, NotAllowed, NotHere, StepUpNeeded, WrongCode

ERRORS: Mapping[type[Exception], Explain] = {
    OrderNotFound: explain(
        "widget",
        "We couldn't find an order with that number and e-mail. Check both, or have your links mailed to you.",
        status=404,
        code="order_not_found",
    ),
    LinkExpired: explain(
        "widget",
        "This link no longer works. Find your order with its number and e-mail, or have your links mailed to you.",
        status=404,
        code="link_expired",
    ),
    SignInNeeded: explain(
        "widget",
        "This store shows orders to shoppers who are signed in. Sign in, or have your links mailed to you.",
        status=403,
        code="sign_in_needed",
    ),
    NotHere: NOT_FOUND,
    NotAllowed: NOT_ALLOWED,
    StepUpNeeded: explain(
        "widget",
        "To do this, have a code mailed to the address you ordered with, and type it in.",
        status=403,
        code="step_up",
    ),
    WrongCode: explain(
        "widget",
        "That code is not right, or it has run out. Ask for a new one.",
        status=401,
        code="wrong_code",
    ),
    IllegalMove: explain(
        "desk",
        "Somebody was here before you: this message has moved on.",
        status=409,
        code="illegal_move",
    ),
}
