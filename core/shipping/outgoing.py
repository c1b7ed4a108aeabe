"""From a finished letter to the mail server: who a store's mail comes from, and where answers and bounces go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core import mail
from core.mail import Message
from core.services import Services
from core.shipping import answers
from core.shipping.letters import Written
from core.stores.model import Store


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
    """One letter's way: to whom, about which order, under which Message-ID, and the link that stops more of them."""

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


def deliver(services: Services, store: Store, letter: Written, envelope: Envelope, *, at: datetime) -> None:
    """Hand a letter to the mail server. Raises what `core.mail` raises."""
    sender, domain = sender_of(services, store), domain_of(services)
    token = answers.mail_token(services.keyring, store.id, envelope.order_id)
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
    services.mail.send(mail.compose(message, at=at), envelope_from=message.envelope_from, to=envelope.to)
