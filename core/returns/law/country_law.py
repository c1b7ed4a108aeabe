"""The law of withdrawal of one country, as `countries.json` says it: read, and nothing in it ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class CountryLaw:
    """What one country grants. `directive` is empty outside the EU and the EEA."""

    country: str
    zone: str
    """Whose days deliveries and declarations have."""
    closing_zone: str
    """Where the last day ends last: stores send orders to a country's overseas parts under its own code too."""
    act: str
    directive: str
    days: int
    uninformed_months: int
    """How much longer the period runs where the shopper was not told of the right (Art. 10)."""
    last_day_source: str
    """Why a period that ends on a Saturday, Sunday or public holiday runs on to the next working day."""
    refund_days: int
    refund_from: Literal["withdrawal", "goods_back"]
    send_back_days: int
    term: Literal["withdraw", "cancel"]
    """What its law calls the act in English."""
    button_from: date | None
    """First day whose contracts need a withdrawal button (Art. 11a); None where none do. In Austria later."""
    holidays: str
    """Whose holidays it keeps, for `public_holidays`: a country, or "country-region"."""


def read_laws(pack: Mapping[str, Any]) -> dict[str, CountryLaw]:
    """Read the laws of a country pack by code. Raises ValueError for a key that is not known: nothing is ignored."""
    laws = {}
    for code, entry in pack["countries"].items():
        named = {"holidays": code, "closing_zone": entry["zone"], **pack["groups"][entry["group"]], **entry}
        if unknown := named.keys() - _KEYS:
            raise ValueError(f"countries.json, {code}: not known: {', '.join(sorted(unknown))}")
        start = named["button_from"]
        fields = named | {"country": code, "button_from": date.fromisoformat(start) if start else None}
        laws[code] = CountryLaw(**{name: fields[name] for name in fields.keys() - {"group"}})
    return laws


_KEYS = CountryLaw.__dataclass_fields__.keys() - {"country"} | {"group"}
"""What may be said of a country, by itself or by its group."""
