"""The right of withdrawal from distance contracts: until when, what is exempt, when the refund is due. No legal advice.

The countries, their acts and their numbers are in `countries.json`, dated; a country that is not there grants no such
right that we know of. A withdrawal is no return: it asks for no reason and no photo, and the policy has no say in it.
Days are days where the shopper lives. "Art." is Directive 2011/83/EU on consumer rights.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal
from zoneinfo import ZoneInfo

from core.returns.law.country_law import CountryLaw, read_laws
from core.returns.law.public_holidays import public_holidays

Kind = Literal["goods", "service", "digital"]
Condition = Literal["always", "unsealed", "begun_with_consent", "performed_with_consent"]
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Period:
    """Until when the shopper may withdraw, the last day included. `ends` None: it cannot have run out yet.

    `worst_case` says that a delivery is unknown, so that the merchant must take the right as still open.
    `starts` is the first day that counts; the right itself exists from the contract on.
    """

    starts: date | None
    ends: date | None
    source: str
    worst_case: bool = False

    def is_open(self, day: date) -> bool:
        """Say whether a withdrawal declared on that day is in time."""
        return self.ends is None or day <= self.ends


@dataclass(frozen=True, slots=True)
class Exemption:
    """A kind of contract without the right. `holds_if` is what must have happened for it to hold."""

    letter: str
    ground: str
    holds_if: Condition = "always"


@dataclass(frozen=True, slots=True)
class RefundClock:
    """When the merchant must have paid a withdrawal back, and how long the shopper has to send the goods.

    `due_on` None: the clock starts with the goods, or the proof that they were sent. `may_withhold`: the money may
    be kept back for now, although `due_on` may be near.
    """

    due_on: date | None
    may_withhold: bool
    send_back_by: date | None
    source: str


_EXEMPTIONS = (
    ("a", "a service fully performed, begun with the shopper's consent and knowledge", "performed_with_consent"),
    ("b", "goods or services whose price follows a financial market", "always"),
    ("c", "goods made to the shopper's specifications or clearly personalized", "always"),
    ("d", "goods that deteriorate or expire rapidly", "always"),
    ("e", "sealed goods not suitable for return for health or hygiene reasons, once unsealed", "unsealed"),
    ("f", "goods inseparably mixed with others after delivery", "always"),
    ("g", "alcoholic drinks agreed at sale, delivered after 30 days, of fluctuating value", "always"),
    ("h", "urgent repairs or maintenance at the shopper's home, asked for by the shopper", "always"),
    ("i", "sealed audio, video or software, once unsealed", "unsealed"),
    ("j", "a newspaper, periodical or magazine, subscriptions apart", "always"),
    ("k", "a contract concluded at a public auction", "always"),
    ("l", "accommodation, transport of goods, car rental, catering or leisure on a given date", "always"),
    ("m", "digital content not on a medium, begun with consent and knowledge", "begun_with_consent"),
)
EXEMPTIONS: dict[str, Exemption] = {row[0]: Exemption(*row) for row in _EXEMPTIONS}  # type: ignore[arg-type]
"""Art. 16 by letter, its grounds in our words (the United Kingdom's regulation 28 and 36 list the same ones)."""


LETTERS_SCHEMA = 2
"""Stored letters with this schema number, or a higher one, are those of Art. 16; before it, g and i were swapped."""
_SWAPPED = {"g": "i", "i": "g"}


def current_letter(letter: str, schema_number: int) -> str:
    """Give a stored letter as it is in Art. 16; `schema_number` is the one that was stored with it, 1 where none was.

    Letters are never rewritten where they lie, since an older process may still write there: each keeps its number.
    """
    return _SWAPPED.get(letter, letter) if schema_number < LETTERS_SCHEMA else letter


def line_exemption(line: Mapping[str, Any]) -> str:
    """Give the letter claimed against a stored line of a withdrawal, or ""."""
    return current_letter(line["exemption"], line.get("schema_number", 1))


def country_code(country: str) -> str:
    """Give a country's ISO 3166 alpha-2 code for what stores send too: EL (Greece), UK, XI (Northern Ireland)."""
    code = country.strip().upper()
    aliases: dict[str, str] = _pack()["aliases"]
    return aliases.get(code, code)


def law_of(country: str) -> CountryLaw | None:
    """Give what a country or territory of its own code grants; None where no right of withdrawal is known.

    Northern Ireland has the law of Great Britain. `CountryLaw.country` is never an alias.
    """
    return _laws().get(country_code(country))


def pack_date() -> str:
    """The month the country pack was written, as "2026-11": shown wherever its numbers are."""
    return str(_pack()["as_of"])


def day_there(country: str, now: datetime) -> date:
    """The day it is where the shopper lives, UTC where the pack does not know the country. `now` is aware."""
    law = law_of(country)
    return now.astimezone(ZoneInfo(law.zone if law else "UTC")).date()


def is_in_time(period: Period, country: str, now: datetime) -> bool:
    """Say whether a declaration made now is in time: the last day counts to its end wherever it ends last there."""
    law = law_of(country)
    return period.is_open(now.astimezone(ZoneInfo(law.closing_zone if law else "UTC")).date())


def says_cancel(country: str) -> bool:
    """Say whether a country's law calls withdrawing from a contract "cancel", as the United Kingdom's does."""
    law = law_of(country)
    return law is not None and law.term == "cancel"


def needs_button(country: str, contract_day: date) -> bool:
    """Say whether the law asks for a withdrawal button for a contract of that day (Art. 11a)."""
    law = law_of(country)
    return law is not None and law.button_from is not None and contract_day >= law.button_from


def withdrawal_period(
    country: str,
    delivered_days: Sequence[date | None],
    contract_day: date,
    kind: Kind = "goods",
    informed: bool = True,
    informed_on: date | None = None,
    store_country: str = "",
) -> Period | None:
    """Work out until when a shopper may withdraw; None where the country grants no such right.

    Goods count from the delivery of the order's last parcel (Art. 9(2)(b)); services and digital content from the
    contract. The day itself does not count, the last day does to its end (Regulation 1182/71, Art. 3(1), 3(4)).
    `informed` False adds 12 months (Art. 10(1)), or, told of it later, on `informed_on`, the period counts from then.
    A last day that is a Saturday, Sunday or holiday moves on to the next working day. Whose holidays count, the
    shopper's or the store's, is not settled: the later end holds, which is safe for the store (`store_country`).
    `delivered_days` holds one entry a parcel, None where unknown; without any parcel delivery is unknown.
    """
    law = law_of(country)
    if law is None:
        return None
    source = law.act if not law.directive else f"{law.act}; {law.directive}"
    event: date | None = contract_day
    if kind == "goods":
        known = [day for day in delivered_days if day is not None]
        event = max(known) if known and len(known) == len(delivered_days) else None
    if event is None:
        return Period(None, None, source, worst_case=True)
    return Period(_add_days(event, 1), _last_day(_places(law, store_country), event, informed, informed_on), source)


def exemption_holds(letter: str, happened: Condition = "always") -> bool:
    """Say whether an exemption takes the right away, given what happened to the item since.

    A product marked with "e" or "i" stays returnable as long as its seal is whole. Unknown letters exempt nothing.
    """
    exemption = EXEMPTIONS.get(letter)
    return exemption is not None and exemption.holds_if in ("always", happened)


def refund_clock(
    country: str,
    withdrawn_on: date,
    goods_back_on: date | None = None,
    proof_of_sending_on: date | None = None,
    nothing_to_send: bool = False,
    store_country: str = "",
) -> RefundClock | None:
    """Work out when a withdrawal must be paid back; None where the country grants no such right.

    Due 14 days after the withdrawal (Art. 13(1)). The money may be withheld until the goods or proof of sending are
    there, whichever is first (Art. 13(3)), unless `nothing_to_send`: digital, never shipped, or the merchant collects.
    The United Kingdom counts from that moment (regulation 34). Weekends give the merchant no further day here; the
    shopper's last day to send the goods moves on like the last day to withdraw.
    """
    law = law_of(country)
    if law is None:
        return None
    seen = [day for day in (goods_back_on, proof_of_sending_on) if day is not None]
    released = withdrawn_on if nothing_to_send else max(min(seen), withdrawn_on) if seen else None
    due = _add_days(withdrawn_on, law.refund_days)
    if law.refund_from == "goods_back":
        due_on = None if released is None else _add_days(released, law.refund_days)
    else:
        due_on = due if released is None else max(due, released)
    places = _places(law, store_country)
    send_back = None if nothing_to_send else _working_day(places, _add_days(withdrawn_on, law.send_back_days))
    return RefundClock(due_on, released is None, send_back, law.act if not law.directive else law.directive)


@lru_cache(maxsize=65536)
def _last_day(places: tuple[str, ...], event: date, informed: bool, informed_on: date | None) -> date:
    """Give the last day; the law is the first place's, the holidays are all of them."""
    law = _laws()[places[0]]
    ends = _working_day(places, _add_days(event, law.days))
    if informed:
        return ends
    longest = _working_day(places, _add_months(ends, law.uninformed_months))
    if informed_on is None or informed_on > longest:
        return longest
    # Told at last: the ordinary period counts from that day (Art. 10(2)), but never ends before it would have.
    return max(ends, min(longest, _working_day(places, _add_days(informed_on, law.days))))


def _places(law: CountryLaw, store_country: str) -> tuple[str, ...]:
    """Name whose holidays count: the shopper's country first, then the store's where the pack knows it."""
    theirs = law_of(store_country)
    return (law.country,) if theirs is None or theirs.country == law.country else (law.country, theirs.country)


def _working_day(places: Sequence[str], day: date) -> date:
    """Give the day itself or the next working day, the latest over the places (Regulation 1182/71, Art. 3(4))."""
    return max(_next_working_day(place, day) for place in places)


def _next_working_day(country: str, day: date) -> date:
    place, _, region = _laws()[country].holidays.partition("-")
    while day < date.max and (day.weekday() >= _SATURDAY or day in public_holidays(place, day.year, region)):
        day += timedelta(days=1)
    return day


def _add_days(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def _add_months(day: date, months: int) -> date:
    """The same day that many months on, or the month's last where it has no such day (Reg. 1182/71, Art. 3(2)(c))."""
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    if year > date.max.year:
        return date.max
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


@lru_cache(maxsize=1)
def _laws() -> dict[str, CountryLaw]:
    return read_laws(_pack())


@lru_cache(maxsize=1)
def _pack() -> dict[str, Any]:
    pack: dict[str, Any] = json.loads(files("core.returns.law").joinpath("countries.json").read_text("utf-8"))
    return pack
