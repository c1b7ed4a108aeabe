"""The database: what one store can never see or write of another, times, ids, and who may write when."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from core.app import make_services
from core.config import BadConfig
from core.db.base import SYSTEM, UtcTime, new_id, table_of
from core.db.database import Database, NestedWrite, insert
from core.db.purpose import Purpose
from core.jobs.queue import Job
from core.stores.model import Staff, Store
from tests.conftest import NOON, make_config

MAX, EVE = 101, 202
POSTGRES = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]


def on_postgres(test: Callable[..., None]) -> Callable[..., None]:
    for mark in POSTGRES:
        test = mark(test)
    return test


def on_sqlite(test: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)(test)


def person(store_id: int | None, ref: str) -> Staff:
    return Staff(store_id=store_id, ref=ref, created_at=NOON, seen_at=NOON)


def shop(store_id: int) -> Store:
    sealed = {"credentials": b"sealed", "secret": b"sealed", "hook_token": b"sealed"}
    name = f"store {store_id}"
    return Store(
        id=store_id, key=name, platform="demo", ref=name, name=name, hook_digest=name, created_at=NOON, **sealed
    )


@pytest.fixture
def two_stores(database: Database) -> Database:
    """Max's and Eve's stores, each with one person."""
    for store_id in (MAX, EVE):
        with database.transaction(store_id) as session:
            session.add_all([shop(store_id), person(None, f"of {store_id}")])
    return database


def everybody(db: Database) -> list[tuple[int, str, str]]:
    with db.system(Purpose.INSPECT, write=False) as session:
        people = session.scalars(sa.select(Staff).order_by(Staff.store_id, Staff.id))
        return [(one.store_id, one.ref, one.role) for one in people]


BOTH = [(MAX, "of 101", "viewer"), (EVE, "of 202", "viewer")]


# One store's rows


def test_a_store_reads_only_its_own_rows(two_stores: Database) -> None:
    other = aliased(Staff)
    with two_stores.transaction(MAX, write=False) as session:
        assert session.scalars(sa.select(Staff.ref)).all() == ["of 101"]
        assert session.scalar(sa.select(sa.func.count()).select_from(Staff)) == 1
        assert session.scalars(sa.select(Staff.ref).where(Staff.store_id == EVE)).all() == []
        assert session.scalars(sa.select(other.ref).join(Staff, other.role == Staff.role)).all() == ["of 101"]


def test_a_store_cannot_load_anothers_row_by_its_key(two_stores: Database) -> None:
    with two_stores.transaction(EVE, write=False) as session:
        hers = session.scalars(sa.select(Staff.id)).one()
    with two_stores.transaction(MAX, write=False) as session:
        assert session.get(Staff, (EVE, hers)) is None
        assert session.get(Store, EVE) is None


def test_a_store_does_not_see_which_other_stores_there_are(two_stores: Database) -> None:
    with two_stores.transaction(MAX, write=False) as session:
        assert session.scalars(sa.select(Store.id)).all() == [MAX]


def test_a_store_changes_and_deletes_only_its_own_rows(two_stores: Database) -> None:
    with two_stores.transaction(MAX) as session:
        session.execute(sa.update(Staff).values(role="owner"))
        session.execute(sa.update(Staff).where(Staff.store_id == EVE).values(role="owner"))
        session.execute(sa.update(Store).values(name="Max's"))
    assert everybody(two_stores) == [(MAX, "of 101", "owner"), BOTH[1]]
    with two_stores.transaction(MAX) as session:
        session.execute(sa.delete(Staff))
        session.execute(sa.delete(Store))
    assert everybody(two_stores) == [BOTH[1]]
    with two_stores.system(Purpose.INSPECT, write=False) as session:
        assert session.scalars(sa.select(Store.name)).all() == ["store 202"]


def test_a_new_row_belongs_to_the_transactions_store(two_stores: Database) -> None:
    with two_stores.transaction(MAX) as session:
        session.add(person(None, "new"))
    assert (MAX, "new", "viewer") in everybody(two_stores)


@pytest.mark.parametrize("row", [person(EVE, "spy"), shop(303)], ids=["somebody", "a store"])
def test_a_row_for_another_store_is_refused(two_stores: Database, row: Any) -> None:
    with pytest.raises(PermissionError), two_stores.transaction(MAX) as session:
        session.merge(row)
    assert everybody(two_stores) == BOTH


def change(session: Session, row: Staff) -> None:
    session.add(row)
    row.role = "owner"


def steal(session: Session, row: Staff) -> None:
    row.store_id = MAX
    session.add(row)


def delete(session: Session, row: Staff) -> None:
    session.delete(row)


@pytest.mark.parametrize("misuse", [change, steal, delete])
def test_a_row_brought_from_another_stores_transaction_is_refused(
    two_stores: Database, misuse: Callable[[Session, Staff], None]
) -> None:
    with two_stores.transaction(EVE, write=False) as session:
        hers = session.scalars(sa.select(Staff)).one()
    with pytest.raises(PermissionError), two_stores.transaction(MAX) as session:
        misuse(session, hers)
    assert everybody(two_stores) == BOTH


def test_the_system_sees_every_store(two_stores: Database) -> None:
    assert everybody(two_stores) == BOTH


@on_postgres
def test_a_forgotten_filter_in_raw_sql_shows_nothing_of_others(two_stores: Database) -> None:
    with two_stores.transaction(MAX) as session:
        assert session.scalars(sa.text("select ref from staff")).all() == ["of 101"]
        assert session.scalars(sa.text("select name from stores")).all() == ["store 101"]
        session.execute(sa.text("update staff set role = 'owner'"))
        session.execute(sa.text("delete from jobs"))
    assert everybody(two_stores) == [(MAX, "of 101", "owner"), BOTH[1]]


@on_postgres
def test_where_no_store_is_named_nothing_is_there(two_stores: Database) -> None:
    with two_stores.engine.begin() as connection:
        assert connection.execute(sa.text("select count(*) from staff")).scalar() == 0
        assert connection.execute(sa.text("select count(*) from stores")).scalar() == 0
        assert connection.execute(sa.text("delete from staff")).rowcount == 0
    assert everybody(two_stores) == BOTH


@on_postgres
def test_a_connection_forgets_its_store_with_the_transaction(two_stores: Database) -> None:
    one = Database(two_stores.engine.url.render_as_string(hide_password=False), pool_size=1)
    with one.transaction(MAX):
        pass
    with one.system(Purpose.INSPECT):
        pass
    with one.engine.begin() as connection:  # the pool's only one, used before
        assert connection.execute(sa.text("select count(*) from staff")).scalar() == 0
    one.close()


@on_postgres
@pytest.mark.parametrize("verb", ["insert", "move"])
def test_raw_sql_cannot_write_into_another_store(two_stores: Database, verb: str) -> None:
    row = {"store_id": EVE, "id": 1, "ref": "spy", "created_at": NOON, "seen_at": NOON}
    table = table_of(Staff)
    statements: dict[str, Any] = {
        "insert": sa.insert(table).values(row),
        "move": sa.text("update staff set store_id = 202"),
    }
    with (
        pytest.raises(sa.exc.ProgrammingError, match="row-level security"),
        two_stores.transaction(MAX) as session,
    ):
        session.execute(statements[verb])
    assert everybody(two_stores) == BOTH


# Who may connect


def test_an_ordinary_user_is_welcome(database: Database) -> None:
    assert database.connection_problem() is None


@on_postgres
def test_a_user_who_passes_row_level_security_by_is_refused(database: Database) -> None:
    superuser = _superuser_url(database)
    root = Database(superuser)
    refusal = root.connection_problem()
    root.close()
    assert refusal is not None
    assert "NOBYPASSRLS" in refusal
    with pytest.raises(BadConfig, match="row-level security"):
        make_services(make_config(superuser), platforms={})


def _superuser_url(database: Database) -> str:
    if url := os.environ.get("TEST_PG_URL"):
        return url
    # The server pip brings trusts its socket, and its superuser has this name.
    made = database.engine.url.set(username="postgres", password=None)
    return made.render_as_string(hide_password=False)


# Writing, one at a time


def test_a_write_inside_a_write_raises_and_does_not_wait_for_itself(database: Database) -> None:
    for inner in (lambda: database.transaction(EVE), database.system):
        with database.transaction(MAX) as session:
            with pytest.raises(NestedWrite), inner():
                pass
            session.add(person(None, "unharmed"))
        with database.transaction(MAX) as session:
            session.execute(sa.delete(Staff))  # and the lock is free again


def test_a_read_inside_a_write_sees_what_is_committed(two_stores: Database) -> None:
    with two_stores.transaction(MAX) as session:
        session.add(person(None, "new"))
        session.flush()
        assert everybody(two_stores) == BOTH


def test_an_exception_rolls_everything_back(database: Database) -> None:
    with pytest.raises(LookupError), database.transaction(MAX) as session:
        _add_and_fail(session)
    assert everybody(database) == []


def _add_and_fail(session: Any) -> None:
    session.add(person(None, "half"))
    session.flush()
    raise LookupError


def test_writers_in_many_threads_all_get_their_turn(database: Database) -> None:
    def write(number: int) -> None:
        for turn in range(10):
            with database.transaction(MAX) as session:
                session.add(person(None, f"{number}.{turn}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(everybody(database)) == 60


def test_an_insert_leaves_what_exists_alone_and_counts_what_is_new(two_stores: Database) -> None:
    row = {"store_id": MAX, "name": "", "email": "", "language": "en", "created_at": NOON, "seen_at": NOON}
    counts = []
    for ref in ("of 101", "new"):
        with two_stores.transaction(MAX) as session:
            new = insert(session, table_of(Staff)).values(row | {"id": new_id(), "ref": ref, "role": "owner"})
            counts.append(session.execute(new.on_conflict_do_nothing()).rowcount)  # type: ignore[attr-defined]
    assert counts == [0, 1]
    assert everybody(two_stores) == [BOTH[0], (MAX, "new", "owner"), BOTH[1]]


@on_sqlite
def test_sqlite_keeps_a_log_syncs_fully_waits_and_minds_foreign_keys(database: Database) -> None:
    with database.engine.connect() as connection:
        asked = {name: connection.exec_driver_sql(f"pragma {name}").scalar() for name in
                 ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")}  # fmt: skip
    assert asked == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30000, "foreign_keys": 1}


@on_sqlite
def test_a_forked_child_has_a_database_of_its_own(two_stores: Database) -> None:
    with two_stores.transaction(MAX):  # the parent holds the lock while it forks
        child = os.fork()
        if child == 0:
            os._exit(0 if _reads_in_time(two_stores) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _reads_in_time(db: Database) -> bool:
    return db._writing.acquire(timeout=5) and len(everybody(db)) == 2


# Times and ids


def test_a_time_comes_back_as_utc_whatever_zone_it_went_in_with(database: Database) -> None:
    vilnius = timezone(timedelta(hours=2))
    with database.transaction(MAX) as session:
        session.add(Job(kind="a", key="a", run_at=NOON.astimezone(vilnius), created_at=NOON))
    with database.transaction(MAX, write=False) as session:
        read = session.scalars(sa.select(Job.run_at)).one()
    assert (read, read.tzinfo) == (NOON, UTC)


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a zone"), database.transaction(MAX) as session:
        session.add(Job(kind="a", key="a", run_at=datetime(2026, 11, 18, 12), created_at=NOON))
    assert UtcTime().process_bind_param(None, database.engine.dialect) is None


def test_ids_grow_are_positive_and_fit_63_bits() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))
    assert 0 < ids[0] <= ids[-1] < 2**63


def test_an_id_tells_when_it_was_made() -> None:
    made = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=new_id() >> 22)
    assert abs(made - datetime.now(UTC)) < timedelta(seconds=5)


def test_ids_made_in_many_threads_never_meet() -> None:
    made: list[list[int]] = []
    threads = [threading.Thread(target=lambda: made.append([new_id() for _ in range(5000)])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for ids in made for one in ids}) == 40_000


def test_the_clocks_own_store_is_a_store_like_any(database: Database) -> None:
    with database.transaction(SYSTEM) as session:
        session.add(person(None, "clock"))
    with database.transaction(MAX, write=False) as session:
        assert session.scalars(sa.select(Staff)).all() == []
