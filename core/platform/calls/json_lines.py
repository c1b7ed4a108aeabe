"""Read a large file of JSON lines piece by piece, so that memory stays flat and a killed reading goes on.

Platforms hand out exports as one file, a JSON value a line (Shopify's bulk operations: orders, and behind each its
parts). The byte offset behind the last line that was read is the whole cursor.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from core.platform.errors import Refused, Unavailable
from core.platform.responses import check, parse_json, scrub

PIECE = 1024 * 1024
"""Bytes asked for at once."""
LONGEST = 16 * PIECE
"""The longest line, or group of lines, that is read; also all there is in memory."""


class FileGone(Unavailable):
    """The file is no longer there, or no longer what it was: the plugin asks the platform for a new one."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A piece of the file: its values, the offset at which to go on, and whether that is the file's end."""

    rows: tuple[Any, ...]
    offset: int
    last: bool
    size: int | None = None
    """Bytes of the whole file, where the server says so."""


def read_lines(
    http: requests.Session,
    url: str,
    offset: int,
    *,
    piece: int = PIECE,
    begins_group: Callable[[Any], bool] | None = None,
) -> Lines:
    """Read whole lines from a byte offset, about `piece` bytes of them; fractions as Decimal, blank lines skipped.

    With `begins_group` a piece ends before a value that it is true of, so that no value is parted from those that
    belong to it. The file must not change, and `offset` be 0 or what an earlier piece gave.

    Raises FileGone (403, 404, 410, or shorter than the offset), Unavailable for what is no JSON, and Refused for a line
    or a group of more than LONGEST. A server that ignores ranges sends all of it each time: then the file may be as
    large as the session lets an answer be, and no larger.
    """
    part = b""
    while len(part) < LONGEST:
        more, size = _fetch(http, url, offset + len(part), piece)
        part += more
        at_end = offset + len(part) >= size if size is not None else len(more) < piece
        rows, read = _whole_lines(part, at_end, url)
        if begins_group and not at_end:
            rows, read = _whole_groups(rows, begins_group)
        if read or at_end:
            return Lines(tuple(row for row, _ in rows), offset + read, at_end, size)
        if not more:
            raise Unavailable(f"{scrub(url)} answered with an empty part of the file")
    raise Refused(f"{scrub(url)} has a line, or lines that belong together, of more than {LONGEST:,} bytes")


def _fetch(http: requests.Session, url: str, offset: int, piece: int) -> tuple[bytes, int | None]:
    """Give up to `piece` bytes from an offset, and the size of the whole file where the server says so."""
    # Packed, a range would be one of the packed bytes.
    headers = {"Range": f"bytes={offset}-{offset + piece - 1}", "Accept-Encoding": "identity"}
    response = http.get(url, headers=headers)
    status, told = response.status_code, response.headers.get("Content-Range", "")
    if status == 416 and told.rpartition("/")[2] == str(offset):
        return b"", offset
    if status in (403, 404, 410, 416):
        raise FileGone(f"{scrub(url)} is no longer the file it was ({status})")
    check(response)
    if status != 206:
        if offset > len(response.content):
            raise FileGone(f"{scrub(url)} has become shorter")
        return response.content[offset : offset + piece], len(response.content)
    span = re.fullmatch(r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)", told)
    if span is None or int(span[1]) != offset or response.headers.get("Content-Encoding", "identity") != "identity":
        raise Unavailable(f"{scrub(url)} answered with another part of the file")
    return response.content[:piece], None if span[2] == "*" else int(span[2])


def _whole_lines(part: bytes, at_end: bool, url: str) -> tuple[list[tuple[Any, int]], int]:
    """Give the values of whole lines, each with where its line begins, and how many bytes they take."""
    read = len(part) if at_end else part.rfind(b"\n") + 1
    rows: list[tuple[Any, int]] = []
    begins = 0
    for line in part[:read].split(b"\n"):
        if line.strip():
            try:
                rows.append((parse_json(line.decode()), begins))
            except ValueError:
                raise Unavailable(f"{scrub(url)} has a line that is not JSON") from None
        begins += len(line) + 1
    return rows, read


def _whole_groups(
    rows: list[tuple[Any, int]], begins_group: Callable[[Any], bool]
) -> tuple[list[tuple[Any, int]], int]:
    """Leave out the last group: what belongs to it may go on behind this piece."""
    for at in range(len(rows) - 1, 0, -1):
        if begins_group(rows[at][0]):
            return rows[:at], rows[at][1]
    return [], 0
