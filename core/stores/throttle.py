"""How often somebody may try: counted per store in our own database, so that all processes count together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

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
    over = False
    with db.transaction(store_id) as session:
        table: Any = Throttle.__table__
        for what, most in limits.items():
            row = {
                "store_id": store_id,
                "id": new_id(),
                "digest": keyring.digest(what.strip().casefold()[:400], purpose="throttle"),
                "window": slot,
                "tries": 1,
                "expires_at": now + 2 * window,
            }
            counted = insert(session, table).values(row)
            counted = counted.on_conflict_do_update(
                index_elements=["store_id", "digest", "window"], set_={"tries": table.c.tries + 1}
            )
            tries = session.execute(counted.returning(table.c.tries)).scalar_one()
            over = over or tries > most
    if over:
        raise TooManyTries((slot + 1) * seconds - int(now.timestamp()))
