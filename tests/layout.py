"""The map of the code, and its measures: python -m tests.layout

`ROOMS` lists the rooms of `core/` from the bottom to the top. A module may import from its own room and from rooms
below it; the slices of one line do not import each other. Imports inside functions and under TYPE_CHECKING count.
`test_layout.py` holds every file against this.
"""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = sorted(path.relative_to(ROOT) for top in ("core", "plugins") for path in (ROOT / top).rglob("*.py"))

ROOMS: tuple[tuple[str, ...], ...] = (
    ("money",),
    ("platform",),  # the contract with the plugins
    ("secrets", "logs", "metrics", "config"),
    ("db",),
    ("i18n",),
    ("mail",),
    ("services",),
    ("jobs",),
    ("http",),
    ("stores",),
    ("search",),
    ("orders",),
    ("shipping", "returns", "reviews", "conversations", "help"),  # slices that do not know each other
    ("schema",),
    ("privacy",),
    ("changes",),
    ("desk", "insights"),
    ("web",),
    ("app",),
    ("ops",),
    ("demo",),
    ("__main__",),
)
RANK = {room: rank for rank, line in enumerate(ROOMS) for room in line}
SLICES = ("stores", "orders", "shipping", "returns", "reviews", "conversations", "help")
MOST_UPWARD = 2
MOST_AT_THE_ROOT = 12
MOST_IN_A_FOLDER = 15
MOST_LINES = 300


def name_of(path: Path) -> str:
    """Give a file's dotted module name."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in FILES}


@cache
def tree_of(module: str) -> ast.Module:
    """Parse a module."""
    return ast.parse((ROOT / MODULES[module]).read_text(encoding="utf-8"))


def imported(node: ast.AST) -> Iterator[str]:
    """Name the modules an import statement reads; `from core import money` reads core.money."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        for alias in node.names:
            deeper = f"{node.module}.{alias.name}"
            yield deeper if deeper in MODULES else str(node.module)


@cache
def imports(module: str) -> frozenset[str]:
    """Name everything a module imports, wherever in it the import stands."""
    return frozenset(name for node in ast.walk(tree_of(module)) for name in imported(node))


def ours(module: str) -> set[str]:
    """Name the modules of the project that a module imports."""
    return {name for name in imports(module) if name.split(".")[0] in ("core", "plugins")} - {"core"}


def within(module: str, packages: tuple[str, ...] | str) -> bool:
    """Say whether a module is one of these, or lies in one of them."""
    packages = (packages,) if isinstance(packages, str) else packages
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def room_of(module: str) -> str:
    """Give the room of a module of `core`: its second name."""
    return module.split(".")[1]


def upward() -> list[tuple[str, str]]:
    """List the imports that go against the order of rooms, or across from one slice to another of its line."""
    return [
        (module, name)
        for module in MODULES
        if within(module, "core") and module != "core"
        for name in sorted(ours(module))
        if within(name, "core") and room_of(name) != room_of(module)
        if RANK[room_of(name)] >= RANK[room_of(module)]
    ]


def circles() -> list[set[str]]:
    """List the groups of modules that import each other in a circle (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for name in ours(module) & MODULES.keys():
            if name not in index:
                visit(name)
                low[module] = min(low[module], low[name])
            elif name in stack:
                low[module] = min(low[module], index[name])
        if low[module] == index[module]:
            circle = set(stack[stack.index(module) :])
            del stack[stack.index(module) :]
            if len(circle) > 1:
                found.append(circle)

    for module in MODULES:
        if module not in index:
            visit(module)
    return found


def at_the_root() -> list[str]:
    """List the modules that lie at the root of `core/`."""
    return [path.stem for path in FILES if path.parent == Path("core") and path.stem != "__init__"]


def files_by_folder() -> dict[str, int]:
    """Count the Python files of each folder of `core/` and `plugins/`, the package's own `__init__.py` among them."""
    counts: dict[str, int] = {}
    for path in FILES:
        counts[path.parent.as_posix()] = counts.get(path.parent.as_posix(), 0) + 1
    return counts


def lines_by_file() -> dict[str, int]:
    """Count the lines of each file."""
    return {path.as_posix(): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in FILES}


def main() -> None:
    """Print the measures, each with its limit."""
    lines = lines_by_file()
    crowded = sorted(files_by_folder().items(), key=lambda item: -item[1])[:3]
    print(f"imports that run up: {len(upward())} (at most {MOST_UPWARD})")
    for module, name in upward():
        print(f"  {module} imports {name}")
    print(f"circles of modules: {len(circles())} (at most 0 in Python)")
    for circle in circles():
        print(f"  {' '.join(sorted(circle))}")
    print(f"modules at the root of core/: {len(at_the_root())} (at most {MOST_AT_THE_ROOT})")
    print(f"fullest folders (at most {MOST_IN_A_FOLDER}): " + ", ".join(f"{name} {n}" for name, n in crowded))
    print(f"files: {len(lines)}, median {statistics.median(n for n in lines.values() if n > 1):.0f} lines")
    for name, n in sorted(lines.items()):
        if n > MOST_LINES:
            print(f"  over {MOST_LINES} lines: {name} {n}")


if __name__ == "__main__":
    main()
