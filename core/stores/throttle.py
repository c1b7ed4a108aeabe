"""How often somebody may try: counted per store in our own database, so that all processes count together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from core.db import Database, insert, new_id
from core.secrets import Keyring
from core.stores.model import Throttle


class TooManyTries(Exception):
    """Too many tries from here; the same for right and wrong ones."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many tries")
        self.retry_after = retry_after


def count_try(
    db: Database,
    keyring: Keyring,
    store_id: int,
    limits: Mapping[str, int],
    *,
    now: datetime,
    window: timedelta = timedelta(minutes=15),
) -> None:
    """Count one try for each of `limits` (what is counted → most tries a window). Raises TooManyTries.

    Commits on its own, before the answer is known: a wrong pair and a right one cost the same. Nothing readable is
    stored, only keyed digests.
    """
    seconds = int(window.total_seconds())
    slot = int(now.timestamp()) // seconds
    rows = [
        {
            "store_id": store_id,
            "id": new_id(),
            "digest": keyring.digest(what.strip().casefold()[:400], purpose="throttle"),
            "window": slot,
            "tries": 1,
            "expires_at": now + 2 * window,
        }
        for what in limits
    ]
    most = dict(zip((row["digest"] for row in rows), limits.values(), strict=True))
    rows.sort(key=lambda row: str(row["digest"]))  # two who count at once lock in the same order
    with db.transaction(store_id) as session:
        if not db.is_sqlite:
            # A count that a power cut takes back opens nothing; not waiting for the disk lets a busy store's common
            # row go on to the next look-up at once.
            session.connection().exec_driver_sql("set local synchronous_commit = off")
        counted = session.execute(_counting(session), rows).all()
    if any(tries > most[digest] for digest, tries in counted):
        raise TooManyTries((slot + 1) * seconds - int(now.timestamp()))


def _counting(session: Session) -> Any:
    table: Any = Throttle.__table__
    counted = insert(session, table).on_conflict_do_update(
        index_elements=["store_id", "digest", "window"], set_={"tries": table.c.tries + 1}
    )
    return counted.returning(table.c.digest, table.c.tries)
