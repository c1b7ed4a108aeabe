"""Load: wrk in a closed loop for the cost of a request, an open loop at a given rate for the time it takes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from benchmarks import orders
from benchmarks.measure import Sample, percentile, spending

CONNECTIONS = 16
SECONDS = 2
_next_order = count(1_000_000)

Call = tuple[str, dict[str, str], bytes]
"""One POST: path, headers, body."""

_SCRIPT = """
local calls, at = {}, 0
init = function(arguments)
  for line in io.lines(arguments[1]) do
    local path, headers, body = line:match("^(.-)\\t(.-)\\t(.*)$")
    local fields = {}
    for name, value in headers:gmatch("(.-)=(.-);;") do fields[name] = value end
    calls[#calls + 1] = wrk.format("POST", path, fields, body)
  end
end
request = function() at = at % #calls + 1; return calls[at] end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\n{"requests": %d, "micros": %d, "failed": %d, "p50": %f, "p99": %f}\\n', summary.requests,
    summary.duration, errors.status + errors.timeout + errors.read + errors.connect, latency:percentile(50),
    latency:percentile(99)))
end
"""


def deliveries(path: str, secret: str, number: int) -> list[Call]:
    """Make signed webhooks of orders nobody has seen yet; headers for WooCommerce and for Shopify alike."""
    made = []
    for _ in range(number):
        body = orders.body(next(_next_order))
        signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
        headers = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Signature": signature,
            "X-WC-Webhook-Topic": "order.updated",
            "X-WC-Webhook-Source": "https://shop.example/",
            "X-Shopify-Hmac-Sha256": signature,
            "X-Shopify-Topic": "orders/updated",
            "X-Shopify-Shop-Domain": "linden.myshopify.com",
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        }
        made.append((path, headers, body))
    return made


def closed_loop(port: int, calls: Sequence[Call], roots: Sequence[int], *, connections: int = CONNECTIONS) -> Sample:
    """Post as fast as answers come, from one wrk; give CPU µs a request of the trees under `roots`, and the rest.

    Raises RuntimeError when an answer was not 2xx.
    """
    if not shutil.which("wrk"):
        raise SystemExit("This measures with wrk: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script, file = Path(folder) / "wrk.lua", Path(folder) / "calls"
        script.write_text(_SCRIPT)
        with file.open("wb") as lines:
            for path, headers, body in calls:
                packed = "".join(f"{name}={value};;" for name, value in headers.items())
                lines.write(f"{path}\t{packed}\t".encode() + body + b"\n")
        command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(script), f"http://127.0.0.1:{port}"]
        with spending(*roots) as spent:
            answer = subprocess.run([*command, "--", str(file)], capture_output=True, text=True, check=True)
    told = json.loads(next(line for line in answer.stdout.splitlines() if line.startswith("{")))
    if told["failed"]:
        raise RuntimeError(f"{told['failed']} of {told['requests']} requests failed")
    return {
        "CPU µs": spent.cpu / told["requests"] * 1e6,
        "requests/s": told["requests"] / told["micros"] * 1e6,
        "p50 ms": told["p50"] / 1000,
        "p99 ms": told["p99"] / 1000,
    }


def open_loop(port: int, calls: Sequence[Call], rate: float, *, connections: int = 64) -> Sample:
    """Post at a fixed rate whatever the answers take; a late start counts as waiting. Gives p50 and p99 in ms."""
    taken = asyncio.run(_open_loop(port, calls, rate, connections))
    return {"p50 ms": percentile(taken, 0.50) * 1000, "p99 ms": percentile(taken, 0.99) * 1000}


async def _open_loop(port: int, calls: Sequence[Call], rate: float, connections: int) -> list[float]:
    waiting: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    taken: list[float] = []
    posts = [asyncio.create_task(_post(port, waiting, taken)) for _ in range(connections)]
    await asyncio.sleep(0.3)  # connections open outside the measure
    loop = asyncio.get_running_loop()
    start = loop.time()
    for place, call in enumerate(calls):
        due = start + place / rate
        if (left := due - loop.time()) > 0:
            await asyncio.sleep(left)
        waiting.put_nowait((due, _written(call)))
    for _ in posts:
        waiting.put_nowait(None)
    await asyncio.gather(*posts)
    return taken


async def _post(port: int, waiting: asyncio.Queue[tuple[float, bytes] | None], taken: list[float]) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (work := await waiting.get()) is not None:
        due, request = work
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 2"):
            raise RuntimeError(head.split(b"\r\n")[0].decode())
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        taken.append(loop.time() - due)
    writer.close()


def _written(call: Call) -> bytes:
    path, headers, body = call
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: bench\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body
