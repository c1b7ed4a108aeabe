"""The jobs of this room."""

from __future__ import annotations

from core.changes import readings, refresh, regular
from core.jobs.queue import Kind

JOBS = {
    "changes.refresh_order": Kind(refresh.refresh_order),
    "changes.refresh_return": Kind(refresh.refresh_return),
    "changes.refresh_review": Kind(refresh.refresh_review),
    "changes.refresh_source_review": Kind(refresh.refresh_review),
    "changes.read": Kind(readings.read),
    "changes.read_source": Kind(readings.read),
    "changes.act": Kind(refresh.act),
    "clock.poll": Kind(regular.poll_all, attempts=1),
    "clock.reconcile": Kind(regular.reconcile_all, attempts=1),
    "clock.check": Kind(regular.check_all, attempts=1),
}
