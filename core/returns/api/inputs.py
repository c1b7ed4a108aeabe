"""The JSON requests of the shopper's API for returns and withdrawals: data shapes only."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core.orders.shopper_auth import Id
from core.returns.facts import Wish
from core.returns.policy.policy_variants import Kind

Key = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Said = Annotated[str, StringConstraints(max_length=1000)]


class _In(BaseModel):
    model_config = ConfigDict(extra="ignore", str_max_length=4000)


class OrderIn(_In):
    """Which order is meant."""

    order: Id


class OptionsIn(OrderIn):
    """`gift` shows no price and a gift's wishes, `kind` what a warranty claim may ask for."""

    gift: bool = False
    kind: Kind = "return"


class LineIn(_In):
    """Some units of one line. `answers` are the questions' by key; `exchange_for` a variant's ref, or words."""

    ref: Ref
    quantity: int = Field(ge=1, le=100_000)
    reason: Key = "other"
    wish: Wish = "refund"
    answers: Annotated[dict[Key, Said], Field(max_length=20)] = {}
    exchange_for: str = Field("", max_length=200)


class RequestIn(_In):
    """What is to come back, to be weighed or opened."""

    order: Id
    lines: list[LineIn] = Field(min_length=1, max_length=100)
    photos: list[Id] = Field([], max_length=20)
    comment: str = Field("", max_length=4000)
    gift: bool = False
    kind: Kind = "return"


class SentIn(_In):
    """How the parcel travels."""

    tracking_number: str = Field(min_length=1, max_length=100)
    carrier: str = Field("", max_length=100)


class CancelIn(_In):
    """Which order is not to leave."""

    order: Id
    reason: str = Field("", max_length=1000)


class UnitsIn(_In):
    """Some units of one line."""

    ref: Ref
    quantity: int = Field(ge=1, le=100_000)


class WithdrawalIn(_In):
    """What is withdrawn from; no lines mean everything that is left and not exempt. `email` is another address for the
    receipt: the order's own gets it in any case."""

    order: Id
    lines: list[UnitsIn] = Field([], max_length=100)
    name: str = Field("", max_length=200)
    email: str = Field("", max_length=320)


class ReceiptIn(_In):
    """A receipt's SHA-256, hexadecimal."""

    hash: str = Field(max_length=200)
