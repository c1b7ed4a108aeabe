"""Everything an honest caller would never send, drawn at random: texts, JSON, forms, headers, paths."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_from_bytes

NASTY = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud83d",
    "\u202e1042",
    "\ufeff",
    "\r\nSet-Cookie: eve=1",
    "../../etc/passwd",
    "..\\..\\",
    "%00%ff%",
    "'; drop table orders; --",
    "{{7*7}}${7*7}<%= 7 %>",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "http://[",
    "-1",
    "0",
    "9" * 40,
    "9" * 5000,
    "-9223372036854775809",
    "1e999",
    "NaN",
    "٣٤٥",
    "²",
    "½",
    "0x10",
    "1_000",
    "true",
    "null",
    "[]",
    "ann@shopper.example\0",
    "@" * 300,
    "a" * 70_000,
    "\u0301" * 2000,
    "ß" * 300,
    "2026-02-30",
    "99999-01-01T00:00:00Z",
    "Europe/../../etc/passwd",
    "*" * 400,
    "(" * 400,
)
FIELDS = (
    "number proof email code platform ref q state late at_risk lang version saved timezone cutoff handling_days "
    "ship_days delivery_days holidays_country quiet_from quiet_until budget gap_hours ask_after_days transit closed "
    "rule.shipped.mode rule.no_scan.after status.open name from support address legal resource facts event shop hmac "
    "host timestamp store world success user_id return_url callback_url order_ids v"
).split()
KINDS = (
    "application/json",
    "application/json; charset=utf-16",
    "application/json; charset=no-such",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=" + "x" * 100,
    "multipart/form-data; boundary=\xff",
    "text/plain",
    "text/html; charset=\0",
    "message/rfc822",
    "image/png",
    "/",
    "",
    ";;;",
)
HEADERS = (
    "Accept-Language Accept Accept-Encoding Authorization Cookie Content-Encoding Content-Type Host If-Modified-Since "
    "If-None-Match Origin Range Referer Sec-Fetch-Site Transfer-Encoding User-Agent X-Forwarded-For X-Forwarded-Host "
    "X-Requested-With X-Demo-Store X-Demo-Nonce X-Demo-Shopper X-Demo-Signature X-Aftercare-Store X-Aftercare-Staff "
    "X-Aftercare-Time X-Aftercare-Nonce X-Aftercare-Signature X-WC-Webhook-Source X-WC-Webhook-Topic "
    "X-WC-Webhook-Signature"
).split()


class Rubbish:
    """Draws what it is asked for; the same `chance` draws the same."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def text(self) -> str:
        """Draw a text nobody types."""
        if self.chance.random() < 0.7:
            return self.chance.choice(NASTY)
        letters = [self.chance.choice((0x20, 0x7F, 0x300, 0x7FF, 0xD800, 0xFFFF, 0x1F600)) for _ in range(8)]
        return "".join(chr(letter + self.chance.randrange(64)) for letter in letters)

    def value(self, depth: int = 3) -> Any:
        """Draw a JSON value of the wrong kind."""
        kind = self.chance.randrange(9 if depth else 6)
        if kind < 3:
            return self.text()
        if kind < 6:
            return self.chance.choice((None, True, False, -1, 0, 10**30, 1.5, float("inf"), float("nan"), -(2**63) - 1))
        if kind < 8:
            return [self.value(depth - 1) for _ in range(self.chance.randrange(4))]
        return {self.text(): self.value(depth - 1) for _ in range(self.chance.randrange(4))}

    def fields(self) -> dict[str, Any]:
        """Draw an object with names we know, and what does not belong under them."""
        names = self.chance.sample(FIELDS, self.chance.randrange(1, 6))
        return {name: self.value() if self.chance.random() < 0.6 else "1042" for name in names}

    def body(self, truth: bytes = b"") -> tuple[bytes, str]:
        """Draw a body and what it claims to be. `truth` is one that would have been right; pieces of it are used."""
        body = self.chance.choice(BODIES)(self, truth)
        kind = self.chance.choice(KINDS) if self.chance.random() < 0.5 else self.chance.choice(KINDS[::3])
        return body, kind

    def headers(self) -> dict[str, str]:
        """Draw a few headers, as WSGI hands them over: latin-1 letters, no line ends."""
        names = self.chance.sample(HEADERS, self.chance.randrange(5))
        return {name: latin(self.text())[: self.chance.choice((40, 8_000, 70_000))] for name in names}

    def query(self) -> str:
        """Draw a query string, ready to be sent."""
        kind = self.chance.randrange(6)
        if kind == 0:
            return "&".join(f"a{number}={number}" for number in range(self.chance.choice((50, 3000))))
        if kind == 1:
            return latin(self.text())
        return "&".join(f"{name}={_quoted(str(value))}" for name, value in self.fields().items())

    def path(self, rule: str, truths: Mapping[str, str]) -> str:
        """Fill in a rule's arguments, with the truth or with rubbish, as raw path bytes in latin-1."""
        filled = []
        for part in rule.split("/"):
            name = part.strip("<>").rpartition(":")[2]
            if not part.startswith("<"):
                filled.append(part)
            elif self.chance.random() < 0.6:
                filled.append(truths.get(name, "x"))
            else:
                filled.append(latin(self.text())[:2000])
        path = "/".join(filled)
        if self.chance.random() < 0.05:
            path = self.chance.choice(
                (
                    "/.." + path,
                    path + "/",
                    "/" + path,
                    path + "/../..",
                    path + "\0",
                    path.encode("latin-1").upper().decode("latin-1"),
                )
            )
        return path


def latin(text: str) -> str:
    """Write a text as WSGI carries bytes: its UTF-8 (halves of pairs included) read as latin-1, without line ends."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1").replace("\r", "").replace("\n", "")


def _quoted(text: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"))


def _form(rubbish: Rubbish, _truth: bytes) -> bytes:
    return "&".join(f"{quote(name)}={_quoted(str(value))}" for name, value in rubbish.fields().items()).encode()


def _many(rubbish: Rubbish, _truth: bytes) -> bytes:
    return b"&".join(b"a%d=1" % number for number in range(rubbish.chance.choice((1100, 20_000))))


def _multipart(rubbish: Rubbish, _truth: bytes) -> bytes:
    edge = rubbish.chance.choice((b"x" * 100, b"\xff", b"y"))
    parts = [b'--%s\r\nContent-Disposition: form-data; name="%d"\r\n\r\n1\r\n' % (edge, n) for n in range(1200)]
    return b"".join(parts[: rubbish.chance.choice((1, 1200))]) + rubbish.chance.choice((b"", b"--" + edge + b"--"))


def _cut(rubbish: Rubbish, truth: bytes) -> bytes:
    return truth[: rubbish.chance.randrange(len(truth) + 1)]


def _flipped(rubbish: Rubbish, truth: bytes) -> bytes:
    flipped = bytearray(truth or b"{}")
    for _ in range(3):
        flipped[rubbish.chance.randrange(len(flipped))] = rubbish.chance.randrange(256)
    return bytes(flipped)


def _deep(rubbish: Rubbish, _truth: bytes) -> bytes:
    depth = rubbish.chance.choice((500, 5_000, 100_000))
    opened, closed = rubbish.chance.choice(((b"[", b"]"), (b'{"facts":', b"}")))
    return opened * depth + b"1" + closed * rubbish.chance.choice((0, depth))


def _number(rubbish: Rubbish, _truth: bytes) -> bytes:
    number = rubbish.chance.choice((b"9" * 5000, b"-" + b"9" * 100_000, b"1e999999999", b"0." + b"0" * 5000 + b"1"))
    return b'{"version":%s,"ref":%s,"number":%s,"code":%s,"resource":"order"}' % ((number,) * 4)


def _wide(rubbish: Rubbish, _truth: bytes) -> bytes:
    return json.dumps(rubbish.value()).encode(rubbish.chance.choice(("utf-16", "utf-32", "utf-8-sig")))


def _news(rubbish: Rubbish, _truth: bytes) -> bytes:
    resource = rubbish.chance.choice(("order", "review", "privacy", "store", rubbish.value()))
    return json.dumps({"resource": resource, "ref": rubbish.value(), "facts": rubbish.value()}).encode()


def _typed(rubbish: Rubbish, _truth: bytes) -> bytes:
    return json.dumps({name: rubbish.text() for name in ("number", "proof", "code", "email")}).encode()


BODIES: tuple[Callable[[Rubbish, bytes], bytes], ...] = (
    lambda rubbish, _truth: json.dumps(rubbish.fields()).encode(),
    lambda rubbish, _truth: json.dumps(rubbish.fields(), ensure_ascii=False).encode("utf-8", "surrogatepass"),
    _wide,
    _news,
    _news,
    _typed,
    lambda rubbish, _truth: rubbish.chance.randbytes(rubbish.chance.choice((1, 50, 5_000))),
    lambda _rubbish, truth: truth,
    _form,
    _form,
    _many,
    _multipart,
    _cut,
    _flipped,
    _deep,
    _number,
)
