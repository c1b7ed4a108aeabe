"""GET /healthz, /readyz, /metrics: is the process up, can it work, and what has it done."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core.db.base import SYSTEM, new_id, table_of
from core.db.database import Database, insert
from core.db.purpose import Purpose
from core.http.context import services
from core.jobs import claims
from core.schema import migrate
from core.stores.model import Nonce

health = Blueprint("health", __name__)

_WRITE_AGAIN = timedelta(seconds=5)
"""How long one successful write speaks for the next: anybody may ask, and a write waits for the disk."""
_written: WeakKeyDictionary[Database, datetime] = WeakKeyDictionary()


@health.get("/healthz")
def healthz() -> Response:
    """The process is up."""
    return jsonify(ok=True)


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """The database answers and can be written, its schema is ours, and how long the oldest due job has waited
    (seconds).
    """
    app = services()
    try:
        current = migrate.is_current(app.db)
        with app.db.system(Purpose.INSPECT, write=False) as session:
            oldest = claims.oldest_waiting(session, now=app.clock())
    except sa.exc.SQLAlchemyError as error:
        return jsonify(ok=False, database=type(error).__name__), 503
    body = {"ok": current, "migrations_current": current, "oldest_waiting_seconds": round(oldest, 1)}
    if not current:
        return jsonify(body), 503
    try:
        _write(app.db, app.clock())
    except sa.exc.SQLAlchemyError as error:  # it is read-only, or its disk is full
        return jsonify(body | {"ok": False, "writable": False, "database": type(error).__name__}), 503
    return jsonify(body | {"writable": True}), 200


def _write(db: Database, now: datetime) -> None:
    """Commit one row, the same each time; nothing where that was done just now. Raises SQLAlchemy's errors."""
    last = _written.get(db)
    if last is not None and timedelta() <= now - last < _WRITE_AGAIN:
        return
    row = {"store_id": SYSTEM, "id": new_id(), "digest": "readyz", "expires_at": now + timedelta(days=1)}
    with db.transaction(SYSTEM) as session:
        new = insert(session, table_of(Nonce)).values(row)
        again = {"expires_at": new.excluded.expires_at}
        session.execute(new.on_conflict_do_update(index_elements=["store_id", "digest"], set_=again))
    _written[db] = now


@health.get("/metrics")
def metrics() -> Response:
    """Prometheus' figures, for whoever holds AFTERCARE_METRICS_TOKEN."""
    token = services().config.metrics_token.get_secret_value()
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        return Response("", 401)
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
