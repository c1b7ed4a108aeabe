"""P1: accept a webhook – HMAC over the raw body, a durable deduplicated job row, 200. CPU µs a request."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from benchmarks import floors, load, measure, stage
from benchmarks.measure import Sample
from benchmarks.stage import Base
from core.stores.platform_access import link_of

PEER = Path(__file__).parent / "peer_express"
MOST_PER_SECOND = 6_000


@contextmanager
def contestants(base: Base) -> Iterator[dict[str, tuple[int, int, str, str]]]:
    """Serve the application, the floor and, where it can be, Express; give name → (port, pid, path, secret)."""
    with stage.services_for(base) as services, services.db.engine.begin() as connection:
        connection.execute(sa.text(floors.MAKE_PEER[base.engine]))
        if base.engine == "SQLite":
            connection.execute(sa.text("create unique index peer_once on peer_jobs (store_id, key)"))
            connection.execute(sa.text("create index peer_due on peer_jobs (run_at)"))
    with stage.services_for(base) as services:
        link = link_of(services, stage.connect(services))
    path = urlsplit(link.hook_url).path
    ports = {name: stage.free_port() for name in ("ours", "floor", "express")}
    with ExitStack() as running:
        pid = running.enter_context(stage.serving(stage.ours(base, ports["ours"]), ports["ours"]))
        served = {"ours": (ports["ours"], pid, path, link.secret)}
        command = stage.floor("hooks", base, ports["floor"], link.secret)
        pid = running.enter_context(stage.serving(command, ports["floor"]))
        served["floor"] = (ports["floor"], pid, "/hooks", link.secret)
        if base.engine == "PostgreSQL" and has_peer():
            command = ["node", str(PEER / "server.js"), str(ports["express"]), str(stage.WORKERS), link.secret]
            pid = running.enter_context(stage.serving([*command, base.libpq], ports["express"]))
            served["express"] = (ports["express"], pid, "/hooks", link.secret)
        yield served


def has_peer() -> bool:
    """Install the npm peer where it is not yet; say so where it cannot be."""
    if (PEER / "node_modules").exists():
        return True
    if not shutil.which("node") or not shutil.which("npm"):
        print("Express is left out: node and npm are not on this machine.")
        return False
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
    if subprocess.run(command, cwd=PEER, check=False).returncode:
        print("Express is left out: npm could not install it.")
        return False
    return True


def main() -> None:
    """Measure both engines."""
    for make in stage.BOTH:
        with make() as base, contestants(base) as served:
            samples = measure.alternate({name: _runner(base, *facts) for name, facts in served.items()})
        measure.show(f"P1 accept a webhook, {base.engine}, {load.CONNECTIONS} connections", samples)
        measure.ratio(samples, "CPU µs", "ours", "express", "<= 0.6")
        measure.ratio(samples, "p99 ms", "ours", "express", "< 1")
        measure.ratio(samples, "CPU µs", "ours", "floor", "stretch <= 1.3 in the same commit mode")


def _runner(base: Base, port: int, pid: int, path: str, secret: str) -> Callable[[], Sample]:
    def run() -> Sample:
        calls = load.deliveries(path, secret, MOST_PER_SECOND * load.SECONDS)
        return load.closed_loop(port, calls, [pid, base.pid])

    return run


if __name__ == "__main__":
    main()
