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
"""The longest line, or group of lines, that is read; also all there is in memory. Where the server ignores ranges it is
how large the file may be: each piece is then looked for from the file's beginning."""


_CHUNK = 64 * 1024


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
    or a group of more than LONGEST, or a file of more than LONGEST from a server that ignores ranges.
    """
    part = b""
    while len(part) < LONGEST:
        more, size = _fetch(http, url, offset + len(part), piece)
        part += more
        # A server may send less than it was asked for: what has no size ends where nothing more comes.
        at_end = offset + len(part) >= size if size is not None else not more
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
    with http.get(url, headers=headers, stream=True) as response:
        status, told = response.status_code, response.headers.get("Content-Range", "")
        if status == 416 and told.rpartition("/")[2] == str(offset):
            return b"", offset
        if status in (403, 404, 410, 416):
            raise FileGone(f"{scrub(url)} is no longer the file it was ({status})")
        check(response)
        if status != 206:
            return _part_of_whole(response, url, offset, piece)
        span = re.fullmatch(r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)", told)
        if span is None or int(span[1]) != offset or response.headers.get("Content-Encoding", "identity") != "identity":
            raise Unavailable(f"{scrub(url)} answered with another part of the file")
        return _read_up_to(response, piece), None if span[2] == "*" else int(span[2])


def _part_of_whole(response: requests.Response, url: str, offset: int, piece: int) -> tuple[bytes, int | None]:
    """Find the piece in an answer that begins with the file's first byte; what is not of it is not kept."""
    told = response.headers.get("Content-Length", "")
    length, kept, is_too_long = 0, bytearray(), told.isdecimal() and int(told) > LONGEST
    for part in response.iter_content(_CHUNK):
        if is_too_long or length + len(part) > LONGEST:
            raise Refused(f"{scrub(url)} ignores ranges, and the file is larger than {LONGEST:,} bytes")
        kept += part[max(0, offset - length) :]
        length += len(part)
        if len(kept) > piece:  # one byte more shows that the file goes on
            return bytes(kept[:piece]), None
    if offset > length:
        raise FileGone(f"{scrub(url)} has become shorter")
    return bytes(kept), length


def _read_up_to(response: requests.Response, most: int) -> bytes:
    kept = bytearray()
    for part in response.iter_content(_CHUNK):
        kept += part
        if len(kept) >= most:
            break
    return bytes(kept[:most])


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
