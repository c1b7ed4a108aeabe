"""The widget as it is served: small, made from these sources, and free of what a strict page forbids."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from core.i18n import catalogs, widget_catalogs
from core.i18n.widget_catalogs import WIDGET
from core.i18n.words import languages
from core.web.widget import LOADER
from tests.core.shipping.seed import on_sqlite

BUILT = Path(__file__).parents[2] / "core" / "web" / "static" / "widget"
FILES = sorted(BUILT.glob("*.js"))
SOURCES = sorted((WIDGET / "src").rglob("*.ts"))
FORBIDDEN = (
    "eval(", "new Function", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "localStorage",
    "indexedDB", "document.cookie", "setAttribute(\"style\"", ".style.", "http://", "https://",
)  # fmt: skip
KB = 1000
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (WIDGET / "node_modules" / "esbuild").is_dir(),
    reason="no Node here, or `npm ci` was not run in widget/",
)


def weigh(*paths: Path) -> int:
    """Give the bytes on the wire of these files."""
    return sum(len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in paths)


def tables(language: str) -> list[Path]:
    """Give a language's two files, first what a tracking visit needs."""
    loader = (BUILT / LOADER).read_text("utf-8")
    both = [path for path in FILES if re.fullmatch(rf"{language}-\w{{8}}", path.stem)]
    return sorted(both, key=lambda path: path.name not in loader)


def others() -> list[Path]:
    """Give the files that speak no language: the loader, the start and the panels."""
    spoken = {path for language in languages() for path in tables(language)}
    return [path for path in FILES if path not in spoken]


def start() -> Path:
    return next(path for path in FILES if path.name.startswith("start-"))


@pytest.mark.parametrize("language", languages())
def test_the_widget_is_small_in_every_language(language: str) -> None:
    first, more = tables(language)
    assert weigh(BUILT / LOADER) <= 2 * KB
    assert weigh(BUILT / LOADER, start(), first, *BUILT.glob("dark-*.js")) <= 8 * KB  # on a dark page too
    assert weigh(*others(), first, more) <= 20 * KB


def test_a_tracking_visit_loads_three_files() -> None:
    """What is shared between chunks would be a file of its own, and one more round trip before the first view."""
    assert [path.name for path in FILES if path.name.startswith("chunk")] == []
    assert re.findall(r'\bfrom"|\bimport"', start().read_text("utf-8")) == []


def test_the_build_is_made_from_these_sources() -> None:
    paths = [path for folder in ("src", "words") for path in (WIDGET / folder).rglob("*.*")] + [*WIDGET.glob("*.mjs")]
    names = sorted(path.relative_to(WIDGET).as_posix() for path in paths)
    digest = hashlib.sha256(b"".join(f"{name}\n".encode() + (WIDGET / name).read_bytes() for name in names))
    assert (BUILT / "built-from").read_text().strip() == digest.hexdigest(), "run `make widget`"


def test_the_words_are_the_catalogs(tmp_path: Path) -> None:
    widget_catalogs.write({code: catalogs.read(code) for code in languages()}, tmp_path)
    for path in sorted(tmp_path.iterdir()):
        assert (WIDGET / "words" / path.name).read_text("utf-8") == path.read_text("utf-8"), "run `make widget`"


def test_every_sentence_of_the_sources_is_in_every_language() -> None:
    said = {msgid if isinstance(msgid, str) else msgid[0] for _, msgid in widget_catalogs.collect()}
    assert len(said) > 80
    for code in languages():
        assert json.loads((WIDGET / "words" / f"{code}.json").read_text("utf-8"))["words"].keys() == said, code


@needs_node
def test_building_again_gives_the_same_files(tmp_path: Path) -> None:
    subprocess.run(["node", "build.mjs", "--out", tmp_path / "built"], cwd=WIDGET, check=True)
    again = {path.name: path.read_bytes() for path in (tmp_path / "built").iterdir()}
    assert again == {path.name: path.read_bytes() for path in BUILT.iterdir()}


@needs_node
def test_the_widgets_own_tests_pass() -> None:
    done = subprocess.run(["npm", "test", "--silent"], cwd=WIDGET, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_only_the_token_of_half_an_hour_is_stored_and_only_for_the_tab() -> None:
    named = {path.name: path.read_text("utf-8").count("sessionStorage.") for path in SOURCES}
    assert {name: count for name, count in named.items() if count} == {"frame.ts": 1, "resume.ts": 1}


@pytest.mark.parametrize("path", [*SOURCES, *FILES], ids=lambda path: path.name)
def test_nothing_a_strict_page_forbids_is_used(path: Path) -> None:
    text = path.read_text("utf-8")
    assert [word for word in FORBIDDEN if word in text] == []


@on_sqlite
def test_the_loader_is_fresh_and_what_it_names_lasts(client: FlaskClient) -> None:
    loader = client.get(f"/widget/{LOADER}")
    assert loader.headers["Cache-Control"] == "public, max-age=300"
    again = client.get(f"/widget/{LOADER}", headers={"If-None-Match": loader.headers["ETag"]})
    assert (loader.status_code, again.status_code) == (200, 304)
    named = client.get(f"/widget/{start().name}")
    assert "immutable" in named.headers["Cache-Control"]
    for answer in (loader, named):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


@on_sqlite
@pytest.mark.parametrize("name", ["built-from", "nothing.js", "..%2f..%2fapp.py", "%2e%2e/desk.css"])
def test_nothing_but_the_built_files_is_given(client: FlaskClient, name: str) -> None:
    assert client.get(f"/widget/{name}").status_code == 404
