"""A real web server among rude callers: none of them gets a failure of ours, and the polite are still served."""

from __future__ import annotations

import os
import random
import shutil
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from core.stores.platform_access import link_of
from tests.laws.cluster import megabytes, wait_until
from tests.laws.rude import manners, say
from tests.laws.scene import staged

ROUNDS = 100 if os.environ.get("LONG") else 8
"""How often each way to misbehave is tried."""
GROWTH = 80
"""Megabytes the server may grow by after it has warmed up."""


def test_a_web_server_outlives_rude_callers_and_still_serves_the_polite(
    sqlite_template: Path, tmp_path: Path, announce: Callable[[str], None]
) -> None:
    shutil.copy(sqlite_template, tmp_path / "aftercare.db")
    chance, started, url = random.Random(0), time.monotonic(), f"sqlite:///{tmp_path}/aftercare.db"
    with staged(url, tmp_path, chance, webs=1, workers=0, lease=5) as scene, ExitStack() as held:
        [port], [machine] = scene.ports, scene.cluster.machines
        wait_until(lambda: b" 200 " in polite(port), 30, "the web server")
        [process] = machine.children()
        hook = urlsplit(link_of(scene.services, scene.store).hook_url).path.encode()
        find = f"/shop/{scene.store.key}/find".encode()
        for _ in range(40):  # callers who began to speak and stopped
            line = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.sendall(b"POST /hooks/demo HTTP/1.1\r\nHost: care")
        calls = [call for _ in range(ROUNDS) for call in manners(hook, find, chance).items()]
        warm, heard = 0.0, Counter[str]()
        with ThreadPoolExecutor(16) as pool:
            for number, (name, said) in enumerate(pool.map(lambda call: (call[0], say(port, call[1])), calls)):
                if number == len(calls) // 3:
                    warm = megabytes(process)
                heard.update(part[:3].decode("latin-1") for part in said.split(b"HTTP/1.1 ")[1:])
                assert b"HTTP/1.1 500" not in said, name
                assert b"Traceback" not in said, name
        began = time.monotonic()
        assert b" 200 " in polite(port)
        assert time.monotonic() - began < 5
        assert machine.children() == [process]
        grown = megabytes(process) - warm
        assert grown < GROWTH
        announce(
            f"rude callers: {len(calls)} calls, {dict(sorted(heard.items()))}, {grown:+.0f} MB, "
            f"{time.monotonic() - started:.0f} s"
        )


def polite(port: int) -> bytes:
    """Ask whether the server is up, as one should."""
    try:
        return say(port, [b"GET /healthz HTTP/1.1\r\nHost: care.example\r\nConnection: close\r\n\r\n"], patience=5)
    except OSError:
        return b""
