"""The JSON answers of the shopper's API about the legal withdrawal: data shapes only, as in `outputs`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Output(BaseModel):
    """The base of every answer: it does not change once it is made."""

    model_config = ConfigDict(frozen=True)


class RightOut(Output):
    """The legal right over the order. `late`: the period is over, and a declaration is taken all the same."""

    available: bool
    late: bool
    until: date | None
    sentence: str
    cheaper: str
    """Says that it costs less than a return may; then it is offered first. "" where it does not."""
    label: str
    """What the button that begins it says."""
    heading: str
    not_advice: str


class PhotoLinkOut(Output):
    """A photo at its signed address."""

    id: str
    url: str


class WithdrawnLineOut(Output):
    """One line of a withdrawal; `exempt` is the legal ground the store names against it, or ""."""

    ref: str
    title: str
    quantity: int
    exempt: str


class ReceiptOut(Output):
    """The text as declared and mailed, the SHA-256 of its UTF-8 bytes with its name, and the words around them."""

    text: str
    hash: str
    hash_label: str
    note: str
    print_label: str


class WithdrawalOut(Output):
    """A legal withdrawal. `statement` is what would be, or was, declared."""

    id: str
    number: str
    state: Literal["started", "declared", "acknowledged", "contested", "retracted", "refused", "reimbursed", "dropped"]
    statement: str
    lines: list[WithdrawnLineOut]
    declared_at: datetime | None
    until: date | None
    sentence: str
    receipt: ReceiptOut | None
    mailed_to: str
    refund_due: date | None
    refund_sentence: str
    lost_value_sentence: str
    """What the store kept because the goods lost value, and why; "" where it kept nothing."""
    photos: list[PhotoLinkOut]
    """What shows it, for who may act."""
    postage_sentence: str
    """Who pays for sending back; "" where nothing has to be sent."""
    send_back_by: date | None
    can_prove_sent: bool
    """Whether goods are to be sent and nothing proves yet that they were."""
    confirm_heading: str
    confirm_label: str
    """What the button that declares it says."""
    see_label: str
    not_advice: str


class KnownOut(Output):
    """Whether a receipt is one of the store's."""

    known: bool
    declared_at: datetime | None
