"""The lock files name every package that setup.cfg asks for, once, by version and hash, and no address."""

from __future__ import annotations

import json
import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

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
