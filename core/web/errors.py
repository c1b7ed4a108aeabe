"""Errors meet HTTP here and nowhere else: JSON for machines, one sentence for people, never a stack trace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, jsonify, render_template, request
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from core.http.context import services, words
from core.i18n.words import Words
from core.orders.find import OrderNotFound
from core.orders.messages.notice import IllegalMove
from core.orders.shop import WrongCode
from core.orders.shopper_auth import LinkExpired, NotAllowed, NotHere, StepUpNeeded
from core.platform.errors import BadSignature, NotSupported, PlatformError, Unavailable
from core.platform.registry import UnknownPlatform
from core.returns import states
from core.returns.api import refusals
from core.returns.law.withdrawal_rights import NoSuchRight
from core.returns.money.reimburse import NotOpen
from core.returns.photos.image import BadPhoto
from core.returns.photos.photo_storage import PhotoNotFound
from core.returns.policy.policy_versions import NotAPolicy, PolicyChanged
from core.returns.requests.canceling import CannotCancel
from core.returns.requests.lifecycle import ReasonNeeded, ReturnNotFound
from core.returns.requests.opening import ReturnNotAllowed, SomethingMissing
from core.returns.return_settings import AboveLimit
from core.returns.withdrawal.declare import NothingToWithdraw, WithdrawalNotFound
from core.stores.platform_access import StoreNotFound
from core.stores.settings import SettingsChanged
from core.stores.staff import RoleTooLow
from core.stores.throttle import TooManyTries

log = structlog.get_logger()

_MEANING: dict[type[Exception], tuple[int, str]] = {
    OrderNotFound: (404, "order_not_found"),
    StoreNotFound: (404, "store_not_found"),
    UnknownPlatform: (404, "unknown_platform"),
    LinkExpired: (404, "link_expired"),
    NotHere: (404, "not_found"),
    ReturnNotFound: (404, "return_not_found"),
    WithdrawalNotFound: (404, "withdrawal_not_found"),
    PhotoNotFound: (404, "not_found"),
    NotAllowed: (401, "not_allowed"),
    StepUpNeeded: (403, "step_up"),
    WrongCode: (401, "wrong_code"),
    TooManyTries: (429, "too_many_tries"),
    SettingsChanged: (409, "settings_changed"),
    IllegalMove: (409, "illegal_move"),
    RoleTooLow: (403, "role_too_low"),
    states.IllegalMove: (409, "moved_on"),
    NothingToWithdraw: (409, "nothing_to_withdraw"),
    NotOpen: (409, "not_open"),
    PolicyChanged: (409, "policy_changed"),
    ReasonNeeded: (400, "reason_needed"),
    NotAPolicy: (400, "not_a_policy"),
}
_TOLD: dict[type[Exception], Callable[[Any, Words, datetime], refusals.Refusal]] = {
    ReturnNotAllowed: refusals.not_allowed,
    SomethingMissing: refusals.something_missing,
    CannotCancel: refusals.cannot_cancel,
    NoSuchRight: refusals.no_such_right,
    BadPhoto: refusals.bad_photo,
    AboveLimit: refusals.above_limit,
}
"""Errors whose sentence is made of what they carry."""


def handle(app: APIFlask) -> None:
    """Register what each error becomes."""
    for kind in _MEANING:
        app.register_error_handler(kind, _known)
    for kind in _TOLD:
        app.register_error_handler(kind, _told)
    app.register_error_handler(PlatformError, _platform)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DataError, _unstorable)
    app.register_error_handler(OverflowError, _unstorable)
    app.register_error_handler(ParseException, _garbled)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(NoConnection, _database_away)
    app.register_error_handler(Exception, _ours)
    app.error_callback = _validation


def sentence(code: str) -> str:
    """Say what to do about an error, in the reader's language."""
    say = words().pgettext
    return {
        "order_not_found": say(
            "widget",
            "We couldn't find an order with that number and e-mail. Check both, or have your links mailed to you.",
        ),
        "link_expired": say("widget", "This link no longer works. Find your order with its number and e-mail."),
        "too_many_tries": say("widget", "That was a lot of tries. Wait a quarter of an hour, then try again."),
        "not_allowed": say("widget", "Your access has run out. Find your order again."),
        "wrong_code": say("widget", "That code is not right, or it has run out. Ask for a new one."),
        "not_found": say("widget", "There is nothing at this address."),
        "return_not_found": say("widget", "We can't find this return. Find your order again."),
        "withdrawal_not_found": say("widget", "We can't find this withdrawal. Find your order again."),
        "step_up": say("widget", "To do this, have a code mailed to the address you ordered with, and type it in."),
        "moved_on": say("widget", "Somebody was here before you: this has moved on. Look at it again."),
        "nothing_to_withdraw": say("widget", "There is nothing left here to withdraw from. Look at the order again."),
        "not_open": say("desk", "This payment has moved on. Look at it again."),
        "policy_changed": say("desk", "Somebody saved the policy since you opened it. Look at theirs first."),
        "reason_needed": say("desk", "This needs a reason. Write one, then try again."),
        "not_a_policy": say("desk", "This file holds no return policy. Choose one that was exported here."),
        "settings_changed": say("desk", "Somebody saved these settings since you opened them. Look at theirs first."),
        "illegal_move": say("desk", "Somebody was here before you: this message has moved on."),
        "role_too_low": say("desk", "Your role only lets you look. The store's owner can change that."),
        "http_401": say("desk", "Your session has ended. Open Aftercare from your store's admin again."),
        "away": say("widget", "We cannot look this up right now. Try again in a minute."),
    }.get(code, say("widget", "This did not work. Try again, or ask the store."))


def _known(error: Exception) -> tuple[Response | str, int] | tuple[Response | str, int, dict[str, str]]:
    status, code = _MEANING[type(error)]
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooManyTries) else {}
    return _answer(code, status), status, headers


def _told(error: Exception) -> tuple[Response | str, int]:
    told = _TOLD[type(error)](error, words(), services().clock())
    if _wants_json():
        return jsonify(error={"code": told.code, "message": told.sentence, **told.more}), told.status
    return render_template("error.html", sentence=told.sentence, store=_NOBODY), told.status


def _http(error: HTTPException) -> tuple[Response | str, int]:
    status = error.code or 500
    return _answer({404: "not_found", 405: "method_not_allowed"}.get(status, f"http_{status}"), status), status


def _platform(error: PlatformError) -> tuple[Response | str, int] | tuple[Response | str, int, dict[str, str]]:
    if isinstance(error, BadSignature):
        return _answer("not_allowed" if _wants_json() else "http_401", 401), 401
    if isinstance(error, NotSupported):
        return _answer("not_found", 404), 404
    if isinstance(error, Unavailable):
        return _answer("away", 503), 503, {"Retry-After": str(round(error.retry_after or 30))}
    return _answer("refused", 502), 502


def _unstorable(error: DataError | OverflowError) -> tuple[Response | str, int]:
    # What was typed holds what the database cannot: a NUL, a number of forty digits. (SQLite's driver calls the
    # number an OverflowError, which SQLAlchemy passes on as it is.)
    log.info("unstorable", error=type(getattr(error, "orig", error)).__name__)
    return _answer("invalid", 400), 400


def _garbled(_error: ParseException) -> tuple[Response | str, int]:
    # gunicorn reads a chunked body while we do, so what is wrong with a chunk comes up in the view (27, 2026-11).
    return _answer("http_400", 400), 400


def _database_away(error: OperationalError | NoConnection) -> tuple[Response | str, int, dict[str, str]]:
    """Ask to come back: the database is away, or so busy that no connection came free."""
    log.error("database_away", error=type(getattr(error, "orig", error)).__name__)
    return _answer("away", 503), 503, {"Retry-After": "30"}


def _ours(error: Exception) -> tuple[Response | str, int]:
    log.exception("unhandled", path=request.url_rule.rule if request.url_rule else "")
    return _answer("internal", 500), 500


def _validation(error: HTTPError) -> tuple[Response, int]:
    detail = error.detail if isinstance(error.detail, dict) else {}
    fields = sorted({str(name) for part in detail.values() if isinstance(part, dict) for name in part})
    status = 400 if error.status_code == 422 else error.status_code
    body = {"code": "invalid" if fields else f"http_{status}", "message": error.message}
    return jsonify(error=body | ({"fields": fields} if fields else {})), status


def _answer(code: str, _status: int) -> Response | str:
    if _wants_json():
        return jsonify(error={"code": code, "message": sentence(code)})
    return render_template("error.html", sentence=sentence(code), store=_NOBODY)


def _wants_json() -> bool:
    return request.path.startswith(("/shop/", "/hooks/", "/proxy/", "/metrics", "/healthz", "/readyz", "/mail/"))


class _Nobody:
    name = ""
    url = ""


_NOBODY = _Nobody()
