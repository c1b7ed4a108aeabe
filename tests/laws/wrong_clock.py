"""A wall clock that is off, for one process: what a machine reads whose time nobody keeps."""

from __future__ import annotations

import datetime as module
import sys
import time
from datetime import UTC, timedelta, tzinfo
from typing import Any

_true = module.datetime


class _AnyDatetime(type):
    """Calls every datetime an instance, whichever clock it came from."""

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, _true)


def set_wrong(seconds: float) -> None:
    """Let this process's wall clock be ahead (or, below zero, behind) from now on; its steady clock stays.

    `time.time` and `datetime.now` of every module imported so far are replaced. It cannot be undone.
    """
    if not seconds:
        return
    off, read, read_ns = timedelta(seconds=seconds), time.time, time.time_ns

    class WrongDatetime(_true, metaclass=_AnyDatetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return (_true.now(UTC) + off).astimezone(tz) if tz else _true.now() + off

    time.time = lambda: read() + seconds
    time.time_ns = lambda: read_ns() + int(seconds * 1e9)
    for one in [*sys.modules.values()]:
        if getattr(one, "datetime", None) is _true:
            one.datetime = WrongDatetime  # type: ignore[attr-defined]
