"""What a merchant promises and how they want shoppers told: one store's shipping settings, frozen and versioned.

`Terms()` is a store that said nothing yet. Terms travel as JSON (`model_dump_json`, `model_validate_json`).
"""

from __future__ import annotations

import re
from datetime import date, time
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import holidays
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.shipping.rules.notice_kinds import KINDS, RULES

Mode = Literal["off", "watch", "draft", "send"]
Weekmask = Annotated[str, StringConstraints(pattern=r"^0*1[01]*$", min_length=7, max_length=7)]
Days = Annotated[int, Field(ge=0, le=365)]
Patience = Annotated[int, Field(ge=0, le=8760)]
# pydantic compares with the pattern before it raises the case (2.14, 2026-11).
Country = Annotated[str, StringConstraints(pattern=r"^([A-Za-z]{2}|\*)$", to_upper=True)]


def _known_rule(name: str) -> str:
    if name not in RULES:
        raise ValueError("there is no such rule")
    return name


def _known_kind(name: str) -> str:
    if name not in KINDS:
        raise ValueError("there is no such message")
    return name


RuleName = Annotated[str, AfterValidator(_known_rule)]
KindName = Annotated[str, AfterValidator(_known_kind)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TransitRow(_Frozen):
    """How many delivery days a method takes to a country. `method` is a glob (`*`, `?`), its case is ignored."""

    method: str = "*"
    country: Country = "*"
    min_days: Days
    max_days: Days

    @model_validator(mode="after")
    def _in_order(self) -> TransitRow:
        if self.min_days > self.max_days:
            raise PydanticCustomError(
                "days_out_of_order",
                "min_days ({least}) must not be more than max_days ({most})",
                {"least": self.min_days, "most": self.max_days},
            )
        return self

    def covers(self, method: str, country: str) -> bool:
        """Say whether a parcel of this method and country travels by this row."""
        if self.country not in ("*", country.upper()):
            return False
        return _glob(self.method).fullmatch(method) is not None


class Exemption(_Frozen):
    """What a rule does differently for some carriers, services or countries; an empty filter is any."""

    carriers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    mode: Mode | None = None
    after: Patience | None = None

    def covers(self, carrier: str, service: str, country: str) -> bool:
        """Say whether it speaks of such a parcel; case is ignored."""
        asked = ((self.carriers, carrier), (self.services, service), (self.countries, country))
        return all(not names or value.casefold() in map(str.casefold, names) for names, value in asked)


class Rule(_Frozen):
    """One switch. `after` is business days of silence, or hours for `not_shipped`; None is our `PATIENCE`."""

    mode: Mode = "watch"
    after: Patience | None = None
    exemptions: tuple[Exemption, ...] = ()
    """The first that covers a parcel decides; what it leaves None stays the rule's."""

    def resolve(self, carrier: str, service: str, country: str) -> tuple[Mode, int | None]:
        """Give the mode and the patience that hold for such a parcel."""
        for exemption in self.exemptions:
            if exemption.covers(carrier, service, country):
                after = self.after if exemption.after is None else exemption.after
                return exemption.mode or self.mode, after
        return self.mode, self.after


class Terms(_Frozen):
    """A store's shipping settings. Times of day are the store's; weekmasks run Monday to Sunday."""

    timezone: str = "UTC"
    cutoff: time = time(14, 0)
    """An order paid at or after this is taken in the next day."""
    handling_days: Days = 1
    ship_days: Weekmask = "1111100"
    delivery_days: Weekmask = "1111110"
    holidays_country: str = ""
    """Whose holidays the store keeps; empty: holidays do not count. Deliveries keep the destination's then."""
    closed: tuple[date, ...] = ()
    """Further days on which the store ships nothing."""
    transit: tuple[TransitRow, ...] = ()
    """The first row that covers a parcel wins; none: the table promises nothing."""
    statuses: dict[str, Literal["shipped", "delivered", "ignore"]] = Field(default_factory=dict)
    """What the platform's own order statuses mean in this store."""
    rules: dict[RuleName, Rule] = Field(default_factory=dict)
    quiet_from: time = time(22, 0)
    quiet_until: time = time(8, 0)
    budget: Annotated[int, Field(ge=0, le=100)] = 6
    """At most so many messages per order."""
    gap_hours: Annotated[int, Field(ge=0, le=168)] = 4
    ask_after_days: Annotated[int, Field(ge=0, le=60)] = 2
    """Business days after the promised day until we ask whether it came, where nothing can tell us."""
    native_mails: dict[KindName, bool] = Field(default_factory=dict)
    """Kinds the platform itself may mail; ours is suppressed where the order shows that it did."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, LookupError) as error:
            raise PydanticCustomError(
                "unknown_time_zone",
                "{zone} is not a time zone; use a name such as Europe/Vilnius",
                {"zone": repr(value[:40])},
            ) from error
        return value

    @field_validator("holidays_country")
    @classmethod
    def _known_country(cls, value: str) -> str:
        if value and value.upper() not in supported_countries():
            raise ValueError(f"no holidays are known for {value[:20]!r}; use two letters such as VN, or leave it empty")
        return value.upper()

    @field_validator("cutoff", "quiet_from", "quiet_until")
    @classmethod
    def _wall_time(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("give a time of day without a zone")
        return value

    def rule(self, name: str) -> Rule:
        """Give a rule's switch; one the merchant never touched only watches."""
        return self.rules.get(name, _UNTOUCHED)


_UNTOUCHED = Rule()


def explain(error: ValidationError) -> list[str]:
    """Say what is wrong with the settings, one sentence a field, the field's name first."""
    sentences = []
    for fault in error.errors(include_url=False, include_context=False):
        field = ".".join(str(part) for part in fault["loc"] if part != "[key]") or "settings"
        words = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            words = "there is no such setting"
        if fault["type"].startswith("string_") and field in ("ship_days", "delivery_days"):
            words = "give seven digits, Monday to Sunday, 1 for a working day, at least one of them 1"
        sentences.append(f"{field}: {words}.")
    return sentences


@lru_cache(maxsize=1)
def supported_countries() -> frozenset[str]:
    """The countries (ISO 3166 alpha-2) whose holidays the `holidays` package knows."""
    return frozenset(code for code in holidays.list_supported_countries() if len(code) == 2)


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    # Not fnmatch: merchants name methods "Standard [EU]", and its brackets would be a character class.
    words = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(words, re.IGNORECASE | re.DOTALL)
