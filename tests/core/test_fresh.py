"""Objects written and made past the unit of work behave as if the session had written and loaded them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.orm_bypass import attach_row, insert_objects
from core.db.row_reader import session_reader
from core.orders.model import OrderEvent
from core.services import Services
from core.stores.model import Store
from tests.conftest import NOON

_EVENTS = table_of(OrderEvent)
_ALL = sa.select(_EVENTS).where(_EVENTS.c.store_id == sa.bindparam("store_id")).order_by(_EVENTS.c.id)


def told(kind: str = "told", **more: object) -> OrderEvent:
    return OrderEvent(order_id=7, at=NOON, kind=kind, **more)


def kinds(session: Session) -> list[str]:
    return [row.kind for row in session_reader(session).rows(_ALL)]


def test_new_objects_are_written_with_their_columns_defaults_and_known_to_the_session(
    services: Services, store: Store
) -> None:
    with services.db.transaction(store.id) as session:
        first, second = told(), told("asked", facts={"case": "1"})
        insert_objects(session, [first, second])
        assert (first.store_id, first.facts, second.facts) == (store.id, {}, {"case": "1"})
        assert session.get(OrderEvent, (store.id, first.id)) is first
        assert not session.new
        assert not session.dirty
        assert kinds(session) == ["told", "asked"]


def test_what_is_changed_after_the_writing_is_written_too(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        event = told()
        insert_objects(session, [event])
        event.kind = "answered"
    with services.db.transaction(store.id, write=False) as session:
        assert kinds(session) == ["answered"]


def test_an_object_of_another_store_is_refused(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        with pytest.raises(PermissionError):
            insert_objects(session, [told(store_id=new_id())])
        assert kinds(session) == []


def test_a_row_becomes_the_object_the_session_has_already(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        insert_objects(session, [told()])
    with services.db.transaction(store.id) as session:
        loaded = session.scalars(sa.select(OrderEvent)).one()
        session.connection().execute(sa.update(_EVENTS).where(_EVENTS.c.store_id == store.id).values(kind="asked"))
        assert attach_row(session, OrderEvent, session_reader(session).rows(_ALL)[0]) is loaded
        assert (loaded.kind, loaded.facts, list(session.dirty)) == ("asked", {}, [])


def test_a_row_becomes_an_object_that_is_written_when_it_is_changed(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        insert_objects(session, [told()])
    with services.db.transaction(store.id) as session:
        event = attach_row(session, OrderEvent, session_reader(session).rows(_ALL)[0])
        assert (event.order_id, event.at, event.facts) == (7, NOON, {})
        event.kind = "asked"
    with services.db.transaction(store.id, write=False) as session:
        assert kinds(session) == ["asked"]


def test_a_row_of_another_store_is_refused(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        insert_objects(session, [told()])
        row = session_reader(session).rows(_ALL)[0]
    with services.db.transaction(new_id()) as session, pytest.raises(PermissionError):
        attach_row(session, OrderEvent, row)
