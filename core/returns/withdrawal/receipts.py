"""Receipts of a withdrawal to an address that somebody typed: without links, and at most three a day to each.

The order's own address gets its letter in any case (`withdrawal.confirm`). What goes elsewhere could tell a stranger
whether an order exists, or fill a mailbox; so it holds nothing but the receipt.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.i18n.words import negotiate
from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.mail.compose import BadAddress, MailRefused, MailUnavailable
from core.orders.messages.envelope import Envelope, deliver, domain_of, sender_of
from core.orders.model import Order
from core.platform.errors import Unavailable
from core.returns.law.withdrawal_law import says_cancel
from core.returns.mail.letters import ReturnLetter, write
from core.returns.model import Withdrawal
from core.returns.withdrawal.model import Declaration
from core.services import Services
from core.stores.platform_access import store_by_id

A_DAY = 3
"""So many receipts a day go to an address that was typed."""
KIND = "declaration_receipt"


def address_of(typed: str) -> str:
    """Give the e-mail address in what was typed, "" where it is none."""
    address = typed.strip()[:320]
    name, _, domain = address.partition("@")
    return address if name and "." in domain and not set(address) & set(" ,;<>\r\n") else ""


def may_mail(session: Session, email_key: str, *, apart_from: int = 0, now: datetime) -> bool:
    """Say whether another receipt may be mailed to the address of this digest today; one row is not counted."""
    if not email_key:
        return False
    since = now - timedelta(days=1)
    copies = sa.select(sa.func.count()).where(
        Withdrawal.receipt_key == email_key, Withdrawal.declared_at > since, Withdrawal.id != apart_from
    )
    declared = sa.select(sa.func.count()).where(
        Declaration.email_key == email_key, Declaration.declared_at > since, Declaration.mailed.is_(True)
    )
    return (session.scalar(copies) or 0) + (session.scalar(declared) or 0) < A_DAY


def mail_copy(session: Session, row: Withdrawal, *, now: datetime) -> None:
    """Promise the receipt to the other address a shopper gave, once; it is forgotten where it had three today."""
    if not may_mail(session, row.receipt_key, apart_from=row.id, now=now):
        row.receipt_to = row.receipt_key = ""
        return
    queue.enqueue(session, row.store_id, _promised("withdrawal", row.id), now=now)


def mail_declared(session: Session, row: Declaration, *, now: datetime) -> None:
    """Promise the receipt of a declaration to the address it gives, once."""
    queue.enqueue(session, row.store_id, _promised("declaration", row.id), now=now)


def _promised(of: str, row_id: int) -> NewJob:
    return NewJob("returns.send_receipt", f"receipt:{of}:{row_id}", {of: row_id}, once=True)


def send_receipt(work: Work) -> None:
    """Mail a receipt; an address that refuses it has nobody to tell, and staff see that it did not leave."""
    services: Services = work.services
    with services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
        row = _row_of(session, work)
        if row is None or not row.receipt:  # erased meanwhile
            return
        spoken, to = _language_and_address(session, row)
    assert row.declared_at is not None
    sender, zone = sender_of(services, store), ZoneInfo(store.timezone)
    language = negotiate(spoken, store.language)
    facts = ReturnLetter(
        today=work.now.astimezone(zone).date(),
        store_name=sender.name,
        store_address=sender.postal,
        support_email=sender.support,
        legal_lines=sender.legal,
        withdrawal=row.number,
        cancels=says_cancel(store.country if isinstance(row, Declaration) else row.country),
        declared_at=row.declared_at.astimezone(zone),
        receipt_text=row.receipt,
        receipt_hash=row.receipt_hash,
    )
    envelope = Envelope(to, 0, KIND, f"<receipt.{store.id:x}.{row.id:x}@{domain_of(services)}>", language)
    work.check_lease()
    try:
        deliver(services, store, write(KIND, facts, language), envelope, at=work.now)
    except MailUnavailable as error:
        raise Unavailable(error.reason) from error
    except (MailRefused, BadAddress):
        return
    with work.done() as session:
        sent = _row_of(session, work)
        if isinstance(sent, Declaration) and sent.acknowledged_at is None:
            sent.acknowledged_at = work.now


def _row_of(session: Session, work: Work) -> Withdrawal | Declaration | None:
    if "withdrawal" in work.payload:
        return session.get(Withdrawal, (work.store_id, work.payload["withdrawal"]))
    return session.get(Declaration, (work.store_id, work.payload["declaration"]), with_for_update=True)


def _language_and_address(session: Session, row: Withdrawal | Declaration) -> tuple[str, str]:
    if isinstance(row, Declaration):
        return row.language, row.email
    return session.get_one(Order, (row.store_id, row.order_id)).language, row.receipt_to


JOBS = {"returns.send_receipt": Kind(send_receipt, attempts=12)}
