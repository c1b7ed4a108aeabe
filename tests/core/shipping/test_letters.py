"""Every kind of letter in every language against its golden text, and what no letter may do.

Run with UPDATE_GOLDEN=1 to write the golden files anew; then read them.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from core.i18n.words import languages
from core.shipping.mail import letters
from core.shipping.mail.letters import KINDS, Letter, ParcelLine, UnknownKind, Written, write

GOLDEN = Path(__file__).with_name("letters")
ANN = Letter(
    today=date(2026, 11, 23),
    store_name="Cup & Kettle",
    store_url="https://cups.example/",
    store_address="Pilies 4, 01123 Vilnius",
    support_email="help@cups.example",
    order_number="#1042",
    shopper_name="Ann",
    promised_by=date(2026, 11, 24),
    expected_earliest=date(2026, 11, 25),
    expected_likely=date(2026, 11, 26),
    expected_latest=date(2026, 11, 27),
    expected_by=date(2026, 11, 27),
    reason="carrier_revised",
    carrier="DHL",
    tracking_number="LP00123456789",
    tracking_url="https://carrier.example/LP00123456789",
    parcels=(ParcelLine((("Blue cup", 2), ("Teapot", 1)), "DHL", "LP00123456789"),),
    last_scan_at=datetime(2026, 11, 20, 18, tzinfo=UTC),
    last_scan_text="Vilnius hub",
    track_url="https://aftercare.example/t/abc",
    answer_urls={
        answer: f"https://aftercare.example/t/abc/{answer}"
        for answer in ("wait", "cancel", "arrived", "not_yet", "person")
    },
    stop_url="https://aftercare.example/t/abc/stop",
    legal_lines=("Cup & Kettle UAB, company code 301234567",),
    links=(
        ("#1042", "https://aftercare.example/t/abc", "Placed Tue 3 Nov · On its way"),
        ("#1043", "https://aftercare.example/t/def", ""),
    ),
    code="402913",
)
ON_TIME = replace(
    ANN,
    promised_by=date(2026, 11, 27),
    expected_earliest=date(2026, 11, 24),
    expected_likely=date(2026, 11, 25),
    expected_latest=date(2026, 11, 27),
    expected_by=date(2026, 11, 27),
    reason="",
    last_scan_at=datetime(2026, 11, 23, 7, tzinfo=UTC),
)
SECOND = ParcelLine((("Saucer", 2),), "DPD", "0550123")
FACTS = {
    **dict.fromkeys(("shipped", "out_for_delivery", "delivered", "failed_attempt", "ready_for_pickup"), ON_TIME),
    "returned_to_sender": ON_TIME,
    "all_arrived": replace(ON_TIME, parcels=(*ON_TIME.parcels, SECOND)),
    "exception": replace(ON_TIME, expected_earliest=None, expected_likely=None, expected_latest=None, expected_by=None),
    "delay": ANN,
    "stalled": replace(ANN, reason="no_scan"),
    "not_shipped": replace(
        ANN, reason="not_shipped", carrier="", tracking_number="", tracking_url="", last_scan_at=None
    ),
    "asked_if_arrived": replace(ON_TIME, last_scan_at=None, last_scan_text=""),
    "links": ON_TIME,
    "code": ON_TIME,
}
LATE = re.compile(r"sorry|delay|late\b", re.IGNORECASE)
EVIL = replace(
    ANN,
    store_name="<b>Eve</b>\u202e & Co\r\nBcc: max@cups.example",
    shopper_name="\u202eAnn<script>alert(1)</script>",
    order_number="#1\r\nSubject: 2",
    carrier="w" * 200,
    tracking_url="javascript:alert(1)",
    parcels=(ParcelLine((("x" * 200, 1), ('"><img src=x onerror=alert(1)>', 2), ("كوب\u2066", 3))),),
    last_scan_text="A\u0000B\u2028C",
    legal_lines=("<i>" * 200,),
)


def _golden(name: str, printed: str) -> str:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(printed, "utf-8", newline="\n")
    return path.read_text("utf-8")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_reads_as_agreed_in_each_language(kind: str, language: str) -> None:
    written = write(kind, FACTS[kind], language)
    printed = f"Subject: {written.subject}\nPreheader: {written.preheader}\n\n{written.text}"
    assert printed == _golden(f"{kind}.{language}.txt", printed)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_delay_looks_as_agreed_in_both_directions(language: str) -> None:
    html = write("delay", FACTS["delay"], language).html
    assert html == _golden(f"delay.{language}.html", html)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_fits_any_mail_program(kind: str, language: str) -> None:
    written = write(kind, FACTS[kind], language)
    assert len(written.html.encode()) < 20_000
    assert max(len(line.encode()) for line in written.text.splitlines()) < 998
    assert "!" not in written.text
    assert not re.search(r"<img|<script|@import|url\(", written.html)


def test_a_letter_shows_the_pictures_a_store_has_and_reads_the_same_without_them() -> None:
    mug = "https://cdn.example/mug.jpg"
    bare, seen, odd = (
        write("delay", replace(ANN, parcels=(ParcelLine((("Mug", 2, picture),)),)), "en")
        for picture in ("", mug, "javascript:alert(1)")
    )
    (tag,) = re.findall("<img[^>]*>", seen.html)
    # The name stands beside it: read aloud as well, it would be heard twice.
    assert (f'src="{mug}"' in tag, 'alt=""' in tag, 'width="40"' in tag) == (True, True, True)
    assert "2 × Mug" in re.sub("<[^>]*>", "", seen.html)
    assert seen.html.replace(f"{tag} ", "") == bare.html == odd.html
    assert seen.text == bare.text == odd.text


@pytest.mark.parametrize("kind", KINDS)
def test_we_are_sorry_once_and_only_when_we_know_it_is_late(kind: str) -> None:
    assert write(kind, FACTS[kind], "en").text.count("sorry") == (kind in ("delay", "stalled", "not_shipped"))
    assert "sorry" not in write(kind, ON_TIME, "en").text


def test_asking_whether_it_came_asserts_nothing_even_after_the_promised_day() -> None:
    asked = write("asked_if_arrived", replace(ANN, today=date(2026, 12, 1), parcels=(), last_scan_at=None), "en")
    assert not LATE.search(asked.text + asked.subject + asked.preheader)


def test_a_delay_names_the_old_date_and_the_new_one() -> None:
    text = write("delay", ANN, "en").text
    assert "promised by Tue 24 Nov" in text
    assert text.index("Thu 26 Nov") < text.index("DHL")


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({}, "It is now expected between Wed 25 and Fri 27 Nov, most likely Thu 26 Nov."),
        ({"expected_earliest": None}, "It is now expected on Thu 26 Nov."),
        ({"expected_likely": None, "expected_by": None}, "It is now expected by Fri 27 Nov."),
        (
            {"expected_likely": None, "expected_by": None, "expected_latest": None},
            "There is no new date yet.",
        ),
    ],
)
def test_we_say_as_much_about_the_day_as_we_know(known: dict[str, Any], sentence: str) -> None:
    assert sentence in " ".join(write("delay", replace(ANN, **known), "en").text.split())


def test_a_day_that_has_passed_is_not_expected_any_more() -> None:
    missed = write("delay", replace(ANN, today=date(2026, 12, 1)), "en")
    assert missed.subject == "Your parcel is delayed"
    assert "There is no new date yet." in " ".join(missed.text.split())
    assert "26 Nov" not in missed.text


def test_a_delay_without_any_date_says_so_in_its_subject() -> None:
    bare = Letter(today=ANN.today, store_name="Cup & Kettle")
    assert write("delay", bare, "en").subject == "Your parcel is delayed"


def test_a_parcel_that_was_never_scanned_is_not_given_an_age() -> None:
    written = write("stalled", replace(ANN, last_scan_at=None, reason="never_scanned"), "en")
    assert written.subject == "The carrier has not scanned your parcel yet"
    assert "Last scan" not in written.text


@pytest.mark.parametrize(
    ("kind", "offered"),
    [
        ("delay", ["", "/wait", "/cancel", "/person"]),
        ("asked_if_arrived", ["/arrived", "/not_yet", "/person"]),
        ("delivered", ["", "/not_yet", "/person"]),
        ("shipped", [""]),
        ("code", []),
    ],
)
def test_a_kind_offers_the_answers_that_fit(kind: str, offered: list[str]) -> None:
    text = write(kind, replace(FACTS[kind], stop_url=""), "en").text
    assert re.findall(r"^https://aftercare\.example/t/abc(\S*)$", text, re.MULTILINE) == offered


def test_a_quiet_letter_promises_no_choices_and_offers_none() -> None:
    written = write("delay", replace(ANN, quiet=True), "en")
    assert "choose" not in written.text + written.preheader
    assert "/t/abc/wait" not in written.text + written.html
    assert "https://aftercare.example/t/abc" in written.text


def test_no_name_is_no_problem() -> None:
    assert "\nHello,\n" in write("shipped", replace(ON_TIME, shopper_name=" \u202e"), "en").text


def test_the_code_is_not_shown_on_a_locked_phone_and_copies_clean() -> None:
    written = write("code", FACTS["code"], "ar")
    assert "402913" not in written.subject + written.preheader
    assert "    402913\n" in written.text
    assert ">402913<" in written.html


def test_several_parcels_are_listed_apart_and_a_long_list_is_counted() -> None:
    assert "Parcel 0550123:\n- 2 × Saucer" in write("all_arrived", FACTS["all_arrived"], "en").text
    many = replace(ANN, parcels=(ParcelLine(tuple((f"Cup {n}", 1) for n in range(500))),))
    written = write("shipped", many, "en")
    assert "- and 470 more" in written.text
    assert len(written.html.encode()) < 102_000


def test_arabic_runs_from_right_to_left_and_names_stand_apart() -> None:
    written = write("delay", ANN, "ar")
    assert '<html lang="ar" dir="rtl">' in written.html
    assert "<bdi>#1042</bdi>" in written.html
    assert "\u2068#1042\u2069" in written.text
    assert "LP00123456789" in written.text
    assert "\u2068LP" not in written.text


def _markup(written: Written) -> list[str]:
    return re.findall(r"<(script|img|b|i)\b", written.html, re.IGNORECASE)


@pytest.mark.parametrize("language", ["en", "ar", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_stay_names(kind: str, language: str) -> None:
    written = write(kind, EVIL, language)
    assert _markup(written) == []
    assert "javascript:" not in written.text + written.html
    for part in (written.subject, written.preheader, written.text, written.html):
        assert not re.search("[\u202a-\u202e\u2066\u2067\x00\u2028\r]", part)
        assert part.count("\u2068") == part.count("\u2069")
    assert "\n" not in written.subject + written.preheader
    assert len(written.subject) < 300


def test_an_arabic_title_stands_apart_in_an_english_letter() -> None:
    assert "- 3 × \u2068كوب\u2069" in write("shipped", EVIL, "en").text


def test_a_kind_nobody_wrote_is_refused_and_an_unknown_language_reads_english() -> None:
    with pytest.raises(UnknownKind):
        write("birthday", ANN, "en")
    assert write("delay", ANN, "tlh") == write("delay", ANN, "en")


def test_the_promise_is_late_when_the_day_has_passed_or_will_be_missed() -> None:
    assert letters.is_late(ANN)
    assert not letters.is_late(ON_TIME)
    assert letters.is_late(replace(ON_TIME, today=date(2026, 11, 28)))
    assert not letters.is_late(replace(ANN, promised_by=None))
