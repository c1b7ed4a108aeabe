"""Outgoing mail: turn what we want to say into a message that every mail program shows right.

`compose` builds it, a transport (core/mail/smtp.py) hands it over, `check_domain_hints` tells the merchant which DNS
records keep it out of the spam folder. What comes back is read by core/mail/inbound.py.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_string, policy
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime
from typing import cast

from core.mail.smtp import (
    BadAddress,
    MailRefused,
    MailUnavailable,
    NullTransport,
    SmtpTransport,
    Transport,
    open_transport,
    wire_address,
)

__all__ = [
    "BadAddress",
    "MailRefused",
    "MailUnavailable",
    "Message",
    "NullTransport",
    "SmtpTransport",
    "Transport",
    "check_domain_hints",
    "compose",
    "open_transport",
    "wire_address",
]

# The headers below come folded; refolding them would undo it. 7bit so that no relay has to recode the text.
_WIRE = policy.SMTP.clone(refold_source="none", cte_type="7bit")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_STOP_URL = re.compile(r"https?://[!-;=?-~]{1,900}")
_EXTRA = re.compile(r"X-[A-Za-z0-9-]{1,60}")
# Embeddings, overrides, isolates and marks: in a name they can show "moc.knab" as "bank.com".
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_REFERENCES = 20

# Where the server in AFTERCARE_SMTP_URL belongs to a mail service, the SPF term that service asks for.
_SPF = {
    "amazonaws.com": "include:amazonses.com",
    "gmail.com": "include:_spf.google.com",
    "google.com": "include:_spf.google.com",
    "mailgun.org": "include:mailgun.org",
    "mailjet.com": "include:spf.mailjet.com",
    "office365.com": "include:spf.protection.outlook.com",
    "outlook.com": "include:spf.protection.outlook.com",
    "postmarkapp.com": "include:spf.mtasv.net",
    "sendgrid.net": "include:sendgrid.net",
}
_FREE_MAIL = frozenset(
    "gmail.com googlemail.com yahoo.com outlook.com hotmail.com live.com icloud.com aol.com gmx.de gmx.net "
    "web.de qq.com 163.com 126.com yandex.ru mail.ru proton.me".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One mail to one person, before it is laid out.

    `text` is the plain part and never empty; `html` may be. `return_path` is the envelope sender bounces go to,
    with the token in it ("bounce+k3j9@mail.example"); empty means the sender. `message_id` comes from the notice's
    own key, so that a copy sent after a crash is the same message to every mail program. `headers` may only add
    names that start with "X-".
    """

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    sender_name: str
    sender_address: str
    message_id: str
    html: str = field(default="", repr=False)
    reply_to: str = field(default="", repr=False)
    return_path: str = field(default="", repr=False)
    language: str = "en"
    kind: str = ""
    stop_url: str = field(default="", repr=False)
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def envelope_from(self) -> str:
        """Give the address the transport names as sender, to which bounces come."""
        return self.return_path or self.sender_address


def compose(message: Message, *, at: datetime) -> EmailMessage:
    """Lay the message out for sending: plain part first, HTML beside it, marked as automatic (RFC 3834).

    The same message and `at` give the same bytes. Raises BadAddress, and ValueError for a naive `at`, a malformed
    Message-ID, stop link or extra header: those come from our code, never from a shopper.
    """
    if at.tzinfo is None:
        raise ValueError("the date of a mail needs its zone")
    lines = [f"{name}: {value}" for name, value in _headers(message, at).items() if value]
    # The standard library's own folding loses the space between two encoded words ("😀 :", Python 3.11.7), so the
    # headers are folded here and parsed back. (The stub says Message; the policy decides that it is EmailMessage.)
    mail = cast(EmailMessage, message_from_string("\r\n".join(lines) + "\r\n\r\n", policy=_WIRE))
    mail.set_content(_encodable(message.text))
    if message.html:
        mail.add_alternative(_encodable(message.html), subtype="html")
        mail.set_boundary(_boundary(message))
    # Last: both calls above take the Content- headers they find for the part's own.
    mail["Content-Language"] = re.sub(r"[^A-Za-z0-9-]", "", message.language)
    return mail


def check_domain_hints(from_domain: str, smtp_host: str) -> list[str]:
    """Tell in sentences which DNS records the merchant publishes so that mail from `from_domain` is trusted.

    Nothing is looked up: these are the records to have (SPF RFC 7208, DKIM RFC 6376, DMARC RFC 7489).
    """
    domain, host = from_domain.strip().lower().rstrip("."), smtp_host.strip().lower().rstrip(".")
    if domain in _FREE_MAIL:
        whose = f"{domain} belongs to a mail provider, so nobody else can sign mail for it and many inboxes refuse it."
        return [f"{whose} Send from an address at your store's own domain."]
    service = next((term for name, term in _SPF.items() if host == name or host.endswith(f".{name}")), "")
    term = service or f"a:{host}"
    return [
        f'SPF: publish a TXT record at {domain}: "v=spf1 {term} ~all".',
        f'If {domain} already has a record starting "v=spf1", add "{term}" to it; two such records count as none.',
        f"DKIM: ask whoever runs {host} for the key of {domain}; its record's name ends in _domainkey.{domain}.",
        "DKIM matters most, because it survives forwarding.",
        f'DMARC: publish a TXT record at _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:postmaster@{domain}".',
        'Once the DMARC reports show only your own mail, change "p=none" to "p=quarantine".',
    ]


def _headers(message: Message, at: datetime) -> dict[str, str]:
    """Give every header in the order it travels, folded and in ASCII; empty ones are left out later."""
    sender = wire_address(message.sender_address)
    headers = {
        "From": f"{_display_name(message.sender_name)} <{sender}>".strip(),
        "To": wire_address(message.to),
        "Subject": _words(_one_line(message.subject), "Subject"),
        "Date": format_datetime(at.astimezone(UTC)),
        "Message-ID": _id(message.message_id),
        "Reply-To": wire_address(message.reply_to) if message.reply_to else "",
        "In-Reply-To": _id(message.in_reply_to) if message.in_reply_to else "",
        "References": "\r\n ".join(_id(reference) for reference in message.references[-_REFERENCES:]),
        "Auto-Submitted": "auto-generated",
        # Exchange and Outlook answer automatic mail unless told not to (MS-OXCMAIL 2.2.3.2.14).
        "X-Auto-Response-Suppress": "All",
        "X-Aftercare-Kind": re.sub(r"[^A-Za-z0-9_-]", "", message.kind),
    }
    if message.stop_url:
        headers |= _stop_headers(message.stop_url)
    for name, value in message.headers.items():
        if not _EXTRA.fullmatch(name) or (name in headers and name != "X-Aftercare-Kind"):
            raise ValueError(f"not a header of ours to set: {name[:40]!r}")
        headers[name] = _words(_one_line(value), name)
    return headers


def _stop_headers(url: str) -> dict[str, str]:
    """Offer the one-click stop (RFC 8058); the page behind it must act on POST alone."""
    if not _STOP_URL.fullmatch(url):
        raise ValueError("the stop link is not a plain web address")
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _id(value: str) -> str:
    if not _MESSAGE_ID.fullmatch(value) or len(value) > 250:
        raise ValueError("a Message-ID looks like <something@domain>")
    return value


def _one_line(value: str) -> str:
    """Turn every line break and control character into a space, and drop what can reorder the letters around it.

    Marks and isolates stay: an Arabic subject needs them around an order number.
    """
    plain = "".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in value)
    return " ".join(re.sub("[\u202a-\u202e\ud800-\udfff]", "", plain).split())


def _words(value: str, header: str) -> str:
    """Encode and fold one line of words as RFC 2047 has it, never inside a character."""
    plain = value.isascii() and "=?" not in value and all(len(word) <= 60 for word in value.split(" "))
    charset = "us-ascii" if plain else "utf-8"
    return Header(value, charset, header_name=header).encode(linesep="\r\n")


def _display_name(value: str) -> str:
    """Give the name as it stands before <address>: quoted where it is ASCII, encoded where it is not."""
    name = _BIDI.sub("", _one_line(value))[:100].strip()
    if not name or (name.isascii() and "=?" not in name and len(name) <= 60):
        quoted = re.sub(r'(["\\])', r"\\\1", name)
        return f'"{quoted}"' if name else ""
    return Header(name, "utf-8", header_name="From").encode(linesep="\r\n")


def _encodable(text: str) -> str:
    # Half an emoji, cut by a platform's length limit, has no UTF-8 form.
    return text.encode("utf-8", "replace").decode()


def _boundary(message: Message) -> str:
    # "=_" occurs neither in base64 nor in quoted-printable; the digest keeps it apart in plain ASCII text.
    digest = hashlib.sha256("\0".join((message.message_id, message.text, message.html)).encode("utf-8", "replace"))
    return f"=_{digest.hexdigest()[:32]}"
