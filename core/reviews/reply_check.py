"""Finds what should not be in a public reply: personal data, an order's number, a text without words.

It warns and never blocks. Rules: plain values in, plain values out; nothing here leaves the process.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.reviews.public_names import is_one_word_name

Code = Literal["email", "phone", "order_number", "full_name", "no_words"]

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w#.,/-])\+?\(?[0-9](?:[ ().\-/\u00a0]{0,2}[0-9]){6,14}(?![\w/-])")
_DATE = re.compile(r"[0-9]{1,4}[./-] ?[0-9]{1,2}[./-] ?[0-9]{1,4}")
_NUMBER = re.compile(r"#\s?[0-9]{3,}")
_WORD_CHARACTER = re.compile(r"[^\W\d_]")
_LEAST_DIGITS = 4
"""So many digits of an order's number are taken for it where its letters are left out; fewer stand in any price."""


@dataclass(frozen=True, slots=True)
class ReplyWarning:
    """One thing to look at again, and the piece of the text it was found in ("" for the text as a whole)."""

    code: Code
    found: str = ""


def check(
    text: str, *, names: Sequence[str] = (), order_number: str = "", own_contacts: Sequence[str] = ()
) -> tuple[ReplyWarning, ...]:
    """List what a shopper may not want to read in public, each kind once.

    `names` are the full names of whoever wrote the review or placed its order, `order_number` is that order's where
    it is known, `own_contacts` are the store's own addresses and phone numbers, which it may well print.
    """
    plain = _fold(text)
    for ours in sorted((_fold(one) for one in own_contacts if one.strip()), key=len, reverse=True):
        plain = plain.replace(ours, " ")
    found: list[tuple[Code, str]] = [
        ("email", _first(_EMAIL, plain)),
        ("order_number", _order_number(plain, _fold(order_number))),
        ("full_name", next((name for name in names if _names(plain, _fold(name))), "")),
    ]
    found.insert(1, ("phone", _phone(plain, spared=found[1][1])))
    doubts = tuple(ReplyWarning(code, piece) for code, piece in found if piece)
    return doubts if _WORD_CHARACTER.search(text) else (*doubts, ReplyWarning("no_words"))


def _fold(text: str) -> str:
    """Give the text as it is compared: one form of each letter, small, Latin digits, single spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    latin = "".join(str(unicodedata.decimal(char, char)) for char in folded)
    return re.sub(r"\s+", " ", latin).strip()


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[0] if match else ""


def _phone(text: str, *, spared: str) -> str:
    """Find seven digits or more that may be dialed: neither a date nor the order's number, which is told by itself."""
    pieces = (match[0].strip() for match in _PHONE.finditer(text))
    return next((one for one in pieces if not _DATE.fullmatch(one) and one != spared.lstrip("# ")), "")


def _order_number(text: str, number: str) -> str:
    """Find the order's number, with or without its letters; else what is written as another's ("#1042", "LIN-77")."""
    digits = max(re.findall(r"[0-9]+", number), key=len, default="")
    wanted = [number] if number else []
    if len(digits) >= _LEAST_DIGITS:
        wanted.append(digits)
    for one in wanted:
        if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text):
            return one
    letters = number.partition(digits)[0]
    if re.search(r"[^\W\d_]", letters) and (like := re.search(rf"(?<!\w){re.escape(letters)}[0-9]+(?!\w)", text)):
        return like[0]
    return _first(_NUMBER, text)


def _names(text: str, name: str) -> bool:
    """Say whether the text holds this name, if it is a full one: two words, or written without spaces."""
    if is_one_word_name(name):
        return name in text
    if len(name.split()) < 2:
        return False
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
