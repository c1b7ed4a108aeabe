"""What the exceptions of stores and staff mean over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from core.http.errors import Explain, Refusal, explain
from core.i18n.words import Words
from core.stores.connection.moves import ClaimOver
from core.stores.invitation import InvitationOver
from core.stores.people.person_check import WrongStaffCode
from core.stores.platform_access import StoreNotFound
from core.stores.settings import SettingsChanged
from core.stores.staff import AccessTaken, DeskClosed, RoleTooLow
from core.stores.throttle import TooManyTries


def _too_many_tries(error: TooManyTries, words: Words, _now: datetime) -> Refusal:
    sentence = words.pgettext("widget", "That was a lot of tries. Wait a quarter of an hour, then try again.")
    return Refusal(429, "too_many_tries", sentence, headers={"Retry-After": str(error.retry_after)})


ERRORS: Mapping[type[Exception], Explain] = {
    StoreNotFound: explain(
        "widget", "This did not work. Try again, or ask the store.", status=404, code="store_not_found"
    ),
    SettingsChanged: explain(
        "desk",
        "Somebody saved these settings since you opened them. Look at theirs first.",
        status=409,
        code="settings_changed",
    ),
    RoleTooLow: explain(
        "desk",
        "Your role only lets you look. The store's owner can change that.",
        status=403,
        code="role_too_low",
    ),
    AccessTaken: explain(
        "desk",
        "You can no longer come in here. The store's owner can change that.",
        status=403,
        code="access_taken",
    ),
    DeskClosed: explain(
        "desk",
        "This store has removed Aftercare. Install it again to open its desk.",
        status=403,
        code="desk_closed",
    ),
    InvitationOver: explain(
        "desk", "This link was used or is too old. Ask for a new one.", status=404, code="invitation_over"
    ),
    ClaimOver: explain("desk", "Somebody decided this already.", status=409, code="claim_over"),
    TooManyTries: _too_many_tries,
    WrongStaffCode: explain(
        "desk",
        "That code is not right, or it has run out. Ask for a new one.",
        status=401,
        code="wrong_code",
    ),
}
