"""A sample store that lists its orders by an operation that takes its time, as Shopify's bulk operations do.

`Operations` is the store's side: it counts how often an operation was begun, and ends one when it is told to.
`BulkDemo` is the plugin; its file is fetched through `http` from the address in the credentials (`files`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from core.platform.calls.cost_bucket import CostBucket
from core.platform.calls.json_lines import FileGone, read_lines
from core.platform.errors import ListingFailed
from core.platform.sample import Demo
from core.platform.sample_store import ORDERS, World
from core.platform.snapshots import LineItemSnapshot, OrderSnapshot, Page

_LINE = TypeAdapter(LineItemSnapshot)
_OVERLAP = timedelta(minutes=5)
_ALL = 1_000_000
LOOK_AGAIN_AFTER = 10.0
"""Seconds after which an operation may have ended."""
BUCKET, COST = 10.0, 1.0
"""How many operations may be begun at once; as many more in an hour."""
TRIES = 5
"""How many operations are begun for one listing."""
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds between an operation that failed and the next one."""
PIECE = 4096
"""Bytes of the file that one page reads."""


class Operations:
    """The operations of a sample store, each begun under a key of the caller's."""

    def __init__(self, world: World, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.world = world
        self._clock = clock

    @property
    def begun(self) -> int:
        """How many operations were ever begun: each costs the merchant something."""
        return self.world.count("operation")

    def begin(self, key: str, since: str) -> str:
        """Begin to list what changed since; give the operation's ref. Asked twice, begins twice, as platforms do."""
        ref = f"bulk-{self.begun + 1}"
        self.world.note("operation", ref, {"key": key, "since": since, "state": "running"})
        return ref

    def find(self, key: str) -> str:
        """Give the ref of the operation that was begun under a key; "" where there is none."""
        return next((ref for ref, body in self._all() if body["key"] == key), "")

    def look(self, ref: str) -> Mapping[str, Any]:
        """Give an operation as it stands: key, since, and state, which is running, done, failed or unknown."""
        return dict(self._all()).get(ref, {"state": "unknown"})

    def _all(self) -> list[tuple[str, Mapping[str, Any]]]:
        rows = self.world.changed_since("operation", "", "", _ALL)
        return [(ref, json.loads(body)) for _, ref, body in rows]

    def finish(self, ref: str, state: str = "done") -> None:
        """End an operation: write the file of what changed by now, an order a line and each of its lines behind it."""
        body = self.look(ref)
        orders = self.world.changed_since("order", body["since"], "", _ALL)
        with self.file_of(ref).open("w", encoding="utf-8") as file:
            for _, _, order in orders:
                file.writelines(f"{line}\n" for line in _written(ORDERS.validate_json(order)))
        newest = orders[-1][0] if orders else body["since"]
        told = {"state": state, "newest": newest, "made_at": self._clock().isoformat()}
        self.world.note("operation", ref, {**body, **told})

    def file_of(self, ref: str) -> Path:
        """Give the path of an operation's file."""
        return Path(self.world.path).parent / f"{ref}.jsonl"


class BulkDemo(Demo):
    """The sample store, its orders listed by operations. Credentials are {world, files}."""

    name = "bulk"

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """Begin an operation once, wait for its end, and read its file piece by piece."""
        operations = Operations(self.world)
        if not cursor.startswith("{"):
            return _begin_anew(cursor)
        at = json.loads(cursor)
        ref = at.get("operation") or operations.find(at["key"]) or self._begin(operations, at["key"], at["since"])
        operation = operations.look(ref)
        if operation["state"] == "running":
            waits = json.dumps({**at, "operation": ref})
            return Page((), waits, last=False, again_after=LOOK_AGAIN_AFTER, operation=ref)
        if operation["state"] != "done":
            return _after_failure(at, operation["state"])
        url = f"{self.credentials['files']}/{ref}.jsonl"
        try:
            lines = read_lines(self.http, url, at.get("offset", 0), piece=PIECE, begins_group=_is_order)
        except FileGone as error:
            return _after_failure(at, str(error))
        goes_on = json.dumps({**at, "operation": ref, "offset": lines.offset})
        looks_back = (datetime.fromisoformat(operation["newest"]) - _OVERLAP).isoformat()
        next_poll = max(at["since"], looks_back)
        made_at = datetime.fromisoformat(operation["made_at"])
        return Page(tuple(_read(lines.rows)), next_poll if lines.last else goes_on, lines.last, as_of=made_at)

    def _begin(self, operations: Operations, key: str, since: str) -> str:
        with CostBucket("operations", BUCKET, BUCKET / 3600, self.buckets).spend(COST):
            return operations.begin(key, since)


def _begin_anew(since: str, failures: int = 0) -> Page[OrderSnapshot]:
    """Give the page that only names the key of the operation to come; it is kept before anything is begun.

    After a failure the core waits before it asks on: a minute, then each time longer, up to an hour.
    """
    moment = datetime.fromisoformat(since).astimezone(UTC).isoformat()
    cursor = json.dumps({"key": secrets.token_hex(8), "since": moment, "failures": failures})
    pause = min(FIRST_PAUSE * 4 ** (failures - 1), LONGEST_PAUSE) if failures else None
    return Page((), cursor, last=False, again_after=pause)


def _after_failure(at: Mapping[str, Any], said: str) -> Page[OrderSnapshot]:
    """Begin anew after a pause, or give up: raises ListingFailed with what the store said of its last operation."""
    failures = at.get("failures", 0) + 1
    if failures >= TRIES:
        raise ListingFailed(f"The store failed {failures} times to list its orders. It says: {said}")
    return _begin_anew(at["since"], failures)


def _written(order: OrderSnapshot) -> Iterator[str]:
    yield json.dumps({"order": ORDERS.dump_python(replace(order, lines=()), mode="json")})
    for line in order.lines:
        yield json.dumps({"parent": order.ref, "line": _LINE.dump_python(line, mode="json")})


def _is_order(row: Any) -> bool:
    return "order" in row


def _read(rows: Sequence[Any]) -> Iterator[OrderSnapshot]:
    """Put each order together with the lines behind it."""
    starts = [at for at, row in enumerate(rows) if _is_order(row)]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        lines = tuple(_LINE.validate_python(row["line"]) for row in rows[start + 1 : end])
        yield replace(ORDERS.validate_python(rows[start]["order"]), lines=lines)
