"""The short way of keeping promises writes what the usual one does, whatever lies there already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core.db.base import table_of
from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs import fast_enqueue
from core.jobs.queue import Job, NewJob, enqueue, enqueue_for_stores
from tests.conftest import NOON

HER_ORDER = NewJob("changes.refresh_order", "order:1", {"ref": "1"}, is_news=True)
NEWS = [
    (1, HER_ORDER),
    (2, NewJob("changes.refresh_order", "order:Ünï\"'\\", {"ref": "Ünï\"'\\"})),
    (1, NewJob("changes.refresh_review", "review:1", {"ref": "1"}, is_news=True)),
    (1, HER_ORDER),
]
FACT = NewJob("changes.act", "privacy:1", {"resource": "privacy"}, once=True)
COLUMNS = [column for column in table_of(Job).columns if column.name != "id"]


def usual(db: Database, promised: list[tuple[int, NewJob]]) -> None:
    with db.system(Purpose.INSPECT) as session:
        enqueue_for_stores(session, promised, now=NOON)


def short(db: Database, promised: list[tuple[int, NewJob]]) -> None:
    fast_enqueue.commit_jobs(db, promised, now=NOON)


def rows(db: Database) -> list[tuple[Any, ...]]:
    with db.system(Purpose.INSPECT, write=False) as session:
        found = session.execute(sa.select(*COLUMNS).order_by(Job.store_id, Job.key, Job.id)).all()
    return [tuple(row) for row in found]


def clear(db: Database) -> None:
    with db.system(Purpose.INSPECT) as session:
        session.execute(sa.text("delete from jobs"))


def earlier(db: Database, **values: Any) -> None:
    """Let a job of her order be there already, in some state."""
    with db.transaction(1) as session:
        enqueue(session, 1, HER_ORDER, now=NOON - timedelta(hours=1))
        session.execute(sa.update(Job).values(**values))


@pytest.mark.parametrize(
    "before",
    [
        pytest.param({"run_at": NOON - timedelta(minutes=1)}, id="due"),
        pytest.param({"run_at": NOON + timedelta(hours=1)}, id="planned"),
        pytest.param({"run_at": NOON + timedelta(hours=1), "attempts": 2}, id="waiting for its next try"),
        pytest.param({"state": "running", "lease_token": "t", "lease_until": NOON}, id="running"),
        pytest.param({"state": "done", "done_at": NOON}, id="done"),
    ],
)
def test_both_ways_write_the_same(database: Database, before: dict[str, Any]) -> None:
    written = []
    for way in (usual, short):
        clear(database)
        earlier(database, **before)
        way(database, NEWS)
        written.append(rows(database))
    assert written[0] == written[1]
    assert len(written[0]) >= 3


@pytest.mark.parametrize("way", [usual, short])
def test_a_fact_that_never_merges_is_kept_beside_news(
    database: Database, way: Callable[[Database, list[tuple[int, NewJob]]], None]
) -> None:
    way(database, [*NEWS, (1, FACT)])
    assert len(rows(database)) == 4


def test_what_cannot_be_written_leaves_nothing_of_its_batch(database: Database) -> None:
    nothing = NewJob("changes.refresh_order", "order:2", {}, is_news=True)
    with pytest.raises((sa.exc.DBAPIError, OverflowError)):  # the latter is how SQLite's driver says it
        fast_enqueue.commit_jobs(database, [(1, HER_ORDER), (2**70, nothing)], now=NOON)
    assert rows(database) == []
    fast_enqueue.commit_jobs(database, [(1, HER_ORDER)], now=NOON)  # the connection is whole
    assert len(rows(database)) == 1


@pytest.mark.postgres
def test_one_statement_wakes_the_workers_only_where_there_is_news(postgres: Callable[[], str]) -> None:
    database = Database(postgres())
    listener = database.engine.raw_connection()
    raw: Any = listener.dbapi_connection
    raw.execute("listen aftercare_jobs")
    raw.commit()
    fast_enqueue.commit_jobs(database, NEWS, now=NOON)
    assert [note.channel for note in raw.notifies(timeout=5, stop_after=1)] == ["aftercare_jobs"]
    fast_enqueue.commit_jobs(database, NEWS, now=NOON)
    assert list(raw.notifies(timeout=0.3)) == []
    listener.close()
    database.close()


@pytest.mark.postgres
def test_a_statement_s_name_for_its_rows_ends_with_it(postgres: Callable[[], str]) -> None:
    database = Database(postgres(), pool_size=1)
    fast_enqueue.commit_jobs(database, NEWS, now=NOON)
    pooled = database.engine.raw_connection()
    raw: Any = pooled.dbapi_connection
    named = raw.execute("select current_setting('app.system', true), current_setting('app.store', true)").fetchone()
    seen = raw.execute("select count(*) from jobs").fetchone()
    pooled.close()
    database.close()
    assert [value or "" for value in named] == ["", ""]
    assert seen == (0,)
