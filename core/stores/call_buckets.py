"""What a platform lets us call of a store, kept in the database: all processes take from the same bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.database import insert
from core.platform.calls.cost_bucket import BucketState
from core.services import Services
from core.stores.model import CallBucket

T = TypeVar("T")

_buckets = table_of(CallBucket)


class StoreBuckets:
    """The buckets of one store, as `core.platform.calls.cost_bucket.BucketStates` wants them."""

    def __init__(self, services: Services, store_id: int) -> None:
        self.services, self.store_id = services, store_id

    def change(self, name: str, change: Callable[[BucketState | None, float], tuple[BucketState, T]]) -> T:
        """Replace a bucket's state in one short transaction of its own; never inside another one."""
        with self.services.db.transaction(self.store_id) as session:
            if not self.services.db.is_sqlite:
                # A cost that a power cut takes back is told by the platform's next answer.
                session.connection().exec_driver_sql("set local synchronous_commit = off")
            while True:
                known = self._locked(session, name)
                # Read behind the lock: what flowed in while we waited for it was counted by whoever held it.
                state, result = change(known, self.services.clock().timestamp())
                if self._is_written(session, name, state, is_new=known is None):
                    return result

    def _locked(self, session: Session, name: str) -> BucketState | None:
        row = session.execute(sa.select(_buckets).where(self._is(name)).with_for_update()).first()
        return BucketState(row.level, row.at, row.size, row.refill, row.closed_until) if row else None

    def _is_written(self, session: Session, name: str, state: BucketState, *, is_new: bool) -> bool:
        """Write a state down; False where somebody else has made the bucket in the meantime."""
        values = {
            "level": state.left,
            "at": state.at,
            "size": state.size,
            "refill": state.refill,
            "closed_until": state.closed_until,
        }
        if not is_new:
            session.execute(sa.update(_buckets).where(self._is(name)).values(values))
            return True
        row = {"store_id": self.store_id, "id": new_id(), "name": name, **values}
        written = insert(session, _buckets).values(row).on_conflict_do_nothing().returning(_buckets.c.id)
        return session.execute(written).first() is not None

    def _is(self, name: str) -> sa.ColumnElement[bool]:
        return sa.and_(_buckets.c.store_id == self.store_id, _buckets.c.name == name)
