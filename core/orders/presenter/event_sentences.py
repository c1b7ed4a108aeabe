"""The order's timeline in the reader's words: one sentence for what happened between us and the shopper, or silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.i18n.words import Words

STAFF_ONLY = frozenset({"paid_otherwise", "refunded_twice"})
"""Kinds of event that no shopper reads, neither as a sentence nor as a fact."""
_SAID_BY_ANOTHER = frozenset(
    f"told_{kind}"
    for kind in (
        "return_requested return_approved return_declined return_received return_canceled refund_issued "
        "store_credit_issued order_canceled cancel_requested cancel_declined withdrawal_contested"
    ).split()
)
"""Letters about what stands in a line of its own: two lines would say the same."""


def told_sentence(kind: str, words: Words, facts: Mapping[str, Any] | None = None) -> str:
    """Name what happened; "" where nothing is to be said. A kind that is not ours reads as it is."""
    if kind in STAFF_ONLY | _SAID_BY_ANOTHER:
        return ""
    if (facts or {}).get("kind") == "cancel" and kind in _cancel(words):
        return _cancel(words)[kind]
    for name in (_shipping, _returns, _withdrawals):
        if kind in (told := name(words)):
            return told[kind]
    return kind


def _shipping(words: Words) -> dict[str, str]:
    say = words.pgettext
    return {
        "told_delay": say("widget", "We told you it is running late"),
        "told_stalled": say("widget", "We told you the parcel has not moved"),
        "told_not_shipped": say("widget", "We told you it has not shipped yet"),
        "told_shipped": say("widget", "We told you it shipped"),
        "told_out_for_delivery": say("widget", "We told you it is out for delivery"),
        "told_delivered": say("widget", "We told you it was delivered"),
        "told_all_arrived": say("widget", "We told you everything has arrived"),
        "told_ready_for_pickup": say("widget", "We told you it is waiting for pickup"),
        "told_failed_attempt": say("widget", "We told you the carrier could not deliver"),
        "told_exception": say("widget", "We told you about a problem on the way"),
        "told_returned_to_sender": say("widget", "We told you it is going back to the store"),
        "told_asked_if_arrived": say("widget", "We asked you whether it came"),
        "answered_wait": say("widget", "You chose to wait"),
        "answered_cancel": say("widget", "You asked to cancel"),
        "answered_arrived": say("widget", "You told us it came"),
        "answered_not_yet": say("widget", "You told us it has not come yet"),
        "answered_person": say("widget", "You asked to talk to a person"),
        "replied": say("widget", "You wrote to the store"),
        "stopped": say("widget", "You stopped messages about this order"),
        "resumed": say("widget", "You turned messages on again"),
    }


def _returns(words: Words) -> dict[str, str]:
    say = words.pgettext
    return {
        "return_requested": say("widget", "You asked to return something"),
        "return_approved": say("widget", "Your return was approved"),
        "return_declined": say("widget", "Your return was declined"),
        "return_canceled": say("widget", "Your return was taken back"),
        "return_sent": say("widget", "Your parcel is on its way back"),
        "return_received": say("widget", "Your parcel arrived at the store"),
        "return_inspected": say("widget", "The store looked at what came back"),
        "issued_refund": say("widget", "Your refund was made"),
        "issued_store_credit": say("widget", "Your store credit was made"),
        "issued_exchange": say("widget", "Your exchange was ordered"),
        "issued_repair": say("widget", "The repair was finished"),
        "told_exchange_ready": say("widget", "We wrote to you about your exchange"),
        "cancel_requested": say("widget", "You asked to cancel"),
    }


def _cancel(words: Words) -> dict[str, str]:
    """Give what reads otherwise where an order was to be canceled."""
    say = words.pgettext
    return {
        "return_requested": say("widget", "You asked to cancel"),
        "return_approved": say("widget", "The store cancels the order"),
        "return_declined": say("widget", "The order could not be canceled"),
        "return_canceled": say("widget", "You no longer wanted to cancel"),
    }


def _withdrawals(words: Words) -> dict[str, str]:
    say = words.pgettext
    return {
        "withdrawn": say("widget", "You withdrew from the contract"),
        "told_declaration_receipt": say("widget", "We mailed you the receipt of your withdrawal"),
        "told_withdrawal_receipt": say("widget", "We mailed you the receipt of your withdrawal"),
        "withdrawal_sent": say("widget", "You gave proof that the goods were sent"),
        "withdrawal_acknowledged": say("widget", "The store accepts your withdrawal"),
        "withdrawal_contested": say("widget", "The store contests your withdrawal"),
        "withdrawal_refused": say("widget", "The store refused your withdrawal"),
        "withdrawal_retracted": say("widget", "You took your withdrawal back"),
    }
