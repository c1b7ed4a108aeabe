"""The least a handler can do for the same outcome: bare WSGI, the raw driver, one statement, one transaction.

A floor writes `peer_jobs`, a copy of the jobs table with all its indexes and without row-level security, and reads an
order with one join on a connection that may see every store. No framework, no throttle, no token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

MAKE_PEER = {
    "PostgreSQL": "create table peer_jobs (like jobs including all)",
    "SQLite": "create table peer_jobs as select * from jobs limit 0",
}
_KEEP = (
    "insert into peer_jobs (store_id, id, kind, key, payload, state, once, run_at, attempts, reason, created_at)"
    " values (1, {0}, 'refresh_order', {0}, {0}, 'waiting', false, {now}, 0, '', {now}) on conflict do nothing"
)
_FIND = """
    select o.number, o.state, o.placed_at, o.late, o.currency, o.total, s.id, s.status, s.promised_by,
           s.tracking_number,
           l.title, l.quantity, e.at, e.status, e.text, e.place
    from orders o
    join line_items l on l.store_id = o.store_id and l.order_id = o.id
    join shipments s on s.store_id = o.store_id and s.order_id = o.id
    join tracking_events e on e.store_id = s.store_id and e.order_id = o.id
    where o.store_id = %s and o.number_key = %s and o.email_key = %s
    order by e.at desc
"""
_ids = count(time.time_ns())


def _connections(url: str) -> Callable[[], Any]:
    """Give a function that hands each thread its own connection, each statement a transaction."""
    mine = threading.local()

    def connection() -> Any:
        if not hasattr(mine, "connection"):
            mine.connection = _open(url)
        return mine.connection

    return connection


def _open(url: str) -> Any:
    if url.startswith("sqlite"):
        lite = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
            lite.execute(f"PRAGMA {pragma}")
        return lite
    import psycopg

    opened = psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)
    opened.execute("set app.system = 'on'")  # sees all stores, once for the connection
    return opened


def hooks(url: str, secret: bytes) -> Wsgi:
    """Accept a webhook: HMAC over the raw body, parse it, one durable deduplicated row, 200."""
    connection = _connections(url)
    lite = url.startswith("sqlite")
    keep = _KEEP.format("?" if lite else "%s", now="datetime('now')" if lite else "now()")
    one_writer = threading.Lock()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            start("200 OK", [("Content-Length", "0")])
            return []
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        signature = base64.b64encode(hmac.digest(secret, body, hashlib.sha256)).decode()
        if not hmac.compare_digest(signature, environ.get("HTTP_X_WC_WEBHOOK_SIGNATURE", "")):
            start("401 Unauthorized", [("Content-Length", "0")])
            return []
        ref = str(json.loads(body)["id"])
        row = (next(_ids), f"order:{ref}", json.dumps({"ref": ref}))
        if lite:
            with one_writer:
                connection().execute(keep, row)
        else:
            connection().execute(keep, row)
        start("200 OK", [("Content-Length", "0")])
        return []

    return app


def find(url: str) -> Wsgi:
    """Find an order by number and e-mail's digest with one prepared join; answer it with its scans as JSON."""
    connection = _connections(url)

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            start("200 OK", [("Content-Length", "0")])
            return []
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        rows = connection().execute(_FIND, (asked["store"], asked["number"], asked["digest"]), prepare=True).fetchall()
        first = rows[0]
        body = json.dumps(
            {
                "number": first[0],
                "state": first[1],
                "placed_at": first[2].isoformat(),
                "late": first[3],
                "currency": first[4],
                "total": first[5],
                "parcels": [
                    {
                        "id": str(first[6]),
                        "status": first[7],
                        "promised_by": str(first[8]),
                        "tracking_number": first[9],
                        "items": [{"title": first[10], "quantity": first[11]}],
                        "scans": [
                            {"at": row[12].isoformat(), "status": row[13], "text": row[14], "place": row[15]}
                            for row in rows
                        ],
                    }
                ],
            }
        ).encode()
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return app
