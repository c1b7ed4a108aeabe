"""Who may import whom, and how long a file may be: `layout.py`, the map, held against every file."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

import pytest

from tests import layout
from tests.layout import MODULES, ROOT, imports, ours, tree_of, within

DOOR = ("core.platform", "core.money")
BESIDE_THE_STANDARD_LIBRARY = {
    "core.money": set(),
    "core.platform": set(),
    "core.platform.address_guard": {"urllib3"},
    "core.platform.calls.json_lines": {"requests"},
    "core.platform.contract": {"requests"},
    "core.platform.reviews.review_source": {"requests"},
    "core.platform.http": {"requests", "urllib3"},
    "core.platform.responses": {"requests"},
    "core.platform.sample": {"requests"},
    "core.platform.samples.app": {"requests"},
    "core.platform.samples.bulk_listing": {"pydantic"},
    "core.platform.signatures": {"cryptography", "jwt"},
    "core.platform.sample_store": {"pydantic"},
    "core.platform.samples.poor": {"requests"},
    "core.platform.samples.poor_store": {"cryptography"},  # seals as its platform does
    "core.platform.samples.rich_app": {"requests"},
    "core.platform.samples.rich_store": {"pydantic"},
    "plugins": {"requests", "shopify", "woocommerce"},
}
PURE = ("core.shipping.rules", "core.orders.kinds", "core.reviews.reply_check", "core.reviews.public_names")
CALLERS_OF_PAGES = {
    # `admin`, `shop` and `pages` answer HTTP and are nobody's library, except:
    "core.app": "it mounts them",
    "core.demo.__main__": "it serves the demo's own pages",
    "core.demo.run": "it serves the demo's own pages",
    "core.orders.pages": "the pages without script ask what the widget asks",
    "core.web.proxy": "the same questions, asked through the store",
}
READS_THE_ENVIRONMENT = {"core/__main__.py", "core/demo/__main__.py", "core/demo/run.py", "core/demo/pages.py"}
LONGER_THAN_300 = {
    "core/platform/contract.py": "the manual of whoever writes a platform, to be read in one go",
}


def foreign(module: str) -> set[str]:
    """Name the third parties a module imports."""
    tops = {name.split(".")[0] for name in imports(module)}
    return tops - set(sys.stdlib_module_names) - {"core", "plugins", "migrations"}


def inside(packages: tuple[str, ...] | str) -> list[str]:
    found = [module for module in MODULES if within(module, packages)]
    assert found, f"nothing is named {packages} any more"
    return found


def strangers(module: str, allowed: tuple[str, ...]) -> set[str]:
    return {name for name in ours(module) if not within(name, allowed)}


def slice_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def test_every_module_has_its_room_on_the_map() -> None:
    rooms = {layout.room_of(module) for module in inside("core") if module != "core"}
    assert rooms - layout.RANK.keys() == set(), "a room or a module at the root that the map does not name"
    assert len(layout.at_the_root()) <= layout.MOST_AT_THE_ROOT


def test_imports_run_down_the_map() -> None:
    assert len(layout.upward()) <= layout.MOST_UPWARD, layout.upward()


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert layout.circles() == []


def test_no_folder_is_crowded() -> None:
    crowded = {name: n for name, n in layout.files_by_folder().items() if n > layout.MOST_IN_A_FOLDER}
    assert crowded == {}


def test_a_plugin_knows_the_door_and_its_own_folder_only() -> None:
    for module in inside("plugins"):
        assert strangers(module, (*DOOR, slice_of(module))) == set(), module
        assert foreign(module) <= BESIDE_THE_STANDARD_LIBRARY["plugins"], module


def test_the_door_knows_nothing_behind_it() -> None:
    for module in inside(DOOR):
        assert strangers(module, DOOR) == set(), module
        usual = BESIDE_THE_STANDARD_LIBRARY[slice_of(module)]
        assert foreign(module) <= BESIDE_THE_STANDARD_LIBRARY.get(module, usual), module


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
        assert foreign(module) <= {"holidays", "pydantic", "pydantic_core"}, module
        dotted = {ast.unparse(node) for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute)}
        assert dotted & {"datetime.now", "datetime.utcnow", "date.today", "time.time"} == set(), module


def test_the_core_names_no_platform() -> None:
    # Comments and docstrings may: a quirk is told with its source.
    folders = {slice_of(module).removeprefix("plugins.") for module in MODULES if module.startswith("plugins.")}
    names = sorted(folders | {"shopify", "woocommerce", "ecwid"})
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
    lines = layout.lines_by_file()
    assert {path for path, count in lines.items() if count > layout.MOST_LINES} == LONGER_THAN_300.keys()


@pytest.mark.parametrize("folder", ["core", "plugins"])
def test_a_folder_explains_itself(folder: str) -> None:
    assert (ROOT / folder / "README.md").is_file()


@pytest.mark.parametrize("plugin", sorted({slice_of(module) for module in MODULES if module.startswith("plugins.")}))
def test_a_plugin_explains_itself(plugin: str) -> None:
    assert (ROOT / plugin.replace(".", "/") / "README.md").is_file()


PAYS_OR_SENDS = re.compile(
    r"\b((platform|keeper)\.(reimburse|cancel_order|move_return|publish_reply|edit_reply|remove_reply)|mail\.send|deliver)\("
)


def test_whoever_pays_or_sends_looks_at_the_lease_right_before() -> None:
    found = set()
    for path in sorted((ROOT / "core").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for function in ast.walk(ast.parse(source)):
            # The callers of `deliver` look; an invitation is mailed by a command or a request, not by a job.
            if not isinstance(function, ast.FunctionDef) or function.name in ("deliver", "mail_invitation"):
                continue
            text = ast.get_source_segment(source, function) or ""
            if PAYS_OR_SENDS.search(text.partition("\n")[2]) and "check_lease()" not in text:
                found.add(f"{path.relative_to(ROOT)} {function.name}")
    assert found == set(), "a worker that froze would pay or send what another has taken over"
