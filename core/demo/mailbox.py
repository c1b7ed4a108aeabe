"""Everybody's mailbox in the demo: a real SMTP server on loopback that keeps each message as a file."""

from __future__ import annotations

import email
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.db.purpose import Purpose
from core.orders.messages.notice import Notice
from core.orders.model import Order
from core.services import Services
from core.stores.model import Store


class MessageKeeper:
    """aiosmtpd's handler: writes what arrives into a folder, newest last by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Keep one message."""
        name = f"{time.time_ns()}.eml"
        partial = self.folder / f"{name}.partial"  # a name that read_all does not list
        partial.write_bytes(envelope.original_content or envelope.content)
        partial.rename(self.folder / name)
        return "250 kept"


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as the mailbox shows it."""

    id: str
    at: datetime
    to: str
    subject: str
    kind: str
    language: str
    message_id: str
    text: str
    html: str


def read_all(folder: Path) -> list[Mail]:
    """Read every message, newest first."""
    return [read_one(path) for path in sorted(folder.glob("*.eml"), reverse=True)]


def read_one(path: Path) -> Mail:
    """Read one message."""
    message: EmailMessage = email.message_from_bytes(path.read_bytes(), policy=default)
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))
    return Mail(
        id=path.stem,
        at=datetime.fromtimestamp(int(path.stem) / 1e9, UTC),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        kind=str(message["X-Aftercare-Kind"] or ""),
        language=str(message["Content-Language"] or ""),
        message_id=str(message["Message-ID"] or "").strip(),
        text=plain.get_content() if plain else "",
        html=rich.get_content() if rich else "",
    )


def list_mails(services: Services, folder: Path) -> list[dict[str, Any]]:
    """List messages with the store, order and dates they are about, newest first."""
    with services.db.system(Purpose.SHOW_SAMPLES, write=False) as session:
        stores = session.scalars(sa.select(Store)).all()
    known: dict[str, dict[str, Any]] = {}
    for store in stores:
        with services.db.transaction(store.id, write=False) as session:
            notices = sa.select(Notice, Order).join(
                Order, sa.and_(Order.store_id == Notice.store_id, Order.id == Notice.order_id)
            )
            for notice, order in session.execute(notices.where(Notice.message_id != "", Notice.merged_into.is_(None))):
                known[notice.message_id] = {
                    "store": store.name,
                    "order": order.number,
                    "promised_by": notice.promised_by.isoformat() if notice.promised_by else None,
                    "expected_by": notice.expected_by.isoformat() if notice.expected_by else None,
                }
    nothing = {"store": "", "order": "", "promised_by": None, "expected_by": None}
    # A notice arrives a moment before its row says that it was sent: it is listed once both are true.
    listed = [m for m in read_all(folder) if m.message_id in known or not m.message_id.startswith("<notice.")]
    return [
        {
            "id": mail.id,
            "to": mail.to,
            "kind": mail.kind,
            "subject": mail.subject,
            "sent_at": mail.at.isoformat(),
            "language": mail.language,
        }
        | known.get(mail.message_id, nothing)
        for mail in listed
    ]
