"""Run benchmarks in two checkouts by turns and say what became worse.

`python -m benchmarks.compare_checkouts ../before p1_webhooks p3_lookup:SIZES=100000, p7_jobs` compares the checkout in
`../before` with this one. A colon and assignments replace constants of the module, so that a run takes less time.
Both use this interpreter and its libraries. ROUNDS sets how often each runs (5).
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

from benchmarks.measure import ROUNDS

Figures = dict[tuple[str, str, str], list[float]]
"""Title of a table, name of a run and of a figure → its value in each round."""
HERE = Path(__file__).parents[1]


def main() -> None:
    """Compare what the arguments name; print a table a benchmark as soon as it is done."""
    before, *wanted = sys.argv[1:]
    for spec in wanted:
        old: Figures = defaultdict(list)
        new: Figures = defaultdict(list)
        for number in range(ROUNDS):
            pairs = [(Path(before), old), (HERE, new)]
            for checkout, figures in pairs if number % 2 == 0 else reversed(pairs):
                for key, value in read_tables(run(checkout, spec)).items():
                    figures[key].append(value)
        show(spec, old, new)


def run(checkout: Path, spec: str) -> str:
    """Run one benchmark for one counted round and give what it printed; its failure ends the comparison."""
    module, _, constants = spec.partition(":")
    changes = [part.partition("=") for part in constants.split(";") if part]
    lines = [f"from benchmarks import {module} as chosen", *(f"chosen.{name} = {value}" for name, _, value in changes)]
    for _, _, value in changes:
        ast.literal_eval(value)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*lines, "chosen.main()"])],
        cwd=checkout,
        env=os.environ | {"ROUNDS": "1", "PYTHONPATH": str(checkout.resolve())},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def read_tables(printed: str) -> dict[tuple[str, str, str], float]:
    """Read the tables that `measure.show` prints: CPU time, and what is done a second; other times vary too much."""
    found: dict[tuple[str, str, str], float] = {}
    title, columns = "", list[str]()
    for line, following in zip(printed.splitlines(), [*printed.splitlines()[1:], ""], strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if following.startswith("|  |"):
            title = line
        elif line.startswith("|  |"):
            columns = cells[1:]
        elif line.startswith("| "):
            for name, cell in zip(columns, cells[1:], strict=False):
                if ("CPU" in name or name.endswith("/s")) and cell != "–":
                    found[title, cells[0], name] = float(cell.split()[0].replace(",", ""))
    return found


def show(spec: str, old: Figures, new: Figures) -> None:
    """Print medians with least and most; worse means the new median lies beyond the old runs' worst."""
    print(f"\n{spec}\n| | before | now | |\n|---|---|---|---|")
    for key in old.keys() & new.keys():
        was, now = old[key], new[key]
        more, less = median(now) > max(was), median(now) < min(was)
        good, bad = (more, less) if key[2].endswith("/s") else (less, more)
        verdict = "worse" if bad else "better" if good else "alike"
        cells = [f"{median(values):,.1f} ({min(values):,.1f} to {max(values):,.1f})" for values in (was, now)]
        print(f"| {' · '.join(key)} | {' | '.join(cells)} | {verdict} |", flush=True)


if __name__ == "__main__":
    main()
