"""Send composed mail over SMTP; a failure is either refused for good or to be tried again."""

from __future__ import annotations

import re
import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from core.mail.domain_names import ascii_domain

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_ENHANCED = re.compile(r"\A([245]\.\d{1,3}\.\d{1,3})\b")


class BadAddress(ValueError):
    """An address no mail server would take; says what is wrong without repeating it."""


class MailRefused(Exception):
    """The mail server refuses this message for good; sending it again would change nothing.

    Carries `code` (550), `status` (RFC 3463, "5.1.1", or "" where the server gave none) and `reason`: the server's
    sentence without addresses.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        found = _ENHANCED.match(reason)
        self.code, self.reason, self.status = code, reason, found[1] if found else ""


class MailUnavailable(Exception):
    """The message could not be handed over now; the same message may be sent again later."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transport(Protocol):
    """Whatever takes a composed message to one recipient."""

    def send(self, message: EmailMessage, *, envelope_from: str, to: str) -> None:
        """Hand the message over once. Raises MailRefused or MailUnavailable."""


class NullTransport:
    """Stands where no mail server is configured, so that messages wait visibly instead of vanishing."""

    def send(self, message: EmailMessage, *, envelope_from: str, to: str) -> None:
        raise MailUnavailable("No mail server is set up. Set AFTERCARE_SMTP_URL and the waiting messages go out.")


class SmtpTransport:
    """Sends over SMTP, keeping connections open between messages; safe to share among threads.

    `url` is `smtp://`, `smtp+starttls://` or `smtps://` with `user:password@host:port`, the name and password
    percent-encoded. `smtp` encrypts when the server offers it, `smtp+starttls` insists; `?starttls=never` forbids
    it for a relay on a private network. A certificate is always verified. Raises ValueError for any other URL,
    without repeating it. Times are seconds; `clock` counts up.

    A message the server took just before this process died, ahead of the commit that says so, is sent again by
    the retry. SMTP has no way to close that window; the caller gives the copy the same Message-ID, by which
    mail programs and providers know it for the same message.
    """

    def __init__(
        self, url: str, *, timeout: float = 20, idle: float = 30, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._host, self._port, self._sign_in, self._tls = _read_url(url)
        self._timeout, self._idle, self._clock = timeout, idle, clock
        self._lock = threading.Lock()
        self._kept: list[tuple[smtplib.SMTP, float]] = []

    def __repr__(self) -> str:
        # No user name either: some providers use one secret as both name and password.
        return f"SmtpTransport({self._host}:{self._port}, starttls={self._tls})"

    def send(self, message: EmailMessage, *, envelope_from: str, to: str) -> None:
        """Hand the message to the server for the one recipient `to`; return only once the server took it.

        Raises MailRefused when the server refuses the recipient or the message for good (5xx), MailUnavailable for
        everything a later try may cure: 4xx, a lost connection, a time-out, a server that refuses *us*.
        """
        try:
            recipient = wire_address(to)
        except BadAddress as error:
            raise MailRefused(553, f"5.1.3 {error}") from None
        wire = _LINE_END.sub(b"\r\n", message.as_bytes(policy=message.policy.clone(cte_type="7bit")))
        try:
            smtp = self._begin(wire_address(envelope_from) if envelope_from else "")
        except (smtplib.SMTPException, OSError, BadAddress) as error:
            raise MailUnavailable(_explain(error)) from None
        try:
            code, answer = _send_message(smtp, wire, recipient)
        except (smtplib.SMTPException, OSError) as error:
            smtp.close()
            raise MailUnavailable(_explain(error)) from None
        self._keep(smtp, clean=200 <= code < 300)
        if 500 <= code < 600:
            raise MailRefused(code, _sentence(answer))
        if not 200 <= code < 300:
            raise MailUnavailable(f"The mail server says {code}: {_sentence(answer)}")

    def close_idle(self) -> None:
        """Close the connections nobody used for `idle` seconds; `send` does it too, so this is for quiet times."""
        oldest = self._clock() - self._idle
        with self._lock:
            stale = [smtp for smtp, used in self._kept if used <= oldest]
            self._kept = [(smtp, used) for smtp, used in self._kept if used > oldest]
        for smtp in stale:
            _quit(smtp)

    def close(self) -> None:
        """Close every kept connection; the transport stays usable."""
        with self._lock:
            kept, self._kept = self._kept, []
        for smtp, _ in kept:
            _quit(smtp)

    def _begin(self, envelope_from: str) -> smtplib.SMTP:
        """Give a connection on which the server has accepted the sender.

        A kept connection may have died unnoticed. Nothing of the message was sent by then, so a new one is safe.
        """
        self.close_idle()
        with self._lock:
            smtp = self._kept.pop()[0] if self._kept else None
        if smtp is not None:
            try:
                _send_mail_from(smtp, envelope_from)
            except (smtplib.SMTPException, OSError):
                smtp.close()
            else:
                return smtp
        smtp = self._connect()
        try:
            _send_mail_from(smtp, envelope_from)
        except (smtplib.SMTPException, OSError):
            smtp.close()
            raise
        return smtp

    def _keep(self, smtp: smtplib.SMTP, *, clean: bool) -> None:
        """Keep the connection for the next message, after clearing away a refused one."""
        try:
            if not clean:
                smtp.rset()
        except (smtplib.SMTPException, OSError):
            smtp.close()
            return
        with self._lock:
            self._kept.append((smtp, self._clock()))

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._tls == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout, context=context)
        else:
            smtp = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            smtp.ehlo_or_helo_if_needed()
            if self._tls == "always" or (self._tls == "offered" and smtp.has_extn("starttls")):
                smtp.starttls(context=context)
                smtp.ehlo()
            self._log_in(smtp)
        except (smtplib.SMTPException, OSError):
            smtp.close()
            raise
        return smtp

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        if self._sign_in is None:
            return
        encrypted = isinstance(smtp.sock, ssl.SSLSocket)
        if not encrypted and self._tls != "never" and not _is_loopback(self._host):
            raise smtplib.SMTPException("The server offers no encryption, and the password must not travel in clear.")
        smtp.login(*self._sign_in)


def open_transport(url: str) -> SmtpTransport | NullTransport:
    """Give the transport for AFTERCARE_SMTP_URL; the one that explains itself where the URL is empty."""
    return SmtpTransport(url) if url.strip() else NullTransport()


def wire_address(address: str) -> str:
    """Give the address as it travels: one `local@domain`, an international domain in its ASCII form.

    Raises BadAddress. A local part outside ASCII is refused: it needs SMTPUTF8 on every server along the way, and
    no relay promises that. So are quoted local parts, which no shop has ever seen on an order.
    """
    local, at, domain = address.strip().rpartition("@")
    if len(address) > 254:
        raise BadAddress("it is longer than the 254 characters of RFC 5321")
    if not at or not _LOCAL_PART.fullmatch(local):
        raise BadAddress("the part before @ is missing or holds letters mail servers do not carry")
    try:
        domain = ascii_domain(domain)
    except UnicodeError:
        raise BadAddress("the part after @ is not a domain name") from None
    if not _DOMAIN.fullmatch(domain):
        raise BadAddress("the part after @ is not a domain name")
    return f"{local}@{domain}"


def _send_mail_from(smtp: smtplib.SMTP, envelope_from: str) -> None:
    # 5xx here concerns our account or sender address, not the shopper's: it must not show as a bounce.
    code, answer = smtp.mail(envelope_from)
    if not 200 <= code < 300:
        raise smtplib.SMTPResponseException(code, answer)


def _send_message(smtp: smtplib.SMTP, wire: bytes, to: str) -> tuple[int, bytes]:
    """Name the recipient, then hand over the message; give the answer that decides."""
    code, answer = smtp.rcpt(to)
    if not 200 <= code < 300:
        return code, answer
    try:
        return smtp.data(wire)
    except smtplib.SMTPDataError as error:  # refused before a byte of the message was sent
        return error.smtp_code, _as_bytes(error.smtp_error)


def _quit(smtp: smtplib.SMTP) -> None:
    try:
        smtp.quit()
    except (smtplib.SMTPException, OSError):
        smtp.close()


def _explain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"The mail server refuses our sign-in: {_sentence(_as_bytes(error.smtp_error))}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"The mail server says {error.smtp_code}: {_sentence(_as_bytes(error.smtp_error))}"
    if isinstance(error, TimeoutError):
        return "The mail server did not answer in time."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The mail server's certificate is not trusted: {error.verify_message}."
    if isinstance(error, BadAddress):
        return f"The address bounces go to is wrong: {error}."
    return f"The connection to the mail server failed: {_sentence(_as_bytes(str(error)))}"


def _as_bytes(answer: bytes | str) -> bytes:
    return answer if isinstance(answer, bytes) else answer.encode()


def _sentence(answer: bytes) -> str:
    """Make a server's answer fit for logs and staff: one line, at most 200 characters, no addresses."""
    words = " ".join(answer.decode("utf-8", "replace").split())
    printable = "".join(char for char in words if char.isprintable())
    return _ADDRESS.sub("<address>", printable)[:200]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_url(url: str) -> tuple[str, int, tuple[str, str] | None, str]:
    """Take a URL apart into host, port, (name, password) and the way it encrypts."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:  # its message repeats a piece of the URL, perhaps of the password
        raise ValueError("AFTERCARE_SMTP_URL cannot be read; percent-encode the name and password") from None
    if parts.scheme not in _PORTS or not host:
        raise ValueError("AFTERCARE_SMTP_URL must start with smtp://, smtp+starttls:// or smtps:// and name a host")
    wish = parse_qs(parts.query).get("starttls", ["always" if parts.scheme == "smtp+starttls" else "offered"])[-1]
    if wish not in {"never", "offered", "always"}:
        raise ValueError("starttls in AFTERCARE_SMTP_URL must be never, offered or always")
    name, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (name + password).isascii():
        raise ValueError("smtplib signs in with ASCII names and passwords only")
    tls = "implicit" if parts.scheme == "smtps" else wish
    return host, port or _PORTS[parts.scheme], (name, password) if name else None, tls
