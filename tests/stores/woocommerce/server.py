"""The store on the wire: a threaded HTTP server around one `Store`."""

import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlencode

from .answers import Answer, json_answer, page_answer
from .consent import answer_consent
from .manners import INSTEAD, NOTICE, Mood, answer_instead
from .routes import Arrival, answer_rest
from .store import Store

SERVER = "nginx/1.22.1"
RESET = struct.pack("ii", 1, 0)


class StoreServer(ThreadingHTTPServer):
    """Serves one store until it is shut down. It sets no time-outs of its own."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a caller who hung up before the answer; the rest is printed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def __init__(self, store: Store, port: int, context: ssl.SSLContext | None, tick: Callable[[], str] | None):
        super().__init__(("127.0.0.1", port), Handler)
        self.store, self.tick, self.is_ssl = store, tick, context is not None
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: StoreServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave in one packet
    server_version, sys_version = SERVER, ""

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        store = self.server.store
        store.requests.append((self.command, path))
        if store.moved_to:
            self._write(Answer(301, b"", {"Location": f"{store.moved_to}{self.path}"}), None)
            return
        mood = store.manners.take(self.command, path)
        if mood and mood.kind in INSTEAD:
            secure = self.server.url.replace("http://", "https://", 1)
            self._write(answer_instead(mood, f"{secure}{self.path}"), None)
            return
        arrival = Arrival(self.command, path, query, self.headers.get("Authorization", ""), body, self.server.is_ssl)
        self._write(answer(self.server, arrival), mood)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def _write(self, reply: Answer, mood: Mood | None) -> None:
        body, kind = reply.body, mood.kind if mood else ""
        if kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.close_connection = True
            return
        if mood and kind == "slow":
            time.sleep(mood.seconds)
        if kind == "php_notice":
            body = NOTICE + body
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = self.close_connection or kind == "truncated"
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if kind == "truncated" else body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: request lines carry keys and signatures."""


def answer(server: StoreServer, arrival: Arrival) -> Answer:
    """Answer one request: REST, the consent page, the demo's own switch, or a plain page."""
    has_routes = server.store.permalinks != "plain"
    if has_routes and arrival.path.startswith("/wp-json"):
        return answer_rest(server.store, arrival)
    if has_routes and arrival.path.startswith("/wc-auth/v1/"):
        step = arrival.path.removeprefix("/wc-auth/v1/").strip("/")
        return answer_consent(server.store, step, arrival.query)
    if arrival.path == "/_demo/tick" and arrival.method == "POST" and server.tick:
        return json_answer(200, {"happened": server.tick()})
    if arrival.path == "/":
        return page_answer(200, _front_page(server.store))
    return page_answer(404, "<!DOCTYPE html><title>Page not found</title>")


def _front_page(store: Store) -> str:
    name = escape(store.name)
    connect = f"{store.core_url}/install/woocommerce?{urlencode({'store': store.url})}"
    link = f'<p><a href="{escape(connect)}">Connect Aftercare</a></p>' if store.core_url else ""
    return f"<!DOCTYPE html><html lang='en'><title>{name}</title><h1>{name}</h1><p>A sample store.</p>{link}</html>"


@contextmanager
def serving(
    store: Store,
    *,
    port: int = 0,
    context: ssl.SSLContext | None = None,
    tick: Callable[[], str] | None = None,
) -> Iterator[str]:
    """Serve a store on 127.0.0.1 while the block runs; yields its address, which it also becomes."""
    server = StoreServer(store, port, context, tick)
    store.url = server.url
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
