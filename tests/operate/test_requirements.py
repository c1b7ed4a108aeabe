"""The locks name what setup.cfg asks for, by version and hash; what an upgrade brings is said in sentences."""

from __future__ import annotations

import json
import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from requirements.library_data import EXPECTED, differences
from requirements.show_moves import locked, moves
from tests.operate.running import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
REQUIREMENT = re.compile(r"([a-z0-9-]+)==([\w.]+)(?: ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def versions(lock: str) -> set[tuple[str, str]]:
    """Give (package, version) for each requirement of a lock."""
    return set(REQUIREMENT.findall((ROOT / "requirements" / lock).read_text("utf-8")))


def asked_for(*sections: tuple[str, str]) -> set[str]:
    """Give the packages that these (section, option) of setup.cfg name."""
    declared = ConfigParser()
    declared.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = [line for at in sections for line in declared[at[0]][at[1]].splitlines() if line and line[0] != "#"]
    return {re.split(r"[\s\[<>=]", line)[0].replace("_", "-").lower() for line in lines}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_requirements_and_hashes_and_nothing_else(lock: Path) -> None:
    lines = lock.read_text("utf-8").splitlines()
    assert lines
    assert [line for line in lines if not REQUIREMENT.fullmatch(line) and not HASH.fullmatch(line)] == []


def test_every_extra_is_locked() -> None:
    needs = asked_for(("options", "install_requires"))
    extras = {name: asked_for(("options.extras_require", name)) for name in ("postgres", "demo", "test", "lint")}
    locked = {lock: {name for name, _ in versions(lock)} for lock in ("test.txt", "demo.txt", "image.txt")}
    assert needs.union(*extras.values()) <= locked["test.txt"]
    assert needs | extras["demo"] <= locked["demo.txt"]
    assert (needs - {"pytest"}) | extras["postgres"] <= locked["image.txt"]


def test_no_two_locks_name_two_versions_of_a_package() -> None:
    assert versions("demo.txt") | versions("image.txt") <= versions("test.txt")


def test_the_build_backend_is_locked() -> None:
    assert {"setuptools", "wheel"} <= {name for name, _ in versions("build.txt")}


def test_the_widgets_packages_are_locked_by_their_hash_and_without_an_address() -> None:
    text = (ROOT / "widget" / "package-lock.json").read_text("utf-8")
    packages: dict[str, Any] = json.loads(text)["packages"]
    wanted = json.loads((ROOT / "widget" / "package.json").read_text("utf-8"))["devDependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [path for path, package in packages.items() if path and not package["integrity"].startswith("sha512-")] == []
    assert "resolved" not in text
    assert "://" not in text


def test_what_a_library_says_anew_is_one_sentence() -> None:
    ours = {"holidays": {"LT 2027": "01-01 06-24"}, "plural rules": {"vi other": "0-200"}}
    theirs = {"holidays": {"LT 2027": "01-01 06-25"}, "plural rules": {"vi one": "0-1", "vi other": "2-200"}}
    said = [re.sub(r"[\d.]+ has", "VERSION has", sentence, count=1) for sentence in differences(ours, theirs)]
    assert said == [
        "babel VERSION has other plural rules than we expect: vi one: 0-1 new.",
        "babel VERSION has other plural rules than we expect: vi other: 2-200 new; 0-200 gone.",
        "holidays VERSION has other holidays than we expect: LT 2027: 06-25 new; 06-24 gone.",
    ]
    assert list(differences(theirs, theirs)) == []


def test_our_expectation_names_the_days_that_end_a_withdrawal() -> None:
    expected = json.loads(EXPECTED.read_text("utf-8"))
    assert "12-26" in expected["holidays"]["LT 2026"].split()
    assert "2026-03-29+0300" in expected["zones"]["Europe/Vilnius"].split()


def test_an_upgrade_shows_old_and_new_versions() -> None:
    lock = '{"packages": {"": {}, "node_modules/esbuild": {"version": "%s"}}}'
    before = locked(["babel==2.18.0 \\\nsix==1.17.0 \\\nflask==3.1.3 \\\n"], lock % "0.28.1")
    now = locked(["babel==2.19.0 \\\nflask==3.1.3 \\\n", "tzdata==2026.6 \\\n"], lock % "0.28.2")
    assert list(moves(before, now)) == [
        "babel 2.18.0 → 2.19.0",
        "esbuild 0.28.1 → 0.28.2",
        "six 1.17.0 → none",
        "tzdata none → 2026.6",
    ]
