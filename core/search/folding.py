"""Reduce text to what people agree on when they type it: no case, no accents, no separators."""

from __future__ import annotations

import re
import unicodedata

MOST_CHARACTERS = 20_000
"""Characters of one text that are looked at."""
_ACCENTS = re.compile(
    "[\u0300-\u036f"  # Latin, Greek and Cyrillic accents
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"  # Arabic marks, stretched lines
    "\u0e47-\u0e4e\u0ec8-\u0ecd]"  # Thai and Lao tones; their vowels stay
)
# Letters that Unicode takes for letters of their own, as those spell them who have no such key.
_LETTERS = str.maketrans(
    {"đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "þ": "th", "ŧ": "t"}
    | {"ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك", "ٱ": "ا"}
)


def fold(text: str) -> str:
    """Give a text without case, accents, width and invisible characters, its digits as ASCII.

    "NGUYỄN" and "nguyen" become one, so do "أحمد" and "احمد", "Ｌｉ" and "li", "٤٢" and "42". Vowels that are letters
    in their language (Thai, Hindi) stay.
    """
    text = text[:MOST_CHARACTERS]
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).translate(_LETTERS)
    return "".join(map(_plain_character, plain))


def split_words(folded: str) -> list[str]:
    """Give the words of a folded text: runs of letters, digits and the marks that belong to them."""
    if folded.isascii():
        return re.findall("[a-z0-9]+", folded)
    return "".join(char if _is_of_a_word(char) else " " for char in folded).split()


def compact(text: str) -> str:
    """Give only the letters and digits of a text, folded: "RR 123-456 LT" and "rr123456lt" are one number."""
    return "".join(split_words(fold(text)))


def _plain_character(char: str) -> str:
    if char.isascii() or char.isalpha():
        return char
    if unicodedata.category(char) == "Cf":  # a bidi mark, a joiner, a soft hyphen
        return ""
    return str(unicodedata.decimal(char, char))


def _is_of_a_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")
