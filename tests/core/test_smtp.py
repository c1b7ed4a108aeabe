"""Sending, against a real mail server on this machine that misbehaves on request."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.mail.smtp import (
    BadAddress,
    MailRefused,
    MailUnavailable,
    NullTransport,
    SmtpTransport,
    open_transport,
    wire_address,
)

BOUNCE = "bounce+k3j9@mail.example"
ANN = "ann@shopper.example"


class MailServer(SMTP):
    """A server whose answers the test sets on `post`, the handler."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.event_handler.connections.append(transport)

    async def smtp_DATA(self, arg: str) -> None:
        if not self.event_handler.drops_in_data:
            await super().smtp_DATA(arg)
            return
        self.event_handler.data_begun += 1
        await self.push("354 go ahead")
        self.event_handler.connections[-1].close()


class Post:
    """What the server received, and what it shall answer."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.connections: list[Any] = []
        self.data_begun = self.quits = 0
        self.drops_in_data = False
        self.on_sender = self.on_recipient = self.on_message = "250 fine"

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:
        envelope.mail_from = address
        return self.on_sender

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.on_recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.on_recipient

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.on_message.startswith("2"):
            envelope.was_encrypted = session.ssl is not None
            self.received.append(envelope)
        return self.on_message

    async def handle_QUIT(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.quits += 1
        return "221 bye"


class Server(Controller):
    def __init__(self, post: Post, **options: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        super().__init__(post, hostname="127.0.0.1", port=port, **options)
        self.url = f"smtp://127.0.0.1:{port}"

    def factory(self) -> SMTP:
        return MailServer(self.handler, **self.SMTP_kwargs)


@pytest.fixture
def open_server() -> Iterator[Callable[..., tuple[Server, Post]]]:
    started = []

    def start(**options: Any) -> tuple[Server, Post]:
        post = Post()
        server = Server(post, **options)
        server.start()
        # Starting, the controller connects once to see whether it listens.
        server.loop.call_soon_threadsafe(post.connections.clear)
        started.append(server)
        return server, post

    yield start
    for server in started:
        server.stop()


def mail() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "care@bluekettle.example", ANN, "Late"
    message.set_content("Thứ Năm\n.\nQUIT\n")
    return message


def send(transport: SmtpTransport, to: str = ANN) -> None:
    transport.send(mail(), envelope_from=BOUNCE, to=to)


def test_a_message_arrives_whole_with_its_bounce_address(open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    send(SmtpTransport(server.url))
    (envelope,) = post.received
    assert (envelope.mail_from, envelope.rcpt_tos) == (BOUNCE, [ANN])
    assert envelope.content.isascii()
    assert b"Subject: Late\r\n" in envelope.content
    assert b"\n" not in envelope.content.replace(b"\r\n", b"")


def test_an_international_domain_travels_in_its_ascii_form(open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    send(SmtpTransport(server.url), to="ann@Müller.example")
    assert post.received[0].rcpt_tos == ["ann@xn--mller-kva.example"]


def test_many_messages_share_one_connection(open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    transport = SmtpTransport(server.url)
    for _ in range(5):
        send(transport)
    assert (len(post.received), len(post.connections)) == (5, 1)


def test_threads_share_a_transport_and_never_a_connection_at_once(open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    transport = SmtpTransport(server.url)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: send(transport, f"ann{n}@shopper.example"), range(60)))
    assert sorted(to for envelope in post.received for to in envelope.rcpt_tos) == sorted(
        f"ann{n}@shopper.example" for n in range(60)
    )
    assert len(post.connections) <= 4


@pytest.mark.parametrize("stage", ["on_recipient", "on_message"])
def test_a_4xx_is_for_later_and_the_next_message_still_goes(stage: str, open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    transport = SmtpTransport(server.url)
    setattr(post, stage, f"450 4.2.1 <{ANN}> mailbox busy")
    with pytest.raises(MailUnavailable) as caught:
        send(transport)
    assert caught.value.reason == "The mail server says 450: 4.2.1 <address> mailbox busy"
    setattr(post, stage, "250 fine")
    send(transport)
    assert (len(post.received), len(post.connections)) == (1, 1)


@pytest.mark.parametrize("stage", ["on_recipient", "on_message"])
def test_a_5xx_is_final_and_the_next_message_still_goes(stage: str, open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    transport = SmtpTransport(server.url)
    setattr(post, stage, f"550 5.1.1 <{ANN}>: no such user")
    with pytest.raises(MailRefused) as caught:
        send(transport)
    assert (caught.value.code, caught.value.status) == (550, "5.1.1")
    assert caught.value.reason == "5.1.1 <address>: no such user"
    assert ANN not in str(caught.value)
    setattr(post, stage, "250 fine")
    send(transport)
    assert (len(post.received), len(post.connections)) == (1, 1)


def test_a_server_that_refuses_our_sender_is_no_bounce_of_the_shopper(open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    post.on_sender = "550 5.7.1 sender not allowed"
    with pytest.raises(MailUnavailable, match=r"550: 5\.7\.1 sender not allowed"):
        send(SmtpTransport(server.url))


def test_a_connection_lost_in_the_middle_of_data_is_not_tried_again(open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    transport = SmtpTransport(server.url)
    send(transport)
    post.drops_in_data = True
    with pytest.raises(MailUnavailable):
        send(transport)
    assert (post.data_begun, len(post.connections)) == (1, 1)


def test_a_kept_connection_that_died_is_replaced_unnoticed(open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    transport = SmtpTransport(server.url)
    send(transport)
    server.loop.call_soon_threadsafe(post.connections[0].close)
    send(transport)
    assert (len(post.received), len(post.connections)) == (2, 2)


def test_a_connection_idle_for_30_seconds_is_closed(open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    now = [100.0]
    transport = SmtpTransport(server.url, clock=lambda: now[0])
    send(transport)
    now[0] += 29
    send(transport)
    assert len(post.connections) == 1
    now[0] += 30
    transport.close_idle()
    assert post.quits == 1
    send(transport)
    assert len(post.connections) == 2


def test_nobody_listening_is_for_later() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        transport = SmtpTransport(f"smtp://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(MailUnavailable, match="connection to the mail server failed"):
            send(transport)


def test_a_server_that_says_nothing_is_for_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        transport = SmtpTransport(f"smtp://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
        with pytest.raises(MailUnavailable):
            send(transport)


def test_an_address_no_server_takes_is_refused_without_asking_one() -> None:
    with pytest.raises(MailRefused) as caught:
        send(SmtpTransport("smtp://127.0.0.1:1"), to="แอน@shopper.example")
    assert (caught.value.code, caught.value.status) == (553, "5.1.3")


@pytest.mark.parametrize(("password", "taken"), [("p%40ss:word", True), ("wrong", False)])
def test_the_name_and_password_of_the_url_sign_in(password: str, taken: bool, open_server: Callable[..., Any]) -> None:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        is_max = (given.login, given.password) == (b"max", b"p@ss:word")
        return AuthResult(success=is_max, handled=False)

    server, post = open_server(authenticator=check, auth_require_tls=False)
    transport = SmtpTransport(server.url.replace("//", f"//max:{password}@"))
    if taken:
        send(transport)
    else:
        with pytest.raises(MailUnavailable, match="refuses our sign-in"):
            send(transport)
    assert len(post.received) == taken


def test_starttls_is_used_and_its_certificate_verified(
    open_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server, post = open_server(tls_context=context)
    with pytest.raises(MailUnavailable, match="certificate is not trusted"):
        send(SmtpTransport(server.url))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    send(SmtpTransport(server.url))
    send(SmtpTransport(server.url + "?starttls=never"))
    assert [envelope.was_encrypted for envelope in post.received] == [True, False]


def test_starttls_insisted_on_and_not_offered_sends_nothing(open_server: Callable[..., Any]) -> None:
    server, post = open_server()
    with pytest.raises(MailUnavailable):
        send(SmtpTransport(server.url.replace("smtp:", "smtp+starttls:")))
    assert post.received == []


def make_certificate(folder: Path) -> Path:
    """Write a key and a certificate it signed itself, for 127.0.0.1, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "mail.pem"
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_transport_never_shows_its_secrets() -> None:
    shown = repr(SmtpTransport("smtp+starttls://token:hunter2@mail.example"))
    assert shown == "SmtpTransport(mail.example:587, starttls=always)"


@pytest.mark.parametrize(
    "url",
    [
        "https://max:hunter2@mail.example",
        "smtp://max:hunter2@",
        "smtp://max:hunter2/x@mail.example",
        "smtp://max:hunter2@mail.example:port",
        "smtp://max:hunter2@mail.example?starttls=perhaps",
        "smtp://max:hunter2é@mail.example",
    ],
)
def test_a_wrong_url_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        open_transport(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_without_a_server_the_message_waits_and_says_what_to_set() -> None:
    transport = open_transport("")
    assert isinstance(transport, NullTransport)
    with pytest.raises(MailUnavailable, match="AFTERCARE_SMTP_URL"):
        transport.send(mail(), envelope_from=BOUNCE, to=ANN)


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        (" Ann.O'Neil+tea@Shopper.Example ", "Ann.O'Neil+tea@shopper.example"),
        ("ann@例え.example", "ann@xn--r8jz45g.example"),
        ("kunde@straße.de", "kunde@xn--strae-oqa.de"),
        ("kunde@STRAẞE.de", "kunde@xn--strae-oqa.de"),
        ("info@faß.de", "info@xn--fa-hia.de"),
        ("x@κλαρα-σωλις.ευ", "x@xn----ylba7abgd9bnh0e.xn--qxa6a"),
        ("x@نامه‌ای.com", "x@xn--mgba3gch31f060k.com"),
        ("x@bücher。example", "x@xn--bcher-kva.example"),
        ("x@BÜCHER.example", "x@xn--bcher-kva.example"),
        ("x@i❤.ws", "x@xn--i-7iq.ws"),
        ("x@" + "a" * 63 + ".example", "x@" + "a" * 63 + ".example"),
    ],
)
def test_an_address_travels_in_ascii(address: str, wire: str) -> None:
    assert wire_address(address) == wire


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@shopper.example",
        "ann@",
        "a@b@shopper.example",
        "ann@shopper..example",
        "ann@-shopper.example",
        "ánn@shopper.example",
        "ann@shopper.example\r\nRCPT TO:<eve@evil.example>",
        "ann@shopper.example>",
        "ann smith@shopper.example",
        '"ann"@shopper.example',
        "a" * 65 + "@shopper.example",
        "ann@" + "a." * 130 + "example",
        "ann@" + "a" * 64 + ".shopper.example",
        "ann@ß\u200d❤.shopper.example",
    ],
)
def test_a_wrong_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(BadAddress) as caught:
        wire_address(address)
    assert "shopper" not in str(caught.value)
