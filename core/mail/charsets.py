"""Decode text by the charset a mail names, the way browsers read it, and what a mail names wrongly or not at all."""

from __future__ import annotations

import codecs
import re

import webencodings

# gb18030 holds all of gbk. The last four are no encodings of the web's, and mail systems still name them.
_LARGER = {"gbk": "gb18030", "hz-gb-2312": "hz", "iso-2022-kr": "iso2022_kr", "csiso2022kr": "iso2022_kr"}
# Who writes these says nothing: an old program's default, or what a relay puts where it does not know.
_NO_LABELS = frozenset({"", "us-ascii", "ascii", "ansi_x3.4-1968", "unknown-8bit", "unknown", "x-unknown", "8bit"})
# Python calls these encodings too; on a mail's words they are slow or change them.
_NOT_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le"))
_META = re.compile(rb"""<meta[^>]{0,200}\bcharset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)


def decode(raw: bytes, label: str) -> str:
    """Decode bytes by a label of encoding.spec.whatwg.org, or of Python's where that knows none. Never raises.

    Without a label, or with one the bytes disprove, text is UTF-8 where it is valid UTF-8, else windows-1252.
    """
    for mark, codec in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(codec, "replace")
    codec = _codec_of(label.strip().strip("\"'").lower())
    if codec == "utf-8":
        return _utf_8_or_windows_1252(raw)
    try:
        return raw.decode(codec)
    except ValueError:
        return raw.decode("utf-8" if _is_utf_8(raw) else codec, "replace")


def meta_charset(markup: bytes) -> str:
    """Give the charset an HTML page names for itself in its first kilobyte, "" if none."""
    found = _META.search(markup[:1024])
    return found[1].decode("ascii", "ignore") if found else ""


def _codec_of(label: str) -> str:
    """Give Python's codec for a label; UTF-8 stands for none."""
    if label in _NO_LABELS:
        return "utf-8"
    known = webencodings.lookup(label)
    name = known.codec_info.name if known else label
    name = _LARGER.get(label, _LARGER.get(name, name))
    try:
        codec = codecs.lookup(name)
        b"    ".decode(name, "replace")  # what is no text encoding ("base64") is refused here
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if codec.name in _NOT_CHARSETS else name


def _utf_8_or_windows_1252(raw: bytes) -> str:
    """Read UTF-8 with a damaged letter here and there, and as windows-1252 what has more wrong letters than right."""
    text = raw.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if not wrong:
        return text
    right = sum(1 for letter in text if letter > "\x7f") - wrong
    return text if right > wrong else raw.decode("cp1252", "replace")


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
