"""The mails that a case's messages came in, kept as they came, sealed: what was cut from a message is in them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.conversations.model import CaseMail, Message
from core.db.base import new_id
from core.secrets import Keyring, Unsealable

_PURPOSE = "case_mail"
_AT_ONCE = 5
"""Mails that are sealed anew in one transaction; each may have 40 MB."""


def keep_mail(session: Session, keyring: Keyring, message: Message, raw: bytes) -> CaseMail:
    """Keep the mail a message came in, with its case and for as long."""
    row = CaseMail(id=new_id(), case_id=message.case_id, message_id=message.id, sealed=b"")
    row.sealed = keyring.seal(zlib.compress(raw, 1), store_id=message.store_id, purpose=_PURPOSE)
    session.add(row)
    return row


def open_mail(keyring: Keyring, row: CaseMail) -> bytes:
    """Give a kept mail as it came; nothing for one that was erased. Raises Unsealable where its key is gone."""
    if not row.sealed:
        return b""
    return zlib.decompress(keyring.open(row.sealed, store_id=row.store_id, purpose=_PURPOSE))


def mails_of(session: Session, case_id: int) -> Sequence[CaseMail]:
    """List the mails kept with a case, the oldest first."""
    return session.scalars(sa.select(CaseMail).where(CaseMail.case_id == case_id).order_by(CaseMail.id)).all()


def renew_seals(session: Session, keyring: Keyring, after: int) -> tuple[int, int]:
    """Seal with the first key what an older one sealed, some mails at a time, beginning behind the id `after`.

    Gives how many changed and the id to go on behind, 0 at the end. What a key that left has sealed stays as it is.
    """
    stale = sa.select(CaseMail).where(_is_stale(keyring), CaseMail.id > after).order_by(CaseMail.id)
    rows, changed = session.scalars(stale.limit(_AT_ONCE).with_for_update()).all(), 0
    for row in rows:
        try:
            plain = keyring.open(row.sealed, store_id=row.store_id, purpose=_PURPOSE)
        except Unsealable:
            continue
        row.sealed = keyring.seal(plain, store_id=row.store_id, purpose=_PURPOSE)
        changed += 1
    return changed, rows[-1].id if len(rows) == _AT_ONCE else 0


def count_stale_mails(session: Session, keyring: Keyring) -> int:
    """Count the mails that another key than the first sealed."""
    return session.scalar(sa.select(sa.func.count(CaseMail.id)).where(_is_stale(keyring))) or 0


def _is_stale(keyring: Keyring) -> sa.ColumnElement[bool]:
    mark = keyring.seal_mark
    begins = sa.func.substr(CaseMail.sealed, 1, len(mark), type_=sa.LargeBinary)
    return sa.and_(CaseMail.sealed != b"", begins != mark)
