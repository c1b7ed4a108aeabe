"""What each rule is given (`Facts`: one parcel at one moment) and what it may answer (`Due`: a message to send)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.forecast import Expectation
from core.shipping.rules.parcel import Parcel, PastNotice
from core.shipping.rules.promise import Delivery, Lane, Promise, has_feed
from core.shipping.rules.terms import Mode, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One message that is due. `(order_id, rule, occasion)` is its identity: the same news is told once."""

    order_id: int
    shipment_id: int
    rule: str
    kind: str
    occasion: str
    mode: Mode
    reason: str
    urgency: int = 0
    """2: a date changes · 1: the shopper may have to act · 0: good to know."""
    promised_by: date | None = None
    expected_by: date | None = None
    before: datetime | None = None
    """It must go before this: the promised day is over then."""
    until: datetime | None = None
    """Nobody needs it after this."""
    platform_mailed: bool = False
    """The platform itself has told the shopper this."""

    def as_past_notice(self, at: datetime) -> PastNotice:
        """Give what the rules remember of this message once it was sent."""
        return PastNotice(self.rule, self.occasion, self.kind, at, self.expected_by)


@dataclass(slots=True)
class Facts:
    """One parcel at one moment, with its promise, its delivery and its forecast."""

    parcel: Parcel
    terms: Terms
    lane: Lane
    now: datetime
    promise: Promise | None
    delivery: Delivery | None
    expectation: Expectation | None
    shipped: bool
    past_notices: tuple[PastNotice, ...] = ()
    standing: date | None = field(init=False)
    """The day that counts now: the promise, or the latest date the shopper was told since."""
    warned_at: datetime | None = field(init=False, default=None)
    is_waiting: bool = field(init=False)
    """The store still has it, and is working on the order."""
    is_open: bool = field(init=False)
    """There is evidence that it has not arrived."""

    def __post_init__(self) -> None:
        parcel = self.parcel
        self.is_waiting = not self.shipped and parcel.order_state is OrderState.OPEN and not parcel.pickup
        # An unknown word of the carrier's may mean "delivered".
        unread = TrackingStatus.UNKNOWN in (parcel.status, parcel.last_scan_status)
        self.is_open = self.is_waiting or (self.shipped and not unread and has_feed(parcel))
        self.standing = self.promise.by if self.promise else None
        mine = f"{parcel.shipment_id}:"
        for past in self.past_notices:
            if past.kind == "delay" and (past.occasion.startswith(mine) or ":unshipped:" in past.occasion):
                self.warned_at = max(past.at, self.warned_at or past.at)
                if self.standing and past.expected_by and past.expected_by > self.standing:
                    self.standing = past.expected_by

    @property
    def is_held(self) -> bool:
        """Say whether the shopper asked for a person: notices about lateness wait then."""
        return self.parcel.answer in ("cancel", "person")

    @property
    def original(self) -> bool:
        """Say whether the shopper knows no date but the promised one."""
        return self.promise is not None and self.standing == self.promise.by
