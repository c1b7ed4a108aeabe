"""The metrics /metrics exposes. Labels are kinds and states, never a store, an order or a person."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

DELIVERIES = Counter("aftercare_deliveries", "Webhooks received.", ["platform", "outcome"])
JOBS_ENDED = Counter("aftercare_jobs_ended", "Jobs by how they ended.", ["kind", "state"])
JOB_SECONDS = Histogram("aftercare_job_seconds", "Seconds a job's handler took.", ["kind"])
NOTICES = Counter("aftercare_notices", "Notices by kind and state.", ["kind", "state"])
LOOKUPS = Counter("aftercare_lookups", "Order look-ups by shoppers.", ["outcome"])
