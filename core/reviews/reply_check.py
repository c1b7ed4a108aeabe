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

# A letter of a script that puts spaces between words: a number or a name beginning right behind it is part of a
# longer word. In Chinese, Thai, Lao, Khmer, Japanese, Korean and Arabic the next word may touch it.
_SPACED_LETTER = r"a-z0-9_\u00c0-\u02af\u0370-\u052f\u0531-\u058f\u1e00-\u1fff"
_EMAIL = re.compile(r"[a-z0-9_.+\u00c0-\u058f-]+ ?@ ?[\w-]+(?: ?\. ?[\w-]*[^\W\d_][\w-]*)+")
# How people hide an address from programs: "ann (at) mail (dot) example".
_AT = re.compile(r"\s*[(\[{<]\s*(?:at|@)\s*[)\]}>]\s*|\s+at\s+(?=[\w-]+\s*[(\[{<]?\s*dot\b)")
_DOT = re.compile(r"\s*[(\[{<]\s*(?:dot|\.)\s*[)\]}>]\s*|(?<=\w)\s+dot\s+(?=\w)")
_PHONE_MARK = r" ().\-/\u00b7\u2010-\u2015\u2022\u2212"
_PHONE = re.compile(
    rf"(?<![{_SPACED_LETTER}#.,/-])\(?\+?\(?[0-9](?:[{_PHONE_MARK}]{{0,2}}[0-9]){{6,14}}(?![{_SPACED_LETTER}/-])"
)
_DATE = re.compile(r"[0-9]{1,4}[./-] ?[0-9]{1,2}[./-] ?[0-9]{1,4}")
_THOUSANDS = re.compile(r"\+?[1-9][0-9]{0,2}(?:([ .])[0-9]{3})(?:\1[0-9]{3})*")
_MONEY = (
    r"[$\u00a3\u00a5\u0e3f\u20a0-\u20cf]|đ|vnđ|đồng|dong|元|円|บาท|원|kr|zł|ft|kč|лв|руб|ريال|درهم|دينار|جنيه|"
    r"(?:aed|aud|bgn|brl|cad|chf|clp|cny|cop|czk|dkk|egp|eur|gbp|hkd|huf|idr|inr|iqd|isk|jpy|krw|kwd|lak|mxn|myr|"
    r"nok|nzd|php|pln|qar|ron|rub|sar|sek|sgd|thb|try|twd|uah|usd|vnd|zar)"
)
_MONEY_AFTER = re.compile(rf"\s?(?:{_MONEY})(?![a-z])")
_MONEY_BEFORE = re.compile(rf"(?<![a-z])(?:{_MONEY})\s?$")
_NUMBER = re.compile(
    r"#\s?[0-9]{3,}|"
    r"(?:order|bestellung|commande|pedido|ordine|zamówieni|đơn hàng|đơn|订单|訂單|คำสั่งซื้อ|ออเดอร์|užsakym|الطلب|طلب)"
    r"[^\W\d_]{0,4}[\s:#.]{0,2}(?:number|no|nr|numeris|số|mã|号码|号|號|编号|หมายเลข|เลขที่|رقم)?[\s:#.]{0,3}"
    r"[0-9]{4,}(?![0-9]|[./-][0-9])"
)
_WORD_CHARACTER = re.compile(r"[^\W\d_]")
_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe0f\u20e3\ufeff]")
_MARKS = re.compile("[\u0300-\u036f]")
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
    for ours in sorted(filter(None, map(_fold, own_contacts)), key=len, reverse=True):
        plain = plain.replace(ours, " ")
    found: list[tuple[Code, str]] = [
        ("email", _first(_EMAIL, _DOT.sub(".", _AT.sub("@", plain)))),
        ("order_number", _order_number(plain, _fold(order_number))),
        ("full_name", next((name for name in names if _names(plain, _fold(name))), "")),
    ]
    found.insert(1, ("phone", _phone(plain, spared=found[1][1])))
    doubts = tuple(ReplyWarning(code, piece) for code, piece in found if piece)
    return doubts if _WORD_CHARACTER.search(text) else (*doubts, ReplyWarning("no_words"))


def _fold(text: str) -> str:
    """Give the text as it is compared: one form of each letter, small, Latin digits, single spaces, all visible."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    latin = "".join(str(unicodedata.decimal(char, char)) for char in folded)
    return re.sub(r"\s+", " ", latin).strip()


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[0] if match else ""


def _phone(text: str, *, spared: str) -> str:
    """Find seven digits or more that may be dialed: no date, no price, nor the order's number, told by itself."""
    for match in _PHONE.finditer(text):
        piece = match[0].strip()
        if _DATE.fullmatch(piece) or piece == spared.lstrip("# ") or _is_amount(text, match, piece):
            continue
        return piece
    return ""


def _is_amount(text: str, match: re.Match[str], piece: str) -> bool:
    """Say whether digits are an amount in thousands: beside a currency, ending in 000, or too few for a phone."""
    if not _THOUSANDS.fullmatch(piece):
        return False
    digits = re.sub(r"[^0-9]", "", piece)
    if _MONEY_AFTER.match(text, match.end()) or _MONEY_BEFORE.search(text[: match.start()]):
        return True
    return digits.endswith("000000") or (not piece.startswith("+") and (digits.endswith("000") or len(digits) < 9))


def _order_number(text: str, number: str) -> str:
    """Find the order's number, with or without its letters; else what is written as another's ("#1042", "LIN-77")."""
    digits = max(re.findall(r"[0-9]+", number), key=len, default="")
    wanted = [number] if _WORD_CHARACTER.search(number) or digits else []
    if len(digits) >= _LEAST_DIGITS:
        wanted.append(digits)
    for one in wanted:
        if _whole(one).search(text):
            return one
    letters = number.partition(digits)[0] if digits else ""
    if _WORD_CHARACTER.search(letters) and (like := _whole(letters, then="[0-9]+").search(text)):
        return like[0]
    return _first(_NUMBER, text)


def _names(text: str, name: str) -> bool:
    """Say whether the text holds this name, if it is a full one: two words in either order, or one without spaces."""
    if is_one_word_name(name):
        return name in text
    words = _without_marks(name).replace(",", " ").split()
    if len(words) < 2:
        return False
    plain = _without_marks(text).replace(", ", " ")
    orders = (words, [words[-1], *words[:-1]], [*words[1:], words[0]])
    return any(_whole(" ".join(order)).search(plain) for order in orders)


def _without_marks(text: str) -> str:
    """Give the text as people type it on a keyboard without accents ("Nguyen" for "Nguyễn")."""
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text))).translate(_PLAIN_LETTERS)


_PLAIN_LETTERS = str.maketrans("đøłı", "doli")


def _whole(piece: str, *, then: str = "") -> re.Pattern[str]:
    """Match a piece that is no part of a longer word or number of a script that writes spaces."""
    return re.compile(rf"(?<![{_SPACED_LETTER}]){re.escape(piece)}{then}(?![{_SPACED_LETTER}])")
