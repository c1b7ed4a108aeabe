"""Hands finished letters to the mail server, with the store's sender and the addresses for answers and bounces."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from core.mail import compose
from core.mail.compose import Message
from core.mail.layout import Written
from core.secrets import BadToken, Keyring
from core.services import Services
from core.stores.model import Store

_MAC = 16
_TOKEN = re.compile(r"([0-9a-f]{1,16})\.([0-9a-f]{1,16})\.([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a store's mail comes from, and where answers go."""

    name: str
    address: str
    support: str
    postal: str
    legal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """How one letter is addressed: recipient, order, Message-ID, language, and the link that stops further messages."""

    to: str
    order_id: int
    kind: str
    message_id: str
    language: str
    stop_url: str = ""


def sender_of(services: Services, store: Store) -> Sender:
    """Give the store's sender: its own address once the merchant set one, ours with its name until then."""
    said = store.settings.get("mail", {})
    return Sender(
        name=said.get("name") or store.name,
        address=said.get("from") or services.config.mail_from,
        support=said.get("support") or store.email,
        postal=said.get("address", ""),
        legal=tuple(said.get("legal", ())),
    )


def domain_of(services: Services) -> str:
    """Give the domain at which our answers and bounces arrive."""
    return services.config.mail_from.partition("@")[2]


def mail_token(keyring: Keyring, store_id: int, order_id: int) -> str:
    """Give the part after the + in the addresses of a message: store, order, and proof that we wrote it.

    Lower case only, since some mail systems fold it; short enough for a local part (RFC 5321: 64 octets).
    """
    plain = f"{store_id:x}.{order_id:x}"
    return f"{plain}.{keyring.digest(plain, purpose='mail')[:_MAC]}"


def read_mail_token(keyring: Keyring, token: str) -> tuple[int, int]:
    """Give (store id, order id) of an address we wrote. Raises BadToken."""
    found = _TOKEN.fullmatch(token)
    if not found:
        raise BadToken("not an address of ours")
    plain = f"{found[1]}.{found[2]}"
    if found[3] not in [digest[:_MAC] for digest in keyring.digests(plain, purpose="mail")]:
        raise BadToken("not an address of ours")
    return int(found[1], 16), int(found[2], 16)


def deliver(services: Services, store: Store, letter: Written, envelope: Envelope, *, at: datetime) -> None:
    """Hand a letter to the mail server. Raises what `core.mail.smtp` raises."""
    sender, domain = sender_of(services, store), domain_of(services)
    token = mail_token(services.keyring, store.id, envelope.order_id)
    message = Message(
        to=envelope.to,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        sender_name=sender.name,
        sender_address=sender.address,
        reply_to=f"reply+{token}@{domain}",
        return_path=f"bounce+{token}@{domain}",
        message_id=envelope.message_id,
        language=envelope.language,
        kind=envelope.kind,
        stop_url=envelope.stop_url,
    )
    services.mail.send(compose.compose(message, at=at), envelope_from=message.envelope_from, to=envelope.to)
