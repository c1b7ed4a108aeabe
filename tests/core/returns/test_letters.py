"""Every kind of letter in every language against its golden text, and what no letter may do.

Run with UPDATE_GOLDEN=1 to write the golden files anew; then read them.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.i18n.words import languages
from core.mail.layout import Written
from core.returns.mail.letters import KINDS, OPTIONAL, ReturnLetter, UnknownKind, write
from tests.core.returns.letter_facts import ANN, APPROVED, EVIL, PAGE, RECEIPT, RETURN, facts_of

GOLDEN = Path(__file__).with_name("letters")


def _golden(name: str, printed: str) -> str:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(printed, "utf-8", newline="\n")
    return path.read_text("utf-8")


def _write(kind: str, language: str = "en", **changed: Any) -> Written:
    return write(kind, replace(facts_of(kind, language), **changed), language)


def _flat(kind: str, language: str = "en", **changed: Any) -> str:
    return " ".join(_write(kind, language, **changed).text.split())


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_reads_as_agreed_in_each_language(kind: str, language: str) -> None:
    written = _write(kind, language)
    printed = f"Subject: {written.subject}\nPreheader: {written.preheader}\n\n{written.text}"
    assert printed == _golden(f"{kind}.{language}.txt", printed)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_receipt_looks_as_agreed_in_both_directions(language: str) -> None:
    html = _write("withdrawal_receipt", language).html
    assert html == _golden(f"withdrawal_receipt.{language}.html", html)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_fits_any_mail_program(kind: str, language: str) -> None:
    written = _write(kind, language)
    assert len(written.html.encode()) < 20_000
    assert max(len(line.encode()) for line in written.text.splitlines()) < 998
    assert "!" not in written.text
    assert "sorry" not in written.text
    assert not re.search(r"<img|<script|@import|url\(", written.html)
    assert "prefers-color-scheme: dark" in written.html
    assert f'dir="{"rtl" if language == "ar" else "ltr"}"' in written.html


@pytest.mark.parametrize("language", [code for code in languages() if code != "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_english_is_left_in_another_language(kind: str, language: str) -> None:
    theirs, ours = (set(_write(kind, code).text.splitlines()) for code in (language, "en"))
    same = {line for line in theirs & ours if line and not re.match("https?://|----| ", line)}
    names = {ANN.store_name, ANN.store_address, *ANN.legal_lines, *RECEIPT.splitlines()}
    assert {line for line in same - names if not re.match(r"- (\d+ ×|Blue cup)", line)} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_only_news_offers_to_stop(kind: str) -> None:
    written = _write(kind)
    assert (f"{PAGE}/stop" in written.text, f"{PAGE}/stop" in written.html) == (kind in OPTIONAL, kind in OPTIONAL)


@pytest.mark.parametrize(
    ("kind", "first", "others"),
    [
        ("return_approved", "https://labels.example/RMA-1042.pdf", [PAGE, f"{PAGE}/person"]),
        ("exchange_ready", "https://cups.example/pay/1", [PAGE, f"{PAGE}/person"]),
        ("cancel_declined", f"{PAGE}/return", [PAGE, f"{PAGE}/person"]),
        ("withdrawal_contested", f"{PAGE}/person", [PAGE]),
        ("refund_issued", PAGE, [f"{PAGE}/person"]),
    ],
)
def test_the_main_button_is_what_the_letter_asks_for(kind: str, first: str, others: list[str]) -> None:
    written = _write(kind)
    assert re.findall(r'class="(?:main|link)" href="([^"]+)', written.html) == [first, *others]
    assert re.findall(r"^https://\S+[^/\s]$", written.text, re.MULTILINE) == [first, *others]


def test_an_approval_says_what_to_do_where_until_when_and_who_pays() -> None:
    text = _flat("return_approved")
    assert "Send the parcel by Mon 7 Dec. Put the code RMA-1042 into it" in text
    assert "You pay for the way back." in text
    assert "Send it to: Cup & Kettle, Pilies 4, 01123 Vilnius" in text
    assert "€57.80 comes back to you. The refund is made once the store has looked at what came back." in text


def test_what_may_be_kept_needs_no_parcel_no_label_and_no_address() -> None:
    written = _write("return_approved", keep=True)
    assert "You can keep them." in written.text
    assert not re.search("Send|label|Pilies 4\n|way back", written.text.split("----")[0])
    assert "labels.example" not in written.text + written.html


def test_without_an_address_the_store_tells_it() -> None:
    assert "The store tells you where to send it." in _flat("return_approved", send_to=(), label_url="")
    told = _flat("return_approved", send_to=(), label_url="", reasons=("Send it to Pilies 5, Vilnius.",))
    assert "Send it to Pilies 5, Vilnius." in told
    assert "The store tells you" not in told


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"return_approved", "withdrawal_receipt"}))
def test_only_a_letter_that_asks_for_a_parcel_names_the_address(kind: str) -> None:
    assert "Send it to" not in _write(kind, send_to=APPROVED.send_to, return_by=date(2026, 12, 7)).text


@pytest.mark.parametrize(
    ("brings", "said"),
    [
        ("refund", "€57.80 comes back to you. The refund is made"),
        ("store_credit", "€57.80 comes back to you as store credit."),
        ("exchange", "We write to you when your exchange is ready."),
        ("repair", ""),
        ("", ""),
    ],
)
def test_an_approval_promises_what_was_wished_for(brings: str, said: str) -> None:
    text = _flat("return_approved", brings=brings)
    assert said in text
    assert ("The refund is made" in text) == (brings == "refund")
    assert ("comes back" in text) == (brings in ("refund", "store_credit"))


def test_an_arrival_says_when_the_money_follows_even_without_a_day() -> None:
    assert "Your refund of €57.80 is due by Mon 30 Nov." in _flat("return_received")
    waiting = _flat("return_received", refund_by=None, refund_when="inspection")
    assert "The refund is made once the store has looked at what came back." in waiting
    assert "refund" not in _flat("return_received", brings="exchange")


def test_an_explanation_is_shown_where_it_adds_up_and_only_there() -> None:
    assert "- Return label: -€5.00\n- Total: €45.50\n" in _write("refund_issued").text
    assert "adds up" not in _write("refund_issued", amount=4549).text
    assert "adds up" not in _write("refund_issued", amount=None).text


def test_a_gift_letter_shows_no_money() -> None:
    for kind in KINDS:
        written = _write(kind, amount=None)
        assert "€" not in written.subject + written.preheader + written.text + written.html


@pytest.mark.parametrize(
    ("amount", "currency", "language", "shown"),
    [
        (5780, "JPY", "en", "¥5,780"),
        (57800, "KWD", "en", "KWD57.800"),
        (5780, "EUR", "lt", "57,80\xa0€"),
        (5780, "EUR", "vi", "57,80\xa0€"),
    ],
)
def test_money_has_the_minor_units_of_its_currency(amount: int, currency: str, language: str, shown: str) -> None:
    written = _write("refund_issued", language, amount=amount, currency=currency, explanation=())
    assert shown in written.subject
    assert shown in written.text


def test_the_receipt_is_printed_to_the_letter_so_that_its_digest_can_be_checked() -> None:
    for language in languages():
        written = _write("withdrawal_receipt", language)
        start = written.text.index("Withdrawal WD-1042\n")
        printed = written.text[start : start + len(RECEIPT)]
        assert hashlib.sha256(printed.encode()).hexdigest() in written.text
        assert f">{RECEIPT}</pre>" in written.html


def test_the_receipt_says_the_moment_with_its_zone_and_what_happens_now() -> None:
    text = _flat("withdrawal_receipt")
    assert "Declared: Mon 23 Nov 2026, 09:05 (GMT+02:00)" in text
    assert "You don't have to give a reason." in text
    assert "Please send the things back by Mon 7 Dec. You pay for the way back." in text
    assert "Your refund is due by Mon 7 Dec." in text


def test_a_receipt_without_a_refund_day_says_what_it_waits_for() -> None:
    assert "Your refund is due once the things have arrived" in _flat("withdrawal_receipt", refund_by=None)
    kept = _flat("withdrawal_receipt", keep=True)
    assert "Nothing needs to be sent back. Your refund is due by Mon 7 Dec." in kept
    assert "send the things back" not in kept


def test_a_store_credit_code_is_not_shown_on_a_locked_phone_and_copies_clean() -> None:
    written = _write("store_credit_issued", "ar")
    assert "GIFT" not in written.subject + written.preheader
    assert "    GIFT-7K2P-40QX\n" in written.text
    assert ">GIFT-7K2P-40QX<" in written.html


def test_an_exchange_with_nothing_to_pay_is_on_its_way() -> None:
    written = _write("exchange_ready", link="", amount=None)
    assert written.subject == "Your exchange RMA-1042 is on its way"
    assert not re.search("pay", written.text, re.IGNORECASE)


def test_a_request_to_cancel_that_was_taken_back_names_no_return() -> None:
    written = write("return_canceled", ANN, "en")
    assert written.subject == "Your order #1042 goes on"
    assert not re.search("eturn|parcel", written.text)


def test_a_partial_acceptance_says_which_things_and_why() -> None:
    assert "Not accepted:\n- 1 × Teapot – The lid is missing\n" in _write("refund_issued").text


def test_a_contested_thing_stands_beside_its_legal_ground() -> None:
    letter = _flat("withdrawal_contested")
    assert "- 1 × Engraved cup – Made to your specifications or clearly personalized" in letter
    assert "2011/83" not in letter


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_about_which_little_is_known_is_still_a_letter(kind: str) -> None:
    written = write(kind, ReturnLetter(today=ANN.today, store_name="Cup & Kettle", order_number="#1042"), "en")
    assert "#1042" in written.subject + written.text
    assert not re.search(r"None|%\(|by \.|: \.", written.text)


@pytest.mark.parametrize("language", ["en", "ar", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_facts_stay_facts(kind: str, language: str) -> None:
    written = write(kind, EVIL, language)
    assert re.findall(r"<(script|img|b|i)\b", written.html, re.IGNORECASE) == []
    assert "javascript:" not in written.text + written.html
    for part in (written.subject, written.preheader, written.text, written.html):
        assert not re.search("[\u202a-\u202e\u2066\u2067\x00\u2028\r\f]", part)
        assert part.count("\u2068") == part.count("\u2069")
    assert "\n" not in written.subject + written.preheader
    assert len(written.subject) < 300


def test_a_kind_nobody_wrote_is_refused_and_an_unknown_language_reads_english() -> None:
    with pytest.raises(UnknownKind):
        write("birthday", ANN, "en")
    assert write("return_requested", RETURN, "tlh") == write("return_requested", RETURN, "en")
