"""The keyed digests by which orders are found by e-mail address, renewed batch by batch when the key changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import table_of
from core.orders.find import email_key
from core.orders.model import Order
from core.secrets import Keyring

BATCH = 500
"""Rows of one transaction: some tens of milliseconds, in which these orders cannot change."""
_orders = table_of(Order)


def renew_digests(session: Session, store_id: int, keyring: Keyring, rows: Sequence[Any]) -> int:
    """Digest the addresses of what `read_digests` gave with the first key; give how many had another."""
    fresh = [(id_, was, email_key(email, keyring)) for id_, email, was in rows]
    stale = [{"its_id": id_, "was": was, "now": now} for id_, was, now in fresh if was != now]
    if stale:
        # Only where it still says what was read: a snapshot applied meanwhile brought its own digest.
        mine = sa.and_(_orders.c.store_id == store_id, _orders.c.id == sa.bindparam("its_id"))
        renewed = sa.update(_orders).where(mine, _orders.c.email_key == sa.bindparam("was"))
        session.connection().execute(renewed.values(email_key=sa.bindparam("now")), stale)
    return len(stale)


def count_stale_digests(session: Session, store_id: int, keyring: Keyring) -> int:
    """Count the orders whose address was digested with another key than the first. Reads every order of the store."""
    stale, after = 0, 0
    while True:
        rows, after = read_digests(session, store_id, after)
        stale += sum(key != email_key(email, keyring) for _, email, key in rows)
        if not after:
            return stale


def read_digests(session: Session, store_id: int, after: int) -> tuple[list[Any], int]:
    """Read the next batch of (id, address, digest) of a store's orders, and the id it ends with: 0 for the last."""
    wanted = sa.select(_orders.c.id, _orders.c.email, _orders.c.email_key)
    wanted = wanted.where(_orders.c.store_id == store_id, _orders.c.id > after).order_by(_orders.c.id).limit(BATCH)
    rows = list(session.execute(wanted))
    return rows, rows[-1].id if len(rows) == BATCH else 0
