"""Who carries a parcel, where to follow it, and what the carrier's word for its state means to us.

What is known of each carrier is data, in `carriers.json` beside this file; its number formats and check rules
come from github.com/jkeen/tracking_number_data (MIT, notice in the JSON).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

_LONGEST_NUMBER = 64
_LONGEST_TEXT = 256  # a number typed with spaces between its digits; anything longer is not looked at
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NEVER_ALONE = _LONGEST_NUMBER + 1

Format = dict[str, Any]  # one entry of "numbers": regex, check and its parameters, alone, lead, services


@dataclass(frozen=True)
class Carrier:
    """A parcel's carrier. `checked` is True when the number itself bears it out (format and check digit)."""

    code: str
    name: str
    service: str | None
    url: str | None
    checked: bool


@dataclass(frozen=True)
class ScanEvent:
    """One scan as a carrier tells it: `raw_code` in its words, `status` in ours, `at` aware UTC."""

    at: datetime
    raw_code: str
    status: str
    text: str
    place: str


class CarrierAdapter(Protocol):
    """A source of carrier scans that a merchant has an account with; none ships with Aftercare.

    Nothing calls it yet, nor `status_of` and `Parcel.adapter`: the forecast will learn from such scans (issue L).
    """

    name: str

    def events(self, carrier: str, number: str, since: datetime | None) -> Sequence[ScanEvent]:
        """Give the parcel's scans after `since` (all when None), oldest first; none known is empty."""
        ...


class _Match(NamedTuple):
    format: Format
    parts: dict[str, str]


def clean_number(text: str) -> str:
    """Give the tracking number as carriers print it on a label, or "" for what cannot be one.

    Spaces, dashes and invisible marks go, digits of any script become 0-9, letters become capitals. The result
    is at most 64 of A-Z, 0-9, "." and "_", with at least one digit; "pending" or a URL gives "".
    """
    bare = _visible(text).replace("-", "")
    if not bare.isascii():
        bare = "".join(c for c in bare if unicodedata.category(c) != "Pd" and c != "\N{MINUS SIGN}")
    if len(bare) > _LONGEST_NUMBER or not re.fullmatch(r"[A-Za-z0-9._]*[0-9][A-Za-z0-9._]*", bare):
        return ""
    return bare.upper()


def carrier_code(prior: str | None) -> str | None:
    """Turn a store's word for the carrier ("UPS", "dhl-us", "Lietuvos paštas") into our code; None if unknown.

    A service behind the name of a carrier that is one company everywhere counts as it ("FedEx Ground").
    """
    if not prior or len(prior) > _LONGEST_TEXT:
        return None
    return _code_of(prior)


@lru_cache(maxsize=1024)
def _code_of(prior: str) -> str | None:
    exact = _aliases().get(_key(prior))
    if exact:
        return exact
    first_word = re.split(r"[\W_]", prior.strip().casefold(), maxsplit=1)[0]
    return first_word if first_word in _book()["families"] else None


def recognize(number: str, prior: str | None = None) -> Carrier | None:
    """Tell a parcel's carrier from its number, believing the store's word (`prior`) before the number's form.

    A known prior is always the answer; `checked` says whether the number fits. With no prior, or one we do not
    know, only a number that no other carrier could have issued is recognized: a fixed prefix, or a long form
    with a check digit. A short run of digits passes some carrier's check one time in ten, so it gives None.
    """
    cleaned = clean_number(number)
    code = carrier_code(prior)
    if code:
        return _carrier(code, number, _match(code, cleaned))
    alone = [(code, match) for code in _formats() if (match := _match_alone(code, cleaned))]
    if len(alone) != 1:
        return None
    code, match = alone[0]
    return _carrier(_poster(match) or code, number, match)


def tracking_url(code: str, number: str) -> str | None:
    """Give the https address of the carrier's own page for this parcel; None when we know none.

    `code` may be any word `carrier_code` understands. A number in a format we know goes in as on the label, any
    other as the store wrote it: GHTK's dashes are part of the number.
    """
    known = carrier_code(code)
    cleaned = clean_number(number)
    template = _book()["carriers"][known]["url"] if known else None
    if not known or not template or not cleaned:
        return None
    shown = cleaned if _match(known, cleaned) else _visible(number)
    return str(template).replace("{}", quote(shown, safe=""))


# Not called yet: see CarrierAdapter.
def status_of(raw: str) -> str:
    """Turn a carrier's or tracking app's status word into ours; what we do not know is "unknown".

    Case, spaces, dashes and underscores do not matter. Words that two sources use differently are "unknown" on
    purpose: "picked up" is the carrier's van to one and the shopper at the counter to another.
    """
    if len(raw) > _LONGEST_TEXT:
        return "unknown"
    # AfterShip and TrackingMore number their sub-statuses: Delivered_003, transit001 (docs read 2026-11).
    family = re.sub(r"(?<=[a-z])\d{3}$", "", _key(raw))
    words = _status_words()
    return words.get(raw.strip().lower()) or words.get(_key(raw)) or words.get(family) or "unknown"


def _carrier(code: str, number: str, match: _Match | None) -> Carrier:
    book = _book()
    name = book["carriers"][code]["name"]
    if match and code == "s10":
        name = book["posts"][match.parts["country"]]
    service = _service(match) if match else None
    return Carrier(code, name, service, tracking_url(code, number), checked=match is not None)


def _service(match: _Match) -> str | None:
    """Name the service from its letters or digits; S10 lists most by the first letter alone."""
    services = match.format.get("services", {})
    letters = match.parts.get("service") or ""
    return services.get(letters) or services.get(letters[:1])


def _match(code: str, cleaned: str) -> _Match | None:
    """Find the carrier's own format the number is valid in; a national post also issues S10 numbers."""
    for candidate in _formats().get(code, []):
        if parts := _parts(candidate, cleaned):
            return _Match(candidate, parts)
    countries = _book()["carriers"][code].get("post_of", [])
    international = _match("s10", cleaned) if countries else None
    return international if international and international.parts["country"] in countries else None


def _match_alone(code: str, cleaned: str) -> _Match | None:
    for candidate in _formats()[code]:
        if len(cleaned) < candidate.get("alone", _NEVER_ALONE):
            continue
        if parts := _parts(candidate, cleaned):
            return _Match(candidate, parts)
    return None


def _poster(match: _Match) -> str | None:
    """Name the carrier of ours that is the post of the number's country, if it has one."""
    country = match.parts.get("country")
    posts = (code for code, carrier in _book()["carriers"].items() if country in carrier.get("post_of", []))
    return next(posts, None) if country else None


def _parts(candidate: Format, cleaned: str) -> dict[str, str] | None:
    """Split the number as the format says; None when it does not fit or its check digit is wrong."""
    found = _compile(candidate["regex"]).fullmatch(cleaned)
    if not found:
        return None
    parts = {"whole": cleaned, **{name: part or "" for name, part in found.groupdict().items()}}
    if "country" in parts and parts["country"] not in _book()["posts"]:
        return None
    if "check" not in candidate:
        return parts
    lead, serial = candidate.get("lead", ""), parts["serial"]
    if not serial.startswith(lead):
        serial = lead + serial  # USPS and OnTrac leave digits off the label that still count in the check
    return parts if _CHECKS[candidate["check"]](serial, candidate) == parts["check"] else None


def _mod10(serial: str, rule: Format) -> str:
    # UPS counts letters too, A as 2 and on: their ASCII code less 3, last digit.
    values = (int(c) if c.isdigit() else (ord(c) - 3) % 10 for c in serial)
    total = sum(value * (rule["odd"] if place % 2 else rule["even"]) for place, value in enumerate(values))
    return str(-total % 10)


def _mod7(serial: str, rule: Format) -> str:
    return str(int(serial) % 7)


def _luhn(serial: str, rule: Format) -> str:
    doubled = (sum(divmod(int(c) * (2 - place % 2), 10)) for place, c in enumerate(reversed(serial)))
    return str(-sum(doubled) % 10)


def _weights(serial: str, rule: Format) -> str:
    return str(_weigh(serial, rule) % 11 % 10)


def _s10(serial: str, rule: Format) -> str:
    """UPU standard S10: eleven less the remainder, where 10 is written 0 and 11 is written 5."""
    remainder = _weigh(serial, rule) % 11
    return {0: "5", 1: "0"}.get(remainder, str(11 - remainder))


def _mod37_36(serial: str, rule: Format) -> str:
    """ISO/IEC 7064 MOD 37,36, a check character of 0-9 and A-Z."""
    rest = 36
    for c in serial:
        rest = ((rest + _BASE36.index(c)) % 36 or 36) * 2 % 37
    return _BASE36[(37 - rest) % 36]


def _weigh(serial: str, rule: Format) -> int:
    return sum(int(digit) * weight for digit, weight in zip(serial, rule["weights"], strict=True))


_CHECKS: dict[str, Callable[[str, Format], str]] = {
    "mod10": _mod10,
    "mod7": _mod7,
    "luhn": _luhn,
    "weights": _weights,
    "s10": _s10,
    "mod37_36": _mod37_36,
}


def _visible(text: str) -> str:
    """Drop spaces and invisible marks and write every digit as 0-9; "" when the text is too long to be read."""
    if len(text) > _LONGEST_TEXT:
        return ""
    if text.isascii() and text.isalnum():  # nearly all: a first import asks for each parcel
        return text
    kept = (c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in kept)


def _key(text: str) -> str:
    """Reduce a name to what people type alike: small letters and digits, no accents, no punctuation."""
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if c.isalnum())


@cache
def _compile(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.ASCII)


@cache
def _book() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("carriers.json").read_text(encoding="utf-8")
    book: dict[str, Any] = json.loads(text)
    return book


@cache
def _formats() -> dict[str, list[Format]]:
    carriers = _book()["carriers"].items()
    return {code: carrier["numbers"] for code, carrier in carriers if "numbers" in carrier}


@cache
def _aliases() -> dict[str, str]:
    return {
        _key(alias): code
        for code, carrier in _book()["carriers"].items()
        for alias in (code, carrier["name"], *carrier.get("aliases", []))
    }


@cache
def _status_words() -> dict[str, str]:
    numbered = {code: ours for ours, codes in _book()["aftership_sub_statuses"].items() for code in codes}
    return numbered | {_key(word): ours for ours, words in _book()["status_words"].items() for word in (ours, *words)}
