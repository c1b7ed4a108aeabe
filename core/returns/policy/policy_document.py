"""A store's return policy as data: one frozen, versioned document, read and written as JSON.

`Policy()` is a store that said nothing yet: a person decides everything. The first rule that fits a line decides it;
what a rule leaves None is the policy's own.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from core.returns.facts import CountedFrom, Decision, RefundWhen, Wish
from core.returns.law.withdrawal_law import LETTERS_SCHEMA, Kind, current_letter

Minor = Annotated[int, Field(ge=0, le=10**12)]
Days = Annotated[int, Field(ge=0, le=3650)]
# pydantic compares with the pattern before it raises the case (2.14, 2026-11).
Country = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$", to_upper=True)]
Currency = Annotated[str, StringConstraints(pattern=r"^([A-Za-z]{3})?$", to_upper=True)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]
Shopper = Literal["blocked", "allowed", "other"]
RuleObjection = Literal[
    "final_sale",
    "blocked",
    "frequent_returns",
    "value_too_low",
    "value_too_high",
    "product_excluded",
    "country_excluded",
    "reason_excluded",
    "gift_excluded",
    "not_covered",
    "person_decides",
]
_NEEDS = {
    "value_too_low": "value_below",
    "value_too_high": "value_from",
    "frequent_returns": "earlier_returns_from",
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(_Frozen):
    """How long the way back is open. `days` None: without limit. Within `grace_days` after it a person decides."""

    days: Days | None = 30
    counted_from: CountedFrom = "delivery"
    grace_days: Days = 0


class HolidayExtension(_Frozen):
    """Orders placed from one day until another, both included, may come back until a third."""

    placed_from: date
    placed_until: date
    returns_until: date

    @model_validator(mode="after")
    def _in_order(self) -> HolidayExtension:
        if not self.placed_from <= self.placed_until <= self.returns_until:
            raise ValueError("the three days must follow each other: placed_from, placed_until, returns_until")
        return self


class Question(_Frozen):
    """A follow-up question. `words` by language code; `choices` are machine words, none means free text."""

    key: Word
    words: dict[str, str] = Field(default_factory=dict)
    choices: tuple[Word, ...] = ()
    required: bool = False


class ReasonTerms(_Frozen):
    """What a reason brings with it: fees, who pays the way back, photos, questions."""

    fee_fixed: Minor = 0
    """Once a line, in the policy's currency."""
    fee_percent: Percent = Decimal(0)
    """Of what was paid for the line; half a minor unit rounds up."""
    label_paid_by: Literal["store", "shopper"] = "store"
    label_fee: Minor = 0
    """Kept back once a parcel where the shopper pays and uses the store's label; 0: they buy their own."""
    photos: Annotated[int, Field(ge=0, le=10)] = 0
    questions: tuple[Question, ...] = ()

    @property
    def has_fee(self) -> bool:
        """Whether something is kept from what comes back for this reason."""
        return bool(self.fee_fixed or self.fee_percent or (self.label_paid_by == "shopper" and self.label_fee))


class When(_Frozen):
    """Which lines a rule fits; everything given must hold, an empty filter is any. Tags and collections: any case."""

    countries: tuple[Country, ...] = ()
    products: tuple[Ref, ...] = ()
    tags: tuple[Ref, ...] = ()
    collections: tuple[Ref, ...] = ()
    reasons: tuple[Word, ...] = ()
    wishes: tuple[Wish, ...] = ()
    value_from: Minor | None = None
    """The whole request is worth at least this, in the policy's currency."""
    value_below: Minor | None = None
    """The whole request is worth less than this."""
    shopper: Shopper | None = None
    final_sale: bool | None = None
    gift: bool | None = None
    earlier_returns_from: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> When:
        if self.value_from is not None and self.value_below is not None and self.value_from >= self.value_below:
            raise ValueError("value_from must be less than value_below")
        return self

    @property
    def has_bounds(self) -> bool:
        """Whether the rule weighs money."""
        return self.value_from is not None or self.value_below is not None

    def holds_value(self, value: int) -> bool:
        """Say whether an amount in the policy's currency lies within the bounds."""
        return (self.value_from or 0) <= value and (self.value_below is None or value < self.value_below)


class PolicyRule(_Frozen):
    """One rule. `objection` is what the shopper is told where it does not simply accept."""

    name: Name
    when: When = When()
    answer: Decision
    objection: RuleObjection | None = None
    window: Window | None = None
    wishes: tuple[Wish, ...] | None = None
    """What may be wished for here."""
    reasons: dict[Word, ReasonTerms] | None = None
    refund_when: RefundWhen | None = None

    @model_validator(mode="after")
    def _explains_itself(self) -> PolicyRule:
        if self.answer == "accept" and self.objection:
            raise ValueError(f"a rule that accepts has no objection; take {self.objection} away or change the answer")
        needed = _NEEDS.get(self.objection or "")
        if needed and getattr(self.when, needed) is None:
            raise ValueError(f"the objection {self.objection} speaks of a bound: give when.{needed}")
        return self


def _usual_reasons() -> dict[Word, ReasonTerms]:
    fault = ReasonTerms(photos=1)
    mine = ReasonTerms(label_paid_by="shopper")
    return {
        **dict.fromkeys(("damaged", "defective", "wrong_item"), fault),
        **dict.fromkeys(("not_as_described", "late"), ReasonTerms()),
        **dict.fromkeys(("too_small", "too_large", "changed_mind", "other"), mine),
    }


class Goods(_Frozen):
    """What some products are, as far as going back is concerned; named by the store's product refs or SKUs."""

    products: tuple[Ref, ...] = ()
    skus: tuple[Ref, ...] = ()
    tags: tuple[Ref, ...] = ()
    collections: tuple[Ref, ...] = ()
    final_sale: bool = False
    kind: Kind = "goods"
    exemption: Annotated[str, StringConstraints(pattern=r"^[a-m]?$")] = ""
    """Letter of Art. 16 (Directive 2011/83/EU) that takes the right of withdrawal away; see withdrawal_law.py."""


class Policy(_Frozen):
    """A store's return policy. Amounts are minor units of `currency`; days are days in `timezone`."""

    schema_number: Literal[2] = 2
    """How the document is written; older ones are read by `read_document` only."""
    version: Annotated[int, Field(ge=1)] = 1
    timezone: str = "UTC"
    currency: Currency = ""
    rules: Annotated[tuple[PolicyRule, ...], Field(max_length=200)] = ()
    otherwise: Decision = "review"
    """The answer where no rule fits."""
    before_delivery: Decision = "decline"
    """The strictest answer wins; this one is given while the item is known to be on its way."""
    window: Window = Window()
    extensions: tuple[HolidayExtension, ...] = ()
    wishes: tuple[Wish, ...] = ("refund", "exchange", "store_credit")
    reasons: dict[Word, ReasonTerms] = Field(default_factory=_usual_reasons)
    """What the shopper may choose from, in this order; a reason not listed is treated as "other"."""
    refund_when: RefundWhen = "inspection"
    blocked: tuple[Digest, ...] = ()
    allowed: tuple[Digest, ...] = ()
    """Shoppers by digest, for rules with `when.shopper`; who is on both lists is allowed."""
    goods: Annotated[tuple[Goods, ...], Field(max_length=2000)] = ()
    """What products are; of several that name one, the first."""
    cancel: Decision = "review"
    """The answer to a shopper who wants to cancel what has not left."""
    informed: bool = True
    """Whether the store tells its shoppers of the right of withdrawal; where not, the law adds a year."""

    @property
    def names_collections(self) -> bool:
        """Whether a rule names goods by the collection they are in."""
        return any(rule.when.collections for rule in self.rules)

    @property
    def may_cost(self) -> bool:
        """Whether some return bears a fee."""
        tables = (self.reasons, *(rule.reasons for rule in self.rules if rule.reasons))
        return any(terms.has_fee for table in tables for terms in table.values())

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, LookupError) as error:
            raise ValueError(f"{value[:40]!r} is not a time zone; use a name such as Europe/Vilnius") from error
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Policy:
        names = [rule.name for rule in self.rules]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"two rules are called {twice!r}; give each its own name")
        tables = [self.reasons, *(rule.reasons for rule in self.rules if rule.reasons)]
        fixed = any(terms.fee_fixed or terms.label_fee for table in tables for terms in table.values())
        if not self.currency and (fixed or any(rule.when.has_bounds for rule in self.rules)):
            raise ValueError("currency is needed, since amounts are given")
        return self


def read_document(document: Any) -> Policy:
    """Read a stored or exported policy, written by this version or an older one. Raises pydantic's ValidationError.

    A document without a schema number is the first schema's, whose letters g and i were swapped.
    """
    if isinstance(document, dict) and document.get("schema_number", 1) == 1:
        goods = document.get("goods")
        document = {**document, "schema_number": LETTERS_SCHEMA}
        if isinstance(goods, list):
            document["goods"] = [_with_current_letter(one) for one in goods]
    return Policy.model_validate(document)


def _with_current_letter(goods: Any) -> Any:
    if not isinstance(goods, dict) or not isinstance(goods.get("exemption"), str):
        return goods  # what is wrong with it is said by the validation
    return {**goods, "exemption": current_letter(goods["exemption"], 1)}


def explain(error: ValidationError) -> list[str]:
    """Say what is wrong with a policy, one sentence a field, the field's name first."""
    sentences = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(_part(part) for part in fault["loc"] if part != "[key]") or "policy"
        words = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            words = "there is no such setting"
        if fault["type"] == "string_pattern_mismatch":
            words = next((form for name, form in _FORMS.items() if name in fault["loc"]), "this has not the right form")
        sentences.append(f"{field}: {words}.")
    return sentences


_FORMS = {
    "currency": "give three letters such as EUR",
    "countries": "give two letters such as DE",
    "blocked": "give a digest of 64 hexadecimal digits, never an address",
    "allowed": "give a digest of 64 hexadecimal digits, never an address",
    "reasons": "use small letters, digits and _, beginning with a letter",
    "key": "use small letters, digits and _, beginning with a letter",
    "choices": "use small letters, digits and _, beginning with a letter",
}
"""What a pattern asks for, by the field that has it."""


def _part(part: str | int) -> str:
    return str(part + 1) if isinstance(part, int) else part
