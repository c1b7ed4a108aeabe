"""The schema's history: it leads from nothing to the models, on both databases, however many try at once."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations
from core.changes.apply import apply_orders
from core.db.base import Base, Owned
from core.db.database import Database
from core.db.purpose import Purpose
from core.orders.model import Order
from core.orders.typed_text import number_key
from core.schema import migrate
from core.schema.models import metadata
from core.services import Services
from core.stores.model import Store
from tests.conftest import NOON
from tests.core.samples import anns_order


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/new.db")
    else:
        make: Callable[[], str] = request.getfixturevalue("postgres")
        database = Database(make())
        with database.engine.begin() as connection:
            connection.exec_driver_sql("drop schema public cascade; create schema public")
    yield database
    database.close()


def tables(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return set(sa.inspect(connection).get_table_names())


def test_an_empty_database_gets_every_table_the_models_know(empty: Database) -> None:
    assert not migrate.is_current(empty)
    migrate.upgrade(empty)
    assert migrate.is_current(empty)
    assert tables(empty) == set(metadata.tables) | {"alembic_version"}
    assert migrate.differences(empty) == []


def test_a_second_upgrade_finds_nothing_to_do(empty: Database) -> None:
    migrate.upgrade(empty)
    migrate.upgrade(empty)
    assert migrate.is_current(empty)


def test_differences_are_noticed(database: Database) -> None:
    with database.system(Purpose.INSPECT) as session:
        session.execute(sa.text("alter table staff add column spare integer"))
    assert len(migrate.differences(database)) == 1


def test_three_processes_upgrading_at_once_get_one_schema(empty: Database) -> None:
    finished: list[bool] = []
    start = threading.Barrier(3)
    url = empty.engine.url.render_as_string(hide_password=False)

    def upgrade() -> None:
        own = Database(url)
        start.wait()
        try:
            migrate.upgrade(own)
            finished.append(migrate.is_current(own))
        finally:
            own.close()

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert finished == [True, True, True]
    assert migrate.differences(empty) == []


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_every_table_forces_row_level_security_on_its_owner_too(database: Database) -> None:
    with database.engine.connect() as connection:
        secured = connection.execute(
            sa.text(
                "select c.relname from pg_class c join pg_policies p on p.tablename = c.relname"
                " where c.relrowsecurity and c.relforcerowsecurity and p.cmd = 'ALL' and p.permissive = 'PERMISSIVE'"
                " and p.qual like '%app.store%' and p.with_check = p.qual"
            )
        )
        names = [row[0] for row in secured]
    assert sorted(names) == sorted(metadata.tables)  # each once: a second policy would widen the first


def test_every_table_but_the_stores_own_belongs_to_a_store() -> None:
    ownerless = [mapper.class_ for mapper in Base.registry.mappers if not issubclass(mapper.class_, Owned)]
    assert ownerless == [Store]
    for table in metadata.tables.values():
        keys = [column.name for column in table.primary_key]
        assert keys == (["id"] if table.name == "stores" else ["store_id", "id"]), table.name


def test_a_migration_s_file_begins_with_its_number() -> None:
    history = ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
    assert [script.revision for script in history][::-1] == migrate.known()


def test_keys_of_stored_numbers_are_reduced_as_new_ones_are(services: Services, store: Store) -> None:
    numbers = ["1042", "1042-2026", "2026-11-18/7", "INV/2026/11/00042", "LIN-1042-B", "12,345", "ABC", "202611181042"]
    database = services.db
    with database.transaction(store.id) as session:
        orders = [anns_order(ref=str(place), number=number) for place, number in enumerate(numbers)]
        apply_orders(session, services, store, orders, asked_at=NOON, now=NOON)
        session.execute(sa.update(Order).where(Order.number != "ABC").values(number_key="2026"))
    path = Path(migrations.__file__).parent / "versions/0018_number_keys.py"
    renewal = runpy.run_path(str(path))
    with database.engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        renewal["upgrade"]()
    with database.transaction(store.id, write=False) as session:
        keys = dict(session.execute(sa.select(Order.number, Order.number_key)).all())
    assert keys == {number: number_key(number) for number in numbers}
