"""The kinds of order events and of notices: what each is called, who reads it, which letter it is.

Each slice lists its own kinds and `core.app` registers them, so that orders need not know the slices above. A kind that
was not registered is shown to no shopper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Say = Callable[..., str]
"""`Words.pgettext`: takes a context and an English sentence, gives the sentence in the reader's language."""
Wording = Callable[[Say], str]
"""Words in any language: `lambda say: say("widget", "You chose to wait")`, the form the catalogs are collected from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """One kind of order event, as the timeline tells it."""

    name: str
    sentence: Wording | None = None
    """The shopper's line; None where another line says the same."""
    sentence_about: Mapping[str, Wording] = field(default_factory=dict)
    """The line where the event's fact "kind" has this value: a cancellation reads otherwise than a return."""
    staff_only: bool = False
    """No shopper may read it, neither as a line nor as a fact."""
    asks_to_cancel: bool = False
    """It is the shopper's request to cancel the order, which is then no longer offered."""
    by_shopper: bool = False
    """The shopper did it: it is no line of what they were told."""
    reports_delay: bool = False
    """It told the shopper that the parcel is late: the page then says why and offers what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeKind:
    """One kind of notice. Once one is sent, the order has an event of kind `told_<name>`."""

    name: str
    label: Wording
    """What the merchant's desk calls it."""
    template: str
    """The letter's template, below the slice's `templates/`."""
    buttons: tuple[str, ...]
    """The letter's buttons, the main one first; each is a block `answer_<button>` of the slice's sentences.txt."""
    sentence: Wording | None = None
    """The shopper's line once it is sent; None where another line says the same."""
    reports_delay: bool = False
    optional: bool = True
    """It stays unsent where the shopper stopped messages. Decisions, money and legal receipts do not."""

    @property
    def event(self) -> EventKind:
        """The kind of order event that says such a notice was sent."""
        return EventKind(name=f"told_{self.name}", sentence=self.sentence, reports_delay=self.reports_delay)


_events: dict[str, EventKind] = {}
_notices: dict[str, NoticeKind] = {}


def register(*, events: Iterable[EventKind] = (), notices: Iterable[NoticeKind] = ()) -> None:
    """Add a slice's kinds. Raises ValueError where another kind has that name already."""
    for notice in notices:
        if _notices.setdefault(notice.name, notice) is not notice:
            raise ValueError(f"two slices name a notice {notice.name}")
        _events[notice.event.name] = notice.event
    for event in events:
        if _events.setdefault(event.name, event) is not event:
            raise ValueError(f"two slices name an event {event.name}")


def event_kind(name: str) -> EventKind | None:
    """Give a kind of event; None for one that nobody registered."""
    return _events.get(name)


def event_kinds() -> Mapping[str, EventKind]:
    """Give all registered kinds of event by name."""
    return dict(_events)


def notice_kinds() -> Mapping[str, NoticeKind]:
    """Give all registered kinds of notice by name."""
    return dict(_notices)


def is_for_shoppers(name: str) -> bool:
    """Say whether a shopper may read an event of this kind."""
    kind = _events.get(name)
    return kind is not None and not kind.staff_only


def asks_to_cancel(name: str, facts: Mapping[str, Any]) -> bool:
    """Say whether an event is the shopper's request to cancel the order."""
    kind = _events.get(name)
    return kind is not None and (kind.asks_to_cancel or (facts.get("kind") == "cancel" and kind.by_shopper))


def is_by_shopper(name: str) -> bool:
    """Say whether an event of this kind is something the shopper did."""
    kind = _events.get(name)
    return kind is not None and kind.by_shopper


def reports_delay(name: str) -> bool:
    """Say whether an event of this kind told the shopper that the parcel is late."""
    kind = _events.get(name)
    return kind is not None and kind.reports_delay
