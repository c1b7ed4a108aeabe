"""Replay past orders through today's rules, knowing at each moment only what was known then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from core.platform.snapshots import OrderState, TrackingStatus
from core.shipping.rules.decide import Decision, decide
from core.shipping.rules.facts import Due
from core.shipping.rules.parcel import Parcel, PastNotice
from core.shipping.rules.promise import Lanes, Promise
from core.shipping.rules.terms import Terms

EXAMPLES = 3
MAX_STEPS = 400
"""A parcel is looked at no more often: a year of events, or a feed gone mad."""
_LABEL = (TrackingStatus.PENDING, TrackingStatus.INFO_RECEIVED)


@dataclass(frozen=True, slots=True)
class Event:
    """Something learned of a parcel at a moment. An estimate belongs to the moment at which it was given."""

    at: datetime
    status: TrackingStatus
    raw: str = ""
    estimated_by: date | None = None


@dataclass(frozen=True, slots=True)
class History:
    """A parcel as it ended, and how it got there."""

    parcel: Parcel
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One message that would have gone out."""

    order_id: int
    kind: str
    at: datetime
    promised_by: date | None
    expected_by: date | None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What the rules would have done. Everything but `per_rule` and `examples` counts orders, not parcels."""

    days: int
    orders: int
    promised: int
    late: int
    """Delivered after the promise, or still open after it, with evidence."""
    warned: int
    """Of those, told before the promised day was over."""
    days_early: float
    """How long before its end, on average, in days."""
    needless: int
    """Told so, and then delivered in time."""
    asked: int
    no_evidence: int
    """The promise is over, and nothing says whether it was kept."""
    per_rule: Mapping[str, int]
    """Messages by rule."""
    examples: Mapping[str, tuple[Example, ...]]
    """By kind, at most three each."""


@dataclass(slots=True)
class _Outcome:
    """What became of one parcel, and what would have been said of it."""

    last: Decision
    promise: Promise | None
    ends: datetime | None
    due: list[tuple[datetime, Due]]

    @property
    def warned_at(self) -> datetime | None:
        moments = [at for at, news in self.due if news.kind == "delay" and self.ends and at < self.ends]
        return min(moments, default=None)

    @property
    def days_early(self) -> float:
        """How long before the promise was over the first warning came; 0 without one."""
        return (self.ends - self.warned_at) / timedelta(days=1) if self.ends and self.warned_at else 0.0

    @property
    def in_time(self) -> bool:
        delivery = self.last.delivery
        # Told by a status or a tap before the promise ended, it came before as well.
        return delivery is not None and self.ends is not None and delivery.at < self.ends


def simulate(histories: Sequence[History], terms: Terms, now: datetime, days: int = 90) -> Simulation:
    """Replay the orders placed in the last `days` days, each from its first moment to `now`.

    Rules that are off stay off; the send policy is not applied. Orders canceled at an unknown time are left out.
    """
    since = now - timedelta(days=days)
    lanes = Lanes(terms)
    orders: dict[int, list[History]] = {}
    for history in histories:
        if since <= history.parcel.placed_at <= now and not _is_undatable(history.parcel):
            orders.setdefault(history.parcel.order_id, []).append(history)
    pasts = {order: [_replay(one, parcels, lanes, now) for one in parcels] for order, parcels in orders.items()}
    return _summarize(pasts, now, days)


def _is_undatable(parcel: Parcel) -> bool:
    return parcel.order_state in (OrderState.CANCELED, OrderState.REFUNDED) and parcel.status_at is None


def _replay(history: History, siblings: Sequence[History], lanes: Lanes, now: datetime) -> _Outcome:
    """Step from each event or due check to the next, instead of day by day."""
    moments = [at for at in _moments(history) if at <= now]
    past_notices: tuple[PastNotice, ...] = ()
    due: list[tuple[datetime, Due]] = []
    promise: Promise | None = None
    at = history.parcel.placed_at
    for _ in range(MAX_STEPS):
        parcel = _parcel_as_of(history, siblings, at, past_notices, promise)
        (decision,) = decide([parcel], lanes.terms, at, lanes=lanes)
        promise = promise or decision.promise
        due += [(at, news) for news in decision.due]
        past_notices += tuple(news.as_past_notice(at) for news in decision.due)
        coming = [moment for moment in (*moments, decision.check_after) if moment is not None and at < moment <= now]
        if not coming:
            break
        at = min(coming)
    parcel = _parcel_as_of(history, siblings, now, past_notices, promise)
    (last,) = decide([parcel], lanes.terms, now, lanes=lanes)
    ends = lanes.of(parcel).end(promise.by) if promise else None
    return _Outcome(last, promise, ends, due)


def _moments(history: History) -> Iterator[datetime]:
    parcel = history.parcel
    dated = (parcel.paid_at, parcel.status_at, parcel.shipped_at, parcel.delivered_at, parcel.answered_at)
    yield from (at for at in dated if at is not None)
    yield from (event.at for event in history.events)


def _parcel_as_of(
    history: History,
    siblings: Sequence[History],
    at: datetime,
    past_notices: tuple[PastNotice, ...],
    promise: Promise | None,
) -> Parcel:
    """The parcel as a row would have shown it then. Its last estimate and what was learned later are not known."""
    parcel = history.parcel
    events = sorted((event for event in history.events if event.at <= at), key=lambda event: event.at)
    scans = [event for event in events if event.status not in _LABEL]
    has = _Until(at)
    delivered_at, shipped_at, status_at = has(parcel.delivered_at), has(parcel.shipped_at), has(parcel.status_at)
    estimates = [event.estimated_by for event in events if event.estimated_by is not None]
    arrivals = [has(one.parcel.delivered_at) for one in siblings]
    return replace(
        parcel,
        seen_at=parcel.placed_at,
        order_state=parcel.order_state if status_at else _state_before(parcel, at),
        order_status=parcel.order_status if status_at else "",
        status_at=status_at,
        status_seen_at=None,
        paid_at=has(parcel.paid_at),
        status=_status_then(history, events, shipped_at is not None, delivered_at is not None),
        shipped_at=shipped_at,
        delivered_at=delivered_at,
        delivered_by=parcel.delivered_by if delivered_at else "",
        estimated_by=estimates[-1] if estimates else None,
        learned_by=None,
        promised_by=parcel.promised_by or (promise.by if promise else None),
        promise_source=parcel.promise_source or (promise.source if promise else None),
        first_scan_at=scans[0].at if scans else None,
        last_scan_at=events[-1].at if events else None,
        last_scan_status=events[-1].status if events else None,
        answer=parcel.answer if has(parcel.answered_at) else "",
        answered_at=has(parcel.answered_at),
        stopped=False,
        gone=False,
        undelivered_in_order=max(parcel.parcels_in_order - sum(1 for one in arrivals if one), 0),
        past_notices=past_notices,
    )


@dataclass(frozen=True, slots=True)
class _Until:
    """Gives a moment where it had come by `now`, else None."""

    now: datetime

    def __call__(self, at: datetime | None) -> datetime | None:
        return at if at is not None and at <= self.now else None


def _state_before(parcel: Parcel, at: datetime) -> OrderState:
    """The order's state before the last change we can date: open once paid, or where it never was paid first."""
    return OrderState.UNPAID if parcel.paid_at is not None and parcel.paid_at > at else OrderState.OPEN


def _status_then(history: History, events: Sequence[Event], shipped: bool, delivered: bool) -> TrackingStatus:
    if delivered:
        return TrackingStatus.DELIVERED
    if events:
        return events[-1].status
    if not shipped:
        return TrackingStatus.PENDING
    return TrackingStatus.INFO_RECEIVED if history.events else TrackingStatus.UNKNOWN


def _summarize(orders: Mapping[int, Sequence[_Outcome]], now: datetime, days: int) -> Simulation:
    late = warned = needless = asked = promised = unknown = 0
    lead: list[float] = []
    for pasts in orders.values():
        promised += any(past.promise for past in pasts)
        asked += any(news.kind == "asked_if_arrived" for past in pasts for _, news in past.due)
        unknown += any(_has_no_evidence(past, now) for past in pasts)
        warnings = [past for past in pasts if past.warned_at]
        if any(past.last.late for past in pasts):
            late += 1
            warned += bool(warnings)
            lead += [max(past.days_early for past in warnings)] if warnings else []
        elif warnings and all(past.in_time for past in warnings):
            needless += 1
    return Simulation(
        days=days,
        orders=len(orders),
        promised=promised,
        late=late,
        warned=warned,
        days_early=round(sum(lead) / len(lead), 1) if lead else 0.0,
        needless=needless,
        asked=asked,
        no_evidence=unknown,
        per_rule=_count_rules(orders),
        examples=_examples(orders),
    )


def _count_rules(orders: Mapping[int, Sequence[_Outcome]]) -> dict[str, int]:
    """News of several parcels of one order at one moment is one message."""
    messages = {(order, at, news.rule) for order, pasts in orders.items() for past in pasts for at, news in past.due}
    return dict(Counter(rule for _, _, rule in messages))


def _has_no_evidence(past: _Outcome, now: datetime) -> bool:
    if past.ends is None or past.ends > now or past.last.late or past.in_time:
        return False
    return past.last.delivery is None or not past.last.delivery.is_timed


def _examples(orders: Mapping[int, Sequence[_Outcome]]) -> dict[str, tuple[Example, ...]]:
    """The latest few of each kind: the merchant remembers those."""
    found: dict[str, list[Example]] = {}
    everything = [one for pasts in orders.values() for past in pasts for one in past.due]
    for at, news in sorted(everything, key=lambda one: one[0], reverse=True):
        examples = found.setdefault(news.kind, [])
        if len(examples) < EXAMPLES:
            examples.append(Example(news.order_id, news.kind, at, news.promised_by, news.expected_by))
    return {kind: tuple(examples) for kind, examples in found.items()}
