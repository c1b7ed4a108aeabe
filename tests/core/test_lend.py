"""The driver's own connections: what goes wrong with one is said in SQLAlchemy's errors, which meet HTTP by name."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db import postgres, prepared_statement
from core.db.database import Database
from core.db.prepared_statement import FOR_ALL, PreparedStatement
from core.db.purpose import Purpose
from core.db.row_reader import open_reader, session_reader

HOW_MANY = PreparedStatement("how many", f"{FOR_ALL} select count(*) from named, stores where named.is_on = 'on'")
BACKEND = PreparedStatement("backend", "select pg_backend_pid()")


@pytest.fixture
def on_postgres(database: Database) -> Database:
    if database.is_sqlite:
        pytest.skip("SQLite has no connection to lose")
    return database


def test_a_database_that_is_away_is_an_operational_error_on_the_short_ways_too() -> None:
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(sa.exc.OperationalError):
        prepared_statement.execute(away, HOW_MANY)
    with pytest.raises(sa.exc.OperationalError), open_reader(away, 1):
        pass


def cut(database_url: str, pid: int) -> None:
    somebody = Database(database_url)
    with somebody.system(Purpose.INSPECT) as session:
        session.execute(sa.text("select pg_terminate_backend(:pid)"), {"pid": pid})
    somebody.close()


def test_a_connection_cut_in_use_is_an_operational_error_and_the_next_one_works(
    on_postgres: Database, database_url: str
) -> None:
    ((pid,),) = prepared_statement.execute(on_postgres, BACKEND)
    cut(database_url, int(pid or b"0"))
    with pytest.raises(sa.exc.OperationalError):
        prepared_statement.execute(on_postgres, HOW_MANY)
    assert prepared_statement.execute(on_postgres, HOW_MANY) == [[b"0"]]


def test_several_reads_in_one_round_trip_are_one_after_the_other_or_one_error(
    on_postgres: Database, database_url: str
) -> None:
    several = [sa.text(f"select {number} as number, :store_id as store_id") for number in (1, 2, 3)]
    with on_postgres.transaction(7, write=False) as session:
        rows = session_reader(session).rows_of_each(several)
    assert [[(row.number, row.store_id) for row in each] for each in rows] == [[(1, 7)], [(2, 7)], [(3, 7)]]

    def read_while_cut(session: Session) -> None:
        cut(database_url, session.execute(sa.text("select pg_backend_pid()")).scalar_one())
        session_reader(session).rows_of_each(several)

    with pytest.raises(sa.exc.OperationalError), on_postgres.transaction(7, write=False) as session:
        read_while_cut(session)
    with on_postgres.transaction(7, write=False) as session:
        assert len(session_reader(session).rows_of_each(several)) == 3


def test_what_postgresql_refuses_keeps_its_kind(on_postgres: Database) -> None:
    with pytest.raises(sa.exc.DataError):
        prepared_statement.execute(on_postgres, PreparedStatement("no number", "select $1::bigint"), "many")
    with pytest.raises(sa.exc.DBAPIError), postgres.driver_connection(on_postgres.engine) as raw:
        raw.execute("select nothing from nowhere")
