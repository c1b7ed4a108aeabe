"""Every reason to open a transaction over all stores: `Database.system` takes one of these.

`tests/core/test_purposes.py` reads the sources: each call names one, and each one is named by a call.
"""

from __future__ import annotations

from enum import Enum


class Purpose(Enum):
    """Why a transaction needs to see more than one store; the value says what is read or written."""

    FIND_STORE = (
        "Find the store, or its source of reviews, that a request or installation names: by key, ref, webhook token or "
        "platform's id; one row."
    )
    RECORD_DELIVERIES = "Write the jobs of several stores' webhooks in one commit; nothing of a store is read."
    CLAIM_JOBS = "Let a worker take due jobs of all stores in turn, and take back those whose worker died."
    FIND_DUE_PARCELS = "List the ids of stores with parcels whose `check_after` has come; each is then worked on alone."
    TICK = "Promise the clock's own job of one slot, which belongs to no store."
    LIST_STORES = (
        "List the stores, and their sources of reviews, for which the clock promises a job each: poll, check, reseal, "
        "retention."
    )
    PROMISE_READINGS = (
        "Write the clock's jobs that poll and check many stores in one commit; nothing of a store is read."
    )
    PROMISE_INDEXING = "Find the stores with rows that are not indexed; promise each its job, all in one commit."
    DELETE_EXPIRED = (
        "Delete ended jobs, used nonces, counted tries, undecided claims and loose photos of all stores by their age."
    )
    COUNT_TRIES = "Add what a process counted for several stores to their throttles, once a second."
    INSPECT = "Count and list for whoever runs the installation: `doctor`, `/readyz`, the stores `trace` looks through."
    SHOW_SAMPLES = "List the sample stores on the demo's own pages; no other command serves these."
