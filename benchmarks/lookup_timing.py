"""How long a look-up takes for a right number, a right e-mail, neither and another store's pair.

    python -m benchmarks.lookup_timing [rounds]

Prints the median of each kind and its ratio to the median of "both wrong", beside the ratio two halves of "both
wrong" have to each other: that is the noise. A kind that stands out of it tells Eve which half she had right.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask.testing import FlaskClient

from core.app import create_app, make_services, make_worker
from core.config import read_config
from core.platform.contract import Installation
from core.platform.sample import Demo, World
from core.schema import migrate
from core.secrets import new_token
from core.stores import install
from tests.core.samples import ANN, EVE, anns_order

PAIRS = {
    "both wrong": ("9999", "nobody@nowhere.example"),
    "right number": ("1042", "nobody@nowhere.example"),
    "right e-mail": ("9999", ANN),
    "other store's": ("2042", EVE),
}


def main(rounds: int = 300) -> None:
    """Ask each kind in turn, `rounds` times, and print the medians in microseconds."""
    with tempfile.TemporaryDirectory() as folder:
        now = [datetime.now(UTC)]
        client, key = _open(Path(folder), lambda: now[0])
        taken: dict[str, list[float]] = {kind: [] for kind in PAIRS}
        for _ in range(rounds):
            now[0] += timedelta(minutes=15)  # the throttle starts anew
            for kind, (number, proof) in PAIRS.items():
                taken[kind].append(_time(client, key, number, proof))
    usual = statistics.median(taken["both wrong"])
    noise = statistics.median(taken["both wrong"][::2]) / statistics.median(taken["both wrong"][1::2])
    for kind, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"{kind:14} {median * 1e6:7.0f} us  {median / usual:.3f}")
    print(f"{'noise':14} {'':10}  {noise:.3f}")


def _open(folder: Path, clock: Callable[[], datetime]) -> tuple[FlaskClient, str]:
    env = {"AFTERCARE_DATABASE_URL": f"sqlite:///{folder}/a.db", "AFTERCARE_SECRET_KEYS": new_token(32)}
    config = read_config(env)
    services = replace(make_services(config, {"demo": Demo}), clock=clock)
    migrate.upgrade(services.db)
    keys = []
    for name, order in (("linden", anns_order()), ("other", anns_order(ref="2", number="2042", email=EVE))):
        world = World(folder / f"{name}.db")
        world.put(order)
        installation = Installation(name, name, {"world": world.path}, currency="EUR")
        keys.append(install.connect(services, "demo", installation).key)
    make_worker(services).run_until_idle()
    return create_app(config, services=services).test_client(), keys[0]


def _time(client: FlaskClient, key: str, number: str, proof: str) -> float:
    start = time.perf_counter()
    answer = client.post(f"/shop/{key}/find", json={"number": number, "proof": proof})
    taken = time.perf_counter() - start
    assert answer.status_code == 404
    return taken


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
