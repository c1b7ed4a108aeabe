"""Rate limits per store: tries are counted in our own database, so that all processes count together.

Rare tries (`count_try`) are counted there at once. Look-ups (`count_often`) are counted in the process, which tells
the others each second. What is refused is counted nowhere: whoever hammers at a closed limit writes nothing, and uses
up nobody else's.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.bulk import insert_rows
from core.db.database import Database
from core.db.purpose import Purpose
from core.secrets import Keyring
from core.stores.model import Throttle

WINDOW = timedelta(minutes=15)
REST = 1.0
"""Seconds between two writings of what a process has counted."""
_MOST_KNOWN = 20_000

_Counted = tuple[int, str, int]
"""A store's id, what was counted (a keyed digest), and the number of its window."""


class TooManyTries(Exception):
    """Too many tries from here; the same for right and wrong ones."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many tries")
        self.retry_after = retry_after


def caller_of(address: str) -> str:
    """Give what is one caller: an IPv4 address, or the /64 of an IPv6 address, all of which one line is given."""
    try:
        ip = ip_address(address.partition("%")[0].strip())
    except ValueError:
        return address[:64]
    if isinstance(ip, IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or IPv6Network((ip, 64), strict=False))


def count_try(db: Database, keyring: Keyring, store_id: int, limits: Mapping[str, int], *, now: datetime) -> None:
    """Count one try for each of `limits` (what is counted → most tries a window). Raises TooManyTries.

    Commits on its own, before the answer is known: a wrong pair and a right one cost the same. Nothing readable is
    stored, only keyed digests.
    """
    most = _limits_by_window(keyring, store_id, limits, now)
    with db.transaction(store_id, write=False) as session:
        before = _read(session, store_id, most)
    _refuse_above_limit({one: tries + 1 for one, tries in before.items()}, most, now)
    with db.transaction(store_id) as session:
        counts = _write(session, Counter(most.keys()))
    _refuse_above_limit(counts, most, now)


def count_frequent(
    db: Database,
    keyring: Keyring,
    store_id: int,
    limits: Mapping[str, int],
    *,
    watched: Sequence[str] = (),
    now: datetime,
) -> dict[str, int]:
    """Count like `count_try`, but in this process, and for all of them once a second. Raises TooManyTries.

    Gives how many tries there are now, by what was counted; `watched` is counted too and refuses nothing.

    No process ever lets more than a limit through. Together they may, by what the others have let through since they
    last wrote: a second's tries, or fewer than a limit each where nobody has come since. A killed process takes its
    last second's count with it.
    """
    names = [*limits, *watched]
    most = _limits_by_window(keyring, store_id, {**limits, **dict.fromkeys(watched, sys.maxsize)}, now)
    tries = counter_of(db)
    counts = tries.count(most)
    if tries.is_due():
        tries.write(db)
    _refuse_above_limit(counts, most, now)
    return dict(zip(names, counts.values(), strict=True))


class TryCounter:
    """What one process has counted: in all, as far as it knows, and what it has not written yet."""

    def __init__(self, rest: float = REST) -> None:
        self.rest = rest
        self._known: dict[_Counted, int] = {}
        self._unwritten: Counter[_Counted] = Counter()
        self._written_at = -rest
        self._lock = threading.Lock()

    def count(self, most: Mapping[_Counted, int]) -> dict[_Counted, int]:
        """Give how many of each there are with this one; count it where none is above its limit."""
        with self._lock:
            counts = {one: self._known.get(one, 0) + 1 for one in most}
            if all(tries <= most[one] for one, tries in counts.items()):
                self._known |= counts
                self._unwritten.update(counts.keys())
            return counts

    def is_due(self) -> bool:
        """Say whether it is the caller's turn to write; one of those who ask at once has it."""
        with self._lock:
            is_due = bool(self._unwritten) and time.monotonic() - self._written_at >= self.rest
            if is_due:
                self._written_at = time.monotonic()
            return is_due

    def write(self, db: Database) -> None:
        """Add what was counted here to the database, and learn what others have counted of the same."""
        with self._lock:
            new, self._unwritten = self._unwritten, Counter()
        try:
            with db.system(Purpose.COUNT_TRIES) as session:
                counts = _write(session, new)
        except sa.exc.SQLAlchemyError:
            with self._lock:
                self._unwritten += new
            raise
        with self._lock:
            if len(self._known) > _MOST_KNOWN:  # all of it is written: what comes again is learned again
                self._known = {}
            self._known |= {one: tries + self._unwritten[one] for one, tries in counts.items()}


_tries: WeakKeyDictionary[Database, TryCounter] = WeakKeyDictionary()


def counter_of(db: Database) -> TryCounter:
    """Give what this process has counted for a database."""
    return _tries.setdefault(db, TryCounter())


def _limits_by_window(keyring: Keyring, store_id: int, limits: Mapping[str, int], now: datetime) -> dict[_Counted, int]:
    """Give the limits by what is counted in the window of this moment."""
    window = int(now.timestamp() // WINDOW.total_seconds())
    digests = (keyring.digest(what.strip().casefold()[:400], purpose="throttle") for what in limits)
    return {(store_id, digest, window): limit for digest, limit in zip(digests, limits.values(), strict=True)}


def _refuse_above_limit(counts: Mapping[_Counted, int], most: Mapping[_Counted, int], now: datetime) -> None:
    if any(tries > most[one] for one, tries in counts.items()):
        raise too_many(now)


def too_many(now: datetime) -> TooManyTries:
    """Make the error that says when this window is over."""
    seconds = int(WINDOW.total_seconds())
    return TooManyTries(seconds - int(now.timestamp()) % seconds)


def _read(session: Session, store_id: int, counted: Mapping[_Counted, int]) -> dict[_Counted, int]:
    """Give what the rows of these tries have."""
    windows = {window for _, _, window in counted}
    digests = [digest for _, digest, _ in counted]
    table = table_of(Throttle)
    mine = sa.and_(table.c.store_id == store_id, table.c.digest.in_(digests), table.c.window.in_(windows))
    rows = session.execute(sa.select(table.c.digest, table.c.window, table.c.tries).where(mine))
    return {(store_id, digest, window): tries for digest, window, tries in rows}


def _write(session: Session, counted: Mapping[_Counted, int]) -> dict[_Counted, int]:
    """Add these tries to their rows; give what the rows have now."""
    if session.get_bind().dialect.name != "sqlite":
        # A count that a power cut takes back opens nothing; not waiting for the disk lets a busy store's common row
        # go on to the next at once.
        session.connection().exec_driver_sql("set local synchronous_commit = off")
    # Sorted: two who count at once lock in the same order.
    rows = [_row(*one, tries) for one, tries in sorted(counted.items())]
    counts = insert_rows(session, table_of(Throttle), rows, _add) if rows else []
    return {(row.store_id, row.digest, row.window): row.tries for row in counts}


def _row(store_id: int, digest: str, window: int, tries: int) -> dict[str, Any]:
    ends = datetime.fromtimestamp((window + 1) * WINDOW.total_seconds(), UTC)
    return {
        "store_id": store_id,
        "id": new_id(),
        "digest": digest,
        "window": window,
        "tries": tries,
        "expires_at": ends + WINDOW,
    }


def _add(new: Any) -> Any:
    table = table_of(Throttle)
    added = new.on_conflict_do_update(
        index_elements=["store_id", "digest", "window"], set_={"tries": table.c.tries + new.excluded.tries}
    )
    return added.returning(table.c.store_id, table.c.digest, table.c.window, table.c.tries)
