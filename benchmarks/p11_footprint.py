"""P11: memory of the web under load and of a worker during imports of two sizes; time from exec to ready."""

from __future__ import annotations

import compileall
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import load, measure, p5_import, stage
from benchmarks.measure import Sample
from benchmarks.stage import Base
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import link_of

ROOT = Path(__file__).parent.parent
IMPORTS = (2_000, 10_000, 50_000) if measure.LONG else (1_000, 5_000)


def main() -> None:
    """Measure on PostgreSQL, the code compiled as in the image."""
    for package in ("core", "plugins"):
        compileall.compile_dir(ROOT / package, quiet=1)
    with stage.postgres() as base, stage.services_for(base, platforms=p5_import.PLATFORMS) as services:
        store = stage.connect(services)
        samples = measure.alternate({"web": lambda: _web(base, services, store)}, rounds=3)
        measure.show("P11 web: ready after exec, memory of its largest process under load", samples)
        print("budget: <= 2 s, <= 160 MB")
        for size in IMPORTS:
            samples = {"worker": [_worker(base, services, store, size)]}
            measure.show(f"P11 worker importing {size:,} orders  [budget <= 200 MB, flat]", samples)


def _web(base: Base, services: Services, store: Store) -> Sample:
    port = stage.free_port()
    started = time.perf_counter()
    with stage.serving(stage.ours(base, port), port, "/readyz") as pid:
        ready = time.perf_counter() - started
        link = link_of(services, store)
        calls = load.deliveries(urlsplit(link.hook_url).path, link.secret, 6_000 * load.SECONDS)
        load.closed_loop(port, calls, [pid], connections=64)
        largest = max(measure.memory_mb(each) for each in measure.tree(pid))
    return {"ready s": ready, "MB": largest}


def _worker(base: Base, services: Services, store: Store, size: int) -> Sample:
    """Import in a process of its own; look at its memory all the while."""
    with tempfile.TemporaryDirectory() as shelf:
        p5_import.write_pages(Path(shelf), size)
        p5_import.use_pages(services, store, Path(shelf))
        p5_import.promise_import(services, store)
        worker = subprocess.Popen([sys.executable, "-m", "benchmarks.p5_import", "work", base.url])
        most = 0.0
        while worker.poll() is None:
            most = max(most, measure.memory_mb(worker.pid))
            time.sleep(0.05)
    return {"MB": most}


if __name__ == "__main__":
    main()
