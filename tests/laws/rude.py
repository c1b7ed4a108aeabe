"""What may come down a socket that no HTTP library would send."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Mapping, Sequence

OK = b"GET /healthz HTTP/1.1\r\nHost: care.example\r\n\r\n"
_HEAD = b"Host: care.example\r\nContent-Type: application/json\r\n"


def _post(path: bytes, *heads: bytes, body: bytes = b"") -> bytes:
    return b"POST %s HTTP/1.1\r\n%s%s\r\n%s" % (path, _HEAD, b"".join(head + b"\r\n" for head in heads), body)


def manners(hook: bytes, find: bytes, chance: random.Random) -> Mapping[str, Sequence[bytes]]:
    """Give each way to misbehave by its name: pieces to be sent one after the other, with pauses between."""
    slow = _post(find, b"Content-Length: 60", body=b'{"number":"1042","proof":"ann@shopper.example"}')
    return {
        "half a body": [_post(hook, b"Content-Length: 1000", body=b'{"resource":')],
        "no body": [_post(hook, b"Content-Length: 50")],
        "a body too large": [_post(hook, b"Content-Length: 6000000", body=b"{")],
        "a body of ten to the thirty": [_post(hook, b"Content-Length: 1" + b"0" * 30)],
        "a body of minus one": [_post(hook, b"Content-Length: -1")],
        "two lengths": [_post(hook, b"Content-Length: 2", b"Content-Length: 3", body=b"{}x")],
        "length and chunks": [_post(hook, b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n{}")],
        "chunks that are none": [_post(hook, b"Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n")],
        "a chunk without end": [_post(hook, b"Transfer-Encoding: chunked", body=b"ffffffffffffffff\r\n{}")],
        "half a chunk": [_post(find, b"Transfer-Encoding: chunked", body=b"10\r\n{")],
        "half a head": [b"POST /hooks/demo HTTP/1.1\r\nHost: care"],
        "a header of 100 kB": [b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Eve: " + b"e" * 100_000 + b"\r\n\r\n"],
        "2,000 headers": [b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Eve: 1\r\n" * 2_000 + b"\r\n"],
        "a path of 100 kB": [b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        "odd bytes in the query": [b"GET /shop/find-store?ref=\xed\xa0\x80 HTTP/1.1\r\nHost: x\r\n\r\n"],
        "odd bytes in the path": [b"GET /t/\xed\xa0\x80\xff HTTP/1.1\r\nHost: x\r\n\r\n"],
        "NUL in the path": [b"GET /find/%00 HTTP/1.1\r\nHost: x\r\n\r\n"],
        "NUL in a header": [b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Eve: \0\r\n\r\n"],
        "an origin that is none": [_post(b"/find/x", b"Origin: http://[", b"Content-Length: 0")],
        "no host": [b"GET /healthz HTTP/1.1\r\n\r\n"],
        "an old version": [b"GET /healthz\r\n\r\n"],
        "a version to come": [b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n"],
        "somebody else's address": [b"GET http://elsewhere.example/ HTTP/1.1\r\nHost: x\r\n\r\n"],
        "a tunnel": [b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: x\r\n\r\n"],
        "a promise to go on": [_post(hook, b"Content-Length: 2", b"Expect: 100-continue")],
        "TLS": [bytes.fromhex("16030100c8010000c40303") + chance.randbytes(200)],
        "noise": [chance.randbytes(chance.choice((1, 100, 20_000)))],
        "noise behind a question": [OK + chance.randbytes(300) + b"\r\n\r\n" + OK],
        "twenty questions at once": [OK * 20],
        "one byte at a time": [slow[place : place + 1] for place in range(len(slow))][:40],
    }


def say(port: int, pieces: Sequence[bytes], *, pause: float = 0.02, patience: float = 1.0) -> bytes:
    """Send the pieces, listen for `patience` seconds or until the other side hangs up; give what it said."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(pause)
            line.settimeout(patience)
            while more := line.recv(65_536):
                heard += more
        except OSError:  # hung up on, or nothing more to hear: both are fine answers to rudeness
            pass
    return heard
