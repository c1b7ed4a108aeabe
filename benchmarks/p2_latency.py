"""P2: how long an acknowledgement takes, in an open loop at 300 and 1,000 a second."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import load, measure, stage
from benchmarks.measure import Sample
from benchmarks.p1_webhooks import contestants

RATES = (300, 1000)
SECONDS = 3


def main() -> None:
    """Measure both engines."""
    for make in stage.BOTH:
        with make() as base, contestants(base) as served:
            for rate in RATES:
                samples = measure.alternate({name: _runner(rate, *facts) for name, facts in served.items()})
                measure.show(f"P2 acknowledgement, {base.engine}, open loop at {rate}/s", samples)
                measure.ratio(samples, "p99 ms", "ours", "floor", "<= 2")
                measure.ratio(samples, "p99 ms", "ours", "express", "<= 0.5")


def _runner(rate: int, port: int, _pid: int, path: str, secret: str) -> Callable[[], Sample]:
    def run() -> Sample:
        return load.open_loop(port, load.deliveries(path, secret, rate * SECONDS), rate)

    return run


if __name__ == "__main__":
    main()
