"""Names of the codes that lists of the desk show: flags of an order, where an order stands."""

from __future__ import annotations

from core.orders.kinds import Say


def names_of_lists(say: Say) -> dict[str, str]:
    """Give the names by word, in the language `say` speaks."""
    return {
        "flag.late": say("desk", "late"),
        "flag.at_risk": say("desk", "will miss its promise"),
        "flag.held": say("desk", "held back"),
        "flag.returned": say("desk", "return open"),
        "flag.refunded": say("desk", "refunded"),
        "flag.stopped": say("desk", "messages stopped"),
        "flag.canceled": say("desk", "canceled"),
        "order.unpaid": say("desk", "not paid"),
        "order.on_hold": say("desk", "held back"),
        "order.open": say("desk", "open"),
        "order.done": say("desk", "done"),
        "order.canceled": say("desk", "canceled"),
        "order.refunded": say("desk", "refunded"),
        "order.unknown": say("desk", "unknown"),
        "case.open": say("desk", "open"),
        "case.closed": say("desk", "closed"),
    }
