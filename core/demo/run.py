"""python -m core demo: one process tree with web, worker, clock, a mail server and the sample stores."""

from __future__ import annotations

import json
import os
import pkgutil
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from aiosmtpd.controller import Controller

from core import logs
from core.app import make_services
from core.config import Config, read_config
from core.demo import sample_orders, sample_returns, sample_worlds
from core.demo.mailbox import MessageKeeper
from core.demo.pages import FOLDER, platforms
from core.ops.signals import stop_on_signal
from core.platform.contract import Installation
from core.platform.sample import SIGNATURE, Demo, World, sign
from core.schema import migrate
from core.services import Services
from core.stores import install
from core.stores.model import Store
from core.stores.platform_access import link_of

EVERY = 12.0
"""Seconds between happenings in a sample store."""
_NEWS = ("shipped", "delivered", "all_arrived", "out_for_delivery", "exception", "failed_attempt", "ready_for_pickup")
_DELAYS = ("promise_revised", "promise_will_be_missed", "promise_missed", "ask_if_arrived", "not_shipped")


def run_demo(port: int) -> int:
    """Set everything up, serve until interrupted, and leave nothing running."""
    folder = Path(os.environ.get(FOLDER, "var/demo")).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stop = stop_on_signal()
    mail_port = _free_port()
    mail = Controller(MessageKeeper(folder / "mail"), hostname="127.0.0.1", port=mail_port)
    mail.start()
    with _local_store_servers(port) as neighbors:
        allowed = ",".join(urlsplit(one["ref"]).netloc for _, one in neighbors)
        env = _environment(folder, port, mail_port, allowed)
        config = _read_config(env)
        logs.configure("text")
        services = make_services(config, platforms())
        migrate.upgrade(services.db)
        sample_store = _connect_stores(services, folder, neighbors)
        children = {verb: _start(verb, env) for verb in ("web", "work")}
        print(f"Aftercare demo: http://127.0.0.1:{port}/  (stop with Ctrl+C)", flush=True)
        threading.Thread(target=_keep_trading, args=(services, sample_store, folder, stop), daemon=True).start()
        options = {"every": EVERY, "pictures": _pictures(services)}
        trading = sample_worlds.keep_trading
        threading.Thread(target=trading, args=(folder, config.public_url, stop), kwargs=options, daemon=True).start()
        try:
            status = _supervise(children, env, stop)
        finally:
            _end(list(children.values()))
            mail.stop()
            services.db.close()
    return status


def _free_port() -> int:
    # aiosmtpd asks for a port number: it greets itself there to know that it is up (1.4.6).
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _environment(folder: Path, port: int, mail_port: int, allowed: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AFTERCARE_")}
    return kept | {
        FOLDER: str(folder),
        "AFTERCARE_DATABASE_URL": f"sqlite:///{folder}/aftercare.db",
        "AFTERCARE_SECRET_KEYS": secrets.token_urlsafe(32),
        "AFTERCARE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "AFTERCARE_SMTP_URL": f"smtp://127.0.0.1:{mail_port}?starttls=never",
        "AFTERCARE_MAIL_FROM": "notices@aftercare.example",
        "AFTERCARE_OUTBOUND_ALLOW": allowed,
        "AFTERCARE_LOG_FORMAT": "text",
        "AFTERCARE_WORKER_THREADS": "2",
        "PORT": str(port),
        **sample_worlds.environment(),
    }


def _read_config(env: Mapping[str, str]) -> Config:
    return read_config(env, sample_worlds.settings_of(platforms()))


def _connect_stores(services: Services, folder: Path, neighbors: list[tuple[str, dict[str, Any]]]) -> Store:
    """Let the sample store and its neighbors in, with their switches on so that there is something to see."""
    world = World(folder / "world.db")
    sample_orders.fill_store(world, datetime.now(UTC), pictures=_pictures(services))
    installation = Installation(
        ref="fern-and-oak",
        name="Fern & Oak",
        credentials={"world": world.path},
        currency="EUR",
        timezone=sample_orders.ZONE,
        country="LT",
        email="care@fern-and-oak.example",
    )
    store = install.connect(services, Demo.name, installation)
    _switch_on(services, store, {})
    sample_returns.set_policy(services, store)
    for platform, handed_over in sample_worlds.open_stores(folder, datetime.now(UTC), pictures=_pictures(services)):
        _switch_on(services, install.connect(services, platform, handed_over), {})
    for platform, facts in neighbors:
        known = {name: value for name, value in facts.items() if name in Installation.__dataclass_fields__}
        neighbor = install.connect(services, platform, Installation(**{"url": facts["ref"], **known}))
        _switch_on(services, neighbor, facts.get("shipping", {}))
    return store


def _pictures(services: Services) -> str:
    return f"{services.config.public_url}/demo/examples"


def _switch_on(services: Services, store: Store, more: dict[str, Any]) -> None:
    modes = dict.fromkeys((*_NEWS, *_DELAYS), "send") | {"no_scan": "draft", "never_scanned": "draft"}
    terms = {
        "timezone": store.timezone,
        "rules": {name: {"mode": mode} for name, mode in modes.items()},
        "transit": [{"method": "*", "country": "*", "min_days": 2, "max_days": 5}],
        "quiet_from": "00:00",
        "quiet_until": "00:00",
        "gap_hours": 0,
    }
    with services.db.transaction(store.id) as session:
        row = session.get_one(Store, store.id)
        row.settings = {
            "shipping": terms | more,
            "mail": {"address": "1 Sample Street, 01103 Vilnius", "support": store.email},
            "returns": sample_returns.PRACTICE,
        }
        row.settings_version += 1


def _keep_trading(services: Services, store: Store, folder: Path, stop: threading.Event) -> None:
    """Let things happen in the sample store, and bring the news as a store would: a signed delivery over HTTP."""
    link, happenings = (
        link_of(services, store),
        sample_orders.simulate_events(World(folder / "world.db"), pictures=_pictures(services)),
    )
    has_returns = False
    stop.wait(6.0)
    while not stop.is_set():
        body = json.dumps({"resource": "order", "ref": next(happenings)}).encode()
        headers = {SIGNATURE: sign(link.secret, body), "Content-Type": "application/json"}
        try:
            requests.post(link.hook_url, data=body, headers=headers, timeout=10)
        except requests.RequestException:
            print("a delivery of the sample store was lost; the next poll finds it", file=sys.stderr)
        has_returns = has_returns or sample_returns.start_returns(services, store)
        stop.wait(EVERY)


@contextmanager
def _local_store_servers(port: int) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Start the local store servers that stand beside the tests, one per platform; none when there are no tests."""
    root = Path(__file__).resolve().parents[2] / "tests" / "stores"
    started: list[tuple[str, subprocess.Popen[str]]] = []
    try:
        for module in pkgutil.iter_modules([str(root)]):
            if module.ispkg and module.name in platforms() and (root / module.name / "__main__.py").is_file():
                command = [sys.executable, "-m", f"tests.stores.{module.name}", "--every", str(EVERY)]
                command += ["--core", f"http://127.0.0.1:{port}"]
                child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root.parents[1])
                started.append((module.name, child))
        yield [(name, json.loads(child.stdout.readline())) for name, child in started if child.stdout]
    finally:
        _end([child for _, child in started])


def _start(verb: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "core.demo", verb], env=env)


def _supervise(children: dict[str, subprocess.Popen[bytes]], env: dict[str, str], stop: threading.Event) -> int:
    """Wait until told to stop; start a child again that was killed, but not one that keeps ending by itself."""
    deaths = 0
    while not stop.wait(0.3):
        for verb, child in list(children.items()):
            if child.poll() is None:
                continue
            deaths += 1
            if deaths > 5:
                print(f"the {verb} process keeps ending; see above", file=sys.stderr)
                return child.returncode or 1
            children[verb] = _start(verb, env)
    return 0


def _end(children: list[Any]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + 8
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def config_of_child() -> Config:
    """Read the environment the parent made."""
    config = _read_config(os.environ)
    logs.configure(config.log_format)
    return config
