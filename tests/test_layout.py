"""Who may import whom, and how long a file may be: the map of core/README.md, held against every file."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path.relative_to(ROOT) for top in ("core", "plugins") for path in (ROOT / top).rglob("*.py"))

DOOR = ("core.platform", "core.money")
FOUNDATION = tuple(
    f"core.{name}"
    for name in (
        "atonce bulk catalogs claims config db fresh i18n inbound inbox jobs logs mail mailparts mailtext "
        "metrics migrate postgres reach reads schedule secrets services smtp stationery together widgetwords worker"
    ).split()
)
SPANNING = tuple(
    f"core.{name}"
    for name in "__main__ app changes commands demo desk doctor insights models privacy reach retention web".split()
)
GROUND = (*DOOR, *FOUNDATION, "core.web.http")  # what any slice may stand on
MAY_IMPORT = {
    # a slice: the other slices it may know
    "core.stores": (),
    "core.orders": ("core.stores",),
    "core.shipping": ("core.stores", "core.orders"),
    "core.returns": ("core.stores", "core.orders"),
    "core.reviews": ("core.stores", "core.orders"),
    "core.conversations": ("core.stores", "core.orders"),
    "core.help": ("core.stores", "core.orders"),
}
BESIDE_THE_STANDARD_LIBRARY = {
    "core.money": set(),
    "core.platform": set(),
    "core.platform.answers": {"requests"},
    "core.platform.contract": {"requests"},
    "core.platform.demo": {"requests"},
    "core.platform.demo_world": {"pydantic"},
    "core.platform.guard": {"urllib3"},
    "core.platform.http": {"requests", "urllib3"},
    "plugins": {"requests", "shopify", "woocommerce"},
}
PURE = (
    *(
        f"core.shipping.{name}"
        for name in "calendar carriers forecast governor promise rehearsal rules terms watch".split()
    ),
    "core.reviews.check",
    "core.reviews.names",
)
CALLERS_OF_PAGES = {
    # `admin`, `shop` and `pages` answer HTTP and are nobody's library, except:
    "core.app": "it mounts them",
    "core.demo.shell": "it opens the desk for a visitor nobody signed in",
    "core.orders.pages": "the pages without script ask what the widget asks",
    "core.web.errors": "it turns their exceptions into answers",
    "core.web.proxy": "the same questions, asked through the store",
}
READS_THE_ENVIRONMENT = {"core/__main__.py", "core/demo/__main__.py", "core/demo/run.py", "core/demo/shell.py"}
LONGER_THAN_300 = {
    "core/desk/admin.py": "the desk's pages, one short view each; the real desk will cut it by subject",
    "core/platform/contract.py": "the manual of whoever writes a platform, to be read in one go",
    "core/returns/model.py": "the tables of returns and withdrawals, side by side",
    "core/shipping/rules.py": "eight rules of one shape, side by side",
    "plugins/woocommerce/platform.py": "the contract's questions, one short method each",
}


def name_of(path: Path) -> str:
    """Give a file's dotted module name."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in FILES}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse((ROOT / MODULES[module]).read_text(encoding="utf-8"))


def imported(node: ast.AST) -> Iterator[str]:
    """Name the modules an import statement reads; `from core import jobs` reads core.jobs."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        for alias in node.names:
            deeper = f"{node.module}.{alias.name}"
            yield deeper if deeper in MODULES else str(node.module)


def imports(module: str) -> set[str]:
    return {name for node in ast.walk(tree_of(module)) for name in imported(node)}


def ours(module: str) -> set[str]:
    return {name for name in imports(module) if name.split(".")[0] in ("core", "plugins")} - {"core"}


def foreign(module: str) -> set[str]:
    """Name the third parties a module imports."""
    tops = {name.split(".")[0] for name in imports(module)}
    return tops - set(sys.stdlib_module_names) - {"core", "plugins", "migrations"}


def within(module: str, packages: tuple[str, ...] | str) -> bool:
    packages = (packages,) if isinstance(packages, str) else packages
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def inside(packages: tuple[str, ...] | str) -> list[str]:
    found = [module for module in MODULES if within(module, packages)]
    assert found, f"nothing is named {packages} any more"
    return found


def strangers(module: str, allowed: tuple[str, ...]) -> set[str]:
    return {name for name in ours(module) if not within(name, allowed)}


def slice_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def test_a_plugin_knows_the_door_and_its_own_folder_only() -> None:
    for module in inside("plugins"):
        assert strangers(module, (*DOOR, slice_of(module))) == set(), module
        assert foreign(module) <= BESIDE_THE_STANDARD_LIBRARY["plugins"], module


def test_the_door_knows_nothing_behind_it() -> None:
    for module in inside(DOOR):
        assert strangers(module, DOOR) == set(), module
        usual = BESIDE_THE_STANDARD_LIBRARY[slice_of(module)]
        assert foreign(module) <= BESIDE_THE_STANDARD_LIBRARY.get(module, usual), module


def test_the_foundation_knows_no_slice() -> None:
    for module in inside(FOUNDATION):
        more = ("core.models",) if module == "core.migrate" else ()  # to compare the schema with all of them
        assert strangers(module, (*DOOR, *FOUNDATION, *more)) == set(), module


def test_a_slice_knows_only_the_slices_it_stands_on() -> None:
    for module in MODULES:
        if slice_of(module) in MAY_IMPORT:
            home = slice_of(module)
            assert strangers(module, (*GROUND, *MAY_IMPORT[home], home)) == set(), module


def test_every_module_has_its_place_on_the_map() -> None:
    known = ("core", "plugins", *DOOR, *FOUNDATION, *SPANNING, *MAY_IMPORT)
    assert [module for module in inside("core") if slice_of(module) not in known] == []


def test_what_spans_the_slices_is_imported_by_none() -> None:
    for module in MODULES:
        if not within(module, SPANNING):
            seen = {name for name in ours(module) if within(name, SPANNING)}
            assert seen <= {"core.web.http", "core.models"}, module


def test_only_the_app_names_the_package_of_plugins_and_nobody_a_plugin() -> None:
    naming = {module: {name for name in ours(module) if within(name, "plugins")} for module in inside("core")}
    assert {module: names for module, names in naming.items() if names} == {"core.app": {"plugins"}}


def test_nobody_calls_what_answers_http() -> None:
    pages = {module for module in MODULES if module.split(".")[-1] in ("admin", "pages", "shop")}
    # The desk is one blueprint in several files, each hung on `admin`.
    callers = {module for module in MODULES if ours(module) & pages and not within(module, "core.desk")}
    assert callers - CALLERS_OF_PAGES.keys() == set()
    assert CALLERS_OF_PAGES.keys() - callers == set(), "an exception nobody needs any more"


def test_rules_read_no_clock_no_database_and_no_configuration() -> None:
    for module in inside(PURE):
        assert strangers(module, (*PURE, "core.money", "core.platform.snapshots")) == set(), module
        assert foreign(module) <= {"holidays", "pydantic"}, module
        dotted = {ast.unparse(node) for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute)}
        assert dotted & {"datetime.now", "datetime.utcnow", "date.today", "time.time"} == set(), module


def test_no_module_needs_itself_to_be_imported() -> None:
    needs = {module: _needed_at_once(module) for module in MODULES}
    while leaves := {module for module, names in needs.items() if not names & needs.keys()}:
        needs = {module: names for module, names in needs.items() if module not in leaves}
    assert needs == {}, "these import each other in a circle"


def _needed_at_once(module: str) -> set[str]:
    """Name what is imported when the module is, not later inside a function nor for the type checker alone."""
    return {name for node in tree_of(module).body for name in imported(node)} & MODULES.keys()


def test_the_core_names_no_platform() -> None:
    # Comments and docstrings may: a quirk is told with its source.
    names = ("shopify", "woocommerce", "ecwid")
    for module in inside("core"):
        said = " ".join(_words_of_code(module)).lower()
        assert [name for name in names if name in said] == [], module
    for template in (ROOT / "core").rglob("*.html"):
        assert [name for name in names if name in template.read_text(encoding="utf-8").lower()] == [], template


def _words_of_code(module: str) -> Iterator[str]:
    nodes = list(ast.walk(tree_of(module)))
    # A text that stands alone is a docstring.
    alone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        for field in ("id", "attr", "name", "arg", "module", "value"):
            if isinstance(word := getattr(node, field, None), str) and id(node) not in alone:
                yield word


def test_the_environment_is_read_where_the_program_starts() -> None:
    readers = set()
    for module, path in MODULES.items():
        nodes = [node for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute | ast.ImportFrom)]
        words = {getattr(node, "attr", None) for node in nodes}
        words |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
        if words & {"environ", "environb", "getenv"}:
            readers.add(path.as_posix())
    assert readers == READS_THE_ENVIRONMENT


def test_no_file_is_long_without_a_reason() -> None:
    lines = {path.as_posix(): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path for path, count in lines.items() if count > 300} == LONGER_THAN_300.keys()


@pytest.mark.parametrize("folder", ["core", "plugins"])
def test_a_folder_explains_itself(folder: str) -> None:
    assert (ROOT / folder / "README.md").is_file()


@pytest.mark.parametrize("plugin", sorted({slice_of(module) for module in MODULES if module.startswith("plugins.")}))
def test_a_plugin_explains_itself(plugin: str) -> None:
    assert (ROOT / plugin.replace(".", "/") / "README.md").is_file()
