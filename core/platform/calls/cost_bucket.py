"""Spend no more calls than a platform allows, all processes together.

A platform that counts calls (Ecwid: 600 a minute) or their costs (Shopify's GraphQL: points, refilled each second)
keeps a bucket: a call takes its cost out, and time fills it again. `CostBucket` keeps the same bucket on our side, for
one store: a call waits shortly until there is enough, or raises Unavailable with the seconds after which there will be.
The plugin says what it knows of the bucket; what the platform tells with each answer corrects it.

    bucket = CostBucket("graphql", size=2000, refill=100, states=self.buckets)
    with bucket.spend(cost=752) as call:
        answer = …
        call.told(spent=43, left=1957)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from core.platform.errors import NothingDone, Unavailable

T = TypeVar("T")
PATIENCE = 2.0
"""Seconds a call waits for its turn; a longer wait belongs to the job queue."""
SHORTEST = 0.01
"""Seconds of a wait, at least."""
SMALLEST = 1e-6
"""Points that are none: what sums of fractions lose."""
CLOCKS_APART = 10.0
"""Seconds by which two processes' clocks may differ; one that is further back was set back."""
LONGEST_CLOSED = 3600.0
"""Seconds: the most for which a platform's refusal keeps everybody from calling."""


@dataclass(frozen=True, slots=True)
class BucketState:
    """What is in a bucket: `left` points at the moment `at`, `refill` more each second, up to `size`.

    Moments are seconds of Unix time by the clock that all processes share. Until `closed_until` nobody calls.
    """

    left: float
    at: float
    size: float
    refill: float
    closed_until: float = 0.0

    def refilled(self, now: float) -> BucketState:
        """Give what is in it now. Where the clock was set back, nothing has flowed in.

        `at` stays where another process's clock was a little ahead: what flowed until then would flow in once more.
        """
        now = self.at if self.at - CLOCKS_APART < now < self.at else now
        flowed = max(0.0, now - self.at) * self.refill
        closed_until = min(self.closed_until, now + LONGEST_CLOSED)
        return replace(self, left=min(self.size, self.left + flowed), at=now, closed_until=closed_until)

    def wait_for(self, cost: float) -> float:
        """Give the seconds until there is enough for a call; 0 where there is, and `left` is then taken down.

        A call that costs more than the bucket holds waits for a full one.
        """
        closed = min(max(0.0, self.closed_until - self.at), LONGEST_CLOSED)
        missing = min(cost, self.size) - self.left
        flows = max(missing / self.refill, SHORTEST) if missing > SMALLEST else 0.0
        return max(closed, flows)

    def take(self, cost: float) -> BucketState:
        """Take a call's cost out; give what is left."""
        return replace(self, left=self.left - min(cost, self.size))

    def settle(self, cost: float, told: Told) -> BucketState:
        """Put back what a call did not cost, and believe the platform where it says that less is left."""
        size, refill = told.size or self.size, told.refill or self.refill
        left = self.left + (min(cost, self.size) - told.spent if told.spent is not None else 0.0)
        if told.left is not None:
            left = min(left, told.left)
        return replace(self, left=min(size, left), size=size, refill=refill)

    def closed(self, seconds: float) -> BucketState:
        """Let nobody call for so long: the platform asked for it."""
        until = self.at + min(seconds, LONGEST_CLOSED)
        return replace(self, closed_until=max(self.closed_until, until))


class BucketStates(Protocol):
    """Where the buckets of one store are kept, so that all who call it share them."""

    def change(self, name: str, change: Callable[[BucketState | None, float], tuple[BucketState, T]]) -> T:
        """Replace a bucket's state by what `change` makes of it and of the time; give what else it gives.

        Nobody else changes it meanwhile. `change` may be called again where somebody else made the bucket first.
        """


class LocalBuckets:
    """Keeps buckets in this process alone: for an object that the core did not make."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._states: dict[str, BucketState] = {}
        self._lock, self._clock = threading.Lock(), clock

    def change(self, name: str, change: Callable[[BucketState | None, float], tuple[BucketState, T]]) -> T:
        """See BucketStates."""
        with self._lock:
            self._states[name], result = change(self._states.get(name), self._clock())
            return result


@dataclass
class Told:
    """What the platform said of a call: None for what it did not say."""

    spent: float | None = None
    left: float | None = None
    size: float | None = None
    refill: float | None = None

    def told(
        self,
        *,
        spent: float | None = None,
        left: float | None = None,
        size: float | None = None,
        refill: float | None = None,
    ) -> None:
        """Note what the call cost, what is left, how much the bucket holds, and how much flows in each second."""
        self.spent, self.left, self.size, self.refill = spent, left, size, refill


@dataclass(frozen=True)
class CostBucket:
    """One bucket of one store. `size` and `refill` a second, both above 0, hold until the platform tells others."""

    name: str
    size: float
    refill: float
    states: BucketStates = field(repr=False)
    patience: float = PATIENCE

    @contextmanager
    def spend(self, cost: float = 1.0) -> Iterator[Told]:
        """Make one call in the block, for at most `cost` points.

        Raises NothingDone before the call, with the seconds to wait, where it would have to wait longer than
        `patience`. An Unavailable with a `retry_after` that the block raises keeps all others from calling for so long.
        A call that failed otherwise counts as made. Never inside a transaction.
        """
        self._reserve(cost)
        call = Told()
        try:
            yield call
        except Unavailable as error:
            if (seconds := error.retry_after) is not None:
                self.states.change(self.name, lambda state, now: (self._now(state, now).closed(seconds), None))
            raise
        self.states.change(self.name, lambda state, now: (self._now(state, now).settle(cost, call), None))

    def _reserve(self, cost: float) -> None:
        waited = 0.0
        while wait := self.states.change(self.name, lambda state, now: self._try(state, now, cost)):
            if waited + wait > self.patience:
                raise NothingDone("The store lets us call it again in a moment.", retry_after=wait)
            time.sleep(wait)
            waited += wait

    def _try(self, state: BucketState | None, now: float, cost: float) -> tuple[BucketState, float]:
        current = self._now(state, now)
        wait = current.wait_for(cost)
        return (current, wait) if wait > 0 else (current.take(cost), 0.0)

    def _now(self, state: BucketState | None, now: float) -> BucketState:
        return (state or BucketState(self.size, now, self.size, self.refill)).refilled(now)
