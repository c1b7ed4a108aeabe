"""Incoming mail, read from files of invented people: who wrote, what is new in it, and whether a machine may answer."""

from __future__ import annotations

import binascii
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mail.html_text import strip_html
from core.mail.inbound import Inbound, UnreadableMail, cut_reply, may_answer, read

MAILS = Path(__file__).parent / "mails"
OURS = ["reply@mail.example", "bounce@mail.example"]
SECONDS = 3  # for what takes half of one on a small machine, and minutes where a guard is missing
NOTICE = "<n42.delay@mail.example>"


def read_file(name: str) -> Inbound:
    return read((MAILS / f"{name}.eml").read_bytes(), our_addresses=OURS)


def read_text(text: str, head: str = "") -> Inbound:
    return read(f"From: ann@shopper.example\n{head}\n{text}".encode(), our_addresses=OURS)


@pytest.mark.parametrize(
    ("name", "sender_name", "words"),
    [
        (
            "reply_en",
            "Ann Berg",
            "Thank you for telling me. Thursday is too late,\nplease cancel the order.\n\nAnn",
        ),
        ("reply_vi", "Nguyễn Thị Ánh", "Cảm ơn shop. Thứ Năm vẫn được ạ."),
        ("reply_zh", "王安", "没关系，周四可以。"),
        ("reply_th", "แอน", "ขอบคุณค่ะ วันพฤหัสไม่สะดวก ขอยกเลิกนะคะ"),
        ("reply_lt", "Ona Bergaitė", "Ačiū, ketvirtadienį tinka."),
        ("reply_ar", "آن", "شكرًا، يوم الخميس مناسب."),
        ("reply_outlook", "Ann Berg", "Hello,\ncould you send it to my office instead?\n\nKind regards\nAnn"),
        ("reply_outlook_no_address", "Ona Bergaitė", "Prašau atsiųsti į darbą."),
        ("reply_phone", "王安", "好的，谢谢"),
        ("reply_below", "Ann Berg", "Yes, it is.\n\nThank you"),
        ("reply_html_only", "Ann Berg", "It came,\nbut the cup is broken & wet."),
    ],
)
def test_a_person_s_new_words_are_kept_and_the_history_cut(name: str, sender_name: str, words: str) -> None:
    mail = read_file(name)
    assert (mail.kind, mail.sender, mail.sender_name) == ("reply", "ann@shopper.example", sender_name)
    assert mail.text == words
    assert (mail.token, mail.in_reply_to, mail.references) == ("k3j9", NOTICE, (NOTICE,))
    assert may_answer(mail)


def test_an_encoded_subject_reads_as_written() -> None:
    assert read_file("reply_vi").subject == "Trả lời: Đơn hàng của bạn sẽ đến Thứ Năm"
    assert read_file("reply_zh").subject == "回复：您的包裹预计周四送达"


def test_naming_our_address_in_a_sentence_cuts_nothing() -> None:
    mail = read_file("reply_names_our_address")
    assert mail.text == "I wrote to reply@mail.example on Monday and nobody answered.\nWhere is order 1042?"


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        ("away_en", "Auto-Submitted"),
        ("away_vi", "Auto-Submitted"),
        ("away_zh", "X-Autoreply"),
        ("away_th", "Precedence"),
        ("away_lt", "X-Auto-Response-Suppress"),
        ("away_ar", "Auto-Submitted"),
        ("away_hint_and_subject", "X-MS-Exchange-Inbox-Rules-Loop"),
        ("list", "Precedence"),
        ("no_reply_sender", "From"),
        ("read_receipt", "Content-Type"),
        ("delivered_report", "Content-Type"),
    ],
)
def test_an_automatic_mail_is_never_answered(name: str, evidence: str) -> None:
    mail = read_file(name)
    assert (mail.kind, mail.evidence, mail.token) == ("auto_reply", evidence, "k3j9")
    assert not may_answer(mail)


def test_an_out_of_office_no_header_marks_counts_as_a_person() -> None:
    assert read_file("away_unmarked").kind == "reply"


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Auto-Submitted: no", "reply"),
        ("Auto-Submitted: no (written by hand)", "reply"),
        ("Auto-Submitted: auto-generated", "auto_reply"),
        ("Auto-Submitted: AUTO-REPLIED; type=vacation", "auto_reply"),
        ("X-Autorespond: ", "auto_reply"),
        ("X-Autoreply: no", "reply"),
        ("Precedence: first-class", "reply"),
        ("Precedence: Bulk", "auto_reply"),
        ("Precedence: junk", "auto_reply"),
        ("List-Id: <tea.lists.example>", "auto_reply"),
        ("Feedback-ID: 1:tea:example", "auto_reply"),
        ("Return-Path: <>", "auto_reply"),
        ("Return-Path: <ann@shopper.example>", "reply"),
        ("X-Auto-Response-Suppress: All", "auto_reply"),
        ("X-Auto-Response-Suppress: DR, RN, NRN", "reply"),
        ("X-Loop: ann@shopper.example", "reply"),
    ],
)
def test_each_header_decides_alone(header: str, kind: str) -> None:
    assert read_text("Hello", head=header + "\n").kind == kind


@pytest.mark.parametrize(
    ("sender", "answered"),
    [
        ("Ann <ann@shopper.example>", True),
        ("noreply@parcels.example", False),
        ("Shop <do-not-reply+7@parcels.example>", False),
        ("postmaster@parcels.example", False),
        ("reply+k3j9@mail.example", False),
        ("Reply@Mail.Example", False),
        ('"reply@mail.example" <ann@shopper.example>', True),
        ("<>", False),
    ],
)
def test_only_a_person_who_is_not_us_is_answered(sender: str, answered: bool) -> None:
    mail = read(f"From: {sender}\nSubject: Hello\nDate: today\n\nHello\n".encode(), our_addresses=OURS)
    assert may_answer(mail) is answered


@pytest.mark.parametrize(
    ("name", "status", "permanent"),
    [
        ("bounce_postfix", "5.1.1", True),
        ("bounce_exchange", "5.1.10", True),
        ("bounce_gmail", "5.2.2", True),
        ("bounce_qmail", "5.1.1", True),
        ("delayed_postfix", "4.4.1", False),
    ],
)
def test_a_bounce_says_which_message_failed_and_why(name: str, status: str, permanent: bool) -> None:
    mail = read_file(name)
    assert (mail.kind, mail.status, mail.permanent) == ("bounce", status, permanent)
    assert (mail.final_recipient, mail.original_message_id) == ("ann@shopper.example", NOTICE)
    assert mail.token == "k3j9"
    assert not may_answer(mail)


def test_a_bounce_s_text_is_the_explanation_without_our_own_mail() -> None:
    assert read_file("bounce_exchange").text == "ann@shopper.example wasn't found at shopper.example."
    assert read_file("bounce_qmail").text.endswith("no mailbox here by that name. (#5.1.1)")


def test_an_attached_bounce_does_not_make_a_person_s_mail_one() -> None:
    bounce = (MAILS / "bounce_gmail.eml").read_text(encoding="utf-8")
    head = "Content-Type: multipart/mixed; boundary=x\n"
    mail = read_text(f"--x\n\nWhat is this?\n--x\nContent-Type: message/rfc822\n\n{bounce}\n--x--\n", head=head)
    assert (mail.kind, mail.text) == ("reply", "What is this?")


def test_a_complaint_names_the_message_and_who_was_annoyed() -> None:
    mail = read_file("complaint_arf")
    assert (mail.kind, mail.feedback_type, mail.token) == ("complaint", "abuse", "k3j9")
    assert (mail.final_recipient, mail.original_message_id) == ("ann@shopper.example", NOTICE)
    assert not may_answer(mail)


def test_a_token_at_somebody_else_s_address_is_none_of_ours() -> None:
    assert read_text("Hello", head="To: reply+k3j9@evil.example, xreply+k3j9@mail.example\n").token == ""
    assert read_text("Hello", head="Cc: REPLY+K3J9@mail.example\n").token == "k3j9"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Yes\n\nBlue Kettle <reply+k3j9@mail.example> wrote:\n\nold", "Yes"),
        ("Yes\nOn 24.11.2026 09:00, Blue Kettle <reply@mail.example> wrote:\n> old", "Yes"),
        ("Am 24.11.2026 um 09:00 schrieb Blue Kettle:\n\n> alt\n\nJa", "Ja"),
        ("Two things:\n> late?\nYes.", "Two things:\n\nYes."),
        ("My number is 1042:\nplease look", "My number is 1042:\nplease look"),
        ("Yes\n\n-----Original Message-----\nold", "Yes"),
        ("Yes\n\nFrom: Blue Kettle\nSent: Tuesday\nold", "Yes"),
        ("Yes\n\nFrom: Ann\nOrder: 1042", "Yes\n\nFrom: Ann\nOrder: 1042"),
        ("Yes\r\n-- \r\nAnn", "Yes"),
        ("Yes -- no\n--\nmaybe", "Yes -- no\n--\nmaybe"),
        ("> old", "> old"),
        ("", ""),
    ],
)
def test_history_is_cut_where_it_begins(text: str, words: str) -> None:
    assert cut_reply(text, OURS) == words


@pytest.mark.parametrize(
    "history",
    [
        '   ----- Forwarded Message ----- From: S <reply+k3j9@mail.example>To: "a@b.example"Sent: 1\n old',
        '----- Weitergeleitete Mail ----- Von: Shop <reply+k3j9@mail.example>An: "a@b.example"Gesendet: Di\nalt',
        "-------- Persiųstas laiškas --------\nData: 2026-11-18\nNuo: <s@mail.example>\nKam: a@b.example\n\nold",
        "-------- 转发的消息 --------\n主题: x\n日期: 2026\n发件人: Shop <s@mail.example>\n收件人: a@b.example\n\nold",
        "Subject: x\nDate: Wed, 18 Nov 2026\nFrom: Shop <shop@mail.example>\nTo: a@b.example\n\nold",
        "Begin forwarded message:\n\n> From: Shop <shop@mail.example>\n> Subject: x\n>\n> old",
        "Anfang der weitergeleiteten Nachricht:\n\nVon: Shop <shop@mail.example>\nBetreff: x\nalt",
        "Kimden: Shop\nGönderildi: 18 Kasım 2026\nKime: a\n\neski",
        "보낸 사람: Shop\n보낸 날짜: 2026\n\nold",
        "מאת: Shop\nנשלח: 2026\n\nold",
        "On 18 Nov 2026, Shop <rewritten@relay.example> wrote:\n\nold",
        "Shop <rewritten@relay.example> schrieb am Mi., 18.\nNov. 2026 um 11:53 Uhr:\n\n> alt",
        "2026-11-18 17:21 GMT+01:00 Shop <rewritten@relay.example>:\n\nold",
        "ср, 18 нояб. 2026 г. в 15:19, Shop <rewritten@relay.example>:\n\nold",
        "2026/11/18 Shop <rewritten@relay.example>\n\n| old",
        'Am 18.11.2026 17:48 schrieb "Shop" <rewritten@relay.example\n>:\n\n> alt',
        "On Wed, 18 Nov 2026 08:14:43 -0200 Shop <rewritten@relay.example> wrote\n\nold",
        "--\nAnn Berg\nMobil: +12 345 6789 012",
        "--\nMit lieben Grüßen\n\nAnn Berg\nhttps://ann.example",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "发自我的iPhone",
        "Gửi từ iPhone của tôi",
    ],
)
@pytest.mark.parametrize("said", ["Please cancel.", "Is it lost?\nI saw <eve@shop.example> at 9:30 on 12 May 2026."])
def test_the_old_mail_is_cut_whatever_program_introduced_it(said: str, history: str) -> None:
    assert cut_reply(f"{said}\n\n{history}\n", OURS) == said


def test_what_stands_right_above_the_introduction_is_kept() -> None:
    text = 'I asked @anna on 12 May 2026 and\nshe knew nothing.\nOp 16 aug. 2026 05:13 schreef "x" <a@b.example> het\n'
    assert cut_reply(f"{text}volgende geschreven:\n\n> old", OURS).endswith("and\nshe knew nothing.")


@pytest.mark.parametrize(
    "text",
    [
        (
            "Von: Shop <reply+k3j9@mail.example>\nGesendet: 18. November 2026 12:00\nAn: Ann\nBetreff: Ihr Paket\n\n"
            "Ihr Paket kommt spaeter. Was moechten Sie?\nANN: Bitte stornieren Sie die Bestellung!"
        ),
        "> Where is it?\n> In Vilnius.",
        "---------- Forwarded message ----------\nFrom: Bank <b@bank.example>\nDate: today\n\nYou paid twice.",
        "On 18 Nov 2026, Shop <reply+k3j9@mail.example> wrote:\n\nWhat shall we do?\nCancel it.",
    ],
)
def test_where_the_cut_would_leave_nothing_the_whole_text_is_kept_without_our_token(text: str) -> None:
    assert cut_reply(text, OURS) == text.replace("+k3j9", "")
    mail = read(f"From: a@b.example\nTo: reply+k3j9@mail.example\n\n{text}".encode(), our_addresses=OURS)
    assert (mail.kind, mail.text) == ("reply", text.replace("+k3j9", ""))


@pytest.mark.parametrize(
    "text",
    [
        "See mailto:reply+k3j9@mail.example",
        "See reply%2Bk3j9%40mail.example",
        "See REPLY+K3J9@mail.example or bounce+k3j9@mail.example",
        "See k3j9abcdefgh",
    ],
)
def test_our_token_never_stays_in_what_is_kept(text: str) -> None:
    token = "k3j9abcdefgh"
    raw = f"From: a@b.example\nTo: reply+{token}@mail.example\nSubject: {text}\n\n{text}".replace("k3j9@", f"{token}@")
    mail = read(raw.encode(), our_addresses=OURS)
    assert "k3j9" not in (mail.text + mail.subject).lower()


@pytest.mark.parametrize(
    "text",
    [
        "Please cancel.\n\n--\nThe mug is broken, too. What now?",
        "Three things\n\n---- Size ----\nIt is too small.\n\n---- Color ----\nIt is blue.",
        "From: Vilnius\nTo: Kaunas\nwhen does it leave?",
        "My colleague wrote:\nit never came",
        "I wrote on 24.11.2026 to you:\nplease answer",
        "It was sent from my old address, can you change it?",
    ],
)
def test_what_only_looks_like_history_or_a_signature_is_kept(text: str) -> None:
    assert cut_reply(text, OURS) == text


def test_a_photo_alone_is_a_message_that_names_it() -> None:
    photo = "Content-Type: image/jpeg; name=broken.jpg\nContent-Disposition: attachment; filename=broken.jpg"
    mail = read_text(
        f"--b\nContent-Type: text/plain\n\n\n--b\n{photo}\nContent-Transfer-Encoding: base64\n\n/9j/4A==\n--b--",
        head="Content-Type: multipart/mixed; boundary=b\n",
    )
    assert (mail.kind, mail.text, mail.attachments) == ("reply", "", ("broken.jpg",))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("Content-Type: image/png", "image/png"),
        (
            'Content-Type: image/png\nContent-Disposition: inline; filename="=?utf-8?b?Zm90b3MgxI0ucG5n?="',
            "fotos č.png",
        ),
        ("Content-Type: application/pdf; name*=utf-8''%C4%8D.pdf", "č.pdf"),
        ('Content-Type: text/plain\nContent-Disposition: attachment; filename="a\u202eb.txt"', "ab.txt"),
        ("Content-Type: message/rfc822", "message/rfc822"),
    ],
)
def test_what_came_along_is_named(head: str, name: str) -> None:
    mail = read_text(f"--b\n\nHi\n--b\n{head}\n\nx\n--b--", head="Content-Type: multipart/mixed; boundary=b\n")
    assert (mail.text, mail.attachments) == ("Hi", (name,))


@pytest.mark.parametrize(
    ("kind", "parts", "text"),
    [
        ("mixed", ["text/html\n\n<p>Look:</p>", "image/png\n\nx", "text/html\n\n<p>broken</p>"], "Look:\nbroken"),
        (
            "mixed",
            ["text/html\n\n<p>It is broken.</p>", "text/plain\n\nChecked for viruses."],
            "It is broken.\nChecked",
        ),
        ("alternative", ["text/plain\n\nBroken.", "text/html\n\n<p>Broken.</p>"], "Broken."),
        ("alternative", ["text/plain\n\n \n", "text/html\n\n<p>Broken.</p>"], "Broken."),
        ("alternative", ["text/html\n\n<p>Broken.</p>", "text/calendar\n\nBEGIN:VCALENDAR"], "Broken."),
    ],
)
def test_every_part_a_person_wrote_is_read(kind: str, parts: list[str], text: str) -> None:
    body = "".join(f"--b\nContent-Type: {part}\n" for part in parts)
    mail = read_text(f"{body}--b--", head=f"Content-Type: multipart/{kind}; boundary=b\n")
    assert mail.text.startswith(text)


@pytest.mark.parametrize("kind", ["text/enriched", "text/richtext", "text/plain\n charset=utf-8", "text/x-unknown"])
def test_text_of_another_type_is_read_too(kind: str) -> None:
    assert read_text("Where is it?", head=f"Content-Type: {kind}\n").text == "Where is it?"


def test_without_addresses_of_ours_only_the_other_signs_cut() -> None:
    assert cut_reply("Yes\n\nBlue Kettle <reply@mail.example> said:\n\nold", []).endswith("old")
    assert cut_reply("Yes\n\nBlue Kettle <reply@mail.example> wrote:\n\nold", []) == "Yes"
    assert cut_reply("Yes\n\nOn 24.11.2026, Blue Kettle wrote:\n> old", []) == "Yes"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
        ("<div>One</div><div><br></div><div>Two</div>", "One\n\nTwo"),
        ("3 &lt; 5 < 7 &amp; &#x645;", "3 < 5 < 7 & م"),
        ("a<!-- <b>x</b> -->b<!-- open", "ab"),
        ("<style>a</style>b<script>if (1 < 2) { x }</script>c", "bc"),
        ("<blockquote>old<blockquote>older</blockquote></blockquote>new", "> old\n> >\n> > older\n>\nnew"),
    ],
)
def test_html_becomes_plain_lines(markup: str, text: str) -> None:
    assert strip_html(markup) == text


@pytest.mark.parametrize("raw", [b"", b"hello", b"\x00\xff" * 50, b"Subject: only\n\nhello", b"\n\nFrom: late"])
def test_what_is_no_mail_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableMail):
        read(raw, our_addresses=OURS)


@pytest.mark.parametrize(
    ("charset", "body", "words"),
    [
        ("no-such-charset", "Ačiū".encode(), "Ačiū"),
        ("utf-8", b"caf\xe9", "café"),
        ("utf-8", "Thứ Năm này".encode().replace(b"\xc4\x83", b"\xc4"), "Thứ N\ufffdm này"),
        ("us-ascii", b"Gr\xf6\xdfe passt nicht", "Größe passt nicht"),
        ("unknown-8bit", b"Gr\xf6\xdfe", "Größe"),
        ("us-ascii", "尺寸不合适".encode(), "尺寸不合适"),
        ("ks_c_5601-1987", bytes.fromhex("8c63b9e6b0a2c7cf"), "똠방각하"),
        ("euc-kr", bytes.fromhex("8c63b9e6b0a2c7cf"), "똠방각하"),
        ("cp-850", b"caf\xe9", "café"),
        ("shift_jis", "①髙".encode("cp932"), "①髙"),
        ("x-sjis", "注文".encode("cp932"), "注文"),
        ("iso-2022-jp", "注文".encode("iso-2022-jp"), "注文"),
        ("hz-gb-2312", "订单".encode("hz"), "订单"),
        ("gb2312", "喆镕".encode("gb18030"), "喆镕"),
        ("x-gbk", "喆镕".encode("gb18030"), "喆镕"),
        ("big5", "訂單".encode("big5"), "訂單"),
        ("iso-8859-9", "İade şartı".encode("cp1254"), "İade şartı"),
        ("iso-8859-11", "ขอบคุณ“".encode("cp874"), "ขอบคุณ“"),
        ("tis-620", "ขอบคุณ“".encode("cp874"), "ขอบคุณ“"),
        ("windows-1257", "Ačiū".encode("cp1257"), "Ačiū"),
        ("cp1256", "شكرا".encode("cp1256"), "شكرا"),
        ("iso-8859-6-i", "شكرا".encode("iso-8859-6"), "شكرا"),
        ("iso-8859-8-i", "תודה".encode("iso-8859-8"), "תודה"),
        ("koi8-ru", "дякую".encode("koi8-u"), "дякую"),
        ("big5", "訂單 ü".encode(), "訂單 ü"),
        ("utf-7", b"Gr+APYA3w-e", "Größe"),
        ("utf-16", "Größe".encode("utf-16"), "Größe"),
        ("unicode_escape", rb"C:\new", r"C:\new"),
        ("punycode", b"late-5ub", "late-5ub"),
        ("base64", b"Hello", "Hello"),
        ("iso-8859-1", b"\x93caf\xe9\x94", "“café”"),
        ('"utf-8\x00"', b"Hello\x00\x07", "Hello"),
        ("us-ascii", "Thứ Năm".encode(), "Thứ Năm"),
    ],
)
def test_a_broken_charset_still_gives_words(charset: str, body: bytes, words: str) -> None:
    head = f"From: ann@shopper.example\nContent-Type: text/plain; charset={charset}\n\n".encode()
    assert read(head + body, our_addresses=OURS).text == words


def test_without_a_charset_a_page_s_own_counts_and_a_header_s_letters_are_read() -> None:
    page = '<meta http-equiv="Content-Type" content="text/html; charset=tis-620"><p>ขอบคุณ'.encode("cp874")
    head = b"From: J\xf6rg <ann@shopper.example>\nSubject: Gr\xf6\xdfe\nContent-Type: text/html\n\n"
    mail = read(head + page, our_addresses=OURS)
    assert (mail.text, mail.subject, mail.sender_name) == ("ขอบคุณ", "Größe", "Jörg")
    encoded = b"=?ks_c_5601-1987?B?" + binascii.b2a_base64(bytes.fromhex("8c63b9e6b0a2c7cf"), newline=False) + b"?="
    assert read(b"From: a@b.example\nSubject: " + encoded + b"\n\n", our_addresses=OURS).subject == "똠방각하"


def test_ten_megabytes_give_as_much_text_as_allowed() -> None:
    raw = b"From: ann@shopper.example\n\n" + b"late again " * 1_000_000
    assert len(read(raw, our_addresses=OURS, limit=10_000).text) <= 10_000


@pytest.mark.parametrize(
    "body",
    [
        b"".join(b"--%d\nContent-Type: multipart/mixed; boundary=%d\n\n" % (i, i + 1) for i in range(3000)),
        b"--0\n\n\n" * 600_000,
        b"--0\nContent-Type: message/rfc822\n\n" * 50_000,
        b"\n" * 1_000_000,
        b"--0\nContent-Type: text/html\n\n" + b"<a " * 300_000,
        b"--0\n\n" + b"On 9:00 reply@mail.example <\n" * 30_000,
    ],
    ids=["nested", "split", "attached", "empty lines", "open tags", "introductions"],
)
def test_a_mail_built_to_be_slow_is_read_in_seconds(body: bytes) -> None:
    raw = b"From: ann@shopper.example\nContent-Type: multipart/mixed; boundary=0\n\n" + body
    began = time.process_time()
    assert read(raw, our_addresses=OURS).sender == "ann@shopper.example"
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("letter", ["(", '"', "<", "=?", "=?utf-8?q?", "@", ",", "\\", "a@b,", "\udc80"])
def test_a_header_built_to_be_slow_is_read_in_seconds(letter: str) -> None:
    value = (letter * 100_000).encode("utf-8", "surrogateescape")
    head = b"".join(name + b": " + value + b"\n" for name in (b"From", b"To", b"Subject", b"References"))
    began = time.process_time()
    read(head + b"\nhello", our_addresses=OURS)
    assert time.process_time() - began < SECONDS


DAMAGE = [b"", b"\n", b"=?", b'"', b";", b"\x00", b"\xff", b"--b1", b"<"]


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_a_damaged_mail_is_read_or_refused_but_never_breaks(seed: int) -> None:
    chance = random.Random(seed)
    raw = bytearray(chance.choice(sorted(MAILS.glob("*.eml"))).read_bytes())
    for _ in range(chance.randint(1, 30)):
        at = chance.randrange(len(raw))
        raw[at : at + chance.randint(0, 4)] = chance.choice(
            [b"", b"\n", b"=?", b'"', b";", b"\x00", b"\xff", b"--b1", b"<"]
        )
    try:
        mail = read(bytes(raw), our_addresses=OURS)
    except UnreadableMail:
        return
    assert "\x00" not in mail.text + mail.subject + mail.sender_name
    (mail.text + mail.subject + mail.sender_name).encode()
