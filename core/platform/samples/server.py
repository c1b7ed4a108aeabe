"""What both sample stores' servers have: a clock that can be moved, and bad days."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from core.platform.errors import AccessLost, Unavailable
from core.platform.sample_store import World

THROTTLED, AWAY, LOCKED, MUTE = "throttled", "away", "locked", "mute"
"""How a server may answer, besides "open": 429, 503, 403, or not at all though it did what was asked."""
RETRY_AFTER = 2.0
_P = ParamSpec("_P")
_R = TypeVar("_R")


class Server(World):
    """A sample store's server: its books, and how it answers (`door`)."""

    @property
    def now(self) -> datetime:
        """The server's own time; `move_clock` moves it."""
        return datetime.now(UTC) + timedelta(seconds=float(self.fact("clock") or 0))

    def move_clock(self, to: datetime) -> None:
        """Let the server's clock stand at this moment; it runs on from there."""
        self.note("fact", "clock", {"value": str((to - datetime.now(UTC)).total_seconds())})

    def fact(self, name: str) -> str:
        """Give what is kept under a name; "" for nothing."""
        return str(json.loads(self._body("fact", name) or "{}").get("value", ""))

    def keep(self, name: str, value: str) -> None:
        """Keep a text under a name."""
        self.note("fact", name, {"value": value})

    def answer(self) -> None:
        """Begin to answer a request. Raises what a server in trouble makes of it."""
        door = self.door
        if door == THROTTLED:
            raise Unavailable("the sample store answers 429", retry_after=RETRY_AFTER)
        if door == AWAY:
            raise Unavailable("the sample store answers 503")
        if door == LOCKED:
            raise AccessLost("the sample store refuses our keys")


class _Caller(Protocol):
    @property
    def books(self) -> Server: ...


_C = TypeVar("_C", bound=_Caller)


def acts(verb: Callable[Concatenate[_C, _P], _R]) -> Callable[Concatenate[_C, _P], _R]:
    """Let a method that writes run alone at its store; a mute server does what was asked, and its answer is lost."""

    @wraps(verb)
    def done_alone(self: _C, *args: _P.args, **options: _P.kwargs) -> _R:
        with self.books.alone():
            answer = verb(self, *args, **options)
        if self.books.door == MUTE:
            self.books.door = "open"
            raise Unavailable("the sample store did not answer in time")
        return answer

    return done_alone
