"""Foreign text on our paper: cleaned, isolated, wrapped, and linked only where the address is plain."""

from __future__ import annotations

import pytest

from core.mail.layout import clean, isolate, safe_url, wrap


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  Ann \r\n Bell ", "Ann Bell"),
        ("a\u202eb\u2066c\u200f", "abc"),
        ("x" * 200, "x" * 119 + "…"),
        ("half \ud83d emoji", "half emoji"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\u202e\x00 ", ""),
    ],
)
def test_foreign_text_becomes_one_short_line(text: str, kept: str) -> None:
    assert clean(text) == kept


@pytest.mark.parametrize(
    ("text", "direction", "isolated"),
    [
        ("#1042 Ann", "ltr", False),
        ("كوب", "ltr", True),
        ("كوب", "rtl", False),
        ("LP00123", "rtl", False),
        ("0550123", "rtl", True),
        ("Blue cup", "rtl", True),
        ("", "rtl", False),
    ],
)
def test_a_name_is_isolated_only_where_it_could_turn_the_sentence(text: str, direction: str, isolated: bool) -> None:
    assert isolate(text, direction) == (f"\u2068{text}\u2069" if isolated else text)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://a b",
        'https://a"onclick=',
        "https://a\u202eb",
        "",
    ],
)
def test_an_address_that_is_not_plain_is_dropped(url: str) -> None:
    assert safe_url(url) == ""
    assert safe_url("https://shop.example/t/1?a=b&c=d#e") == "https://shop.example/t/1?a=b&c=d#e"


def test_lines_break_at_72_columns_but_no_word_is_cut() -> None:
    assert wrap("word " * 20).splitlines() == [
        "word word word word word word word word word word word word word word",
        "word word word word word word",
    ]
    assert wrap("https://shop.example/" + "x" * 90) == "https://shop.example/" + "x" * 90


def test_chinese_breaks_between_characters_but_no_line_starts_with_a_stop() -> None:
    lines = wrap("订" * 36 + "。" + "单" * 10).splitlines()
    assert lines == ["订" * 35, "订。" + "单" * 10]


def test_a_thai_phrase_is_never_cut() -> None:
    phrase = "บริษัทขนส่งพยายามนำส่งพัสดุของคำสั่งซื้อ" * 3
    assert wrap(f"{phrase} {phrase}") == f"{phrase}\n{phrase}"
