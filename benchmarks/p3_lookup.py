"""P3: find my order – number and e-mail in, JSON with five scans out – among 100 k and 1 M orders. CPU µs."""

from __future__ import annotations

import json
from collections.abc import Callable

from benchmarks import fill, load, measure, stage
from benchmarks.load import Call
from benchmarks.measure import Sample
from core.services import Services
from core.stores.model import Store

SIZES = (100_000, 1_000_000, 5_000_000) if measure.LONG else (100_000, 1_000_000)
LOOKS = 4_000 * load.SECONDS


def main() -> None:
    """Measure on PostgreSQL, the table growing from size to size."""
    medians: dict[int, dict[str, list[Sample]]] = {}
    with stage.postgres() as base, stage.services_for(base) as services:
        store = stage.connect(services)
        ports = {"ours": stage.free_port(), "floor": stage.free_port()}
        filled = 0
        for size in SIZES:
            fill.fill(services, store.id, filled + 1, size - filled, due=f"{fill.AT} + interval '9 days'")
            filled = size
            with (
                stage.serving(stage.ours(base, ports["ours"]), ports["ours"]) as our_pid,
                stage.serving(stage.floor("find", base, ports["floor"]), ports["floor"]) as floor_pid,
            ):
                runs = {
                    "ours": _runner(ports["ours"], [our_pid, base.pid], asked(store, size)),
                    "floor": _runner(ports["floor"], [floor_pid, base.pid], _bare(services, store, size)),
                }
                samples = medians[size] = measure.alternate(runs)
            measure.show(f"P3 find my order among {size:,}", samples)
            measure.ratio(samples, "CPU µs", "ours", "floor", "<= 1.75")
    grown = {"largest": medians[SIZES[-1]]["ours"], "smallest": medians[SIZES[0]]["ours"]}
    print(f"\nfrom {SIZES[0]:,} to {SIZES[-1]:,}:")
    measure.ratio(grown, "CPU µs", "largest", "smallest", "<= 1.2")


def asked(store: Store, size: int) -> list[Call]:
    """What shoppers type, each from an address of their own."""
    calls = []
    for place, number in enumerate(fill.numbers(LOOKS, size)):
        typed = {"number": f"#{number}", "proof": fill.address(number)}
        origin = f"10.{place // 65536 % 256}.{place // 256 % 256}.{place % 256}"
        headers = {"Content-Type": "application/json", "X-Forwarded-For": origin}
        calls.append((f"/shop/{store.key}/find", headers, json.dumps(typed).encode()))
    return calls


def _bare(services: Services, store: Store, size: int) -> list[Call]:
    digests = fill.digests(services.keyring)
    asked = [
        {"store": store.id, "number": str(number), "digest": digests[number % fill.ADDRESSES]}
        for number in fill.numbers(LOOKS, size)
    ]
    return [("/find", {"Content-Type": "application/json"}, json.dumps(body).encode()) for body in asked]


def _runner(port: int, roots: list[int], calls: list[Call]) -> Callable[[], Sample]:
    return lambda: load.closed_loop(port, calls, roots)


if __name__ == "__main__":
    main()
