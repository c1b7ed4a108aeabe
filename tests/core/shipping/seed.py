"""What the tests of shipping's rows share: an order with its parcels as a store says it, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.changes.apply import apply_orders
from core.db.base import SYSTEM
from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.orders.messages.notice import Notice
from core.orders.model import Order, Shipment
from core.platform.contract import StaffIdentity
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    ShipmentSnapshot,
    TrackingEventSnapshot,
    TrackingStatus,
)
from core.services import Services
from core.stores import staff
from core.stores.model import Staff, Store
from core.stores.platform_access import store_by_id

# Paid on a Wednesday morning; one day to pack and at most three to travel, Mondays to Saturdays: promised by Monday.
PAID = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)
LEFT = datetime(2026, 11, 19, 15, 0, tzinfo=UTC)
PROMISED = date(2026, 11, 23)
LAST_CALL = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
"""The promised day's morning: a parcel that is not on its round by now will not make it."""
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what no engine can do differently."""
TRANSIT = [{"method": "*", "country": "*", "min_days": 1, "max_days": 3}]
DELAY_RULES = ("promise_revised", "promise_will_be_missed", "promise_missed")


def order(ref: str = "42", *shipments: ShipmentSnapshot, updated_at: datetime = PAID, **changes: Any) -> OrderSnapshot:
    """An order of two mugs and a pot, paid and open."""
    facts: dict[str, Any] = {
        "number": f"LIN-{ref}",
        "state": OrderState.OPEN,
        "status": "open",
        "currency": "EUR",
        "placed_at": PAID,
        "paid_at": PAID,
        "email": "ann@shopper.example",
        "name": "Ann Berg",
        "country": "LT",
        "shipping_method": "Courier",
        "lines": (LineItemSnapshot("1", "Mug", 2), LineItemSnapshot("2", "Pot", 1)),
    }
    return OrderSnapshot(ref=ref, updated_at=updated_at, shipments=shipments, **(facts | changes))


def parcel(ref: str = "p1", *, scan: datetime | None = LEFT, **changes: Any) -> ShipmentSnapshot:
    """A parcel that left on Thursday and was scanned then, unless `scan` says otherwise."""
    status = changes.pop("status", TrackingStatus.IN_TRANSIT)
    events = (TrackingEventSnapshot(scan, status, raw="moving", place="Kaunas"),) if scan else ()
    facts: dict[str, Any] = {
        "tracking_number": f"TRK{ref}",
        "carrier": "parcel post",
        "shipped_at": LEFT,
        "events": events,
    }
    return ShipmentSnapshot(ref=ref, status=status, **(facts | changes))


def revised(ref: str = "p1", **changes: Any) -> ShipmentSnapshot:
    """A parcel whose carrier now says Wednesday, two days after the promise."""
    return parcel(ref, **({"estimated_by": date(2026, 11, 25)} | changes))


def set_terms(services: Services, store: Store, modes: Mapping[str, str] | None = None, **terms: Any) -> None:
    """Save a store's terms: the usual transit table, and each named rule's mode."""
    rules = {name: {"mode": mode} for name, mode in (modes or {}).items()}
    with services.db.transaction(store.id) as session:
        row = store_by_id(session, store.id)
        row.settings = {**row.settings, "shipping": {"transit": TRANSIT, "rules": rules} | terms}
        row.settings_version += 1


def sending(mode: str = "send") -> dict[str, str]:
    """The modes of a store that lets delays out, and only watches the rest."""
    return dict.fromkeys(DELAY_RULES, mode)


def apply(services: Services, store: Store, *snapshots: OrderSnapshot) -> None:
    """Let the store's snapshots in as a webhook's fetch does."""
    now = services.clock()
    with services.db.transaction(store.id) as session:
        row = store_by_id(session, store.id)
        apply_orders(session, services, row, snapshots, asked_at=now, now=now)


def run_sweep(services: Services, worker: Worker) -> None:
    """Let the clock strike, and the work that follows be done."""
    with services.db.system(Purpose.INSPECT) as session:
        key = f"clock.sweep:{services.clock().isoformat()}"
        queue.enqueue(session, SYSTEM, NewJob("clock.sweep", key), now=services.clock())
    worker.run_until_idle()


def notices(services: Services, store: Store) -> list[Notice]:
    """All of a store's notices, oldest first."""
    return rows(services, store, Notice)


def told(services: Services, store: Store) -> list[tuple[str, str, str]]:
    """Rule, state and reason of every notice that is about a delay."""
    return [(one.rule, one.state, one.reason) for one in notices(services, store) if one.rule in DELAY_RULES]


def rows(services: Services, store: Store, model: Any) -> list[Any]:
    """All of a store's rows of a kind, oldest first."""
    with services.db.transaction(store.id, write=False) as session:
        return list(session.scalars(sa.select(model).order_by(model.id)))


def only(services: Services, store: Store, model: Any) -> Any:
    """The one row of a kind."""
    (row,) = rows(services, store, model)
    return row


def the_order(services: Services, store: Store) -> Order:
    """The store's one order."""
    found: Order = only(services, store, Order)
    return found


def the_parcel(services: Services, store: Store) -> Shipment:
    """The store's one parcel."""
    found: Shipment = only(services, store, Shipment)
    return found


def sendings(services: Services, store: Store) -> list[Job]:
    """The jobs that send a notice."""
    return [job for job in rows(services, store, Job) if job.kind == "shipping.send_notice"]


def sign_in(services: Services, store: Store, client: FlaskClient, ref: str = "max") -> Staff:
    """Open the desk for one of the merchant's people in this browser; the first is the owner."""
    person = staff.enter(services, store, StaffIdentity(ref=ref, name=ref.title()))
    session = staff.open_session(services.keyring, person)
    client.set_cookie(f"aftercare_desk_{store.key}", session, path="/admin")
    return person


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Collect the SQL sent to the database while the block runs."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", note)
