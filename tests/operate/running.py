"""The program as an operator runs it: `python -m core …` as processes of their own, with their logs kept."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.conftest import KEY

ROOT = Path(__file__).resolve().parents[2]
SMTP_PASSWORD = "hunter2-hunter2-hunter2"
PATIENCE = 60.0
"""Seconds anything may take on a machine that has other things to do."""


@dataclass
class Running:
    """A process that was started, and the file its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    def end(self, how: int = signal.SIGTERM) -> int:
        """Send a signal and give the exit status."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        """Give what it wrote so far."""
        return self.log.read_text(encoding="utf-8")


def environment(url: str, **more: str) -> dict[str, str]:
    """Give an environment in which the program runs; nothing of the tester's own AFTERCARE_* is in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AFTERCARE_")}
    ours = {"AFTERCARE_DATABASE_URL": url, "AFTERCARE_SECRET_KEYS": KEY, "AFTERCARE_PUBLIC_URL": "https://care.example"}
    return (
        kept | ours | {"PYTHONPATH": str(ROOT)} | {f"AFTERCARE_{name.upper()}": value for name, value in more.items()}
    )


def run(*arguments: str, env: Mapping[str, str], folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    command = [sys.executable, "-m", "core", *arguments]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)


@contextmanager
def started(*arguments: str, env: Mapping[str, str], log: Path) -> Iterator[Running]:
    """Start a process, and leave nothing of it behind; `serve` is up when the block begins."""
    command, url = [sys.executable, "-m", "core", *arguments], ""
    if arguments[0] == "serve":
        port = _free_port()
        command += ["--bind", f"127.0.0.1:{port}"]
        url = f"http://127.0.0.1:{port}"
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    running = Running(process, log, url)
    try:
        if url:
            wait_until(lambda: status(f"{url}/healthz") == 200, running)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def status(url: str) -> int:
    """Ask for an address; give the answer's status, 0 where nobody answers."""
    try:
        return requests.get(url, timeout=10).status_code
    except requests.RequestException:
        return 0


def wait_until(come: Callable[[], Any], running: Running | None = None, *, seconds: float = PATIENCE) -> None:
    """Wait until something is so; fail when it does not come, or when the process ends before."""
    deadline = time.monotonic() + seconds
    while not come():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain"
        assert running is None or running.process.poll() is None, running.said() if running else ""
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
