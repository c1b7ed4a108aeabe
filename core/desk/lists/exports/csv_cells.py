"""Writing a list's cells as CSV: for people in their language, or for machines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.desk.labels import name_in
from core.desk.lists.definition import Code, Column, Money, Value
from core.i18n.words import Words
from core.money import to_decimal

BOM = "\ufeff"
"""Begins a file for people: spreadsheets then read it as UTF-8."""
_RISKY = tuple("=+-@\t\r\n＝＋－＠")
"""A text that begins so is a formula to a spreadsheet (OWASP, "CSV Injection", 2026-11)."""
_CURRENCY = "_currency"


def safe_text(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: one that could be gets an apostrophe in front."""
    plain = text.replace("\0", "")
    return f"'{plain}" if plain.startswith(_RISKY) or plain.lstrip().startswith(_RISKY) else plain


def head(columns: Sequence[Column], words: Words, *, for_people: bool) -> str:
    """Write the line of titles; a file for machines has its columns' names, and a currency beside each amount."""
    if for_people:
        return BOM + _line(safe_text(column.label(words.pgettext)) for column in columns)
    titles = (name for column in columns for name in _names(column))
    return _line(titles)


def row(columns: Sequence[Column], line: Any, words: Words, zone: ZoneInfo, *, for_people: bool) -> str:
    """Write one line of a list."""
    if for_people:
        return _line(_for_people(column.value(line), words, zone) for column in columns)
    return _line(cell for column in columns for cell in _for_machines(column, column.value(line)))


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(list(cells))
    return text.getvalue()


def _for_people(value: Value, words: Words, zone: ZoneInfo) -> str:
    if value is None or isinstance(value, bool):
        return words.pgettext("desk", "yes") if value else ""
    if isinstance(value, Money):
        return words.money(value.minor, value.currency)
    if isinstance(value, datetime):
        return words.moment(value, zone)
    if isinstance(value, date):
        return words.day(value)
    if isinstance(value, Code):
        return safe_text(name_in(value.family + value.word, words.language))
    if isinstance(value, tuple):
        return safe_text("; ".join(name_in(code.family + code.word, words.language) for code in value))
    return words.number(value) if isinstance(value, int) else safe_text(value)


def _for_machines(column: Column, value: Value) -> Iterator[str]:
    if column.is_money:
        yield f"{to_decimal(value.minor, value.currency):f}" if isinstance(value, Money) else ""
        yield value.currency if isinstance(value, Money) else ""
        return
    if isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, date):  # a datetime is one, too
        yield value.isoformat()
    elif isinstance(value, Code):
        yield safe_text(value.word)
    elif isinstance(value, tuple):
        yield safe_text(" ".join(code.word for code in value))
    elif isinstance(value, int):
        yield str(value)
    else:
        yield safe_text(str(value or ""))


def _names(column: Column) -> Iterator[str]:
    yield column.name
    if column.is_money:
        yield column.name + _CURRENCY
