"""Measuring side by side: rounds A B A B, CPU time of whole process trees from /proc, medians with their range."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROUNDS = int(os.environ.get("ROUNDS", "5"))
LONG = bool(os.environ.get("LONG"))
_TICK = os.sysconf("SC_CLK_TCK")

Sample = Mapping[str, float]
"""What one round measured: figure → value."""


@dataclass
class Spent:
    """What a block cost: wall seconds, and CPU seconds of the watched process trees."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def spending(*roots: int) -> Iterator[Spent]:
    """Measure a block; `roots` are process ids whose trees count (0 is nobody)."""
    spent = Spent()
    cpu, wall = cpu_seconds(*roots), time.perf_counter()
    yield spent
    spent.wall, spent.cpu = time.perf_counter() - wall, cpu_seconds(*roots) - cpu


def cpu_seconds(*roots: int) -> float:
    """Give the CPU seconds these process trees have used, ended children included."""
    stats = {pid: fields for pid in _pids() if (fields := _stat(pid))}
    ticks = 0
    for pid in tree(*roots, stats=stats):
        # proc_pid_stat(5): utime, stime, and cutime, cstime of the children that were waited for.
        ticks += sum(int(field) for field in stats[pid][11:15])
    return ticks / _TICK


def tree(*roots: int, stats: Mapping[int, Sequence[str]] | None = None) -> list[int]:
    """List the living processes of these trees."""
    known = stats if stats is not None else {pid: fields for pid in _pids() if (fields := _stat(pid))}
    found = [pid for pid in dict.fromkeys(roots) if pid in known]
    for pid in found:  # grows while it is walked
        found += [child for child, fields in known.items() if int(fields[1]) == pid and child not in found]
    return found


def memory_mb(pid: int) -> float:
    """Give a process's resident memory in MB (10^6 bytes), shared pages included."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0 kB")
    return int(line.split()[1]) * 1024 / 1e6


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _stat(pid: int) -> list[str]:
    """Give the fields of /proc/<pid>/stat from the third on: the second, a name, may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def alternate(runs: Mapping[str, Callable[[], Sample]], rounds: int = ROUNDS) -> dict[str, list[Sample]]:
    """Run each in turn, `rounds` times over, so that noise meets all alike; give the samples by name.

    A first round does not count: connections are opened and statements prepared in it.
    """
    for run in runs.values():
        run()
    samples: dict[str, list[Sample]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            samples[name].append(run())
    return samples


def show(title: str, samples: Mapping[str, Sequence[Sample]]) -> None:
    """Print a table: a line for each run, each figure as median (least to most)."""
    figures = list(dict.fromkeys(figure for rows in samples.values() for row in rows for figure in row))
    print(f"\n{title}")
    print("| " + " | ".join(["", *figures]) + " |")
    print("|---" * (len(figures) + 1) + "|")
    for name, rows in samples.items():
        cells = [_spread([row[figure] for row in rows if figure in row]) for figure in figures]
        print("| " + " | ".join([name, *cells]) + " |", flush=True)


def ratio(samples: Mapping[str, Sequence[Sample]], figure: str, ours: str, other: str, budget: str = "") -> None:
    """Print one run against another: the ratio of medians, and the range of the rounds' ratios."""
    if ours not in samples or other not in samples:
        return
    mine, theirs = ([row[figure] for row in samples[name]] for name in (ours, other))
    each = [a / b for a, b in zip(mine, theirs, strict=True) if b]
    if not each:
        return
    wanted = f"  [budget {budget}]" if budget else ""
    center = median(mine) / median(theirs)
    print(f"{figure}: {ours} / {other} = {center:.2f} ({min(each):.2f} to {max(each):.2f}){wanted}", flush=True)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"{_plain(median(values))} ({_plain(min(values))} to {_plain(max(values))})"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which `share` (0 to 1) of these lie; 0.0 for none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
