"""A running demo, and a browser that looks at it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

PATIENCE = 15_000
"""Milliseconds something may take to appear, on a busy machine."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


STORE_WORDS = {"sample": "Fern", "rich": "Birch", "poor": "Poplar", "woo": "Linden"}
"""A word of each demo store's name."""


@dataclass
class RunningDemo:
    """The demo as a process of its own."""

    base: str
    process: subprocess.Popen[bytes]
    folder: Path

    def mails(self) -> list[dict[str, Any]]:
        """Give what /demo/mailbox.json lists."""
        listed: list[dict[str, Any]] = requests.get(f"{self.base}/demo/mailbox.json", timeout=10).json()
        return listed

    def wait_for(self, kind: str, seconds: float = 60, store: str = "") -> dict[str, Any]:
        """Wait until a message of this kind was sent, by this store where one is named."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for mail in self.mails():
                if mail["kind"] == kind and store in ("", mail["store"]):
                    return mail
            time.sleep(0.5)
        raise AssertionError(f"no {kind} message within {seconds:.0f} s")

    def keys(self) -> dict[str, str]:
        """Give the stores' keys by their names."""
        from re import findall

        page = requests.get(self.base, timeout=10).text
        keys = dict.fromkeys(findall(r"/demo/store/(\w+)", page))
        names = {}
        for key in keys:
            shown = requests.get(f"{self.base}/find/{key}", timeout=10).text
            names |= {name: key for name, word in STORE_WORDS.items() if word in shown}
        return names


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """Start `python -m core demo` as a user would, on a free port."""
    folder = tmp_path_factory.mktemp("demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "PORT": str(port), "AFTERCARE_DEMO_FOLDER": str(folder / "var")}
    log = (folder / "log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", "core", "demo"], env=env, stdout=log, stderr=log)
    running = RunningDemo(f"http://127.0.0.1:{port}", process, folder)
    deadline = time.monotonic() + 90
    while True:
        try:
            if requests.get(f"{running.base}/readyz", timeout=2).ok:
                break
        except requests.RequestException:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the demo did not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.3)
    yield running
    process.send_signal(signal.SIGTERM)
    process.wait(20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, headless."""
    if CHROMIUM is None:
        pytest.skip("no browser: install Debian's chromium to run this")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def contexts(browser: Any) -> Callable[..., Any]:
    """Give the browser's context with these options: one for all tests that want the same. A new one costs a second."""
    made: dict[str, Any] = {}

    def find(**options: Any) -> Any:
        key = json.dumps(options, sort_keys=True)
        if key not in made:
            made[key] = browser.new_context(**options)
            made[key].set_default_timeout(PATIENCE)
        return made[key]

    return find


@pytest.fixture
def open_page(contexts: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Open pages, in contexts with these options; they are closed when the test ends."""
    pages = []

    def make(**options: Any) -> Any:
        pages.append(contexts(**options).new_page())
        return pages[-1]

    yield make
    for page in pages:
        page.close()


@pytest.fixture
def open_alone(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open pages, each in a context no other test has: for what a context keeps, like its clock and its connection."""
    made = []

    def make(**options: Any) -> Any:
        made.append(browser.new_context(**options))
        made[-1].set_default_timeout(PATIENCE)
        return made[-1].new_page()

    yield make
    for context in made:
        context.close()
