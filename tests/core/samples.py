"""Orders, deliveries and statements that several tests speak of. Ann's order is 1042; Eve's address is Eve's."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from core.db.database import Database
from core.db.row_reader import Row, session_reader
from core.jobs.queue import Job
from core.orders import find
from core.platform.sample import SIGNATURE, sign
from core.platform.snapshots import LineItemSnapshot, OrderSnapshot, OrderState, ReviewSnapshot
from core.secrets import Keyring
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import link_of
from tests.conftest import NOON

ANN = "ann@shopper.example"
EVE = "eve@elsewhere.example"
MUG = LineItemSnapshot(ref="l1", title="Mug", quantity=2, total=2400)

_ANNS = OrderSnapshot(
    ref="1",
    number="1042",
    state=OrderState.OPEN,
    status="open",
    currency="EUR",
    placed_at=NOON,
    updated_at=NOON,
    total=2400,
    email=ANN,
    postcode="LT-01103",
    country="LT",
    paid_at=NOON,
    lines=(MUG,),
)


def anns_order(**changes: Any) -> OrderSnapshot:
    """Ann's order 1042: paid, two mugs, nothing shipped."""
    return replace(_ANNS, **changes)


def anns_review(ref: str = "r1", *, at: datetime = NOON, **changes: Any) -> ReviewSnapshot:
    """What Ann says about the mugs."""
    review = ReviewSnapshot(ref, 2, "One came broken.", updated_at=at, posted_at=at, author="Ann", email=ANN)
    return replace(review, **changes)


def hook_path(services: Services, store: Store) -> str:
    """The path of a store's webhook address, token included."""
    return urlsplit(link_of(services, store).hook_url).path


def deliver(
    client: FlaskClient, services: Services, store: Store, resource: str, ref: str, *, secret: str = "", **more: Any
) -> int:
    """Deliver signed news as the sample store does; give the status of the answer."""
    body = json.dumps({"resource": resource, "ref": ref, **more}).encode()
    headers = {SIGNATURE: sign(secret or link_of(services, store).secret, body)}
    return client.post(hook_path(services, store), data=body, headers=headers).status_code


def jobs_of(services: Services, store: Store, *, state: str = "waiting") -> list[str]:
    """The keys of a store's jobs in one state, in order of promise."""
    with services.db.transaction(store.id, write=False) as session:
        return list(session.scalars(sa.select(Job.key).where(Job.state == state).order_by(Job.id)))


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Write down every statement that reaches the database inside the block; of one asked at once, its name."""
    seen: list[str] = []
    wire = tempfile.TemporaryFile()  # noqa: SIM115 - closed below

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **options: Any) -> Any:
            seen.append(str(query))
            return super().execute(query, *args, **options)

    def watch(connection: Any, *_rest: Any) -> None:
        connection.cursor_factory = Noting
        connection.pgconn.trace(wire.fileno())  # core/db/prepared_statement.py has no cursor

    def leave(connection: Any, *_rest: Any) -> None:
        connection.cursor_factory = psycopg.Cursor
        connection.pgconn.untrace()
        wire.seek(0)
        seen.extend(name.decode() for name in re.findall(rb'\tBind\t ?"[^"]*" "(?!_pg3)([^"]+)"', wire.read()))
        wire.truncate(0)
        wire.seek(0)

    # The hottest reads go past SQLAlchemy, so PostgreSQL's statements are seen at the driver.
    hooks = [("before_cursor_execute", note)] if database.is_sqlite else [("checkout", watch), ("checkin", leave)]
    for name, hook in hooks:
        sa.event.listen(database.engine, name, hook)
    try:
        yield seen
    finally:
        for name, hook in hooks:
            sa.event.remove(database.engine, name, hook)
        wire.close()


def find_mine(session: Session, keyring: Keyring, number: str, proof: str) -> Row:
    """Find an order by what a shopper types. Raises OrderNotFound."""
    return find.find_order(session_reader(session), find.lookup_query(keyring, number, proof))
