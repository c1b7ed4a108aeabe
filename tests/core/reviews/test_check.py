"""What a public answer is warned of, and what it is not: by table, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reviews.public_names import public_name
from core.reviews.reply_check import check

OWN = ("care@fern.example", "+370 600 11111")


def codes(text: str, *names: str, number: str = "LIN-1042") -> list[str]:
    return [doubt.code for doubt in check(text, names=names, order_number=number, own_contacts=OWN)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Write to ann.berg+shop@mail.example, please.", "email"),
        ("Schreiben Sie an ÄNN@Büro.example.", "email"),
        ("We call you at +370 612 00017 tomorrow.", "phone"),
        ("We call you at (0612) 000-17 tomorrow.", "phone"),
        ("سنتصل بك على ٠٦١٢٠٠٠١٧ غدا", "phone"),
        ("Order LIN-1042 was late.", "order_number"),
        ("Order lin-1042, sorry.", "order_number"),
        ("Your order 1042 was late.", "order_number"),
        ("คำสั่งซื้อ ๑๐๔๒ ล่าช้า", "order_number"),
        ("See LIN-77 in your mail.", "order_number"),
        ("See #777 in your mail.", "order_number"),
        ("Dear Ann Berg, sorry.", "full_name"),
        ("Dear ANN  BERG, sorry.", "full_name"),
        ("王小明您好，抱歉。", "full_name"),
        ("👍👍", "no_words"),
        ("5/5", "no_words"),
    ],
)
def test_a_text_is_warned_of(text: str, code: str) -> None:
    assert codes(text, "Ann Berg", "王小明") == [code]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("电话13812345678", "phone"),
        ("โทร0812345678ค่ะ", "phone"),
        ("ຕິດຕໍ່02012345678ເດີ", "phone"),
        ("전화01012345678로 주세요", "phone"),
        ("اتصل على الرقم ٠٥٠١٢٣٤٥٦٧وشكرا", "phone"),
        ("Call (+66) 81-234-5678.", "phone"),
        ("Call 0912\u2013345\u2013678.", "phone"),
        ("Call 081·234·5678.", "phone"),
        ("Call 138\u200b1234\u200b5678.", "phone"),
        ("Call +1 234 567 000.", "phone"),
        ("Call 912 345 678.", "phone"),
        ("Call 081 234 567.", "phone"),
        ("邮箱ann@mail.example联系", "email"),
        ("Write to ann＠mail.example", "email"),
        ("Write to ann (at) mail.example", "email"),
        ("Write to ann [at] mail [dot] example", "email"),
        ("Write to ann at mail dot example", "email"),
        ("Write to ann @ mail . example", "email"),
        ("订单LIN-1042已发货", "order_number"),
        ("订单1042已发货", "order_number"),
        ("คำสั่งซื้อ1042ล่าช้า", "order_number"),
        ("订单号：777888", "order_number"),
        ("Order No. 777888 was late.", "order_number"),
        ("Užsakymo Nr. 777888", "order_number"),
        ("Đơn hàng số 777888", "order_number"),
        ("คุณสมชาย ใจดีครับ", "full_name"),
        ("感谢Ann Berg的评价", "full_name"),
        ("Dear Berg, Ann, sorry.", "full_name"),
        ("Chào Nguyen Van Duc, xin lỗi.", "full_name"),
        ("Dear Ann\u200b Berg, sorry.", "full_name"),
    ],
)
def test_a_text_is_warned_of_in_every_script_and_spelling(text: str, code: str) -> None:
    assert codes(text, "Ann Berg", "สมชาย ใจดี", "Nguyễn Văn Đức") == [code]


@pytest.mark.parametrize(
    "text",
    [
        "It costs 1 299 000 VND",
        "Sold +100 000 000 times.",
        "It costs 1.299.000đ",
        "It costs 1,299,000 ₫ or ¥1'299'000.",
        "It costs 1\u202f299\u202f500.",
        "มันราคา 912 345 678 บาท",
        "USD 912 345 678 is too much.",
        "We are at the shop, dot by dot.",
    ],
)
def test_a_price_in_thousands_is_no_phone(text: str) -> None:
    assert codes(text, "Ann Berg") == []


@pytest.mark.parametrize("number", ["", "ABC", "#", "-", "٭"])
def test_an_answer_to_a_review_without_an_order_s_number_is_checked(number: str) -> None:
    assert check("Thank you for the kind words.", order_number=number) == ()
    assert [doubt.code for doubt in check("Write to a@b.example", names=("", " "), order_number=number)] == ["email"]


def test_an_order_number_without_digits_is_found() -> None:
    assert codes("Your order SPRING was late.", number="SPRING") == ["order_number"]


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_text_whatever_it_holds_breaks_the_check(text: str, name: str, number: str, own: str) -> None:
    for doubt in check(text, names=(name,), order_number=number, own_contacts=(own,)):
        assert doubt.found or doubt.code == "no_words"


@pytest.mark.parametrize(
    "text",
    [
        "Sorry, Ann. A new one is on its way.",
        "It left on 2026-11-18 and came on 24.11.2026.",
        "We gave back €23.90, of 1 250.",
        "Write to care@fern.example or call +370 600 11111.",
        "Annika Bergstrom is somebody else; Ann Bergs too.",
        "The board has 104 rings and 10420 hours of work in it.",
        "Gracias, Ana.",
    ],
)
def test_a_text_is_not_warned_of(text: str) -> None:
    assert codes(text, "Ann Berg") == []


def test_each_kind_is_told_once_with_what_was_found() -> None:
    doubts = check("Ann Berg: a@b.example, c@d.example, #1042", names=("Ann Berg",), order_number="#1042")
    assert [(one.code, one.found) for one in doubts] == [
        ("email", "a@b.example"),
        ("order_number", "#1042"),
        ("full_name", "Ann Berg"),
    ]


def test_a_given_name_alone_is_no_full_name() -> None:
    assert codes("Thank you, Ann.", "Ann") == []


def test_an_order_number_that_could_be_dialed_is_told_as_what_it_is() -> None:
    assert codes("Order 20261042, sorry.", number="20261042") == ["order_number"]


def test_a_short_number_counts_only_as_it_is_written() -> None:
    assert codes("We have 12 of them.", number="A-12") == []
    assert codes("It was order A-12.", number="A-12") == ["order_number"]


@pytest.mark.parametrize(
    ("author", "shown"),
    [
        ("Ann Berg", "Ann B."),
        ("  Nguyễn Thị Hoa ", "Nguyễn H."),
        ("สมชาย ใจดี", "สมชาย ใจ."),
        ("Ann E\u0301mile", "Ann E\u0301."),
        ("Ann", "Ann"),
        ("mugfan77", "mugfan77"),
        ("王小明", "王**"),
        ("ann@shopper.example", "a…"),
        ("Ann Berg ann@shopper.example", "A…"),
        (" ", ""),
        ("", ""),
    ],
)
def test_a_visitor_reads_a_given_name_and_an_initial_at_most(author: str, shown: str) -> None:
    assert public_name(author) == shown
