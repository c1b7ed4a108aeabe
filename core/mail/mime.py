"""Parse a received mail without trusting it: bounded in size and depth, never raising on what is malformed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser, HeaderParser
from email.policy import Compat32

from core.mail.charsets import decode, meta_charset
from core.mail.html_text import strip_html

# A header block of 128 KiB passes no common mail server (Postfix: 100 KiB). Nesting and part counts are far above
# what people send and far below what makes the parser slow.
_HEADERS_MAX, _HEADER_MAX, _NESTED_MAX, _DASHES_MAX = 128 * 1024, 4000, 100, 20_000
_NESTED = re.compile(rb"(?:multipart|message)/", re.IGNORECASE)
_BOUNDARY = re.compile(rb"^--([^\s\"\\][^\r\n\"\\]{0,100}?)[ \t]*\r?\n(?=Content-)", re.MULTILINE | re.IGNORECASE)
_BODY = re.compile(rb"\r?\n\r?\n")

_ADDRESS = re.compile(r"[^\s<>()\",;:@\[\]]{1,64}@[^\s<>()\",;:@\[\]]{1,253}")
_NOT_ADDRESSES = re.compile(r'"(?:[^"\\]|\\.)*"|=\?[^\s?]*\?[bq]\?[^\s?]*\?=', re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


_TEXT_OF_MACHINES = frozenset({"calendar", "css", "csv", "directory", "javascript", "rfc822-headers", "vcard", "xml"})


class _AsWritten(Compat32):
    """Gives headers as they stand in the mail, raw 8-bit letters included."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


_POLICY = _AsWritten()


def parse(raw: bytes) -> Message:
    """Parse a mail; of one nested or split beyond anything people send, the headers only."""
    body = _BODY.search(raw)
    end = body.start() if body else len(raw)
    if end > _HEADERS_MAX:
        raw = raw[:_HEADERS_MAX] + raw[end:]
    nested = sum(1 for _ in _NESTED.finditer(raw))
    if nested > _NESTED_MAX or raw.count(b"\n--") > _DASHES_MAX:
        return BytesHeaderParser(policy=_POLICY).parsebytes(raw)
    mail = message_from_bytes(raw, policy=_POLICY)
    for part in mail.walk():
        _find_boundary(part)
    return mail


def _find_boundary(part: Message) -> None:
    """Cut up a multipart body whose header does not say where: some servers break that line where none may."""
    if part.get_content_maintype() != "multipart" or part.is_multipart():
        return
    body = part.get_payload(decode=True)
    mark = _BOUNDARY.search(body) if isinstance(body, bytes) else None
    if mark and isinstance(body, bytes):
        head = b'Content-Type: multipart/mixed; boundary="%s"\n\n' % mark[1]
        part.set_payload(message_from_bytes(head + body, policy=_POLICY).get_payload())


def parse_headers(text: str) -> Message:
    """Parse header lines that stand in a part's text, such as the headers a bounce gives back."""
    return HeaderParser(policy=_POLICY).parsestr(text.lstrip())


def header(mail: Message, name: str) -> str:
    """Give the first header of that name on one line, still encoded; "" without one."""
    return next(iter(headers(mail, name)), "")


def headers(mail: Message, name: str) -> list[str]:
    """Give every header of that name, each on one line and still encoded."""
    return [" ".join(_repair(str(value)[:_HEADER_MAX]).split()) for value in mail.get_all(name, [])]


def decode_words(value: str) -> str:
    """Decode a header's RFC 2047 words into one clean line."""
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return clean(value)
    # decode_header writes what stands between encoded words in this codec of Python's own.
    decoded = [
        piece
        if isinstance(piece, str)
        else decode(piece, charset)
        if charset
        else piece.decode("raw-unicode-escape", "replace")
        for piece, charset in pieces
    ]
    return " ".join(clean("".join(decoded)).split())


def display_name(value: str) -> str:
    """Give the name in front of <address>, at most 200 characters, free of marks that reorder what follows it."""
    name, angle, _ = value.partition("<")
    return _BIDI.sub("", decode_words(name)).replace('\\"', '"').strip(' "')[:200] if angle else ""


def addresses(mail: Message, *names: str) -> tuple[str, ...]:
    """Give the addresses in those headers, lower case, each once, in the order they stand."""
    found = [address for name in names for value in headers(mail, name) for address in addresses_in(value)]
    return tuple(dict.fromkeys(found))


def addresses_in(value: str) -> list[str]:
    """Give the addresses in one header's value; what stands in quotes or encoded words is a name."""
    return [address.lower().rstrip(".") for address in _ADDRESS.findall(_NOT_ADDRESSES.sub(" ", value))]


def message_ids(mail: Message, name: str) -> tuple[str, ...]:
    """Give the <ids> in that header, with their brackets."""
    return tuple(_MESSAGE_ID.findall(header(mail, name)))


def walk_parts(mail: Message) -> Iterator[Message]:
    """Give the leaves of a mail in order. A mail attached or returned inside is one leaf: its words are not ours."""
    waiting = [mail]
    while waiting:
        part = waiting.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting += reversed(children(part))
        else:
            yield part


def children(part: Message) -> list[Message]:
    """Give what a part consists of: parts, the mail attached in it, or a report's blocks of fields."""
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def text_of(mail: Message, limit: int) -> str:
    """Give the mail's own text, at most `limit` characters; of alternatives the plain one, or the HTML if it is empty.

    Parts that stand one after the other are all the writer's: Apple's programs put pictures between pieces of HTML.
    """
    return _text_in(mail, limit)[:limit]


def _text_in(part: Message, limit: int) -> str:
    if part.get_content_maintype() != "multipart" or not part.is_multipart():
        return _text_of_leaf(part, limit)
    texts = [(child, _text_in(child, limit)) for child in children(part)]
    said = [(child, text) for child, text in texts if text.strip()]
    if part.get_content_subtype() != "alternative":
        return "\n".join(text for _, text in said)
    plain = (text for child, text in said if child.get_content_type() == "text/plain")
    return next(plain, said[-1][1] if said else "")


def _text_of_leaf(part: Message, limit: int) -> str:
    kind = _text_kind(part)
    if not kind or part.get_content_disposition() == "attachment":
        return ""
    text = part_text(part)[:limit]
    return text if kind == "plain" else strip_html(text)


def _text_kind(part: Message) -> str:
    """Say whether a part holds "plain" text, "html", "other" text, or none of the writer's words ("")."""
    main, _, sub = (part.get_content_type().split() or [""])[0].partition("/")
    if main == "text":
        return sub if sub in {"plain", "html"} else "" if sub in _TEXT_OF_MACHINES else "other"
    return "other" if main == "multipart" else ""


def attachments_of(mail: Message) -> tuple[str, ...]:
    """Name the files, pictures and mails that came along with the text, a nameless one by its type; at most 50."""
    parts = [part for part in walk_parts(mail) if _is_attached(part)]
    return tuple(_file_name(part) or part.get_content_type()[:100] for part in parts[:50])


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_content_maintype() not in ("text", "multipart")


def _file_name(part: Message) -> str:
    """Give a part's file name as one clean line, at most 100 characters."""
    try:
        name = part.get_filename("")
    except (LookupError, ValueError):  # a charset in RFC 2231 form that is none
        return ""
    return _BIDI.sub("", decode_words(_repair(name)))[:100].strip()


def part_text(part: Message) -> str:
    """Decode one text part by the charset it names; an HTML part without one by that of its <meta>."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    label = part.get_content_charset() or ""
    if not label and part.get_content_type() == "text/html":
        label = meta_charset(payload)
    return clean(decode(payload, label))


def clean(text: str) -> str:
    """Drop control characters and lone surrogates, which no database takes, and end lines with "\\n" alone."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _repair(value: str) -> str:
    """Read raw 8-bit letters in a header: no label stands beside them."""
    return value if value.isascii() else decode(value.encode("utf-8", "surrogateescape"), "")
