"""GET /healthz, /readyz, /metrics: is the process up, can it work, and what has it done."""

from __future__ import annotations

import hmac

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core.db.purpose import Purpose
from core.http.context import services
from core.jobs import claims
from core.schema import migrate

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """The process is up."""
    return jsonify(ok=True)


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """The database answers, its schema is ours, and how long the oldest due job has waited (seconds)."""
    app = services()
    try:
        current = migrate.is_current(app.db)
        with app.db.system(Purpose.INSPECT, write=False) as session:
            oldest = claims.oldest_waiting(session, now=app.clock())
    except sa.exc.SQLAlchemyError as error:
        return jsonify(ok=False, database=type(error).__name__), 503
    body = {"ok": current, "migrations_current": current, "oldest_waiting_seconds": round(oldest, 1)}
    return jsonify(body), 200 if current else 503


@health.get("/metrics")
def metrics() -> Response:
    """Prometheus' figures, for whoever holds AFTERCARE_METRICS_TOKEN."""
    token = services().config.metrics_token.get_secret_value()
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        return Response("", 401)
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
