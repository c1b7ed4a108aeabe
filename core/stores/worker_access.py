"""What a worker asks of stores: the credentials a job begins with, whether a store is open, and to look again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.stores.connection import access
from core.stores.model import Store


class WorkerAccess:
    """The stores as `core.jobs.claims.StoreAccess` wants them."""

    def sealed_credentials(self, store_id: sa.ColumnElement[int]) -> sa.ColumnElement[bytes]:
        return sa.select(Store.credentials).where(Store.id == store_id).scalar_subquery()

    def is_open(self, session: Session, store_id: int) -> bool:
        state = sa.select(Store.state).where(Store.id == store_id)
        return session.scalar(state.with_for_update(read=True)) == "open"

    def report_refusal(self, session: Session, store_id: int, *, now: datetime) -> None:
        access.report_refusal(session, store_id, now=now)
