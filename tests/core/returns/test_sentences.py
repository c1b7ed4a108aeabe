"""Every code of the returns slice has its sentence in every language: translated, days and money by locale."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, get_args, get_type_hints

import pytest

from core.i18n.words import Words, languages
from core.returns.facts import OBJECTIONS, OFFERS, Answer, Objection, Offer, RefundWhen, Wish
from core.returns.law.withdrawal_law import EXEMPTIONS
from core.returns.money import quotes
from core.returns.money.quotes import Entry
from core.returns.policy.policy_document import Policy
from core.returns.presenter.display_names import exemption_in_law
from core.returns.presenter.sentences import (
    entry_label,
    exemption,
    headline,
    note,
    objection,
    objections_text,
    offer,
    reason_label,
    refund_when,
    way_back,
    window,
    wish_label,
)
from core.returns.states import WITHDRAWAL, Standing

TODAY = date(2026, 11, 23)
CLOSED = date(2026, 11, 3)
LANGUAGES = [code for code in languages() if code != "en"]
ENGLISH = Words("en")
NOTES = (quotes.SHARE_OF_DISCOUNT, quotes.ROUNDED, quotes.REFUNDED_BEFORE, quotes.NOT_PAID)
_SAMPLES: dict[str, tuple[Any, ...]] = {
    "closed_on": (CLOSED,),
    "days": (30,),
    "counted_from": ("order", "shipping", "delivery", "extension"),
    "open_at_least_until": (CLOSED,),
    "left": (1, 2),
    "wish": ("exchange",),
    "offered": (("refund", "store_credit"), ()),
    "currency": ("KWD",),
    "count": (1, 5),
    "minimum": (1500,),
    "maximum": (250000,),
    "country": ("DE", ""),
    "reason": ("too_small",),
    "until": (CLOSED, None),
}


def _cases(codes: dict[str, tuple[str, ...]]) -> list[tuple[str, dict[str, Any]]]:
    """Give each code with each sample of its values."""
    cases: list[tuple[str, dict[str, Any]]] = []
    for code, names in codes.items():
        some: list[dict[str, Any]] = [{}]
        for name in names:
            some = [{**values, name: sample} for values in some for sample in _SAMPLES[name]]
        cases += [(code, values) for values in some]
    return cases


def _assert_translated(said: str, english: str) -> None:
    assert said.strip() == said != ""
    assert not re.search(r"%\(|\{|None|%s", said + english)
    assert said != english


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("code", "values"), _cases(OBJECTIONS))
def test_every_objection_is_a_sentence_in_every_language(code: str, values: dict[str, Any], language: str) -> None:
    told = Objection(code, values)
    said, english = (objection(words, told, today=TODAY) for words in (Words(language), ENGLISH))
    _assert_translated(said, english)
    assert english.endswith(".")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("code", "values"), _cases(OFFERS))
def test_every_next_best_thing_is_a_sentence_in_every_language(
    code: str, values: dict[str, Any], language: str
) -> None:
    told = Offer(code, values)
    said, english = (offer(words, told, today=TODAY) for words in (Words(language), ENGLISH))
    _assert_translated(said, english)
    assert english.endswith(".")


@pytest.mark.parametrize("language", languages())
def test_values_kept_as_json_read_the_same(language: str) -> None:
    words = Words(language)
    values = {"closed_on": CLOSED, "days": 30, "counted_from": "delivery"}
    kept = {**values, "closed_on": "2026-11-03"}
    assert objection(words, Objection("window_over", kept)) == objection(words, Objection("window_over", values))
    assert offer(words, Offer("withdraw", {"until": "2026-11-03"})) == offer(
        words, Offer("withdraw", {"until": CLOSED})
    )


@pytest.mark.parametrize("language", languages())
def test_who_is_blocked_reads_what_everybody_reads(language: str) -> None:
    words = Words(language)
    assert objection(words, Objection("blocked")) == objection(words, Objection("person_decides"))


def test_the_reasons_and_then_the_next_best_things_are_said_in_one_breath_each_once() -> None:
    over = Objection(
        "window_over", {"closed_on": CLOSED, "days": 30, "counted_from": "delivery"}, Offer("store_credit")
    )
    final = Objection("final_sale", {}, Offer("store_credit"))
    assert objections_text(ENGLISH, [over, over, final], today=TODAY) == (
        "Returns for this order closed on Tue 3 Nov (30 days after delivery). "
        "This was sold as a final sale, which the return policy leaves out. "
        "You can choose store credit instead."
    )


@pytest.mark.parametrize(
    ("language", "days", "said"),
    [
        ("en", 1, "(1 day after delivery)"),
        ("lt", 21, "praėjus 21 dienai po"),
        ("lt", 22, "praėjus 22 dienoms po"),
        ("lt", 30, "praėjus 30 dienų po"),
        ("ar", 1, "بعد يوم من"),
        ("ar", 2, "بعد يومين من"),
        ("ar", 7, "بعد 7 أيام من"),
        ("ar", 30, "بعد 30 يومًا من"),
        ("ar", 100, "بعد 100 يوم من"),
    ],
)
def test_days_are_counted_as_the_language_counts(language: str, days: int, said: str) -> None:
    values = {"closed_on": CLOSED, "days": days, "counted_from": "delivery"}
    assert said in objection(Words(language), Objection("window_over", values), today=TODAY)


@pytest.mark.parametrize(
    ("language", "minimum", "currency", "shown"),
    [
        ("en", 1500, "EUR", "€15.00"),
        ("lt", 1500, "EUR", "15,00\xa0€"),
        ("en", 1500, "JPY", "¥1,500"),
        ("en", 1500, "KWD", "1.500"),
    ],
)
def test_money_has_the_minor_units_of_its_currency(language: str, minimum: int, currency: str, shown: str) -> None:
    told = Objection("value_too_low", {"minimum": minimum, "currency": currency})
    assert shown in objection(Words(language), told)


def test_a_country_has_its_name_in_the_language() -> None:
    for language, name in {"en": "Germany", "vi": "Đức", "zh": "德国", "lt": "Vokietija"}.items():
        assert name in objection(Words(language), Objection("country_excluded", {"country": "de"}))


def test_what_is_offered_is_listed_in_words() -> None:
    told = Objection("wish_not_offered", {"wish": "exchange", "offered": ("refund", "store_credit", "repair")})
    assert objection(ENGLISH, told) == ("Not offered here: Exchange. What is offered: Refund, Store credit, or Repair.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_wish_note_and_stage_has_a_name(language: str) -> None:
    words = Words(language)
    for say, keys in (
        (reason_label, tuple(Policy().reasons)),
        (wish_label, get_args(Wish)),
        (note, NOTES),
        (refund_when, get_args(RefundWhen)),
        (way_back, ("store", "shopper")),
    ):
        assert len({say(words, key) for key in keys}) == len(keys)
        for key in keys:
            _assert_translated(say(words, key), say(ENGLISH, key))


def test_a_word_of_the_merchants_own_making_reads_as_it_was_made() -> None:
    for language in languages():
        assert reason_label(Words(language), "wrong_color") == "Wrong color"
        assert wish_label(Words(language), "gift_card") == "Gift card"
        assert entry_label(Words(language), Entry("fee", -100, note="re_stocking"), {}) == "Re stocking"


def test_what_is_no_note_and_no_stage_says_nothing() -> None:
    assert note(ENGLISH, "handling") == refund_when(ENGLISH, "") == way_back(ENGLISH, "") == ""
    assert way_back(ENGLISH, "", 500, "EUR") == ""


def test_a_note_is_kept_as_the_english_sentence_itself() -> None:
    for kept in NOTES:
        assert note(ENGLISH, kept) == kept


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_an_amount_has_a_name(language: str) -> None:
    lines = [Entry(what, 1) for what in get_args(get_type_hints(Entry)["what"]) if what != "fee"]
    fees = [Entry("fee", -1, note=fee) for fee in ("handling", "label")]
    for entry in (*lines, *fees):
        _assert_translated(entry_label(Words(language), entry, {}), entry_label(ENGLISH, entry, {}))
    assert entry_label(Words(language), Entry("line", 1, "cup"), {"cup": "Blue cup"}) == "Blue cup"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("letter", EXEMPTIONS)
def test_every_legal_ground_is_named_with_its_place_in_the_law(letter: str, language: str) -> None:
    words = Words(language)
    _assert_translated(exemption(words, letter), exemption(ENGLISH, letter))
    assert "2011/83/" not in exemption(words, letter), "shoppers rely on their own country's act"
    named = exemption_in_law(words, letter, "LT")
    assert exemption(words, letter) in named
    assert "2011/83/" in named
    assert re.search(rf"\b{letter}\b", named.split("2011/83/")[1])


def test_no_ground_is_named_that_the_law_does_not_have_there() -> None:
    assert exemption_in_law(ENGLISH, "z", "LT") == exemption_in_law(ENGLISH, "", "LT") == ""
    for country in ("GB", "US", ""):
        assert exemption_in_law(ENGLISH, "c", country) == "Made to your specifications or clearly personalized"


_STATES = {
    **dict.fromkeys(("return", "warranty", "cancel"), get_args(get_type_hints(Standing.status.fget)["return"])),
    "withdrawal": tuple(sorted({state for state, _ in WITHDRAWAL} | set(WITHDRAWAL.values()))),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", _STATES)
def test_how_it_stands_is_said_for_every_kind_and_state(kind: str, language: str) -> None:
    for state in _STATES[kind]:
        _assert_translated(headline(Words(language), kind, state), headline(ENGLISH, kind, state))


def test_a_state_nobody_has_is_no_headline() -> None:
    for kind, state in (("return", "lost"), ("withdrawal", "approved"), ("review", "requested")):
        with pytest.raises(KeyError):
            headline(ENGLISH, kind, state)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("accept"), "Returns have no end date here."),
        (Answer("accept", window_ends=date(2026, 12, 3)), "Returns are open until Thu 3 Dec."),
        (Answer("accept", window_ends=TODAY), "Returns are open until Mon 23 Nov."),
        (Answer("decline", window_ends=CLOSED), "Returns closed on Tue 3 Nov."),
        (Answer("review", window_ends=CLOSED, worst_case=True), "Returns are open until Tue 3 Nov at least."),
    ],
)
def test_the_window_says_until_when(answer: Answer, said: str) -> None:
    assert window(ENGLISH, answer, today=TODAY) == said
    for language in LANGUAGES:
        _assert_translated(window(Words(language), answer, today=TODAY), said)


def test_the_stores_label_names_its_price() -> None:
    for language in languages():
        said = way_back(Words(language), "shopper", 500, "EUR")
        assert Words(language).money(500, "EUR") in said
        assert said != way_back(Words(language), "shopper")
    assert way_back(ENGLISH, "store", 500, "EUR") == "The store pays for the way back."
