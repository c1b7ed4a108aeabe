"""A sample store that lists its orders in no order, by offset and only so far, as Ecwid does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from core.platform.calls.paging import Window, walk_windows
from core.platform.errors import Refused
from core.platform.sample import Demo
from core.platform.sample_store import ORDERS, World
from core.platform.snapshots import OrderSnapshot, Page

PER_PAGE, MOST = 10, 40
_ALL = 1_000_000


class WindowDemo(Demo):
    """The sample store, its orders listed by windows of time."""

    name = "window"

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """Walk the windows; which second is still listed is the store's clock's matter."""
        world = self.world

        def fetch(window: Window, offset: int, limit: int) -> tuple[Sequence[OrderSnapshot], int]:
            return list_between(world, window.start, window.end, offset, limit)

        walked = walk_windows(cursor, fetch, now=datetime.now(UTC), per_page=PER_PAGE, most=MOST)
        return Page(tuple(walked.rows), walked.cursor, walked.last)


def list_between(world: World, start: int, end: int, offset: int, limit: int) -> tuple[list[OrderSnapshot], int]:
    """List the orders changed from `start` to before `end` (Unix time) by their refs; give how many there are in all.

    The store's own side: it refuses offsets of MOST and more.
    """
    if offset >= MOST:
        raise Refused(f"The offset must be below {MOST}.")
    first, behind = (datetime.fromtimestamp(moment, UTC).isoformat() for moment in (start, end))
    rows = [row for row in world.changed_since("order", first, "", _ALL) if row[0] < behind]
    rows.sort(key=lambda row: row[1][::-1])
    return [ORDERS.validate_json(row[2]) for row in rows[offset : offset + limit]], len(rows)
