"""Names of people in public: which are full ones, and what of them a visitor may read. Pure."""

from __future__ import annotations

import re

_ONE_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")
"""Chinese, Japanese and Korean names are written without a space, the family's first."""
_INITIAL = re.compile(r"[\u0e40-\u0e44]?.[\u0300-\u036f]*")
"""A first letter: what Thai writes before it, and what stands above it, are part of it."""


def is_one_word_name(name: str) -> bool:
    """Say whether a single word is a family name and a given name together."""
    return _ONE_WORD.fullmatch(name) is not None


def public_name(author: str) -> str:
    """Give what a visitor may read of an author: the given name and an initial, never a full name or an address."""
    words = author.split()
    if "@" in author:
        return f"{_INITIAL.findall(words[0])[0]}…"
    if len(words) > 1:
        return f"{words[0]} {_INITIAL.findall(words[-1])[0]}."
    return f"{author.strip()[0]}**" if words and is_one_word_name(words[0]) else "".join(words)
