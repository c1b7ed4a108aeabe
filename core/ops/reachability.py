"""Checks from outside whether an installation's public address answers safely and its mail server accepts us."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from typing import cast
from urllib.parse import parse_qs, urlsplit

import requests
from urllib3 import exceptions as transport
from urllib3.connection import HTTPSConnection

from core.config import Config
from core.mail.compose import check_domain_hints
from core.platform.address_guard import guarded_pools
from core.platform.errors import PlatformError
from core.platform.http import open_session

_TIMEOUT = 10.0  # seconds
LONGEST_HEADER = 20.0
"""Seconds a front may wait for the rest of a request's headers; deploy/Caddyfile allows 10."""
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_HERE = ("localhost", "127.0.0.1", "::1")
_SHORTEST_HSTS = 180 * 24 * 3600  # seconds; below half a year browsers forget between two orders


def find_problems(config: Config, *, ca_file: str | None = None) -> list[str]:
    """Ask our own public address and the mail server; say what a marketplace or a mailbox would object to."""
    smtp_url = config.smtp_url.get_secret_value()
    return _address_problems(config, ca_file) + (find_mail_problems(smtp_url, ca_file) if smtp_url else [])


def mail_records(config: Config) -> list[str]:
    """List the DNS records to publish for the address messages come from; nothing is looked up."""
    host = urlsplit(config.smtp_url.get_secret_value()).hostname or ""
    return check_domain_hints(config.mail_from.partition("@")[2], host) if host else []


def _address_problems(config: Config, ca_file: str | None) -> list[str]:
    address = urlsplit(config.public_url)
    problems = []
    if address.scheme != "https":
        problems.append("AFTERCARE_PUBLIC_URL must start with https:// for marketplaces and webhooks.")
    if address.hostname in _HERE:
        problems.append("AFTERCARE_PUBLIC_URL names this machine; stores cannot reach it.")
    return problems or _answer_problems(config, ca_file)


def _answer_problems(config: Config, ca_file: str | None) -> list[str]:
    """Make one request, through the guard that keeps calls on the public internet."""
    session = open_session(
        allow=config.outbound_allow, timeout=(5, _TIMEOUT), retries=0, ca_file=ca_file, user_agent="Aftercare doctor"
    )
    try:
        answer = session.get(f"{config.public_url}/healthz", allow_redirects=False)
    except PlatformError as error:  # its text carries no query and no credentials
        return [f"AFTERCARE_PUBLIC_URL does not answer from here: {error}."]
    if answer.status_code != 200 or not _is_ours(answer):
        return [f"Something else answers at AFTERCARE_PUBLIC_URL (status {answer.status_code})."]
    if _hsts_seconds(answer.headers.get("Strict-Transport-Security", "")) < _SHORTEST_HSTS:
        return ["AFTERCARE_PUBLIC_URL sends no Strict-Transport-Security of half a year or more: let the proxy add it."]
    return _header_problems(config, ca_file)


def _header_problems(config: Config, ca_file: str | None) -> list[str]:
    """Send half a header and see that the front hangs up; gunicorn would keep a thread waiting for the rest."""
    address = urlsplit(config.public_url)
    connect = cast(type[HTTPSConnection], guarded_pools(config.outbound_allow)["https"].ConnectionCls)
    door = connect(address.hostname or "", port=address.port or 443, timeout=_TIMEOUT, ca_certs=ca_file)
    try:
        door.connect()
        door.sock.settimeout(LONGEST_HEADER)
        door.sock.sendall(f"GET /healthz HTTP/1.1\r\nHost: {address.netloc}\r\nX-Half".encode())
        door.sock.recv(1)  # an error's first byte, or none because it hung up: either way it did not wait
    except TimeoutError:
        held = f"AFTERCARE_PUBLIC_URL waits longer than {LONGEST_HEADER:.0f} s for a half-sent header"
        return [f"{held}, so a few callers can hold the server. Put a front such as deploy/Caddyfile before it."]
    except (ConnectionError, ssl.SSLEOFError):
        return []
    except (OSError, transport.HTTPError, PlatformError) as error:
        return [f"AFTERCARE_PUBLIC_URL could not be tried with a half-sent header ({type(error).__name__})."]
    finally:
        door.close()
    return []


def _is_ours(answer: requests.Response) -> bool:
    with suppress(ValueError):
        return bool(answer.json() == {"ok": True})
    return False


def _hsts_seconds(header: str) -> int:
    """Read max-age (RFC 6797); 0 where there is none."""
    for directive in header.split(";"):
        name, _, value = directive.strip().partition("=")
        seconds = value.strip('" ')
        if name.strip().lower() == "max-age" and seconds.isascii() and seconds.isdigit():
            return int(seconds)
    return 0


def find_mail_problems(smtp_url: str, ca_file: str | None) -> list[str]:
    """Connect, greet, encrypt and hang up. Nobody signs in and nothing is sent."""
    url = urlsplit(smtp_url)
    wish = parse_qs(url.query).get("starttls", [""])[-1]
    context = ssl.create_default_context(cafile=ca_file)
    host, port = url.hostname or "", url.port or _PORTS.get(url.scheme, 25)
    try:
        if url.scheme == "smtps":
            with smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT, context=context) as smtp:
                smtp.ehlo()
            return []
        with smtplib.SMTP(host, port, timeout=_TIMEOUT) as smtp:
            smtp.ehlo()
            if wish == "never":
                return []
            if not smtp.has_extn("starttls"):
                return ["The mail server offers no STARTTLS: messages and the password would travel in clear."]
            smtp.starttls(context=context)
            smtp.ehlo()
    except ssl.SSLCertVerificationError as error:
        return [f"The mail server's certificate is not trusted: {error.verify_message}."]
    except (smtplib.SMTPException, OSError) as error:  # a text of theirs may repeat an address
        return [f"The mail server does not greet us ({type(error).__name__}). Check AFTERCARE_SMTP_URL."]
    return []
