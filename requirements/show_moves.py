"""Print which versions the locks name now and named at the last commit: "babel 2.18.0 → 2.19.0"."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements/build.txt", "requirements/test.txt", "requirements/tools.txt")
NPM_LOCK = "widget/package-lock.json"

Versions = dict[str, set[str]]
"""Package → its versions; some packages have one for older Pythons and one for newer ones."""


def locked(texts: list[str], npm_text: str) -> Versions:
    """Read the versions out of the texts of Python's locks and of npm's lock."""
    versions: Versions = defaultdict(set)
    for name, number in re.findall(r"^([\w.-]+)==(\S+)", "\n".join(texts), re.MULTILINE):
        versions[name].add(number)
    for path, package in json.loads(npm_text)["packages"].items():
        if path:
            versions[path.rpartition("node_modules/")[2]].add(package["version"])
    return versions


def moves(before: Versions, now: Versions) -> Iterator[str]:
    """Yield a line for each package whose versions differ, by name."""
    for name in sorted(before.keys() | now.keys()):
        old, new = (" and ".join(sorted(versions.get(name, ()))) or "none" for versions in (before, now))
        if old != new:
            yield f"{name} {old} → {new}"


def _committed(path: str) -> str:
    command = ["git", "show", f"HEAD:{path}"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    before = locked([_committed(path) for path in LOCKS], _committed(NPM_LOCK))
    now = locked([(ROOT / path).read_text("utf-8") for path in LOCKS], (ROOT / NPM_LOCK).read_text("utf-8"))
    print(*(list(moves(before, now)) or ["Nothing moved."]), sep="\n")
