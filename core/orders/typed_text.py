"""Reduce what shoppers type or paste to what orders are compared with: order numbers, postcodes, e-mail addresses."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Iterable

from core.mail.domain_names import ascii_domain, unicode_domain

_MOST_TYPED = 320
_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_THOUSANDS = re.compile(r"(?<![0-9])[0-9]{1,3}(?:[ ,.'\u2019\u066c\u202f][0-9]{3})+(?![0-9])")
_MONTH, _DAY = "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])"
_YEAR = "(?:19|20)[0-9]{2}"
# "2026-11-18", "18.11.2026", "2026/11"; "20261118" in front of a serial or alone.
_DATE = re.compile(
    rf"(?<![0-9])(?:{_YEAR}([-./ ]){_MONTH}\1{_DAY}|{_DAY}([-./ ]){_MONTH}\2{_YEAR}|"
    rf"{_YEAR}[-./ ](?:0[1-9]|1[0-2]))(?![0-9])"
    rf"|(?<![0-9]){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?=[0-9]*(?![0-9]))"
)
_LONE_YEAR = re.compile(rf"(?<![0-9]){_YEAR}(?![0-9])")
_PAGE = re.compile(r"\w+://\S*?(?=\?|\s|$)(\?\S*)?")
_COUNTRY_BEFORE = re.compile(r"[a-z]{1,3}([0-9]{3,})")
_ADDRESS = re.compile(r"[^\s<>()\",;:\[\]@]+@[^\s<>()\",;:\[\]@]+")
_SPACED_AT = re.compile(r"\s*@\s*")
_SHORTEST_POSTCODE = 4
_THREE_DIGIT_POSTCODES = frozenset({"BH", "FO", "IS", "LS", "MG", "OM", "PG", "TW"})
_ZIP_COUNTRIES = frozenset({"US", "PR", "GU", "VI", "AS", "MP"})


def number_key(number: str) -> str:
    """Reduce an order number to what people agree on: its serial, or its letters and digits where it has no digit.

    "#1042", "LIN-1042-B", "1042-2026", "2026-11-18/1042" and " 1,042 " are one; the proof tells apart what this
    merges. The serial is the longest run of digits that is neither a date nor a year, the last of equally long ones.
    """
    plain = _PAGE.sub(lambda page: page[0].removesuffix(page[1] or ""), _plain(number[:100]))
    plain = _THOUSANDS.sub(lambda digits: re.sub(r"[^0-9]", "", digits[0]), plain)
    for mark in (_DATE, _LONE_YEAR):
        without = mark.sub(" ", plain)
        plain = without if re.search(r"[0-9]", without) else plain
    return _longest_run(plain)


def number_keys(number: str) -> tuple[str, str]:
    """Give the two keys a typed number is looked for by: its serial, and its longest run of digits as it stands."""
    return number_key(number), _longest_run(_plain(number[:100]))


def exact_key(number: str) -> str:
    """Reduce a number to its letters and digits, to prefer the exact match among candidates."""
    return "".join(char for char in _plain(number[:100]) if char.isalnum())


def postcode_key(postcode: str) -> str:
    """Reduce a postcode to its letters and digits."""
    return re.sub(r"[\W_]+", "", _plain(postcode[:40]))


def postcode_forms(typed: str) -> tuple[str, ...]:
    """Give the postcodes that a typed or pasted text may mean, reduced; at most four, all of them one place.

    The text as a whole, and without its country ("LT-10309"); what stands before the name of a town.
    """
    plain = _plain(typed[:40])
    words = re.sub(r"[^\w\s]|_", "", plain).split()
    start = next((i for i, word in enumerate(words) if re.search("[0-9]", word)), len(words))
    end = next((i for i in range(start, len(words)) if not re.search("[0-9]", words[i])), len(words))
    code = "".join(words[start:end])
    tail = words[end] if end < len(words) and len(words[end]) <= 2 else ""
    found = [postcode_key(typed), code, f"{code}{tail}"]
    return _distinct([*found, *map(_without_country, found)])


def is_same_postcode(stored: str, typed: Iterable[str], country: str) -> bool:
    """Say whether one of the typed forms is the stored postcode. Too short a one proves nothing.

    A leading zero may be lost on the way (spreadsheets), an American code may have four digits more.
    """
    whole = postcode_key(stored)
    shortest = 3 if country.upper() in _THREE_DIGIT_POSTCODES else _SHORTEST_POSTCODE
    theirs = [_comparable(form, country) for form in (whole, _without_country(whole)) if len(form) >= shortest]
    given = [_comparable(form, country) for form in typed if len(form) >= shortest]
    same = [hmac.compare_digest(one.encode(), other.encode()) for one in theirs for other in given]
    return any(same)


def address_in(typed: str) -> str:
    """Give the e-mail address in what was typed or pasted: "Ann <ann@x.example>", "mailto:…", "ann @ x.example."."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", typed[:_MOST_TYPED])).strip()
    found = _ADDRESS.search(_SPACED_AT.sub("@", plain))
    return found[0].rstrip(".!?'").lstrip("'") if found else plain


def address_spellings(address: str) -> tuple[str, ...]:
    """Give an address as it is written with an international domain's letters, and with its ASCII form."""
    local, at, domain = address.rpartition("@")
    if not at or (domain.isascii() and "xn--" not in domain.lower()):
        return (address,)
    try:
        return _distinct([address, f"{local}@{ascii_domain(domain)}", f"{local}@{unicode_domain(domain)}"])
    except UnicodeError:
        return (address,)


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Arabic-Indic, Thai and other decimal digits are what their keyboards type.
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    return "".join(str(unicodedata.decimal(char, char)) for char in folded)


def _longest_run(plain: str) -> str:
    runs: list[str] = re.findall(r"[0-9]+", plain)
    if runs:
        return max(reversed(runs), key=len).lstrip("0") or "0"
    return "".join(char for char in plain if char.isalnum())


def _without_country(form: str) -> str:
    found = _COUNTRY_BEFORE.fullmatch(form)
    return found[1] if found else form


def _comparable(form: str, country: str) -> str:
    if not form.isdecimal():
        return form
    if country.upper() in _ZIP_COUNTRIES and len(form) == 9:
        form = form[:5]
    return form.lstrip("0")


def _distinct(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, forms)))
