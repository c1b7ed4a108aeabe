"""A local server that hands out a folder's files as storage services do: by ranges of bytes, when it is in the mood."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class FileServer:
    """Serves `folder` on this machine. `mood` says how: ranges, whole (it ignores them), gone, unsized, short, or both.

    When it is endless it ignores ranges, tells no size, and sends the file again and again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.mood, self.asked = folder, "ranges", list[str]()
        files = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # head and body in one packet: the second would wait for the first's receipt

            def do_GET(self) -> None:
                files.asked.append(self.headers.get("Range", ""))
                if files.mood == "endless":
                    self._send_without_end((files.folder / self.path.strip("/")).read_bytes())
                    return
                status, headers, body = files.answer(self.path, self.headers.get("Range", ""))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def _send_without_end(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                while True:
                    self.wfile.write(body)

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:  # who asked has read enough
                    self.close_connection = True

            def finish(self) -> None:
                with suppress(ConnectionError):
                    super().finish()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}"

    def answer(self, path: str, asked: str) -> tuple[int, dict[str, str], bytes]:
        """Give status, headers and body for a file and the range that was asked for."""
        file = self.folder / path.strip("/")
        if self.mood == "gone" or not file.is_file():
            return 403, {}, b"<Error>The signature has expired</Error>"
        body, span = file.read_bytes(), re.fullmatch(r"bytes=(\d+)-(\d+)", asked)
        if self.mood == "whole" or span is None:
            return 200, {}, body
        first, last = int(span[1]), int(span[2])
        if first >= len(body):
            return 416, {"Content-Range": f"bytes */{len(body)}"}, b""
        part = body[first : last + 1]
        part = part[: max(1, len(part) // 2)] if "short" in self.mood else part
        size = "*" if "unsized" in self.mood else len(body)
        return 206, {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{size}"}, part


@contextmanager
def serve_files(folder: Path) -> Iterator[FileServer]:
    """Serve a folder until the block ends."""
    files = FileServer(folder)
    thread = threading.Thread(target=files.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield files
    finally:
        files.server.shutdown()
        files.server.server_close()
        thread.join()
