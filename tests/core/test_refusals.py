"""Every error of returns meets HTTP once: a status, a machine word, and a sentence of its own in every language."""

from __future__ import annotations

import pytest

from core.app import collect_errors
from core.i18n.words import Words, languages
from core.returns.api import refusals
from core.returns.law.withdrawal_rights import NoSuchRight
from core.returns.photos.image import BadPhoto
from core.returns.requests.canceling import CannotCancel
from core.returns.requests.opening import RequestIncomplete, ReturnNotAllowed
from core.returns.return_settings import AboveLimit
from core.stores.throttle import TooManyTries
from tests.conftest import NOON

TOLD = (
    (RequestIncomplete(2, ("why",)), 400, "invalid"),
    *((CannotCancel(code), 409, "cannot_cancel") for code in ("shipped", "over", "not_offered", "asked")),  # type: ignore[arg-type]
    (NoSuchRight(None), 409, "no_such_right"),
    (NoSuchRight(NOON.date()), 409, "no_such_right"),
    (BadPhoto("broken"), 400, "bad_photo"),
    (BadPhoto("too_large"), 413, "bad_photo"),
    (AboveLimit(10_000, 12_345, "EUR"), 403, "above_limit"),
)


@pytest.mark.parametrize(("error", "status", "code"), TOLD)
def test_a_refusal_says_in_every_language_why(error: Exception, status: int, code: str) -> None:
    write = collect_errors()[type(error)]
    told = {language: write(error, Words(language), NOON) for language in languages()}
    assert {(one.status, one.code) for one in told.values()} == {(status, code)}
    assert len({one.sentence for one in told.values()}) == len(languages())
    assert not [one.sentence for one in told.values() if "%(" in one.sentence]


def test_what_is_missing_is_named() -> None:
    told = refusals.something_missing(RequestIncomplete(2, ("why",)), Words("en"), NOON)
    assert told.more == {"fields": ["photos", "why"]}
    assert told.sentence == "Add 2 photos that show it. Answer the questions about the reason."


def test_a_limit_is_said_with_both_amounts() -> None:
    told = refusals.above_limit(AboveLimit(10_000, 12_345, "EUR"), Words("en"), NOON)
    assert told.sentence == "You may give back €100.00 alone, and this is €123.45. Ask for approval."


@pytest.mark.parametrize("kind", collect_errors())
def test_every_error_of_a_slice_has_a_sentence_in_every_language(kind: type[Exception]) -> None:
    if kind in {type(error) for error, _, _ in TOLD} | {ReturnNotAllowed}:
        return  # what they carry is part of their sentence: tested above, and in test_shop
    error = TooManyTries(900) if kind is TooManyTries else kind.__new__(kind)  # its sentence needs no facts
    told = {language: collect_errors()[kind](error, Words(language), NOON).sentence for language in languages()}
    assert len(set(told.values())) == len(languages())
