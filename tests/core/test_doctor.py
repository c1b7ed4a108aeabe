"""The doctor: silent about a healthy installation, one sentence for each thing that is wrong, no secret in any."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from core.app import create_app
from core.db.base import SYSTEM
from core.db.purpose import Purpose
from core.jobs.queue import Job, NewJob, enqueue
from core.jobs.scheduler import clock_slot
from core.ops import doctor, reachability
from core.ops.commands import examine
from core.platform.contract import Platform
from core.platform.sample import Demo
from core.services import Services
from core.stores.connection import access
from core.stores.model import Store
from tests.conftest import KEY, make_config

SECRET = "hunter2-hunter2-hunter2"
INBOUND, METRICS = "inbound-hunter2-9f3Kq81LxT0bVwYz5mRd", "metrics-hunter2-Q7c2NfHs64JuPaEg0tXk"
HEALTHY = {
    "smtp_url": f"smtp+starttls://max:{SECRET}@mail.example",
    "mail_from": "notices@care.example",
    "inbound_token": INBOUND,
    "metrics_token": METRICS,
}


def look(services: Services, **changes: str) -> doctor.Findings:
    config = make_config(services.config.database_url, **(HEALTHY | changes))
    return doctor.find_problems(config, public=False, platforms={"demo": Demo})


def now() -> datetime:
    return datetime.now(UTC)  # the doctor comes from outside, with the real clock


@pytest.fixture
def ticking(services: Services) -> Services:
    """An installation whose worker has just been heard of."""
    with services.db.system(Purpose.INSPECT) as session:
        clock_slot(session, "clock.sweep", 1, now=now())
        session.execute(sa.update(Job).values(state="done", done_at=now()))
    return services


def change_jobs(services: Services, store: Store, **values: Any) -> None:
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Job).values(**values))


# Inside


def test_a_healthy_installation_hears_nothing(ticking: Services) -> None:
    assert look(ticking) == doctor.Findings()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"smtp_url": ""}, "No mail server is set up"),
        ({"mail_from": "notices@localhost"}, "Messages would come from localhost"),
        ({"inbound_token": ""}, "Bounces and replies cannot be handed over"),
        ({"secret_keys": "short"}, "shorter than 32 characters"),
        ({"inbound_token": "hunter2"}, "AFTERCARE_INBOUND_TOKEN is shorter than 32 characters"),
        ({"metrics_token": "hunter2" * 5}, "AFTERCARE_METRICS_TOKEN repeats itself"),
        ({"metrics_token": "hunter2-is-my-password-0123456789abc"}, "AFTERCARE_METRICS_TOKEN holds a word"),
        ({"metrics_token": INBOUND}, "AFTERCARE_METRICS_TOKEN is the same as AFTERCARE_INBOUND_TOKEN"),
        ({"inbound_token": KEY}, "AFTERCARE_INBOUND_TOKEN is the same as a key in AFTERCARE_SECRET_KEYS"),
        ({"database_url": "postgresql+psycopg://max:hunter2@127.0.0.1:1/x"}, "The database does not answer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_wrong_setting_is_one_sentence(ticking: Services, changes: dict[str, str], said: str) -> None:
    url = changes.pop("database_url", ticking.config.database_url)
    config = make_config(url, **(HEALTHY | changes))
    (sentence,) = doctor.find_problems(config, public=False, platforms={"demo": Demo}).problems
    assert said in sentence
    assert "hunter2" not in sentence


def test_a_database_without_its_schema_is_told_and_asked_nothing_more(tmp_path: Path) -> None:
    config = make_config(f"sqlite:///{tmp_path}/empty.db", **HEALTHY)
    found = doctor.find_problems(config, public=False, platforms={"demo": Demo})
    assert found.problems == ["The database is not on the newest schema. Run: python -m core migrate"]


def test_no_worker_at_all_and_one_long_silent_are_told_apart(services: Services) -> None:
    assert look(services).problems == ["No worker has ever run here. Start one: python -m core work"]
    with services.db.system(Purpose.INSPECT) as session:
        clock_slot(session, "clock.sweep", 1, now=now() - timedelta(minutes=50))
        session.execute(sa.update(Job).values(state="done", done_at=now()))
    assert look(services).problems == ["No worker has been heard of for 50 minutes. Start one: python -m core work"]


def test_work_that_waits_too_long_is_told(ticking: Services, store: Store) -> None:
    change_jobs(ticking, store, state="waiting", run_at=now() - timedelta(hours=4))
    assert [said for said in look(ticking).problems if "waited 4 hours" in said]
    change_jobs(ticking, store, run_at=now() - timedelta(minutes=1))
    assert look(ticking).problems == []


def test_stuck_jobs_are_counted_per_store_and_the_clocks_apart(ticking: Services, store: Store) -> None:
    change_jobs(ticking, store, state="done", done_at=now())
    with ticking.db.transaction(store.id) as session:
        enqueue(session, store.id, [NewJob("work", "a"), NewJob("work", "b")], now=now())
        session.execute(sa.update(Job).where(Job.key.in_(["a", "b"])).values(state="stuck"))
    with ticking.db.system(Purpose.INSPECT) as session:
        session.execute(sa.update(Job).where(Job.store_id == SYSTEM).values(state="stuck"))
    assert look(ticking).problems == [
        "1 jobs of the clock are stuck; its desk says why.",
        f"2 jobs of store {store.key} are stuck; its desk says why.",
    ]


def test_a_closed_store_is_named_with_the_reason(ticking: Services, store: Store) -> None:
    change_jobs(ticking, store, state="done", done_at=now())
    with ticking.db.transaction(store.id) as session:
        access.close(session, store.id, "The key was revoked.", sealed=store.credentials, now=now())
    assert look(ticking).problems == [f"Store {store.key} is closed: The key was revoked."]


def test_a_store_whose_key_is_gone_is_told(ticking: Services, store: Store) -> None:
    change_jobs(ticking, store, state="done", done_at=now())
    (said,) = look(ticking, secret_keys="another-long-random-text-of-36-signs").problems
    assert said.startswith("1 stores are sealed with a key that is not in AFTERCARE_SECRET_KEYS.")
    assert look(ticking, secret_keys=KEY).problems == []


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("off", "said"), [(-90, "behind"), (90, "ahead of"), (2, "")])
def test_a_clock_that_differs_from_the_databases_is_told(ticking: Services, off: int, said: str) -> None:
    with ticking.db.system(Purpose.INSPECT, write=False) as session:
        problems = doctor.clock_problems(session, now() + timedelta(seconds=off))
    assert [said in problem for problem in problems] == ([True] if said else [])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_log_that_would_hold_credentials_is_told(ticking: Services) -> None:
    logger = logging.getLogger("urllib3")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    http.client.HTTPConnection.debuglevel = 1
    try:
        told = look(ticking).problems
    finally:
        logger.setLevel(before)
        http.client.HTTPConnection.debuglevel = 0
    assert [said.split()[0] for said in told] == ["urllib3", "http.client"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_advice_alone_is_no_fault(ticking: Services, capsys: pytest.CaptureFixture[str]) -> None:
    config = make_config(ticking.config.database_url, **HEALTHY, secret_keys=f"{KEY},another-{KEY}")
    assert examine(config, public=False) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["Nothing is wrong.", "To know:"]
    assert examine(make_config(ticking.config.database_url), public=False) == 1
    assert "3 to mend." in capsys.readouterr().out


# Outside


class Half(Demo):
    """A platform that needs two settings."""

    title = "Half"
    app_settings = {"client_id": "who we are", "client_secret": "and the proof"}  # noqa: RUF012 - as the contract has it


def test_a_platform_half_set_up_is_a_fault_and_one_not_set_up_is_not() -> None:
    offered: dict[str, type[Platform]] = {"half": Half}
    unset = make_config("sqlite:///unused.db", **HEALTHY)
    half = unset.model_copy(update={"app_settings": {"half": {"client_id": "7"}}})
    said = "Half is half set up. It still needs AFTERCARE_HALF_CLIENT_SECRET."
    assert doctor.public_problems(half, offered) == [said]
    assert doctor.public_problems(unset, offered) == []
    assert [said for said in doctor.public_advice(unset, offered) if said.startswith("Half is not offered")]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate it signed itself, for a public address and a mail server on this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "care.example")])
    addresses = [x509.IPAddress(ip_address(text)) for text in ("127.0.0.1", "127.0.0.2")]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def public_address(app: Callable[..., Any], certificate: Path, patience: float = 0.5) -> Iterator[str]:
    """Serve over https, as the proxy does."""
    # As the proxy does, too: who sends half a header is not waited for.
    handler = type("Handler", (WSGIRequestHandler,), {"timeout": patience})
    context = tls(certificate)
    server = make_server("127.0.0.2", 0, app, threaded=True, ssl_context=context, request_handler=handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.2:{server.server_port}"
    finally:
        server.shutdown()


def ask(url: str, certificate: Path | None, **changes: str) -> list[str]:
    """Let the doctor ask; the guard lets it come to this machine for once."""
    config = make_config("sqlite:///unused.db", public_url=url, outbound_allow=url.partition("://")[2], **changes)
    return reachability.find_problems(config, ca_file=str(certificate) if certificate else None)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("header", "healthy"),
    [
        ("max-age=31536000; includeSubDomains", True),
        ('Max-Age="31536000"', True),
        ("max-age=300", False),
        ("max-age=soon", False),
        ("", False),
    ],
)
def test_our_own_address_answers_and_insists_on_https(
    services: Services, certificate: Path, header: str, healthy: bool
) -> None:
    app = create_app(services.config, services=services)
    if header:
        app.after_request(lambda answer: answer.headers.set("Strict-Transport-Security", header) or answer)
    with public_address(app, certificate) as url:
        told = ask(url, certificate)
    assert told == [] if healthy else "Strict-Transport-Security" in told[0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("patience", "healthy"), [(0.5, True), (30.0, False)])
def test_a_front_that_waits_for_half_sent_headers_is_told(
    services: Services, certificate: Path, monkeypatch: pytest.MonkeyPatch, patience: float, healthy: bool
) -> None:
    monkeypatch.setattr(reachability, "LONGEST_HEADER", 2.0)
    app = create_app(services.config, services=services)
    app.after_request(lambda answer: answer.headers.set("Strict-Transport-Security", "max-age=31536000") or answer)
    with public_address(app, certificate, patience) as url:
        told = ask(url, certificate)
    assert told == [] if healthy else "half-sent header" in told[0]


def test_somebody_else_at_our_address_is_told(certificate: Path) -> None:
    with public_address(Flask(__name__), certificate) as url:
        assert ask(url, certificate) == ["Something else answers at AFTERCARE_PUBLIC_URL (status 404)."]


def test_a_certificate_nobody_trusts_is_told(certificate: Path) -> None:
    with public_address(Flask(__name__), certificate) as url:
        (said,) = ask(url, None)
    assert "could not be reached safely (TLS, certificate)" in said


def test_an_address_inside_our_own_network_is_not_asked(certificate: Path) -> None:
    with public_address(Flask(__name__), certificate) as url:
        config = make_config("sqlite:///unused.db", public_url=url)
        (said,) = reachability.find_problems(config, ca_file=str(certificate))
    assert "not an address on the public internet" in said


def test_http_and_this_machines_name_are_told_without_asking() -> None:
    assert len(ask("http://localhost:1", None)) == 2


class Post:
    """Keeps nothing: the doctor must not send."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.commands.append("MAIL")
        return "250 fine"

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: Any) -> Any:
        self.commands.append("EHLO over TLS" if session.ssl else "EHLO")
        session.host_name = hostname
        return responses

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:
        self.commands.append("QUIT")
        return "221 bye"


@contextmanager
def mail_server(**options: Any) -> Iterator[tuple[Post, str]]:
    post = Post()
    with socket.socket() as probe:  # aiosmtpd greets itself at the port it was asked for (1.4.6): 0 is none
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(post, hostname="127.0.0.1", port=port, **options)
    server.start()
    post.commands.clear()
    try:
        yield post, f"127.0.0.1:{port}"
    finally:
        server.stop()


def test_a_mail_server_with_starttls_is_greeted_twice_and_left(certificate: Path) -> None:
    with mail_server(tls_context=tls(certificate)) as (post, address):
        url = f"smtp+starttls://max:{SECRET}@{address}"
        assert reachability.find_mail_problems(url, str(certificate)) == []
        assert post.commands == ["EHLO", "EHLO over TLS", "QUIT"]


def test_a_mail_server_without_starttls_is_told_unless_that_is_wished() -> None:
    with mail_server() as (_, address):
        assert "no STARTTLS" in reachability.find_mail_problems(f"smtp://{address}", None)[0]
        assert reachability.find_mail_problems(f"smtp://{address}?starttls=never", None) == []


def test_a_mail_server_with_a_strange_certificate_or_none_at_all_is_told(certificate: Path) -> None:
    with mail_server(tls_context=tls(certificate)) as (_, address):
        (said,) = reachability.find_mail_problems(f"smtp://{address}", None)
    assert said.startswith("The mail server's certificate is not trusted")
    (said,) = reachability.find_mail_problems(f"smtp://max:{SECRET}@{address}", None)
    assert said == "The mail server does not greet us (ConnectionRefusedError). Check AFTERCARE_SMTP_URL."


def test_the_records_to_publish_are_told_for_the_senders_domain() -> None:
    config = make_config("sqlite:///unused.db", **HEALTHY)
    told = " ".join(reachability.mail_records(config))
    assert '"v=spf1 a:mail.example ~all"' in told
    assert "_dmarc.care.example" in told
    assert SECRET not in told
