"""Machines of a small cluster, each a process group of its own that may be killed at any instant.

`python -m tests.laws.entry` imports the product once and then forks a machine for every line it reads, so that a
test can kill a thousand of them without paying a thousand times for the imports. A machine runs what `serve` and
`work` run, with the sample store's platform, short leases, and two kinds of work that the tests ask for.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from core import logs
from core.app import create_app, make_services, wire_kinds
from core.config import read_config
from core.jobs import scheduler
from core.jobs.queue import Kind, LeaseLost, Work
from core.jobs.worker import Worker
from core.ops import commands
from core.ops.signals import stop_on_signal
from core.orders.model import OrderEvent
from core.platform.contract import Platform, Reimbursement
from core.platform.sample import Demo
from core.stores.platform_access import open_platform, store_by_id
from core.stores.worker_access import WorkerAccess
from plugins.woocommerce.platform import WooCommerce
from tests.laws.wrong_clock import set_wrong

PLATFORMS: dict[str, type[Platform]] = {"demo": Demo, "woocommerce": WooCommerce}
TABLE = {"clock.sweep": timedelta(seconds=10)}
"""No poll and no reconcile: what a delivery lost must not be found again by other means."""


def refund(work: Work) -> None:
    """Refund once per key; the payload may name a file to wait for before or after the store is asked."""
    facts = work.payload
    _act(
        work,
        lambda platform: platform.reimburse(
            Reimbursement(facts["key"], "refund", facts["ref"], facts["amount"], facts["currency"])
        ),
    )


def reply(work: Work) -> None:
    """Answer a review once per key."""
    facts = work.payload
    _act(work, lambda platform: platform.publish_reply(facts["ref"], "Thank you.", key=facts["key"]))


def _act(work: Work, ask: Callable[[Platform], Any]) -> None:
    facts = work.payload
    with work.services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
    _tell(facts, "took")
    _wait_for(facts.get("before"))
    ask(open_platform(work.services, store))
    _tell(facts, "asked")
    _wait_for(facts.get("after"))
    try:
        with work.done() as session:
            session.add(OrderEvent(order_id=0, at=work.now, kind=work.job.kind, facts={"key": facts["key"]}))
    except LeaseLost:
        _tell(facts, "lost")
        raise
    _tell(facts, "ended")


def _wait_for(file: str | None) -> None:
    while file and not os.path.exists(file):
        time.sleep(0.02)


def _tell(facts: Mapping[str, Any], word: str) -> None:
    """Append a line to the journal the test reads: key, this process, how far it came. One write is one line."""
    journal = os.open(facts["journal"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(journal, f"{facts['key']} {os.getpid()} {word}\n".encode())
    finally:
        os.close(journal)


KINDS = {"trial.refund": Kind(refund), "trial.reply": Kind(reply)}


def serve(env: Mapping[str, str], port: int) -> None:
    """Answer HTTP on a port of this machine."""
    config = read_config(env)
    logs.configure(config.log_format)
    commands.serve(config, f"127.0.0.1:{port}", 1, PLATFORMS, make_app=lambda its: create_app(its, PLATFORMS))


def work(env: Mapping[str, str], lease: float, ahead: float = 0) -> None:
    """Do promised work, holding each job for `lease` seconds, on a machine whose clock is `ahead` of the true time."""
    set_wrong(ahead)
    stop = stop_on_signal()
    config = read_config(env)
    logs.configure(config.log_format)
    services = make_services(config, PLATFORMS)
    clock = scheduler.start(services, TABLE)
    kinds = {name: replace(kind, lease=timedelta(seconds=lease)) for name, kind in (wire_kinds() | KINDS).items()}
    Worker(services, kinds, stores=WorkerAccess()).run(stop)
    clock.shutdown(wait=False)
    services.db.close()


def main() -> None:
    """Fork a machine per line of JSON ({"verb", "env", "log", …}) and answer with its process id; end with stdin."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are not kept as zombies: nobody here waits for them
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        print(child, flush=True)


def _become(order: dict[str, Any]) -> None:
    """Turn this fork into the machine that was ordered; never returns."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["machine"]  # gunicorn reads its command line
    status = 1
    try:
        run: Callable[[], None]
        if order["verb"] == "serve":
            run = lambda: serve(order["env"], order["port"])  # noqa: E731
        else:
            run = lambda: work(order["env"], order["lease"], order.get("ahead", 0))  # noqa: E731
        run()
        status = 0
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    assert Path("core").is_dir(), "start it in the project's folder"
    main()
