"""Every notice about a parcel's way, with its rules: the switches in the merchant's settings that send it.

A new notice is one entry here, one template in `templates/shipping/mail/` and its words. One that a tracking status
brings about needs no code; any other needs its function in `notice_rules.py` and a place in `decide.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.orders.kinds import NoticeKind, Wording
from core.platform.snapshots import TrackingStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRule:
    """One rule that may send a notice: a switch of its own in the settings."""

    name: str
    label: Wording | None = None
    """What the settings call it, where that is not the notice's own label."""
    urgency: int = 0
    """2: a date changes · 1: the shopper may have to act · 0: good to know."""
    patience: int | None = None
    """How long it waits where the merchant did not say: business days, hours for `not_shipped`; None: not at all."""
    status: TrackingStatus | None = None
    """The tracking status that makes it due."""
    ends_with_day: bool = False
    """The news of `status` is worth telling only on its own day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingNotice(NoticeKind):
    """A notice about a parcel's way."""

    rules: tuple[NoticeRule, ...]
    useless_after_arrival: bool = False
    """Nobody needs it once the parcel has arrived."""


NOTICE_KINDS = (
    ShippingNotice(
        name="shipped",
        label=lambda say: say("desk", "Shipped"),
        sentence=lambda say: say("widget", "We told you it shipped"),
        template="shipping/mail/shipped.txt",
        buttons=("track",),
        rules=(NoticeRule(name="shipped"),),
    ),
    ShippingNotice(
        name="out_for_delivery",
        label=lambda say: say("desk", "Out for delivery"),
        sentence=lambda say: say("widget", "We told you it is out for delivery"),
        template="shipping/mail/out_for_delivery.txt",
        buttons=("track",),
        useless_after_arrival=True,
        rules=(
            NoticeRule(
                name="out_for_delivery",
                status=TrackingStatus.OUT_FOR_DELIVERY,
                ends_with_day=True,
            ),
        ),
    ),
    ShippingNotice(
        name="delivered",
        label=lambda say: say("desk", "Delivered"),
        sentence=lambda say: say("widget", "We told you it was delivered"),
        template="shipping/mail/delivered.txt",
        buttons=("order", "missing", "person"),
        rules=(NoticeRule(name="delivered"),),
    ),
    ShippingNotice(
        name="exception",
        label=lambda say: say("desk", "Problem on the way"),
        sentence=lambda say: say("widget", "We told you about a problem on the way"),
        template="shipping/mail/exception.txt",
        buttons=("track", "wait", "cancel", "person"),
        rules=(
            NoticeRule(
                name="exception",
                urgency=1,
                status=TrackingStatus.EXCEPTION,
            ),
        ),
    ),
    ShippingNotice(
        name="failed_attempt",
        label=lambda say: say("desk", "Delivery failed"),
        sentence=lambda say: say("widget", "We told you the carrier could not deliver"),
        template="shipping/mail/failed_attempt.txt",
        buttons=("track", "person"),
        rules=(
            NoticeRule(
                name="failed_attempt",
                urgency=1,
                status=TrackingStatus.FAILED_ATTEMPT,
            ),
        ),
    ),
    ShippingNotice(
        name="ready_for_pickup",
        label=lambda say: say("desk", "Waiting at pickup"),
        sentence=lambda say: say("widget", "We told you it is waiting for pickup"),
        template="shipping/mail/ready_for_pickup.txt",
        buttons=("track", "person"),
        rules=(
            NoticeRule(
                name="ready_for_pickup",
                urgency=1,
                status=TrackingStatus.READY_FOR_PICKUP,
            ),
        ),
    ),
    ShippingNotice(
        name="returned_to_sender",
        label=lambda say: say("desk", "Going back to you"),
        sentence=lambda say: say("widget", "We told you it is going back to the store"),
        template="shipping/mail/returned_to_sender.txt",
        buttons=("person", "cancel", "order"),
        rules=(
            NoticeRule(
                name="returned_to_sender",
                urgency=1,
                status=TrackingStatus.RETURNED_TO_SENDER,
            ),
        ),
    ),
    ShippingNotice(
        name="all_arrived",
        label=lambda say: say("desk", "Everything arrived"),
        sentence=lambda say: say("widget", "We told you everything has arrived"),
        template="shipping/mail/all_arrived.txt",
        buttons=("order", "person"),
        rules=(NoticeRule(name="all_arrived"),),
    ),
    ShippingNotice(
        name="delay",
        label=lambda say: say("desk", "Delay"),
        sentence=lambda say: say("widget", "We told you it is running late"),
        template="shipping/mail/delay.txt",
        buttons=("track", "wait", "cancel", "person"),
        reports_delay=True,
        useless_after_arrival=True,
        rules=(
            NoticeRule(name="promise_revised", label=lambda say: say("desk", "Date moved past the promise"), urgency=2),
            NoticeRule(
                name="promise_will_be_missed", label=lambda say: say("desk", "Promise will be missed"), urgency=2
            ),
            NoticeRule(name="promise_missed", label=lambda say: say("desk", "Promise was missed"), urgency=2),
        ),
    ),
    ShippingNotice(
        name="stalled",
        label=lambda say: say("desk", "Parcel does not move"),
        sentence=lambda say: say("widget", "We told you the parcel has not moved"),
        template="shipping/mail/stalled.txt",
        buttons=("track", "wait", "cancel", "person"),
        reports_delay=True,
        useless_after_arrival=True,
        rules=(
            NoticeRule(name="no_scan", label=lambda say: say("desk", "No scan for some days"), urgency=1, patience=3),
            NoticeRule(
                name="never_scanned", label=lambda say: say("desk", "Label made, never scanned"), urgency=1, patience=2
            ),
        ),
    ),
    ShippingNotice(
        name="not_shipped",
        label=lambda say: say("desk", "Paid, not shipped"),
        sentence=lambda say: say("widget", "We told you it has not shipped yet"),
        template="shipping/mail/not_shipped.txt",
        buttons=("order", "wait", "cancel", "person"),
        reports_delay=True,
        useless_after_arrival=True,
        rules=(NoticeRule(name="not_shipped", urgency=1, patience=48),),
    ),
    ShippingNotice(
        name="asked_if_arrived",
        label=lambda say: say("desk", "Ask whether it came"),
        sentence=lambda say: say("widget", "We asked you whether it came"),
        template="shipping/mail/asked_if_arrived.txt",
        buttons=("arrived", "not_yet", "person"),
        useless_after_arrival=True,
        rules=(NoticeRule(name="ask_if_arrived", urgency=1),),
    ),
)

KINDS = {kind.name: kind for kind in NOTICE_KINDS}
KIND_OF = {rule.name: kind for kind in NOTICE_KINDS for rule in kind.rules}
"""The notice each rule sends."""
RULES = {rule.name: rule for kind in NOTICE_KINDS for rule in kind.rules}
STATUS_RULES = {rule.status: rule for rule in RULES.values() if rule.status is not None}
PATIENCE = {rule.name: rule.patience for rule in RULES.values() if rule.patience is not None}
