"""Turn a mail's HTML into plain text, and cut the quoted history from a reply."""

from __future__ import annotations

import html
import re
from collections.abc import Collection

_INVISIBLE = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_DATED = re.compile(r"(?<!\d)(?:\d{1,2}[:.]\d{2}|\d{4})(?!\d)")
_FULL_LINE = 65  # characters; senders wrap at 72 to 78
_NO_GAPS = re.compile(r"\n{3,}")
# "-----Original Message-----", "-------- 原始邮件 --------", "---- On Tue … wrote ----": the word is in any language.
_DASHED = re.compile(r"-{4,}\s*[^\s-].{0,200}[^\s-]\s*-{4,}")
_RULE = re.compile(r"_{8,}|-{8,}")
_LABEL = re.compile(r"[*_]{0,2}([^:：*_]{1,25}?)[*_]{0,2}\s?[:：]")
_SIGNATURE = re.compile("--[ \u00a0]")

# What mail programs call the first two lines of the block they put above the old mail (Outlook and phones): ours
# and the six languages' neighbors.
_FROM = frozenset("from|发件人|寄件者|寄件人|từ|người gửi|จาก|nuo|siuntėjas|من|von|de|da|van|od|от|差出人".split("|"))
_SENT = frozenset(
    "sent|date|发送时间|发件时间|时间|日期|寄件日期|傳送時間|đã gửi|ngày|thời gian|gửi|ส่ง|ส่งเมื่อ|วันที่|išsiųsta|data|"
    "تاريخ الإرسال|تم الإرسال|التاريخ|تاريخ|gesendet|datum|envoyé|enviado|inviato|verzonden|送信日時".split("|")
)
_TAG_OR_WORDS = re.compile(r"<[^<>]*>|<?[^<]+|<")
_TAG_NAME = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>")
_BLOCKS = frozenset("p div tr li ul ol table blockquote h1 h2 h3 h4 h5 h6 hr pre section article".split())
_SPACED = frozenset("p ul ol table blockquote h1 h2 h3 h4 h5 h6".split())
_SILENT = frozenset({"script", "style", "title"})


def cut_reply(text: str, our_addresses: Collection[str]) -> str:
    """Give the words the writer added, without the mail they answer and without a signature after "-- ".

    Cuts at the line that introduces the old mail: one that names an address of ours (with or without +token), a
    header block or a dashed line as Outlook and phones write it, a dated line above ">" lines. Answers written
    below or between ">" lines stay. An address of ours in a plain sentence cuts nothing. Keep the raw mail: a
    forwarder may have rewritten the address, and then too much stays.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    bare = [_INVISIBLE.sub("", line).strip() for line in lines]
    ours = _OurAddresses(our_addresses)
    kept: list[str] = []
    i = 0
    while i < len(lines):
        if _opens_block(bare, i):
            break
        end = _introduction(bare, i, ours)
        if end and not _next_line(bare, end).startswith(">"):
            break
        if end or bare[i].startswith(">"):
            kept.append("")
            i = _end_of_quote(bare, end or i)
            continue
        kept.append(lines[i])
        i += 1
    return _tidy_lines(kept)


def strip_html(markup: str) -> str:
    """Turn a mail's HTML into plain lines; what stands in <blockquote> gets "> " in front. Never raises.

    Not html.parser: it takes quadratic time and more for "<a <a <a" (133 s for 100 kB, Python 3.11.7).
    """
    first, *rest = markup.split("<!--")
    visible = first + "".join(part.partition("-->")[2] for part in rest)
    page = _Page()
    for piece in _TAG_OR_WORDS.findall(visible):
        tag = _TAG_NAME.match(piece)
        if tag:
            page.meet_tag(tag[2].lower(), closing=bool(tag[1]))
        elif not piece.startswith(("<!", "<?")):
            page.add_words(html.unescape(piece))
    return _NO_GAPS.sub("\n\n", "\n".join(line.rstrip() for line in page.lines())).strip()


class _OurAddresses:
    """Recognizes an address of ours in a line, with a +token or without, but never as the tail of a longer one."""

    def __init__(self, addresses: Collection[str]) -> None:
        halves = [address.partition("@") for address in addresses]
        forms = [f"{re.escape(local)}(?:\\+[^\\s@<>]*)?@{re.escape(domain)}" for local, _, domain in halves]
        named = rf"(?<![\w.+-])(?:{'|'.join(forms) or '(?!)'})(?![\w-])"
        self.named = re.compile(named, re.IGNORECASE)
        self.bracketed = re.compile(rf"[<\[(]\s*(?:mailto:)?{named}", re.IGNORECASE)


def _introduction(bare: list[str], i: int, ours: _OurAddresses) -> int:
    """Give the line after the introduction ("On Tue … <reply@…> wrote:") that starts at line i, 0 if none does.

    Mail programs wrap it over up to four lines, often right before the address.
    """
    for end in range(i + 1, min(i + 4, len(bare)) + 1):
        last = bare[end - 1]
        if not last or last.startswith(">"):
            return 0
        if not last.endswith((":", "：")):
            continue
        first, whole = bare[i], " ".join(bare[i:end])
        if not (ours.named.search(first) or _DATED.search(first) or first.endswith("<")):
            return 0
        dated = bool(_DATED.search(ours.named.sub("", whole)))
        if ours.bracketed.search(whole) or (dated and ours.named.search(whole)):
            return end
        if dated and _next_line(bare, end).startswith(">"):
            return end
    return 0


def _opens_block(bare: list[str], i: int) -> bool:
    """Say whether line i starts the block some programs put above the old mail, after which nothing new comes."""
    line = bare[i]
    if not line:
        return False
    if _RULE.fullmatch(line):
        return any(_is_from_line(bare, k) for k in range(i + 1, min(i + 4, len(bare))))
    return bool(_DASHED.fullmatch(line)) or _is_from_line(bare, i)


def _is_from_line(bare: list[str], i: int) -> bool:
    if _label(bare[i]) not in _FROM:
        return False
    following = [label for line in bare[i + 1 : i + 6] if (label := _label(line))]
    return any(label in _SENT for label in following[:2])


def _label(line: str) -> str:
    found = _LABEL.match(line)
    return found[1].strip().lower() if found else ""


def _next_line(bare: list[str], i: int) -> str:
    """Give line i, or the one after it where line i is blank."""
    return next((line for line in bare[i : i + 2] if line), "")


def _end_of_quote(bare: list[str], i: int) -> int:
    """Give the index after the ">" lines at i.

    A long one that wrapped on the way leaves a tail without its sign; below a short one stands an answer.
    """
    while i < len(bare) and (not bare[i] or bare[i].startswith(">")):
        i += 1
        if i < len(bare) and len(bare[i - 1]) >= _FULL_LINE and bare[i] and not bare[i].startswith(">"):
            i += 1
    return i


def _tidy_lines(lines: list[str]) -> str:
    end = next((i for i, line in enumerate(lines) if _SIGNATURE.fullmatch(line)), len(lines))
    return _NO_GAPS.sub("\n\n", "\n".join(line.rstrip() for line in lines[:end])).strip()


class _Page:
    """Collects the visible words, line by line, each with the depth of <blockquote> it stands in."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, list[str]]] = [(0, [])]
        self._depth = 0
        self._silent = ""

    def lines(self) -> list[str]:
        return ["> " * depth + " ".join("".join(words).split()) for depth, words in self._lines]

    def add_words(self, words: str) -> None:
        if not self._silent and (words.strip() or self._lines[-1][1]):
            self._lines[-1][1].append(words)

    def meet_tag(self, tag: str, *, closing: bool) -> None:
        if self._silent or (tag in _SILENT and not closing):
            self._silent = "" if closing and tag == self._silent else self._silent or tag
            return
        if tag == "blockquote":
            self._depth = max(self._depth - 1, 0) if closing else min(self._depth + 1, 9)
        if tag == "br":
            self._lines.append((self._depth, []))
        if tag in _BLOCKS:
            self._end_line(spaced=tag in _SPACED)

    def _end_line(self, *, spaced: bool) -> None:
        if self._lines[-1][1]:
            self._lines += [(self._depth, [])] * (1 + spaced)
        self._lines[-1] = (self._depth, [])
