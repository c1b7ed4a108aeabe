"""Walking a listing by windows of time: nothing is skipped, whatever changes meanwhile, and no offset is too large."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from core.platform.calls.paging import LAG, OVERLAP, Walked, Window, walk_windows
from core.platform.contract import Platform
from core.platform.errors import AccessLost
from core.platform.sample_store import World
from core.platform.samples.window_listing import MOST, WindowDemo
from core.platform.snapshots import OrderSnapshot, Page
from tests.conftest import NOON
from tests.core.samples import anns_order

DAYS = 86_400
BEGIN = NOON - timedelta(days=90)


class Listing:
    """What a store has: the second at which each row changed, by its number; listed in the order of the numbers."""

    def __init__(self, changed: dict[int, int], per_page: int, most: int) -> None:
        self.changed, self.per_page, self.most = changed, per_page, most
        self.calls = 0

    def fetch(self, window: Window, offset: int, limit: int) -> tuple[list[int], int]:
        assert offset < self.most
        self.calls += 1
        rows = sorted(row for row, at in self.changed.items() if window.start <= at < window.end)
        return rows[offset : offset + limit], len(rows)

    def walk(self, happen: Callable[[], None] = lambda: None, now: datetime = NOON) -> tuple[list[int], Walked[int]]:
        """Walk from the beginning to the end; something happens behind each page."""
        seen, cursor, last = list[int](), BEGIN.isoformat(), False
        while not last:
            walked = walk_windows(cursor, self.fetch, now=now, per_page=self.per_page, most=self.most)
            assert walked.cursor != cursor or walked.last, "a walk moves on"
            seen += walked.rows
            cursor, last = walked.cursor, walked.last
            happen()
        return seen, walked


def second(days: float) -> int:
    return int(BEGIN.timestamp() + days * DAYS)


MOMENTS = st.one_of(st.floats(0, 89), st.sampled_from([3.0, 3.00001, 50.0]))


@settings(max_examples=60)
@given(
    days=st.lists(MOMENTS, max_size=60),
    sizes=st.sampled_from([(1, 3), (3, 9), (5, 10), (10, 15), (100, 1000)]),
    leave=st.lists(st.integers(0, 59), max_size=30),
)
def test_whatever_changes_meanwhile_what_does_not_is_seen(
    days: list[float], sizes: tuple[int, int], leave: list[int]
) -> None:
    listing = Listing({row: second(day) for row, day in enumerate(days)}, *sizes)
    crowded = {at for at in listing.changed.values() if list(listing.changed.values()).count(at) > sizes[1]}
    stays = {row for row, at in listing.changed.items() if at not in crowded} - set(leave)
    leaving = [row for row in leave if row in listing.changed]

    def change() -> None:
        if leaving:
            listing.changed[leaving.pop()] = int(NOON.timestamp()) + 5

    seen, _ = listing.walk(change)
    assert stays <= set(seen)


def test_whoever_lists_by_windows_is_really_asked_whether_the_keys_work() -> None:
    class Windowed(Platform):
        def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
            walk_windows(cursor, self.fetch, now=datetime.now(UTC), per_page=10, most=100)
            raise AssertionError("nobody was asked")

        def fetch(self, window: Window, offset: int, limit: int) -> tuple[Sequence[OrderSnapshot], int]:
            raise AccessLost("these keys are over")

    with pytest.raises(AccessLost):
        Windowed("linden", {}, {}, requests.Session()).check_access()


def test_windows_shrink_only_as_far_as_they_must() -> None:
    quiet = Listing({row: second(row / 2) for row in range(100)}, 100, 1000)
    assert quiet.walk()[0] == list(range(100))
    assert quiet.calls == 1
    busy = Listing({row: second(80 + row / 1000) for row in range(5000)}, 100, 1000)
    assert sorted(busy.walk()[0]) == list(range(5000))
    assert busy.calls < 2.5 * 50


def test_of_one_second_with_more_than_can_be_reached_the_rest_is_counted() -> None:
    listing = Listing(dict.fromkeys(range(25), second(4)), 5, 10)
    beyond, cursor, seen, last = 0, BEGIN.isoformat(), set[int](), False
    while not last:
        walked = walk_windows(cursor, listing.fetch, now=NOON, per_page=5, most=10)
        beyond += walked.beyond_reach
        seen |= set(walked.rows)
        cursor, last = walked.cursor, walked.last
    assert (len(seen), beyond) == (10, 15)


def test_a_walk_ends_in_the_past_and_the_next_one_looks_back() -> None:
    listing = Listing({1: int(NOON.timestamp()) - 30}, 100, 1000)
    seen, walked = listing.walk()
    assert seen == []
    assert datetime.fromisoformat(walked.cursor) == NOON - LAG - OVERLAP
    later = walk_windows(walked.cursor, listing.fetch, now=NOON + timedelta(minutes=15), per_page=100, most=1000)
    assert list(later.rows) == [1]


def test_a_walk_looks_back_as_far_however_short_its_last_window_is() -> None:
    ends = int((NOON - LAG).timestamp())
    for offset in range(0, 200, 7):
        listing = Listing({row: ends - 200 * row - offset for row in range(200)}, 5, 10)
        _, walked = listing.walk()
        assert datetime.fromisoformat(walked.cursor) == NOON - LAG - OVERLAP, offset


@pytest.mark.parametrize("ahead", [0, 30, 3600])
def test_a_walk_that_begins_now_or_later_is_over_and_moves_nothing_back(ahead: int) -> None:
    begins = NOON + timedelta(seconds=ahead)
    listing = Listing({}, 100, 1000)
    walked = walk_windows(begins.isoformat(), listing.fetch, now=NOON, per_page=100, most=1000)
    assert (walked.last, datetime.fromisoformat(walked.cursor), listing.calls) == (True, begins, 0)


@pytest.mark.parametrize("text", ["", "yesterday", "7"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Window.read(text, NOON)


def test_a_sample_store_with_more_orders_than_one_may_page_through_is_read_in_full(tmp_path: Path) -> None:
    world = World(tmp_path / "world.db")
    before = datetime.now(UTC) - timedelta(days=30)
    for place in range(3 * MOST):
        world.put(replace(anns_order(ref=str(place)), updated_at=before + timedelta(minutes=place**2)))
    platform = WindowDemo("linden", {"world": world.path}, {}, requests.Session())
    seen, cursor, last = set[str](), (before - timedelta(days=1)).isoformat(), False
    while not last:
        page = platform.orders_since(cursor)
        seen |= {order.ref for order in page.snapshots}
        cursor, last = page.cursor, page.last
    assert seen == {str(place) for place in range(3 * MOST)}
