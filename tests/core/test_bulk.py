"""Many rows at once: the same words mean the same on both engines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from core.db import bulk
from core.db.base import table_of
from core.db.postgres import use_custom_plans
from core.orders.messages.notice import Notice
from core.orders.model import OrderEvent
from core.services import Services
from core.stores.model import Store

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
NOTICES = table_of(Notice)
EVENTS = table_of(OrderEvent)


def news(id_: int, rule: str, **more: Any) -> dict[str, Any]:
    """A notice's own columns; what all of them share is `SHARED`."""
    return {"id": id_, "order_id": 7, "shipment_id": 8, "rule": rule, "occasion": "8:é, \"quoted\" \\ 'x'", **more}


SHARED = {
    "kind": "delay",
    "state": "queued",
    "reason": "",
    "cause": "",
    "language": "",
    "subject": "",
    "message_id": "",
    "expected_by": date(2026, 11, 25),
    "send_at": AT,
    "created_at": AT,
    "facts": {"weight": [1, "a"]},
}


def test_what_all_rows_share_is_written_into_each(services: Services, store: Store) -> None:
    rows = [news(1, "no_scan", merged_into=None), news(2, "shipped", merged_into=1)]
    with services.db.transaction(store.id) as session:
        assert bulk.insert_new(session, NOTICES, rows, {"store_id": store.id, **SHARED}) == {1, 2}
        again = [news(3, "shipped", merged_into=None), news(4, "delivered", merged_into=None)]
        assert bulk.insert_new(session, NOTICES, again, {"store_id": store.id, **SHARED}) == {4}
    with services.db.transaction(store.id, write=False) as session:
        kept = session.scalars(sa.select(Notice).order_by(Notice.id)).all()
    assert [(one.id, one.rule, one.merged_into) for one in kept] == [
        (1, "no_scan", None),
        (2, "shipped", 1),
        (4, "delivered", None),
    ]
    for one in kept:
        assert {name: getattr(one, name) for name in SHARED} == SHARED
        assert one.occasion == rows[0]["occasion"]


def test_rows_are_read_as_the_models_types_and_only_those_asked_for(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        session.add_all(OrderEvent(id=id_, order_id=id_ * 10, at=AT, kind="told", facts={}) for id_ in (1, 2, 3))
    with services.db.transaction(store.id, write=False) as session:
        found = bulk.read_rows(session, EVENTS, ("id", "kind", "at"), store.id, "order_id", [30, 10, 10, 99])
        assert bulk.read_rows(session, EVENTS, ("id",), store.id, "order_id", []) == []
    assert sorted(found) == [(1, "told", AT), (3, "told", AT)]
    assert {row.kind for row in found} == {"told"}


def test_an_update_of_a_few_rows_reads_no_others_in_a_young_store(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        session.add_all(OrderEvent(id=id_, order_id=id_, at=AT, kind="told", facts={}) for id_ in range(1, 1001))
    with services.db.transaction(store.id) as session:
        session.execute(sa.text(f"analyze {EVENTS.name}"))
    with services.db.transaction(store.id) as session:
        bulk.update_rows(session, EVENTS, store.id, [{"id": id_, "kind": "asked_back"} for id_ in (7, 300)])
        if not services.db.is_sqlite:  # it looks each up by its primary key
            read = sa.text("select seq_tup_read from pg_stat_xact_user_tables where relname = :table")
            assert session.scalar(read, {"table": EVENTS.name}) == 0
    with services.db.transaction(store.id, write=False) as session:
        changed = session.scalars(sa.select(OrderEvent.id).where(OrderEvent.kind == "asked_back"))
        assert sorted(changed) == [7, 300]


def test_a_batch_is_planned_anew_and_what_comes_after_is_not(services: Services, store: Store) -> None:
    if services.db.is_sqlite:  # it keeps no plans beside a statement
        return
    modes = []
    for anew in (True, False):
        with services.db.transaction(store.id) as session:
            if anew:
                use_custom_plans(session.connection())
            modes.append(session.scalar(sa.text("show plan_cache_mode")))
    assert modes == ["force_custom_plan", "auto"]
