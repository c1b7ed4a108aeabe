"""What comes back by mail: bounces show on their notice, people's replies become cases, machines are not answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.message import EmailMessage

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from core.app import create_app
from core.conversations import raw_mail
from core.conversations.model import Case, CaseMail, Message
from core.jobs.worker import Worker
from core.mail.smtp import open_transport
from core.orders.messages import envelope
from core.orders.model import OrderEvent
from core.privacy import personal_data
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post
from tests.core.shipping.seed import apply, on_sqlite, order, revised, rows, sending, set_terms, the_order, told

TOKEN = "inbound-mail-Xk29vTz7Lq04bNw8RsE1"
DOMAIN = "mail.example"


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office.serving() as post:
        yield post


@pytest.fixture
def services(services: Services, post: Post) -> Services:
    config = services.config.model_copy(update={"inbound_token": SecretStr(TOKEN), "mail_from": f"notices@{DOMAIN}"})
    return replace(services, config=config, mail=open_transport(post.url))


@dataclass
class Told:
    """A delay that Ann was told of, the message as she got it, and the mail server's way to hand over answers."""

    services: Services
    store: Store
    client: FlaskClient
    post: Post

    @property
    def mail_token(self) -> str:
        return envelope.mail_token(self.services.keyring, self.store.id, the_order(self.services, self.store).id)

    def hand_over(self, raw: bytes, token: str = TOKEN) -> TestResponse:
        return self.client.post("/mail/inbound", data=raw, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def told_ann(services: Services, store: Store, worker: Worker, post: Post) -> Told:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised("p1", items={"1": 2}), revised("p2", items={"2": 1})))
    worker.run_until_idle()
    return Told(services, store, create_app(services.config, services=services).test_client(), post)


def reply(token: str, text: str = "Where is it?", **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ann Berg <ann@shopper.example>", f"reply+{token}@{DOMAIN}"
    mail["Subject"], mail["Message-ID"] = "Re: Your parcel", "<r1@shopper.example>"
    mail["Date"] = "Wed, 18 Nov 2026 13:00:00 +0000"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def report(token: str, kind: str, machine: str, original_id: str) -> bytes:
    """A multipart/report: what a mail server (RFC 3464) or a mailbox provider (RFC 5965) sends back."""
    return "\r\n".join(
        [
            "Return-Path: <>",
            "From: MAILER-DAEMON@mx.shopper.example",
            f"To: bounce+{token}@{DOMAIN}",
            "Subject: Undelivered Mail Returned to Sender",
            "Date: Wed, 18 Nov 2026 13:00:00 +0000",
            "Message-ID: <dsn1@mx.shopper.example>",
            f'Content-Type: multipart/report; report-type={kind}; boundary="b1"',
            "",
            "--b1",
            "Content-Type: text/plain",
            "",
            "This is the mail system.",
            "",
            "--b1",
            f"Content-Type: message/{kind}",
            "",
            machine,
            "",
            "--b1",
            "Content-Type: text/rfc822-headers",
            "",
            f"Return-Path: <bounce+{token}@{DOMAIN}>",
            f"Message-ID: {original_id}",
            f"Reply-To: reply+{token}@{DOMAIN}",
            "",
            "--b1--",
            "",
        ]
    ).encode()


def bounce(token: str, original_id: str, action: str = "failed", status: str = "5.1.1") -> bytes:
    machine = f"Final-Recipient: rfc822; ann@shopper.example\r\nAction: {action}\r\nStatus: {status}"
    return report(token, "delivery-status", f"Reporting-MTA: dns; mx.shopper.example\r\n\r\n{machine}", original_id)


def states(told_ann: Told) -> set[tuple[str, str]]:
    return {(state, reason) for _, state, reason in told(told_ann.services, told_ann.store)}


def test_a_bounce_shows_on_all_news_of_its_message_with_the_servers_status(told_ann: Told) -> None:
    raw = bounce(told_ann.mail_token, told_ann.post.only()["Message-ID"])
    for _ in range(2):
        assert told_ann.hand_over(raw).status_code == 202
    assert states(told_ann) == {("bounced", "5.1.1")}
    assert len(told(told_ann.services, told_ann.store)) == 2


@on_sqlite
def test_a_bounce_under_a_relays_own_message_id_shows_on_the_latest_message(told_ann: Told) -> None:
    assert told_ann.hand_over(bounce(told_ann.mail_token, "<0102@relay.example>")).status_code == 202
    assert states(told_ann) == {("bounced", "5.1.1")}


@on_sqlite
@pytest.mark.parametrize(
    ("head", "said", "reason"),
    [
        (
            "From: MAILER-DAEMON <>\nSubject: Mail delivery failed",
            "There was an error delivering your mail.\n550 5.1.1 User unknown",
            "5.1.1",
        ),
        (
            "Return-Path: <>\nFrom: postmaster@shopper.example\nSubject: Undeliverable: x",
            "Your message did not reach the following recipient(s):\n\nann@shopper.example",
            "bounced",
        ),
    ],
)
def test_a_bounce_in_words_shows_on_its_notice_and_opens_no_case(
    told_ann: Told, head: str, said: str, reason: str
) -> None:
    to = f"To: bounce+{told_ann.mail_token}@{DOMAIN}\nDate: Wed, 18 Nov 2026 13:00:00 +0000"
    assert told_ann.hand_over(f"{to}\n{head}\n\n{said}".encode()).status_code == 202
    assert states(told_ann) == {("bounced", reason)}
    assert rows(told_ann.services, told_ann.store, Case) == []


@on_sqlite
@pytest.mark.parametrize(
    ("original_id", "action", "status"),
    [("<links.1.ab@mail.example>", "failed", "5.1.1"), ("", "delayed", "4.4.1")],
)
def test_what_did_not_bounce_for_good_or_was_another_message_leaves_the_notice_sent(
    told_ann: Told, original_id: str, action: str, status: str
) -> None:
    raw = bounce(told_ann.mail_token, original_id or told_ann.post.only()["Message-ID"], action, status)
    assert told_ann.hand_over(raw).status_code == 202
    assert states(told_ann) == {("sent", "")}


def test_a_reply_becomes_a_case_once(told_ann: Told) -> None:
    raw = reply(
        told_ann.mail_token, "Where is it?\n\nOn Wed, 18 Nov 2026 at 13:00, Linden wrote:\n> Your parcel is late\n"
    )
    for _ in range(2):
        assert told_ann.hand_over(raw).status_code == 202
    (case,) = rows(told_ann.services, told_ann.store, Case)
    (message,) = rows(told_ann.services, told_ann.store, Message)
    assert (case.kind, case.subject, case.order_id) == (
        "reply",
        "Re: Your parcel",
        the_order(told_ann.services, told_ann.store).id,
    )
    assert (message.case_id, message.side, message.text.strip()) == (case.id, "shopper", "Where is it?")
    kinds = [event.kind for event in rows(told_ann.services, told_ann.store, OrderEvent)]
    assert kinds == ["told_delay", "replied"]


@on_sqlite
def test_a_second_reply_joins_the_open_case_and_an_old_copy_opens_none(told_ann: Told) -> None:
    first, second = reply(told_ann.mail_token), reply(told_ann.mail_token, "Hello?")
    told_ann.hand_over(first)
    told_ann.hand_over(second)
    (case,) = rows(told_ann.services, told_ann.store, Case)
    assert len(rows(told_ann.services, told_ann.store, Message)) == 2
    with told_ann.services.db.transaction(told_ann.store.id) as session:
        session.get_one(Case, (told_ann.store.id, case.id)).state = "closed"
    told_ann.hand_over(first)
    assert len(rows(told_ann.services, told_ann.store, Case)) == 1


@on_sqlite
@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"X_Autoreply": "yes"}, {"Precedence": "auto_reply"}],
)
def test_an_out_of_office_ends_here(told_ann: Told, headers: dict[str, str]) -> None:
    assert told_ann.hand_over(reply(told_ann.mail_token, "I am away", **headers)).status_code == 202
    assert rows(told_ann.services, told_ann.store, Case) == []
    assert len(told_ann.post.received) == 1, "nothing is answered"


@on_sqlite
def test_a_complaint_stops_messages_about_the_order(told_ann: Told, clock: Clock) -> None:
    machine = f"Feedback-Type: abuse\r\nVersion: 1\r\nOriginal-Mail-From: <bounce+{told_ann.mail_token}@{DOMAIN}>"
    raw = report(told_ann.mail_token, "feedback-report", machine, told_ann.post.only()["Message-ID"])
    assert told_ann.hand_over(raw).status_code == 202
    assert the_order(told_ann.services, told_ann.store).stopped_at == clock()


@on_sqlite
@pytest.mark.parametrize("raw", [b"", b"\x00\xff\xfe", b"hello", reply("1.2.0123456789abcdef"), reply("")])
def test_what_is_none_of_ours_is_taken_and_forgotten(told_ann: Told, raw: bytes) -> None:
    assert told_ann.hand_over(raw).status_code == 202
    assert rows(told_ann.services, told_ann.store, Case) == []


@on_sqlite
@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
def test_only_our_mail_server_may_hand_over(told_ann: Told, token: str) -> None:
    assert told_ann.hand_over(reply(told_ann.mail_token), token).status_code == 401
    assert rows(told_ann.services, told_ann.store, Case) == []


@on_sqlite
def test_without_a_token_set_nobody_may(services: Services, store: Store) -> None:
    shut = replace(services, config=services.config.model_copy(update={"inbound_token": SecretStr("")}))
    client = create_app(shut.config, services=shut).test_client()
    assert client.post("/mail/inbound", data=b"x", headers={"Authorization": "Bearer "}).status_code == 401


@on_sqlite
def test_ten_megabytes_of_photos_do_not_lose_the_words(told_ann: Told) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "ann@shopper.example", f"reply+{told_ann.mail_token}@{DOMAIN}"
    mail["Subject"], mail["Date"] = "Broken", "Wed, 18 Nov 2026 13:00:00 +0000"
    mail.set_content("Look at this.")
    mail.add_attachment(b"\xff\xd8" * (5 << 20), maintype="image", subtype="jpeg", filename="mug.jpg")
    assert told_ann.hand_over(mail.as_bytes()).status_code == 202
    (message,) = rows(told_ann.services, told_ann.store, Message)
    assert message.text == "Look at this.\n\n📎 mug.jpg"


def test_words_no_database_can_store_are_kept_without_them(told_ann: Told) -> None:
    raw = reply(told_ann.mail_token, "Where\x00 is it?").replace(b"Where=00", b"Where\x00")
    assert told_ann.hand_over(raw).status_code == 202
    (message,) = rows(told_ann.services, told_ann.store, Message)
    assert "\x00" not in message.text
    assert "is it?" in message.text


def test_the_mail_is_kept_with_its_case_sealed_and_as_it_came(told_ann: Told) -> None:
    raw = reply(
        told_ann.mail_token, "Where is it?\n\nOn Wed, 18 Nov 2026 at 13:00, Linden wrote:\n> Your parcel is late\n"
    )
    for _ in range(2):
        told_ann.hand_over(raw)
    (mail,) = rows(told_ann.services, told_ann.store, CaseMail)
    (message,) = rows(told_ann.services, told_ann.store, Message)
    assert (mail.case_id, mail.message_id) == (message.case_id, message.id)
    assert raw_mail.open_mail(told_ann.services.keyring, mail) == raw
    assert b"Where" not in mail.sealed
    assert told_ann.mail_token not in message.text


@on_sqlite
def test_a_photo_alone_is_a_message_with_its_mail_kept(told_ann: Told) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "ann@shopper.example", f"reply+{told_ann.mail_token}@{DOMAIN}"
    mail["Date"] = "Wed, 18 Nov 2026 13:00:00 +0000"
    mail.set_content("\n")
    mail.add_attachment(b"\xff\xd8\xff\xe0", maintype="image", subtype="jpeg", filename="broken.jpg")
    assert told_ann.hand_over(mail.as_bytes()).status_code == 202
    (message,) = rows(told_ann.services, told_ann.store, Message)
    assert message.text == "📎 broken.jpg"
    (kept,) = rows(told_ann.services, told_ann.store, CaseMail)
    assert raw_mail.open_mail(told_ann.services.keyring, kept) == mail.as_bytes()


@on_sqlite
def test_what_a_machine_wrote_or_what_came_back_is_not_kept(told_ann: Told) -> None:
    told_ann.hand_over(reply(told_ann.mail_token, "I am away", Auto_Submitted="auto-replied"))
    told_ann.hand_over(bounce(told_ann.mail_token, told_ann.post.only()["Message-ID"]))
    assert rows(told_ann.services, told_ann.store, CaseMail) == []


def test_an_erased_shopper_s_mails_are_gone_and_an_export_tells_them(told_ann: Told) -> None:
    told_ann.hand_over(reply(told_ann.mail_token, "Where is it?"))
    services, store = told_ann.services, told_ann.store
    email = the_order(services, store).email
    with services.db.transaction(store.id) as session:
        exported = personal_data.export_person(session, services.keyring, email=email)
        assert "Where is it?" in exported["case_mails"][0]["sealed"]
        counts = personal_data.erase_person(session, services.keyring, email=email, now=services.clock())
    assert counts["case_mails"] == 1
    (kept,) = rows(services, store, CaseMail)
    assert raw_mail.open_mail(services.keyring, kept) == b""
