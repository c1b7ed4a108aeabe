"""Turn a mail's HTML into plain text."""

from __future__ import annotations

import html
import re

_NO_GAPS = re.compile(r"\n{3,}")
_TAG_OR_WORDS = re.compile(r"<[^<>]*>|<?[^<]+|<")
_TAG_NAME = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>")
_BLOCKS = frozenset("p div tr li ul ol table blockquote h1 h2 h3 h4 h5 h6 hr pre section article".split())
_SPACED = frozenset("p ul ol table blockquote h1 h2 h3 h4 h5 h6".split())
_SILENT = frozenset({"script", "style", "title"})


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
