"""A shopper who left traces everywhere, and every row of a store as text: what the tests of privacy stand on."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from core.conversations import cases, raw_mail
from core.conversations.model import Message
from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs.worker import Worker
from core.orders.messages.notice import Notice
from core.orders.model import Order
from core.orders.shop import send_links
from core.platform.sample import World
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    RefundSnapshot,
    ReviewSnapshot,
    ShipmentSnapshot,
    TrackingEventSnapshot,
    TrackingStatus,
)
from core.schema.models import metadata
from core.services import Services
from core.stores.model import Store
from tests.conftest import NOON
from tests.core.samples import anns_order, anns_review

EMAIL = "annika.bergstrom@shopper.example"
TRACES = (
    *("annika.bergstrom", "Annika Bergstrom", "+370-612-00017", "LT-01103", "account-4711", "engraved-Annika"),
    *("TRK-9988-7766", "left-with-neighbor", "Kaunas-Old-Town", "changed-her-mind", "came-broken-said-A", "dear-A"),
    *("where-is-my-mug", "please-call-me"),
)
"""Texts that lead to her, one for each kind of place."""


def her_order(ref: str = "1", **changes: Any) -> OrderSnapshot:
    """An order of hers with something personal in every field that can hold it; the parcel is late."""
    number = TRACES[6] if ref == "1" else f"{TRACES[6]}-{ref}"
    scan = TrackingEventSnapshot(NOON, TrackingStatus.IN_TRANSIT, "moving", text=TRACES[7], place=TRACES[8])
    parcel = ShipmentSnapshot(
        f"tracking:{number}",
        TrackingStatus.IN_TRANSIT,
        tracking_number=number,
        tracking_url=f"https://carrier.example/{number}",
        shipped_at=NOON,
        items={"l1": 1},
        events=(scan,),
    )
    facts: dict[str, Any] = {
        "ref": ref,
        "number": f"104{ref}",
        "email": EMAIL,
        "name": TRACES[1],
        "phone": TRACES[2],
        "postcode": TRACES[3],
        "shopper_ref": TRACES[4],
        "lines": (LineItemSnapshot("l1", "Mug", 1, total=2400, variant=TRACES[5]),),
        "shipments": (parcel,),
        "refunds": (RefundSnapshot("f1", 300, NOON, reason=TRACES[9]),),
    }
    return anns_order(**(facts | changes))


def her_review(**changes: Any) -> ReviewSnapshot:
    """What she said in public."""
    facts = {"text": TRACES[10], "title": TRACES[11], "author": TRACES[1], "email": EMAIL, "order_ref": "1"}
    return anns_review(**(facts | changes))


def leave_traces(services: Services, store: Store, world: World, worker: Worker) -> int:
    """Let her order, be written to, answer and ask for her links; give her order's id."""
    world.put(her_order())
    world.put(her_review())
    worker.run_until_idle()
    now = services.clock()
    with services.db.transaction(store.id) as session:
        order = session.scalars(sa.select(Order).where(Order.ref == "1")).one()
        session.add(_bounced(order, now))
        case = cases.open_case(session, kind="reply", order=order, now=now, subject=TRACES[12])
        cases.add_message(session, case, side="shopper", text=TRACES[13], origin="one mail", now=now)
        message = session.scalars(sa.select(Message).where(Message.case_id == case.id)).one()
        raw_mail.keep_mail(session, services.keyring, message, f"From: {EMAIL}\n\n{TRACES[13]}".encode())
    send_links(services, store, EMAIL, "203.0.113.7")
    return order.id


def _bounced(order: Order, now: Any) -> Notice:
    facts = {"rule": "promise_missed", "kind": "delay", "occasion": "sample", "state": "bounced"}
    words = {"reason": f"550 no such user {EMAIL}", "subject": f"{TRACES[1]}, your order", "facts": {"to": EMAIL}}
    moments = {"send_at": now, "created_at": now, "sent_at": now - timedelta(days=1)}
    return Notice(order_id=order.id, shipment_id=0, **facts, **words, **moments)


def dump(database: Database, store_id: int, *, without: Sequence[str] = ()) -> dict[str, list[str]]:
    """Write every row a store has as text, table by table; tables without rows are left out."""
    told: dict[str, list[str]] = {}
    with database.system(Purpose.INSPECT, write=False) as session:
        for table in metadata.sorted_tables:
            owner = table.c.id if table.name == "stores" else table.c.store_id
            if table.name in without:
                continue
            rows = session.connection().execute(sa.select(table).where(owner == store_id).order_by(table.c.id)).all()
            if rows:
                told[table.name] = [_text(row) for row in rows]
    return told


def _text(row: Any) -> str:
    # Blobs in both spellings somebody might search for.
    parts = [f"{part!r}|{base64.b64encode(part).decode()}" if isinstance(part, bytes) else str(part) for part in row]
    return " | ".join(parts)


def seen_in(told: dict[str, list[str]], words: Sequence[str]) -> set[tuple[str, str]]:
    """Say which of these words stand in which table."""
    return {(name, word) for name, rows in told.items() for row in rows for word in words if word in row}
