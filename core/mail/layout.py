"""Lay out every mail the same way, in HTML and in plain text, and make foreign text safe to stand in it.

A slice keeps a letter's words in a template of named blocks and fills a `Sheet`; the layouts in
`web/templates/mail/` print it and decide nothing. What letters of every slice say is in `sentences.txt` beside them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from core.i18n.words import Words, jinja_env

_LAYOUTS = Path(__file__).parents[1] / "web" / "templates"
# Marks that reorder or hide what stands around them; joiners stay, since Persian and emoji need them.
_UNSEEN = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_CJK_STOPS = re.compile("(?<=[。，：；？、]) +")
# Not the no-break spaces that hold an amount and its currency together.
_BREAKABLE = re.compile(r"[ \t\r\n\f\v]+")
_SENTENCES = "mail/sentences.txt"
_MOST_LINES = 30
_COLUMNS = 72
_PICTURE = "vertical-align:middle;object-fit:cover;border-radius:4px"
# Stands for the record while the plain form is tidied; names and addresses hold no control marks.
_HERE = "\f"


@dataclass(frozen=True, slots=True)
class Button:
    """A label that says what happens, and where it leads."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """A fact under the letter: "Tracking number", "LP00123", and a link or ""."""

    label: str
    value: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A letter ready to be laid out: every text already safe for the form (HTML or plain) it goes into.

    `subject` doubles as the heading. `code` is shown alone and large. The first button is the main one. `lists`
    are titles with lines, such as the things in a parcel; `footer` are the store's own lines. `record` is a text of
    several lines under its title, printed to the letter: whoever holds it may compute its digest.
    """

    subject: str
    preheader: str
    paragraphs: tuple[str, ...]
    buttons: tuple[Button, ...] = ()
    rows: tuple[Row, ...] = ()
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    code: str = ""
    record_title: str = ""
    record: str = ""
    store: str = ""
    store_url: str = ""
    footer: tuple[str, ...] = ()
    stop: Button | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A finished letter; the subject and the preheader are one line each."""

    subject: str
    preheader: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Form:
    """One of the two forms of a letter in one language; templates are looked up in the slice's folder."""

    words: Words
    env: Environment
    is_html: bool

    def name(self, text: str, limit: int = 120) -> str:
        """Make foreign text safe to stand in our sentence: cleaned, escaped, and isolated where it could turn
        the reading direction of what follows. Nothing to say gives ""."""
        line = clean(text, limit)
        if self.is_html:
            return Markup("<bdi>{}</bdi>").format(line) if line else ""
        return isolate(line, self.words.direction)

    def put(self, pattern: str, *pieces: str) -> str:
        """Set safe pieces into a pattern without words, such as "{} × {}"."""
        return Markup(pattern).format(*pieces) if self.is_html else pattern.format(*pieces)  # noqa: S704

    def line(self, template: str, block: str, **values: object) -> str:
        """Print one named block of a template of words, on one line; "" where there is no such block."""
        return next(iter(self.paragraphs(template, block, **values)), "")

    def paragraphs(self, template: str, block: str, **values: object) -> tuple[str, ...]:
        """Print one named block as its paragraphs (blank lines part them), each on one line. What the template does
        not say itself is looked up among the sentences that all letters share."""
        sources = (self.env.get_template(name) for name in (template, _SENTENCES))
        source = next((source for source in sources if block in source.blocks), None)
        if source is None:
            return ()
        text = "".join(source.blocks[block](source.new_context(values)))
        lines = (one_line(part) for part in re.split(r"\n\s*\n", text))
        # The environment escaped every value, and a catalog holds no markup.
        return tuple(Markup(line) if self.is_html else line for line in lines if line)  # noqa: S704

    def things(
        self, lines: Sequence[tuple[str, int] | tuple[str, int, str]], room: int = _MOST_LINES
    ) -> tuple[str, ...]:
        """List things, given as (title, quantity) or with the address of a picture, which the HTML form shows.

        Past `room` they are counted, since mail programs cut long mail.
        """
        shown = [
            self._picture(*picture) + self.put("{} × {}", str(count), self.name(title))
            for title, count, *picture in lines[:room]
        ]
        more = len(lines) - len(shown)
        return (*shown, self.line(_SENTENCES, "list_more", more=more)) if more else tuple(shown)

    def _picture(self, url: str = "") -> str:
        address = safe_url(url)
        if not (self.is_html and address):
            return ""
        return Markup('<img src="{}" alt="" width="40" height="40" style="{}"> ').format(address, _PICTURE)

    def footer(self, support_email: str, *own: str) -> tuple[str, ...]:
        """Say where to ask, then the store's own postal and legal lines."""
        ask = self.line(_SENTENCES, "footer_help", support=self.name(support_email))
        return (ask, *filter(None, (self.name(line, 300) for line in own)))

    def lay_out(self, sheet: Sheet) -> str:
        """Print the sheet in this form."""
        layout = self.env.get_template(f"mail/layout.{'html' if self.is_html else 'txt'}")
        if self.is_html:
            return layout.render(sheet=sheet, words=self.words)
        printed = layout.render(sheet=replace(sheet, record=sheet.record and _HERE), words=self.words)
        tidy = re.sub(r"\n{3,}", "\n\n", printed).strip() + "\n"
        return tidy.replace(_HERE, sheet.record)


@cache
def form(folder: Path, language: str, *, is_html: bool) -> Form:
    """Give the form for a slice's template folder; environments are kept, since compiling costs more than printing."""
    words = Words(language)
    env = jinja_env(_LAYOUTS, folder, words=words, autoescape=is_html)
    env.filters["wrap"] = wrap
    return Form(words, env, is_html)


def clean(text: str, limit: int = 120) -> str:
    """Give foreign text as one line of at most `limit` characters, without control or direction marks."""
    seen = _UNSEEN.sub("", text[: limit * 8])
    spaced = "".join(" " if unicodedata.category(mark) in ("Cc", "Zl", "Zp") else mark for mark in seen)
    line = " ".join(spaced.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def isolate(text: str, direction: str) -> str:
    """Wrap text in U+2068 and U+2069 where it could turn the order of the words around it.

    Elsewhere it stays as it is, so that a tracking number copied from a letter carries nothing invisible: in an
    Arabic sentence that is a word of Latin letters and digits that starts with a letter.
    """
    kinds = [unicodedata.bidirectional(mark) for mark in text]
    if direction == "ltr":
        is_calm = not {"R", "AL", "AN"} & set(kinds)
    else:
        is_calm = set(kinds) <= {"R", "AL", "NSM", "WS"} or (kinds[0] == "L" and set(kinds) <= {"L", "EN"})
    return text if is_calm else f"\u2068{text}\u2069"


def safe_url(url: str) -> str:
    """Give the address back if it is a plain http(s) one, else "": platforms hand on what people typed."""
    is_plain = re.fullmatch(r"https?://[^\s\"'<>\\^`{|}\x00-\x20\x7f-\x9f]+", url)
    return url if is_plain and not _UNSEEN.search(url) else ""


def one_line(text: str) -> str:
    """Fold white space; Chinese sentences follow each other without any."""
    return _CJK_STOPS.sub("", _BREAKABLE.sub(" ", text).strip(" "))


def wrap(text: str, indent: str = "") -> str:
    """Fill lines of 72 columns, breaking at spaces and between Chinese characters but never inside a word, an
    address, or a Thai phrase (Thai shows no word ends, and a wrong cut reads as an error)."""
    lines, line, used = [], "", 0
    for piece in _pieces(text):
        if line and used + _width(piece.rstrip()) > _COLUMNS:
            lines.append(line.rstrip())
            line, used = indent, len(indent)
        line += piece
        used += _width(piece)
    return "\n".join([*lines, line.rstrip()])


def _pieces(text: str) -> Iterator[str]:
    """Cut after spaces and wide characters, but never before a stop or a bracket nor after an opening one."""
    piece = ""
    for mark, following in zip(text, [*text[1:], ""], strict=True):
        piece += mark
        after_wide = _width(mark) == 2 and unicodedata.category(mark) != "Ps"
        if (mark == " " and following != " ") or (after_wide and _may_begin(following)):
            yield piece
            piece = ""
    if piece:
        yield piece


def _may_begin(mark: str) -> bool:
    return bool(mark) and mark != " " and not unicodedata.category(mark).startswith(("P", "C", "M"))


def _width(text: str) -> int:
    """Count columns: wide characters take two, combining and format marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(mark) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(mark) in "WF")
        for mark in text
    )
