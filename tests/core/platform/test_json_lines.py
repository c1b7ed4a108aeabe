"""A file of JSON lines read by ranges: whole lines, whole groups, each once, from wherever a reading was cut off."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from itertools import chain
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.adapters import BaseAdapter

from core.platform.calls import json_lines
from core.platform.calls.json_lines import FileGone, read_lines
from core.platform.errors import Refused, Unavailable
from core.platform.http import open_session
from tests.stores.file_server import FileServer, serve_files

FILE = "export.jsonl"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    with serve_files(tmp_path_factory.mktemp("exports")) as files:
        yield files


@pytest.fixture(autouse=True)
def at_ease(files: FileServer) -> None:
    files.mood, files.asked = "ranges", []


@pytest.fixture(scope="module")
def http(files: FileServer) -> requests.Session:
    return open_session(allow=frozenset({files.host}), retries=0)


class InProcess(BaseAdapter):
    """Answers as the server does, without a connection: for hundreds of examples."""

    def __init__(self, files: FileServer) -> None:
        super().__init__()
        self.files = files

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        status, headers, body = self.files.answer(request.path_url, request.headers["Range"])
        response = requests.Response()
        response.status_code, response.raw, response.url = status, BytesIO(body), str(request.url)
        response.headers.update(headers)
        return response

    def close(self) -> None:
        """Hold nothing."""


@pytest.fixture(scope="module")
def fast_http(files: FileServer) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount(files.url, InProcess(files))
    return session


def pieces(http: requests.Session, files: FileServer, piece: int, **more: Any) -> list[list[Any]]:
    """Read the whole file, each piece at the offset the last one gave; give their rows."""
    read, offset, last = [], 0, False
    while not last:
        lines = read_lines(http, f"{files.url}/{FILE}", offset, piece=piece, **more)
        assert lines.offset > offset or lines.last, "a reading moves on"
        read.append(list(lines.rows))
        offset, last = lines.offset, lines.last
    assert offset == (files.folder / FILE).stat().st_size
    return read


def is_parent(row: Any) -> bool:
    return "child" not in row


ROWS = st.lists(st.fixed_dictionaries({"n": st.integers(0, 9), "text": st.text(max_size=30)}), max_size=12)
GROUPS = st.lists(st.tuples(st.text(max_size=9), st.integers(0, 4)), max_size=8)


@settings(max_examples=30)
@given(
    rows=ROWS,
    piece=st.integers(16, 120),
    ends=st.booleans(),
    mood=st.sampled_from(["ranges", "whole", "unsized", "short", "unsized and short"]),
)
def test_every_line_comes_once_in_its_order_whatever_the_pieces(
    fast_http: requests.Session, files: FileServer, rows: list[Any], piece: int, ends: bool, mood: str
) -> None:
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + ("\n" if ends and rows else "")
    (files.folder / FILE).write_bytes(text.encode())
    files.mood = mood
    assert list(chain(*pieces(fast_http, files, piece))) == rows


@settings(max_examples=30)
@given(groups=GROUPS, piece=st.integers(16, 200))
def test_no_value_is_parted_from_those_it_belongs_to(
    fast_http: requests.Session, files: FileServer, groups: list[tuple[str, int]], piece: int
) -> None:
    rows = [row for name, n in groups for row in [{"name": name}, *({"child": at} for at in range(n))]]
    (files.folder / FILE).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    read = pieces(fast_http, files, piece, begins_group=is_parent)
    assert list(chain(*read)) == rows
    assert all(is_parent(part[0]) for part in read if part)


def test_only_the_bytes_of_a_piece_are_asked_for(http: requests.Session, files: FileServer) -> None:
    (files.folder / FILE).write_bytes(b'{"n": 1}\n' * 100)
    lines = read_lines(http, f"{files.url}/{FILE}", 9, piece=20)
    assert (len(lines.rows), lines.offset, lines.last, lines.size) == (2, 27, False, 900)
    assert files.asked == ["bytes=9-28"]


def test_fractions_are_exact_and_blank_lines_are_none(http: requests.Session, files: FileServer) -> None:
    (files.folder / FILE).write_bytes(b'{"price": 0.1}\r\n\n{"price": 19.90}\n')
    assert read_lines(http, f"{files.url}/{FILE}", 0).rows == ({"price": Decimal("0.1")}, {"price": Decimal("19.90")})


@pytest.mark.parametrize("mood", ["gone", "ranges", "whole"])
def test_a_file_that_is_gone_or_shorter_is_asked_for_anew_and_never_a_lost_access(
    http: requests.Session, files: FileServer, mood: str
) -> None:
    (files.folder / FILE).write_bytes(b'{"n": 1}\n')
    files.mood = mood
    with pytest.raises(FileGone):
        read_lines(http, f"{files.url}/{FILE}", 18)


def test_a_line_that_is_no_json_is_told_without_the_address_s_signature(
    http: requests.Session, files: FileServer
) -> None:
    (files.folder / FILE).write_bytes(b'{"n": 1}\n<html>\n')
    with pytest.raises(Unavailable, match="not JSON") as caught:
        read_lines(http, f"{files.url}/{FILE}", 0)
    assert "html" not in str(caught.value)


@pytest.mark.parametrize("begins_group", [None, is_parent])
def test_what_is_too_long_to_hold_is_refused(
    http: requests.Session, files: FileServer, monkeypatch: pytest.MonkeyPatch, begins_group: Any
) -> None:
    monkeypatch.setattr(json_lines, "LONGEST", 64)
    line = b'"' + b"x" * 200 + b'"\n' if begins_group is None else b'{"child": 1}\n' * 20
    (files.folder / FILE).write_bytes(line + b"{}\n")
    with pytest.raises(Refused, match="64 bytes"):
        read_lines(http, f"{files.url}/{FILE}", 0, piece=16, begins_group=begins_group)


# A server that ignores ranges and tells no size.


def test_of_a_file_without_ranges_and_size_no_more_than_a_piece_is_held(
    http: requests.Session, files: FileServer
) -> None:
    line = json.dumps("x" * 65_533).encode() + b"\n"
    (files.folder / FILE).write_bytes(line)
    files.mood = "endless"
    tracemalloc.start()
    try:
        lines = read_lines(http, f"{files.url}/{FILE}", 100 * len(line))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(lines.rows), lines.last, lines.size) == (json_lines.PIECE // len(line), False, None)
    assert lines.offset == (100 + len(lines.rows)) * len(line)
    assert peak < 8 * json_lines.PIECE


def test_a_file_without_ranges_and_end_is_refused_with_the_reason(http: requests.Session, files: FileServer) -> None:
    line = json.dumps("x" * 65_533).encode() + b"\n"
    (files.folder / FILE).write_bytes(line)
    files.mood = "endless"
    offset = json_lines.LONGEST // len(line) * len(line)
    with pytest.raises(Refused, match="ignores ranges, and the file is larger than 16,777,216 bytes"):
        read_lines(http, f"{files.url}/{FILE}", offset)


def test_a_small_file_without_ranges_and_size_is_read_to_its_end(
    fast_http: requests.Session, files: FileServer
) -> None:
    (files.folder / FILE).write_bytes(b'{"n": 1}\n' * 3)
    files.mood = "whole"  # in this process an answer tells no size
    assert read_lines(fast_http, f"{files.url}/{FILE}", 9).size == 27
    with pytest.raises(FileGone, match="shorter"):
        read_lines(fast_http, f"{files.url}/{FILE}", 28)
