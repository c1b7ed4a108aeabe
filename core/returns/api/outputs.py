"""The JSON answers of the shopper's API for returns and withdrawals: data shapes only.

Amounts are minor units, days ISO dates in the store's zone, moments UTC. An amount is null where the reader must not
see it (a gift's recipient) and where nothing is paid. Every sentence and label is in the reader's language.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from core.returns.api.withdrawal_outputs import Output, PhotoLinkOut, RightOut, WithdrawalOut
from core.returns.facts import Decision, Wish


class OfferOut(Output):
    """What the shopper can do instead."""

    code: str
    sentence: str


class ObjectionOut(Output):
    """One reason against."""

    code: str
    sentence: str
    offer: OfferOut


class LineAnswerOut(Output):
    """What the policy says of one line."""

    ref: str
    answer: Decision
    objections: list[ObjectionOut]


class LineRightOut(Output):
    """The legal right over one line. `exempt` lines may be declared too, but nobody should propose it."""

    open: bool
    until: date | None
    exempt: bool
    sentence: str


class LineOut(LineAnswerOut):
    """One line of the order: the best the policy answers for any reason. `value` is what one unit paid, tax in."""

    title: str
    variant: str
    image_url: str
    bought: int
    left: int
    value: int | None
    window_ends: date | None
    window_sentence: str
    has_variants: bool
    """Whether the store can be asked what it has of this instead."""
    withdrawal: LineRightOut | None


class ChoiceOut(Output):
    """A machine word and its name."""

    key: str
    label: str


class QuestionOut(ChoiceOut):
    """A follow-up question; no choices mean free text."""

    choices: list[ChoiceOut]
    required: bool


class ReasonOut(ChoiceOut):
    """A reason, the photos it wants and what it asks."""

    photos: int
    questions: list[QuestionOut]


class CancelOut(Output):
    """Whether the whole order can still be stopped; an empty sentence says that there is nothing to say."""

    possible: bool
    sentence: str
    label: str
    warning: str
    sure: str


class EntryOut(Output):
    """One line of an amount's explanation; all of them add up to it."""

    label: str
    amount: int
    note: str


class QuoteOut(Output):
    """What a request would bring. `exchange` says what goes out and who pays, "" where nothing is exchanged.

    `amount` is what comes back and `to_pay` what the shopper pays on top, each null where nobody knows yet; the
    explanation adds up to the one less the other.
    """

    answer: Decision
    exchange: str
    to_pay: int | None
    amount: int | None
    currency: str
    fees: int | None
    explanation: list[EntryOut]
    lines: list[LineAnswerOut]
    photos_required: int
    refund_sentence: str
    way_back_sentence: str
    withdrawal_sentence: str
    """Says that a withdrawal costs less, "" where it does not."""


class StepOut(Output):
    """One step of a return's progress."""

    key: str
    label: str
    at: datetime | None
    state: Literal["done", "now", "next", "skipped"]


class ReturnLineOut(Output):
    """One line of a return; `accepted` is how many passed the inspection, null before it."""

    ref: str
    title: str
    variant: str
    image_url: str
    quantity: int
    accepted: int | None
    reason_label: str
    wish: Wish
    exchange_for: str
    """What goes out instead, by its name or in the shopper's words; "" for the same again."""
    note: str


class ReimbursementOut(Output):
    """Something of worth on its way; `link` is where a difference is paid."""

    kind: str
    state: str
    amount: int | None
    currency: str
    sentence: str
    link: str


class DueOut(Output):
    """What was promised next, and until when."""

    what: Literal["answer", "refund"]
    by: datetime
    sentence: str


class PhotoOut(PhotoLinkOut):
    """A photo as it is kept."""

    width: int
    height: int


class ReturnOut(Output):
    """A return, warranty claim or cancellation, with amounts as in a quote. Label and photos: only who may act."""

    id: str
    rma: str
    kind: Literal["return", "warranty", "cancel"]
    status: Literal["requested", "approved", "declined", "received", "closed", "canceled"]
    headline: str
    sentence: str
    steps: list[StepOut]
    lines: list[ReturnLineOut]
    exchange: str
    to_pay: int | None
    amount: int | None
    currency: str
    explanation: list[EntryOut]
    reimbursements: list[ReimbursementOut]
    instructions: list[str]
    label_url: str
    return_by: date | None
    due: DueOut | None
    can_cancel: bool
    labels: dict[Literal["see", "cancel", "sure"], str]
    can_tell_sent: bool
    photos: list[PhotoLinkOut]


class OptionsOut(Output):
    """What can be done with an order, and what is under way."""

    order_id: str
    number: str
    currency: str
    lines: list[LineOut]
    reasons: list[ReasonOut]
    wishes: list[ChoiceOut]
    gift_label: str
    warranty_label: str
    not_offered: str
    cancel: CancelOut
    withdrawal: RightOut
    returns: list[ReturnOut]
    withdrawals: list[WithdrawalOut]
