"""Until when something may come back: windows counted from a day, holiday extensions, and what holds if it is unknown.

The day of the event does not count: delivered on the 4th with 30 days, the 34th day's midnight closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from core.returns.facts import LineFacts
from core.returns.policy.policy_document import HolidayExtension, Window


class WindowEnd(NamedTuple):
    """The last day of a window, None for no limit. `worst_case`: the real day is this one or later."""

    ends: date | None
    worst_case: bool = False
    extended: bool = False
    """A holiday extension made this day, the window itself is shorter."""


def window_end(window: Window, extensions: Sequence[HolidayExtension], placed_on: date, line: LineFacts) -> WindowEnd:
    """Work out the last day on which a line may come back; an extension never shortens it.

    Where the window's own day is unknown it counts from the latest day before it that is known.
    """
    if window.days is None:
        return WindowEnd(None)
    start, counted_from = placed_on, "order"
    if window.counted_from != "order" and line.shipped_on is not None:
        start, counted_from = line.shipped_on, "shipping"
    if window.counted_from == "delivery" and line.delivered_on is not None:
        start, counted_from = line.delivered_on, "delivery"
    ordinary = ends = _add_days(start, window.days)
    for extension in extensions:
        if extension.placed_from <= placed_on <= extension.placed_until:
            ends = max(ends, extension.returns_until)
    return WindowEnd(ends, worst_case=counted_from != window.counted_from, extended=ends > ordinary)


def window_state(closing: WindowEnd, window: Window, today: date) -> Literal["open", "unknown", "grace", "over"]:
    """Say how a window stands: `unknown` means it may be over, but nothing proves it."""
    if closing.ends is None or today <= closing.ends:
        return "open"
    if closing.worst_case:
        return "unknown"
    return "grace" if today <= _add_days(closing.ends, window.grace_days) else "over"


def _add_days(day: date, days: int) -> date:
    try:
        return day + timedelta(days)
    except OverflowError:
        return date.max
