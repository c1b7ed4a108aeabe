"""What the exceptions of returns and withdrawals mean over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from core.http.errors import NOT_FOUND, Explain, Refusal, explain
from core.i18n.words import Words
from core.returns.law.withdrawal_rights import NoSuchRight
from core.returns.money.reimburse import NotOpen
from core.returns.photos import image
from core.returns.photos.image import BadPhoto
from core.returns.photos.photo_storage import PhotoNotFound
from core.returns.policy.policy_versions import NotAPolicy, PolicyChanged
from core.returns.presenter import sentences
from core.returns.presenter.reader_context import ReaderContext
from core.returns.presenter.return_view import answers_of
from core.returns.requests.canceling import CannotCancel
from core.returns.requests.exchange_offers import OfferOver
from core.returns.requests.lifecycle import ReasonNeeded, ReturnNotFound
from core.returns.requests.opening import RequestIncomplete, ReturnNotAllowed
from core.returns.return_settings import AboveLimit
from core.returns.states import IllegalMove
from core.returns.withdrawal.declare import NothingToWithdraw, WithdrawalNotFound


def not_allowed(error: ReturnNotAllowed, words: Words, now: datetime) -> Refusal:
    """Say what stands against a return, all in one breath and line by line."""
    seen = error.considered
    reader = ReaderContext(words, now, ZoneInfo(seen.policy.timezone))
    sentence = sentences.objections_text(words, seen.answer.objections, today=reader.today)
    lines = [line.model_dump(mode="json") for line in answers_of(reader, seen.answer.lines)]
    return Refusal(409, "return_not_allowed", sentence, {"lines": lines})


def something_missing(error: RequestIncomplete, words: Words, _now: datetime) -> Refusal:
    """Name what the policy wants more: "photos", and the questions by key."""
    missing = []
    if error.photos:
        missing.append(
            words.npgettext("widget", "Add %(n)s photo that shows it.", "Add %(n)s photos that show it.", error.photos)
        )
    if error.questions:
        missing.append(words.pgettext("widget", "Answer the questions about the reason."))
    fields = [*(["photos"] if error.photos else []), *error.questions]
    return Refusal(400, "invalid", " ".join(missing), {"fields": fields})


def cannot_cancel(error: CannotCancel, words: Words, _now: datetime) -> Refusal:
    """Say why an order cannot be canceled, and what can be done instead."""
    say = words.pgettext
    obstacles = {
        "shipped": say("widget", "This order has left the store. You can send it back once it has arrived."),
        "over": say("widget", "This order is canceled or refunded already."),
        "not_offered": say("widget", "The store does not cancel orders. You can talk to a person there about it."),
        "asked": say("widget", "You have asked to cancel this order."),
    }
    return Refusal(409, "cannot_cancel", obstacles[error.code], {"reason": error.code})


def no_such_right(error: NoSuchRight, words: Words, now: datetime) -> Refusal:
    """Say that there is no right of withdrawal, or since when not any more."""
    say = words.pgettext
    if error.ended_on is None:
        sentence = say(
            "widget", "We know of no legal right to withdraw from this contract. The store's policy may help."
        )
        return Refusal(409, "no_such_right", sentence)
    day = words.day(error.ended_on, today=now.date())
    sentence = say("widget", "The legal period to withdraw from the contract ended on %(day)s.", day=day)
    return Refusal(409, "no_such_right", sentence)


def bad_photo(error: BadPhoto, words: Words, _now: datetime) -> Refusal:
    """Say why a photo was not taken."""
    status = 413 if error.code == "too_large" else 400
    return Refusal(status, "bad_photo", image.sentence(words, error.code), {"reason": error.code})


def above_limit(error: AboveLimit, words: Words, _now: datetime) -> Refusal:
    """Say how much this role may give back alone."""
    limit, amount = words.money(error.limit, error.limit_currency), words.money(error.amount, error.currency)
    sentence = words.pgettext(
        "desk",
        "You may give back %(limit)s alone, and this is %(amount)s. Ask for approval.",
        limit=limit,
        amount=amount,
    )
    return Refusal(403, "above_limit", sentence)


ERRORS: Mapping[type[Exception], Explain] = {
    ReturnNotAllowed: not_allowed,
    RequestIncomplete: something_missing,
    CannotCancel: cannot_cancel,
    NoSuchRight: no_such_right,
    BadPhoto: bad_photo,
    AboveLimit: above_limit,
    PhotoNotFound: NOT_FOUND,
    OfferOver: explain(
        "widget",
        "This offer of an exchange is too old. Choose again what you would like instead.",
        status=409,
        code="offer_over",
    ),
    ReturnNotFound: explain(
        "widget", "We can't find this return. Find your order again.", status=404, code="return_not_found"
    ),
    WithdrawalNotFound: explain(
        "widget", "We can't find this withdrawal. Find your order again.", status=404, code="withdrawal_not_found"
    ),
    IllegalMove: explain(
        "widget", "Somebody was here before you: this has moved on. Look at it again.", status=409, code="moved_on"
    ),
    NothingToWithdraw: explain(
        "widget",
        "There is nothing left here that can be declared. Look at the order again.",
        status=409,
        code="nothing_to_withdraw",
    ),
    NotOpen: explain("desk", "This payment has moved on. Look at it again.", status=409, code="not_open"),
    PolicyChanged: explain(
        "desk",
        "Somebody saved the policy since you opened it. Look at theirs first.",
        status=409,
        code="policy_changed",
    ),
    ReasonNeeded: explain("desk", "This needs a reason. Write one, then try again.", status=400, code="reason_needed"),
    NotAPolicy: explain(
        "desk",
        "This file holds no return policy. Choose one that was exported here.",
        status=400,
        code="not_a_policy",
    ),
}
