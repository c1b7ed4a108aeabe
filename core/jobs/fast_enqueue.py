"""Enqueue the jobs of webhook deliveries in one statement below SQLAlchemy, as `queue.enqueue_for_stores` would.

The session and its three round trips were two thirds of what keeping a delivery cost (benchmarks.p1_webhooks,
2026-11). This is for the usual promise, one that merges and may run at once; the others are enqueued.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from core.db import prepared_statement
from core.db.base import new_id
from core.db.database import Database
from core.db.prepared_statement import PreparedStatement
from core.db.purpose import Purpose
from core.jobs.queue import CHANNEL, NewJob, enqueue_for_stores

_COLUMNS = "store_id, id, kind, key, payload, state, once, run_at, attempts, reason, created_at"
_MERGE = """on conflict (store_id, key) where state = 'waiting' do update set run_at = excluded.run_at, attempts = 0
    where jobs.state = 'waiting' and jobs.run_at > excluded.run_at"""
_INSERT = PreparedStatement(
    "keep",
    f"""{prepared_statement.FOR_ALL}, kept as (
        insert into jobs ({_COLUMNS})
        select each.store_id, each.id, each.kind, each.key, each.payload, 'waiting', false, $2::timestamptz, 0, '',
            $2::timestamptz
        from named
        cross join json_to_recordset($1::json)
            as each(store_id bigint, id bigint, kind text, key text, payload jsonb)
        where named.is_on = 'on'
        {_MERGE}
        returning 1
    )
    select pg_notify('{CHANNEL}', '') from (select 1 from kept limit 1) news""",  # noqa: S608 - names of ours
)
_INSERT_ON_SQLITE = f"""insert into jobs ({_COLUMNS})
    values (:store_id, :id, :kind, :key, :payload, 'waiting', false, :now, 0, '', :now)
    {_MERGE}"""  # noqa: S608 - names of ours


def commit_jobs(db: Database, promised: Iterable[tuple[int, NewJob]], *, now: datetime) -> None:
    """Enqueue jobs for several stores, each with its store's id, and commit."""
    jobs = list(promised)
    if any(job.once or job.run_at or not job.is_news for _, job in jobs):
        with db.system(Purpose.RECORD_DELIVERIES) as session:
            enqueue_for_stores(session, jobs, now=now)
        return
    by_key = {(store_id, job.key): job for store_id, job in reversed(jobs)}  # one statement may meet a row once
    rows = [
        {"store_id": store_id, "id": new_id(), "kind": job.kind, "key": key, "payload": job.payload}
        for (store_id, key), job in sorted(by_key.items(), key=lambda pair: pair[0])  # two batches lock alike
    ]
    if not db.is_sqlite:
        prepared_statement.execute(db, _INSERT, json.dumps(rows), now.isoformat())
        return
    written = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")  # as SQLAlchemy writes times
    with db.sqlite_transaction() as connection:
        connection.executemany(
            _INSERT_ON_SQLITE, [row | {"payload": json.dumps(row["payload"]), "now": written} for row in rows]
        )
