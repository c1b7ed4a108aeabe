"""What a composed mail looks like to the program that shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mail.compose import BadAddress, Message, check_domain_hints, compose

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
GOLDEN = """\
From: "Blue Kettle" <care@bluekettle.example>
To: ann@shopper.example
Subject: =?utf-8?q?Your_parcel_is_now_expected_Thu_26_Nov_=E2=80=94_the_tea_?=
 =?utf-8?q?pot_and_two_cups?=
Date: Tue, 24 Nov 2026 09:00:00 +0000
Message-ID: <n42.delay@mail.example>
Reply-To: reply+k3j9@mail.example
In-Reply-To: <n41.shipped@mail.example>
References: <n40.ordered@mail.example>
 <n41.shipped@mail.example>
Auto-Submitted: auto-generated
X-Auto-Response-Suppress: All
X-Aftercare-Kind: delay
List-Unsubscribe: <https://care.example/stop/k3j9>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
X-Aftercare-Store: k7
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="=_e7df707c73bd7bf96b07ab6227fcf0af"
Content-Language: en
"""


def notice(**changes: Any) -> Message:
    plain: dict[str, Any] = {
        "to": "ann@shopper.example",
        "subject": "Late",
        "text": "Your parcel was due Tuesday.",
        "sender_name": "Blue Kettle",
        "sender_address": "care@bluekettle.example",
        "message_id": "<n42.delay@mail.example>",
    }
    return Message(**{**plain, **changes})


def wire(message: Message) -> bytes:
    return compose(message, at=AT).as_bytes()


def decoded(raw: bytes, name: str) -> str:
    return str(make_header(decode_header((message_from_bytes(raw)[name] or "").replace("\r\n", ""))))


def test_the_headers_of_a_delay_notice() -> None:
    raw = wire(
        notice(
            subject="Your parcel is now expected Thu 26 Nov — the tea pot and two cups",
            html="<p>Your parcel was due Tuesday.</p>",
            reply_to="reply+k3j9@mail.example",
            return_path="bounce+k3j9@mail.example",
            kind="delay",
            stop_url="https://care.example/stop/k3j9",
            in_reply_to="<n41.shipped@mail.example>",
            references=("<n40.ordered@mail.example>", "<n41.shipped@mail.example>"),
            headers={"X-Aftercare-Store": "k7"},
        )
    )
    assert raw.decode("ascii").split("\r\n\r\n")[0].replace("\r\n", "\n") + "\n" == GOLDEN


def test_the_plain_part_comes_first_and_both_read_as_written() -> None:
    text, html = "Chào Ann, thứ Năm.\nสวัสดี مرحبا 你好\n", "<p>Ačiū</p>\n"
    plain, rich = compose(notice(text=text, html=html), at=AT).iter_parts()
    assert (plain.get_content_type(), plain.get_content().replace("\r\n", "\n")) == ("text/plain", text)
    assert (rich.get_content_type(), rich.get_content().replace("\r\n", "\n")) == ("text/html", html)


def test_without_html_the_mail_is_plain() -> None:
    mail = compose(notice(), at=AT)
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content() == "Your parcel was due Tuesday.\n"


def test_the_same_message_gives_the_same_bytes() -> None:
    assert wire(notice(html="<p>Late</p>")) == wire(notice(html="<p>Late</p>"))
    assert wire(notice(html="<p>Late</p>")) != wire(notice(html="<p>Later</p>"))


def test_the_date_is_the_one_given_told_in_utc() -> None:
    in_hanoi = datetime(2026, 11, 24, 16, 0, tzinfo=timezone(timedelta(hours=7)))
    assert compose(notice(), at=in_hanoi)["Date"] == "Tue, 24 Nov 2026 09:00:00 +0000"
    with pytest.raises(ValueError, match="zone"):
        compose(notice(), at=datetime(2026, 11, 24))


@pytest.mark.parametrize(
    "subject",
    [
        "Your parcel is now expected between Wed 25 and Fri 27 Nov, most likely Thu 26, at the pick-up point you chose",
        "Đơn hàng của bạn hiện dự kiến đến Thứ Năm 26 tháng 11, muộn hơn hai ngày so với ngày đã hẹn ban đầu",
        "您的包裹现在预计于11月26日星期四送达，比原定日期晚两天，您无需采取任何行动，如需更改请选择下面的选项",
        "พัสดุของคุณคาดว่าจะถึงวันพฤหัสบดีที่ 26 พฤศจิกายน ช้ากว่ากำหนดเดิมสองวัน คุณไม่ต้องทำอะไร",
        "Jūsų siunta dabar tikėtina ketvirtadienį, lapkričio 26 d., dviem dienomis vėliau nei buvo žadėta iš pradžių",
        "من المتوقع الآن أن يصل طردك يوم الخميس ٢٦ نوفمبر، أي بعد يومين من الموعد الذي وعدناك به سابقًا",
    ],
    ids=["Latin", "Latin with many marks", "Han", "Thai", "Latin with few marks", "Arabic"],
)
def test_a_long_subject_is_folded_and_reads_as_written(subject: str) -> None:
    raw = wire(notice(subject=subject))
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n")) <= 78
    assert decoded(raw, "Subject") == subject


def test_a_subject_that_looks_encoded_is_shown_as_typed() -> None:
    raw = wire(notice(subject="=?utf-8?q?Free?=", sender_name="=?utf-8?q?Bank?="))
    assert decoded(raw, "Subject") == "=?utf-8?q?Free?="
    assert decoded(raw, "From").startswith("=?utf-8?q?Bank?= <")


LETTERS = st.text(alphabet="abc ,.:;\"'()<>@=?_\\Nguyễnêế订单ที่ลุžأرة\u0301😀-&1\r\n\t\x00\u2028", max_size=120)


@settings(deadline=None)
@given(LETTERS)
def test_any_subject_survives_in_one_line(subject: str) -> None:
    expected = " ".join(subject.replace("\x00", " ").split())
    raw = wire(notice(subject=subject))
    assert decoded(raw, "Subject") == expected
    assert {*message_from_bytes(raw), "Subject"} == set(message_from_bytes(wire(notice())))


@settings(deadline=None)
@given(LETTERS)
def test_any_sender_name_leaves_the_address_alone(name: str) -> None:
    ((shown, address),) = getaddresses([message_from_bytes(wire(notice(sender_name=name)))["From"].replace("\r\n", "")])
    assert address == "care@bluekettle.example"
    assert str(make_header(decode_header(shown))).strip() == " ".join(name.replace("\x00", " ").split())[:100].strip()


@pytest.mark.parametrize("field", ["subject", "sender_name", "kind", "language"])
def test_a_line_break_in_a_field_adds_no_header(field: str) -> None:
    mail = message_from_bytes(wire(notice(**{field: "Late\r\nBcc: eve@evil.example\r\n\r\nHello"})))
    assert "Bcc" not in mail
    assert "eve" not in mail.get_payload()


def test_a_line_break_in_an_extra_header_adds_no_header() -> None:
    mail = message_from_bytes(wire(notice(headers={"X-Aftercare-Store": "k7\r\nBcc: eve@evil.example"})))
    assert (mail["X-Aftercare-Store"], mail["Bcc"]) == ("k7 Bcc: eve@evil.example", None)


def test_a_sender_name_cannot_turn_the_reading_direction() -> None:
    shown = decoded(wire(notice(sender_name="\u202emoc.knab\u2066 é")), "From")
    assert shown == "moc.knab é <care@bluekettle.example>"


@pytest.mark.parametrize("field", ["to", "sender_address", "reply_to"])
@pytest.mark.parametrize("address", ["ann@shopper.example\r\nBcc: eve@evil.example", "แอน@shopper.example", "ann"])
def test_an_address_no_server_takes_is_refused_and_not_repeated(field: str, address: str) -> None:
    with pytest.raises(BadAddress) as caught:
        compose(notice(**{field: address}), at=AT)
    assert address not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"message_id": "n42"},
        {"message_id": "<n42@mail.example>\r\nBcc: eve@evil.example"},
        {"references": ("<a@b>\n<c@d>",)},
        {"stop_url": "https://care.example/stop>\r\nBcc: eve@evil.example"},
        {"stop_url": "javascript:alert(1)"},
        {"headers": {"Bcc": "eve@evil.example"}},
        {"headers": {"X-A: b\r\nBcc": "eve@evil.example"}},
        {"headers": {"X-Auto-Response-Suppress": "None"}},
    ],
)
def test_what_our_own_code_gives_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        compose(notice(**wrong), at=AT)


def test_half_an_emoji_from_a_platform_does_not_stop_the_mail() -> None:
    mail = compose(notice(subject="Tea \ud83d", text="Tea \ud83d"), at=AT)
    assert (mail["Subject"], mail.get_content()) == ("Tea", "Tea ?\n")


def test_bounces_go_to_the_return_path_or_else_to_the_sender() -> None:
    assert notice(return_path="bounce+k3j9@mail.example").envelope_from == "bounce+k3j9@mail.example"
    assert notice().envelope_from == "care@bluekettle.example"


def test_a_message_in_a_log_shows_nothing_about_the_shopper() -> None:
    shown = repr(notice(text="Dear Ann", stop_url="https://care.example/stop/k3j9", reply_to="reply+k3j9@mail.example"))
    assert not [secret for secret in ("shopper", "Ann", "k3j9") if secret in shown]


def test_the_hints_name_the_records_to_publish() -> None:
    hints = check_domain_hints("bluekettle.example", "email-smtp.eu-west-1.amazonaws.com")
    assert hints[0] == 'SPF: publish a TXT record at bluekettle.example: "v=spf1 include:amazonses.com ~all".'
    assert [hint for hint in hints if "_domainkey.bluekettle.example" in hint]
    assert [hint for hint in hints if "_dmarc.bluekettle.example" in hint]
    assert '"v=spf1 a:mx.mail.example ~all"' in check_domain_hints("bluekettle.example", "mx.mail.example")[0]


def test_the_hints_advise_against_an_address_at_a_free_provider() -> None:
    (hint,) = check_domain_hints("GMail.com", "smtp.gmail.com")
    assert hint.endswith("Send from an address at your store's own domain.")
